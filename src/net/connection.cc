#include "net/connection.h"

#include <atomic>

#include "net/http1.h"
#include "net/http2.h"

namespace writ::net {
namespace {

constexpr std::string_view kHttp2 = "h2", kHttp1 = "http/1.1";
constexpr Millis kLastWords{1'000};

std::uint64_t next_id() {
  static std::atomic<std::uint64_t> last{0};
  return ++last;
}

std::string address_text(const tcp::socket& socket) {
  boost::system::error_code error;
  const auto end = socket.remote_endpoint(error);
  return error ? std::string() : end.address().to_string();
}

}  // namespace

Connection::Connection(std::shared_ptr<Loop> loop, tcp::socket socket)
    : TlsPipe(std::move(socket)), loop_(std::move(loop)), source_(address_text(this->socket())) {
  caller_.source = source_;
  caller_.connection = next_id();
  caller_.thread_index = loop_->index;
  loop_->served.open.fetch_add(1, std::memory_order_relaxed);
}

Connection::~Connection() {
  loop_->served.open.fetch_sub(1, std::memory_order_relaxed);
}

void Connection::start() {
  deadline_ = steady_now() + served().options.handshake_time;
  secure(served().tls->current(), crypto::TlsSession::Role::kServer, {}, {kHttp2, kHttp1});
}

void Connection::on_secured() {
  caller_.peer = peer();
  if (retiring_) return close_soon(Ending::kAtOnce);
  if (protocol() == kHttp2) {
    protocol_ = std::make_unique<Http2>(*this);
  } else {
    protocol_ = std::make_unique<Http1>(*this);
  }
  protocol_->begin();
}

void Connection::on_input() {
  protocol_->on_input();
}

void Connection::on_drained() {
  if (!is_closing_) protocol_->on_drained();
}

void Connection::on_broken(const Error& why) {
  const auto self = shared_from_this();
  is_closing_ = true;
  if (protocol_) protocol_->on_broken(why);
  loop_->remove(*this);
}

void Connection::answer(std::uint64_t request, Loop::Answer answer) {
  if (loop_->is_this_thread()) return complete(request, std::move(answer));
  loop_->deliver(self(), request, std::move(answer));
}

void Connection::complete(std::uint64_t request, Loop::Answer answer) {
  protocol_->complete(request, std::move(answer));
}

void Connection::settle() {
  if (!is_dead() && !is_closing_) protocol_->settle();
}

void Connection::tick(SteadyTime now) {
  if (protocol_ && !is_closing_) return protocol_->tick(now);
  if (now >= deadline_) break_off({Code::kUnavailable, "the client is too slow", {}});
}

void Connection::retire() {
  retiring_ = true;
  if (protocol_ && !is_closing_) protocol_->retire();
}

void Connection::close_soon(Ending ending) {
  is_closing_ = true;
  deadline_ = steady_now() + kLastWords;
  finish(ending);
}

}  // namespace writ::net
