// Fuzzes partial evaluation: a schema, policies and partial entities, separated by lines of dashes.
// Nothing may do worse than be refused, what is left of policies is policies, and evaluating it
// once more changes no outcome.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "cedar/tpe.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace writ::cedar;
  constexpr std::string_view kLine = "\n---\n";
  std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto part = [&] {
    const std::size_t line = text.find(kLine);
    const std::string_view first = text.substr(0, line);
    text = line == std::string_view::npos ? std::string_view() : text.substr(line + kLine.size());
    return first;
  };
  const auto schema = Schema::parse(part());
  if (!schema) return 0;
  const auto policies = PolicySet::parse(part(), "fuzz");
  if (!policies) return 0;
  const auto read = PartialEntities::parse_json(text, *schema);
  const PartialEntities entities = read ? *read : PartialEntities();
  TpeOptions options;
  options.steps = 200'000;
  int environments = 0;
  for (const auto& [uid, action] : schema->actions()) {
    if (action.principals.empty() || action.resources.empty() || ++environments > 3) continue;
    const PartialRequest request{
        {*action.principals.begin(), "a"}, uid, {*action.resources.rbegin(), {}}, {}};
    if (!validate(*schema, request)) continue;
    const auto response = tpe(*policies, request, entities, *schema, options);
    if (!response) continue;
    const auto left = residual_policies(*policies, *response, Which::kAll);
    if (!left) continue;
    for (const Policy& policy : left->policies()) {
      // Reading a tree of this depth from text wants parentheses that may be too deep.
      if (policy.conditions->front().expr.depth > kMaxDepth / 4) continue;
      if (!PolicySet::parse(print(policy), "left")) std::abort();
    }
    options.mode = ValidationMode::kPermissive;
    const auto again = tpe(*left, request, entities, *schema, options);
    if (!again) continue;
    for (std::size_t i = 0; i < again->residuals.size(); ++i) {
      if (response->residuals[i].outcome == Residual::Outcome::kPartial) continue;
      if (again->residuals[i].outcome != response->residuals[i].outcome) std::abort();
    }
    options.mode = ValidationMode::kStrict;
  }
  return 0;
}
