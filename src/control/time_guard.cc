#include "control/time_guard.h"

#include <algorithm>

#include "base/log.h"

namespace writ::control {

TimeGuard::TimeGuard(const Clock& clock, Time floor)
    : clock_(clock), believed_(clock.now()), believed_at_(clock.steady()), last_(floor) {
  // A start with a clock behind the journal is a jump, too: time was seen to be later.
  if (believed_ + kMostSkew < floor) {
    believed_ = floor;
    jumped_ = true;
    log(Level::kError, "clock_behind_journal",
        {{"wall", to_text(clock.now())}, {"journal", to_text(floor)}});
  }
}

TimeGuard::Reading TimeGuard::read() const {
  std::lock_guard lock(mutex_);
  const Time wall = clock_.now();
  const Millis steady = clock_.steady();
  const Time expected = believed_ + (steady - believed_at_);
  const Millis off = wall > expected ? wall - expected : expected - wall;
  if (off <= kMostSkew) {
    if (jumped_) log(Level::kWarn, "clock_agrees_again", {{"wall", to_text(wall)}});
    jumped_ = false;
    believed_ = wall;
    believed_at_ = steady;
    last_ = std::max(last_, wall);
  } else {
    if (!jumped_) {
      log(Level::kError, "clock_jumped",
          {{"wall", to_text(wall)}, {"expected", to_text(expected)}});
    }
    jumped_ = true;
    last_ = std::max(last_, expected);
  }
  return {last_, jumped_};
}

void TimeGuard::committed(Time time) {
  std::lock_guard lock(mutex_);
  last_ = std::max(last_, time);
}

}  // namespace writ::control
