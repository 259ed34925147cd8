#include "core/decide.h"

#include <algorithm>
#include <array>
#include <optional>

#include "cedar/authorize.h"
#include "cedar/extension.h"
#include "core/application.h"
#include "core/asking.h"
#include "core/grants.h"
#include "core/login.h"

namespace writ::core {

namespace {

const Action* connect_action() {
  static const Action* const kConnect = action_named("connect");
  return kConnect;
}
const Action* request_action() {
  static const Action* const kRequest = action_named("request");
  return kRequest;
}

}  // namespace

// ---- What the question names ----

void Asking::each_place(auto&& f) {
  if (!decides_) return;
  if (entitlement_) {
    f(*state_.grant_index, held_place_);
    f(state_.entities->entitlements(), entry_place_);
  }
  f(state_.entities->subjects(), subject_place_);
  f(state_.certificates, certificate_place_);
}

void Asking::begin() {
  if (!decides_) return;
  const std::uint64_t subject = cow_hash(question_.subject);
  const std::uint64_t credential = cow_hash(question_.credential);
  if (entitlement_) {
    const std::uint64_t resource = cow_hash(question_.resource);
    pair_ = pair_hash(subject, resource);
    held_place_ = state_.grant_index->begin(pair_);
    entry_place_ = state_.entities->entitlements().begin(resource);
  }
  subject_place_ = state_.entities->subjects().begin(subject);
  certificate_place_ = state_.certificates.begin(credential);
}

void Asking::read() {
  if (const auto address = cedar::parse_ip(question_.source_ip)) {
    address_.range = *address;
    facts_.address = &address_;
  }
  if (entitlement_) name_action();
}

void Asking::name_action() {
  const bool connects = cedar::same_text(question_.action, "connect");
  action_ = connects ? connect_action() : action_named(question_.action);
}

void Asking::load_tags() {
  each_place([](const auto& map, auto& place) { map.load_tags(place); });
}

void Asking::load_shards() {
  each_place([](const auto& map, auto& place) { map.load_shard(place); });
}

void Asking::load_slots() {
  each_place([](const auto& map, auto& place) { map.load_slot(place); });
}

void Asking::load_entries() {
  if (!decides_) return;
  if (entitlement_) {
    held_ = state_.grant_index->load_entry(pair_, held_place_);
    state_.entities->entitlements().load_entry(entry_place_);
  }
  state_.entities->subjects().load_entry(subject_place_);
  state_.certificates.load_entry(certificate_place_);
}

void Asking::find() {
  if (!decides_) return;
  if (entitlement_) {
    entry_ = state_.entities->entitlements().find(question_.resource, entry_place_);
    if (entry_ != nullptr) entry_->entity.ancestors.prefetch();
  }
  subject_ = state_.entities->subjects().find(question_.subject, subject_place_);
  certificate_ = state_.certificates.find(question_.credential, certificate_place_);
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

std::string Asking::why_bad_credential() const {
  if (certificate_ == nullptr || now_ >= certificate_->until) {
    return "this certificate is unknown or over; get a new one with: writ login";
  }
  if (certificate_->revoked) return "this certificate was revoked: " + *certificate_->revoked;
  if (now_ >= certificate_->good_until) {
    return "the device of this certificate is no longer enrolled";
  }
  return "this certificate belongs to another identity";
}

inline std::optional<std::string> Asking::bad_credential() {
  if (question_.credential.empty()) return std::nullopt;
  const Subject* holder =
      question_.actors.empty() ? subject_ : state_.entities->subject(question_.actors.front());
  const Certificate* const certificate = certificate_;
  if (certificate == nullptr || now_ >= certificate->good_until ||
      certificate->holder != holder->number) {
    return why_bad_credential();
  }
  facts_.device = certificate->device;
  facts_.credential = question_.credential;
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

inline std::optional<std::string> Asking::unconstitutional() {
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
  if (question_.subject == question_.requester || question_.subject == question_.beneficiary) {
    return "nobody approves what they ask for or get, whatever policy says";
  }
  return bad_credential();
}

// ---- Asking policies ----

Asking::Asking(const State& state, const Question& question, Time now, Decision& decision)
    : state_(state),
      question_(question),
      decision_(decision),
      now_(now),
      reader_(state, now),
      wanted_(question.grant),
      facts_(facts_of(question, now)),
      decides_(state.policies != nullptr && state.entities != nullptr && now >= state.time),
      entitlement_(cedar::same_text(question.resource_type, "entitlement")) {}

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

void Asking::deny(std::string message) {
  decision_.allow = false;
  decision_.message = std::move(message);
}

void Asking::take(Answer answer) {
  decision_.policies.insert(decision_.policies.end(), answer.policies.begin(),
                            answer.policies.end());
  decision_.errors.insert(decision_.errors.end(), answer.errors.begin(), answer.errors.end());
}

void Asking::forbidden(Answer answer, bool factor_helps) {
  std::string message =
      answer.errors.empty()
          ? "forbidden by the policy \""
          : "this policy may forbid and could not be evaluated, so nothing is allowed: \"";
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

namespace {

// The same whether there is such a thing or not.
std::string not_here(const Question& question) {
  return "no live grant, and there is no entitlement \"" + question.resource.substr(0, 200) +
         "\" that may be asked for here";
}

}  // namespace

std::optional<std::string> Asking::bad_door() const {
  const std::uint64_t hash = cow_hash(question_.door);
  if (!is_active_door(state_.entities->subjects().find(question_.door, hash))) {
    return "the door that asks is not an active door";
  }
  if (question_.credential.empty()) return "the door did not say which certificate it saw";
  const Door* door = state_.doors.find(question_.door, hash);
  const auto stands_before = [&](const std::string& target) {
    return door != nullptr &&
           std::find(door->targets.begin(), door->targets.end(), target) != door->targets.end();
  };
  if (entry_ != nullptr && stands_before(entry_->target)) return std::nullopt;
  return not_here(question_);  // a door does not learn what there is behind others
}

inline bool Asking::unguarded(const Facts& facts) const {
  const Context context(state_, facts);
  const cedar::RequestView request{principal_->uid, action_->entity.uid, entry_->entity.uid,
                                   context,         principal_,          &action_->entity,
                                   &entry_->entity};
  const Slice& guardrails = state_.policies->guardrails;
  // Looking at a few is cheaper than looking for them.
  constexpr std::size_t kFew = 24;
  const std::size_t count = guardrails.scopes.size();
  if (count > kFew) return !cedar::any_applies(guardrails.policies, request, reader_);
  for (std::size_t i = 0; i < count; ++i) {
    if (guardrails.scopes[i].covers(subject_->kind, *principal_, entry_->entity) &&
        cedar::conditions_hold(guardrails.policies, i, request, reader_) != cedar::Holds::kNo) {
      return false;
    }
  }
  return true;
}

Answer Asking::guard(const Facts& facts) const {
  return ask(state_.policies->guardrails, action_->entity.uid, entry_->entity.uid, facts);
}

inline bool Asking::is_at_its_door() const {
  return std::any_of(entry_->doors->begin(), entry_->doors->end(), [&](const std::string& door) {
    return cedar::same_text(door, question_.door);
  });
}

bool Asking::is_wanted(const Grant& grant) const {
  return wanted_.empty() || grant.id == wanted_;
}

inline bool Asking::is_given(const Grant& grant) const {
  const Giver* giver = state_.policies->giver(grant.policy, grant.policy_hash);
  if (giver == nullptr || giver->offer != (grant.cause == Cause::kOffer)) return false;
  const auto gives_by = [&](const Facts& facts) {
    return gives(state_, reader_, *giver, subject_->kind, *principal_, entry_->entity, facts);
  };
  // What was recorded is put together only where conditions read it.
  if (!giver->offer || giver->scope.is_all()) return gives_by(facts_);
  return gives_by(recorded_facts(grant, now_));
}

inline void Asking::connect() {
  if (!question_.door.empty() &&
      (entry_ == nullptr || question_.credential.empty() || !is_at_its_door())) {
    if (auto why = bad_door()) return deny(std::move(*why));
  }
  if (entry_ == nullptr) return nothing_gives();
  facts_.approvals.reset();  // of a grant they are its own
  facts_.duration.reset();
  if (held_ != nullptr && held_->best() != nullptr) {
    // The grant comes last: of all that is read it alone is surely far away.
    const Grant& best = *held_->best();
    facts_.grant = &best;
    if (unguarded(facts_) && best.beneficiary_number == subject_->number &&
        best.entitlement_number == entry_->number && now_ < live_until(best) && is_wanted(best) &&
        is_given(best)) {
      return admit(best);
    }
  }
  return connect_otherwise();
}

void Asking::connect_otherwise() {
  GrantIndex::Grants candidates;
  bool lost = false, activating = false, revoking = false;
  if (held_ != nullptr) candidates = state_.grant_index->of(question_.subject, question_.resource);
  const auto is_out = [&](const Grant* grant) {
    if (!is_wanted(*grant)) return true;
    if (now_ < live_until(*grant)) return false;
    activating = activating || grant->state == GrantState::kActivating;
    revoking = revoking || grant->state == GrantState::kRevoking;
    return true;
  };
  candidates.erase(std::remove_if(candidates.begin(), candidates.end(), is_out), candidates.end());
  std::sort(candidates.begin(), candidates.end(),
            [](const Grant* a, const Grant* b) { return lasts_longer(*a, *b); });
  const Grant* blocked = nullptr;
  for (const Grant* grant : candidates) {
    facts_.grant = grant;
    if (!is_given(*grant)) {
      lost = true;
      continue;
    }
    if (unguarded(facts_)) return admit(*grant);
    if (blocked == nullptr) blocked = grant;
  }
  const auto passes = [&](const Facts& facts) { return unguarded(facts); };
  facts_.grant = blocked;
  if (blocked != nullptr) return forbidden(guard(facts_), fresh_factor_helps(facts_, passes));
  if (activating) {
    decision_.needs.emplace_back("grant");
    return deny("the grant is being set up; try again in a moment");
  }
  if (wanted_.empty()) {
    if (baseline(passes)) return;
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

bool Asking::baseline(auto&& passes) {
  Facts facts = facts_;
  facts.approvals = 0;
  facts.duration = baseline_duration(entry_->tier);
  Answer answer = ask(state_.policies->baselines, action_->entity.uid, entry_->entity.uid, facts);
  if (!answer.permitted) {
    decision_.errors.insert(decision_.errors.end(), answer.errors.begin(), answer.errors.end());
    return false;
  }
  Answer guarded = guard(facts);
  if (guarded.forbidden) {
    forbidden(std::move(guarded), fresh_factor_helps(facts, passes));
    return true;
  }
  take(std::move(answer));
  decision_.needs.emplace_back("baseline_grant");
  deny("no grant is open yet, and none has to be asked for: writ connect " + question_.resource);
  return true;
}

inline void Asking::admit(const Grant& grant) {
  decision_.policies.push_back(grant.policy);
  decision_.grant = grant.id;
  decision_.login_stem = subject_->login_stem;
  decision_.database = entry_->database;
  decision_.until = grant.until;
  decision_.autonomy = limits_of(entry_->tier).autonomy;
  decision_.allow = true;
}

// Whether a thing exists is not told to whom nothing of it is offered.
void Asking::nothing_gives() {
  const bool offered =
      entry_ != nullptr && !offers_for(state_, question_.subject, question_.resource, now_).empty();
  if (!offered) return deny(not_here(question_));
  decision_.needs.emplace_back("grant");
  return deny("no live grant; ask with: writ request " + question_.resource);
}

// ---- request, administration, applications ----

void Asking::by_policy(const Slice& slice, const cedar::EntityUid& action,
                       const cedar::EntityUid& resource) {
  Answer answer = ask(slice, action, resource, facts_);
  if (answer.permitted) {
    take(std::move(answer));
    decision_.allow = true;
    return;
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

void Asking::application() {
  if (!is_active_door(state_.entities->subject(question_.door))) {
    return deny("only an active door may ask about \"" + question_.resource_type.substr(0, 100) +
                "\"");
  }
  const auto types = application_types(state_, question_);
  if (!types) return deny(types.error().message);
  const Policies& policies = *state_.policies;
  const cedar::EntityUid resource(types->resource, question_.resource);
  auto asserted =
      read_asserted(question_.asserted, policies.applications ? &*policies.applications : nullptr,
                    types->subject, types->action, types->resource);
  if (!asserted) return deny(asserted.error().text());
  reader_.keep(with_asserted(policies.entities, resource, asserted->resource));
  if (!types->subject.empty()) {
    const cedar::EntityUid subject(types->subject, question_.subject);
    principal_ = &reader_.keep(with_asserted(policies.entities, subject, asserted->subject));
  }
  asserted_ = std::move(asserted->context);
  return by_policy(state_.policies->others, types->action, resource);
}

void Asking::decide() {
  if (!decides_) {
    return deny(
        "the clock stands before the last event, or there is no policy; nothing is decided");
  }
  const auto resource = entitlement_
                            ? std::nullopt
                            : resource_uid(state_, question_.resource_type, question_.resource);
  const bool writ = entitlement_ || resource.has_value();
  if (resource) name_action();
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
  const bool connects = action_ == connect_action(), requests = action_ == request_action();
  if (!question_.door.empty() && !connects) {
    return deny("of what is Writ's own, a door asks about connects alone");
  }
  if ((connects || requests) && !entitlement_) {
    return deny("one connects to an entitlement, and requests one");
  }
  if (connects) return connect();
  if (requests) {
    if (entry_ == nullptr) return nothing_gives();
    if (!facts_.duration) facts_.duration = usual_duration(entry_->tier);
    return by_policy(state_.policies->requests, action_->entity.uid, entry_->entity.uid);
  }
  if (entry_ != nullptr) {
    return by_policy(state_.policies->others, action_->entity.uid, entry_->entity.uid);
  }
  return by_policy(
      state_.policies->others, action_->entity.uid,
      entitlement_ ? cedar::EntityUid("Writ::Entitlement", question_.resource) : *resource);
}

std::string Decision::login() const {
  if (grant.empty()) return {};
  return std::string(login_stem) + std::string(login_suffix(grant));
}

std::vector<std::string> reason_of(const Decision& decision) {
  std::vector<std::string> reason(decision.policies.begin(), decision.policies.end());
  if (!decision.grant.empty()) {
    reason.insert(reason.begin(), "grant " + std::string(decision.grant));
  }
  return reason;
}

Decision decide(const State& state, const Question& question, Time now) {
  Decision decision;
  Asking asking(state, question, now, decision);
  asking.begin();
  asking.load_shards();
  asking.read();
  asking.load_slots();
  asking.load_entries();
  asking.find();
  asking.decide();
  return decision;
}

std::vector<Decision> decide_together(const State& state,
                                      std::span<const Question* const> questions, Time now) {
  // Each step of a question comes one question after the step before it: while its loads are under
  // way, others are decided.
  constexpr std::size_t kSteps = 6;
  std::array<std::optional<Asking>, kSteps> places;
  std::array<Asking*, kSteps> under_way{};  // by the step that is next; null for none
  std::vector<Decision> decisions(questions.size());
  for (std::size_t i = 0, place = 0; i < questions.size() + kSteps - 1; ++i) {
    std::move_backward(under_way.begin(), under_way.end() - 1, under_way.end());
    under_way[0] = nullptr;
    if (i < questions.size()) {
      under_way[0] = &places[place].emplace(state, *questions[i], now, decisions[i]);
      under_way[0]->begin();
      under_way[0]->read();
      place = place + 1 == kSteps ? 0 : place + 1;
    }
    if (under_way[1] != nullptr) under_way[1]->load_tags();
    if (under_way[2] != nullptr) under_way[2]->load_slots();
    if (under_way[3] != nullptr) under_way[3]->load_entries();
    if (under_way[4] != nullptr) under_way[4]->find();
    if (under_way[5] != nullptr) under_way[5]->decide();
  }
  return decisions;
}

}  // namespace writ::core
