// Policies as formulas: when one fails, and when it holds, for whatever world.
// After the published symbolic compiler of Cedar: https://github.com/cedar-policy/cedar-spec,
// cedar-lean/Cedar/SymCC. Every operator of Cedar 4.5 has an exact form; what has none in an
// environment is refused with its place, never approximated.
#pragma once

#include <vector>

#include "base/result.h"
#include "cedar/core_expr.h"
#include "cedar/policy.h"
#include "prove/world.h"

namespace writ::prove {

// Both are formulas. Where `ok` is false evaluation fails, and `holds` means nothing.
struct Meaning {
  TermId ok = 0;
  TermId holds = 0;
};

inline bool never_matters(const Terms& terms, const Meaning& of) {
  return terms.is_true(of.ok) && terms.is_false(of.holds);
}

// A policy made ready once, for all environments. Refers to the policy.
struct Prepared {
  const cedar::Policy* policy = nullptr;
  cedar::CoreExpr expr;
};
Result<std::vector<Prepared>> prepare(const cedar::PolicySet& policies);

// kInvalid, with file:line:column, when the policy does not pass strict validation in the world's
// environment, or cannot be expressed.
Result<Meaning> encode(World& world, const Prepared& policy);

}  // namespace writ::prove
