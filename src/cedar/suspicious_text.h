// Text in a policy that a reader may take for other text: characters that change the direction of
// writing, several scripts in one word, identifiers with unusual characters.
// https://www.unicode.org/reports/tr39/
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cedar/core_expr.h"
#include "cedar/validate.h"

namespace writ::cedar {

struct SuspiciousText {
  Finding::Kind kind;  // kBidirectional, kMixedScripts or kConfusable
  std::uint32_t begin = 0;
  std::uint32_t end = 0;
  std::string message;
};

// In all strings, patterns and names of the policy, wherever they stand.
std::vector<SuspiciousText> suspicious_text(const CoreExpr& expr);

// Whether all characters can belong to one script, after UTS 39 section 5.1.
bool is_single_script(std::string_view text);
// Whether identifiers may hold the character, after the General Security Profile of UTS 39.
bool is_identifier_character(char32_t c);

}  // namespace writ::cedar
