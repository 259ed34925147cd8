// The versions of the policy, from the journal: who brought which when, and every text of each.
// What no version in force names has left the state, and stays here.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "control/evidence.h"
#include "core/policy_text.h"

namespace writ::control {

struct PolicyVersion {
  std::int64_t version = 0;
  std::string hash;
  Time time;
  std::uint64_t seq = 0;  // of the event that put it in force
  std::string change;     // id; empty where one person was enough
  std::string proposer;   // identity ids; "server" at genesis
  std::string approver;   // empty where one person was enough
  std::vector<core::NamedText> files;
};

// kNotFound when there was no such version yet. Blocks, and costs what the version's list is long.
Result<PolicyVersion> policy_version(const Evidence& evidence, std::int64_t version);
// The texts of these files, in their order; kCorrupt when one is not what its hash says.
Result<std::vector<core::PolicyFile>> policy_texts(const Evidence& evidence,
                                                   const std::vector<core::NamedText>& files);

}  // namespace writ::control
