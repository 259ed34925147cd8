// Fuzzes validation and the formatter: a schema and policies, separated by a line of dashes.
// Nothing may do worse than be refused, permissive mode accepts what strict mode does, and
// formatting twice is formatting once.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "cedar/format.h"
#include "cedar/validate.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace writ::cedar;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::size_t line = text.find("\n---\n");
  const std::string_view policy_text =
      line == std::string_view::npos ? text : text.substr(line + 5);
  const auto policies = PolicySet::parse(policy_text, "fuzz");
  if (!policies) return 0;
  const auto formatted = format(policy_text);
  if (!formatted || format(*formatted).value_or("") != *formatted) std::abort();
  if (line == std::string_view::npos) return 0;
  const auto schema = Schema::parse(text.substr(0, line));
  if (!schema) return 0;
  constexpr std::uint64_t kSteps = 200'000;
  const auto strict = validate(*schema, *policies, {.level = 1, .steps = kSteps});
  const auto permissive = validate(
      *schema, *policies, {.mode = ValidationMode::kPermissive, .level = 1, .steps = kSteps});
  if (strict && permissive && strict->passed() && !permissive->passed()) std::abort();
  return 0;
}
