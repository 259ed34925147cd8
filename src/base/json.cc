#include "base/json.h"

#include <algorithm>
#include <array>
#include <boost/json/basic_parser_impl.hpp>
#include <charconv>
#include <cmath>
#include <cstring>
#include <memory>
#include <unordered_set>

#include "base/bytes.h"
#include "base/json_quick.h"
#include "base/json_text.h"

namespace writ {
namespace {

// Builds a Json value from the events of Boost.JSON's parser, and stops it at the first thing that
// strict JSON forbids. `problem` then says what that was.
class Builder {
 public:
  // NOLINTBEGIN(readability-identifier-naming): Boost.JSON asks for these names.
  static constexpr std::size_t max_object_size = std::size_t(-1);
  static constexpr std::size_t max_array_size = std::size_t(-1);
  static constexpr std::size_t max_key_size = std::size_t(-1);
  static constexpr std::size_t max_string_size = std::size_t(-1);
  // NOLINTEND(readability-identifier-naming)

  explicit Builder(const JsonLimits& limits) : limits_(limits) { stack_.reserve(8); }

  Json root;
  std::string problem;

  bool on_document_begin(boost::json::error_code&) { return true; }
  bool on_document_end(boost::json::error_code&) { return true; }
  bool on_object_begin(boost::json::error_code& ec) { return begin(JsonObject(), ec); }
  bool on_object_end(std::size_t, boost::json::error_code&) {
    stack_.pop_back();
    return true;
  }
  bool on_array_begin(boost::json::error_code& ec) { return begin(JsonArray(), ec); }
  bool on_array_end(std::size_t, boost::json::error_code&) {
    stack_.pop_back();
    return true;
  }
  bool on_key_part(boost::json::string_view part, std::size_t, boost::json::error_code&) {
    key_.append(part.data(), part.size());
    return true;
  }
  bool on_key(boost::json::string_view part, std::size_t, boost::json::error_code& ec) {
    key_.append(part.data(), part.size());
    if (is_new_key(*stack_.back().json->as_object())) return true;
    return stop("the key \"" + key_ + "\" stands twice in one object", ec);
  }
  bool on_string_part(boost::json::string_view part, std::size_t, boost::json::error_code&) {
    text_.append(part.data(), part.size());
    return true;
  }
  bool on_string(boost::json::string_view part, std::size_t, boost::json::error_code& ec) {
    if (text_.empty()) return add(std::string_view(part.data(), part.size()), ec) != nullptr;
    text_.append(part.data(), part.size());
    return add(std::exchange(text_, {}), ec) != nullptr;
  }
  bool on_number_part(boost::json::string_view part, boost::json::error_code&) {
    number_.append(part.data(), part.size());
    return true;
  }
  bool on_int64(std::int64_t v, boost::json::string_view, boost::json::error_code& ec) {
    number_.clear();
    return add(v, ec) != nullptr;
  }
  bool on_uint64(std::uint64_t, boost::json::string_view, boost::json::error_code& ec) {
    return stop("the integer does not fit in 64 signed bits", ec);
  }
  bool on_double(double, boost::json::string_view part, boost::json::error_code& ec) {
    number_.append(part.data(), part.size());
    if (number_.find_first_of(".eE") == std::string::npos) {
      return stop("the integer does not fit in 64 signed bits", ec);
    }
    double v = 0;  // Boost's own conversion is off by a few units in the last place
    const auto read = std::from_chars(number_.data(), number_.data() + number_.size(), v);
    number_.clear();
    if (read.ec != std::errc()) return stop("the number is out of the range of a double", ec);
    // Such a number is written as plain digits (RFC 8785), which no reader of integers takes.
    if (std::abs(v) < 1e21 && (v >= 0x1p63 || v < -0x1p63)) {
      return stop("the integer does not fit in 64 signed bits", ec);
    }
    return add(v, ec) != nullptr;
  }
  bool on_bool(bool v, boost::json::error_code& ec) { return add(v, ec) != nullptr; }
  bool on_null(boost::json::error_code& ec) { return add(nullptr, ec) != nullptr; }
  bool on_comment_part(boost::json::string_view, boost::json::error_code&) { return true; }
  bool on_comment(boost::json::string_view, boost::json::error_code&) { return true; }

 private:
  struct Open {
    Json* json;
    std::unique_ptr<std::unordered_set<std::string>> keys;  // of a large object
  };
  static constexpr std::size_t kLarge = 16;
  static constexpr std::size_t kMembersAtFirst = 4;

  bool is_new_key(const JsonObject& object) {
    Open& open = stack_.back();
    if (object.size() < kLarge) {
      return std::none_of(object.begin(), object.end(),
                          [&](const JsonMember& m) { return m.first == key_; });
    }
    if (!open.keys) {
      open.keys = std::make_unique<std::unordered_set<std::string>>();
      for (const JsonMember& m : object) open.keys->insert(m.first);
    }
    return open.keys->insert(key_).second;
  }

  template <class Container>
  bool begin(Container container, boost::json::error_code& ec) {
    if (stack_.size() >= limits_.depth) {
      return stop("values are nested more than " + std::to_string(limits_.depth) + " deep", ec);
    }
    Json* added = add(std::move(container), ec);
    if (added == nullptr) return false;
    stack_.push_back({added, nullptr});
    return true;
  }

  // Puts a value where it belongs: made there, since moving one costs as much as reading it.
  template <class Value>
  Json* add(Value&& value, boost::json::error_code& ec) {
    if (++items_ > limits_.items) {
      stop("there are more than " + std::to_string(limits_.items) + " values", ec);
      return nullptr;
    }
    if (stack_.empty()) {
      root = Json(std::forward<Value>(value));
      return &root;
    }
    Json* parent = stack_.back().json;
    if (JsonArray* array = parent->as_array()) {
      return &array->emplace_back(std::forward<Value>(value));
    }
    JsonObject& object = *parent->as_object();
    if (object.empty()) object.reserve(kMembersAtFirst);
    Json* added = &object.emplace_back(std::move(key_), std::forward<Value>(value)).second;
    key_.clear();
    return added;
  }

  bool stop(std::string why, boost::json::error_code& ec) {
    problem = std::move(why);
    ec = boost::json::make_error_code(boost::json::error::extra_data);
    return false;
  }

  const JsonLimits& limits_;
  std::vector<Open> stack_;  // pointers stay valid: only the innermost container grows
  std::string key_;          // of the value that comes next
  std::string text_;
  std::string number_;
  std::size_t items_ = 0;
};

std::string_view boost_problem(const boost::json::error_code& ec) {
  using boost::json::error;
  if (ec == error::incomplete) return "the text ends in the middle of a value";
  if (ec == error::extra_data) return "there is text after the value";
  if (ec == error::illegal_leading_surrogate || ec == error::illegal_trailing_surrogate ||
      ec == error::expected_utf16_escape) {
    return "a \\u escape is half of a surrogate pair";
  }
  return "this is not JSON";
}

std::string place(std::string_view text, std::size_t offset, std::string_view name) {
  offset = std::min(offset, text.size());
  const std::string_view before = text.substr(0, offset);
  const auto line = std::count(before.begin(), before.end(), '\n') + 1;
  const std::size_t start = before.rfind('\n') + 1;  // npos + 1 is 0
  const std::string at = std::to_string(line) + ":" + std::to_string(offset - start + 1);
  return name.empty() ? "line " + at : std::string(name) + ":" + at;
}

// RFC 8785 section 3.2.2.3: ECMAScript's Number::toString.
void append_double(std::string& out, double value) {
  if (value == 0) {
    out += '0';
    return;
  }
  std::array<char, 32> buffer;
  const auto [end, error] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value,
                                          std::chars_format::scientific);
  std::string_view text(buffer.data(), static_cast<std::size_t>(end - buffer.data()));
  if (text.front() == '-') {
    out += '-';
    text.remove_prefix(1);
  }
  const std::size_t e = text.find('e');
  int exponent = 0;
  const std::string_view power = text.substr(text[e + 1] == '+' ? e + 2 : e + 1);
  std::from_chars(power.data(), power.data() + power.size(), exponent);
  std::string digits(1, text[0]);
  if (e > 2) digits += text.substr(2, e - 2);
  const int count = static_cast<int>(digits.size());
  const int n = exponent + 1;  // position of the decimal point
  if (count <= n && n <= 21) {
    out += digits + std::string(static_cast<std::size_t>(n - count), '0');
  } else if (0 < n && n <= 21) {
    out += digits.substr(0, static_cast<std::size_t>(n)) + "." +
           digits.substr(static_cast<std::size_t>(n));
  } else if (-6 < n && n <= 0) {
    out += "0." + std::string(static_cast<std::size_t>(-n), '0') + digits;
  } else {
    out += digits[0];
    if (count > 1) out += "." + digits.substr(1);
    out += exponent < 0 ? "e-" : "e+";
    out += std::to_string(std::abs(exponent));
  }
}

// RFC 8785 section 3.2.3 orders keys by UTF-16 code units. That is byte order except where one key
// has a character past U+FFFF and the other one in U+E000..U+FFFF.
bool key_less(std::string_view a, std::string_view b) {
  const auto [x, y] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
  if (x == a.end() || y == b.end()) return a.size() < b.size();
  const auto p = static_cast<unsigned char>(*x);
  const auto q = static_cast<unsigned char>(*y);
  const bool wide_p = p >= 0xf0;
  const bool wide_q = q >= 0xf0;
  if (wide_p != wide_q && std::min(p, q) >= 0xee) return wide_p;
  return p < q;
}

enum class Form { kCanonical, kCompact, kPretty };

void write(std::string& out, const Json& json, Form form, std::size_t indent) {
  const auto newline = [&](std::size_t by) {
    if (form == Form::kPretty) out.append("\n").append(by * 2, ' ');
  };
  if (json.is_null()) {
    out += "null";
  } else if (const bool* flag = json.as_bool()) {
    out += *flag ? "true" : "false";
  } else if (const std::int64_t* integer = json.as_int()) {
    out += std::to_string(*integer);
  } else if (const double* number = json.as_double()) {
    append_double(out, *number);
  } else if (const std::string* text = json.as_string()) {
    append_json_string(out, *text);
  } else if (const JsonArray* array = json.as_array()) {
    out += '[';
    for (std::size_t i = 0; i < array->size(); ++i) {
      if (i > 0) out += ',';
      newline(indent + 1);
      write(out, (*array)[i], form, indent + 1);
    }
    if (!array->empty()) newline(indent);
    out += ']';
  } else {
    const JsonObject& object = *json.as_object();
    std::vector<const JsonMember*> members;
    members.reserve(object.size());
    for (const JsonMember& m : object) members.push_back(&m);
    if (form == Form::kCanonical) {
      std::sort(members.begin(), members.end(), [](const JsonMember* a, const JsonMember* b) {
        return key_less(a->first, b->first);
      });
    }
    out += '{';
    for (std::size_t i = 0; i < members.size(); ++i) {
      if (i > 0) out += ',';
      newline(indent + 1);
      append_json_string(out, members[i]->first);
      out += form == Form::kPretty ? ": " : ":";
      write(out, members[i]->second, form, indent + 1);
    }
    if (!members.empty()) newline(indent);
    out += '}';
  }
}

std::string write(const Json& json, Form form) {
  std::string out;
  write(out, json, form, 0);
  return out;
}

}  // namespace

Json::Json(const Json& other) = default;
Json::Json(Json&& other) noexcept = default;
Json& Json::operator=(const Json& other) = default;
Json& Json::operator=(Json&& other) noexcept = default;
Json::~Json() = default;
bool Json::operator==(const Json& other) const = default;

std::string_view Json::type_name() const {
  constexpr std::array<std::string_view, 7> kNames{
      "null", "a boolean", "an integer", "a number", "a string", "an array", "an object"};
  return kNames[value_.index()];
}

const Json* Json::find(std::string_view key) const {
  const JsonObject* object = as_object();
  if (object == nullptr) return nullptr;
  for (const JsonMember& m : *object) {
    if (m.first == key) return &m.second;
  }
  return nullptr;
}

Json& Json::set(std::string_view key, Json value) {
  if (is_null()) value_ = JsonObject();
  JsonObject& object = std::get<JsonObject>(value_);
  for (JsonMember& m : object) {
    if (m.first == key) {
      m.second = std::move(value);
      return *this;
    }
  }
  object.emplace_back(std::string(key), std::move(value));
  return *this;
}

Json& Json::push(Json value) {
  if (is_null()) value_ = JsonArray();
  std::get<JsonArray>(value_).push_back(std::move(value));
  return *this;
}

Result<Json> parse_json(std::string_view text, const JsonLimits& limits, std::string_view name) {
  if (text.size() > limits.bytes) {
    return fail(Code::kInvalid,
                "the JSON text is " + std::to_string(text.size()) + " bytes long, more than the " +
                    std::to_string(limits.bytes) + " allowed",
                place(text, 0, name));
  }
  if (auto quick = read_quickly(text, limits)) return std::move(*quick);
  boost::json::parse_options options;
  options.max_depth = limits.depth + 1;  // the builder counts, and says so in words
  boost::json::basic_parser<Builder> parser(options, limits);
  boost::json::error_code ec;
  const std::size_t read = parser.write_some(false, text.data(), text.size(), ec);
  if (!ec && read < text.size()) ec = boost::json::make_error_code(boost::json::error::extra_data);
  if (ec) {
    std::string problem = parser.handler().problem;
    if (problem.empty())
      problem = is_utf8(text) ? boost_problem(ec) : "the text is not valid UTF-8";
    return fail(Code::kInvalid, std::move(problem), place(text, read, name));
  }
  return std::move(parser.handler().root);
}

void append_json_string(std::string& out, std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  out += '"';
  std::size_t copied = 0;  // what needs no escape is copied in one piece
  for (std::size_t i = 0; i < text.size(); ++i) {
    for (std::uint64_t eight = 0; text.size() - i >= 8; i += 8) {
      std::memcpy(&eight, text.data() + i, sizeof eight);
      if (!is_plain(eight)) break;
    }
    if (i == text.size()) break;
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte >= 0x20 && byte != '"' && byte != '\\') continue;
    out.append(text, copied, i - copied);
    copied = i + 1;
    switch (text[i]) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\b':
        out += "\\b";
        break;
      case '\f':
        out += "\\f";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        out += "\\u00";
        out += kHex[byte >> 4];
        out += kHex[byte & 15];
    }
  }
  out.append(text, copied, std::string_view::npos);
  out += '"';
}

std::string canonical(const Json& json) {
  return write(json, Form::kCanonical);
}
std::string compact(const Json& json) {
  return write(json, Form::kCompact);
}
std::string pretty(const Json& json) {
  return write(json, Form::kPretty);
}

}  // namespace writ
