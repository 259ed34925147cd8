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
  const auto differ = [&](auto word, std::size_t at) {
    return load<decltype(word)>(a + at) ^ load<decltype(word)>(b + at);
  };
  if (size >= 8) {
    std::uint64_t different = differ(std::uint64_t{}, 0) | differ(std::uint64_t{}, size - 8);
    if (size > 16) different |= differ(std::uint64_t{}, 8) | differ(std::uint64_t{}, size - 16);
    for (std::size_t at = 16; at + 16 < size; at += 8) different |= differ(std::uint64_t{}, at);
    return different == 0;
  }
  if (size >= 4) {
    return (differ(std::uint32_t{}, 0) | differ(std::uint32_t{}, size - 4)) == 0;
  }
  return size == 0 || (a[0] == b[0] && a[size / 2] == b[size / 2] && a[size - 1] == b[size - 1]);
}
}  // namespace detail

// Whether two names or ids are the same: as ==, and quicker for a few bytes.
[[gnu::always_inline]] inline bool same_text(std::string_view a, std::string_view b) {
  return a.size() == b.size() && detail::same_bytes(a.data(), b.data(), a.size());
}

// 64-bit hash of bytes; the same in every process. Not keyed: never index hostile input by it alone
// where collisions would cost time.
// Sixteen bytes take one multiplication; the last ones are read once more with those before them,
// rather than one by one.
inline std::uint64_t hash_bytes(std::string_view bytes, std::uint64_t seed = detail::kHashSeed) {
  using detail::load;
  const char* p = bytes.data();
  const std::size_t size = bytes.size();
  std::uint64_t hash = seed, first = 0, last = 0;
  if (size > 16) {
    const char* const end = p + size;
    for (; end - p > 16; p += 16) {
      hash = detail::mix(load<std::uint64_t>(p) ^ hash,
                         load<std::uint64_t>(p + 8) ^ detail::kHashStep);
    }
    first = load<std::uint64_t>(end - 16);
    last = load<std::uint64_t>(end - 8);
  } else if (size >= 8) {
    first = load<std::uint64_t>(p);
    last = load<std::uint64_t>(p + size - 8);
  } else if (size >= 4) {
    first = load<std::uint32_t>(p);
    last = load<std::uint32_t>(p + size - 4);
  } else if (size > 0) {
    first = load<std::uint8_t>(p) << 16 | load<std::uint8_t>(p + size / 2) << 8 |
            load<std::uint8_t>(p + size - 1);
  }
  return detail::mix(first ^ hash, last ^ detail::kHashStep ^ size);
}

}  // namespace writ::cedar
