// TLS 1.3 settings for one side of a connection (RFC 8446), as an OpenSSL SSL_CTX behind an opaque
// pointer; `net` runs connections on it. No older version, no resumption: every connection proves
// both ends anew.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/secret.h"
#include "crypto/x509.h"

namespace writ::crypto {

// A certificate chain (leaf first) with the key of its leaf. An empty chain: no certificate.
struct TlsIdentity {
  std::string chain_pem;
  Secret key_pem;
};

// Whether a server lets in clients that show no certificate. One that is shown must be valid.
enum class ClientCertificate { kRequired, kOptional };

// Whom a client accepts as its server: exactly this SPIFFE ID …
struct ExpectSpiffe {
  std::string id;
};
// … any SPIFFE ID of this trust domain below this path prefix ("/server/") …
struct ExpectSpiffePrefix {
  std::string prefix;
};
// … or a DNS name or IP address among its SANs, in an ordinary (non-SPIFFE) certificate.
struct ExpectHost {
  std::string name;
};
using ExpectedServer = std::variant<ExpectSpiffe, ExpectSpiffePrefix, ExpectHost>;

// Immutable and thread-safe; `clock` must outlive it.
class TlsContext {
 public:
  // Clients are verified as X.509-SVIDs against `roots_pem`, at the clock's time.
  static Result<std::shared_ptr<const TlsContext>> server(const TlsIdentity& identity,
                                                          const std::string& roots_pem,
                                                          ClientCertificate client,
                                                          const Clock& clock);
  // `identity` may be empty.
  static Result<std::shared_ptr<const TlsContext>> client(const TlsIdentity& identity,
                                                          const std::string& roots_pem,
                                                          const ExpectedServer& expected,
                                                          const Clock& clock);
  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  void* native() const;  // SSL_CTX*, owned by this object

 private:
  struct State;
  explicit TlsContext(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// A connection over a connected, non-blocking socket that the caller owns (doors: see TlsSocket for
// why theirs is another). Not thread-safe; up to 40 KB while busy. Never blocks or raises SIGPIPE.
class TlsSession {
 public:
  enum class Outcome {
    kDone,
    kWantRead,   // call again when the socket is readable
    kWantWrite,  // … writable
    kClosed,     // the other side closed properly
    kFailed,     // see failure()
  };
  struct Moved {
    Outcome outcome = Outcome::kDone;
    std::size_t bytes = 0;  // above zero when kDone
  };
  enum class Role { kServer, kClient };

  TlsSession(std::shared_ptr<const TlsContext> context, int socket, Role role);
  ~TlsSession();
  TlsSession(TlsSession&&) noexcept;

  // Takes these bytes of the other side before anything else is asked of the session; they must
  // stay until a call answers kWantRead. From the first call on nothing is read from the socket:
  // who waits for it with an event loop can read from it for nothing.
  void feed(std::string_view bytes);
  // The other side has ended its stream; after the last `feed`.
  void feed_end();
  // Keeps the buffers between calls, which costs 34 KB and saves time, until free_buffers.
  void keep_buffers();
  // Frees what is empty of them; they come back when they are needed.
  void free_buffers();
  // Names the server wanted (SNI, RFC 6066); addresses are left out. Before handshake.
  void offer_server_name(const std::string& host);
  // Names the protocols that this side speaks (ALPN, RFC 7301), each of 1 to 255 bytes, the one it
  // prefers first. A server then refuses a client that names only others, and lets in one that
  // names none. Before handshake.
  void speak(std::initializer_list<std::string_view> protocols);
  Outcome handshake();
  Moved read(char* into, std::size_t size);
  // May write less than asked for; repeat with the rest.
  Moved write(const char* from, std::size_t size);
  // True when read may find bytes without the socket becoming readable, or more being fed.
  bool has_buffered() const;
  // Tells the other side that no more follows, if that can be done without waiting.
  void close_notify();

  // After the handshake; null when the other side showed no certificate.
  std::shared_ptr<const Certificate> peer() const;
  // After the handshake: the protocol that both sides speak; empty when one of them named none.
  std::string_view protocol() const;
  // What went wrong: kUnauthenticated for refused certificates (theirs or ours), else kUnavailable.
  const Error& failure() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// The other side's verified certificate after the handshake; null when it showed none. `ssl` is an
// SSL*.
Result<std::shared_ptr<const Certificate>> peer_certificate(void* ssl);
// What an SSL* speaks, as the list on the wire (RFC 7301 section 3.1), for its context to choose
// from; it outlives the handshake.
void set_spoken(void* ssl, const std::string& protocols);
// Why the handshake refused the other side's certificate; empty when it did not.
std::string verify_failure(void* ssl);
// True for an OpenSSL error number that says that the other side refused our certificate.
bool is_certificate_refusal(unsigned long number);

}  // namespace writ::crypto
