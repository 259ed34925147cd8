#include "net/connection.h"

#include <algorithm>
#include <charconv>
#include <exception>

#include "base/log.h"

namespace writ::net {
namespace {

constexpr std::size_t kFlushAt = 64 * 1024;      // of answers to pipelined requests
constexpr std::size_t kRefusedBody = 64 * 1024;  // read and forgotten before a refusal
constexpr Millis kLastWords{1'000};
constexpr Millis kLingering{1'000};  // idle for longer, a connection gives its buffers back

std::uint64_t next_id() {
  static std::atomic<std::uint64_t> last{0};
  return ++last;
}

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
    case 503:
      return "Service Unavailable";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "Status";
  }
}

bool is_header_text(std::string_view text) {
  for (char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return false;
  }
  return true;
}

std::string address_text(const tcp::socket& socket) {
  boost::system::error_code error;
  const auto end = socket.remote_endpoint(error);
  return error ? std::string() : end.address().to_string();
}

}  // namespace

Connection::Connection(std::shared_ptr<Loop> loop, tcp::socket socket)
    : TlsPipe(std::move(socket)),
      loop_(std::move(loop)),
      id_(next_id()),
      source_(address_text(this->socket())),
      reader_(MessageKind::kRequest, loop_->served.options.header_bytes) {
  loop_->served.open.fetch_add(1, std::memory_order_relaxed);
}

Connection::~Connection() {
  loop_->served.open.fetch_sub(1, std::memory_order_relaxed);
}

void Connection::start() {
  set_deadline(loop_->served.options.handshake_time);
  secure(loop_->served.tls->current(), crypto::TlsSession::Role::kServer);
}

void Connection::on_secured() {
  request_.peer = peer();
  request_.source = source_;
  request_.connection = id_;
  request_.thread_index = loop_->index;
  phase_ = Phase::kReading;
  if (retiring_) return close_soon(Ending::kAtOnce);
  wait_for_more();
}

void Connection::on_input() {
  if (phase_ == Phase::kStream) return line_->on_input();
  process();
}

void Connection::on_drained() {
  if (phase_ == Phase::kStream) return line_->on_drained();
  no_deadline();
  if (phase_ != Phase::kDraining) return;
  phase_ = Phase::kReading;
  process();
}

void Connection::on_broken(const Error& why) {
  const auto self = shared_from_this();
  phase_ = Phase::kClosing;
  if (line_) std::exchange(line_, nullptr)->on_broken(why);
  loop_->remove(*this);
}

void Connection::process() {
  if (processing_) return;
  processing_ = true;
  bool wants_input = false;
  while (phase_ == Phase::kReading && !wants_input && !is_dead()) {
    if (unsent() > kFlushAt && flush() == Flushed::kWaiting) break;
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
        refuse(reader_.bad_status(), {Code::kInvalid, reader_.bad_message(), {}});
        break;
    }
  }
  processing_ = false;
  if (is_dead() || phase_ == Phase::kStream) return;
  if (phase_ == Phase::kClosing) return close_soon(Ending::kDrain);
  if (flush() == Flushed::kWaiting) {
    if (is_dead()) return;
    if (phase_ == Phase::kReading) phase_ = Phase::kDraining;
    return set_deadline(loop_->served.options.write_time);
  }
  if (is_dead()) return;
  if (phase_ == Phase::kHandling) return no_deadline();
  if (retiring_ && input().empty()) return close_soon(Ending::kAtOnce);
  wait_for_more();
}

// Deadlines are for the whole of a head and the whole of a body, however the bytes trickle in.
void Connection::wait_for_more() {
  const HttpServerOptions& options = loop_->served.options;
  if (!in_body_ && input().empty()) {
    head_begun_ = false;
    set_deadline(options.idle_time);
  } else if (!in_body_ && !head_begun_) {
    head_begun_ = true;
    set_deadline(options.header_time);
  }
  read_more();
}

void Connection::take_head() {
  const std::string& in = input();
  const std::string_view target = reader_.target(in);
  const std::size_t mark = std::min(target.find_first_of("?#"), target.size());
  match_ = loop_->served.router.match(reader_.method(in), target.substr(0, mark));
  std::size_t most = kRefusedBody;
  if (match_.status == 200) {
    most = loop_->served.routes[match_.route].limits.body;
    if (request_.peer == nullptr) most = std::min(most, RouteLimits().body);
  }
  reader_.limit_body(most);
  in_body_ = true;
  set_deadline(loop_->served.options.body_time);
  if (reader_.wants_continue() && match_.status == 200) {
    output() += "HTTP/1.1 100 Continue\r\n\r\n";
    flush();
  }
}

void Connection::take_headers(const std::string& in) {
  reader_.headers(in, request_.headers);
  const std::string_view id = request_.header("X-Request-ID");
  request_id_ = is_request_id(id) ? id : std::string_view();
}

void Connection::dispatch() {
  const std::string& in = input();
  take_headers(in);
  in_body_ = false;
  head_begun_ = false;
  keep_alive_ = reader_.keep_alive() && !retiring_;
  if (match_.status != 200) {
    Error error{Code::kNotFound, "there is nothing at this path", {}};
    if (match_.status == 405) {
      error = {Code::kInvalid, "this path takes " + match_.allow + " only", {}};
    } else if (match_.status == 400) {
      error = {Code::kInvalid, "the path is badly percent-encoded", {}};
    }
    return refuse(match_.status, error);
  }
  if (peer_expired()) {
    keep_alive_ = false;
    return refuse(401, {Code::kUnauthenticated, "the client certificate has expired", {}});
  }
  const Route& route = loop_->served.routes[match_.route];
  const bool is_stream = route.stream != nullptr;
  if (is_stream && reader_.upgrade(in) != kLineProtocol) {
    return refuse(426, {Code::kInvalid, "this path wants \"Upgrade: writ-lines/1\"", {}});
  }

  const std::string_view target = reader_.target(in);
  const std::size_t mark = target.find('?');
  request_.method = reader_.method(in);
  request_.path = target.substr(0, mark);
  request_.query = mark == std::string_view::npos ? std::string_view() : target.substr(mark + 1);
  request_.body = reader_.body(in);
  request_.params = std::move(match_.params);

  phase_ = Phase::kHandling;
  const std::uint64_t number = ++sequence_;
  Responder responder(std::static_pointer_cast<Connection>(shared_from_this()), number);
  try {
    if (is_stream) {
      route.stream(request_, StreamOffer(std::move(responder)));
    } else {
      route.handler(request_, std::move(responder));
    }
  } catch (const std::exception& error) {
    // The responder, dropped on the way here, has answered 500.
    log(Level::kError, "http_handler_threw", {{"what", error.what()}});
  }
  reader_.next(input());
  if (phase_ == Phase::kStream) begin_stream();
}

void Connection::answer(std::uint64_t request, Loop::Answer answer) {
  if (loop_->is_this_thread()) return complete(request, std::move(answer));
  loop_->deliver(std::static_pointer_cast<Connection>(shared_from_this()), request,
                 std::move(answer));
}

void Connection::complete(std::uint64_t request, Loop::Answer answer) {
  const bool is_due = !is_dead() && phase_ == Phase::kHandling && request == sequence_;
  if (auto* line = std::get_if<std::shared_ptr<LineEnd>>(&answer)) {
    if (!is_due) {
      return (*line)->on_broken({Code::kUnavailable, "the client has gone", {}});
    }
    phase_ = Phase::kStream;
    no_deadline();
    output().append("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ");
    output().append(kLineProtocol).append("\r\n\r\n");
    line_ = *line;
    line_->attach(shared_from_this());
    // Inside dispatch the handler still uses the request's bytes; dispatch goes on.
    if (!processing_) begin_stream();
    return;
  }
  if (!is_due) return;
  put(std::get<Response>(answer));
  phase_ = keep_alive_ && !retiring_ ? Phase::kReading : Phase::kClosing;
  process();  // does nothing inside dispatch, which goes on by itself
}

void Connection::begin_stream() {
  const auto line = line_;
  if (is_dead() || !line) return;
  if (retiring_) line->close();
  line->on_input();
}

void Connection::refuse(int status, const Error& error) {
  Response response = error_response(error);
  response.status = status;
  if (status == 405) response.headers.emplace_back("Allow", match_.allow);
  if (status == 426) {
    keep_alive_ = false;
    response.headers.emplace_back("Upgrade", kLineProtocol);
  }
  put(response);
  if (keep_alive_) {
    reader_.next(input());
  } else {
    phase_ = Phase::kClosing;
  }
}

void Connection::put(const Response& response) {
  std::string& out = output();
  const auto append_number = [&](std::size_t number) {
    char digits[24];
    const auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
    out.append(digits, static_cast<std::size_t>(end - digits));
  };
  out.append("HTTP/1.1 ");
  append_number(static_cast<std::size_t>(response.status));
  out.append(" ").append(reason(response.status)).append("\r\n").append(loop_->date_header());
  if (response.status != 204) {
    out.append("Content-Type: ").append(response.content_type).append("\r\nContent-Length: ");
    append_number(response.body.size());
    out.append("\r\n");
  }
  if (!keep_alive_ || retiring_) out.append("Connection: close\r\n");
  if (!request_id_.empty()) {
    out.append("X-Request-ID: ").append(request_id_).append("\r\n");
    request_id_.clear();
  }
  for (const auto& [name, value] : response.headers) {
    // A newline in a value would let whoever chose it write headers of their own.
    if (!is_header_text(name) || !is_header_text(value)) continue;
    out.append(name).append(": ").append(value).append("\r\n");
  }
  out.append("\r\n");
  if (response.status != 204) out.append(response.body);
}

void Connection::close_soon(Ending ending) {
  phase_ = Phase::kClosing;
  set_deadline(kLastWords);
  finish(ending);
}

bool Connection::peer_expired() const {
  return request_.peer && request_.peer->not_after() <= loop_->served.clock.now();
}

void Connection::tick(SteadyTime now) {
  if (phase_ == Phase::kStream) {
    if (peer_expired()) {
      return break_off({Code::kUnauthenticated, "the client certificate has expired", {}});
    }
    const auto line = line_;
    free_buffers();
    return line->tick(now);
  }
  const bool is_idle = phase_ == Phase::kReading && !in_body_ && input().empty();
  if (is_idle && peer_expired()) return close_soon(Ending::kAtOnce);
  if (is_idle && now > deadline_ - loop_->served.options.idle_time + kLingering) free_buffers();
  if (now < deadline_) return;
  if (is_idle) return close_soon(Ending::kAtOnce);
  if (phase_ == Phase::kReading) {
    keep_alive_ = false;
    refuse(408, {Code::kInvalid, "the request took too long to arrive", {}});
    return close_soon(Ending::kDrain);
  }
  break_off({Code::kUnavailable, "the client is too slow", {}});
}

void Connection::retire() {
  retiring_ = true;
  if (phase_ == Phase::kStream) return line_->close();
  if (phase_ == Phase::kReading && !in_body_ && input().empty()) close_soon(Ending::kAtOnce);
}

}  // namespace writ::net
