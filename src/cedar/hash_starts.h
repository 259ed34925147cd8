// HashStarts: where in a list sorted by hash those stand whose hash has the same first bits: few,
// unless hashes were chosen to be near each other; then the list's order still tells them apart.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace writ::cedar::detail {

class HashStarts {
 public:
  HashStarts() = default;  // of an empty list
  // Of `size` items; `hash_at` answers the hash of each by its place, ascending.
  HashStarts(std::size_t size, auto hash_at) {
    // Eight parts for each item, at least, so that few share one: what was guessed wrong costs more
    // than what is read.
    const auto bits = static_cast<unsigned>(std::bit_width(size | 1)) + 3;
    shift_ = 64 - bits;
    starts_.assign((std::size_t{1} << bits) + 1, static_cast<std::uint32_t>(size));
    for (std::size_t i = size; i-- > 0;) starts_[hash_at(i) >> shift_] = static_cast<Place>(i);
    for (std::size_t part = starts_.size() - 1; part-- > 0;) {
      starts_[part] = std::min(starts_[part], starts_[part + 1]);
    }
  }

  struct Range {
    std::uint32_t first;
    std::uint32_t count;
  };
  Range near(std::uint64_t hash) const {
    const Place* first = starts_.data() + (hash >> shift_);
    return {first[0], first[1] - first[0]};
  }

 private:
  using Place = std::uint32_t;
  std::vector<Place> starts_{0, 0, 0};  // by first bits of a hash: the first such item
  unsigned shift_ = 63;                 // what is left of a hash but these bits
};

}  // namespace writ::cedar::detail
