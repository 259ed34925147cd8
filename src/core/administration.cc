// Administration must stay possible: never fewer than two persons who could change policy back.
#include <algorithm>

#include "core/call.h"

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

}  // namespace

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
  const int least = call.state.genesis.solo ? 1 : 2;
  TRY(candidate, candidate_of(call, events));
  const int after = administrators_of(candidate, call.now(), call.sealer());
  if (after >= least) return {};
  // Where too few are left already (memberships ended), what makes it no worse may pass.
  if (after > 0 && after >= administrators_of(call.state, call.now(), call.sealer())) return {};
  return fail(Code::kConflict, "after this, " +
                                   std::string(after == 0 ? "nobody" : "one person alone") +
                                   " could still propose and approve policies, and " +
                                   (least == 2 ? "two persons" : "one person") +
                                   " must be able to; add another administrator first");
}

}  // namespace writ::core
