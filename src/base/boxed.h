// Boxed: an optional value that takes a pointer's room while there is none. For what most of very
// many structs lack. Copies copy the value.
#pragma once

#include <memory>
#include <type_traits>
#include <utility>

namespace writ {

namespace detail {
template <class T>
struct is_optional;  // base/json_fields.h
}

template <class T>
class Boxed {
 public:
  using value_type = T;

  Boxed() = default;
  Boxed(const Boxed& other) : value_(other ? std::make_unique<T>(*other) : nullptr) {}
  Boxed(Boxed&&) noexcept = default;
  Boxed& operator=(Boxed other) noexcept {
    value_.swap(other.value_);
    return *this;
  }
  ~Boxed() = default;

  // As of std::optional.
  explicit operator bool() const { return value_ != nullptr; }
  bool has_value() const { return value_ != nullptr; }
  const T& operator*() const { return *value_; }
  T& operator*() { return *value_; }
  const T* operator->() const { return value_.get(); }
  T* operator->() { return value_.get(); }
  T& emplace() {
    value_ = std::make_unique<T>();
    return *value_;
  }
  void reset() { value_.reset(); }
  bool operator==(const Boxed& other) const {
    return has_value() == other.has_value() && (!has_value() || **this == *other);
  }

 private:
  std::unique_ptr<T> value_;
};

// In JSON as std::optional is.
template <class T>
struct detail::is_optional<Boxed<T>> : std::true_type {};

}  // namespace writ
