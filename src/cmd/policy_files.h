// Policy files as a person names them.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "core/policy_text.h"

namespace writ::cmd {

// Of files, and of folders, which stand for their *.cedar and *.entities.json files. Within the
// bounds of a policy set; no two of one name.
Result<std::vector<core::PolicyFile>> read_policies(const std::vector<std::string>& operands);

}  // namespace writ::cmd
