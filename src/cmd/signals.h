// How a long-running program is told to end.
#pragma once

#include "base/clock.h"

namespace writ::cmd {

// SIGINT and SIGTERM, taken from all threads that start after it; made before any of them.
class EndSignals {
 public:
  EndSignals();
  EndSignals(const EndSignals&) = delete;
  EndSignals& operator=(const EndSignals&) = delete;

  // True when one came within `at_most`.
  bool wait(Millis at_most);
  // Ends the wait, from any thread.
  static void raise();
};

}  // namespace writ::cmd
