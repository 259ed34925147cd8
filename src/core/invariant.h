// Invariants: what an organisation wants to be true of its policies whatever else they say. They
// stand in files *.invariants.cedar beside the policies and travel with them, as statements in
// Cedar's syntax that are never evaluated for a decision but proved:
//
//   @invariant("no service account connects to production without a grant")
//   forbid (principal is Writ::ServiceAccount, action == Writ::Action::"connect",
//           resource in Writ::Environment::"production") unless { context has grant };
//
// A forbid says: whatever this covers, the policies never allow. A permit says: whatever this
// covers, they always allow. With @about("errors") a forbid says: where this covers, no forbid of
// the policies fails. Where an invariant's own conditions fail, it covers.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cedar/policy.h"
#include "core/policy_text.h"

namespace writ::core {

inline constexpr std::string_view kInvariantsFile = ".invariants.cedar";
inline bool is_invariants(const PolicyFile& file) {
  return file.name.ends_with(kInvariantsFile);
}

struct Invariants {
  struct One {
    std::string text;  // what it says, for people; unique
    bool about_errors = false;
  };
  cedar::PolicySet statements;
  std::vector<One> list;  // of statements.policies(), by index
};

// Of those files among these that hold invariants. kInvalid with file:line:column: a statement
// without @invariant("…") or with one that is taken, an unknown annotation, a template.
Result<Invariants> parse_invariants(const std::vector<PolicyFile>& files);

}  // namespace writ::core
