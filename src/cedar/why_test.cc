#include "cedar/why.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/sanitizer_for_test.h"
#include "cedar/world_for_test.h"

namespace writ::cedar {
namespace {

using testing::ElementsAre;

constexpr std::string_view kEntities = R"([
  {"uid": {"type": "User", "id": "alice"},
   "attrs": {"age": 30, "manager": {"__entity": {"type": "User", "id": "bob"}},
             "address": {"city": "Bern"}},
   "tags": {"team": "blue"},
   "parents": [{"type": "Group", "id": "staff"}]},
  {"uid": {"type": "User", "id": "bob"}, "attrs": {"age": 60}, "parents": []},
  {"uid": {"type": "Doc", "id": "plan"}, "attrs": {"secret": true}, "parents": []}
])";

Why why_of(std::string_view text) {
  const auto set = PolicySet::parse(text, "p.cedar");
  EXPECT_TRUE(set) << set.error().text();
  const auto entities = Entities::parse_json(kEntities).value();
  const Request request{EntityUid("User", "alice"), EntityUid("Action", "view"),
                        EntityUid("Doc", "plan"),
                        Value::record({{"now", Value::datetime(0)},
                                       {"auth", Value::record({{"mfa", Value::boolean(true)}})}})};
  return why(set->policies().at(0), request, entities);
}

std::vector<std::string> saw(const Why& why) {
  std::vector<std::string> lines;
  for (const Part& part : why.parts) {
    for (const Fact& fact : part.saw) {
      lines.push_back(fact.text + " = " + (fact.value ? print(*fact.value) : "-"));
    }
  }
  return lines;
}

TEST(Why, SaysWhatEachPartSaw) {
  const Why made = why_of(R"(permit (principal in Group::"staff", action, resource is Doc)
when { principal.manager.age > 50 && (resource has owner) == false }
unless { context.auth.mfa == false || principal.address.city == "Rome" };)");
  EXPECT_EQ(made.outcome, Truth::kTrue);
  EXPECT_FALSE(made.failure);
  EXPECT_EQ(made.scope, 3);
  EXPECT_EQ(made.conditions, 4);
  EXPECT_EQ(made.held, 4);
  EXPECT_THAT(saw(made),
              ElementsAre("principal in Group::\"staff\" = true", "principal.manager.age = 60",
                          "resource has owner = false", "context.auth.mfa = true",
                          "principal.address.city = \"Bern\""));
  ASSERT_EQ(made.parts.size(), 4u);
  EXPECT_EQ(made.parts[0].text, "principal in Group::\"staff\"");
  EXPECT_EQ(made.parts[0].position.text(), "p.cedar:1:9");
  EXPECT_EQ(made.parts[2].position.text(), "p.cedar:2:1");
}

TEST(Why, FactsSayWhoseTheyAre) {
  const Why made = why_of(R"(permit (principal, action, resource)
when { principal.address.city == "Bern" && principal.manager.age == 60 && context.auth.mfa &&
       principal.getTag("team") == "blue" && !(principal.manager in Group::"staff") };)");
  EXPECT_EQ(made.outcome, Truth::kTrue);
  ASSERT_EQ(made.parts.size(), 1u);
  std::vector<std::string> whose;
  for (const Fact& fact : made.parts[0].saw) {
    whose.push_back((fact.of ? fact.of->print() : "context") + "." + fact.attribute);
  }
  EXPECT_THAT(whose, ElementsAre("User::\"alice\".address", "User::\"bob\".age", "context.",
                                 "User::\"alice\".", "User::\"alice\".manager", "User::\"bob\"."));
}

TEST(Why, FailureIsTheInnermostOperand) {
  const Why made = why_of(R"(permit (principal, action, resource)
when { principal.age == 30 && !(resource.secret || principal.age < 10) };)");
  EXPECT_EQ(made.outcome, Truth::kFalse);
  ASSERT_TRUE(made.failure);
  EXPECT_EQ(made.failure->text, "resource.secret");
  EXPECT_EQ(made.failure->is, Truth::kTrue);
  EXPECT_EQ(made.failure->position.text(), "p.cedar:2:33");
  EXPECT_THAT(saw(made), ElementsAre("principal.age = 30", "resource.secret = true"));
}

TEST(Why, WhereEveryAlternativeFailsAllOfThemAreTheFailure) {
  const Why made = why_of(R"(permit (principal, action, resource)
when { principal.age == 1 || principal.age == 2 };)");
  ASSERT_TRUE(made.failure);
  EXPECT_EQ(made.failure->text, "principal.age == 1 || principal.age == 2");
  EXPECT_EQ(made.failure->is, Truth::kFalse);
}

TEST(Why, WhatIsNotReachedWasNotSeen) {
  const Why made = why_of(R"(permit (principal, action, resource)
when { principal has badge && principal.badge > 3 } when { context.now == datetime("1970-01-01") };)");
  ASSERT_TRUE(made.failure);
  EXPECT_EQ(made.failure->text, "principal has badge");
  EXPECT_THAT(saw(made), ElementsAre("principal has badge = false"));
  EXPECT_EQ(made.conditions, 3);
  EXPECT_EQ(made.held, 1);
  EXPECT_EQ(made.parts.size(), 1u);
}

TEST(Why, ErrorsNameTheExpressionThatFailed) {
  const Why made = why_of(R"(permit (principal, action, resource)
when { 1 + principal.badge.level > principal.age };)");
  EXPECT_EQ(made.outcome, Truth::kError);
  ASSERT_TRUE(made.failure);
  EXPECT_EQ(made.failure->text, "principal.badge");
  EXPECT_THAT(made.failure->message, testing::HasSubstr("has no attribute `badge`"));
  EXPECT_THAT(saw(made), ElementsAre("principal.badge = -"));
}

TEST(Why, ScopeFailsWhereItStands) {
  const Why made = why_of(R"(permit (principal == User::"bob",
  action in [Action::"view", Action::"edit"], resource) when { principal.age == 1 };)");
  ASSERT_TRUE(made.failure);
  EXPECT_EQ(made.failure->text, "principal == User::\"bob\"");
  EXPECT_EQ(made.failure->position.text(), "p.cedar:1:9");
  EXPECT_TRUE(made.covers_action);
  EXPECT_EQ(made.scope, 2);
  EXPECT_EQ(made.held, 0);
}

TEST(Why, NearerIsWhoseScopeFitsThenWhoseConditionsNearlyHold) {
  const Why other_action = why_of(R"(permit (principal, action == Action::"x", resource);)");
  const Why other_person =
      why_of(R"(permit (principal == User::"bob", action == Action::"view", resource);)");
  const Why two_left = why_of(
      R"(permit (principal, action, resource) when { principal.age == 1 && resource has x };)");
  const Why one_left =
      why_of(R"(permit (principal, action, resource) when { principal.age == 1 && true };)");
  EXPECT_TRUE(is_nearer(other_person, other_action));
  EXPECT_TRUE(is_nearer(two_left, other_person));
  EXPECT_TRUE(is_nearer(one_left, two_left));
  EXPECT_FALSE(is_nearer(one_left, one_left));
}

// Of any policy, request and entities: the same outcome as the authorizer's, and a failure exactly
// where there is one. Every fact's value is that of its text, evaluated alone.
TEST(Why, AgreesWithTheAuthorizer) {
  int failures = 0;
  int errors = 0;
  for (unsigned long long seed = 0; seed < rounds(1'500U); ++seed) {
    World world(seed);
    const std::string text = world.chance(50)
                                 ? world.policy()
                                 : "permit (principal, action, resource) when { " +
                                       world.expr(*Type::of(Type::Kind::kBool), 4) + " };";
    const auto set = PolicySet::parse(text, "p");
    if (!set) continue;
    const CompiledPolicies policies(*set);
    const auto entities = Entities::from_json(world.entities()).value();
    const Request request = world.request();
    const Why made = why(set->policies().at(0), request, entities);
    const Explanation is = explain(policies, 0, request, entities);
    using Outcome = Explanation::Outcome;
    const Truth expected = is.outcome == Outcome::kSatisfied ? Truth::kTrue
                           : is.outcome == Outcome::kError   ? Truth::kError
                                                             : Truth::kFalse;
    ASSERT_EQ(made.outcome, expected) << text;
    ASSERT_EQ(made.failure.has_value(), expected != Truth::kTrue) << text;
    ASSERT_EQ(made.outcome == Truth::kTrue, made.scope == 3 && made.held == made.conditions)
        << text;
    failures += expected == Truth::kFalse ? 1 : 0;
    if (expected == Truth::kError) {
      ++errors;
      ASSERT_EQ(made.failure->message, is.message) << text;
    }
    for (const Part& part : made.parts) {
      for (const Fact& fact : part.saw) {
        const auto alone = evaluate(fact.text, request, entities);
        ASSERT_EQ(alone.has_value(), fact.value.has_value()) << text << "\n" << fact.text;
        if (alone.has_value()) {
          ASSERT_EQ(*alone, *fact.value) << fact.text;
        }
      }
    }
  }
  EXPECT_GT(failures, rounds(100));
  EXPECT_GT(errors, rounds(20));
}

}  // namespace
}  // namespace writ::cedar
