// Offers, and what a grant stands for.
#include <algorithm>

#include "cedar/text.h"
#include "core/decide.h"
#include "core/reader.h"

namespace writ::core {
namespace {

using cedar::Constraint;
using cedar::EntityUid;
using cedar::Expr;
using cedar::Op;

// ---- Offers ----

// True when whoever can meet `hard` can meet `easy`, and gets at least as much.
bool hides(const Terms& easy, const Terms& hard) {
  if (easy.max_ttl < hard.max_ttl) return false;
  if (easy.step_up && (!hard.step_up || *hard.step_up > *easy.step_up)) return false;
  if (easy.approvals == 0) return true;
  return easy.approvals <= hard.approvals && easy.approvers == hard.approvers;
}

// Whether an offer would be given for some duration, once what its terms demand is there.
bool offered(const State& state, const StateReader& reader, const Giver& giver, IdentityKind kind,
             const cedar::Entity& principal, const EntitlementEntry& entry, const Terms& terms,
             std::string_view identity, Time now) {
  Facts facts;
  facts.now = now;
  facts.factor_of = identity;
  facts.approvals = terms.approvals;
  // Who has a second factor can show it when asked.
  if (state.second_factors.contains(identity)) facts.mfa_age = Millis(0);
  for (const Millis duration : {terms.max_ttl, Millis(std::chrono::seconds(1))}) {
    facts.duration = duration;
    if (gives(state, reader, giver, kind, principal, entry.entity, facts)) return true;
    if ((giver.reads & part::kDuration) == 0) return false;
  }
  return false;
}

// ---- Printing ----

Expr literal(cedar::Value value) {
  Expr e;
  e.value = std::move(value);
  return e;
}

Expr duration_call(Millis duration) {
  Expr e;
  e.op = Op::kCall;
  e.function = cedar::Function::kDuration;
  e.args.push_back(literal(cedar::Value::string(std::to_string(duration.count()) + "ms")));
  return e;
}

// The context that the grant recorded, as an expression: only `now` is still read.
Expr recorded_context(const Grant& grant) {
  const auto word = [](std::string_view text) {
    return literal(cedar::Value::string(cedar::String(text)));
  };
  Expr now;
  now.op = Op::kGet;
  now.names = {"now"};
  now.args.emplace_back();
  now.args.back().op = Op::kContext;
  Expr auth;
  auth.op = Op::kRecord;
  auth.names = {"attestation", "method", "strength"};
  auth.args = {word("none"), word("certificate"),
               word(grant.mfa_age_ms >= 0 ? "two_factor" : "one_factor")};
  if (grant.mfa_age_ms >= 0) {
    auth.names.emplace_back("mfa_age");
    auth.args.push_back(duration_call(Millis(grant.mfa_age_ms)));
  }
  Expr context;
  context.op = Op::kRecord;
  context.names = {"approvals", "auth", "duration", "now"};
  context.args = {literal(cedar::Value::integer(static_cast<std::int64_t>(grant.approvers.size()))),
                  std::move(auth), duration_call(grant.duration), std::move(now)};
  return context;
}

Expr with_context(const Expr& e, const Expr& context) {
  if (e.op == Op::kContext) return context;
  Expr copy = e;
  for (Expr& arg : copy.args) arg = with_context(arg, context);
  return copy;
}

// A scope part of the offer as a condition; empty where it holds for all.
std::string as_condition(std::string_view variable, const Constraint& c) {
  const std::string v(variable);
  switch (c.shape) {
    case Constraint::Shape::kAny:
      return {};
    case Constraint::Shape::kIs:
      return v + " is " + c.type;
    case Constraint::Shape::kEq:
      return v + " == " + c.uids.at(0).print();
    case Constraint::Shape::kIn:
      return v + " in " + c.uids.at(0).print();
    case Constraint::Shape::kIsIn:
      return v + " is " + c.type + " in " + c.uids.at(0).print();
  }
  return "false";
}

}  // namespace

std::vector<Offer> offers_for(const State& state, std::string_view identity,
                              std::string_view entitlement, Time now) {
  std::vector<Offer> offers;
  if (state.policies == nullptr || state.entities == nullptr) return offers;
  const Subject* subject = state.entities->subject(identity);
  const EntitlementEntry* entry = state.entities->entitlement(entitlement);
  if (subject == nullptr || entry == nullptr || subject->state != IdentityState::kActive) {
    return offers;
  }
  const StateReader reader(state, now);
  const cedar::Entity& principal = reader.of(*subject);
  for (const Giver& giver : state.policies->givers) {
    if (!giver.offer) continue;
    Terms terms = terms_of(state, giver, *entry);
    if (offered(state, reader, giver, subject->kind, principal, *entry, terms, identity, now)) {
      offers.push_back(Offer{giver.id.str(), std::move(terms)});
    }
  }
  // Of equal ones the first stays.
  std::vector<Offer> shown;
  for (std::size_t i = 0; i < offers.size(); ++i) {
    bool hidden = false;
    for (std::size_t j = 0; j < offers.size() && !hidden; ++j) {
      hidden = i != j && hides(offers[j].terms, offers[i].terms) &&
               (j < i || !hides(offers[i].terms, offers[j].terms));
    }
    if (!hidden) shown.push_back(offers[i]);
  }
  return shown;
}

bool still_offered(const State& state, const Grant& grant, Time now) {
  if (state.policies == nullptr || state.entities == nullptr) return false;
  const Giver* giver = state.policies->giver(grant.policy);
  const Subject* subject = state.entities->subject(grant.beneficiary);
  const EntitlementEntry* entry = state.entities->entitlement(grant.entitlement);
  if (giver == nullptr || subject == nullptr || entry == nullptr ||
      subject->state != IdentityState::kActive || giver->offer != (grant.cause == Cause::kOffer)) {
    return false;
  }
  const StateReader reader(state, now);
  const cedar::Entity& principal = reader.of(*subject);
  if (giver->offer) {
    return gives(state, reader, *giver, subject->kind, principal, entry->entity,
                 recorded_facts(grant, now));
  }
  // A baseline permit is asked with the context of each connect; here only its scope can be.
  return giver->scope.covers(subject->kind, principal, entry->entity);
}

std::string print_permit(const State& state, const Grant& grant) {
  const Identity* identity = state.identities.find(grant.beneficiary);
  const EntityUid principal(type_of(identity == nullptr ? IdentityKind::kUser : identity->kind),
                            grant.beneficiary);
  std::string text = "@id(";
  cedar::append_quoted(text, "grant " + grant.id);
  text += ")\npermit (\n  principal == " + principal.print() +
          ",\n  action == Writ::Action::\"connect\",\n  resource == " +
          EntityUid("Writ::Entitlement", grant.entitlement).print() + "\n)";
  const auto when = [&](const std::string& condition) {
    if (!condition.empty()) text += "\nwhen { " + condition + " }";
  };
  const Giver* giver = state.policies == nullptr ? nullptr : state.policies->giver(grant.policy);
  if (grant.state != GrantState::kActive || !grant.until || giver == nullptr ||
      giver->offer != (grant.cause == Cause::kOffer)) {
    when("false");
    return text + ";\n";
  }
  when("context.now < datetime(\"" + to_text(*grant.until) + "\")");
  const cedar::Policy& policy = giver->policy();
  when(as_condition("principal", policy.principal));
  when(as_condition("resource", policy.resource));
  const Expr context = recorded_context(grant);
  for (const cedar::Condition& condition : *policy.conditions) {
    const Expr expr = giver->offer ? with_context(condition.expr, context) : condition.expr;
    text += std::string("\n") + (condition.unless ? "unless" : "when") + " { " +
            cedar::print(expr) + " }";
  }
  return text + ";\n";
}

}  // namespace writ::core
