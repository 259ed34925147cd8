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

  // Both at once: one look at the clocks for each decision.
  struct Reading {
    Time now;  // never before `floor` or an earlier answer
    bool jumped = false;
  };
  Reading read() const;
  Time now() const override { return read().now; }
  Millis steady() const override { return clock_.steady(); }
  bool jumped() const { return read().jumped; }
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
