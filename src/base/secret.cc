#include "base/secret.h"

#include <string.h>  // explicit_bzero

namespace writ {

void zero(void* memory, std::size_t size) {
  explicit_bzero(memory, size);
}

Secret::Secret(std::string_view bytes) : bytes_(bytes) {}

Secret::Secret(std::string&& bytes) : bytes_(bytes) {
  zero(bytes.data(), bytes.size());
}

// A copy, since moving a short string leaves its bytes behind.
// NOLINTNEXTLINE(performance-move-constructor-init)
Secret::Secret(Secret&& other) noexcept : bytes_(other.bytes_) {
  zero(other.bytes_.data(), other.bytes_.size());
  other.bytes_.clear();
}

Secret& Secret::operator=(Secret&& other) noexcept {
  if (this != &other) {
    zero(bytes_.data(), bytes_.size());
    bytes_ = other.bytes_;
    zero(other.bytes_.data(), other.bytes_.size());
    other.bytes_.clear();
  }
  return *this;
}

Secret::~Secret() {
  zero(bytes_.data(), bytes_.size());
}

bool equal_constant_time(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  unsigned char difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    difference = static_cast<unsigned char>(difference | (a[i] ^ b[i]));
  }
  return difference == 0;
}

}  // namespace writ
