// The JSON form of policies and policy sets, both ways.
// https://docs.cedarpolicy.com/policies/json-format.html
// Reading makes Cedar text of the policy and parses that, so a policy from JSON has a text and
// positions like any other; its source is named FILE#ID.
#pragma once

#include <string_view>

#include "base/json.h"
#include "base/result.h"
#include "cedar/policy.h"

namespace writ::cedar {

// Limits for parse_json that suffice for whatever to_json writes.
inline constexpr JsonLimits kPolicyJsonLimits{64 << 20, 1100, 8'000'000};

// Fails where the JSON would be nested too deeply, such as for a chain of a thousand `&&`.
Result<Json> to_json(const Policy& policy);
// {"templates", "staticPolicies", "templateLinks"}.
Result<Json> to_json(const PolicySet& policies);
Result<Json> to_json(const Expr& expr);

// Errors say the JSON pointer.
Result<Policy> policy_from_json(const Json& json, std::string_view id, std::string_view file = {});
// A policy set; or one policy alone, which gets the id `policy0`.
Result<PolicySet> policies_from_json(const Json& json, std::string_view file = {});

}  // namespace writ::cedar
