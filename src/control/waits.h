// Waiting for a grant to reach a state: who asks is called back when it happened, or when the time
// is up. Thread-safe.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "base/clock.h"
#include "core/state.h"

namespace writ::control {

class Waits {
 public:
  // Says whether the wait is over, given the state. Called under a lock: must be quick.
  using Over = std::function<bool(const core::State&)>;
  // Called once: with true when it is over, with false when the time is up first.
  using Callback = std::function<void(bool over)>;

  explicit Waits(const Clock& clock) : clock_(clock) {}

  // `state` is the newest one; if the wait is over already, `callback` is called at once.
  void add(const std::string& grant, const core::State& state, Millis at_most, Over over,
           Callback callback);
  // Something about these grants changed.
  void changed(const std::vector<std::string>& grants, const core::State& state);
  // Ends waits whose time is up. Call every few tens of milliseconds.
  void tick();
  // Ends all waits as if their time were up.
  void stop();

 private:
  struct Wait {
    Millis until;
    Over over;
    Callback callback;
  };
  const Clock& clock_;
  std::mutex mutex_;
  std::multimap<std::string, Wait> waits_;  // guarded by mutex_
};

}  // namespace writ::control
