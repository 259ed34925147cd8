#include "prove/property.h"

#include <algorithm>

#include "cedar/validate.h"

namespace writ::prove {
namespace {

cedar::Response decide(const Subject& policies, const Counterexample& in) {
  return authorize(policies.compiled(), in.request, CounterexampleEntities(in));
}

// `a` holds and `b` does not.
template <class T>
Result<TermId> only(World& world, const T& a, const T& b,
                    Result<TermId> (*formula)(World&, const T&)) {
  TRY(first, formula(world, a));
  TRY(second, formula(world, b));
  return world.terms().all({first, world.terms().negation(second)});
}
template <class T>
Danger only_first(const T& a, const T& b, Result<TermId> (*formula)(World&, const T&),
                  bool (*holds)(const T&, const Counterexample&)) {
  return {[=](World& world) { return only(world, a, b, formula); },
          [=](const Counterexample& in) { return holds(a, in) && !holds(b, in); }};
}
template <class T>
Danger different(const T& a, const T& b, Result<TermId> (*formula)(World&, const T&),
                 bool (*holds)(const T&, const Counterexample&)) {
  return {[=](World& world) -> Result<TermId> {
            TRY(one, only(world, a, b, formula));
            TRY(other, only(world, b, a, formula));
            return world.terms().any({one, other});
          },
          [=](const Counterexample& in) { return holds(a, in) != holds(b, in); }};
}
template <class T>
Danger both(const T& a, const T& b, Result<TermId> (*formula)(World&, const T&),
            bool (*holds)(const T&, const Counterexample&)) {
  return {[=](World& world) -> Result<TermId> {
            TRY(first, formula(world, a));
            TRY(second, formula(world, b));
            return world.terms().all({first, second});
          },
          [=](const Counterexample& in) { return holds(a, in) && holds(b, in); }};
}
template <class T>
Danger is(const T& of, Result<TermId> (*formula)(World&, const T&),
          bool (*holds)(const T&, const Counterexample&), bool wanted) {
  return {[=](World& world) -> Result<TermId> {
            TRY(made, formula(world, of));
            return wanted ? made : world.terms().negation(made);
          },
          [=](const Counterexample& in) { return holds(of, in) == wanted; }};
}

}  // namespace

Result<Subject> Subject::of(const cedar::PolicySet& policies, const cedar::Schema& schema) {
  TRY(validation, validate(schema, policies));
  if (!validation.passed()) {
    Error error = validation.errors.front().error;
    error.code = Code::kInvalid;
    return tl::unexpected<Error>(std::move(error));
  }
  cedar::CompiledPolicies compiled(policies);
  TRY(prepared, prepare(compiled.set()));
  return Subject(std::move(compiled), std::move(prepared), schema);
}

Result<TermId> applies(World& world, const One& policy) {
  TRY(meaning, encode(world, policy.subject.policies()[policy.index]));
  return world.terms().all({meaning.ok, meaning.holds});
}
bool applies(const One& policy, const Counterexample& in) {
  const cedar::CompiledPolicies& compiled = policy.subject.compiled();
  return cedar::explain(compiled, policy.index, in.request, CounterexampleEntities(in)).outcome ==
         cedar::Explanation::Outcome::kSatisfied;
}

Result<TermId> fails(World& world, const One& policy) {
  TRY(meaning, encode(world, policy.subject.policies()[policy.index]));
  return world.terms().negation(meaning.ok);
}
bool fails(const One& policy, const Counterexample& in) {
  const auto errors = decide(policy.subject, in).errors;
  return std::any_of(errors.begin(), errors.end(),
                     [&](const cedar::PolicyError& each) { return each.policy == policy.index; });
}

Result<TermId> allows(World& world, const Subject& policies) {
  std::vector<TermId> permits;
  std::vector<TermId> forbids;
  for (std::size_t i = 0; i < policies.policies().size(); ++i) {
    TRY(applying, applies(world, One{policies, i}));
    const bool permit = policies.compiled().effect(i) == cedar::Effect::kPermit;
    (permit ? permits : forbids).push_back(applying);
  }
  Terms& terms = world.terms();
  return terms.all({terms.any(permits), terms.negation(terms.any(forbids))});
}
bool allows(const Subject& policies, const Counterexample& in) {
  return decide(policies, in).decision == cedar::Decision::kAllow;
}

Danger sometimes_fails(const One& policy) {
  return is<One>(policy, fails, fails, true);
}
Danger sometimes_not_matches(const One& policy) {
  return is<One>(policy, applies, applies, false);
}
Danger sometimes_matches(const One& policy) {
  return is<One>(policy, applies, applies, true);
}
Danger match_differently(const One& a, const One& b) {
  return different<One>(a, b, applies, applies);
}
Danger only_first_matches(const One& a, const One& b) {
  return only_first<One>(a, b, applies, applies);
}
Danger both_match(const One& a, const One& b) {
  return both<One>(a, b, applies, applies);
}
Danger sometimes_denies(const Subject& policies) {
  return is<Subject>(policies, allows, allows, false);
}
Danger sometimes_allows(const Subject& policies) {
  return is<Subject>(policies, allows, allows, true);
}
Danger decide_differently(const Subject& a, const Subject& b) {
  return different<Subject>(a, b, allows, allows);
}
Danger only_first_allows(const Subject& a, const Subject& b) {
  return only_first<Subject>(a, b, allows, allows);
}
Danger both_allow(const Subject& a, const Subject& b) {
  return both<Subject>(a, b, allows, allows);
}

}  // namespace writ::prove
