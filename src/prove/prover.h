// Proofs: whether something can happen in any environment of a schema, and if so, in which request.
// A counterexample is given only when the ordinary evaluator says the same of it.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "prove/counterexample.h"
#include "prove/encode.h"
#include "prove/solver.h"

namespace writ::prove {

struct Means {
  std::vector<Solver> solvers;  // asked one after the other until one knows
  SolverLimits limits;          // for each question
  // When to ask no further question, by the steady clock.
  std::chrono::steady_clock::time_point until = std::chrono::steady_clock::time_point::max();
  Store store = Store::kComplete;
};

struct Verdict {
  enum class Kind : std::uint8_t {
    kHolds,    // in no world does it happen
    kFails,    // it happens in the counterexample
    kUnknown,  // no solver knows, for the reason in `why`
  };
  Kind kind = Kind::kHolds;
  std::optional<cedar::Environment> environment;  // where it fails, or first is not known
  std::optional<Counterexample> counterexample;
  std::string why;
  bool holds() const { return kind == Kind::kHolds; }
};

// What must not happen: as a formula in a world, and as the evaluator sees a request. The two must
// agree.
struct Danger {
  std::function<Result<TermId>(World&)> formula;
  std::function<bool(const Counterexample&)> happens;
};

// Every pair of principal and resource types of every action.
std::vector<cedar::Environment> environments(const cedar::Schema& schema);

// Looks in one environment after the other, and ends at the first counterexample. What is not known
// in one environment makes the verdict unknown unless it fails in another.
Result<Verdict> prove(const cedar::Schema& schema,
                      const std::vector<cedar::Environment>& environments, const Danger& danger,
                      const Means& means);
// In one world, whose policies are encoded already.
Result<Verdict> refute(World& world, TermId formula,
                       const std::function<bool(const Counterexample&)>& happens,
                       const Means& means);

}  // namespace writ::prove
