// When a decision would next change by itself: not because anything happens, but because time
// passes and policies compare it with something.
// Invariant: between the request's time and what is answered, the decision stays what it is.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "cedar/authorize.h"
#include "cedar/tpe.h"

namespace writ::cedar {

struct ClockOptions {
  std::string attribute = "now";  // of the context; a datetime
  FailedForbid failed_forbid = FailedForbid::kSkipped;
  std::size_t most = 1'000;  // times that are looked at
  std::uint64_t steps = 10'000'000;
};

struct NextChange {
  // Milliseconds since the epoch, after the request's time and before the year 10000.
  std::optional<std::int64_t> at;
  Decision becomes = Decision::kDeny;
  // Without `at`: how far the decision is known to stay as it is; empty for ever. Set where a
  // condition comes and goes, as opening hours do, and `most` of its times changed nothing.
  std::optional<std::int64_t> known_until;
};

// Everything but the time stays as the request and the entities say. The time may be compared, also
// by way of offset, durationSince, toDate, toTime, to… of durations, arithmetic, `if` and sets of
// times. kInvalid where a policy that matters does something else with it, or the context has no
// such attribute; kExhausted when the steps do not suffice.
Result<NextChange> next_change(const CompiledPolicies& policies, const Request& request,
                               const EntityReader& entities, const ClockOptions& options = {});

}  // namespace writ::cedar
