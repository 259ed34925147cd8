#include "core/decide.h"

#include <algorithm>

#include "cedar/authorize.h"
#include "core/application.h"
#include "core/asking.h"
#include "core/grants.h"

namespace writ::core {

// ---- What the question names ----

// It lies in memory as if at random. All of it is asked for before any is read, so that a decision
// waits for a few loads and not for their sum.
void Asking::look_up(bool entitlement) {
  const auto& subjects = state_.entities->subjects();
  const auto& certificates = state_.certificates;
  const std::uint64_t subject = cow_hash(question_.subject);
  auto subject_place = subjects.begin(subject);
  auto certificate_place = certificates.begin(cow_hash(question_.credential));
  if (entitlement) {
    const auto& entitlements = state_.entities->entitlements();
    const std::uint64_t resource = cow_hash(question_.resource);
    pair_ = pair_hash(subject, resource);
    auto entry_place = entitlements.begin(resource);
    auto held_place = state_.grant_index->begin(pair_);
    subjects.approach(subject_place);
    certificates.approach(certificate_place);
    entitlements.approach(entry_place);
    held_ = state_.grant_index->approach(pair_, held_place);
    entry_ = entitlements.find(question_.resource, entry_place);
  } else {
    subjects.approach(subject_place);
    certificates.approach(certificate_place);
  }
  subject_ = subjects.find(question_.subject, subject_place);
  if (subject_ != nullptr) __builtin_prefetch(subject_->entity.uid.text());
  certificate_ = certificates.find(question_.credential, certificate_place);
}

// ---- The constitution ----

namespace {

bool is_active(const Subject* subject) {
  return subject != nullptr && subject->state == IdentityState::kActive;
}

bool is_active_door(const Subject* subject) {
  return is_active(subject) && subject->kind == IdentityKind::kDoor;
}

// Why it is not active.
std::string inactive(std::string_view identity, const Subject* subject) {
  if (subject == nullptr) {
    return "there is no identity \"" + std::string(identity.substr(0, 100)) + "\"";
  }
  return "this identity is " + std::string(name_of(subject->state));
}

}  // namespace

std::optional<std::string> Asking::bad_credential() {
  if (question_.credential.empty()) return std::nullopt;
  const Certificate* const certificate = certificate_;
  if (certificate == nullptr || now_ >= certificate->until) {
    return "this certificate is unknown or over; get a new one with: writ login";
  }
  if (certificate->revoked) return "this certificate was revoked: " + *certificate->revoked;
  const std::string& holder =
      question_.actors.empty() ? question_.subject : question_.actors.front();
  if (certificate->identity != holder) return "this certificate belongs to another identity";
  if (now_ >= certificate->device_until) {
    return "the device of this certificate is no longer enrolled";
  }
  facts_.device = certificate->device;
  facts_.credential = certificate->serial;
  if (!certificate->grant.empty()) {
    if (question_.action != "connect") {
      return "this certificate is for connecting on grant " + certificate->grant +
             ", and for nothing else";
    }
    if (!wanted_.empty() && wanted_ != certificate->grant) {
      return "this certificate is for connecting on grant " + certificate->grant;
    }
    wanted_ = certificate->grant;
  }
  return std::nullopt;
}

std::optional<std::string> Asking::unconstitutional() {
  if (!is_active(subject_)) return inactive(question_.subject, subject_);
  bool agent = subject_->kind == IdentityKind::kAgent;
  for (const std::string& actor : question_.actors) {
    const Subject* link = state_.entities->subject(actor);
    if (!is_active(link)) return "in the chain: " + inactive(actor, link);
    agent = agent || link->kind == IdentityKind::kAgent;
  }
  if (agent && action_ != nullptr && (action_->administers || action_->name == "approve")) {
    return "agents neither approve nor administer, whatever policy says";
  }
  return bad_credential();
}

// ---- Asking policies ----

Asking::Asking(const State& state, const Question& question, Time now)
    : state_(state), question_(question), now_(now), reader_(state, now), wanted_(question.grant) {
  facts_.now = now;
  if (question.subject_type.empty()) {
    facts_.factor_of = question.actors.empty() ? question.subject : question.actors.front();
  }
  facts_.source_ip = question.source_ip;
  facts_.actors = &question.actors;
  facts_.approvals = question.approvals;
  facts_.duration = question.duration;
}

Answer Asking::ask(const Slice& slice, const cedar::EntityUid& action,
                   const cedar::EntityUid& resource, const Facts& facts) const {
  Answer answer;
  if (slice.policies.size() == 0) return answer;
  const Context context(state_, facts, asserted_);
  const cedar::RequestView request{principal_->uid,
                                   action,
                                   resource,
                                   context,
                                   principal_,
                                   action_ == nullptr ? nullptr : &action_->entity,
                                   entry_ == nullptr ? nullptr : &entry_->entity};
  const cedar::Response response = cedar::authorize(slice.policies, request, reader_);
  answer.permitted = response.decision == cedar::Decision::kAllow && !response.forbid_failed;
  bool forbade = false;
  for (const std::uint32_t index : response.reasons) {
    forbade = forbade || slice.policies.effect(index) == cedar::Effect::kForbid;
  }
  answer.forbidden = forbade || response.forbid_failed;
  for (const std::uint32_t index : response.reasons) {
    // Permits do not decide where a forbid failed.
    if (forbade == answer.forbidden) answer.policies.push_back(slice.policies.id(index));
  }
  for (const cedar::PolicyError& error : response.errors) {
    const std::string& id = slice.policies.id(error.policy);
    if (slice.policies.effect(error.policy) == cedar::Effect::kForbid) {
      answer.policies.push_back(id);
    }
    answer.errors.push_back(id + ": " + error.error.text());
  }
  return answer;
}

bool Asking::fresh_factor_helps(const Facts& facts, auto&& passes) const {
  if (!state_.second_factors.contains(facts.factor_of)) return false;
  Facts fresh = facts;
  fresh.mfa_age = Millis(0);
  return passes(fresh);
}

Decision Asking::deny(std::string message) {
  decision_.allow = false;
  decision_.message = std::move(message);
  return std::move(decision_);
}

void Asking::take(Answer answer) {
  decision_.policies.insert(decision_.policies.end(), answer.policies.begin(),
                            answer.policies.end());
  decision_.errors.insert(decision_.errors.end(), answer.errors.begin(), answer.errors.end());
}

Decision Asking::forbidden(Answer answer, bool factor_helps) {
  std::string message =
      answer.errors.empty()
          ? "forbidden by the policy \""
          : "denied, because this policy that may forbid could not be evaluated: \"";
  if (!answer.policies.empty()) message += answer.policies.front();
  message += '"';
  if (factor_helps) {
    decision_.needs.emplace_back("mfa");
    message += "; it would pass with a fresh one-time code: writ login --step-up";
  }
  take(std::move(answer));
  return deny(std::move(message));
}

// ---- connect ----

std::optional<std::string> Asking::bad_door() const {
  const std::uint64_t hash = cow_hash(question_.door);
  if (!is_active_door(state_.entities->subjects().find(question_.door, hash))) {
    return "the door that asks is not an active door";
  }
  if (question_.credential.empty()) return "the door did not say which certificate it saw";
  if (entry_ == nullptr) return std::nullopt;
  const Door* door = state_.doors.find(question_.door, hash);
  if (door == nullptr || std::find(door->targets.begin(), door->targets.end(), entry_->target) ==
                             door->targets.end()) {
    return "the door that asks does not stand before the target \"" + entry_->target + "\"";
  }
  return std::nullopt;
}

bool Asking::unguarded(const Facts& facts) const {
  const Context context(state_, facts);
  const cedar::RequestView request{principal_->uid, action_->entity.uid, entry_->entity.uid,
                                   context,         principal_,          &action_->entity,
                                   &entry_->entity};
  return !cedar::any_applies(state_.policies->guardrails.policies, request, reader_);
}

Answer Asking::guard(const Facts& facts) const {
  return ask(state_.policies->guardrails, action_->entity.uid, entry_->entity.uid, facts);
}

Decision Asking::connect() {
  if (!question_.door.empty()) {
    if (auto why = bad_door()) return deny(std::move(*why));
  }
  if (entry_ == nullptr) return nothing_gives();

  // Candidates, the longest first.
  GrantIndex::Grants candidates;
  bool lost = false, activating = false, revoking = false;
  for (const LiveGrant& live : state_.grant_index->of(
           Pair{question_.subject, question_.resource, subject_->number, entry_->number, pair_},
           held_)) {
    if (!wanted_.empty() && live.grant->id != wanted_) continue;
    if (now_ < live.until) {
      candidates.push_back(live);
    } else {
      activating = activating || live.grant->state == GrantState::kActivating;
      revoking = revoking || live.grant->state == GrantState::kRevoking;
    }
  }
  if (candidates.size() > 1) {
    std::sort(candidates.begin(), candidates.end(), [](const LiveGrant& a, const LiveGrant& b) {
      return a.until != b.until ? a.until > b.until : a.grant->id < b.grant->id;
    });
  }
  const Policies& policies = *state_.policies;
  const Grant* blocked = nullptr;
  facts_.approvals.reset();  // of a grant they are its own
  facts_.duration.reset();
  for (const LiveGrant& live : candidates) {
    const Grant& grant = *live.grant;
    facts_.grant = &grant;
    const Giver* giver = policies.giver(grant.policy, live.policy_hash);
    if (giver == nullptr || giver->offer != (grant.cause == Cause::kOffer) ||
        !gives(state_, reader_, *giver, *principal_, entry_->entity,
               giver->offer ? recorded_facts(grant, now_) : facts_)) {
      lost = true;
      continue;
    }
    if (unguarded(facts_)) return admit(grant);
    if (blocked == nullptr) blocked = &grant;
  }
  const auto passes = [&](const Facts& facts) { return unguarded(facts); };
  facts_.grant = blocked;
  if (blocked != nullptr) return forbidden(guard(facts_), fresh_factor_helps(facts_, passes));
  if (activating) {
    decision_.needs.emplace_back("grant");
    return deny("the grant is being set up; try again in a moment");
  }
  if (wanted_.empty()) {
    if (auto decision = baseline(passes)) return std::move(*decision);
  }
  if (lost) {
    return deny("the policy that gave the grant gives it no more; ask again with: writ request " +
                question_.resource);
  }
  if (revoking) return deny("the grant was revoked or is over");
  if (question_.grant.empty() && !wanted_.empty()) {
    const Grant* bound = state_.grants.find(wanted_);
    if (bound != nullptr && bound->entitlement != question_.resource) {
      return deny("this certificate is for connecting on grant " + bound->id + ", which is for " +
                  bound->entitlement + "; get another one with: writ connect " +
                  question_.resource);
    }
    return deny("this certificate was for grant " + std::string(wanted_) +
                ", which is over; get a new one with: writ connect " + question_.resource);
  }
  return nothing_gives();
}

std::optional<Decision> Asking::baseline(auto&& passes) {
  Facts facts = facts_;
  facts.approvals = 0;
  facts.duration = baseline_duration(entry_->tier);
  Answer answer = ask(state_.policies->baselines, action_->entity.uid, entry_->entity.uid, facts);
  if (!answer.permitted) {
    decision_.errors.insert(decision_.errors.end(), answer.errors.begin(), answer.errors.end());
    return std::nullopt;
  }
  Answer guarded = guard(facts);
  if (guarded.forbidden) return forbidden(std::move(guarded), fresh_factor_helps(facts, passes));
  take(std::move(answer));
  decision_.needs.emplace_back("baseline_grant");
  return deny("no grant is open yet, and none has to be asked for: writ connect " +
              question_.resource);
}

Decision Asking::admit(const Grant& grant) const {
  Decision decision;
  decision.allow = true;
  decision.policies.push_back(grant.policy);
  decision.grant = grant.id;
  decision.login = grant.login;
  decision.database = entry_->database;
  decision.until = grant.until;
  decision.autonomy = limits_of(entry_->tier).autonomy;
  return decision;
}

// Whether a thing exists is not told to whom nothing of it is offered.
Decision Asking::nothing_gives() {
  const bool offered =
      entry_ != nullptr && !offers_for(state_, question_.subject, question_.resource, now_).empty();
  if (!offered) {
    return deny("no live grant, and there is no entitlement \"" +
                question_.resource.substr(0, 200) + "\" that may be asked for here");
  }
  decision_.needs.emplace_back("grant");
  return deny("no live grant; ask with: writ request " + question_.resource);
}

// ---- request, administration, applications ----

Decision Asking::by_policy(const Slice& slice, const cedar::EntityUid& action,
                           const cedar::EntityUid& resource) {
  Answer answer = ask(slice, action, resource, facts_);
  if (answer.permitted) {
    decision_.allow = true;
    take(std::move(answer));
    return std::move(decision_);
  }
  const bool helps = fresh_factor_helps(
      facts_, [&](const Facts& fresh) { return ask(slice, action, resource, fresh).permitted; });
  if (answer.forbidden) return forbidden(std::move(answer), helps);
  take(std::move(answer));
  if (helps) {
    decision_.needs.emplace_back("mfa");
    return deny("this needs a fresh one-time code: writ login --step-up");
  }
  return deny("no policy lets you " + std::string(question_.action.substr(0, 100)));
}

Decision Asking::application() {
  const auto strip = [](std::string_view name, std::string_view space) {
    if (name.size() > space.size() + 2 && name.starts_with(space) &&
        name.substr(space.size(), 2) == "::") {
      name.remove_prefix(space.size() + 2);
    }
    return name;
  };
  if (!is_active_door(state_.entities->subject(question_.door))) {
    return deny("only an active door may ask about \"" + question_.resource_type.substr(0, 100) +
                "\"");
  }
  const Identity* identity = state_.identities.find(question_.door);
  const std::string space = namespace_of(identity->name);
  const std::string* owner = state_.entities->door_of_namespace(space);
  if (owner == nullptr || *owner != question_.door) {
    return deny("the door \"" + identity->name + "\" has no namespace of its own");
  }
  const auto is_type = [](const std::string& type) {
    return type.size() <= 500 && cedar::is_type_name(type);
  };
  const std::string type = type_in(space, question_.resource_type);
  const std::string_view action = strip(question_.action, space);
  if (!is_type(type) || action.find("::") != action.npos) {
    return deny("this is no type or action of the namespace " + space);
  }
  const std::string subject_type =
      question_.subject_type.empty() ? std::string() : type_in(space, question_.subject_type);
  if (!subject_type.empty() && !is_type(subject_type)) {
    return deny("this is no type of the namespace " + space);
  }
  const Policies& policies = *state_.policies;
  const cedar::EntityUid action_uid(space + "::Action", action);
  const cedar::EntityUid resource(type, question_.resource);
  auto asserted =
      read_asserted(question_.asserted, policies.applications ? &*policies.applications : nullptr,
                    subject_type, action_uid, type);
  if (!asserted) return deny(asserted.error().text());
  reader_.keep(with_asserted(policies.entities, resource, asserted->resource));
  if (!subject_type.empty()) {
    const cedar::EntityUid subject(subject_type, question_.subject);
    principal_ = &reader_.keep(with_asserted(policies.entities, subject, asserted->subject));
  }
  asserted_ = std::move(asserted->context);
  return by_policy(state_.policies->others, action_uid, resource);
}

Decision Asking::decide() {
  if (state_.policies == nullptr || state_.entities == nullptr || now_ < state_.time) {
    return deny(
        "the clock stands before the last event, or there is no policy; nothing is decided");
  }
  const bool entitlement = question_.resource_type == "entitlement";
  look_up(entitlement);
  const auto resource = entitlement
                            ? std::nullopt
                            : resource_uid(state_, question_.resource_type, question_.resource);
  const bool writ = entitlement || resource.has_value();
  if (writ) action_ = action_named(question_.action);
  if (!question_.subject_type.empty()) {
    if (writ) return deny("what is Writ's own is for identities of Writ alone");
    if (!question_.actors.empty()) {
      return deny("nobody acts for a subject that is no identity of Writ");
    }
    return application();
  }
  if (auto why = unconstitutional()) return deny(std::move(*why));
  principal_ = &reader_.of(*subject_);
  if (!writ) return application();
  if (action_ == nullptr) {
    return deny("there is no action \"" + question_.action.substr(0, 100) + "\"");
  }
  if (!question_.asserted.is_null()) {
    return deny("attributes of Writ's own types are never asserted");
  }
  static const Action *const kConnect = action_named("connect"), *const kRequest =
                                                                     action_named("request");
  const bool connects = action_ == kConnect, requests = action_ == kRequest;
  if (!question_.door.empty() && !connects) {
    return deny("of what is Writ's own, a door asks about connects alone");
  }
  if ((connects || requests) && !entitlement) {
    return deny("one connects to an entitlement, and requests one");
  }
  if (connects) return connect();
  if (requests) {
    if (entry_ == nullptr) return nothing_gives();
    return by_policy(state_.policies->requests, action_->entity.uid, entry_->entity.uid);
  }
  if (entry_ != nullptr) {
    return by_policy(state_.policies->others, action_->entity.uid, entry_->entity.uid);
  }
  return by_policy(
      state_.policies->others, action_->entity.uid,
      entitlement ? cedar::EntityUid("Writ::Entitlement", question_.resource) : *resource);
}

std::vector<std::string> reason_of(const Decision& decision) {
  std::vector<std::string> reason(decision.policies.begin(), decision.policies.end());
  if (!decision.grant.empty()) {
    reason.insert(reason.begin(), "grant " + std::string(decision.grant));
  }
  return reason;
}

Decision decide(const State& state, const Question& question, Time now) {
  return Asking(state, question, now).decide();
}

}  // namespace writ::core
