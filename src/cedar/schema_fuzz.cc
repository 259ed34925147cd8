// Fuzzes schemas in both forms: no text may do worse than be refused, and what is accepted prints
// to text that means the same.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "cedar/schema.h"

namespace {

void check(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace writ::cedar;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto syntax = parse_schema(text, "fuzz")) {
    const auto printed = print(*syntax);
    if (printed) {
      const auto again = parse_schema(*printed, "printed");
      check(again.has_value());
      check(print(*again).value() == *printed);
    }
    const auto converted = schema_from_json(to_json(*syntax));
    check(converted.has_value());
    const auto schema = Schema::resolve(*syntax);
    const auto other = Schema::resolve(*converted);
    check(schema.has_value() == other.has_value());
    if (schema) check(*schema == *other);
  }
  if (const auto syntax = parse_schema_json(text, "fuzz")) {
    const auto again = schema_from_json(to_json(*syntax));
    check(again.has_value());
    check(to_json(*again) == to_json(*syntax));
    const auto schema = Schema::resolve(*syntax);
    const auto printed = print(*syntax);
    if (schema && printed) {
      const auto other = Schema::parse(*printed, "printed");
      check(other.has_value());
    }
  }
  return 0;
}
