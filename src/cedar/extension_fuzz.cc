// Fuzzes the text forms of extension values, entities and literals: what is read is written, and
// reads the same again.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "cedar/extension.h"
#include "cedar/text.h"

namespace {

void check(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace writ::cedar;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto ip = parse_ip(text)) check(parse_ip(ip_text(*ip)) == ip);
  if (const auto decimal = parse_decimal(text)) {
    check(parse_decimal(decimal_text(*decimal)) == decimal);
  }
  if (const auto at = parse_datetime(text)) {
    check(!has_datetime_text(*at) || parse_datetime(datetime_text(*at)) == at);
    const auto day = to_date(*at);
    check(!day || *day + to_time(*at) == *at);
  }
  if (const auto duration = parse_duration(text)) {
    check(parse_duration(duration_text(*duration)) == duration);
  }
  if (const auto uid = EntityUid::parse(text)) {
    const auto again = EntityUid::parse(uid->print());
    check(again.has_value() && *again == *uid);
  }
  if (const auto literal = unescape(text).text) {
    std::string quoted;
    append_quoted(quoted, *literal);
    check(unescape(std::string_view(quoted).substr(1, quoted.size() - 2)).text == literal);
  }
  if (const auto pieces = unescape_pattern(text).pieces) {
    std::string quoted;
    append_pattern(quoted, *pieces);
    check(unescape_pattern(std::string_view(quoted).substr(1, quoted.size() - 2)).pieces == pieces);
    matches(text, *pieces);
  }
  return 0;
}
