#include "control/waits.h"

namespace writ::control {

void Waits::add(const std::string& grant, const core::State& state, Millis at_most, Over over,
                Callback callback) {
  {
    std::lock_guard lock(mutex_);
    if (!over(state)) {
      waits_.emplace(grant, Wait{clock_.steady() + at_most, std::move(over), std::move(callback)});
      return;
    }
  }
  callback(true);
}

void Waits::changed(const std::vector<std::string>& grants, const core::State& state) {
  std::vector<Callback> done;
  {
    std::lock_guard lock(mutex_);
    for (const std::string& grant : grants) {
      auto [at, end] = waits_.equal_range(grant);
      while (at != end) {
        if (at->second.over(state)) {
          done.push_back(std::move(at->second.callback));
          at = waits_.erase(at);
        } else {
          ++at;
        }
      }
    }
  }
  for (Callback& callback : done) callback(true);
}

void Waits::tick() {
  std::vector<Callback> late;
  const Millis now = clock_.steady();
  {
    std::lock_guard lock(mutex_);
    for (auto at = waits_.begin(); at != waits_.end();) {
      if (at->second.until <= now) {
        late.push_back(std::move(at->second.callback));
        at = waits_.erase(at);
      } else {
        ++at;
      }
    }
  }
  for (Callback& callback : late) callback(false);
}

void Waits::stop() {
  std::multimap<std::string, Wait> waits;
  {
    std::lock_guard lock(mutex_);
    waits.swap(waits_);
  }
  for (auto& [grant, wait] : waits) wait.callback(false);
}

}  // namespace writ::control
