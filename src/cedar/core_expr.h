// A policy's whole meaning as one expression in few forms: what validation, and whoever else
// reasons about policies, walks. Scope and conditions are one `&&`; `!=`, `>` and `>=` are
// negations; `is … in` is an `&&`; `has a.b` tests one attribute at a time. A node may stand in
// several places. Invariant: no node is deeper than kMaxCoreDepth, and who follows all arguments of
// all nodes visits at most kMaxCoreVisits more than 16 times as many as there are.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "cedar/policy.h"

namespace writ::cedar {

inline constexpr std::uint32_t kMaxCoreDepth = 3 * kMaxDepth;
inline constexpr std::uint64_t kMaxCoreVisits = 100'000;

struct CoreNode {
  // kLiteral, variables, kIf, kAnd and kOr of any number, kNot, kNegate, kEqual, kLess, kLessEqual,
  // kIn, kAdd, kSubtract, kMultiply, kHas of one name, kLike, kIs, kGet, kSet, kRecord, kCall.
  Op op = Op::kLiteral;
  Function function = Function::kContains;
  bool slot = false;  // a literal that is still to be filled; its value means nothing
  std::uint32_t depth = 1;
  std::uint64_t visits = 1;  // of it and all below, one for each place
  std::uint32_t shape = 0;   // equal for expressions that are the same
  std::uint32_t begin = 0;   // range of bytes in the policy's source
  std::uint32_t end = 0;
  Value value = Value::boolean(false);
  std::vector<std::string> names;
  std::vector<std::uint32_t> args;
};

struct CoreExpr {
  std::vector<CoreNode> nodes;  // arguments before those that have them
  std::uint32_t root = 0;
  std::uint32_t shapes = 0;  // one more than the greatest
  const CoreNode& operator[](std::uint32_t node) const { return nodes[node]; }
};

// Refuses a policy that would break the invariant.
Result<CoreExpr> lower(const Policy& policy);

}  // namespace writ::cedar
