#include "net/tls_pipe.h"

#include <boost/asio/buffer.hpp>
#include <utility>

namespace writ::net {
namespace {

constexpr std::size_t kRecord = 16 * 1024;  // the largest TLS record
constexpr std::size_t kKeptBuffer = 64 * 1024;

}  // namespace

void TlsPipe::secure(std::shared_ptr<const crypto::TlsContext> context,
                     crypto::TlsSession::Role role, const std::string& server_name,
                     std::initializer_list<std::string_view> protocols) {
  boost::system::error_code ignored;
  socket_.non_blocking(true, ignored);
  socket_.set_option(tcp::no_delay(true), ignored);
  role_ = role;
  session_.emplace(std::move(context), socket_.native_handle(), role);
  session_->feed({});
  if (role == crypto::TlsSession::Role::kServer) session_->keep_buffers();
  if (!server_name.empty()) session_->offer_server_name(server_name);
  if (protocols.size() > 0) session_->speak(protocols);
  step_handshake();
}

void TlsPipe::step_handshake() {
  const Outcome outcome = session_->handshake();
  if (outcome == Outcome::kFailed && role_ == crypto::TlsSession::Role::kServer) {
    // OpenSSL has sent an alert. Closing with unread bytes would destroy it on its way.
    end_ = session_->failure();
    return begin_draining();
  }
  if (outcome != Outcome::kDone) return wait_for(outcome);
  secured_ = true;
  on_secured();
}

void TlsPipe::wait_for(Outcome outcome) {
  switch (outcome) {
    case Outcome::kWantRead:
      return wait_readable();
    case Outcome::kWantWrite:
      return wait_writable();
    case Outcome::kClosed:
      return break_off({Code::kUnavailable, "the other side closed the connection", {}});
    default:
      return break_off(session_->failure());
  }
}

void TlsPipe::read_more() {
  wants_input_ = true;
  pump();
}

void TlsPipe::pump() {
  if (pumping_ || draining_) return;
  pumping_ = true;
  while (wants_input_ && !dead_ && !draining_) {
    // Asking the loop is cheaper than asking the session again for nothing.
    if (std::exchange(drained_, false)) {
      wait_readable();
      break;
    }
    char bytes[kRecord];
    const auto moved = session_->read(bytes, sizeof bytes);
    if (moved.outcome != Outcome::kDone) {
      wait_for(moved.outcome);
      break;
    }
    drained_ = !session_->has_buffered();
    wants_input_ = false;
    input_.append(bytes, moved.bytes);
    on_input();
  }
  pumping_ = false;
}

TlsPipe::Flushed TlsPipe::flush() {
  while (!dead_ && !draining_ && secured_ && sent_ < output_.size()) {
    const auto moved = session_->write(output_.data() + sent_, output_.size() - sent_);
    if (moved.outcome != Outcome::kDone) {
      wait_for(moved.outcome);
      return Flushed::kWaiting;
    }
    sent_ += moved.bytes;
  }
  output_.clear();
  sent_ = 0;
  if (output_.capacity() > kKeptBuffer) output_.shrink_to_fit();
  return Flushed::kAll;
}

void TlsPipe::free_buffers() {
  if (!secured_ || dead_) return;
  session_->free_buffers();
  if (input_.empty()) input_.shrink_to_fit();
  if (output_.empty()) output_.shrink_to_fit();
}

void TlsPipe::finish(Ending ending) {
  if (dead_ || ending_) return;
  ending_ = ending;
  if (flush() == Flushed::kAll && !dead_) end_properly();
}

void TlsPipe::end_properly() {
  if (session_) session_->close_notify();
  if (*ending_ == Ending::kAtOnce) return break_off(end_);
  begin_draining();
}

void TlsPipe::begin_draining() {
  boost::system::error_code ignored;
  socket_.shutdown(tcp::socket::shutdown_send, ignored);
  draining_ = true;
  drain();
}

void TlsPipe::drain() {
  boost::system::error_code error;
  char bytes[kRecord];
  while (!error) socket_.read_some(asio::buffer(bytes), error);
  if (error == asio::error::would_block) return wait_readable();
  break_off(end_);
}

void TlsPipe::break_off(const Error& why) {
  if (dead_) return;
  const auto self = shared_from_this();
  dead_ = true;
  boost::system::error_code ignored;
  socket_.close(ignored);
  on_broken(why);
}

// The loop reads as soon as there is something: a wait and then a read would be two calls into the
// system more.
void TlsPipe::wait_readable() {
  if (waiting_read_) return;
  waiting_read_ = true;
  socket_.async_read_some(
      asio::buffer(raw_),
      [self = shared_from_this()](const boost::system::error_code& error, std::size_t size) {
        self->waiting_read_ = false;
        if (self->dead_) return;
        if (self->draining_) return self->drain();
        if (error == asio::error::eof) {
          self->session_->feed_end();
        } else if (error) {
          return self->break_off({Code::kUnavailable, error.message(), {}});
        } else {
          self->session_->feed({self->raw_.data(), size});
        }
        self->readable();
      });
}

void TlsPipe::wait_writable() {
  if (waiting_write_) return;
  waiting_write_ = true;
  socket_.async_wait(tcp::socket::wait_write,
                     [self = shared_from_this()](const boost::system::error_code& error) {
                       self->waiting_write_ = false;
                       if (self->dead_) return;
                       if (error) return self->break_off({Code::kUnavailable, error.message(), {}});
                       self->writable();
                     });
}

void TlsPipe::readable() {
  if (!secured_) return step_handshake();
  pump();
}

void TlsPipe::writable() {
  if (!secured_) return step_handshake();
  if (flush() == Flushed::kWaiting || dead_) return;
  if (ending_) return end_properly();
  on_drained();
}

}  // namespace writ::net
