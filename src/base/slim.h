// Slim: an optional value that takes no more room than the value: one of the values, which means
// nothing else, stands for none. For what very many structs hold.
#pragma once

#include <optional>
#include <utility>

#include "base/clock.h"

namespace writ {

namespace detail {
template <class T>
struct is_optional;  // base/json_fields.h
}

// Which value is none: make() makes it, is() knows it.
template <class T>
struct NoneOf;
template <>
struct NoneOf<Time> {
  static Time make() { return Time::min(); }
  static bool is(Time time) { return time == Time::min(); }
};

template <class T>
class Slim {
 public:
  using value_type = T;

  Slim() = default;
  Slim(std::nullopt_t) {}
  Slim(T value) : value_(std::move(value)) {}
  Slim(std::optional<T> value) : value_(value ? std::move(*value) : NoneOf<T>::make()) {}

  // As of std::optional.
  explicit operator bool() const { return has_value(); }
  bool has_value() const { return !NoneOf<T>::is(value_); }
  const T& operator*() const { return value_; }
  const T* operator->() const { return &value_; }
  T value_or(T other) const { return has_value() ? value_ : std::move(other); }
  // To be filled at once: until then it is none.
  T& emplace() { return value_ = NoneOf<T>::make(); }
  void reset() { value_ = NoneOf<T>::make(); }
  operator std::optional<T>() const {
    return has_value() ? std::optional<T>(value_) : std::nullopt;
  }
  bool operator==(const Slim& other) const { return value_ == other.value_; }

 private:
  T value_ = NoneOf<T>::make();
};

// In JSON as std::optional is.
template <class T>
struct detail::is_optional<Slim<T>> : std::true_type {};

}  // namespace writ
