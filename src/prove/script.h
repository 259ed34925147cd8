// A question to a solver: SMT-LIB text. What solvers say differently is sets, which are no part of
// the standard.
#pragma once

#include <string>
#include <vector>

#include "prove/term.h"

namespace writ::prove {

enum class Dialect : std::uint8_t { kCvc5, kZ3 };

// For each term, whether some of these are made of it.
std::vector<bool> parts_of(const Terms& terms, const std::vector<TermId>& roots);

// Whether `claim` can be true; if so, what the `asked` terms are then, in their order.
std::string script(const Terms& terms, TermId claim, const std::vector<TermId>& asked,
                   Dialect dialect);

}  // namespace writ::prove
