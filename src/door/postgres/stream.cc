#include "door/postgres/stream.h"

#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <cerrno>

#include "net/asio.h"

namespace writ::door::postgres {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

// A peer that vanished is noticed within about this time.
constexpr int kKeepaliveIdleS = 30;
constexpr int kKeepaliveEveryS = 10;
constexpr int kKeepaliveTries = 3;
constexpr int kUserTimeoutMs = 60'000;

void prepare(int socket) {
  const int on = 1;
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ::setsockopt(socket, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  ::setsockopt(socket, IPPROTO_TCP, TCP_KEEPIDLE, &kKeepaliveIdleS, sizeof kKeepaliveIdleS);
  ::setsockopt(socket, IPPROTO_TCP, TCP_KEEPINTVL, &kKeepaliveEveryS, sizeof kKeepaliveEveryS);
  ::setsockopt(socket, IPPROTO_TCP, TCP_KEEPCNT, &kKeepaliveTries, sizeof kKeepaliveTries);
  ::setsockopt(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, &kUserTimeoutMs, sizeof kUserTimeoutMs);
  ::fcntl(socket, F_SETFL, ::fcntl(socket, F_GETFL) | O_NONBLOCK);
}

Stream::Count receive(int socket, char* to, std::size_t most, int flags) {
  while (true) {
    const ssize_t n = ::recv(socket, to, most, flags | MSG_DONTWAIT);
    if (n > 0) return {Stream::Io::kDone, static_cast<std::size_t>(n)};
    if (n == 0) return {Stream::Io::kClosed, 0};
    if (errno == EINTR) continue;
    if (errno == EAGAIN || errno == EWOULDBLOCK) return {Stream::Io::kWantRead, 0};
    return {Stream::Io::kFailed, 0};
  }
}

// Keeps resolver and socket until one address took the connection.
struct Connecting : std::enable_shared_from_this<Connecting> {
  Connecting(asio::io_context& loop, std::string where,
             std::function<void(Result<std::unique_ptr<Stream>>)> call)
      : io(loop), resolver(loop), socket(loop), place(std::move(where)), done(std::move(call)) {}

  void run(const std::string& host, const std::string& port) {
    boost::system::error_code error;
    const auto address = asio::ip::make_address(host, error);
    if (!error) {
      const tcp::endpoint endpoint(address, static_cast<std::uint16_t>(std::stoi(port)));
      socket.async_connect(endpoint, [self = shared_from_this()](const auto& e) { self->end(e); });
      return;
    }
    resolver.async_resolve(
        host, port, [self = shared_from_this()](const auto& e, const auto& found) {
          if (e) return self->end(e);
          asio::async_connect(self->socket, found,
                              [self](const auto& failed, const auto&) { self->end(failed); });
        });
  }
  void end(const boost::system::error_code& error) {
    if (error)
      return done(fail(Code::kUnavailable, "connecting to " + place + ": " + error.message()));
    boost::system::error_code ignored;
    const int fd = socket.release(ignored);
    done(std::make_unique<Stream>(io, fd));
  }

  asio::io_context& io;
  tcp::resolver resolver;
  tcp::socket socket;
  std::string place;
  std::function<void(Result<std::unique_ptr<Stream>>)> done;
};

}  // namespace

struct Stream::State {
  State(asio::io_context& io, int fd) : descriptor(io, fd), socket(fd) {}

  asio::posix::stream_descriptor descriptor;
  const int socket;
  Call readable;
  Call writable;
  bool reading = false;  // a wait is outstanding
  bool writing = false;
};

Stream::Stream(asio::io_context& io, int socket) {
  prepare(socket);
  state_ = std::make_shared<State>(io, socket);
}

Stream::~Stream() {
  close();
}

void Stream::connect(asio::io_context& io, const std::string& host, std::uint16_t port,
                     std::function<void(Result<std::unique_ptr<Stream>>)> done) {
  std::make_shared<Connecting>(io, host + ":" + std::to_string(port), std::move(done))
      ->run(host, std::to_string(port));
}

void Stream::when_readable(Call call) {
  if (!is_open()) return;
  state_->readable = std::move(call);
  if (std::exchange(state_->reading, true)) return;
  state_->descriptor.async_wait(asio::posix::stream_descriptor::wait_read,
                                [state = state_](const boost::system::error_code&) {
                                  state->reading = false;
                                  if (!state->descriptor.is_open()) return;
                                  if (const Call ready = std::exchange(state->readable, {}))
                                    ready();
                                });
}

void Stream::when_writable(Call call) {
  if (!is_open()) return;
  state_->writable = std::move(call);
  if (std::exchange(state_->writing, true)) return;
  state_->descriptor.async_wait(asio::posix::stream_descriptor::wait_write,
                                [state = state_](const boost::system::error_code&) {
                                  state->writing = false;
                                  if (!state->descriptor.is_open()) return;
                                  if (const Call ready = std::exchange(state->writable, {}))
                                    ready();
                                });
}

Stream::Count Stream::peek(char* to, std::size_t most) {
  return receive(state_->socket, to, most, MSG_PEEK);
}
Stream::Count Stream::read_clear(char* to, std::size_t most) {
  return receive(state_->socket, to, most, 0);
}

Stream::Io Stream::write_clear(std::string_view bytes) {
  const ssize_t n = ::send(state_->socket, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  return n == static_cast<ssize_t>(bytes.size()) ? Io::kDone : Io::kFailed;
}

void Stream::start_tls(std::shared_ptr<const crypto::SocketTls> settings) {
  tls_ = std::make_unique<crypto::TlsSocket>(std::move(settings), state_->socket);
}

std::size_t Stream::unsent() const {
  int bytes = 0;
  if (!is_open() || ::ioctl(state_->socket, SIOCOUTQNSD, &bytes) != 0) return 0;
  return static_cast<std::size_t>(bytes);
}

void Stream::close_write() {
  if (!is_open()) return;
  if (tls_) tls_->close_write();
  ::shutdown(state_->socket, SHUT_WR);
}

void Stream::close() {
  if (!is_open()) return;
  tls_.reset();
  state_->readable = {};
  state_->writable = {};
  boost::system::error_code ignored;
  state_->descriptor.close(ignored);
}

void Stream::reset() {
  if (!is_open()) return;
  const linger now{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(state_->socket, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  close();
}

bool Stream::is_open() const {
  return state_->descriptor.is_open();
}

}  // namespace writ::door::postgres
