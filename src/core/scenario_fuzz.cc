// Any bytes as a scenario file: an error or results, and never more.
#include <cstdint>

#include "core/policy.h"
#include "core/scenario.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  static const auto kPolicies = writ::core::compile_policies(
      {{"a.cedar", writ::core::default_policies() +
                       "@id(\"o\") permit (principal, action == Writ::Action::\"request\", "
                       "resource);"}});
  const std::string text(reinterpret_cast<const char*>(bytes), size);
  const auto results = writ::core::run_scenarios({"x.scenarios.json", text}, *kPolicies);
  if (!results && results.error().where.empty()) __builtin_trap();
  return 0;
}
