// Who is to be called at which steady time, earliest first. Pure: the owner asks for `next` and
// calls `due`.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <unordered_map>
#include <vector>

#include "base/clock.h"

namespace writ::door::postgres {

class Deadlines {
 public:
  // One time for each key; a second call replaces the first.
  void set(std::uint64_t key, Millis at) {
    drop(key);
    times_.emplace(key, at);
    order_.emplace(at, key);
  }
  void drop(std::uint64_t key) {
    const auto found = times_.find(key);
    if (found == times_.end()) return;
    order_.erase({found->second, key});
    times_.erase(found);
  }
  std::optional<Millis> next() const {
    if (order_.empty()) return std::nullopt;
    return order_.begin()->first;
  }
  // Takes off and returns all keys whose time is not after `now`.
  std::vector<std::uint64_t> due(Millis now) {
    std::vector<std::uint64_t> keys;
    while (!order_.empty() && order_.begin()->first <= now) {
      keys.push_back(order_.begin()->second);
      times_.erase(order_.begin()->second);
      order_.erase(order_.begin());
    }
    return keys;
  }

 private:
  std::set<std::pair<Millis, std::uint64_t>> order_;
  std::unordered_map<std::uint64_t, Millis> times_;
};

}  // namespace writ::door::postgres
