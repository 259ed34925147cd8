#include "base/json_quick.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace writ {
namespace {

constexpr std::size_t kMostText = 8 * 1024;  // what fails late is read twice
constexpr std::size_t kMostDepth = 16;
constexpr std::size_t kMostMembers = 16;  // all keys are compared with each other
constexpr std::size_t kMostDigits = 18;   // of an integer that fits for certain
constexpr std::size_t kMembersAtFirst = 4;

// Of eight bytes of a text, the first at the lowest bits: how many come before one that is not
// printable ASCII as it stands in a JSON string. Where a byte's high bit comes up first, it was
// below 0x20, a quotation mark, a backslash, or past 0x7f; what comes up behind it may be a carry's
// doing.
unsigned plain_bytes(std::uint64_t eight) {
  constexpr std::uint64_t kOnes = 0x0101010101010101;
  constexpr std::uint64_t kHighs = 0x8080808080808080;
  const std::uint64_t quote = eight ^ (kOnes * '"');
  const std::uint64_t backslash = eight ^ (kOnes * '\\');
  const std::uint64_t marks =
      ((((eight - kOnes * 0x20) | (quote - kOnes) | (backslash - kOnes)) & ~eight) | eight) &
      kHighs;
  return static_cast<unsigned>(std::countr_zero(marks)) / 8;
}
static_assert(std::endian::native == std::endian::little);

// Every `read_…` and `take…` answers false, or null, at what it does not take.
class Quick {
 public:
  Quick(std::string_view text, const JsonLimits& limits)
      : at_(text.data()), end_(at_ + text.size()), limits_(limits) {}

  std::optional<Json> read() {
    std::optional<Json> json(std::in_place);
    if (!read_value(*json, 0)) return std::nullopt;
    skip_space();
    if (at_ != end_) return std::nullopt;
    return json;
  }

 private:
  std::size_t left() const { return static_cast<std::size_t>(end_ - at_); }
  void skip_space() {
    while (at_ != end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\t' || *at_ == '\r')) ++at_;
  }
  bool take(char c) {
    if (at_ == end_ || *at_ != c) return false;
    ++at_;
    return true;
  }
  bool take_after_space(char c) {
    skip_space();
    return take(c);
  }
  bool take_word(std::string_view word) {
    if (!std::string_view(at_, left()).starts_with(word)) return false;
    at_ += word.size();
    return true;
  }

  bool read_value(Json& into, std::size_t depth) {
    skip_space();
    if (at_ == end_ || ++items_ > limits_.items) return false;
    switch (*at_) {
      case '"': {
        std::string_view text;
        if (!read_string(text)) return false;
        into = Json(text);
        return true;
      }
      case '{':
        ++at_;
        return depth < std::min(kMostDepth, limits_.depth) && read_object(into, depth + 1);
      case '[':
        ++at_;
        return depth < std::min(kMostDepth, limits_.depth) && read_array(into, depth + 1);
      case 't':
        into = Json(true);
        return take_word("true");
      case 'f':
        into = Json(false);
        return take_word("false");
      case 'n':
        return take_word("null");
      default:
        return read_integer(into);
    }
  }

  bool read_object(Json& into, std::size_t depth) {
    into = Json(JsonObject());
    JsonObject& object = *into.as_object();
    if (take_after_space('}')) return true;
    object.reserve(kMembersAtFirst);
    do {
      std::string_view key;
      skip_space();
      if (object.size() == kMostMembers || !read_string(key) || !take_after_space(':')) {
        return false;
      }
      for (const JsonMember& member : object) {
        if (member.first == key) return false;
      }
      skip_space();
      if (at_ != end_ && *at_ == '"') {  // made where it belongs
        std::string_view text;
        if (++items_ > limits_.items || !read_string(text)) return false;
        object.emplace_back(key, text);
      } else if (!read_value(object.emplace_back(key, Json()).second, depth)) {
        return false;
      }
    } while (take_after_space(','));
    return take('}');
  }

  bool read_array(Json& into, std::size_t depth) {
    into = Json(JsonArray());
    JsonArray& array = *into.as_array();
    if (take_after_space(']')) return true;
    do {
      if (!read_value(array.emplace_back(), depth)) return false;
    } while (take_after_space(','));
    return take(']');
  }

  bool read_string(std::string_view& text) {
    if (!take('"')) return false;
    const char* const from = at_;
    for (unsigned plain = 8; plain == 8;) {
      std::uint64_t eight = 0;
      std::memcpy(&eight, at_, std::min<std::size_t>(sizeof eight, left()));
      plain = plain_bytes(eight);
      at_ += plain;
    }
    text = {from, static_cast<std::size_t>(at_ - from)};
    return take('"');
  }

  bool read_integer(Json& into) {
    const bool is_negative = take('-');
    const char* const from = at_;
    std::int64_t value = 0;
    while (at_ != end_ && *at_ >= '0' && *at_ <= '9') {
      if (static_cast<std::size_t>(at_ - from) == kMostDigits) return false;
      value = value * 10 + (*at_++ - '0');
    }
    const bool has_zero_first = from != at_ && *from == '0';
    if (from == at_ || (has_zero_first && (at_ - from > 1 || is_negative))) return false;
    if (at_ != end_ && (*at_ == '.' || *at_ == 'e' || *at_ == 'E')) return false;
    into = Json(is_negative ? -value : value);
    return true;
  }

  const char* at_;
  const char* const end_;
  const JsonLimits& limits_;
  std::size_t items_ = 0;
};

}  // namespace

std::optional<Json> read_quickly(std::string_view text, const JsonLimits& limits) {
  if (text.size() > std::min(kMostText, limits.bytes)) return std::nullopt;
  return Quick(text, limits).read();
}

}  // namespace writ
