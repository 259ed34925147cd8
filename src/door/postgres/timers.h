// What is to happen at which steady time, earliest first. Pure: the owner asks for `next` and calls
// `run`.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <unordered_map>
#include <utility>

#include "base/clock.h"

namespace writ::door::postgres {

class Timers {
 public:
  using Token = std::uint64_t;  // never 0

  Token set(Millis at, std::function<void()> call) {
    const Token token = ++last_;
    order_.emplace(std::pair(at, token), std::move(call));
    times_.emplace(token, at);
    if (order_.begin()->first.second == token && on_earlier) on_earlier();
    return token;
  }
  // Nothing happens for a token that was run or dropped already, or is 0.
  void drop(Token token) {
    const auto found = times_.find(token);
    if (found == times_.end()) return;
    order_.erase({found->second, token});
    times_.erase(found);
  }
  // Called when `next` became earlier.
  std::function<void()> on_earlier;

  std::optional<Millis> next() const {
    if (order_.empty()) return std::nullopt;
    return order_.begin()->first.first;
  }
  // Calls what is due; calls may set and drop.
  void run(Millis now) {
    while (!order_.empty() && order_.begin()->first.first <= now) {
      auto node = order_.extract(order_.begin());
      times_.erase(node.key().second);
      node.mapped()();
    }
  }

 private:
  Token last_ = 0;
  std::map<std::pair<Millis, Token>, std::function<void()>> order_;
  std::unordered_map<Token, Millis> times_;
};

}  // namespace writ::door::postgres
