// What ends when, in order of time: finding what is due costs what is due, not what exists.
//
// Invariant: every end is in the bucket of its minute, and no bucket is earlier than `first_`.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "core/cow_map.h"

namespace writ::core {

// `What` says what ends, as in a CowMap.
template <class What>
class EndsOf {
  using Bucket = CowMap<What, Time>;

 public:
  using View = Bucket::KeyView;
  std::size_t size() const { return size_; }

  // Room for all of them, made at once. Of one that is empty, and each of them is set next.
  void reserve(std::vector<Time> ends) {
    std::sort(ends.begin(), ends.end());
    for (auto from = ends.begin(); from != ends.end();) {
      const std::int64_t minute = minute_of(*from);
      const auto to =
          std::find_if(from, ends.end(), [&](Time end) { return minute_of(end) != minute; });
      buckets_[key(minute)].reserve(static_cast<std::size_t>(to - from));
      from = to;
    }
  }

  void set(View what, Time end) {
    const std::int64_t minute = minute_of(end);
    if (size_ == 0 || minute < first_) first_ = minute;
    Bucket& bucket = buckets_[key(minute)];
    const std::size_t before = bucket.size();
    bucket.set(what, end);
    size_ += bucket.size() - before;
    if (minute > last_ || size_ == 1) last_ = minute;
  }

  // `end` is the one that was set.
  void erase(View what, Time end) {
    const std::int64_t minute = minute_of(end);
    const Bucket* found = buckets_.find(key(minute));
    if (found == nullptr || !found->contains(what)) return;
    --size_;
    if (found->size() == 1) {
      buckets_.erase(key(minute));
    } else {
      buckets_[key(minute)].erase(what);
    }
    if (size_ > 0) first_ = first_from(first_);
  }

  // The first end; empty when there is none. Costs one minute's ends.
  std::optional<Time> next() const {
    if (size_ == 0) return std::nullopt;
    std::optional<Time> first;
    buckets_.find(key(first_))->for_each([&](const What&, Time end) {
      if (!first || end < *first) first = end;
    });
    return first;
  }

  // f(what, end) for each end at or before `now`, earliest minute first, then in no order.
  template <class Visit>
  void for_each_due(Time now, Visit f) const {
    if (size_ == 0) return;
    const std::int64_t to = std::min(minute_of(now), last_);
    for (std::int64_t minute = first_; minute <= to; minute = first_from(minute + 1)) {
      buckets_.find(key(minute))->for_each([&](const What& what, Time end) {
        if (end <= now) f(what, end);
      });
    }
  }

  // f(what, end) for each, in no order.
  template <class Visit>
  void for_each(Visit f) const {
    buckets_.for_each([&](std::uint64_t, const Bucket& bucket) { bucket.for_each(f); });
  }

 private:
  static std::int64_t minute_of(Time time) {
    return std::chrono::floor<std::chrono::minutes>(time).time_since_epoch().count();
  }
  static std::uint64_t key(std::int64_t minute) { return static_cast<std::uint64_t>(minute); }

  // The first minute from `from` on that has a bucket; past `last_` when there is none. Walks the
  // minutes, or the buckets where those are fewer.
  std::int64_t first_from(std::int64_t from) const {
    for (std::size_t steps = 0; from <= last_ && steps <= buckets_.size(); ++steps, ++from) {
      if (buckets_.contains(key(from))) return from;
    }
    if (from > last_) return from;
    std::int64_t first = std::numeric_limits<std::int64_t>::max();
    buckets_.for_each([&](std::uint64_t minute, const Bucket&) {
      const auto at = static_cast<std::int64_t>(minute);
      if (at >= from && at < first) first = at;
    });
    return first;
  }

  CowMap<std::uint64_t, Bucket> buckets_;  // by minute; none is empty
  std::size_t size_ = 0;
  std::int64_t first_ = 0;
  std::int64_t last_ = 0;  // no bucket is later
};
using Ends = EndsOf<std::string>;

}  // namespace writ::core
