// Decimal numbers as the log formats write them: no sign, no leading zeroes, below 2^63.
#pragma once

#include <cstdint>
#include <limits>
#include <string_view>

#include "base/result.h"

namespace writ::tlog {

inline Result<std::uint64_t> parse_decimal(std::string_view text) {
  const auto bad = [] { return fail(Code::kInvalid, "a decimal number is wanted here"); };
  if (text.empty() || text.size() > 19 || (text.size() > 1 && text[0] == '0')) return bad();
  std::uint64_t value = 0;  // 19 digits fit
  for (const char c : text) {
    if (c < '0' || c > '9') return bad();
    value = value * 10 + static_cast<std::uint64_t>(c - '0');
  }
  if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) return bad();
  return value;
}

}  // namespace writ::tlog
