// Any text: parsing never crashes, and what parses survives each of its written forms: all three
// mean the same, and the canonical form is a fixed point. (1e1 is a double and is written 10.)
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/json.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace writ;
  const std::string_view text(reinterpret_cast<const char*>(bytes), size);
  const auto json = parse_json(text, {}, "fuzz");
  if (!json) {
    if (json.error().message.empty()) std::abort();
    return 0;
  }
  // Written forms may be longer than what was read: escapes, indents.
  const JsonLimits wide{.bytes = 64 << 20};
  const std::string canon = canonical(*json);
  for (const std::string& written : {canon, compact(*json), pretty(*json)}) {
    const auto again = parse_json(written, wide);
    if (!again || canonical(*again) != canon) std::abort();
  }
  return 0;
}
