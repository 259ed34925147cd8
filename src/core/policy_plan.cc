#include "core/policy_plan.h"

#include <algorithm>
#include <map>

#include "core/decide.h"

namespace writ::core {
namespace {

// The terms of an offer as its annotations say them: what they come to on an entitlement, its tier
// and owner say.
std::string terms_of_offer(const Giver& giver) {
  std::string text =
      giver.max_ttl ? "at most " + to_text(*giver.max_ttl) : "as long as the tier allows";
  if (giver.step_up) text += ", a one-time code from the last " + to_text(*giver.step_up);
  if (giver.approvals == 0) return text + ", no approval";
  constexpr std::string_view kGroup = "group:";
  const std::string whom =
      giver.approvers.starts_with(kGroup) ? giver.approvers.substr(kGroup.size()) : "the owner";
  return text + ", " + std::to_string(giver.approvals) + " approval" +
         (giver.approvals == 1 ? "" : "s") + " by " + whom;
}

struct Described {
  std::string kind;
  std::string terms;
  std::string printed;
};

std::map<std::string, Described> described(const Policies& policies) {
  std::map<std::string, Described> all;
  for (const cedar::Policy& policy : policies.others.policies.set().policies()) {
    const bool permits = policy.effect == cedar::Effect::kPermit;
    all[policy.id] = {permits ? "permit" : "forbid", "", cedar::print(policy)};
  }
  for (const Giver& giver : policies.givers) {
    if (giver.offer)
      all[giver.id.str()] = {"offer", terms_of_offer(giver), cedar::print(giver.policy())};
  }
  return all;
}

}  // namespace

std::vector<PolicyDifference> policy_differences(const Policies& before, const Policies& after) {
  const std::map<std::string, Described> old_ones = described(before), new_ones = described(after);
  std::vector<PolicyDifference> differences;
  for (const auto& [id, was] : old_ones) {
    const auto is = new_ones.find(id);
    if (is == new_ones.end()) {
      differences.push_back({id, was.kind, PolicyChange::kRemoved, was.terms, ""});
    } else if (is->second.kind != was.kind || is->second.printed != was.printed) {
      differences.push_back(
          {id, is->second.kind, PolicyChange::kChanged, was.terms, is->second.terms});
    }
  }
  for (const auto& [id, is] : new_ones) {
    if (old_ones.contains(id)) continue;
    differences.push_back({id, is.kind, PolicyChange::kAdded, "", is.terms});
  }
  std::sort(differences.begin(), differences.end(),
            [](const auto& a, const auto& b) { return a.policy < b.policy; });
  return differences;
}

std::vector<const Grant*> grants_lost(const State& state,
                                      const std::shared_ptr<const Policies>& after, Time now) {
  State candidate = state;
  candidate.policies = after;
  std::vector<const Grant*> lost;
  state.grants.for_each([&](const std::string&, const Grant& grant) {
    if (grant.state == GrantState::kRevoking || end_of(grant) <= now) return;
    if (still_offered(state, grant, now) && !still_offered(candidate, grant, now)) {
      lost.push_back(&grant);
    }
  });
  std::sort(lost.begin(), lost.end(), [](const Grant* a, const Grant* b) { return a->id < b->id; });
  return lost;
}

}  // namespace writ::core
