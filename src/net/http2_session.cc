#include "net/http2_session.h"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <boost/container/small_vector.hpp>
#include <charconv>
#include <cstring>

#include "net/served.h"

namespace writ::net {
namespace {

constexpr std::size_t kMostHeaders = 64;     // of a request, as on HTTP/1.1
constexpr std::size_t kHeaderOverhead = 32;  // RFC 9113 section 6.5.2
constexpr std::size_t kTooMuchHead = 8;      // times the limit: the connection ends
constexpr std::int32_t kWindow = 1 << 20;    // of a stream and of the connection
constexpr std::size_t kSpareStreams = 16;
constexpr std::size_t kSpareBytes = 4 * 1024;  // that a spare stream keeps of a body
// Frames beside those of requests: so many at once, so many a second, and for what was answered so
// many a request and a KB. More than that is an attack: resets, empty frames, pings, settings.
constexpr double kBudget = 1000, kBudgetASecond = 100, kEarned = 4, kEarnedAKb = 0.25;

std::string_view text(nghttp2_rcbuf* buffer) {
  const nghttp2_vec bytes = nghttp2_rcbuf_get_buf(buffer);
  return {reinterpret_cast<const char*>(bytes.base), bytes.len};
}

std::uint8_t* octets(std::string_view bytes) {
  return reinterpret_cast<std::uint8_t*>(const_cast<char*>(bytes.data()));
}

// nghttp2 has a limit of resets of its own, and calls what is past it an internal error; ours is
// lower.
const nghttp2_option* options() {
  static const nghttp2_option* const made = [] {
    nghttp2_option* option = nullptr;
    if (nghttp2_option_new(&option) != 0) std::abort();
    nghttp2_option_set_stream_reset_rate_limit(option, static_cast<std::uint64_t>(2 * kBudget),
                                               static_cast<std::uint64_t>(2 * kBudgetASecond));
    return option;
  }();
  return made;
}

bool ends_stream(const nghttp2_frame& frame) {
  return (frame.hd.type == NGHTTP2_HEADERS || frame.hd.type == NGHTTP2_DATA) &&
         (frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
}

}  // namespace

// nghttp2's side of the session. An error from here ends it.
struct Http2Session::Callbacks {
  static Http2Session& of(void* user) { return *static_cast<Http2Session*>(user); }

  static int begin_frame(nghttp2_session*, const nghttp2_frame_hd* frame, void* user) {
    Http2Session& s = of(user);
    if (frame->type != NGHTTP2_CONTINUATION) s.head_by_ = SteadyTime::max();
    const bool is_request = frame->type == NGHTTP2_HEADERS ||
                            (frame->type == NGHTTP2_DATA &&
                             (frame->length > 0 || (frame->flags & NGHTTP2_FLAG_END_STREAM) != 0));
    return is_request || s.spend() ? 0 : NGHTTP2_ERR_CALLBACK_FAILURE;
  }

  static int begin_headers(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    Http2Session& s = of(user);
    s.head_by_ = s.now_ + s.limits_.header_time;
    if (frame->headers.cat == NGHTTP2_HCAT_REQUEST) s.open(frame->hd.stream_id);
    return 0;
  }

  static int header(nghttp2_session*, const nghttp2_frame* frame, nghttp2_rcbuf* name,
                    nghttp2_rcbuf* value, std::uint8_t, void* user) {
    Http2Session& s = of(user);
    Stream* stream = s.find(frame->hd.stream_id);
    if (stream == nullptr || s.add_header(*stream, text(name), text(value))) return 0;
    return NGHTTP2_ERR_CALLBACK_FAILURE;
  }

  // What is malformed is refused, not ignored.
  static int invalid_header(nghttp2_session*, const nghttp2_frame*, nghttp2_rcbuf*, nghttp2_rcbuf*,
                            std::uint8_t, void*) {
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  }

  static int invalid_frame(nghttp2_session*, const nghttp2_frame*, int, void* user) {
    return of(user).spend() ? 0 : NGHTTP2_ERR_CALLBACK_FAILURE;
  }

  static int data_chunk(nghttp2_session*, std::uint8_t, std::int32_t id, const std::uint8_t* bytes,
                        std::size_t size, void* user) {
    Http2Session& s = of(user);
    if (Stream* stream = s.find(id)) {
      s.add_body(*stream, {reinterpret_cast<const char*>(bytes), size});
    }
    return 0;
  }

  static int frame_received(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    Http2Session& s = of(user);
    if (frame->hd.type == NGHTTP2_HEADERS) s.head_by_ = SteadyTime::max();
    Stream* stream = s.find(frame->hd.stream_id);
    if (stream == nullptr) return 0;
    stream->is_whole_ = stream->is_whole_ || ends_stream(*frame);
    if (frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
      s.end_head(*stream);
    }
    if (ends_stream(*frame) && stream->step_ == Stream::Step::kBody) s.end_request(*stream);
    return s.failed_ ? NGHTTP2_ERR_CALLBACK_FAILURE : 0;
  }

  // An answer may be there before the request is: the client need not send the rest.
  static int frame_sent(nghttp2_session* session, const nghttp2_frame* frame, void* user) {
    if (frame->hd.type == NGHTTP2_DATA) {
      of(user).earn(static_cast<double>(frame->hd.length) / 1024 * kEarnedAKb);
    }
    const Stream* stream = ends_stream(*frame) ? of(user).find(frame->hd.stream_id) : nullptr;
    if (stream != nullptr && !stream->is_whole_) {
      nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, stream->id, NGHTTP2_NO_ERROR);
    }
    return 0;
  }

  static int stream_closed(nghttp2_session*, std::int32_t id, std::uint32_t error, void* user) {
    if (Stream* stream = of(user).find(id)) of(user).close(*stream, error == NGHTTP2_NO_ERROR);
    return 0;
  }

  static ssize_t read_answer(nghttp2_session*, std::int32_t, std::uint8_t* into, std::size_t size,
                             std::uint32_t* flags, nghttp2_data_source* source, void*) {
    Stream& stream = *static_cast<Stream*>(source->ptr);
    const std::string& body = stream.response_.body;
    const std::size_t part = body.copy(reinterpret_cast<char*>(into), size, stream.sent_);
    stream.sent_ += part;
    if (stream.sent_ == body.size()) *flags |= NGHTTP2_DATA_FLAG_EOF;
    return static_cast<ssize_t>(part);
  }

  static const nghttp2_session_callbacks* all() {
    static const nghttp2_session_callbacks* const made = [] {
      nghttp2_session_callbacks* c = nullptr;
      if (nghttp2_session_callbacks_new(&c) != 0) std::abort();
      nghttp2_session_callbacks_set_on_begin_frame_callback(c, begin_frame);
      nghttp2_session_callbacks_set_on_begin_headers_callback(c, begin_headers);
      nghttp2_session_callbacks_set_on_header_callback2(c, header);
      nghttp2_session_callbacks_set_on_invalid_header_callback2(c, invalid_header);
      nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(c, invalid_frame);
      nghttp2_session_callbacks_set_on_data_chunk_recv_callback(c, data_chunk);
      nghttp2_session_callbacks_set_on_frame_recv_callback(c, frame_received);
      nghttp2_session_callbacks_set_on_frame_send_callback(c, frame_sent);
      nghttp2_session_callbacks_set_on_stream_close_callback(c, stream_closed);
      return c;
    }();
    return made;
  }
};

Http2Session::Http2Session(Owner& owner, const Request& caller, const Http2Limits& limits,
                           SteadyTime now)
    : owner_(owner),
      caller_(caller),
      limits_(limits),
      now_(now),
      budget_(kBudget),
      budget_at_(now) {
  const nghttp2_settings_entry settings[] = {
      {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limits.streams},
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, kWindow},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, static_cast<std::uint32_t>(limits.header_bytes)},
      {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
  };
  if (nghttp2_session_server_new2(&session_, Callbacks::all(), this, options()) != 0 ||
      nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings, std::size(settings)) != 0 ||
      nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0, kWindow) != 0) {
    failed_ = true;  // out of memory
  }
}

Http2Session::~Http2Session() {
  nghttp2_session_del(session_);
}

void Http2Session::receive(std::string_view bytes, SteadyTime now) {
  now_ = now;
  if (failed_) return;
  const ssize_t taken = nghttp2_session_mem_recv(session_, octets(bytes), bytes.size());
  if (taken >= 0) return;
  switch (taken) {
    case NGHTTP2_ERR_FLOODED:
      return end(NGHTTP2_ENHANCE_YOUR_CALM);
    case NGHTTP2_ERR_BAD_CLIENT_MAGIC:
      return end(NGHTTP2_PROTOCOL_ERROR);
    case NGHTTP2_ERR_CALLBACK_FAILURE:
      return;  // its end was said there
    default:
      failed_ = true;
  }
}

void Http2Session::end(std::uint32_t error_code) {
  if (nghttp2_session_terminate_session(session_, error_code) != 0) failed_ = true;
}

void Http2Session::earn(double frames) {
  budget_ = std::min(kBudget, budget_ + frames);
}

bool Http2Session::spend() {
  const std::chrono::duration<double> passed = now_ - std::exchange(budget_at_, now_);
  earn(passed.count() * kBudgetASecond);
  if (--budget_ >= 0) return true;
  end(NGHTTP2_ENHANCE_YOUR_CALM);
  return false;
}

Http2Session::Stream* Http2Session::find(std::int32_t id) const {
  return static_cast<Stream*>(nghttp2_session_get_stream_user_data(session_, id));
}

void Http2Session::open(std::int32_t id) {
  std::unique_ptr<Stream> stream;
  if (spare_.empty()) {
    stream = std::make_unique<Stream>();
    stream->request = caller_;
  } else {
    stream = std::move(spare_.back());
    spare_.pop_back();
  }
  stream->id = id;
  stream->place_ = streams_.size();
  nghttp2_session_set_stream_user_data(session_, id, stream.get());
  streams_.push_back(std::move(stream));
}

void Http2Session::close(Stream& stream, bool is_answered) {
  forget_body(stream);
  answers_ -= stream.response_.body.size();
  if (is_answered) earn(kEarned);
  const std::size_t at = stream.place_;
  std::swap(streams_[at], streams_.back());
  streams_[at]->place_ = at;
  if (spare_.size() < kSpareStreams) {
    stream.reset();
    spare_.push_back(std::move(streams_.back()));
  }
  streams_.pop_back();
}

void Http2Session::Stream::reset() {
  match = {};
  body_limit = 0;
  step_ = Step::kHead;
  is_whole_ = false;
  head_cost_ = 0;
  head_.clear();
  places_.clear();
  body_.clear();
  if (body_.capacity() > kSpareBytes) body_.shrink_to_fit();
  response_ = {};
  sent_ = 0;
  deadline_ = SteadyTime::max();
  request.method = request.path = request.query = request.body = {};
  request.headers.clear();
  request.params.clear();
}

bool Http2Session::add_header(Stream& stream, std::string_view name, std::string_view value) {
  stream.head_cost_ += name.size() + value.size() + kHeaderOverhead;
  if (stream.head_cost_ > kTooMuchHead * limits_.header_bytes) {
    end(NGHTTP2_ENHANCE_YOUR_CALM);
    return false;
  }
  // Trailers say nothing that is used here; of a head that is too large its method alone is wanted.
  if (stream.step_ != Stream::Step::kHead) return true;
  if (is_too_large(stream) && name != ":method") return true;
  stream.head_.append(name).append(value);
  stream.places_.push_back(
      {static_cast<std::uint32_t>(name.size()), static_cast<std::uint32_t>(value.size())});
  return true;
}

bool Http2Session::is_too_large(const Stream& stream) const {
  return stream.head_cost_ > limits_.header_bytes || stream.places_.size() > kMostHeaders;
}

// nghttp2 has checked what section 8 asks of every request; here is what this server asks.
std::string_view Http2Session::flaw_of(Stream& stream) {
  Request& request = stream.request;
  std::string_view scheme, authority, target;
  std::string_view rest = stream.head_;
  for (const Stream::Place& place : stream.places_) {
    const std::string_view name = rest.substr(0, place.name_size);
    const std::string_view value = rest.substr(place.name_size, place.value_size);
    rest.remove_prefix(name.size() + value.size());
    if (name == ":method") {
      request.method = value;
    } else if (name == ":scheme") {
      scheme = value;
    } else if (name == ":authority") {
      authority = value;
    } else if (name == ":path") {
      target = value;
    } else {
      request.headers.emplace_back(name, value);
    }
  }
  request.path = path_of(target);
  request.query = query_of(target);
  if (!target.starts_with('/')) return "the path must begin with a slash";
  if (target.find('#') != std::string_view::npos) return "a path has no fragment";
  if (scheme != "https") return "the scheme must be https";
  const std::string_view host = request.header("host");
  if (!authority.empty() && !host.empty() && host != authority) {
    return "the Host header must name the same as :authority";
  }
  return {};
}

void Http2Session::end_head(Stream& stream) {
  if (under_way_ >= limits_.streams || answers_ > limits_.answers) {
    if (spend()) reset(stream, NGHTTP2_REFUSED_STREAM);
    return;
  }
  // First, because an answer depends on the method: HEAD has no body.
  const std::string_view flaw = flaw_of(stream);
  if (is_too_large(stream)) {
    return refuse(stream, error_response({Code::kInvalid, "the headers are too large", {}}, 431));
  }
  if (!flaw.empty()) {
    return refuse(stream, error_response({Code::kInvalid, std::string(flaw), {}}));
  }
  stream.step_ = Stream::Step::kBody;
  stream.deadline_ = now_ + limits_.body_time;
  owner_.on_head(stream);
  if (stream.step_ != Stream::Step::kBody || stream.is_whole_) return;
  if (!stream.request.header("expect").empty()) {
    const nghttp2_nv status{octets(":status"), octets("100"), 7, 3, NGHTTP2_NV_FLAG_NONE};
    nghttp2_submit_headers(session_, NGHTTP2_FLAG_NONE, stream.id, nullptr, &status, 1, nullptr);
  }
}

void Http2Session::add_body(Stream& stream, std::string_view bytes) {
  if (stream.step_ != Stream::Step::kBody) return;  // answered already
  if (stream.body_.size() + bytes.size() > stream.body_limit) {
    return refuse(stream, error_response({Code::kInvalid,
                                          "the body is larger than " +
                                              std::to_string(stream.body_limit) + " bytes",
                                          {}},
                                         413));
  }
  if (bodies_ + bytes.size() > limits_.bodies) {
    return refuse(stream, error_response({Code::kExhausted,
                                          "the bodies that this connection sends at once are too "
                                          "large together; send them one after the other",
                                          {}}));
  }
  stream.body_.append(bytes);
  bodies_ += bytes.size();
}

void Http2Session::forget_body(Stream& stream) {
  bodies_ -= stream.body_.size();
  stream.body_.clear();
}

void Http2Session::end_request(Stream& stream) {
  stream.step_ = Stream::Step::kHandling;
  stream.deadline_ = SteadyTime::max();
  stream.request.body = stream.body_;
  ++under_way_;
  owner_.on_request(stream);
  stream.request.body = {};
  forget_body(stream);
  if (stream.body_.capacity() > kSpareBytes) stream.body_.shrink_to_fit();
}

void Http2Session::answer(std::int32_t id, Response response, SteadyTime now) {
  now_ = now;
  --under_way_;
  Stream* stream = find(id);
  if (stream != nullptr) respond(*stream, std::move(response));
}

void Http2Session::refuse(Stream& stream, Response response) {
  respond(stream, std::move(response));
}

void Http2Session::reset(Stream& stream, std::uint32_t error_code) {
  stream.step_ = Stream::Step::kAnswering;
  stream.deadline_ = SteadyTime::max();
  if (nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream.id, error_code) != 0) {
    failed_ = true;
  }
}

void Http2Session::respond(Stream& stream, Response response) {
  stream.step_ = Stream::Step::kAnswering;
  stream.deadline_ = now_ + limits_.write_time;
  stream.response_ = std::move(response);
  const Response& r = stream.response_;
  answers_ += r.body.size();

  boost::container::small_vector<nghttp2_nv, 12> fields;
  boost::container::small_vector<std::string, 4> names;  // in lower case
  const auto add = [&](std::string_view name, std::string_view value) {
    fields.push_back(
        {octets(name), octets(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE});
  };
  char status[16], length[24];
  const auto digits = [](char* into, std::size_t size, std::size_t number) {
    return std::string_view(
        into, static_cast<std::size_t>(std::to_chars(into, into + size, number).ptr - into));
  };
  add(":status", digits(status, sizeof status, static_cast<std::size_t>(r.status)));
  add("date", owner_.date());
  if (r.status != 204) {
    add("content-type", r.content_type);
    add("content-length", digits(length, sizeof length, r.body.size()));
  }
  const std::string_view id = stream.request.header("x-request-id");
  if (!id.empty() && is_request_id(id)) add("x-request-id", id);
  names.reserve(r.headers.size());
  for (const auto& [name, value] : r.headers) {
    if (!is_header_text(name) || !is_header_text(value)) continue;
    std::string& lower = names.emplace_back(name);
    for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    add(lower, value);
  }
  const nghttp2_data_provider body{{.ptr = &stream}, Callbacks::read_answer};
  const bool is_bodiless = r.body.empty() || r.status == 204 || stream.request.method == "HEAD";
  // An error here is about a stream that is closing already, or means that there is no memory.
  const int done = nghttp2_submit_response(session_, stream.id, fields.data(), fields.size(),
                                           is_bodiless ? nullptr : &body);
  if (done == NGHTTP2_ERR_NOMEM) failed_ = true;
}

void Http2Session::write(std::string& out, std::size_t most) {
  while (!failed_ && out.size() < most) {
    const std::uint8_t* bytes = nullptr;
    const ssize_t size = nghttp2_session_mem_send(session_, &bytes);
    if (size < 0) failed_ = true;
    if (size <= 0) return;
    out.append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
  }
}

void Http2Session::tick(SteadyTime now) {
  now_ = now;
  if (now >= head_by_) {
    head_by_ = SteadyTime::max();
    return end(NGHTTP2_ENHANCE_YOUR_CALM);
  }
  for (const auto& stream : streams_) {
    if (now < stream->deadline_) continue;
    if (stream->step_ == Stream::Step::kBody) {
      refuse(*stream,
             error_response({Code::kInvalid, "the request took too long to arrive", {}}, 408));
    } else {
      reset(*stream, NGHTTP2_CANCEL);
    }
  }
}

void Http2Session::go_away() {
  if (std::exchange(is_leaving_, true)) return;
  const std::int32_t last = nghttp2_session_get_last_proc_stream_id(session_);
  if (nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE, last, NGHTTP2_NO_ERROR, nullptr, 0) != 0) {
    failed_ = true;
  }
}

bool Http2Session::is_over() const {
  return failed_ ||
         (nghttp2_session_want_read(session_) == 0 && nghttp2_session_want_write(session_) == 0);
}

}  // namespace writ::net
