// What is proved and refuted of small policies, one operator or corner a test.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "prove/property.h"

namespace writ::prove {
namespace {

constexpr std::string_view kSchema = R"(
entity Group in Group;
entity Colour enum ["red", "green"];
entity User in [Group] {
  name: String, age: Long, boss?: User, colour: Colour, groups: Set<Group>,
  address: {city: String, zip?: Long}, limit: decimal, born: datetime, wait: duration,
  ip: ipaddr, names: Set<String>, grid: Set<Set<Long>>, spots: Set<{x: Long, y?: Long}>,
} tags Set<String>;
entity Doc in [Group] { owner: User, level: Long };
action view, edit appliesTo {
  principal: User, resource: Doc,
  context: { now: datetime, a: Long, b: Long, s: String, flag: Bool, opt?: String, net: ipaddr,
             d: decimal, e: duration, rec: {city: String, zip?: Long} }
};
)";

Means means() {
  const char* path = std::getenv("PATH");
  auto found = find_solvers(path == nullptr ? "" : path);
  Means made;
  if (found) made.solvers = *found;
  return made;
}

class Proofs : public ::testing::Test {
 protected:
  Proofs() : schema_(*cedar::Schema::parse(kSchema, "s.cedarschema")), means_(means()) {}
  void SetUp() override {
    if (means_.solvers.empty()) GTEST_SKIP() << "no solver on this host: cvc5 or z3";
  }

  Subject subject(std::string_view text) {
    const auto set = cedar::PolicySet::parse(text, "p.cedar");
    if (!set) ADD_FAILURE() << set.error().text();
    auto made = Subject::of(*set, schema_);
    if (!made) ADD_FAILURE() << made.error().text();
    return *made;
  }
  // In one environment.
  Verdict prove(const Danger& danger) {
    auto verdict = writ::prove::prove(
        schema_, {{"User", *cedar::EntityUid::parse("Action::\"view\""), "Doc"}}, danger, means_);
    if (!verdict) {
      ADD_FAILURE() << verdict.error().text();
      return {Verdict::Kind::kUnknown, {}, {}, {}};
    }
    EXPECT_NE(verdict->kind, Verdict::Kind::kUnknown) << verdict->why;
    return std::move(*verdict);
  }
  static std::string when(std::string_view condition) {
    return "permit(principal, action, resource) when { " + std::string(condition) + " };";
  }
  bool never(std::string_view condition) {
    const Subject of = subject(when(condition));
    return prove(sometimes_matches(One{of})).holds();
  }
  bool always(std::string_view condition) {
    const Subject of = subject(when(condition));
    return prove(sometimes_not_matches(One{of})).holds();
  }
  bool never_fails(std::string_view condition) {
    const Subject of = subject(when(condition));
    return prove(sometimes_fails(One{of})).holds();
  }

  cedar::Schema schema_;
  Means means_;
};

TEST_F(Proofs, Arithmetic) {
  EXPECT_TRUE(never("context.a < 5 && context.a > 5"));
  EXPECT_FALSE(never("context.a < 5 && context.a > 3"));
  EXPECT_TRUE(never("context.a < 5 && context.a > 3 && context.a != 4"));
  EXPECT_TRUE(always("context.a <= 5 || context.a >= 5"));
  EXPECT_FALSE(never("context.a + context.b == 10 && context.a - context.b == 4"));
  EXPECT_TRUE(never("context.a > 1 && context.a < 100 && context.a * 3 == 10"));
  EXPECT_FALSE(never("context.a * context.b == 12 && context.a == 3"));
  EXPECT_FALSE(never("-context.a == 3"));
}

TEST_F(Proofs, Overflow) {
  EXPECT_FALSE(never_fails("context.a + 1 > 0"));
  EXPECT_FALSE(never_fails("context.a - 1 < 0"));
  EXPECT_FALSE(never_fails("context.a + context.b > 0"));
  EXPECT_FALSE(never_fails("-context.a > 0"));
  EXPECT_FALSE(never_fails("context.a * 2 > 0"));
  EXPECT_FALSE(never_fails("context.a * -1 > 0"));
  EXPECT_FALSE(never_fails("context.a * context.b > 0"));
  EXPECT_TRUE(never_fails("context.a * 0 > 0"));
  EXPECT_TRUE(never_fails("context.a > 0 && context.a - 1 >= 0"));
  EXPECT_TRUE(never_fails("context.a < 100 && context.a > -100 && context.a * 50 < 0"));
  EXPECT_TRUE(never_fails("context.a < 100 && context.a > -100 && context.a * -50 < 0"));
  EXPECT_TRUE(never("context.a + 1 == -9223372036854775808"));
}

TEST_F(Proofs, ErrorsStopWhereEvaluationStops) {
  EXPECT_TRUE(never_fails("context.flag || true || context.a + 1 > 0"));
  EXPECT_FALSE(never_fails("context.a + 1 > 0 || true"));
  EXPECT_TRUE(never_fails("if true then context.flag else context.a + 1 > 0"));
  EXPECT_FALSE(never_fails("if context.flag then true else context.a + 1 > 0"));
  EXPECT_FALSE(always("context.a + 1 > context.a"));
}

TEST_F(Proofs, Strings) {
  EXPECT_TRUE(never("context.s like \"a*\" && context.s like \"b*\""));
  EXPECT_FALSE(never("context.s like \"a*b*c\" && context.s like \"*x*\""));
  EXPECT_TRUE(never("context.s like \"*b\" && context.s == \"bc\""));
  EXPECT_TRUE(never("context.s like \"a\\*\" && context.s != \"a*\""));
  EXPECT_TRUE(always("context.s like \"*\""));
  EXPECT_FALSE(never("context.s == \"é\\n\\\"\\\\u{41}\u4e2d\""));
}

TEST_F(Proofs, EntitiesAndHierarchies) {
  EXPECT_TRUE(always("principal in principal"));
  EXPECT_TRUE(always("principal is User && !(resource is User)"));
  EXPECT_TRUE(never("principal == User::\"a\" && principal == User::\"b\""));
  EXPECT_FALSE(never("principal in Group::\"a\" && principal in Group::\"b\""));
  EXPECT_TRUE(never("principal == User::\"a\" && !(principal in [User::\"a\", User::\"b\"])"));
  EXPECT_FALSE(never("principal in principal.groups"));
  EXPECT_TRUE(
      never("principal in Group::\"a\" && Group::\"a\" in Group::\"b\" && "
            "!(principal in Group::\"b\")"));
  EXPECT_TRUE(never("Group::\"a\" in Group::\"b\" && Group::\"b\" in Group::\"a\""));
  EXPECT_TRUE(never("principal in [Group::\"a\"] && !(principal in Group::\"a\")"));
  EXPECT_TRUE(never("principal.groups.isEmpty() && principal in principal.groups"));
  EXPECT_FALSE(never("resource.owner == principal && resource in Group::\"a\""));
  EXPECT_TRUE(never("resource.owner == principal && resource.owner.name != principal.name"));
}

TEST_F(Proofs, NothingIsInAnotherOfItsTypeUnlessTheSchemaSaysSo) {
  EXPECT_TRUE(never("principal in User::\"a\" && principal in User::\"b\""));
  EXPECT_TRUE(never("principal in User::\"a\" && principal != User::\"a\""));
  EXPECT_TRUE(never("principal in [User::\"a\"] && principal != User::\"a\""));
  EXPECT_FALSE(never("principal in User::\"a\""));
  EXPECT_FALSE(never("Group::\"a\" in Group::\"b\""));
}

TEST_F(Proofs, AnIdMayBeEmpty) {
  EXPECT_FALSE(never("principal == User::\"\""));
  EXPECT_FALSE(never("principal in Group::\"\" && resource in Group::\"a\""));
}

TEST_F(Proofs, Actions) {
  EXPECT_TRUE(always("action == Action::\"view\""));
  EXPECT_TRUE(never("action == Action::\"edit\""));
  EXPECT_TRUE(always("action in [Action::\"edit\", Action::\"view\"]"));
}

TEST_F(Proofs, EnumeratedEntities) {
  EXPECT_TRUE(
      never("principal.colour != Colour::\"red\" && principal.colour != Colour::\"green\""));
  EXPECT_FALSE(never("principal.colour == Colour::\"green\""));
}

TEST_F(Proofs, AttributesAndRecords) {
  EXPECT_FALSE(
      never("principal has boss && principal.boss has boss && principal.boss.boss == "
            "principal"));
  EXPECT_TRUE(
      never("principal has boss && principal.boss == principal && principal.boss.age != "
            "principal.age"));
  EXPECT_FALSE(never("principal.address has zip && principal.address.zip == 1"));
  EXPECT_FALSE(never("principal.address == context.rec"));
  EXPECT_TRUE(
      never("principal.address == context.rec && principal.address has zip && "
            "!(context.rec has zip)"));
  EXPECT_TRUE(never("context has opt && context.opt == \"a\" && context.opt == \"b\""));
  EXPECT_TRUE(always("{a: 1, b: context.s} == {b: context.s, a: 1}"));
  EXPECT_TRUE(always("principal has name"));
  EXPECT_TRUE(never("principal has nothing"));
}

TEST_F(Proofs, Sets) {
  EXPECT_TRUE(never("principal.names.contains(\"a\") && principal.names.isEmpty()"));
  EXPECT_TRUE(never("principal.names == [\"a\"] && !principal.names.contains(\"a\")"));
  EXPECT_TRUE(
      never("principal.names.containsAll([\"a\", \"b\"]) && !principal.names.contains(\"b\")"));
  EXPECT_FALSE(
      never("principal.names.containsAny([\"a\", \"b\"]) && !principal.names.contains(\"b\")"));
  EXPECT_FALSE(never("principal.grid.contains([1, 2]) && principal.grid.contains([context.a])"));
  EXPECT_TRUE(never("principal.grid.contains([1, 2]) && !principal.grid.contains([2, 1, 1])"));
  EXPECT_FALSE(
      never("resource.owner.names.containsAll(principal.names) && "
            "resource.owner.names != principal.names"));
  EXPECT_TRUE(
      never("resource.owner.names.containsAll(principal.names) && "
            "principal.names.containsAll(resource.owner.names) && "
            "resource.owner.names != principal.names"));
  EXPECT_FALSE(never("resource.owner.names.containsAny(principal.names)"));
  EXPECT_TRUE(always("[1, 2, 2] == [2, 1]"));
  EXPECT_TRUE(never("[context.a, 2] == [3]"));
}

TEST_F(Proofs, Tags) {
  EXPECT_FALSE(never("principal.hasTag(\"a\") && principal.getTag(\"a\").contains(\"b\")"));
  EXPECT_FALSE(never("principal.hasTag(context.s) && !principal.hasTag(\"a\")"));
  EXPECT_TRUE(
      never("context.s == \"a\" && principal.hasTag(context.s) && !principal.hasTag(\"a\")"));
}

TEST_F(Proofs, Decimals) {
  EXPECT_TRUE(
      never("context.d.lessThan(decimal(\"1.0\")) && context.d.greaterThan(decimal(\"1.5\"))"));
  EXPECT_FALSE(
      never("context.d.lessThanOrEqual(decimal(\"1.0\")) && "
            "context.d.greaterThanOrEqual(decimal(\"1.0\"))"));
  EXPECT_FALSE(never("context.d == decimal(\"-12.34\")"));
}

TEST_F(Proofs, DatetimesAndDurations) {
  EXPECT_TRUE(
      never("context.now < datetime(\"2024-01-01\") && context.now > datetime(\"2024-01-02\")"));
  EXPECT_FALSE(never_fails("context.now.offset(duration(\"1h\")) > context.now"));
  EXPECT_TRUE(never("context.now.offset(duration(\"1h\")) < context.now"));
  EXPECT_FALSE(never_fails("context.now.durationSince(principal.born) > duration(\"1d\")"));
  EXPECT_FALSE(
      never("context.now.toTime() == duration(\"3h\") && context.now < datetime(\"1960-01-01\")"));
  EXPECT_TRUE(never("context.now.toTime() < duration(\"0s\")"));
  EXPECT_TRUE(never("context.now.toTime() >= duration(\"1d\")"));
  EXPECT_FALSE(
      never("context.now.toDate() == datetime(\"2024-02-03\") && context.now != "
            "datetime(\"2024-02-03\")"));
  EXPECT_FALSE(never_fails("context.now.toDate() == context.now"));
  EXPECT_FALSE(never("context.e.toHours() == 2 && context.e.toMinutes() == 150"));
  EXPECT_TRUE(never("context.e.toSeconds() == 2 && context.e.toMilliseconds() == 1999"));
  EXPECT_FALSE(never("context.e.toDays() == -1"));
}

TEST_F(Proofs, Addresses) {
  EXPECT_TRUE(always("context.net.isIpv4() || context.net.isIpv6()"));
  EXPECT_TRUE(never("context.net.isIpv4() && context.net.isIpv6()"));
  EXPECT_TRUE(
      never("context.net.isInRange(ip(\"10.0.0.0/8\")) && "
            "context.net.isInRange(ip(\"11.0.0.0/8\"))"));
  EXPECT_TRUE(
      never("context.net.isInRange(ip(\"10.1.0.0/16\")) && "
            "!context.net.isInRange(ip(\"10.0.0.0/8\"))"));
  EXPECT_FALSE(
      never("context.net.isInRange(ip(\"10.0.0.0/8\")) && context.net != ip(\"10.0.0.1\")"));
  EXPECT_FALSE(never("context.net.isInRange(principal.ip)"));
  EXPECT_TRUE(never("context.net == ip(\"::1\") && !context.net.isLoopback()"));
  EXPECT_TRUE(never("context.net.isMulticast() && context.net.isLoopback()"));
  EXPECT_FALSE(never("context.net.isMulticast() && context.net.isIpv6()"));
  EXPECT_TRUE(never("ip(\"::/0\").isInRange(context.net) && !context.net.isIpv6()"));
}

TEST_F(Proofs, MissingEntitiesFailWhereTheStoreMayMissThem) {
  EXPECT_TRUE(never_fails("resource.owner.name == \"a\""));
  means_.store = Store::kMayMissEntities;
  EXPECT_FALSE(never_fails("resource.owner.name == \"a\""));
  EXPECT_TRUE(
      never_fails("resource has owner && resource.owner has name && "
                  "resource.owner.name == \"a\""));
  EXPECT_FALSE(always("principal has name"));
  EXPECT_TRUE(never("!(principal has name) && principal in Group::\"a\""));
  EXPECT_TRUE(always("principal in [principal, User::\"a\"]"));
  EXPECT_FALSE(never("!(principal has name) && !principal.hasTag(\"a\")"));
}

TEST_F(Proofs, ACounterexampleIsConcrete) {
  const Subject of = subject(
      "permit(principal in Group::\"staff\", action, resource) when { resource.owner == principal "
      "&& context.a + 1 == 8 && principal.hasTag(\"t\") };");
  const Verdict verdict = prove(sometimes_allows(of));
  ASSERT_TRUE(verdict.counterexample);
  const Counterexample& found = *verdict.counterexample;
  EXPECT_EQ(found.request.context.find("a")->as_int(), 7);
  EXPECT_THAT(compact(to_json(found)), ::testing::HasSubstr("\"a\":7"));
  EXPECT_THAT(describe(found), ::testing::HasSubstr("in Group::\"staff\""));
}

TEST_F(Proofs, PairsOfPolicies) {
  const Subject narrow = subject(when("context.a > 10"));
  const Subject wide = subject(when("context.a > 5"));
  const Subject apart = subject(when("context.a < 3"));
  EXPECT_TRUE(prove(only_first_matches(One{narrow}, One{wide})).holds());
  EXPECT_FALSE(prove(only_first_matches(One{wide}, One{narrow})).holds());
  EXPECT_FALSE(prove(match_differently(One{wide}, One{narrow})).holds());
  EXPECT_TRUE(prove(both_match(One{wide}, One{apart})).holds());
  EXPECT_FALSE(prove(both_match(One{wide}, One{narrow})).holds());
  const Subject same = subject(when("!(5 >= context.a)"));
  EXPECT_TRUE(prove(match_differently(One{wide}, One{same})).holds());
}

TEST_F(Proofs, PairsOfSets) {
  const Subject all = subject("permit(principal, action, resource);");
  const Subject guarded = subject(
      "permit(principal, action, resource); forbid(principal, action, resource) when { "
      "context.a + 1 == 1 };");
  EXPECT_TRUE(prove(sometimes_denies(all)).holds());
  EXPECT_FALSE(prove(sometimes_denies(guarded)).holds());
  EXPECT_TRUE(prove(only_first_allows(guarded, all)).holds());
  EXPECT_FALSE(prove(only_first_allows(all, guarded)).holds());
  EXPECT_FALSE(prove(decide_differently(all, guarded)).holds());
  EXPECT_FALSE(prove(both_allow(all, guarded)).holds());
  const Subject none = subject("forbid(principal, action, resource);");
  EXPECT_TRUE(prove(sometimes_allows(none)).holds());
  EXPECT_TRUE(prove(both_allow(all, none)).holds());
}

TEST_F(Proofs, WhatIsNotValidIsRefusedWithItsPlace) {
  const auto set = cedar::PolicySet::parse(when("principal.nothing == 1"), "p.cedar");
  const auto made = Subject::of(*set, schema_);
  ASSERT_FALSE(made);
  EXPECT_THAT(made.error().where, ::testing::StartsWith("p.cedar:1:"));
}

TEST_F(Proofs, ATextThatSolversDoNotHaveIsRefused) {
  const Subject of = subject(when("context.s == \"\\u{10ffff}\""));
  const auto verdict =
      writ::prove::prove(schema_, environments(schema_), sometimes_matches(One{of}), means_);
  ASSERT_FALSE(verdict);
  EXPECT_THAT(verdict.error().message, ::testing::HasSubstr("U+2FFFF"));
  EXPECT_THAT(verdict.error().where, ::testing::StartsWith("p.cedar:1:"));
}

TEST_F(Proofs, BothSolversSayTheSame) {
  if (means_.solvers.size() < 2) GTEST_SKIP() << "only one solver on this host";
  const std::vector<Solver> both = means_.solvers;
  for (const Solver& solver : both) {
    means_.solvers = {solver};
    EXPECT_TRUE(never("principal.grid.contains([1, 2]) && !principal.grid.contains([2, 1])"));
    EXPECT_FALSE(
        never("principal in principal.groups && principal.names.contains(\"x\") && "
              "principal.grid.contains([1, 2]) && context.net.isInRange(principal.ip)"))
        << solver.name;
    EXPECT_FALSE(
        never("resource.owner.names.containsAny(principal.names) && "
              "resource.owner.names != principal.names"))
        << solver.name;
  }
}

TEST(Solvers, WithoutOneThereIsOneClearError) {
  const auto found = find_solvers("/nowhere:/neither");
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, Code::kUnavailable);
  EXPECT_THAT(found.error().message, ::testing::HasSubstr("apt-get install cvc5"));
}

}  // namespace
}  // namespace writ::prove
