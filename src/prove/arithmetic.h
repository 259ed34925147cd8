// Numbers, times and addresses as terms: arithmetic that fails where Cedar's does, and the
// functions of extension types.
#pragma once

#include <optional>
#include <vector>

#include "cedar/expr.h"
#include "prove/world.h"

namespace writ::prove {

// What an expression comes to: `value`, where `ok` holds; else it fails.
struct Symbolic {
  TermId ok = 0;
  TermId value = 0;
};

// kAdd, kSubtract or kMultiply of 64 bits, failing on overflow.
Symbolic checked(Terms& terms, TermOp op, const Symbolic& left, const Symbolic& right);

// A function of extension types other than those that read text; empty for any other function.
std::optional<Symbolic> apply_extension(World& world, cedar::Function function,
                                        const std::vector<Symbolic>& args);

}  // namespace writ::prove
