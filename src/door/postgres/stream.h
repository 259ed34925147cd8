// One TCP connection on the door's event loop, in clear or with TLS. Never blocks; the caller asks
// to be called when the socket is ready and tries again.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "crypto/tls_socket.h"

namespace boost::asio {
class io_context;
}

namespace writ::door::postgres {

// Not thread-safe: everything on the loop's thread.
class Stream {
 public:
  using Io = crypto::TlsSocket::Io;
  using Count = crypto::TlsSocket::Count;
  using Call = std::function<void()>;

  // Takes a connected socket over and makes it non-blocking.
  Stream(boost::asio::io_context& io, int socket);
  ~Stream();
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  // Connects to a name or address. The stream's first call of `done` may be an error of
  // kUnavailable. Never calls before it returns.
  static void connect(boost::asio::io_context& io, const std::string& host, std::uint16_t port,
                      std::function<void(Result<std::unique_ptr<Stream>>)> done);

  // Called once, later, when the socket is ready (or broken: the next operation says so). Asked for
  // again while it is outstanding, the newer call replaces the older. Never after close or reset.
  void when_readable(Call call);
  void when_writable(Call call);

  // In clear.
  Count peek(char* to, std::size_t most);
  Count read_clear(char* to, std::size_t most);
  Io write_clear(std::string_view bytes);  // short messages: kWantWrite is a failure here

  void start_tls(std::shared_ptr<const crypto::SocketTls> settings);
  crypto::TlsSocket& tls() { return *tls_; }
  bool has_tls() const { return tls_ != nullptr; }

  // Bytes that the kernel holds and has not yet sent.
  std::size_t unsent() const;
  // Says that nothing more will be written.
  void close_write();
  // Closes; what the kernel still holds is delivered.
  void close();
  // Closes at once; what the kernel still holds is thrown away, and the other side sees a reset.
  void reset();
  bool is_open() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
  std::unique_ptr<crypto::TlsSocket> tls_;
};

}  // namespace writ::door::postgres
