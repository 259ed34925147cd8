#include "net/message_reader.h"

#include <algorithm>
#include <array>
#include <boost/beast/http/basic_parser.hpp>
#include <optional>

namespace writ::net {
namespace {

namespace http = boost::beast::http;
using boost::beast::string_view;
using boost::system::error_code;

constexpr std::size_t kMostHeaders = 64;

// A piece of the input, kept as a place because the input may move while it grows.
struct Place {
  std::size_t at = 0;
  std::size_t size = 0;
  std::string_view in(const std::string& input) const {
    return std::string_view(input).substr(at, size);
  }
};

struct HeaderPlace {
  Place name;
  Place value;
  http::field field;
};

// What stands in a message's head.
struct Head {
  const char* base = nullptr;  // where the input is during put()
  std::size_t base_size = 0;
  Place method;
  Place target;
  int status = 0;
  std::array<HeaderPlace, kMostHeaders> headers;
  std::size_t header_count = 0;
  bool is_done = false;
  std::string body;  // of a chunked message
  std::size_t body_limit = 0;

  std::optional<Place> place(string_view text) const {
    if (text.empty()) return Place{};
    const std::less<const char*> less;
    if (less(text.data(), base) || !less(text.data(), base + base_size)) return std::nullopt;
    return Place{static_cast<std::size_t>(text.data() - base), text.size()};
  }
};

bool equals_no_case(std::string_view text, std::string_view lower) {
  return boost::beast::iequals(string_view(text.data(), text.size()),
                               string_view(lower.data(), lower.size()));
}

// host [ ":" port ], without a user (RFC 9110 section 4.2.4).
bool is_authority(std::string_view text) {
  return !text.empty() && text.front() != ':' && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("-._~%!$&'()*+,;=:[]").find(c) != std::string_view::npos;
  });
}

// The part of a request's target that says what is wanted: path and query. Forms that are for
// proxies alone, and "*", have none (RFC 9112 section 3.2).
//
//   origin-form   = absolute-path [ "?" query ]
//   absolute-form = "https://" authority path-abempty [ "?" query ]
std::optional<std::string_view> path_and_query(std::string_view target) {
  if (target.find('#') != std::string_view::npos) return std::nullopt;
  if (target.starts_with('/')) return target;
  constexpr std::string_view kScheme = "https://";  // there is no server without TLS
  if (!equals_no_case(target.substr(0, kScheme.size()), kScheme)) return std::nullopt;
  target.remove_prefix(kScheme.size());
  const std::size_t end = std::min(target.find_first_of("/?"), target.size());
  if (!is_authority(target.substr(0, end))) return std::nullopt;
  return target.substr(end);
}

template <bool isRequest>
class Parser final : public http::basic_parser<isRequest> {
 public:
  explicit Parser(Head& head) : head_(head) {}

 private:
  void on_request_impl(http::verb, string_view method, string_view target, int version,
                       error_code& ec) override {
    const auto method_place = head_.place(method);
    const auto wanted = path_and_query({target.data(), target.size()});
    const auto target_place =
        wanted ? head_.place(string_view(wanted->data(), wanted->size())) : std::nullopt;
    if (version != 11) {
      ec = http::error::bad_version;
    } else if (!method_place || !target_place) {
      ec = http::error::bad_target;
    } else {
      head_.method = *method_place;
      head_.target = *target_place;
    }
  }
  void on_response_impl(int code, string_view, int version, error_code& ec) override {
    head_.status = code;
    if (version != 11) ec = http::error::bad_version;
  }
  void on_field_impl(http::field field, string_view name, string_view value,
                     error_code& ec) override {
    if (head_.is_done) return;  // a trailer says nothing that is used here
    if (head_.header_count == kMostHeaders) {
      ec = http::error::header_limit;
      return;
    }
    const auto name_place = head_.place(name);
    // A folded value was put together elsewhere.
    const auto value_place = head_.place(value);
    const bool names_nobody = isRequest && field == http::field::host && !value.empty() &&
                              !is_authority({value.data(), value.size()});
    if (!name_place || !value_place || names_nobody) {
      ec = http::error::bad_value;
      return;
    }
    head_.headers[head_.header_count++] = {*name_place, *value_place, field};
  }
  void on_header_impl(error_code&) override {}
  void on_body_init_impl(boost::optional<std::uint64_t> const&, error_code&) override {}
  std::size_t on_body_impl(string_view, error_code& ec) override {
    ec = http::error::unexpected_body;  // bodies of known length never come here
    return 0;
  }
  void on_chunk_header_impl(std::uint64_t, string_view, error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, string_view body, error_code& ec) override {
    if (head_.body.size() + body.size() > head_.body_limit) {
      ec = http::error::body_limit;
      return 0;
    }
    head_.body.append(body.data(), body.size());
    return body.size();
  }
  void on_finish_impl(error_code&) override {}

  Head& head_;
};

// Whether a comma-separated list holds the token.
bool lists(std::string_view list, std::string_view lower_token) {
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    std::string_view part = list.substr(0, comma);
    list.remove_prefix(std::min(comma + 1, list.size()));
    while (!part.empty() && (part.front() == ' ' || part.front() == '\t')) part.remove_prefix(1);
    while (!part.empty() && (part.back() == ' ' || part.back() == '\t')) part.remove_suffix(1);
    if (equals_no_case(part, lower_token)) return true;
  }
  return false;
}

}  // namespace

struct MessageReader::State {
  enum class Step { kHead, kBody, kChunks, kDone, kBad };

  MessageKind kind;
  std::size_t head_limit;
  std::optional<Parser<true>> request;
  std::optional<Parser<false>> reply;
  Head head;
  Step step = Step::kHead;
  std::size_t head_size = 0;
  std::size_t body_size = 0;  // in the input
  bool is_chunked = false;
  bool is_to_head = false;
  int bad_status = 400;
  std::string bad_message;

  State(MessageKind k, std::size_t limit) : kind(k), head_limit(limit) { begin(); }

  void begin() {
    head.header_count = 0;
    head.is_done = false;
    head.body.clear();
    head.body_limit = 0;
    head_size = 0;
    body_size = 0;
    is_chunked = false;
    step = Step::kHead;
    if (kind == MessageKind::kRequest) {
      prepare(request.emplace(head));
    } else {
      prepare(reply.emplace(head));
    }
  }

  template <class P>
  void prepare(P& parser) {
    parser.header_limit(static_cast<std::uint32_t>(head_limit));
    parser.body_limit(boost::none);  // each route has its own
    parser.eager(false);
  }

  template <class F>
  auto with_parser(F f) {
    return kind == MessageKind::kRequest ? f(*request) : f(*reply);
  }

  Found bad(int status, std::string message) {
    step = Step::kBad;
    bad_status = status;
    bad_message = std::move(message);
    return Found::kBad;
  }

  Found bad(const error_code& ec) {
    if (ec == http::error::header_limit) return bad(431, "the headers are too large");
    if (ec == http::error::body_limit) return too_large();
    if (ec == http::error::bad_version) return bad(505, "only HTTP/1.1 is spoken here");
    return bad(400, "this is not HTTP/1.1: " + ec.message());
  }

  Found too_large() {
    return bad(413, "the body is larger than " + std::to_string(head.body_limit) + " bytes");
  }

  // Removes chunked framing from behind the head, so that the input stays small.
  Found feed_chunks(std::string& input) {
    for (;;) {
      error_code ec;
      const std::size_t used = with_parser([&](auto& parser) {
        return parser.put(boost::asio::buffer(input.data() + head_size, input.size() - head_size),
                          ec);
      });
      input.erase(head_size, used);
      if (with_parser([](auto& parser) { return parser.is_done(); })) {
        step = Step::kDone;
        return Found::kMessage;
      }
      if (ec == http::error::need_more) {
        // One chunk header or trailer that never ends.
        if (input.size() - head_size > head_limit + 16) return bad(400, "a chunk is malformed");
        return Found::kMore;
      }
      if (ec) return bad(ec);
      if (used == 0) return Found::kMore;
    }
  }

  Found read_head(std::string& input) {
    head.base = input.data();
    head.base_size = input.size();
    error_code ec;
    std::size_t count_of_hosts = 0;
    // The parser takes whole lines and does not want them again.
    head_size += with_parser([&](auto& parser) {
      return parser.put(boost::asio::buffer(input.data() + head_size, input.size() - head_size),
                        ec);
    });
    if (ec == http::error::need_more) {
      if (input.size() > head_limit) return bad(431, "the headers are too large");
      return Found::kMore;
    }
    if (ec) return bad(ec);
    if (!with_parser([](auto& parser) { return parser.is_header_done(); })) return Found::kMore;
    if (head_size > head_limit) return bad(431, "the headers are too large");
    for (std::size_t i = 0; i < head.header_count; ++i) {
      const auto& each = head.headers[i];
      if (each.field == http::field::host) ++count_of_hosts;
      // Any other coding says that the body ends elsewhere than where it would be taken to end.
      if (each.field == http::field::transfer_encoding &&
          !equals_no_case(each.value.in(input), "chunked")) {
        return bad(501, "the only transfer coding here is chunked");
      }
    }
    if (kind == MessageKind::kRequest && count_of_hosts != 1) {
      return bad(400, "exactly one Host header is wanted");
    }
    return frame();
  }

  // Where the body ends (RFC 9112 section 6.3).
  Found frame() {
    head.is_done = true;
    is_chunked = with_parser([](auto& parser) { return parser.chunked(); });
    const auto length = with_parser([](auto& parser) { return parser.content_length(); });
    const bool is_bodiless =
        kind == MessageKind::kReply &&
        (is_to_head || head.status < 200 || head.status == 204 || head.status == 304);
    if (is_bodiless) {
      is_chunked = false;
    } else if (length) {
      body_size = static_cast<std::size_t>(*length);
    } else if (!is_chunked && kind == MessageKind::kReply) {
      return bad(400, "the reply does not say how long it is");
    }
    if (body_size > (std::size_t{1} << 40)) return bad(413, "the body is far too large");
    step = is_chunked ? Step::kChunks : Step::kBody;
    return Found::kHead;
  }

  std::string_view header(const std::string& input, http::field field) const {
    for (std::size_t i = 0; i < head.header_count; ++i) {
      if (head.headers[i].field == field) return head.headers[i].value.in(input);
    }
    return {};
  }
};

MessageReader::MessageReader(MessageKind kind, std::size_t head_limit)
    : state_(std::make_unique<State>(kind, head_limit)) {}
MessageReader::~MessageReader() = default;
MessageReader::MessageReader(MessageReader&&) noexcept = default;

void MessageReader::reply_to(std::string_view method) {
  state_->is_to_head = method == "HEAD";
}

MessageReader::Found MessageReader::feed(std::string& input) {
  State& s = *state_;
  switch (s.step) {
    case State::Step::kHead:
      return s.read_head(input);
    case State::Step::kBody:
      if (s.body_size > s.head.body_limit) return s.too_large();
      if (input.size() - s.head_size < s.body_size) return Found::kMore;
      s.step = State::Step::kDone;
      return Found::kMessage;
    case State::Step::kChunks:
      return s.feed_chunks(input);
    case State::Step::kDone:
      return Found::kMessage;
    case State::Step::kBad:
      break;
  }
  return Found::kBad;
}

void MessageReader::limit_body(std::size_t most) {
  state_->head.body_limit = most;
}

void MessageReader::next(std::string& input) {
  input.erase(0, state_->head_size + state_->body_size);
  state_->begin();
}

std::string_view MessageReader::method(const std::string& input) const {
  return state_->head.method.in(input);
}

std::string_view MessageReader::target(const std::string& input) const {
  return state_->head.target.in(input);
}

int MessageReader::status() const {
  return state_->head.status;
}

void MessageReader::headers(
    const std::string& input,
    std::vector<std::pair<std::string_view, std::string_view>>& into) const {
  into.clear();
  for (std::size_t i = 0; i < state_->head.header_count; ++i) {
    const HeaderPlace& header = state_->head.headers[i];
    into.emplace_back(header.name.in(input), header.value.in(input));
  }
}

bool MessageReader::keep_alive() const {
  return state_->with_parser([](auto& parser) { return parser.keep_alive(); });
}

bool MessageReader::wants_continue() const {
  const State& s = *state_;
  for (std::size_t i = 0; i < s.head.header_count; ++i) {
    if (s.head.headers[i].field == http::field::expect) return s.is_chunked || s.body_size > 0;
  }
  return false;
}

std::string_view MessageReader::upgrade(const std::string& input) const {
  const std::string_view connection = state_->header(input, http::field::connection);
  return lists(connection, "upgrade") ? state_->header(input, http::field::upgrade)
                                      : std::string_view();
}

std::string_view MessageReader::body(const std::string& input) const {
  if (state_->is_chunked) return state_->head.body;
  return std::string_view(input).substr(state_->head_size, state_->body_size);
}

int MessageReader::bad_status() const {
  return state_->bad_status;
}
const std::string& MessageReader::bad_message() const {
  return state_->bad_message;
}

}  // namespace writ::net
