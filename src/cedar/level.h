// Level validation: how many entities deep a policy reads, so that whoever fetches entities knows
// how far to go from principal, action, resource and context.
// https://docs.cedarpolicy.com/policies/level-validation.html
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cedar/typecheck.h"

namespace writ::cedar {

struct LevelProblem {
  std::uint32_t begin = 0;
  std::uint32_t end = 0;
  std::string message;
  auto operator<=>(const LevelProblem&) const = default;
};

// `typing` is of the same expression and environment, and passed.
std::vector<LevelProblem> check_level(const CoreExpr& expr, const Typing& typing,
                                      const Environment& environment, std::uint32_t most,
                                      Steps& steps);

}  // namespace writ::cedar
