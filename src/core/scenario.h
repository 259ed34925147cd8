// Scenarios: questions with the answers that a policy set must give. They stand in files that
// travel with the set (*.scenarios.json). A file describes a small world, and is decided in it by
// `decide` itself, without a server:
//
//   {"now": "2027-01-15T08:00:00Z",
//    "identities": {"erin": {"groups": ["engineering"], "code": "5m"},
//                   "billing-job": {"kind": "service_account", "owner": "identity:erin"},
//                   "todo-app": {"kind": "door"}},
//    "resources": {"pg-main/orders": {"tier": "high", "environment": "production",
//                                     "owner": "group:dba"}},
//    "entitlements": ["pg-main/orders/reader"],
//    "grants": [{"identity": "erin", "entitlement": "pg-main/orders/reader",
//                "policy": "engineers-read", "for": "30m", "since": "5m", "approvers": ["dana"]}],
//    "scenarios": [
//      {"name": "erin connects from here", "identity": "erin", "action": "connect",
//       "resource": "pg-main/orders/reader", "from": "10.0.0.7", "expect": "allow"}]}
//
// `code` says how long ago a one-time code was shown. A name serves as id. Groups, targets and
// resources are there when they are named; a resource lies in what its name says. A scenario may
// also say "for" (a duration), "approvals", "at" (another time), of an approval "requester" and
// "beneficiary", and of the answer "policies" (ids, all that determined it), "needs", and for a
// request "terms" (as `describe`, of each offer). Of an application it has "door", and AuthZEN's
// "subject", "action", "resource" and "context".
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/policy.h"

namespace writ::core {

constexpr std::size_t kMostScenarios = 10'000;  // of a file

struct ScenarioResult {
  std::string name;
  std::string place;    // "orders.scenarios.json#/scenarios/3"
  std::string failure;  // what differs from what is expected; empty where nothing does
};

// kInvalid, with the place, for a file that describes no world.
Result<std::vector<ScenarioResult>> run_scenarios(const PolicyFile& file,
                                                  const std::shared_ptr<const Policies>& policies);

}  // namespace writ::core
