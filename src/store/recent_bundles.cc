#include "store/recent_bundles.h"

#include "base/bytes.h"
#include "tlog/commitment.h"
#include "tlog/tile.h"

namespace writ::store {
namespace {

using tlog::kTileWidth;

constexpr std::size_t kUsualBundle = kTileWidth * (2 + tlog::kCommitmentEntrySize);

}  // namespace

void RecentBundles::begin_at(std::uint64_t size) {
  const std::lock_guard lock(mutex_);
  base_ = size / kTileWidth;
}

void RecentBundles::append(std::span<const std::string_view> entries) {
  const std::lock_guard lock(mutex_);
  for (const std::string_view entry : entries) {
    if (bundles_.empty() || in_last_ == kTileWidth) {
      bundles_.emplace_back().reserve(kUsualBundle);
      in_last_ = 0;
    }
    std::string& last = bundles_.back();
    put_u16(last, static_cast<std::uint16_t>(entry.size()));
    last += entry;
    ++in_last_;
  }
}

std::optional<std::string> RecentBundles::full(std::uint64_t bundle) const {
  const std::lock_guard lock(mutex_);
  if (bundle < base_ || bundle - base_ >= bundles_.size()) return std::nullopt;
  const std::uint64_t at = bundle - base_;
  if (at + 1 == bundles_.size() && in_last_ < kTileWidth) return std::nullopt;
  return bundles_[at];
}

void RecentBundles::forget(std::uint64_t size) {
  const std::lock_guard lock(mutex_);
  while (base_ < size / kTileWidth && !bundles_.empty()) {
    if (bundles_.size() == 1 && in_last_ < kTileWidth) break;
    bundles_.pop_front();
    ++base_;
  }
}

}  // namespace writ::store
