// A counterexample made as small as it gets while it stays one: solvers choose values that nobody
// would, and give everything that a formula speaks of.
#pragma once

#include <functional>

#include "prove/counterexample.h"

namespace writ::prove {

// One step after the other, each a world that is valid under the schema and in which it still
// `happens`: a number nearer to zero, a text shorter, a member, element, tag or ancestor less, an
// entity less that nothing names. Principal, action and resource stay. `happens` must say no of
// worlds that premises of the proof leave out. Ends after 2,000 questions to it; what it has then
// is a counterexample too.
Counterexample shrink(const World& world, Counterexample counterexample,
                      const std::function<bool(const Counterexample&)>& happens);

}  // namespace writ::prove
