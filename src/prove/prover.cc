#include "prove/prover.h"

#include "prove/shrink.h"

namespace writ::prove {
namespace {

constexpr std::string_view kAllTimeIsUp = "the time limit for all is reached";

// Solvers are given whole milliseconds.
bool is_time_up(const Means& means) {
  return means.until - std::chrono::steady_clock::now() < std::chrono::milliseconds(1);
}

std::string environment_text(const cedar::Environment& of) {
  return of.principal + ", " + of.action.print() + ", " + of.resource;
}

}  // namespace

std::vector<cedar::Environment> environments(const cedar::Schema& schema) {
  std::vector<cedar::Environment> made;
  for (const auto& [uid, action] : schema.actions()) {
    for (const std::string& principal : action.principals) {
      for (const std::string& resource : action.resources) {
        made.push_back({principal, uid, resource});
      }
    }
  }
  return made;
}

Result<Verdict> refute(World& world, TermId formula,
                       const std::function<bool(const Counterexample&)>& happens,
                       const Means& means) {
  Terms& terms = world.terms();
  if (terms.is_false(formula)) return Verdict{};
  // Assumptions read too, so they come before what is asked.
  const TermId claim = terms.all({formula, world.assumptions(formula)});
  if (terms.is_false(claim)) return Verdict{};
  const std::vector<TermId> asked = questions(world, claim);
  Verdict made{Verdict::Kind::kUnknown, world.environment(), {}, {}};
  for (const Solver& solver : means.solvers) {
    SolverLimits limits = means.limits;
    if (is_time_up(means)) {
      if (made.why.empty()) made.why = kAllTimeIsUp;
      break;
    }
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        means.until - std::chrono::steady_clock::now());
    limits.time = std::min(limits.time, left);
    TRY(answer, ask(solver, script(terms, claim, asked, solver.dialect), limits));
    std::string why = std::move(answer.why);
    if (answer.kind == SolverAnswer::Kind::kUnsat) return Verdict{};
    if (answer.kind == SolverAnswer::Kind::kSat) {
      Result<Counterexample> found = decode(world, asked, answer.values);
      if (found && happens(*found)) {
        made.kind = Verdict::Kind::kFails;
        made.counterexample = shrink(world, std::move(*found), happens);
        made.why.clear();
        return made;
      }
      why = found ? "the evaluator does not confirm the counterexample that it found"
                  : found.error().text();
    }
    if (answer.late && left < means.limits.time) why = kAllTimeIsUp;
    made.why += (made.why.empty() ? "" : "; ") + solver.name + ": " + why;
  }
  made.why = "in the environment " + environment_text(world.environment()) + ", " + made.why;
  return made;
}

Result<Verdict> prove(const cedar::Schema& schema,
                      const std::vector<cedar::Environment>& environments, const Danger& danger,
                      const Means& means) {
  Verdict unknown;
  // Making formulas takes time too, of many policies much.
  constexpr auto kAllowance = std::chrono::seconds(1);
  for (const cedar::Environment& environment : environments) {
    if (std::chrono::steady_clock::now() - kAllowance > means.until) {
      if (!unknown.holds()) break;
      return Verdict{Verdict::Kind::kUnknown, environment, {}, std::string(kAllTimeIsUp)};
    }
    // What was not answered is named, not what was not asked after it. Until then formulas are
    // still made for a while: of most it is seen at once that they are false.
    if (!unknown.holds() && is_time_up(means)) break;
    World world(schema, environment, means.store);
    TRY(formula, danger.formula(world));
    TRY(verdict, refute(world, formula, danger.happens, means));
    if (verdict.kind == Verdict::Kind::kFails) return verdict;
    if (verdict.kind == Verdict::Kind::kUnknown && unknown.holds()) unknown = std::move(verdict);
  }
  return unknown;
}

}  // namespace writ::prove
