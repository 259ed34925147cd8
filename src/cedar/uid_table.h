// UidTable: numbers by the uid that they belong to; made once, then only read. Looking costs a
// logarithm at worst, whatever the uids are.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "cedar/hash_starts.h"
#include "cedar/uid.h"

namespace writ::cedar::detail {

class UidTable {
 public:
  struct Entry {
    EntityUid uid;
    std::uint32_t number;
  };

  UidTable() = default;
  explicit UidTable(std::vector<Entry> entries) : entries_(std::move(entries)) {
    std::sort(entries_.begin(), entries_.end(), [](const Entry& a, const Entry& b) {
      return a.uid == b.uid ? a.number < b.number : by_hash(a.uid, b.uid);
    });
    starts_ = HashStarts(entries_.size(), [&](std::size_t i) { return entries_[i].uid.hash(); });
  }

  bool empty() const { return entries_.empty(); }
  auto begin() const { return entries_.begin(); }
  auto end() const { return entries_.end(); }

  // Those of one uid, ascending by number.
  std::span<const Entry> find(const EntityUid& uid) const {
    const HashStarts::Range near = starts_.near(uid.hash());
    const Entry* const end = entries_.data() + near.first + near.count;
    const Entry* const first = std::lower_bound(
        end - near.count, end, uid,
        [](const Entry& entry, const EntityUid& u) { return by_hash(entry.uid, u); });
    const Entry* last = first;
    while (last != end && last->uid == uid) ++last;
    return {first, last};
  }

 private:
  std::vector<Entry> entries_;  // sorted by hash of the uid, then uid, then number
  HashStarts starts_;
};

}  // namespace writ::cedar::detail
