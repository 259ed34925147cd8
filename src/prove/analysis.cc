// Invariants and remarks; diff.cc has changes.
#include "prove/analysis.h"

#include <algorithm>

#include "core/writ_schema.h"

namespace writ::prove {
namespace {

// Whether a statement covers a request; one that fails covers, so that nothing escapes it.
Result<TermId> covers(World& world, const One& statement) {
  TRY(meaning, encode(world, statement.subject.policies()[statement.index]));
  Terms& terms = world.terms();
  return terms.any({terms.negation(meaning.ok), meaning.holds});
}
bool covers(const One& statement, const Counterexample& in) {
  return applies(statement, in) || fails(statement, in);
}

// That some forbid fails.
Result<TermId> a_forbid_fails(World& world, const Subject& policies) {
  std::vector<TermId> cases;
  for (std::size_t i = 0; i < policies.policies().size(); ++i) {
    if (policies.compiled().effect(i) != cedar::Effect::kForbid) continue;
    TRY(made, fails(world, One{policies, i}));
    cases.push_back(made);
  }
  return world.terms().any(cases);
}
bool a_forbid_fails(const Subject& policies, const Counterexample& in) {
  return authorize(policies.compiled(), in.request, CounterexampleEntities(in)).forbid_failed;
}

// That a statement covers a request that Writ could ask.
Danger sometimes_covers(const One& statement) {
  return {[=](World& world) -> Result<TermId> {
            TRY(covered, covers(world, statement));
            CHECK_OK(assume_possible(world));
            return covered;
          },
          [=](const Counterexample& in) { return is_possible(in) && covers(statement, in); }};
}

// What breaks an invariant.
Danger breach(const WritPolicies& policies, const One& statement, bool about_errors) {
  const bool forbids =
      statement.subject.compiled().effect(statement.index) == cedar::Effect::kForbid;
  return {[=, &policies](World& world) -> Result<TermId> {
            TRY(covered, covers(world, statement));
            if (world.terms().is_false(covered)) return covered;
            if (about_errors) {
              TRY(failing, a_forbid_fails(world, policies.subject()));
              CHECK_OK(assume_possible(world));
              return world.terms().all({covered, failing});
            }
            TRY(let, lets(world, Without{policies}));
            return world.terms().all({covered, forbids ? let : world.terms().negation(let)});
          },
          [=, &policies](const Counterexample& in) {
            if (!is_possible(in) || !covers(statement, in)) return false;
            if (about_errors) return a_forbid_fails(policies.subject(), in);
            return lets(Without{policies}, in) == forbids;
          }};
}

// That one policy does something, and the other does not do it, or does not forbid it.
Danger only_first_acts(const WritPolicies& policies, std::size_t first, std::size_t other) {
  return {[=, &policies](World& world) -> Result<TermId> {
            TRY(one, acts(world, policies, first));
            if (world.terms().is_false(one)) return one;
            TRY(two, acts(world, policies, other));
            CHECK_OK(assume_possible(world));
            return world.terms().all({one, world.terms().negation(two)});
          },
          [=, &policies](const Counterexample& in) {
            return is_possible(in) && acts(policies, first, in) && !acts(policies, other, in);
          }};
}

}  // namespace

Result<std::vector<InvariantVerdict>> prove_invariants(const WritPolicies& policies,
                                                       const Means& means) {
  std::vector<InvariantVerdict> made;
  const cedar::Schema& schema = policies.subject().schema();
  TRY(invariants, core::parse_invariants(policies.files()));
  TRY(statements, Subject::of(invariants.statements, schema));
  const std::vector<cedar::Environment> where = writ_environments(schema);
  for (std::size_t i = 0; i < invariants.list.size(); ++i) {
    const auto& its = invariants.list[i];
    const One statement{statements, i};
    TRY(verdict, prove(schema, where, breach(policies, statement, its.about_errors), means));
    InvariantVerdict one{
        its.text, invariants.statements.policies()[i].position(), std::move(verdict), {}, false,
        {}};
    if (one.verdict.counterexample) one.reasons = reasons(policies, *one.verdict.counterexample);
    made.push_back(std::move(one));
  }
  return made;
}

Status mark_idle(const WritPolicies& policies, const Means& means,
                 std::vector<InvariantVerdict>& verdicts) {
  const cedar::Schema& schema = policies.subject().schema();
  TRY(invariants, core::parse_invariants(policies.files()));
  TRY(statements, Subject::of(invariants.statements, schema));
  for (std::size_t i = 0; i < verdicts.size(); ++i) {
    if (!verdicts[i].verdict.holds()) continue;
    TRY(covered,
        prove(schema, writ_environments(schema), sometimes_covers(One{statements, i}), means));
    verdicts[i].covers_nothing = covered.holds();
    if (covered.kind == Verdict::Kind::kUnknown) verdicts[i].why_not_known_to_cover = covered.why;
  }
  return {};
}

Status check_invariants(const std::vector<core::PolicyFile>& files, const std::string& path,
                        std::chrono::milliseconds time) {
  const auto is_invariants = [](const core::PolicyFile& file) {
    return core::kind_of(file) == core::PolicyFileKind::kInvariants;
  };
  if (std::none_of(files.begin(), files.end(), is_invariants)) return {};
  TRY(policies, WritPolicies::of(files));
  TRY(solvers, find_solvers(path));
  Means means;
  means.solvers = std::move(solvers);
  means.until = std::chrono::steady_clock::now() + time;
  TRY(verdicts, prove_invariants(policies, means));
  for (const InvariantVerdict& each : verdicts) {
    const Verdict& verdict = each.verdict;
    if (verdict.kind == Verdict::Kind::kUnknown) {
      return fail(
          Code::kExhausted,
          "it is not known whether the invariant \"" + each.text + "\" holds: " + verdict.why,
          each.place.text());
    }
    if (verdict.holds()) continue;
    std::string why = "these policies break the invariant \"" + each.text + "\", as in\n" +
                      describe(*verdict.counterexample);
    for (const std::string& reason : each.reasons) why += "           " + reason + "\n";
    why.pop_back();
    return fail(Code::kConflict, std::move(why), each.place.text());
  }
  return {};
}

Result<Remarks> remarks(const WritPolicies& policies, const Means& means) {
  Remarks made;
  const Subject& subject = policies.subject();
  const cedar::Schema& schema = subject.schema();
  const std::vector<cedar::Environment> where = writ_environments(schema);
  for (std::size_t i = 0; i < subject.policies().size(); ++i) {
    const One one{subject, i};
    const cedar::Policy& policy = *subject.policies()[i].policy;
    const auto note = [&](Remark::Kind kind) -> Remark& {
      return made.list.emplace_back(Remark{kind, policy.id, policy.position(), {}, {}, {}});
    };
    const auto unknown = [&](const Verdict& verdict, std::string_view what) {
      if (verdict.kind != Verdict::Kind::kUnknown) return;
      made.unknown.push_back("whether " + policy.id + " " + std::string(what) + ": " + verdict.why);
    };
    TRY(failing, prove(schema, where, sometimes_fails(one), means));
    unknown(failing, "can fail");
    if (failing.kind == Verdict::Kind::kFails) {
      note(Remark::Kind::kCanFail).counterexample = std::move(failing.counterexample);
    }
    TRY(applying, prove(schema, where, sometimes_matches(one), means));
    unknown(applying, "ever applies");
    if (applying.kind == Verdict::Kind::kUnknown) continue;
    if (applying.holds()) {
      // A forbid that only fails still denies.
      if (failing.holds()) note(Remark::Kind::kNeverApplies);
      continue;
    }
    const auto same_without = [&](std::size_t index) {
      const Danger differ{[&](World& world) -> Result<TermId> {
                            TRY(meaning, encode(world, subject.policies()[index]));
                            if (never_matters(world.terms(), meaning)) {
                              return world.terms().truth(false);
                            }
                            TRY(with, lets(world, Without{policies}));
                            TRY(without, lets(world, Without{policies, index}));
                            Terms& terms = world.terms();
                            return terms.negation(terms.equal(with, without));
                          },
                          [&](const Counterexample& in) {
                            return is_possible(in) && lets(Without{policies}, in) !=
                                                          lets(Without{policies, index}, in);
                          }};
      return prove(schema, where, differ, means);
    };
    TRY(redundant, same_without(i));
    unknown(redundant, "is redundant");
    if (!redundant.holds()) continue;
    Remark& found = note(Remark::Kind::kRedundant);
    for (std::size_t other = 0; other < subject.policies().size(); ++other) {
      const cedar::Effect effect = subject.compiled().effect(other);
      const bool forbidden =
          policy.effect == cedar::Effect::kPermit && effect == cedar::Effect::kForbid;
      if (other == i || (effect != policy.effect && !forbidden)) continue;
      TRY(covered, prove(schema, where, only_first_acts(policies, i, other), means));
      unknown(covered, "is redundant because of " + subject.compiled().id(other));
      if (!covered.holds()) continue;
      (forbidden ? found.forbidden_by : found.covered_by).push_back(subject.compiled().id(other));
    }
  }
  return made;
}

Json to_json(const InvariantVerdict& of) {
  Json made = Json::object({{"invariant", Json(of.text)}, {"where", Json(of.place.text())}});
  made.set("holds", of.verdict.kind == Verdict::Kind::kUnknown ? Json() : Json(of.verdict.holds()));
  if (of.covers_nothing) made.set("covers_nothing", Json(true));
  if (!of.why_not_known_to_cover.empty()) made.set("covers_nothing", Json());
  if (of.verdict.counterexample) {
    made.set("counterexample", to_json(*of.verdict.counterexample));
    Json reasons = Json::array();
    for (const std::string& each : of.reasons) reasons.push(Json(each));
    made.set("reasons", std::move(reasons));
  }
  if (!of.verdict.why.empty()) made.set("why", Json(of.verdict.why));
  return made;
}

Json to_json(const Remark& of) {
  constexpr std::string_view kNames[] = {"never_applies", "redundant", "can_fail"};
  Json made = Json::object({{"remark", Json(kNames[static_cast<std::size_t>(of.kind)])},
                            {"policy", Json(of.policy)},
                            {"where", Json(of.place.text())}});
  if (of.counterexample) made.set("counterexample", to_json(*of.counterexample));
  if (of.kind == Remark::Kind::kRedundant) {
    Json covered = Json::array();
    for (const std::string& each : of.covered_by) covered.push(Json(each));
    made.set("covered_by", std::move(covered));
    Json forbidden = Json::array();
    for (const std::string& each : of.forbidden_by) forbidden.push(Json(each));
    made.set("forbidden_by", std::move(forbidden));
  }
  return made;
}

}  // namespace writ::prove
