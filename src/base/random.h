// Randomness as an input: whoever needs it takes a Random. `crypto::SystemRandom` is the real one.
#pragma once

#include <string>
#include <string_view>

namespace writ {

class Random {
 public:
  virtual ~Random() = default;
  // `size` bytes that nobody can predict. Thread-safe.
  virtual std::string bytes(std::size_t size) = 0;
};

// Repeatable bytes from a seed, for tests and simulations only.
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(unsigned long long seed) : state_(seed) {}
  std::string bytes(std::size_t size) override;
  unsigned long long next();  // splitmix64
  // A number in [0, bound).
  unsigned long long below(unsigned long long bound) { return next() % bound; }

 private:
  unsigned long long state_;
};

// An opaque id: `prefix`, "_" and 16 characters of Crockford base32 in lower case (80 random bits).
// Ids are never reused (who creates a thing checks that its id is free) and mean nothing.
std::string new_id(std::string_view prefix, Random& random);

}  // namespace writ
