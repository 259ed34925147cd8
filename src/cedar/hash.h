// Hashing and comparing of names and ids: most have a few bytes, and a request is made of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace writ::cedar {

namespace detail {
inline std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
  const unsigned __int128 product = static_cast<unsigned __int128>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}
inline constexpr std::uint64_t kHashSeed = 0x9e3779b97f4a7c15;
inline constexpr std::uint64_t kHashStep = 0xa0761d6478bd642f;
template <class Word>
std::uint64_t load(const char* bytes) {
  Word word = 0;
  std::memcpy(&word, bytes, sizeof(word));
  return word;
}
// Whether as many bytes are equal. Most are a name or an id of a few bytes; without a call in it,
// what looks for them needs no frame.
inline bool same_bytes(const char* a, const char* b, std::size_t size) {
  if (size >= 8) {
    for (std::size_t at = 0; at + 8 < size; at += 8) {
      if (load<std::uint64_t>(a + at) != load<std::uint64_t>(b + at)) return false;
    }
    return load<std::uint64_t>(a + size - 8) == load<std::uint64_t>(b + size - 8);
  }
  if (size >= 4) {
    return ((load<std::uint32_t>(a) ^ load<std::uint32_t>(b)) |
            (load<std::uint32_t>(a + size - 4) ^ load<std::uint32_t>(b + size - 4))) == 0;
  }
  return size == 0 || (a[0] == b[0] && a[size / 2] == b[size / 2] && a[size - 1] == b[size - 1]);
}
}  // namespace detail

// 64-bit hash of bytes; the same in every process. Not keyed: never index hostile input by it alone
// where collisions would cost time.
// The last bytes are read once more with those before them, rather than one by one.
inline std::uint64_t hash_bytes(std::string_view bytes) {
  using detail::load;
  const char* p = bytes.data();
  std::size_t left = bytes.size();
  std::uint64_t hash = detail::kHashSeed ^ left;
  for (; left > 8; p += 8, left -= 8) {
    hash = detail::mix(hash ^ load<std::uint64_t>(p), detail::kHashStep);
  }
  std::uint64_t last = 0;
  if (bytes.size() >= 8) {
    last = load<std::uint64_t>(p + left - 8);
  } else if (left >= 4) {
    last = load<std::uint32_t>(p) << 32 | load<std::uint32_t>(p + left - 4);
  } else if (left > 0) {
    last = load<std::uint8_t>(p) << 16 | load<std::uint8_t>(p + left / 2) << 8 |
           load<std::uint8_t>(p + left - 1);
  }
  return detail::mix(hash ^ last, detail::kHashSeed) ^ (hash >> 32);
}

}  // namespace writ::cedar
