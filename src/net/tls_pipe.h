// One TLS connection on an event loop: bytes in, bytes out, one end. Both sides' HTTP and line
// streams stand on it. For the .cc files of this room alone.
//
// Everything happens on the loop's thread. `on_broken` is called exactly once, last.
#pragma once

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "crypto/tls.h"

namespace writ::net {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;

// Timeouts are about the machine, not about validity, so they run on its own steady clock, as
// Asio's timers do.
using SteadyTime = std::chrono::steady_clock::time_point;
inline SteadyTime steady_now() {
  return std::chrono::steady_clock::now();
}

class TlsPipe : public std::enable_shared_from_this<TlsPipe> {
 public:
  explicit TlsPipe(tcp::socket socket) : socket_(std::move(socket)) {}
  virtual ~TlsPipe() = default;
  TlsPipe(const TlsPipe&) = delete;
  TlsPipe& operator=(const TlsPipe&) = delete;

  // Begins the handshake on the connected socket; on_secured or on_broken follows. `protocols`:
  // that this side speaks, the one it prefers first; none: nothing is said of it.
  void secure(std::shared_ptr<const crypto::TlsContext> context, crypto::TlsSession::Role role,
              const std::string& server_name = {},
              std::initializer_list<std::string_view> protocols = {});

  // on_input follows when there is more in input(), or on_broken. Asking twice is asking once.
  void read_more();
  // Bytes received and not yet taken; whoever takes them erases them.
  std::string& input() { return input_; }

  // Bytes to send with the next flush.
  std::string& output() { return output_; }
  std::size_t unsent() const { return output_.size() - sent_; }
  enum class Flushed { kAll, kWaiting };
  // Sends what the socket takes; when something is left, on_drained follows after the rest.
  Flushed flush();

  // Gives memory back that an idle connection need not hold.
  void free_buffers();

  // Sends what is queued, then ends properly. kDrain: goes on reading (and forgetting) until the
  // other side closes, so that what it is still sending does not destroy our last words; the owner
  // breaks it off when that takes too long.
  enum class Ending { kAtOnce, kDrain };
  void finish(Ending ending);
  // Ends now.
  void break_off(const Error& why);
  bool is_dead() const { return dead_; }

  std::shared_ptr<const crypto::Certificate> peer() const {
    return session_ ? session_->peer() : nullptr;
  }
  // After on_secured: the protocol that both sides named; empty when there was none.
  std::string_view protocol() const { return session_->protocol(); }

 protected:
  virtual void on_secured() = 0;
  virtual void on_input() = 0;
  virtual void on_drained() = 0;
  virtual void on_broken(const Error& why) = 0;

  tcp::socket& socket() { return socket_; }

 private:
  using Outcome = crypto::TlsSession::Outcome;
  static constexpr std::size_t kRaw = 4096;  // a request or two; an idle connection keeps it

  void step_handshake();
  void pump();
  void begin_draining();
  void drain();
  void end_properly();
  void wait_readable();
  void wait_writable();
  void readable();
  void writable();
  // Handles an outcome other than kDone.
  void wait_for(Outcome outcome);

  tcp::socket socket_;
  std::array<char, kRaw> raw_;  // what the socket gave last, until the session took it
  std::optional<crypto::TlsSession> session_;
  std::string input_;
  std::string output_;
  std::size_t sent_ = 0;  // of output_
  bool secured_ = false;
  bool wants_input_ = false;
  bool pumping_ = false;
  bool drained_ = false;  // the last read took all there was
  bool waiting_read_ = false;
  bool waiting_write_ = false;
  bool draining_ = false;
  crypto::TlsSession::Role role_ = crypto::TlsSession::Role::kServer;
  Error end_{
      Code::kUnavailable, "the connection was closed", {}};  // what on_broken hears after draining
  bool dead_ = false;
  std::optional<Ending> ending_;
};

}  // namespace writ::net
