#include "prove/writ_policies.h"

#include "core/entities.h"
#include "core/invariant.h"

namespace writ::prove {
namespace {

using cedar::Type;

constexpr std::string_view kActions = "Writ::Action";

bool is_action(const cedar::EntityUid& action, std::string_view name) {
  return action.type() == kActions && action.id() == name;
}

// Whose approvals count: what a proof calls the number of theirs.
std::string approvals_by(const core::Giver& offer) {
  return "approvals by " +
         (offer.approvers.starts_with("group:") ? offer.approvers.substr(6) : "the owner");
}
std::string approvals_wanted(const core::Giver& offer) {
  if (offer.approvals == 1) return "one approval" + approvals_by(offer).substr(9);
  return std::to_string(offer.approvals) + " " + approvals_by(offer);
}

// Attributes of the context: their form, and their value in a request.
class Context {
 public:
  static Result<Context> of(World& world) {
    TRY(whole, world.context());
    return Context(world, whole, *world.schema().action(world.environment().action)->context);
  }

  // `wanted` of what is at the path, where it is there; else `absent`. Missing parts on the way
  // count as absent.
  template <class Wanted>
  TermId at(const std::vector<std::string>& path, TermId absent, const Wanted& wanted) {
    return at(whole_, type_, path, 0, absent, wanted);
  }

 private:
  Context(World& world, TermId whole, const Type& type)
      : world_(world), whole_(whole), type_(type) {}

  template <class Wanted>
  TermId at(TermId record, const Type& type, const std::vector<std::string>& path, std::size_t step,
            TermId absent, const Wanted& wanted) {
    Terms& terms = world_.terms();
    const auto found = type.attributes.find(path[step]);
    if (found == type.attributes.end()) return absent;
    const auto index = static_cast<std::uint32_t>(std::distance(type.attributes.begin(), found));
    TermId value = terms.select(0, index, record);
    TermId there = terms.truth(true);
    if (!found->second.required) {
      there = terms.is_some(value);
      value = terms.value(value);
    }
    const TermId then = step + 1 == path.size()
                            ? wanted(value)
                            : at(value, *found->second.type, path, step + 1, absent, wanted);
    return terms.ite(there, then, absent);
  }

  World& world_;
  TermId whole_;
  const Type& type_;
};

const std::vector<std::string> kApprovals{"approvals"};
const std::vector<std::string> kDuration{"duration"};
const std::vector<std::string> kMfaAge{"auth", "mfa_age"};

// The number at a path in a request's context.
std::optional<std::int64_t> number_in(cedar::ValueView record,
                                      const std::vector<std::string>& path) {
  for (const std::string& name : path) {
    if (!record.is(cedar::Kind::kRecord)) return std::nullopt;
    record = record.find(name);
  }
  if (!record.is(cedar::Kind::kInt) && !record.is(cedar::Kind::kDuration)) return std::nullopt;
  return record.integer();
}

std::optional<std::int64_t> ceiling(std::string_view tier) {
  for (const core::Tier each :
       {core::Tier::kCritical, core::Tier::kHigh, core::Tier::kMedium, core::Tier::kLegacy}) {
    if (enum_names(each)[static_cast<std::size_t>(each)] == tier) {
      return core::limits_of(each).max_ttl.count();
    }
  }
  return std::nullopt;
}

// That the duration is within the ceiling of the entitlement's tier.
Result<TermId> within_tier(World& world, Context& context) {
  Terms& terms = world.terms();
  const std::string& type = world.environment().resource;
  const auto& attributes = world.schema().entity_type(type)->attributes->attributes;
  if (!attributes.contains("tier")) return terms.truth(true);
  TRY(tier, world.attribute(world.resource(), type, "tier"));
  std::vector<TermId> all;
  for (const std::string& choice : world.schema().entity_type("Writ::Tier")->choices) {
    const auto most = ceiling(choice);
    if (!most) continue;
    TRY(one, world.entity({"Writ::Tier", choice}));
    all.push_back(terms.implies(
        terms.equal(tier, one), context.at(kDuration, terms.truth(true), [&](TermId duration) {
          return terms.bits_op(TermOp::kLessEqual, duration, terms.number(*most));
        })));
  }
  return terms.all(all);
}

// Why the terms of an offer are not met; empty when they are.
std::vector<std::string> unmet(const core::Giver& offer, const Counterexample& in) {
  std::vector<std::string> made;
  const cedar::ValueView context = in.request.context.view();
  const auto duration = number_in(context, kDuration);
  if (offer.max_ttl && duration && *duration > offer.max_ttl->count()) {
    made.push_back("it gives at most " + to_text(*offer.max_ttl));
  }
  const auto age = number_in(context, kMfaAge);
  if (offer.step_up && (!age || *age > offer.step_up->count())) {
    made.push_back("it wants a one-time code from the last " + to_text(*offer.step_up));
  }
  if (offer.approvals > 0) {
    const auto by = in.unknowns.find(approvals_by(offer));
    if (by == in.unknowns.end() || by->second < offer.approvals) {
      made.push_back("it wants " + approvals_wanted(offer));
    }
  }
  return made;
}

bool is_within_tier(const Counterexample& in) {
  const auto duration = number_in(in.request.context.view(), kDuration);
  const auto entity = in.entities.find(in.request.resource);
  if (!duration || entity == in.entities.end()) return true;
  const cedar::ValueView tier = entity->second.attrs.view().find("tier");
  if (!tier.is(cedar::Kind::kEntity)) return true;
  const auto most = ceiling(cedar::EntityUid(tier.entity()).id());
  return !most || *duration <= *most;
}

Result<TermId> terms_met(World& world, Context& context, const core::Giver& offer) {
  Terms& terms = world.terms();
  std::vector<TermId> all;
  const auto at_most = [&](Millis most) {
    return [&terms, most](TermId value) {
      return terms.bits_op(TermOp::kLessEqual, value, terms.number(most.count()));
    };
  };
  if (offer.max_ttl) {
    all.push_back(context.at(kDuration, terms.truth(true), at_most(*offer.max_ttl)));
  }
  if (offer.step_up) {
    all.push_back(context.at(kMfaAge, terms.truth(false), at_most(*offer.step_up)));
  }
  if (offer.approvals > 0) {
    all.push_back(terms.bits_op(TermOp::kLessEqual, terms.number(offer.approvals),
                                world.unknown(approvals_by(offer))));
  }
  return terms.all(all);
}

// ---- The constitution ----

const std::vector<std::string> kNoSelfApproval{"requester", "beneficiary"};
const std::string kGroup = "Writ::Group";

// Whoever is of this type never may, whatever policies say.
bool never_may(const cedar::EntityUid& action, std::string_view principal) {
  using core::IdentityKind;
  if (action.type() != kActions) return false;
  const bool approves = action.id() == "approve";
  const core::Action* known = core::action_named(action.id());
  const bool administers = known != nullptr && known->administers;
  const bool person = principal == core::type_of(IdentityKind::kUser) ||
                      principal == core::type_of(IdentityKind::kThirdParty);
  return (approves && !person) || (administers && principal == core::type_of(IdentityKind::kAgent));
}

// That the principal of an approval is one of whom its context names: who asks, or who gets it.
TermId approves_own(World& world, Context& context) {
  Terms& terms = world.terms();
  const TermId groups = world.ancestors(world.principal(), world.environment().principal, kGroup);
  std::vector<TermId> cases;
  for (const std::string& name : kNoSelfApproval) {
    cases.push_back(context.at({name}, terms.truth(false),
                               [&](TermId group) { return terms.member(group, groups); }));
  }
  return terms.any(cases);
}

// The same of a request: what denies it; empty where the constitution does not.
std::string unconstitutional(const Counterexample& in) {
  const cedar::Request& request = in.request;
  const bool approves = is_action(request.action, "approve");
  if (never_may(request.action, request.principal.type())) {
    return approves ? "denied whatever policies say: persons alone approve"
                    : "denied whatever policies say: agents do not administer";
  }
  const auto principal = in.entities.find(request.principal);
  if (!approves || principal == in.entities.end()) return {};
  for (const std::string& name : kNoSelfApproval) {
    const cedar::ValueView group = request.context.view().find(name);
    if (group.is(cedar::Kind::kEntity) &&
        principal->second.ancestors.contains(cedar::EntityUid(group.entity()))) {
      return "denied whatever policies say: nobody approves what they ask for or get";
    }
  }
  return {};
}

// What a policy does, whatever the constitution says.
Result<TermId> acts_anyway(World& world, Context& context, const WritPolicies& policies,
                           std::size_t index) {
  Terms& terms = world.terms();
  const Subject& subject = policies.subject();
  TRY(meaning, encode(world, subject.policies()[index]));
  if (subject.compiled().effect(index) == cedar::Effect::kForbid) {
    return terms.any({terms.negation(meaning.ok), meaning.holds});
  }
  const bool requests = is_action(world.environment().action, "request");
  const core::Giver* offer = policies.offer(index);
  if (requests && offer == nullptr) return terms.truth(false);
  const TermId applies = terms.all({meaning.ok, meaning.holds});
  if (!requests || terms.is_false(applies)) return applies;
  TRY(met, terms_met(world, context, *offer));
  TRY(within, within_tier(world, context));
  return terms.all({applies, met, within});
}

bool acts_anyway(const WritPolicies& policies, std::size_t index, const Counterexample& in) {
  const Subject& subject = policies.subject();
  using Outcome = cedar::Explanation::Outcome;
  const Outcome outcome =
      cedar::explain(subject.compiled(), index, in.request, CounterexampleEntities(in)).outcome;
  if (subject.compiled().effect(index) == cedar::Effect::kForbid) {
    return outcome == Outcome::kSatisfied || outcome == Outcome::kError;
  }
  if (outcome != Outcome::kSatisfied) return false;
  if (!is_action(in.request.action, "request")) return true;
  const core::Giver* offer = policies.offer(index);
  return offer != nullptr && unmet(*offer, in).empty() && is_within_tier(in);
}

// is_possible, as a premise.
void bound(World& world, Context& context) {
  Terms& terms = world.terms();
  const auto not_negative = [&](TermId value) {
    return terms.bits_op(TermOp::kLessEqual, terms.number(0), value);
  };
  for (const auto* path : {&kApprovals, &kDuration, &kMfaAge}) {
    world.assume(context.at(*path, terms.truth(true), not_negative));
  }
  for (const auto& [name, by] : world.unknowns()) {
    world.assume(terms.all(
        {not_negative(by), context.at(kApprovals, terms.truth(true), [&, some = by](TermId all) {
           return terms.bits_op(TermOp::kLessEqual, some, all);
         })}));
  }
}

}  // namespace

Result<WritPolicies> WritPolicies::of(const std::vector<core::PolicyFile>& files,
                                      const cedar::Schema* schema) {
  TRY(compiled, core::compile_policies(files));
  cedar::PolicySet set;
  for (const core::PolicyFile& file : files) {
    if (core::kind_of(file) != core::PolicyFileKind::kPolicies) continue;
    TRY(parsed, cedar::PolicySet::parse(file.text, file.name, {.ids = cedar::Ids::kAnnotation}));
    CHECK_OK(set.merge(parsed));
  }
  TRY(subject, Subject::of(set, schema == nullptr ? compiled->schema() : *schema));
  return WritPolicies(std::move(subject), std::move(compiled),
                      std::make_shared<const std::vector<core::PolicyFile>>(files));
}

std::vector<cedar::Environment> writ_environments(const cedar::Schema& schema) {
  std::vector<cedar::Environment> made = environments(schema);
  std::stable_partition(made.begin(), made.end(), [](const cedar::Environment& each) {
    return each.principal == "Writ::User";
  });
  return made;
}

const core::Giver* WritPolicies::offer(std::size_t index) const {
  const core::Giver* giver = compiled_->giver(subject_.compiled().id(index));
  return giver != nullptr && giver->offer ? giver : nullptr;
}

Result<TermId> lets(World& world, const Without& set) {
  Terms& terms = world.terms();
  const cedar::EntityUid& action = world.environment().action;
  if (never_may(action, world.environment().principal)) return terms.truth(false);
  TRY(context, Context::of(world));
  std::vector<TermId> permits;
  std::vector<TermId> forbids;
  const Subject& subject = set.policies.subject();
  for (std::size_t i = 0; i < subject.policies().size(); ++i) {
    if (i == set.index) continue;
    TRY(acting, acts_anyway(world, context, set.policies, i));
    const bool forbid = subject.compiled().effect(i) == cedar::Effect::kForbid;
    (forbid ? forbids : permits).push_back(acting);
  }
  if (is_action(action, "connect")) {
    permits.push_back(
        context.at({"grant"}, terms.truth(false), [&](TermId) { return terms.truth(true); }));
  }
  if (is_action(action, "approve")) {
    forbids.push_back(approves_own(world, context));
  }
  bound(world, context);
  return terms.all({terms.any(permits), terms.negation(terms.any(forbids))});
}

bool lets(const Without& set, const Counterexample& in) {
  const Subject& subject = set.policies.subject();
  if (!unconstitutional(in).empty()) return false;
  bool given = is_action(in.request.action, "connect") &&
               !in.request.context.view().find("grant").is(cedar::Kind::kNone);
  for (std::size_t i = 0; i < subject.policies().size(); ++i) {
    if (i == set.index || !acts_anyway(set.policies, i, in)) continue;
    if (subject.compiled().effect(i) == cedar::Effect::kForbid) return false;
    given = true;
  }
  return given;
}

Result<TermId> acts(World& world, const WritPolicies& policies, std::size_t index) {
  Terms& terms = world.terms();
  const cedar::EntityUid& action = world.environment().action;
  if (never_may(action, world.environment().principal)) return terms.truth(false);
  TRY(context, Context::of(world));
  TRY(acting, acts_anyway(world, context, policies, index));
  if (!is_action(action, "approve")) return acting;
  return terms.all({acting, terms.negation(approves_own(world, context))});
}

bool acts(const WritPolicies& policies, std::size_t index, const Counterexample& in) {
  return unconstitutional(in).empty() && acts_anyway(policies, index, in);
}

Status assume_possible(World& world) {
  TRY(context, Context::of(world));
  bound(world, context);
  return {};
}

bool is_possible(const Counterexample& in) {
  const cedar::ValueView context = in.request.context.view();
  for (const auto* path : {&kApprovals, &kDuration, &kMfaAge}) {
    if (number_in(context, *path).value_or(0) < 0) return false;
  }
  const auto approvals = number_in(context, kApprovals);
  return std::all_of(in.unknowns.begin(), in.unknowns.end(), [&](const auto& unknown) {
    return unknown.second >= 0 && (!approvals || unknown.second <= *approvals);
  });
}

std::vector<std::string> reasons(const WritPolicies& policies, const Counterexample& in) {
  std::vector<std::string> made;
  const Subject& subject = policies.subject();
  const CounterexampleEntities entities(in);
  for (std::size_t i = 0; i < subject.policies().size(); ++i) {
    const std::string& id = subject.compiled().id(i);
    const auto why = cedar::explain(subject.compiled(), i, in.request, entities);
    using Outcome = cedar::Explanation::Outcome;
    const bool fails = why.outcome == Outcome::kError;
    if (!fails && why.outcome != Outcome::kSatisfied) continue;
    if (subject.compiled().effect(i) == cedar::Effect::kForbid) {
      made.push_back(
          (fails ? "forbidden, because it fails: " + why.message + ": " : "forbidden by ") + id);
      continue;
    }
    if (fails) continue;
    const core::Giver* offer = policies.offer(i);
    if (offer == nullptr) {
      made.push_back("permitted by " + id);
      continue;
    }
    std::string line = "offered by " + id + ": " + terms_text(*offer);
    for (const std::string& each : unmet(*offer, in)) line += "; " + each;
    made.push_back(std::move(line));
  }
  if (std::string why = unconstitutional(in); !why.empty()) made.push_back(std::move(why));
  if (made.empty()) made.emplace_back("no policy applies");
  return made;
}

std::string terms_text(const core::Giver& offer) {
  std::string made = offer.max_ttl ? "at most " + to_text(*offer.max_ttl)
                                   : std::string("as long as the tier allows");
  if (offer.step_up) made += ", a one-time code from the last " + to_text(*offer.step_up);
  return made + ", " + (offer.approvals == 0 ? "no approval" : approvals_wanted(offer));
}

}  // namespace writ::prove
