// Scripts and allowed identifier characters, from Unicode 16.0: Scripts.txt, ScriptExtensions.txt
// and IdentifierStatus.txt.
#pragma once

#include <array>
#include <cstdint>

namespace writ::cedar {

// A bit for each script, and three for writing systems of several: Han with Bopomofo, Japanese and
// Korean, after UTS 39 section 5.1.
using ScriptSet = std::array<std::uint64_t, 3>;

// The scripts that a character is used in: all for common and inherited ones, none for those that
// are not assigned.
ScriptSet scripts_of(char32_t c);
// Whether the character is Allowed in identifiers.
bool is_allowed_in_identifiers(char32_t c);

}  // namespace writ::cedar
