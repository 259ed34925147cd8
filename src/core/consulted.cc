#include "core/consulted.h"

#include <algorithm>

#include "core/application.h"
#include "core/asking.h"
#include "core/grants.h"

namespace writ::core {
namespace {

using cedar::EntityUid;

Result<Asserted> asserted_of(const State& state, const Question& q, const ApplicationTypes& types) {
  const auto& applications = state.policies->applications;
  return read_asserted(q.asserted, applications ? &*applications : nullptr, types.subject,
                       types.action, types.resource);
}

// The subject as policies know it; null when there is none.
const cedar::Entity* principal_of(const State& state, const Question& q,
                                  const StateReader& reader) {
  if (q.subject_type.empty()) {
    const Subject* subject = state.entities->subject(q.subject);
    return subject == nullptr ? nullptr : &reader.of(*subject);
  }
  const auto types = application_types(state, q);
  if (!types) return nullptr;
  const auto asserted = asserted_of(state, q, *types);
  if (!asserted) return nullptr;
  return &reader.keep(with_asserted(state.policies->entities, EntityUid(types->subject, q.subject),
                                    asserted->subject));
}

// An application's thing; empty when the question names none.
std::optional<EntityUid> application_resource(const State& state, const Question& q,
                                              const StateReader& reader) {
  const auto types = application_types(state, q);
  if (!types) return std::nullopt;
  const auto asserted = asserted_of(state, q, *types);
  if (!asserted) return std::nullopt;
  EntityUid uid(types->resource, q.resource);
  reader.keep(with_asserted(state.policies->entities, uid, asserted->resource));
  return uid;
}

class Consulting {
 public:
  Consulting(const State& state, const Question& question, Time now, const StateReader& reader)
      : state_(state),
        question_(question),
        now_(now),
        reader_(reader),
        facts_(facts_of(question, now)) {
    if (const Certificate* c = state.certificates.find(question.credential)) {
      facts_.device = c->device;
      facts_.credential = c->serial;
      bound_ = c->grant;
    }
  }

  std::vector<Consulted> run(std::string_view grant, Also also) {
    const Parties who = parties(state_, question_, reader_);
    if (who.principal == nullptr || !who.resource) return {};
    principal_ = &who.principal->uid;
    resource_ = *who.resource;
    const bool writ = resource_->type().starts_with("Writ::");
    if (!writ) {
      application();
      return std::move(made_);
    }
    const Action* action = action_named(question_.action);
    if (action == nullptr) return {};
    if (action->name == "connect") {
      connect(grant, also);
    } else {
      put(Consulted::Role::kPolicies,
          action->name == "request" ? state_.policies->requests : state_.policies->others,
          action->entity.uid, facts_);
    }
    return std::move(made_);
  }

 private:
  using Role = Consulted::Role;

  void put(Role role, const Slice& slice, const EntityUid& action, const Facts& facts,
           const std::vector<cedar::Field>& asserted = {}) {
    std::optional<Time> shown;
    if (!facts.recorded && !facts.mfa_age) {
      if (const auto age = mfa_age_of(state_, facts)) shown = now_ - *age;
    }
    made_.push_back(
        {role, &slice,
         cedar::Request{*principal_, action, *resource_, context_of(state_, facts, asserted)},
         facts.grant, shown});
  }

  void application() {
    const auto types = application_types(state_, question_);
    if (!types) return;
    const auto asserted = asserted_of(state_, question_, *types);
    if (!asserted) return;
    put(Role::kPolicies, state_.policies->others, types->action, facts_, asserted->context);
  }

  void connect(std::string_view wanted, Also also) {
    static const Action& connecting = *action_named("connect");
    static const Action& requesting = *action_named("request");
    const Policies& policies = *state_.policies;
    bool held = false;
    Facts facts = facts_;
    facts.approvals.reset();  // of a grant they are its own
    facts.duration.reset();
    if (wanted.empty()) wanted = bound_;
    for (const Grant* grant : grants_of(state_, question_.subject, question_.resource)) {
      if (!wanted.empty() && grant->id != wanted) continue;
      if (grant->state != GrantState::kActive || !grant->until || now_ >= *grant->until) continue;
      const Giver* giver = policies.giver(grant->policy);
      if (giver == nullptr || giver->offer != (grant->cause == Cause::kOffer)) continue;
      held = true;
      facts.grant = grant;
      put(Role::kGiver, giver->alone(),
          giver->offer ? requesting.entity.uid : connecting.entity.uid,
          giver->offer ? recorded_facts(*grant, now_) : facts);
      put(Role::kGuardrails, policies.guardrails, connecting.entity.uid, facts);
    }
    if (held) return;
    const EntitlementEntry* entry = state_.entities->entitlement(question_.resource);
    facts.grant = nullptr;
    facts.approvals = 0;
    if (entry != nullptr) facts.duration = baseline_duration(entry->tier);
    put(Role::kGuardrails, policies.guardrails, connecting.entity.uid, facts);
    if (also == Also::kNothing || entry == nullptr) return;
    put(Role::kBaseline, policies.baselines, connecting.entity.uid, facts);
    for (const Giver& giver : policies.givers) {
      if (!giver.offer) continue;
      const Terms terms = terms_of(state_, giver, *entry);
      Facts met = facts_;
      met.approvals = terms.approvals;
      met.duration = terms.max_ttl;
      if (state_.second_factors.contains(question_.subject)) met.mfa_age = Millis(0);
      put(Role::kOffer, giver.alone(), requesting.entity.uid, met);
    }
  }

  const State& state_;
  const Question& question_;
  const Time now_;
  const StateReader& reader_;
  Facts facts_;
  std::string_view bound_;  // the grant that the certificate is for
  const EntityUid* principal_ = nullptr;
  std::optional<EntityUid> resource_;
  std::vector<Consulted> made_;
};

}  // namespace

Parties parties(const State& state, const Question& q, const StateReader& reader) {
  Parties made;
  made.principal = principal_of(state, q, reader);
  made.resource = resource_uid(state, q.resource_type, q.resource);
  if (!made.resource) made.resource = application_resource(state, q, reader);
  return made;
}

std::vector<Consulted> consulted(const State& state, const Question& question, Time now,
                                 const StateReader& reader, std::string_view grant, Also also) {
  return Consulting(state, question, now, reader).run(grant, also);
}

}  // namespace writ::core
