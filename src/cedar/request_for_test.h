// One request over a few entities, for tests of evaluation: alice wants to view the plan.
#pragma once

#include <gtest/gtest.h>

#include <string_view>
#include <utility>

#include "cedar/authorize.h"

namespace writ::cedar {

inline constexpr std::string_view kEntities = R"([
  {"uid": {"type": "User", "id": "alice"},
   "attrs": {"age": 30, "name": "Alice", "roles": ["dev", "ops"],
             "manager": {"__entity": {"type": "User", "id": "bob"}},
             "address": {"city": {"zip": "1234"}},
             "friends": [{"__entity": {"type": "User", "id": "bob"}},
                         {"__entity": {"type": "Folder", "id": "f"}}]},
   "tags": {"team": "blue"},
   "parents": [{"type": "Group", "id": "staff"}]},
  {"uid": {"type": "User", "id": "bob"}, "attrs": {}, "parents": []},
  {"uid": {"type": "Group", "id": "staff"}, "attrs": {}, "parents": [{"type": "Group", "id": "all"}]},
  {"uid": {"type": "Doc", "id": "plan"}, "attrs": {"owner": {"__entity": {"type": "User", "id": "alice"}}},
   "parents": [{"type": "Folder", "id": "f"}]},
  {"uid": {"type": "Action", "id": "view"}, "attrs": {}, "parents": [{"type": "Action", "id": "read"}]}
])";

inline Entities entities() {
  const Result<Entities> read = Entities::parse_json(kEntities);
  EXPECT_TRUE(read) << read.error().text();
  return *read;
}

inline Request request() {
  return {EntityUid("User", "alice"), EntityUid("Action", "view"), EntityUid("Doc", "plan"),
          Value::record({{"now", Value::datetime(1'000'000)},
                         {"ip", Value::ip({{10, 1, 2, 3}, 32, false})},
                         {"mfa", Value::boolean(true)}})};
}

inline CompiledPolicies compile(std::string_view text) {
  Result<PolicySet> set = PolicySet::parse(text, "p.cedar");
  EXPECT_TRUE(set) << set.error().text();
  return CompiledPolicies(std::move(*set));
}

inline Response decide(std::string_view policies) {
  return authorize(compile(policies), request(), entities());
}

}  // namespace writ::cedar
