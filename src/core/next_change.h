// When a decision would next change by itself: because a grant, a membership or a certificate ends,
// or because a policy compares the time, or the age of a second factor, with something.
// Invariant: from `now` until what is answered the decision stays as it is, if nothing happens.
#pragma once

#include <optional>

#include "core/decide.h"

namespace writ::core {

struct NextChange {
  std::optional<Time> at;  // empty: never, or not known
  bool allow = false;      // what it becomes
  // Without `at`: how far it is known to stay as it is; empty for ever.
  std::optional<Time> known_until;
};

struct ChangeBounds {
  std::uint64_t steps = 1'000'000;  // of work on one policy slice at one time
  int times = 200;                  // that are looked at
};
NextChange next_change(const State& state, const Question& question, Time now,
                       const ChangeBounds& bounds = {});

}  // namespace writ::core
