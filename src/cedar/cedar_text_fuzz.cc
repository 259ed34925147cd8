// Any text: parsing never crashes, and what parses prints to something that parses to the same and
// evaluates without crashing.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "cedar/authorize.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace writ::cedar;
  const std::string_view text(reinterpret_cast<const char*>(bytes), size);
  const Request request{EntityUid("User", "a"), EntityUid("Action", "b"), EntityUid("Doc", "c"),
                        Value::record({{"x", Value::integer(1)}, {"s", Value::string("a*b")}})};
  const Entities none;
  if (const auto expr = parse_expr(text)) {
    const std::string printed = print(expr->expr);
    const auto again = parse_expr(printed);
    // Printing may need a few more parentheses than the depth allows.
    if (!again && expr->expr.depth < kMaxDepth / 2) std::abort();
    if (again && print(again->expr) != printed) std::abort();
    const auto value = evaluate(text, request, none);
    if (again && value) {
      const auto same = evaluate(printed, request, none);
      if (!same || !(*same == *value)) std::abort();
    }
  }
  auto set = PolicySet::parse(text, "fuzz", {.ids = Ids::kAnnotation});
  if (!set) return 0;
  for (const Policy& policy : set->policies()) {
    const auto again = PolicySet::parse(print(policy));
    if (again && print(again->policies().at(0)) != print(policy)) std::abort();
  }
  const CompiledPolicies policies(std::move(*set));
  const Response response = authorize(policies, request, none);
  std::size_t satisfied = 0;
  for (std::size_t i = 0; i < policies.size(); ++i) {
    const Explanation why = explain(policies, i, request, none);
    if (why.outcome == Explanation::Outcome::kSatisfied) ++satisfied;
  }
  if (satisfied < response.reasons.size()) std::abort();
  if (response.reasons.empty() && satisfied > 0) std::abort();
  return 0;
}
