// Whether a policy set may take effect: it compiles, everything in it keeps to the schema (strict
// validation), and it decides what its own scenarios say. A set that came into force before is
// compiled only (policy.h), so that what the journal holds can always be folded.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/policy.h"

namespace writ::core {

struct PolicyFinding {
  // "scenario" where one fails; "no_offer" of a permit of requesting that is none; what validation
  // calls it ("type", "impossible", …); else the name of the error's code.
  std::string kind;
  Error error;  // its place is file:line:column, file#pointer, or a file of entities
};
// All that can be said of a set.
struct PolicyFindings {
  std::shared_ptr<const Policies> policies;  // null where they do not compile
  std::vector<PolicyFinding> errors;         // with any of these it cannot take effect
  std::vector<PolicyFinding> warnings;
};
// `hash` as for compile_policies. Scenarios are decided by a set without other errors.
PolicyFindings find_in_policies(const std::vector<PolicyFile>& files, std::string hash = {});

// ---- For whom the first errors suffice ----

struct CheckedPolicies {
  std::shared_ptr<const Policies> policies;
  // Policies that can never apply, permits of requesting that are no offers, and text that may be
  // taken for other text. Each begins with file:line:column and shows the line and a caret.
  std::vector<std::string> warnings;
};

// The first errors, with their places, up to kMostErrorsShown of them in one.
constexpr std::size_t kMostErrorsShown = 20;
Result<CheckedPolicies> check_policies(const std::vector<PolicyFile>& files, std::string hash = {});
// The same but for the scenarios.
Result<CheckedPolicies> validate_policies(const std::vector<PolicyFile>& files,
                                          std::string hash = {});

}  // namespace writ::core
