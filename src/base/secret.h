// Secret bytes: must be asked for with intent, zeroed when done, never copied by accident, never
// printed. Moving leaves the source empty and zeroed.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace writ {

class Secret {
 public:
  Secret() = default;
  // Takes the bytes over and zeroes the caller's string.
  explicit Secret(std::string&& bytes);
  explicit Secret(std::string_view bytes);
  Secret(Secret&& other) noexcept;
  Secret& operator=(Secret&& other) noexcept;
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  ~Secret();

  // A deliberate second copy.
  Secret clone() const { return Secret(reveal()); }
  // The bytes; valid while this Secret lives. Never log, store or pass on argv what this returns.
  std::string_view reveal() const { return bytes_; }
  bool empty() const { return bytes_.empty(); }

 private:
  std::string bytes_;
};

// Overwrites memory in a way that the compiler keeps.
void zero(void* memory, std::size_t size);

// Compares in time that depends on the lengths alone.
bool equal_constant_time(std::string_view a, std::string_view b);

}  // namespace writ
