// The entry bundles of the decision log's newest entries, in memory, so that writing their tiles
// reads nothing back from the segments. Thread-safe.
#pragma once

#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace writ::store {

class RecentBundles {
 public:
  // The entries before `size`, a multiple of the tiles' width, are in bundles on disk. Before
  // anything else.
  void begin_at(std::uint64_t size);
  void append(std::span<const std::string_view> entries);
  // The bytes of a full bundle; nothing when it is not full or not here.
  std::optional<std::string> full(std::uint64_t bundle) const;
  // Full bundles of entries before `size` are on disk now.
  void forget(std::uint64_t size);

 private:
  mutable std::mutex mutex_;         // guards everything below
  std::uint64_t base_ = 0;           // number of the first bundle
  std::deque<std::string> bundles_;  // all full but the last
  std::size_t in_last_ = 0;          // entries of the last one
};

}  // namespace writ::store
