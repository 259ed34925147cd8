#include "net/http1.h"

#include <algorithm>
#include <charconv>

namespace writ::net {
namespace {

constexpr std::size_t kFlushAt = 64 * 1024;  // of answers to pipelined requests
constexpr Millis kLingering{1'000};          // idle for longer, a connection gives its buffers back

std::string_view reason(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 413:
      return "Content Too Large";
    case 426:
      return "Upgrade Required";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "Status";
  }
}

}  // namespace

Http1::Http1(Connection& connection)
    : connection_(connection),
      served_(connection.served()),
      reader_(MessageKind::kRequest, served_.options.header_bytes),
      request_(connection.caller()) {}

void Http1::begin() {
  wait_for_more();
}

void Http1::on_input() {
  if (phase_ == Phase::kStream) return line_->on_input();
  process();
}

void Http1::on_drained() {
  if (phase_ == Phase::kStream) return line_->on_drained();
  no_deadline();
  if (phase_ != Phase::kDraining) return;
  phase_ = Phase::kReading;
  process();
}

void Http1::on_broken(const Error& why) {
  phase_ = Phase::kClosing;
  if (line_) std::exchange(line_, nullptr)->on_broken(why);
}

void Http1::process() {
  if (processing_) return;
  processing_ = true;
  bool wants_input = false;
  while (phase_ == Phase::kReading && !wants_input && !connection_.is_dead()) {
    if (connection_.unsent() > kFlushAt && connection_.flush() == TlsPipe::Flushed::kWaiting) break;
    switch (reader_.feed(input())) {
      case MessageReader::Found::kMore:
        wants_input = true;
        break;
      case MessageReader::Found::kHead:
        take_head();
        break;
      case MessageReader::Found::kMessage:
        dispatch();
        break;
      case MessageReader::Found::kBad:
        keep_alive_ = false;
        if (in_body_) take_headers(input());
        refuse(error_response({Code::kInvalid, reader_.bad_message(), {}}, reader_.bad_status()));
        break;
    }
  }
  processing_ = false;
  if (connection_.is_dead() || phase_ == Phase::kStream) return;
  if (phase_ == Phase::kClosing) return connection_.close_soon(TlsPipe::Ending::kDrain);
  if (connection_.flush() == TlsPipe::Flushed::kWaiting) {
    if (connection_.is_dead()) return;
    if (phase_ == Phase::kReading) phase_ = Phase::kDraining;
    return set_deadline(served_.options.write_time);
  }
  if (connection_.is_dead()) return;
  if (phase_ == Phase::kHandling) return no_deadline();
  if (connection_.is_retiring() && input().empty()) {
    return connection_.close_soon(TlsPipe::Ending::kAtOnce);
  }
  wait_for_more();
}

// Deadlines are for the whole of a head and the whole of a body, however the bytes trickle in.
void Http1::wait_for_more() {
  if (!in_body_ && input().empty()) {
    head_begun_ = false;
    set_deadline(served_.options.idle_time);
  } else if (!in_body_ && !head_begun_) {
    head_begun_ = true;
    set_deadline(served_.options.header_time);
  }
  connection_.read_more();
}

void Http1::take_head() {
  const std::string& in = input();
  match_ = served_.router.match(reader_.method(in), path_of(reader_.target(in)));
  reader_.limit_body(served_.body_limit(match_, request_));
  in_body_ = true;
  set_deadline(served_.options.body_time);
  if (reader_.wants_continue() && match_.status == 200) {
    connection_.output() += "HTTP/1.1 100 Continue\r\n\r\n";
    connection_.flush();
  }
}

void Http1::take_headers(const std::string& in) {
  reader_.headers(in, request_.headers);
  const std::string_view id = request_.header("X-Request-ID");
  request_id_ = is_request_id(id) ? id : std::string_view();
}

void Http1::dispatch() {
  const std::string& in = input();
  take_headers(in);
  in_body_ = false;
  head_begun_ = false;
  keep_alive_ = reader_.keep_alive() && !connection_.is_retiring();
  is_head_ = reader_.method(in) == "HEAD";
  if (match_.status != 200) return refuse(refusal(match_));
  if (served_.has_expired(request_)) {
    keep_alive_ = false;
    return refuse(error_response(certificate_expired()));
  }
  const Route& route = served_.route_of(match_);
  const bool is_stream = route.stream != nullptr;
  if (is_stream && (is_head_ || reader_.upgrade(in) != kLineProtocol)) {
    keep_alive_ = false;
    Response response =
        error_response({Code::kInvalid, "this path wants \"Upgrade: writ-lines/1\"", {}}, 426);
    response.headers.emplace_back("Upgrade", kLineProtocol);
    return refuse(response);
  }

  const std::string_view target = reader_.target(in);
  request_.method = reader_.method(in);
  request_.path = path_of(target);
  request_.query = query_of(target);
  request_.body = reader_.body(in);
  request_.params = std::move(match_.params);

  phase_ = Phase::kHandling;
  Responder responder(connection_.self(), ++sequence_);
  if (is_stream) {
    served_.handle(route, request_, StreamOffer(std::move(responder)));
  } else {
    served_.handle(route, request_, std::move(responder));
  }
  reader_.next(input());
  if (phase_ == Phase::kStream) begin_stream();
}

void Http1::complete(std::uint64_t request, Loop::Answer answer) {
  const bool is_due = !connection_.is_dead() && phase_ == Phase::kHandling && request == sequence_;
  if (auto* line = std::get_if<std::shared_ptr<LineEnd>>(&answer)) {
    if (!is_due) {
      return (*line)->on_broken({Code::kUnavailable, "the client has gone", {}});
    }
    phase_ = Phase::kStream;
    no_deadline();
    connection_.output()
        .append("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ")
        .append(kLineProtocol)
        .append("\r\n\r\n");
    line_ = *line;
    line_->attach(connection_.self());
    // Inside dispatch the handler still uses the request's bytes; dispatch goes on.
    if (!processing_) begin_stream();
    return;
  }
  if (!is_due) return;
  put(std::get<Response>(answer));
  phase_ = keep_alive_ && !connection_.is_retiring() ? Phase::kReading : Phase::kClosing;
  process();  // does nothing inside dispatch, which goes on by itself
}

void Http1::begin_stream() {
  const auto line = line_;
  if (connection_.is_dead() || !line) return;
  if (connection_.is_retiring()) line->close();
  line->on_input();
}

void Http1::refuse(const Response& response) {
  // Of a malformed request this is all that is sure; the input begins with it.
  is_head_ = input().starts_with("HEAD ");
  put(response);
  if (keep_alive_) {
    reader_.next(input());
  } else {
    phase_ = Phase::kClosing;
  }
}

void Http1::put(const Response& response) {
  std::string& out = connection_.output();
  const auto append_number = [&](std::size_t number) {
    char digits[24];
    const auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
    out.append(digits, static_cast<std::size_t>(end - digits));
  };
  out.append("HTTP/1.1 ");
  append_number(static_cast<std::size_t>(response.status));
  out.append(" ").append(reason(response.status)).append("\r\nDate: ");
  out.append(connection_.loop()->date()).append("\r\n");
  if (response.status != 204) {
    out.append("Content-Type: ").append(response.content_type).append("\r\nContent-Length: ");
    append_number(response.body.size());
    out.append("\r\n");
  }
  if (!keep_alive_ || connection_.is_retiring()) out.append("Connection: close\r\n");
  if (!request_id_.empty()) {
    out.append("X-Request-ID: ").append(request_id_).append("\r\n");
    request_id_.clear();
  }
  for (const auto& [name, value] : response.headers) {
    if (!is_header_text(name) || !is_header_text(value)) continue;
    out.append(name).append(": ").append(value).append("\r\n");
  }
  out.append("\r\n");
  if (response.status != 204 && !is_head_) out.append(response.body);
}

void Http1::tick(SteadyTime now) {
  if (phase_ == Phase::kStream) {
    if (served_.has_expired(request_)) return connection_.break_off(certificate_expired());
    const auto line = line_;
    connection_.free_buffers();
    return line->tick(now);
  }
  if (is_idle() && served_.has_expired(request_)) {
    return connection_.close_soon(TlsPipe::Ending::kAtOnce);
  }
  if (is_idle() && now > deadline_ - served_.options.idle_time + kLingering) {
    connection_.free_buffers();
  }
  if (now < deadline_) return;
  if (is_idle()) return connection_.close_soon(TlsPipe::Ending::kAtOnce);
  if (phase_ == Phase::kReading) {
    keep_alive_ = false;
    refuse(error_response({Code::kInvalid, "the request took too long to arrive", {}}, 408));
    return connection_.close_soon(TlsPipe::Ending::kDrain);
  }
  connection_.break_off({Code::kUnavailable, "the client is too slow", {}});
}

void Http1::retire() {
  if (phase_ == Phase::kStream) return line_->close();
  if (is_idle()) connection_.close_soon(TlsPipe::Ending::kAtOnce);
}

}  // namespace writ::net
