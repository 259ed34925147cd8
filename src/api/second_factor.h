// Checking a person's one-time code: each code once, five tries, then a growing wait. Pure.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "core/state.h"

namespace writ::api {

inline constexpr int kFreeTries = 5;

// How long nobody may try after so many failures in a row: 0 below five, then 30 s, doubling, at
// most one hour.
Millis wait_after(int failures);

struct CodeCheck {
  std::vector<core::EventData> events;  // to be recorded whether or not the code was right
  std::optional<Error> refused;
};
// kInvalid for what is no code, kUnauthenticated for a wrong or used one, kExhausted while waiting.
CodeCheck check_code(const core::State& state, const core::Sealer& sealer,
                     std::string_view identity, std::string_view device, std::string_view code,
                     Time now);

}  // namespace writ::api
