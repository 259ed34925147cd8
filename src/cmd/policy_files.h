// The files of a policy set, as a person names them: files, and folders that stand for theirs.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "core/policy_text.h"

namespace writ::cmd {

struct PolicyFiles {
  std::vector<core::PolicyFile> files;       // within the bounds of a policy set
  std::map<std::string, std::string> paths;  // name -> where it was read
};

// A folder stands for its policies, invariants, entities, schemas and scenarios, by name; not for
// those in folders below. kInvalid for two files of one name, kNotFound for a folder without any.
Result<PolicyFiles> read_policies(const std::vector<std::string>& operands);

// Of Operand "FILE", for help.
inline constexpr std::string_view kPolicyFiles =
    "FILE is a file, or a folder, which stands for its *.cedar, *.cedarschema, *.entities.json and "
    "*.scenarios.json files. A policy set has at most 10,000 files, 8 MiB a file, and 16 MiB in "
    "all.";

}  // namespace writ::cmd
