#include "core/policy_plan.h"

#include <algorithm>
#include <map>
#include <set>

#include "core/call.h"
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

std::vector<LostGrant> grants_lost(const State& state, const std::shared_ptr<const Policies>& after,
                                   Time now) {
  State candidate = state;
  candidate.policies = after;
  std::vector<LostGrant> lost;
  state.grants.for_each([&](const std::string&, const Grant& grant) {
    if (grant.state == GrantState::kRevoking || grant.cause == Cause::kBreakGlass ||
        end_of(grant) <= now) {
      return;
    }
    if (still_offered(state, grant, now) && !still_offered(candidate, grant, now)) {
      lost.push_back({&grant, EndReason::kOfferLost});
    }
  });
  std::set<std::string_view> known;
  for (const LostGrant& each : lost) known.insert(std::string_view(each.grant->id));
  for (const std::string& id : denied_sessions(state, state.policies, after, now)) {
    const Grant* grant = state.grants.find(id);
    if (!known.contains(id) && end_of(*grant) > now) {
      lost.push_back({grant, EndReason::kPolicyChanged});
    }
  }
  std::sort(lost.begin(), lost.end(),
            [](const LostGrant& a, const LostGrant& b) { return a.grant->id < b.grant->id; });
  return lost;
}

Status keeps_administration(const State& state, const std::shared_ptr<const Policies>& after,
                            Time now, const Sealer& sealer) {
  State candidate = state;
  candidate.policies = after;
  return keeps_administration(state, candidate, now, sealer);
}

}  // namespace writ::core
