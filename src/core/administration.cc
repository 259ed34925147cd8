// Administration: which commands need two persons, and that two remain who could change policy
// back.
#include <algorithm>

#include "core/call.h"
#include "core/policy.h"

namespace writ::core {
namespace {

bool may(const State& state, std::string_view person, std::string_view action, Time now) {
  Question question;
  question.subject = person;
  question.action = action;
  question.resource_type = "system";
  question.resource = "writ";
  return decide(state, question, now).allow;
}

// The person as it would be after it showed a code just now: policies that ask for a fresh second
// factor do not lock anybody out. It costs nothing but this copy.
State with_fresh_factor(const State& state, const std::string& person, Time now,
                        const Sealer& sealer) {
  State fresh = state;
  const auto apply = [&](EventData data) {
    const Event event{fresh.next_seq, now, fresh.genesis.trust_domain, {person}, std::move(data)};
    return fold(fresh, event, sealer).has_value();
  };
  const SecondFactor* factor = fresh.second_factors.find(person);
  if (factor == nullptr && !apply(SecondFactorSet{person, Sealed{person, ""}})) return state;
  factor = fresh.second_factors.find(person);
  if (factor == nullptr) return state;
  const std::vector<std::string>* devices = fresh.devices_of.find(person);
  const std::string device = devices == nullptr || devices->empty() ? "" : devices->front();
  if (!apply(SecondFactorShown{person, device, factor->last_step + 1})) return state;
  return fresh;
}

bool administers(const State& state, const std::string& id, Time now, const Sealer& sealer) {
  const Identity* identity = state.identities.find(id);
  if (identity == nullptr || !is_person(identity->kind) ||
      identity->state != IdentityState::kActive) {
    return false;
  }
  const State fresh = with_fresh_factor(state, id, now, sealer);
  return may(fresh, id, "apply_policy", now) && may(fresh, id, "approve", now);
}

// What a person may do to Writ itself, as one bit for each action, in their order.
std::vector<bool> powers_of(const State& state, const std::string& id, Time now,
                            const Sealer& sealer) {
  std::vector<bool> powers;
  const Identity* identity = state.identities.find(id);
  if (identity == nullptr || identity->state != IdentityState::kActive) return powers;
  const State fresh = is_person(identity->kind) ? with_fresh_factor(state, id, now, sealer) : state;
  for (const Action& action : actions()) {
    powers.push_back((action.administers || action.name == "approve") &&
                     may(fresh, id, action.name, now));
  }
  if (std::find(powers.begin(), powers.end(), true) == powers.end()) powers.clear();
  return powers;
}

// Whose powers an event may change. Policies need two persons anyway.
void add_touched(const EventData& data, std::vector<std::string>& touched) {
  const auto add = [&](const std::string& id) {
    if (std::find(touched.begin(), touched.end(), id) == touched.end()) touched.push_back(id);
  };
  if (const auto* e = std::get_if<IdentityAdded>(&data)) add(e->identity.id);
  if (const auto* e = std::get_if<IdentityStateChanged>(&data)) add(e->identity);
  if (const auto* e = std::get_if<MembershipAdded>(&data)) add(e->membership.identity);
  if (const auto* e = std::get_if<MembershipEnded>(&data)) add(e->identity);
  if (const auto* e = std::get_if<OwnerChanged>(&data); e && e->of.starts_with("identity:")) {
    add(e->of.substr(9));
  }
  if (const auto* e = std::get_if<SubjectErased>(&data)) add(e->subject);
}

// Whether terms or resources name this owner as who approves.
bool approves(const State& state, const std::string& owner) {
  const auto& givers = state.policies->givers;
  if (std::any_of(givers.begin(), givers.end(),
                  [&](const Giver& giver) { return giver.offer && giver.approvers == owner; })) {
    return true;
  }
  bool found = false;
  state.resources.for_each(
      [&](const std::string&, const Resource& r) { found = found || r.owner == owner; });
  return found;
}

bool is_approver(const State& state, const std::string& id) {
  if (approves(state, "identity:" + id)) return true;
  const std::vector<Membership>* memberships = state.memberships.find(id);
  return memberships != nullptr &&
         std::any_of(memberships->begin(), memberships->end(),
                     [&](const Membership& m) { return approves(state, "group:" + m.group); });
}

bool makes_approver(const State& state, const EventData& data) {
  if (const auto* e = std::get_if<MembershipAdded>(&data)) {
    const Identity* identity = state.identities.find(e->membership.identity);
    return (identity == nullptr || is_person(identity->kind)) &&
           approves(state, "group:" + e->membership.group);
  }
  if (const auto* e = std::get_if<IdentityStateChanged>(&data)) {
    return e->state == IdentityState::kActive && is_approver(state, e->identity);
  }
  const auto* owner = std::get_if<OwnerChanged>(&data);
  return owner != nullptr && owner->of.starts_with("resource:");
}

}  // namespace

bool needs_second_person(const Call& call, const std::vector<EventData>& events) {
  std::vector<std::string> touched;
  for (const EventData& data : events) {
    if (makes_approver(call.state, data)) return true;
    add_touched(data, touched);
  }
  if (touched.empty()) return false;
  const auto candidate = candidate_of(call, events);
  if (!candidate) return true;
  const auto changed = [&](const std::string& id) {
    return powers_of(call.state, id, call.now(), call.sealer()) !=
           powers_of(*candidate, id, call.now(), call.sealer());
  };
  return std::any_of(touched.begin(), touched.end(), changed);
}

int administrators_of(const State& state, Time now, const Sealer& sealer) {
  std::vector<std::string> found;
  const auto consider = [&](const std::string& id) {
    if (found.size() >= 2 || std::find(found.begin(), found.end(), id) != found.end()) return;
    if (administers(state, id, now, sealer)) found.push_back(id);
  };
  // Who is in an administering group most likely is one; asking everyone is for odd policies.
  state.groups.for_each([&](const std::string& name, const Group& group) {
    if (!group.administers) return;
    const std::vector<std::string>* members = state.members.find(name);
    if (members == nullptr) return;
    for (const std::string& id : *members) consider(id);
  });
  if (found.size() < 2) {
    state.identities.for_each([&](const std::string& id, const Identity&) { consider(id); });
  }
  return static_cast<int>(found.size());
}

Status check_administration(const Call& call, const std::vector<EventData>& events) {
  TRY(candidate, candidate_of(call, events));
  return keeps_administration(call.state, candidate, call.now(), call.sealer());
}

Status keeps_administration(const State& was, const State& is, Time now, const Sealer& sealer) {
  const int least = was.genesis.solo ? 1 : 2;
  const int after = administrators_of(is, now, sealer);
  if (after >= least) return {};
  // Where too few are left already (memberships ended), what makes it no worse may pass.
  if (after > 0 && after >= administrators_of(was, now, sealer)) return {};
  return fail(Code::kConflict, "after this, " +
                                   std::string(after == 0 ? "nobody" : "one person alone") +
                                   " could still propose and approve policies, and " +
                                   (least == 2 ? "two persons" : "one person") +
                                   " must be able to; add another administrator first");
}

}  // namespace writ::core
