// What Writ does with a set of policies, as a formula and as the evaluator says it. It differs from
// plain Cedar: a forbid that fails denies; only offers give access to who requests it, and on their
// terms; a connect needs a grant, or a permit that opens one; persons alone approve, and nobody
// what they ask for or get themselves; agents do not administer.
//
// The terms of an offer are part of it: @approval holds when at least so many of the approvals that
// the context counts are by those whom it names, @step_up when the last one-time code is no older,
// @max_ttl and the tier's ceiling when the duration is no longer. So dropping or loosening one lets
// something happen that could not happen before.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/policy.h"
#include "prove/property.h"

namespace writ::prove {

class WritPolicies {
 public:
  // kInvalid where the set would not be applied, or does not pass strict validation under the
  // schema, which has Writ's own and outlives this; without one it is the schema of the set.
  static Result<WritPolicies> of(const std::vector<core::PolicyFile>& files,
                                 const cedar::Schema* schema = nullptr);

  const Subject& subject() const { return subject_; }
  const core::Giver* offer(std::size_t index) const;  // null where the policy is none
  const std::vector<core::PolicyFile>& files() const { return *files_; }

 private:
  WritPolicies(Subject subject, std::shared_ptr<const core::Policies> compiled,
               std::shared_ptr<const std::vector<core::PolicyFile>> files)
      : subject_(std::move(subject)), compiled_(std::move(compiled)), files_(std::move(files)) {}
  Subject subject_;
  std::shared_ptr<const core::Policies> compiled_;
  std::shared_ptr<const std::vector<core::PolicyFile>> files_;
};

// Every environment, those of people first, so that examples are of people where they can be.
std::vector<cedar::Environment> writ_environments(const cedar::Schema& schema);

// A set without one of its policies; kNone for all of them.
struct Without {
  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);
  const WritPolicies& policies;
  std::size_t index = kNone;
};

// Whether Writ lets it happen. The formula also bounds the world to what Writ can meet: counts and
// ages are not negative.
Result<TermId> lets(World& world, const Without& set);
bool lets(const Without& set, const Counterexample& in);
// What one policy of the set does by itself: a permit lets it happen (an offer on its terms), a
// forbid stops it. Only where the constitution leaves it to policies.
Result<TermId> acts(World& world, const WritPolicies& policies, std::size_t index);
bool acts(const WritPolicies& policies, std::size_t index, const Counterexample& in);

// Whether Writ could ask this: no count, age or duration is negative, and nobody gave more
// approvals than there are. `lets` assumes it of the world; any other formula does so with the
// second, once it has read all that it reads. The evaluator does not look.
bool is_possible(const Counterexample& in);
Status assume_possible(World& world);

// What the set says of a request, policy by policy, for people.
std::vector<std::string> reasons(const WritPolicies& policies, const Counterexample& in);

// "at most 1h, one approval by the owner": the terms of an offer as written.
std::string terms_text(const core::Giver& offer);

}  // namespace writ::prove
