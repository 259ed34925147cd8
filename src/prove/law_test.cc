// The laws of proofs, over random worlds: formulas say what the evaluator says, and every
// counterexample is confirmed.
#include <gtest/gtest.h>

#include <cstdlib>
#include <set>

#include "cedar/world_for_test.h"
#include "prove/property.h"

namespace writ::prove {
namespace {

using cedar::EntityUid;

std::vector<Solver> solvers() {
  const char* path = std::getenv("PATH");
  auto found = find_solvers(path == nullptr ? "" : path);
  return found ? *found : std::vector<Solver>{};
}

void add_uids(cedar::ValueView value, std::set<EntityUid>& into) {
  if (value.is(cedar::Kind::kEntity)) into.insert(EntityUid(value.entity()));
  if (value.is(cedar::Kind::kSet)) {
    for (const auto& each : value.items()) add_uids(each.view(), into);
  }
  if (value.is(cedar::Kind::kRecord)) {
    for (const auto& each : value.fields()) add_uids(each.second.view(), into);
  }
}

// A random world with policies, and what the evaluator says of one request.
struct Scene {
  explicit Scene(unsigned long long seed) : random(seed) {
    for (int i = 0; i < 4; ++i) text += random.policy();
    policies = cedar::PolicySet::parse(text, "p").value();
    entities = cedar::Entities::from_json(random.entities()).value();
    request = random.request();
    for (const cedar::Entity& each : entities) {
      uids.insert(each.uid);
      uids.insert(each.ancestors.begin(), each.ancestors.end());
      add_uids(each.attrs.view(), uids);
      add_uids(each.tags.view(), uids);
    }
    uids.insert(request->principal);
    uids.insert(request->resource);
    add_uids(request->context.view(), uids);
  }

  // What the read value is of one entity.
  Result<TermId> value(World& world, const Read& read, const EntityUid& uid, std::string_view key) {
    Terms& terms = world.terms();
    const cedar::Entity* entity = entities.find(uid);
    const auto& type = *world.schema().entity_type(read.type);
    const auto field = [&](cedar::ValueView its, const cedar::Type& of,
                           bool required) -> Result<TermId> {
      if (its.is(cedar::Kind::kNone)) return terms.none(terms.sort_of(read.value));
      TRY(made, world.constant(its, of));
      return required ? made : terms.some(made);
    };
    switch (read.kind) {
      case Read::Kind::kExists:
        return terms.truth(entity != nullptr);
      case Read::Kind::kAttribute: {
        const auto& attribute = type.attributes->attributes.find(read.name)->second;
        return field(entity->attrs.view().find(read.name), *attribute.type, attribute.required);
      }
      case Read::Kind::kTag:
        return field(entity->tags.view().find(key), *type.tags, false);
      case Read::Kind::kAncestors: {
        std::vector<TermId> above;
        for (const EntityUid& each : entity->ancestors) {
          if (each.type() != read.name) continue;
          TRY(made, world.entity(each));
          above.push_back(made);
        }
        return terms.set_of(terms.sort_of(read.value), std::move(above));
      }
    }
    return terms.truth(true);
  }

  // That the unknown world is this one, as far as it was read.
  Result<TermId> facts(World& world) {
    Terms& terms = world.terms();
    TRY(principal, world.entity(request->principal));
    TRY(resource, world.entity(request->resource));
    TRY(context, world.context());
    TRY(its,
        world.constant(request->context.view(), *world.schema().action(request->action)->context));
    std::vector<TermId> all{terms.equal(world.principal(), principal),
                            terms.equal(world.resource(), resource), terms.equal(context, its)};
    for (const auto& [type, term] : world.named()) {
      if (terms[term].op == TermOp::kThing) uids.insert({type, terms[term].text});
    }
    for (const Read& read : std::set(world.reads())) {
      for (const EntityUid& uid : uids) {
        if (uid.type() != read.type) continue;
        if (read.kind != Read::Kind::kExists && entities.find(uid) == nullptr) continue;
        TRY(one, world.entity(uid));
        std::vector<std::string> keys{""};
        if (read.kind == Read::Kind::kTag) keys = {"", "a", "ab", "b", "x"};
        for (const std::string& key : keys) {
          TermId here = terms.equal(read.entity, one);
          if (read.kind == Read::Kind::kTag) {
            here = terms.all({here, terms.equal(read.key, terms.text(key))});
          }
          TRY(wanted, value(world, read, uid, key));
          all.push_back(terms.implies(here, terms.equal(read.value, wanted)));
        }
      }
    }
    return terms.all(std::move(all));
  }

  cedar::World random;
  std::string text;
  cedar::PolicySet policies;
  cedar::Entities entities;
  std::optional<cedar::Request> request;
  std::set<EntityUid> uids;
};

SolverAnswer::Kind answer(const Solver& solver, World& world, TermId claim) {
  if (world.terms().is_false(claim)) return SolverAnswer::Kind::kUnsat;
  const auto made = ask(solver, script(world.terms(), claim, {}, solver.dialect), {});
  EXPECT_TRUE(made) << made.error().text();
  if (!made) return SolverAnswer::Kind::kUnknown;
  EXPECT_NE(made->kind, SolverAnswer::Kind::kUnknown) << made->why;
  return made->kind;
}

TEST(ProofLaw, FormulasSayWhatTheEvaluatorSays) {
  const auto all = solvers();
  if (all.empty()) GTEST_SKIP() << "no solver on this host: cvc5 or z3";
  std::size_t applied = 0;
  std::size_t failed = 0;
  for (unsigned long long seed = 0; seed < 60; ++seed) {
    Scene scene(seed);
    SCOPED_TRACE("seed " + std::to_string(seed) + "\n" + scene.random.schema_text() + scene.text);
    World world(scene.random.schema(), scene.random.environment(), Store::kMayMissEntities);
    Terms& terms = world.terms();
    const auto prepared = prepare(scene.policies);
    ASSERT_TRUE(prepared);
    const cedar::CompiledPolicies compiled(scene.policies);
    std::vector<TermId> differ;
    for (std::size_t i = 0; i < prepared->size(); ++i) {
      const auto meaning = encode(world, (*prepared)[i]);
      ASSERT_TRUE(meaning) << meaning.error().text();
      using Outcome = cedar::Explanation::Outcome;
      const Outcome outcome = explain(compiled, i, *scene.request, scene.entities).outcome;
      applied += outcome == Outcome::kSatisfied;
      failed += outcome == Outcome::kError;
      if (outcome == Outcome::kError) {
        differ.push_back(meaning->ok);
        continue;
      }
      differ.push_back(terms.negation(meaning->ok));
      differ.push_back(outcome == Outcome::kSatisfied ? terms.negation(meaning->holds)
                                                      : meaning->holds);
    }
    const TermId wrong = terms.any(std::move(differ));
    const TermId assumed = world.assumptions(wrong);
    const auto facts = scene.facts(world);
    ASSERT_TRUE(facts) << facts.error().text();
    const TermId here = terms.all({assumed, *facts});
    const Solver& solver = all[seed % all.size()];
    EXPECT_EQ(answer(solver, world, terms.all({here, wrong})), SolverAnswer::Kind::kUnsat);
    // There is such a world, so the answer before means something.
    EXPECT_EQ(answer(solver, world, here), SolverAnswer::Kind::kSat);
  }
  EXPECT_GT(applied, 30U);
  EXPECT_GT(failed, 5U);
}

TEST(ProofLaw, EveryCounterexampleIsConfirmed) {
  const auto all = solvers();
  if (all.empty()) GTEST_SKIP() << "no solver on this host: cvc5 or z3";
  std::size_t refuted = 0;
  for (unsigned long long seed = 5000; seed < 5060; ++seed) {
    Scene scene(seed);
    SCOPED_TRACE("seed " + std::to_string(seed) + "\n" + scene.random.schema_text() + scene.text);
    const auto subject = Subject::of(scene.policies, scene.random.schema());
    if (!subject) continue;  // in another environment than the world's a policy may be wrong
    Means means;
    means.solvers = all;
    if (seed % 2 == 1) means.store = Store::kMayMissEntities;
    for (const bool fails : {false, true}) {
      const One policy{*subject, seed % 4};
      const auto verdict =
          prove(scene.random.schema(), {scene.random.environment()},
                fails ? sometimes_fails(policy) : sometimes_matches(policy), means);
      ASSERT_TRUE(verdict) << verdict.error().text();
      EXPECT_NE(verdict->kind, Verdict::Kind::kUnknown) << verdict->why;
      refuted += verdict->kind == Verdict::Kind::kFails;
    }
  }
  EXPECT_GT(refuted, 15U);
}

}  // namespace
}  // namespace writ::prove
