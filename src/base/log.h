// The operational log: one JSON object a line on standard error. It is for operators; evidence is
// the journal and the decision log. Never pass a secret.
#pragma once

#include <initializer_list>
#include <string_view>

#include "base/json.h"

namespace writ {

enum class Level { kDebug, kInfo, kWarn, kError };

// Below this level nothing is written; kInfo at start. Set once, in `cmd`.
void set_log_level(Level least);

// {"time":…,"level":"info","event":event, …members}. Thread-safe; one write(2) a line.
void log(Level level, std::string_view event, std::initializer_list<JsonMember> members = {});

}  // namespace writ
