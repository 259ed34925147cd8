// Policies: a checked, compiled set of Cedar policy files, and what Writ reads from them: offers.
//
// Only a permit whose action scope is exactly `== Writ::Action::"request"` is an offer. Terms are
// annotations: @id (required, unique), @max_ttl, @step_up("mfa:15m"), @approval("none" |
// "N of Writ::Group::\"dba\"" | "N of owner"), @applies_to_break_glass (on forbids),
// @description. An unknown annotation is an error. A missing term means the strict default: the
// tier's ceiling, one approval by the resource's owner.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "core/domain.h"
#include "core/event.h"

namespace writ::core {

class Policies;

// Parses and checks. Errors name file:line:column, show the line and a caret.
Result<std::shared_ptr<const Policies>> compile_policies(const std::vector<PolicyFile>& files);
// Hex SHA-256-like identity of the set is given by control (this room has no hash): see
// PolicyApplied::hash.
const std::vector<PolicyFile>& files_of(const Policies& policies);

// The policies that `writ init` starts from: administration by the administrators' group, reading
// one's own things by everyone.
std::string default_policies();

// "45m within tier high: at most 1h"; one line, for people.
std::string describe(const Terms& terms);

}  // namespace writ::core
