// Replay: recorded decisions asked again under the policies in force and under others, each on the
// state of its moment, so that a change of policy shows whom it would meet, and that change alone.
// Changes nothing.
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
  bool in_force = false;              // what the policies in force say
  bool would_be = false;              // and what the others would
  std::vector<std::string> policies;  // that would decide
  std::string message;
};

struct Replay {
  std::uint64_t in_window = 0;       // entries of the log since then
  std::uint64_t replayed = 0;        // asked again: the same, flipped, and unlike
  std::uint64_t to_allow = 0;        // the policies in force deny, and these would allow
  std::uint64_t to_deny = 0;         // the policies in force allow, and these would deny
  std::uint64_t changed_before = 0;  // those in force already say otherwise than was recorded,
                                     // whatever these say
  std::uint64_t unlike = 0;  // the policies of then do not give what was recorded: the answer
                             // rested on more (the clock, a disk that was full)
  std::uint64_t erased = 0;  // about somebody who was erased since: not asked again
  std::uint64_t not_decisions = 0;  // entries that hold no question
  // Commands since then that were carried out: requests, approvals, administration. What permitted
  // them stands in the journal, not among decisions, and is not asked again. What one sender did at
  // one moment counts as one.
  std::uint64_t commands = 0;
  std::vector<Flip> flips;  // in the journal's order; at most ReplayLimits::flips
  bool complete = true;     // all of the window was asked, within the limits
};

// The two sets whose answers are compared.
struct Compared {
  std::shared_ptr<const core::Policies> in_force;
  std::shared_ptr<const core::Policies> others;
};

// Of the decisions from `since` on. Blocks: for a pool thread.
Result<Replay> replay(Plane& plane, const Compared& policies, Time since,
                      const ReplayLimits& limits = {});

}  // namespace writ::control
