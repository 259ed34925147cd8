// JSON text written front to back, for what is written once for every decision: the writer keeps
// its room from text to text, and a piece costs a copy and no more (pieces are mostly literals, and
// a copy of known size is a move or two: hence all the inlining). What it writes is JSON only if
// the caller puts the pieces in a sensible order. What is empty is left out of an object.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/json.h"

namespace writ {

class JsonText {
 public:
  std::string_view view() const { return {buffer_.data(), size_}; }
  void clear() { size_ = 0; }

  // As it is.
  [[gnu::always_inline]] JsonText& raw(std::string_view piece) {
    if (piece.empty()) return *this;  // it may point nowhere
    std::memcpy(room(piece.size()), piece.data(), piece.size());
    size_ += piece.size();
    return *this;
  }
  JsonText& number(std::int64_t value);
  JsonText& string(std::string_view value);  // in quotes
  JsonText& time(Time value);                // as to_text, in quotes

  // Appends `,"name":value`; the name is written as it is.
  [[gnu::always_inline]] void member(std::string_view name, std::string_view value) {
    if (!value.empty()) key(name).string(value);
  }
  void member(std::string_view name, const std::vector<std::string>& values);
  [[gnu::always_inline]] void member(std::string_view name, std::int64_t value) {
    key(name).number(value);
  }
  [[gnu::always_inline]] void member(std::string_view name, Time value) { key(name).time(value); }

 private:
  [[gnu::always_inline]] JsonText& key(std::string_view name) {
    char* to = room(name.size() + 4);
    *to++ = ',';
    *to++ = '"';
    std::memcpy(to, name.data(), name.size());
    to += name.size();
    *to++ = '"';
    *to = ':';
    size_ += name.size() + 4;
    return *this;
  }
  [[gnu::always_inline]] char* room(std::size_t size) {
    if (buffer_.size() - size_ < size) grow(size);
    return buffer_.data() + size_;
  }
  [[gnu::noinline, gnu::cold]] void grow(std::size_t size);

  std::string buffer_ = std::string(1024, '\0');
  std::size_t size_ = 0;
};

// Whether none of eight bytes needs an escape in a JSON string, all looked at together: a byte's
// high bit comes up where it is below 0x20, a quotation mark or a backslash.
inline bool is_plain(std::uint64_t eight) {
  constexpr std::uint64_t kOnes = 0x0101010101010101;
  constexpr std::uint64_t kHighs = 0x8080808080808080;
  const std::uint64_t quote = eight ^ (kOnes * '"');
  const std::uint64_t backslash = eight ^ (kOnes * '\\');
  return (((eight - kOnes * 0x20) | (quote - kOnes) | (backslash - kOnes)) & ~eight & kHighs) == 0;
}

}  // namespace writ
