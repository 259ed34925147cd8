// Tags: 32 bits of the hash of each item of a list, side by side, so that a few dozen items are
// searched at the speed of memory, without looking at any that is not the one. Invariant: a list of
// tags has room for a multiple of kTagsAtOnce.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace writ::cedar::detail {

inline constexpr std::size_t kTagsAtOnce = 8;
// Longer lists are better searched by halving, which also bounds what equal hashes can cost.
inline constexpr std::size_t kMostTagged = 64;

inline std::uint32_t tag_of(std::uint64_t hash) {
  return static_cast<std::uint32_t>(hash >> 32);
}
// Which tags may be among some, as one bit of 64 for each: most that are not are told at once.
inline std::uint64_t hint_of(std::uint32_t tag) {
  return std::uint64_t{1} << (tag >> 26);
}
constexpr std::size_t room_for_tags(std::size_t count) {
  return (count + kTagsAtOnce - 1) / kTagsAtOnce * kTagsAtOnce;
}

// Bit 2i is set where the i-th of kTagsAtOnce tags is this one.
inline std::uint32_t tags_equal(const std::uint32_t* tags, std::uint32_t tag) {
#ifdef __SSE2__
  const __m128i sought = _mm_set1_epi32(static_cast<int>(tag));
  const auto* four = reinterpret_cast<const __m128i*>(tags);
  const __m128i low = _mm_cmpeq_epi32(_mm_loadu_si128(four), sought);
  const __m128i high = _mm_cmpeq_epi32(_mm_loadu_si128(four + 1), sought);
  return static_cast<std::uint32_t>(_mm_movemask_epi8(_mm_packs_epi32(low, high))) & 0x5555;
#else
  std::uint32_t bits = 0;
  for (std::uint32_t i = 0; i < kTagsAtOnce; ++i) bits |= std::uint32_t{tags[i] == tag} << 2 * i;
  return bits;
#endif
}

// The index of the first item with this tag that `is_it`; `count` when there is none.
template <class IsIt>
[[gnu::always_inline]] inline std::size_t find_tagged(const std::uint32_t* tags, std::size_t count,
                                                      std::uint32_t tag, IsIt is_it) {
  for (std::size_t from = 0; from < count; from += kTagsAtOnce) {
    for (std::uint32_t bits = tags_equal(tags + from, tag); bits != 0; bits &= bits - 1) {
      const std::size_t at = from + static_cast<std::size_t>(std::countr_zero(bits)) / 2;
      if (at < count && is_it(at)) return at;
    }
  }
  return count;
}

}  // namespace writ::cedar::detail
