// What doors report on their streams (docs/door-protocol.md), as events of the journal.
// Invariant: a door reports about its own sessions and its own targets' grants alone, and what it
// says fits into an event.
#pragma once

#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"
#include "core/event.h"
#include "core/state.h"

namespace writ::control {

// A member of a line that is a string; "" when it is missing or something else.
std::string text_of(const Json& line, std::string_view name);
// "hello", "sessions", "session_started", "session_ended", "receipt".
std::string report_type(const Json& line);

// The event of one report of a door (identity id), for the state before it. kInvalid: malformed or
// too large; kDenied: about what is not this door's; kExhausted: more open sessions than a door may
// have.
Result<core::EventData> report_event(const std::string& door, const Json& line,
                                     const core::State& state);

}  // namespace writ::control
