// Time as an input. Everything that needs the time takes a Clock, or a Time; only `SystemClock`
// asks the machine. Times are UTC with millisecond precision.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace writ {

using Millis = std::chrono::milliseconds;
using Time = std::chrono::sys_time<Millis>;

inline std::int64_t unix_ms(Time time) {
  return time.time_since_epoch().count();
}
inline Time from_unix_ms(std::int64_t ms) {
  return Time(Millis(ms));
}

// "2026-11-21T09:30:00.000Z" (RFC 3339, always UTC, always milliseconds).
std::string to_text(Time time);
// Reads what `to_text` writes, with or without the fraction (1 to 3 digits).
Result<Time> parse_time(std::string_view text);

// "45s", "30m", "1h30m", "2d": the shortest exact form; "250ms" below a second.
std::string to_text(Millis duration);
// One or more of NUMBER UNIT, units d h m s ms in falling order, each once; above zero and at most
// 366 days. "30", "-5m" and "9999h" are errors that say what is wanted.
Result<Millis> parse_duration(std::string_view text);

class Clock {
 public:
  virtual ~Clock() = default;
  virtual Time now() const = 0;       // wall clock; may jump
  virtual Millis steady() const = 0;  // from an arbitrary start; never jumps, counts suspend too
};

class SystemClock final : public Clock {
 public:
  Time now() const override;
  Millis steady() const override;
};

// A clock that stands still until told otherwise. For tests; not thread-safe while being set.
class FixedClock final : public Clock {
 public:
  explicit FixedClock(Time now) : now_(now) {}
  Time now() const override { return now_; }
  Millis steady() const override { return steady_; }
  void advance(Millis by) { now_ += by, steady_ += by; }
  void jump(Millis by) { now_ += by; }  // the wall clock alone

 private:
  Time now_;
  Millis steady_{0};
};

}  // namespace writ
