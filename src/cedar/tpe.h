// Type-aware partial evaluation: what is left of policies when parts of a request or of the
// entities are not known yet. Principal and resource have at least a type, the action is known.
// https://github.com/cedar-policy/rfcs/blob/main/text/0095-type-aware-partial-evaluation.md
// Invariant: for every valid request and valid entities that agree with what was known, each
// residual is true, false or fails exactly when its policy is or does.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/result.h"
#include "cedar/authorize.h"
#include "cedar/core_expr.h"
#include "cedar/policy.h"
#include "cedar/schema.h"
#include "cedar/tpe_input.h"
#include "cedar/typecheck.h"

namespace writ::cedar {

// What is left of one policy, scope and conditions together.
struct Residual {
  enum class Outcome : std::uint8_t {
    kTrue,
    kFalse,
    kError,    // it fails whatever the unknowns are; `expr` fails
    kPartial,  // it depends on the unknowns
  };
  Outcome outcome = Outcome::kFalse;
  bool may_fail = false;  // of kPartial: it may fail for some unknowns
  // Literals may be of any kind here; shapes are not set. Every node is reached from the root.
  CoreExpr expr;
};

// What a forbid that fails does: Cedar skips it, a caller may want it to deny.
enum class FailedForbid : std::uint8_t { kSkipped, kDenies };

struct TpeOptions {
  ValidationMode mode = ValidationMode::kStrict;
  std::uint64_t steps = 500'000'000;
};

// Policies made ready for partial evaluation in one environment. Immutable; copies share.
class TypedPolicies {
 public:
  // kInvalid when a policy does not pass validation in this environment or names what the schema
  // does not have; kExhausted when the steps do not suffice. The schema must outlive this.
  static Result<TypedPolicies> of(PolicySet policies, const Schema& schema,
                                  const Environment& environment, const TpeOptions& options = {});

  const PolicySet& set() const;
  const Schema& schema() const;
  const Environment& environment() const;
  const TpeOptions& options() const;
  const CoreExpr& expr(std::size_t policy) const;
  const Typing& typing(std::size_t policy) const;

 private:
  struct Typed;
  std::shared_ptr<const Typed> typed_;
};

struct PartialResponse {
  // What the decision is whatever the unknowns are; empty when that depends on them. Errors count
  // as Cedar has it: a policy that fails is skipped.
  std::optional<Decision> decision;
  bool forbid_failed = false;  // some forbid fails whatever the unknowns are
  bool forbid_may_fail = false;
  // Indices of the policies that determine the decision, ascending: satisfied forbids of a denial,
  // satisfied permits of an allow. The final reasons can be more. None without a decision.
  std::vector<std::uint32_t> reasons;
  std::vector<Residual> residuals;  // by index among the policies
};

// The request must be valid; kInvalid when it is of another environment than the policies,
// kExhausted when the steps do not suffice.
Result<PartialResponse> tpe(const TypedPolicies& policies, const PartialRequest& request,
                            const PartialReader& entities);
// The same in one, with the request validated.
Result<PartialResponse> tpe(const PolicySet& policies, const PartialRequest& request,
                            const PartialReader& entities, const Schema& schema,
                            const TpeOptions& options = {});

// Residuals as policies, which keep id, effect and annotations; their scope is open, and their one
// condition says what is left. They keep the source of the original policy, so that errors name
// places there.
enum class Which : std::uint8_t {
  kAll,      // indices stay those of the original policies
  kPartial,  // without those that are true, false or failing already
};
Result<PolicySet> residual_policies(const PolicySet& policies, const PartialResponse& response,
                                    Which which);

// What a partial evaluation was of.
struct KnownSoFar {
  const Schema& schema;
  const PartialRequest& request;
  const PartialEntities& entities;
};
// The answer of the ordinary authorizer, from the residuals alone: the same decision, reasons and
// failed policies as of the original policies. Refuses a request or entities that are not valid or
// do not agree with what was known. An action in groups must be among the entities.
Result<Response> reauthorize(const PolicySet& policies, const PartialResponse& response,
                             const KnownSoFar& known, const Request& request,
                             const Entities& entities);

// Whether a request, and entities, can be what became of partial ones.
Status check_agrees(const PartialRequest& known, const Request& request);
Status check_agrees(const PartialEntities& known, const Entities& entities);

// The expression as a tree, as people would write it: negated comparisons, `is … in` and `has a.b`
// have their short forms again. kExhausted where the tree would be deeper than kMaxDepth or have
// more than a million parts, which known values can make of a policy that had fewer.
Result<Expr> tree_of(const CoreExpr& expr);

}  // namespace writ::cedar
