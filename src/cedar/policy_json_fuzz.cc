// Fuzzes the JSON form of policies: no JSON may do worse than be refused, and what is accepted is
// written to JSON that reads the same.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "cedar/policy_json.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace writ::cedar;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto json = writ::parse_json(text, kPolicyJsonLimits);
  if (!json) return 0;
  const auto policies = policies_from_json(*json, "fuzz");
  if (!policies) return 0;
  const auto written = to_json(*policies);
  if (!written) return 0;
  const auto again = policies_from_json(*written, "again");
  if (!again) std::abort();
  const auto twice = to_json(*again);
  if (!twice || !(*twice == *written)) std::abort();
  return 0;
}
