// Structs to compact bytes and back, from the same descriptions as their JSON (json_fields.h).
// Internal to the room: snapshots alone are written so, and only by the program that reads them.
//
//   integers, enums, times, durations   zigzag varint
//   strings, JSON (canonical), hashes   length as varint, bytes
//   optional                            0, or 1 and the value
//   vectors                             count as varint, then each
//   structs                             their fields in order
//
// Reading never goes past the end, and makes nothing longer than the bytes that are there.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/json_fields.h"

namespace writ::core {

class Packer {
 public:
  // What is packed comes behind `begin`.
  explicit Packer(std::string begin = {}) : out_(std::move(begin)) {}
  template <class T>
  void operator()(std::string_view, const T& value) {
    put(value);
  }
  template <class T>
  void put(const T& value) {
    if constexpr (writ::detail::Text<T>) {
      put_bytes(value);
    } else if constexpr (std::is_same_v<T, Json>) {
      put_bytes(canonical(value));
    } else if constexpr (std::is_same_v<T, Hash>) {
      put_bytes(as_bytes(value));
    } else if constexpr (std::is_integral_v<T> || std::is_enum_v<T>) {
      put_integer(static_cast<std::int64_t>(value));
    } else if constexpr (std::is_same_v<T, Time>) {
      put_integer(unix_ms(value));
    } else if constexpr (std::is_same_v<T, Millis>) {
      put_integer(value.count());
    } else if constexpr (writ::detail::is_optional<T>::value) {
      put_count(value.has_value() ? 1 : 0);
      if (value) put(*value);
    } else if constexpr (writ::detail::is_vector<T>::value) {
      put_count(value.size());
      for (const auto& item : value) put(item);
    } else {
      fields(*this, const_cast<T&>(value));  // a packer only reads
    }
  }
  void put_count(std::uint64_t v);
  std::string take() { return std::move(out_); }

 private:
  void put_bytes(std::string_view bytes);
  void put_integer(std::int64_t v);
  std::string out_;
};

class Unpacker {
 public:
  explicit Unpacker(std::string_view bytes) : left_(bytes) {}
  bool ok() const { return ok_; }
  bool done() const { return ok_ && left_.empty(); }
  std::size_t left() const { return left_.size(); }  // bytes

  template <class T>
  void operator()(std::string_view, T& value) {
    get(value);
  }
  template <class T>
  T take() {
    T value{};
    get(value);
    return value;
  }
  template <class T>
  void get(T& value) {
    if constexpr (std::is_same_v<T, std::string>) {
      // Made of its bytes it has their room; assigned to, an empty string takes up to 30 bytes.
      value = std::string(get_bytes());
    } else if constexpr (writ::detail::CompactText<T>) {
      value = T(get_bytes());
    } else if constexpr (std::is_same_v<T, Json>) {
      auto json = parse_json(get_bytes(), {.bytes = 16 << 20});
      if (json) {
        value = std::move(*json);
      } else {
        ok_ = false;
      }
    } else if constexpr (std::is_same_v<T, Hash>) {
      if (auto hash = to_hash(get_bytes())) {
        value = *hash;
      } else {
        ok_ = false;
      }
    } else if constexpr (std::is_enum_v<T>) {
      const std::int64_t v = get_integer();
      if (v < 0 || v >= static_cast<std::int64_t>(enum_names(T{}).size())) {
        ok_ = false;
      } else {
        value = static_cast<T>(v);
      }
    } else if constexpr (std::is_integral_v<T>) {
      const std::int64_t v = get_integer();
      value = static_cast<T>(v);
      if (static_cast<std::int64_t>(value) != v) ok_ = false;
    } else if constexpr (std::is_same_v<T, Time>) {
      value = from_unix_ms(get_integer());
    } else if constexpr (std::is_same_v<T, Millis>) {
      value = Millis(get_integer());
    } else if constexpr (writ::detail::is_optional<T>::value) {
      const std::uint64_t present = get_count();
      if (present > 1) ok_ = false;
      if (ok_ && present == 1) get(value.emplace());
    } else if constexpr (writ::detail::is_vector<T>::value) {
      const std::uint64_t count = get_count();
      if (count > left_.size()) ok_ = false;  // each item has a byte at least
      if (!ok_) return;
      value.reserve(count);
      for (std::uint64_t i = 0; i < count && ok_; ++i) {
        value.push_back(take<typename T::value_type>());
      }
    } else {
      fields(*this, value);
    }
  }
  std::uint64_t get_count();

 private:
  std::string_view get_bytes();
  std::int64_t get_integer();
  std::string_view left_;
  bool ok_ = true;
};

// The names and types of all fields of T, in order: two programs read each other's bytes only if
// theirs are the same.
class Shape {
 public:
  template <class T>
  void operator()(std::string_view name, T&) {
    say(name);
    say(":");
    add<T>();
    say(",");
  }
  template <class T>
  void add() {
    if constexpr (writ::detail::Text<T> || std::is_same_v<T, Json> || std::is_same_v<T, Hash>) {
      say("s");
    } else if constexpr (std::is_enum_v<T>) {
      for (std::string_view name : enum_names(T{})) {
        say(name);
        say("|");
      }
    } else if constexpr (std::is_integral_v<T> || std::is_same_v<T, Time> ||
                         std::is_same_v<T, Millis>) {
      say("i");
    } else if constexpr (writ::detail::is_optional<T>::value || writ::detail::is_vector<T>::value) {
      say("*");
      add<typename T::value_type>();
    } else {
      T value{};
      say("{");
      fields(*this, value);
      say("}");
    }
  }
  const std::string& text() const { return text_; }

 private:
  void say(std::string_view part);
  std::string text_;
};

}  // namespace writ::core
