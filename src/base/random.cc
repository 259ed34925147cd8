#include "base/random.h"

#include <string_view>

namespace writ {

unsigned long long SeededRandom::next() {
  unsigned long long z = (state_ += 0x9e3779b97f4a7c15ull);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
  return z ^ (z >> 31);
}

std::string SeededRandom::bytes(std::size_t size) {
  std::string out;
  while (out.size() < size) {
    unsigned long long word = next();
    for (int i = 0; i < 8 && out.size() < size; ++i, word >>= 8) {
      out.push_back(static_cast<char>(word & 0xff));
    }
  }
  return out;
}

std::string new_id(std::string_view prefix, Random& random) {
  constexpr std::string_view kAlphabet = "0123456789abcdefghjkmnpqrstvwxyz";
  const std::string raw = random.bytes(10);
  std::string id(prefix);
  id += '_';
  unsigned bits = 0;
  int count = 0;
  for (char c : raw) {
    bits = (bits << 8) | static_cast<unsigned char>(c);
    for (count += 8; count >= 5; count -= 5) id += kAlphabet[(bits >> (count - 5)) & 31];
  }
  return id;
}

}  // namespace writ
