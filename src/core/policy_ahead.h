// What a command would put in force, for those who look at it before the command runs.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "core/policy_text.h"

namespace writ::core {

// The files of the policies that a command would bring; none when it brings none. Errors are those
// of the command itself.
Result<std::optional<std::vector<PolicyFile>>> policies_ahead(const State& state,
                                                              std::string_view verb,
                                                              const Json& body);

}  // namespace writ::core
