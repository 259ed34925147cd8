#include "base/json_text.h"

#include <charconv>

#include "base/time_text.h"

namespace writ {

void JsonText::grow(std::size_t size) {
  buffer_.resize(2 * (buffer_.size() + size));
}

JsonText& JsonText::number(std::int64_t value) {
  constexpr std::size_t kDigits = 24;
  char* const to = room(kDigits);
  size_ += static_cast<std::size_t>(std::to_chars(to, to + kDigits, value).ptr - to);
  return *this;
}

// Copied eight bytes at a time as long as nothing needs an escape, which is nearly always.
JsonText& JsonText::string(std::string_view value) {
  char* to = room(value.size() + 2);
  *to++ = '"';
  const char* from = value.data();
  const char* const end = from + value.size();
  for (; end - from >= 8; from += 8, to += 8) {
    std::uint64_t eight = 0;
    std::memcpy(&eight, from, sizeof eight);
    if (!is_plain(eight)) break;
    std::memcpy(to, &eight, sizeof eight);
  }
  const auto is_plain_byte = [](char c) {
    return static_cast<unsigned char>(c) >= 0x20 && c != '"' && c != '\\';
  };
  while (from != end && is_plain_byte(*from)) *to++ = *from++;
  if (from != end) {
    std::string quoted;
    append_json_string(quoted, value);
    return raw(quoted);
  }
  *to = '"';
  size_ += value.size() + 2;
  return *this;
}

JsonText& JsonText::time(Time value) {
  char* const to = room(kMostTimeText + 2);
  *to = '"';
  char* const end = put_text(to + 1, value);
  *end = '"';
  size_ += static_cast<std::size_t>(end + 1 - to);
  return *this;
}

void JsonText::member(std::string_view name, const std::vector<std::string>& values) {
  if (values.empty()) return;
  key(name).raw("[");
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (i > 0) raw(",");
    string(values[i]);
  }
  raw("]");
}

}  // namespace writ
