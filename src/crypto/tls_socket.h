// TLS directly on a non-blocking TCP socket, without an event loop: for protocols that turn to TLS
// in the middle, for others' servers, and for many idle connections. An idle one holds no buffers.
//
// Why this is another than TlsSession (crypto/tls.h): a door passes bulk data between two sockets
// and must know what the other side did not take yet. So `write` takes all, encrypts it into a
// buffer that is kept here and sends several records with one call; TlsSession writes each record
// to the socket by itself and leaves the rest with the caller, which suits short messages and
// `net`'s own queues. Databases need TLS 1.2 and certificates by host; Writ's own ends need
// neither.
//
// Unlike TlsContext, nothing here judges the other side's SPIFFE ID: a server accepts any client
// certificate whose key the client proves to hold (or none), so that it can refuse in its own
// protocol's words. The caller must pass `peer_chain` to `verify` before it believes anything.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "crypto/tls.h"
#include "crypto/x509.h"

namespace writ::crypto {

// Settings for many sockets. Immutable and thread-safe.
class SocketTls {
 public:
  // TLS 1.3. Picks `alpn` when the client offers it, refuses a client that offers only others.
  static Result<std::shared_ptr<const SocketTls>> server(const TlsIdentity& identity,
                                                         std::string alpn);
  // TLS 1.2 or 1.3, to servers that Writ does not run. With roots, the certificate must lead to one
  // of them and name `host` (a DNS name or an address); without, any is taken.
  static Result<std::shared_ptr<const SocketTls>> client(const std::string& roots_pem,
                                                         std::string host);
  ~SocketTls();
  SocketTls(const SocketTls&) = delete;
  SocketTls& operator=(const SocketTls&) = delete;

 private:
  friend class TlsSocket;
  struct State;
  explicit SocketTls(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// One connection. Not thread-safe. Does not own the socket.
class TlsSocket {
 public:
  enum class Io {
    kDone,       // all that was asked, or as much as `count` says
    kWantRead,   // wait until the socket is readable, then call again
    kWantWrite,  // wait until it is writable
    kClosed,     // the other side ended the stream properly
    kFailed,     // broken; see error()
  };
  struct Count {
    Io io = Io::kDone;
    std::size_t count = 0;
  };

  TlsSocket(std::shared_ptr<const SocketTls> settings, int socket);
  ~TlsSocket();
  TlsSocket(const TlsSocket&) = delete;
  TlsSocket& operator=(const TlsSocket&) = delete;

  Io handshake();
  // Reads up to `most` bytes. kDone: there were some, and may be more; kWantRead: these (perhaps
  // none) were all; another Io comes with none.
  Count read(char* to, std::size_t most);
  // Takes all of `bytes` and sends what the socket takes; the rest stays here, encrypted, for
  // `flush`. Call only while has_unsent() is false, and with at most 64 KB.
  Io write(std::string_view bytes);
  Io flush();
  bool has_unsent() const;
  // True when read() may have something without the socket becoming readable.
  bool has_unread() const;
  // Says properly that nothing more will be written.
  void close_write();

  // After the handshake: the other side's certificates, leaf first; empty when it showed none.
  Result<std::vector<Certificate>> peer_chain() const;
  std::string_view alpn() const;  // as agreed; empty when none was
  // Why the last call failed, for logs and messages.
  const std::string& error() const { return error_; }

 private:
  struct State;
  Io trouble(int result);

  std::unique_ptr<State> state_;
  std::string error_;
};

}  // namespace writ::crypto
