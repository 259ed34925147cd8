// Replay: recorded decisions asked again under other policies, each on the state of its moment, so
// that a change of policy shows whom it would have met. Changes nothing.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "control/decisions.h"
#include "control/plane.h"

namespace writ::control {

struct ReplayLimits {
  std::size_t decisions = 50'000;  // the newest in the window
  std::size_t flips = 1'000;       // that are told one by one
  Millis time{20'000};
};

struct Flip {
  std::uint64_t entry = 0;  // of the decision log
  RecordedDecision recorded;
  std::vector<std::string> policies;  // that would decide
  std::string message;
};

struct Replay {
  std::uint64_t in_window = 0;  // entries of the log since then
  std::uint64_t replayed = 0;   // asked again: the same, flipped, and unlike
  std::uint64_t to_allow = 0;   // denied then, would be allowed
  std::uint64_t to_deny = 0;    // allowed then, would be denied
  std::uint64_t unlike = 0;     // the policies of then do not give what was recorded: the answer
                                // rested on more (the clock, a disk that was full)
  std::uint64_t erased = 0;     // about somebody who was erased since: not asked again
  std::uint64_t not_decisions = 0;  // entries that hold no question
  std::vector<Flip> flips;          // in the journal's order; at most ReplayLimits::flips
  bool complete = true;             // all of the window was asked, within the limits
};

// Of the decisions from `since` on. Blocks: for a pool thread.
Result<Replay> replay(Plane& plane, const std::shared_ptr<const core::Policies>& policies,
                      Time since, const ReplayLimits& limits = {});

}  // namespace writ::control
