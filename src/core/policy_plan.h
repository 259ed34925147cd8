// What one policy set would change of another: policy by policy, with the terms of offers, and
// which live grants would be lost.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/policy.h"
#include "core/state.h"

namespace writ::core {

enum class PolicyChange { kAdded, kRemoved, kChanged };
constexpr auto enum_names(PolicyChange) {
  return std::to_array<std::string_view>({"added", "removed", "changed"});
}

struct PolicyDifference {
  std::string policy;  // id
  std::string kind;    // "offer", "permit" or "forbid": of the later set, where it has it
  PolicyChange change = PolicyChange::kChanged;
  std::string was;  // terms, of offers; empty for others
  std::string is;
};
template <class V>
void fields(V& v, PolicyDifference& d) {
  v("policy", d.policy);
  v("kind", d.kind);
  v("change", d.change);
  v("was", d.was);
  v("is", d.is);
}

// Sorted by id. Annotations count; comments and layout do not.
std::vector<PolicyDifference> policy_differences(const Policies& before, const Policies& after);

// A live grant that would be revoked, and why: offer_lost or policy_changed.
struct LostGrant {
  const Grant* grant = nullptr;
  EndReason why = EndReason::kOfferLost;
};
// What applying these would revoke and the policies in force do not, by id. See lost_by_policy in
// command.h.
std::vector<LostGrant> grants_lost(const State& state, const std::shared_ptr<const Policies>& after,
                                   Time now);

// kConflict when these would leave fewer than two persons who could propose and approve policies,
// as `apply_policy` says it.
Status keeps_administration(const State& state, const std::shared_ptr<const Policies>& after,
                            Time now, const Sealer& sealer);

}  // namespace writ::core
