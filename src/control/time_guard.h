// Time for decisions: wall-clock time that does not run back and does not jump.
//
// Wall time is believed as long as it moves with the monotonic clock. When both differ by more than
// a minute since they last agreed, the wall clock jumped: `now` goes on by the monotonic clock from
// the last believed time, and `jumped` stops allows until the wall clock agrees again. Expiry so
// neither stops nor strikes everything at once.
#pragma once

#include <mutex>

#include "base/clock.h"

namespace writ::control {

inline constexpr Millis kMostSkew = std::chrono::minutes(1);

class TimeGuard final : public Clock {
 public:
  // `clock` outlives it; `floor` is the time of the last committed event.
  TimeGuard(const Clock& clock, Time floor);

  Time now() const override;  // never before `floor` or an earlier answer
  Millis steady() const override { return clock_.steady(); }
  bool jumped() const;
  // A committed event carries this time: never answer an earlier one.
  void committed(Time time);

 private:
  const Clock& clock_;
  mutable std::mutex mutex_;
  mutable Time believed_;        // guarded: wall time at the last agreement
  mutable Millis believed_at_;   // guarded: monotonic time then
  mutable Time last_;            // guarded: last answer
  mutable bool jumped_ = false;  // guarded
};

}  // namespace writ::control
