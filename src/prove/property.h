// The properties of plain Cedar that are proved: of a policy, a set, and two of them. Cedar's rules
// hold here: a policy that fails is skipped.
#pragma once

#include <memory>
#include <vector>

#include "prove/prover.h"

namespace writ::prove {

// Policies made ready. Every policy passes strict validation under the schema. Copies share.
class Subject {
 public:
  // kInvalid with the first finding when a policy is not valid. The schema must outlive this.
  static Result<Subject> of(const cedar::PolicySet& policies, const cedar::Schema& schema);

  const cedar::CompiledPolicies& compiled() const { return compiled_; }
  const std::vector<Prepared>& policies() const { return *policies_; }
  const cedar::Schema& schema() const { return *schema_; }

 private:
  Subject(cedar::CompiledPolicies compiled, std::vector<Prepared> policies,
          const cedar::Schema& schema)
      : compiled_(std::move(compiled)),
        policies_(std::make_shared<const std::vector<Prepared>>(std::move(policies))),
        schema_(&schema) {}
  cedar::CompiledPolicies compiled_;
  std::shared_ptr<const std::vector<Prepared>> policies_;  // of compiled_, by index
  const cedar::Schema* schema_;
};

// One policy of a set.
struct One {
  const Subject& subject;
  std::size_t index = 0;
};

// The formulas and what the evaluator says, for whoever combines them.
Result<TermId> applies(World& world, const One& policy);
bool applies(const One& policy, const Counterexample& in);
Result<TermId> fails(World& world, const One& policy);
bool fails(const One& policy, const Counterexample& in);
Result<TermId> allows(World& world, const Subject& policies);
bool allows(const Subject& policies, const Counterexample& in);

Danger sometimes_fails(const One& policy);
Danger sometimes_not_matches(const One& policy);  // always matches
Danger sometimes_matches(const One& policy);      // never matches
Danger match_differently(const One& a, const One& b);
Danger only_first_matches(const One& a, const One& b);  // a implies b
Danger both_match(const One& a, const One& b);          // disjoint
Danger sometimes_denies(const Subject& policies);
Danger sometimes_allows(const Subject& policies);
Danger decide_differently(const Subject& a, const Subject& b);
Danger only_first_allows(const Subject& a, const Subject& b);
Danger both_allow(const Subject& a, const Subject& b);

}  // namespace writ::prove
