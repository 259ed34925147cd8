#include "net/http2.h"

#include <nghttp2/nghttp2.h>

#include <algorithm>

namespace writ::net {
namespace {

constexpr std::size_t kFlushAt = 64 * 1024;
constexpr Millis kLingering{1'000};  // idle for longer, a connection gives its buffers back
constexpr unsigned kStreamsOfUnknown = 10;

}  // namespace

Http2Limits Http2::limits_of(const Connection& connection) {
  const HttpServerOptions& options = connection.served().options;
  Http2Limits limits{.streams = options.streams,
                     .header_bytes = options.header_bytes,
                     .bodies = RouteLimits().body,
                     .header_time = options.header_time,
                     .body_time = options.body_time,
                     .write_time = options.write_time};
  if (connection.caller().peer == nullptr) {
    limits.streams = std::min(limits.streams, kStreamsOfUnknown);
    return limits;
  }
  for (const Route& route : connection.served().routes) {
    limits.bodies = std::max(limits.bodies, route.limits.body);
  }
  return limits;
}

Http2::Http2(Connection& connection)
    : connection_(connection),
      served_(connection.served()),
      idle_since_(steady_now()),
      session_(*this, connection.caller(), limits_of(connection), idle_since_) {}

void Http2::begin() {
  settle();
}

void Http2::on_input() {
  is_reading_ = false;
  is_asked_to_settle_ = true;  // it will, below
  const SteadyTime now = steady_now();
  session_.receive(connection_.input(), now);
  connection_.input().clear();
  if (!session_.is_idle()) idle_since_ = now;
  settle();
}

void Http2::on_drained() {
  write_by_ = SteadyTime::max();
  settle();
}

void Http2::settle() {
  is_asked_to_settle_ = false;
  if (write_by_ != SteadyTime::max()) return;  // on_drained goes on
  do {
    session_.write(connection_.output(), kFlushAt);
    if (connection_.unsent() == 0) break;
    if (connection_.flush() == TlsPipe::Flushed::kWaiting) {
      write_by_ = steady_now() + served_.options.write_time;
      return;
    }
  } while (!connection_.is_dead());
  if (connection_.is_dead()) return;
  if (session_.is_over()) return connection_.close_soon(TlsPipe::Ending::kDrain);
  if (!std::exchange(is_reading_, true)) connection_.read_more();
}

void Http2::on_head(Http2Session::Stream& stream) {
  const Request& request = stream.request;
  stream.match = served_.router.match(request.method, request.path);
  stream.body_limit = served_.body_limit(stream.match, request);
  if (stream.match.status != 200) {
    session_.refuse(stream, refusal(stream.match));
  } else if (served_.has_expired(request)) {
    session_.refuse(stream, error_response(certificate_expired()));
    session_.go_away();
  } else if (served_.route_of(stream.match).stream != nullptr) {
    session_.reset(stream, NGHTTP2_HTTP_1_1_REQUIRED);
  }
}

void Http2::on_request(Http2Session::Stream& stream) {
  Responder responder(connection_.self(), static_cast<std::uint64_t>(stream.id));
  if (served_.has_expired(stream.request)) {
    responder.send_error(certificate_expired());
    return session_.go_away();
  }
  stream.request.params = std::move(stream.match.params);
  served_.handle(served_.route_of(stream.match), stream.request, std::move(responder));
}

void Http2::complete(std::uint64_t request, Loop::Answer answer) {
  auto* response = std::get_if<Response>(&answer);
  if (response == nullptr || connection_.is_dead()) return;
  session_.answer(static_cast<std::int32_t>(request), std::move(*response), steady_now());
  if (!std::exchange(is_asked_to_settle_, true))
    connection_.loop()->settle_later(connection_.self());
}

void Http2::tick(SteadyTime now) {
  if (now >= write_by_) {
    return connection_.break_off({Code::kUnavailable, "the client is too slow", {}});
  }
  session_.tick(now);
  if (!session_.is_idle()) {
    idle_since_ = now;
  } else {
    if (now - idle_since_ >= kLingering) {
      session_.free_buffers();
      connection_.free_buffers();
    }
    if (now - idle_since_ >= served_.options.idle_time ||
        served_.has_expired(connection_.caller())) {
      session_.go_away();
    }
  }
  settle();
}

void Http2::retire() {
  session_.go_away();
  settle();
}

}  // namespace writ::net
