// What time and changes of policy end: due, lost_offers, lost_by_policy.
#include <algorithm>
#include <set>

#include "core/command.h"
#include "core/decide.h"
#include "core/dormant.h"
#include "core/grants.h"
#include "core/reader.h"

namespace writ::core {
namespace {

constexpr Millis kRenewalDue = std::chrono::days(14);

// An administrator's membership ends like any other. When too few would be left soon, that is a
// finding, while they can still renew it.
void watch_administration(const State& state, Time now, std::vector<EventData>& events) {
  std::vector<std::string> lasting;
  Time last = now;
  state.groups.for_each([&](const std::string& name, const Group& group) {
    if (!group.administers) return;
    const std::vector<std::string>* members = state.members.find(name);
    if (members == nullptr) return;
    for (const std::string& id : *members) {
      const Identity* identity = state.identities.find(id);
      if (identity == nullptr || identity->state != IdentityState::kActive) continue;
      for (const Membership& m : *state.memberships.find(id)) {
        if (m.group != name) continue;
        last = std::max(last, m.until);
        if (m.until > now + kRenewalDue) lasting.push_back(id);
      }
    }
  });
  std::sort(lasting.begin(), lasting.end());
  lasting.erase(std::unique(lasting.begin(), lasting.end()), lasting.end());
  const std::size_t least = state.genesis.solo ? 1 : 2;
  Finding finding;
  finding.kind = "administration_ends";
  finding.about = "writ: administrators";
  const std::string* open = state.finding_ids.find(finding.kind + "\n" + finding.about);
  if (lasting.size() >= least) {
    if (open != nullptr) events.push_back(FindingClosed{*open, "gone"});
    return;
  }
  if (open != nullptr) return;
  SeededRandom random(state.next_seq);  // an id needs to be new, not secret
  do {
    finding.id = new_id("fnd", random);
  } while (state.findings.contains(finding.id));
  finding.severity = Severity::kCritical;
  finding.detail = "fewer than " + std::to_string(least) +
                   " administrators have a membership for the next " + to_text(kRenewalDue) +
                   "; the last one ends at " + to_text(last) +
                   ", and after that nobody can change Writ: renew with add_member";
  finding.since = now;
  events.push_back(FindingOpened{finding});
}

std::optional<EventData> ended(const State& state, std::string_view what, Time now) {
  const auto space = what.find(' ');
  const std::string_view kind = what.substr(0, space);
  const std::string id(what.substr(space + 1));
  if (kind == "grant") {
    const Grant* grant = state.grants.find(id);
    if (grant == nullptr || grant->state == GrantState::kRevoking) return std::nullopt;
    const bool active = grant->state == GrantState::kActive;
    return GrantRevoking{id, active ? EndReason::kExpired : EndReason::kActivationFailed,
                         std::nullopt, std::nullopt};
  }
  if (kind == "request") return RequestClosed{id, "expired", std::nullopt};
  if (kind == "change") return ChangeClosed{id, "expired", std::nullopt};
  if (kind == "device") return DeviceRemoved{id, "expired", std::nullopt};
  if (kind == "certificate") return CertificateExpired{id};
  if (kind == "enrollment") return EnrollmentEnded{id, "expired"};
  if (kind == kDormant) return dormancy_event(state, id, now);
  if (kind == "membership") {
    const auto split = id.find(' ');
    return MembershipEnded{id.substr(split + 1), id.substr(0, split), "expired", std::nullopt};
  }
  return std::nullopt;
}

// What a session was opened with: its certificate counts even where it ran out since.
Facts facts_of(const Session& session, const Grant& grant, Time now) {
  static const std::vector<std::string> kNoActors;
  Facts facts;
  facts.now = now;
  facts.factor_of = session.identity;
  facts.device = session.device;
  facts.credential = session.credential;
  facts.source_ip = session.source_ip;
  facts.actors = &kNoActors;
  facts.grant = &grant;
  return facts;
}

// Whether the policies of a state let this connect: what gave the grant, and every guardrail.
bool lets(const State& state, const Session& session, const Grant& grant, const Facts& facts) {
  const Giver* giver = state.policies->giver(grant.policy);
  const Subject* subject = state.entities->subject(session.identity);
  const EntitlementEntry* entry = state.entities->entitlement(grant.entitlement);
  if (giver == nullptr || subject == nullptr || entry == nullptr ||
      giver->offer != (grant.cause == Cause::kOffer)) {
    return false;
  }
  const StateReader reader(state, facts.now);
  const cedar::Entity& principal = reader.of(*subject);
  const cedar::Entity& connect = action_named("connect")->entity;
  const Context context(state, facts);
  const cedar::RequestView request{principal.uid, connect.uid, entry->entity.uid, context,
                                   &principal,    &connect,    &entry->entity};
  return !cedar::any_applies(state.policies->guardrails.policies, request, reader) &&
         gives(state, reader, *giver, subject->kind, principal, entry->entity,
               giver->offer ? recorded_facts(grant, facts.now) : facts);
}

// The state under the policies before and after a change.
class BothSets {
 public:
  BothSets(const State& state, const std::shared_ptr<const Policies>& before,
           const std::shared_ptr<const Policies>& after)
      : before_(state), after_(state) {
    before_.policies = before;
    after_.policies = after;
  }
  // Whether the change takes the grant of an open session.
  bool take(const Session& session, Time now) const {
    const Grant* grant = after_.grants.find(session.grant);
    if (grant == nullptr || grant->state == GrantState::kRevoking) return false;
    Facts facts = facts_of(session, *grant, now);
    if (changes(session, *grant, facts)) return true;
    // A code that aged must not hide what is new.
    if (!after_.second_factors.contains(session.identity)) return false;
    facts.mfa_age = Millis(0);
    return changes(session, *grant, facts);
  }

 private:
  bool changes(const Session& session, const Grant& grant, const Facts& facts) const {
    return lets(before_, session, grant, facts) && !lets(after_, session, grant, facts);
  }

  State before_, after_;
};

EventData policy_took(const std::string& grant) {
  return GrantRevoking{grant, EndReason::kPolicyChanged, std::nullopt, std::nullopt};
}

}  // namespace

std::optional<Time> next_end(const State& state) {
  std::optional<Time> next = state.ends.next();
  if (state.grant_index == nullptr) return next;
  const std::optional<Time> grant = state.grant_index->next_end();
  return grant && (!next || *grant < *next) ? grant : next;
}

std::vector<EventData> due(const State& state, Time now) {
  std::vector<std::pair<Time, std::string>> ends;
  state.ends.for_each_due(now,
                          [&](const std::string& what, Time end) { ends.emplace_back(end, what); });
  if (state.grant_index != nullptr) {
    state.grant_index->for_each_due(
        now, [&](const Grant& grant, Time end) { ends.emplace_back(end, "grant " + grant.id); });
  }
  std::sort(ends.begin(), ends.end());
  std::vector<EventData> events;
  for (const auto& [end, what] : ends) {
    if (auto event = ended(state, what, now)) events.push_back(std::move(*event));
  }
  watch_administration(state, now, events);
  return events;
}

std::vector<EventData> lost_offers(const State& state, Time now) {
  std::vector<std::string> lost;
  state.grants.for_each([&](const std::string& id, const Grant& grant) {
    if (grant.state == GrantState::kRevoking || grant.cause == Cause::kBreakGlass) return;
    if (!still_offered(state, grant, now)) lost.push_back(id);
  });
  std::sort(lost.begin(), lost.end());
  std::vector<EventData> events;
  for (const std::string& id : lost) {
    events.push_back(GrantRevoking{id, EndReason::kOfferLost, std::nullopt, std::nullopt});
  }
  return events;
}

std::vector<std::string> denied_sessions(const State& state,
                                         const std::shared_ptr<const Policies>& before,
                                         const std::shared_ptr<const Policies>& after, Time now) {
  const BothSets both(state, before, after);
  std::set<std::string> denied;
  state.sessions.for_each([&](const std::string&, const Session& session) {
    if (!denied.contains(session.grant) && both.take(session, now)) denied.insert(session.grant);
  });
  return {denied.begin(), denied.end()};
}

std::vector<EventData> lost_by_policy(const State& state,
                                      const std::shared_ptr<const Policies>& before, Time now) {
  std::vector<EventData> events = lost_offers(state, now);
  std::set<std::string> lost;
  for (const EventData& event : events) lost.insert(std::get<GrantRevoking>(event).grant);
  for (const std::string& id : denied_sessions(state, before, state.policies, now)) {
    if (!lost.contains(id)) events.push_back(policy_took(id));
  }
  return events;
}

std::vector<EventData> lost_of_late(const State& state, const std::vector<std::string>& sessions,
                                    const std::shared_ptr<const Policies>& before, Time now) {
  const BothSets both(state, before, state.policies);
  std::set<std::string> denied;
  for (const std::string& id : sessions) {
    const Session* session = state.sessions.find(id);
    if (session != nullptr && both.take(*session, now)) denied.insert(session->grant);
  }
  std::vector<EventData> events;
  for (const std::string& id : denied) events.push_back(policy_took(id));
  return events;
}

}  // namespace writ::core
