#include "cedar/evaluation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "cedar/request_for_test.h"

namespace writ::cedar {
namespace {

// What an expression evaluates to, as Cedar writes it, or "error: MESSAGE".
std::string value_of(std::string_view expression) {
  const Result<Value> value = evaluate(expression, request(), entities());
  if (value) return print(value->view());
  return "error: " + value.error().message.substr(0, value.error().message.find('\n'));
}

TEST(Evaluate, LogicStopsAtTheFirstDecidingPart) {
  EXPECT_EQ(value_of("false && context.nope"), "false");
  EXPECT_EQ(value_of("true || context.nope"), "true");
  EXPECT_EQ(value_of("if true then 1 else context.nope"), "1");
  EXPECT_EQ(value_of("true && context.nope"), "error: the record has no attribute `nope`");
  EXPECT_EQ(value_of("true && 1"), "error: `&&` wants a boolean, not an integer");
  EXPECT_EQ(value_of("1 || true"), "error: `||` wants a boolean, not an integer");
  EXPECT_EQ(value_of("!1"), "error: `!` wants a boolean, not an integer");
  EXPECT_EQ(value_of("if 1 then 1 else 2"), "error: `if` wants a boolean, not an integer");
}

TEST(Evaluate, ArithmeticFailsOnOverflow) {
  EXPECT_EQ(value_of("9223372036854775807 + 1"), "error: the integer overflows");
  EXPECT_EQ(value_of("-9223372036854775808 - 1"), "error: the integer overflows");
  EXPECT_EQ(value_of("--9223372036854775808"), "error: the integer overflows");
  EXPECT_EQ(value_of("3037000500 * 3037000500"), "error: the integer overflows");
  EXPECT_EQ(value_of("2 * -3 - 4 + principal.age"), "20");
  EXPECT_EQ(value_of("1 + \"a\""), "error: `+` wants an integer, not a string");
}

TEST(Evaluate, OrderIsOfIntegersDatetimesAndDurations) {
  EXPECT_EQ(value_of("1 < 2 && 2 <= 2 && 3 > 2 && 2 >= 2"), "true");
  EXPECT_EQ(value_of("datetime(\"2024-01-01\") < datetime(\"2024-01-02\")"), "true");
  EXPECT_EQ(value_of("duration(\"1h\") >= duration(\"60m\")"), "true");
  EXPECT_EQ(value_of("1 < duration(\"1h\")"), "error: `<` wants an integer, not a duration");
  EXPECT_EQ(value_of("\"a\" < \"b\""),
            "error: `<` wants an integer, a datetime or a duration, not a string");
  EXPECT_EQ(value_of("decimal(\"1.0\") < decimal(\"2.0\")"),
            "error: `<` wants an integer, a datetime or a duration, not a decimal");
}

TEST(Evaluate, EqualityNeverFails) {
  EXPECT_EQ(value_of("1 == \"1\""), "false");
  EXPECT_EQ(value_of("[1, 2] == [2, 1, 1] && {a: 1} != {}"), "true");
  EXPECT_EQ(value_of("ip(\"10.0.0.0/8\") == ip(\"10.0.0.1/8\")"), "false");
}

TEST(Evaluate, InWantsEntities) {
  EXPECT_EQ(value_of("principal in Group::\"all\""), "true");
  EXPECT_EQ(value_of("principal in [Group::\"none\", principal]"), "true");
  EXPECT_EQ(value_of("principal in []"), "false");
  EXPECT_EQ(value_of("principal in [Group::\"all\", 1]"),
            "error: `in` wants only entities in the set on its right, not an integer");
  EXPECT_EQ(value_of("principal in [principal, principal.name]"),
            "error: `in` wants only entities in the set on its right, not a string");
  EXPECT_EQ(value_of("1 in principal"), "error: `in` wants an entity on its left, not an integer");
  EXPECT_EQ(value_of("Group::\"all\" in principal"), "false");
  EXPECT_EQ(value_of("principal is User in Group::\"all\""), "true");
  EXPECT_EQ(value_of("principal is Doc in 1"), "false");
  EXPECT_EQ(value_of("1 is Doc"), "error: `is` wants an entity, not an integer");
}

TEST(Evaluate, RangesWrittenOutAreAsThoseComputed) {
  // A range that is written out is looked at by a shorter way than one that is computed.
  for (const std::string range :
       {"ip(\"10.0.0.0/8\")", "(if context.mfa then ip(\"10.0.0.0/8\") else ip(\"::1\"))"}) {
    const auto in_range = [&](const std::string& what) {
      return value_of("(if context.mfa then " + what + " else 1).isInRange(" + range + ")");
    };
    EXPECT_EQ(in_range("ip(\"10.1.2.3\")"), "true") << range;
    EXPECT_EQ(in_range("ip(\"11.1.2.3\")"), "false") << range;
    EXPECT_EQ(in_range("ip(\"10.0.0.0/7\")"), "false") << range;
    EXPECT_EQ(in_range("ip(\"::1\")"), "false") << range;
    EXPECT_EQ(in_range("ip(principal.name)"), value_of("ip(principal.name)")) << range;
    EXPECT_THAT(in_range("principal.name"), testing::StartsWith("error: ")) << range;
    EXPECT_EQ(in_range("principal.nope"), "error: `User::\"alice\"` has no attribute `nope`")
        << range;
  }
}

TEST(Evaluate, AttributesAndTags) {
  EXPECT_EQ(value_of("resource.owner.address.city.zip"), "\"1234\"");
  EXPECT_EQ(value_of("principal has address.city.nope"), "false");
  EXPECT_EQ(value_of("principal has manager.nope"), "false");
  EXPECT_EQ(value_of("principal has nope.nope"), "false");
  EXPECT_EQ(value_of("User::\"eve\" has name"), "false");
  EXPECT_EQ(value_of("principal has name.nope"),
            "error: `has` wants an entity or a record, not a string");
  EXPECT_EQ(value_of("principal[\"name\"]"), "\"Alice\"");
  EXPECT_EQ(value_of("principal.nope"), "error: `User::\"alice\"` has no attribute `nope`");
  EXPECT_EQ(value_of("1.a"),
            "error: the attribute `a` wants an entity or a record, not an integer");
  EXPECT_EQ(value_of("principal.hasTag(\"team\") && !principal.hasTag(\"x\")"), "true");
  EXPECT_EQ(value_of("User::\"eve\".hasTag(\"x\")"), "false");
  EXPECT_EQ(value_of("principal.getTag(\"x\")"), "error: `User::\"alice\"` has no tag `x`");
  EXPECT_EQ(value_of("principal.getTag(1)"), "error: getTag wants a string, not an integer");
}

TEST(Evaluate, AttributesOfTheRequestAreThoseOfItsEntities) {
  // What is known of the request's entities is read by a shorter way than what is computed.
  for (const std::string variable : {"principal", "resource"}) {
    const std::string computed = "(if context.mfa then " + variable + " else action)";
    for (const std::string rest :
         {".name", ".owner", ".owner.name", ".owner == principal", ".nope", ".address.city",
          ".address.nope", ".name.nope", ".manager in principal", ".owner in Group::\"all\"",
          " has name", " has owner.name", ".roles.contains(\"dev\")", ".name like \"A*\""}) {
      EXPECT_EQ(value_of(variable + rest), value_of(computed + rest)) << variable + rest;
    }
  }
  const Response response = decide(
      "permit (principal, action, resource) when {\n"
      "  principal in principal.nope };\n"
      "permit (principal, action, resource) when {\n"
      "  1 == resource.owner.nope };");
  ASSERT_EQ(response.errors.size(), 2U);
  EXPECT_EQ(response.errors[0].error.text(),
            "p.cedar:2:16: `User::\"alice\"` has no attribute `nope`");
  EXPECT_EQ(response.errors[1].error.text(),
            "p.cedar:4:8: `User::\"alice\"` has no attribute `nope`");
}

TEST(Evaluate, InAnAttributeOfTheRequestAnswersAsAnyIn) {
  const Request stranger{EntityUid("User", "eve"), EntityUid("Action", "view"),
                         EntityUid("Doc", "new"), Value::record({{"mfa", Value::boolean(true)}})};
  const Entities known = entities();
  for (const Request& asked : {request(), stranger}) {
    const auto of = [&](const std::string& expression) {
      const Result<Value> value = evaluate(expression, asked, known);
      return value ? print(value->view()) : value.error().message;
    };
    for (const std::string left : {"principal", "resource"}) {
      for (const std::string from : {"principal", "resource"}) {
        for (const std::string name :
             {"manager", "owner", "friends", "roles", "name", "address", "nope"}) {
          const std::string computed = "(if context.mfa then " + from + " else action)." + name;
          const std::string attribute = from + "." + name;
          const std::string answer = of(left + " in " + attribute);
          const std::string other = of(left + " in " + computed);
          EXPECT_EQ(answer.substr(0, answer.find('\n')), other.substr(0, other.find('\n')))
              << left << " in " << attribute;
        }
      }
    }
  }
  EXPECT_EQ(value_of("principal in resource.owner"), "true");
  EXPECT_EQ(value_of("resource in principal.friends"), "true");
  EXPECT_EQ(value_of("resource in principal.manager"), "false");
  const Response response = decide(
      "permit (principal, action, resource) when {\n"
      "  true && resource in principal.name };\n"
      "permit (principal, action, resource) when {\n"
      "  true && resource in principal.roles };");
  ASSERT_EQ(response.errors.size(), 2U);
  EXPECT_EQ(response.errors[0].error.text(),
            "p.cedar:2:11: `in` wants an entity or a set of entities on its right, not a string");
  EXPECT_EQ(response.errors[1].error.text(),
            "p.cedar:4:11: `in` wants only entities in the set on its right, not a string");
}

TEST(Evaluate, Sets) {
  EXPECT_EQ(value_of("[1, \"a\", principal].contains(principal)"), "true");
  EXPECT_EQ(value_of("[1, 2].containsAll([]) && ![1].containsAll([1, 2])"), "true");
  EXPECT_EQ(value_of("[1, 2].containsAny([2, 3]) && ![1].containsAny([])"), "true");
  EXPECT_EQ(value_of("[].isEmpty() && ![1].isEmpty()"), "true");
  EXPECT_EQ(value_of("principal.contains(1)"), "error: contains wants a set, not an entity");
  EXPECT_EQ(value_of("[[principal.age], {a: principal}]"), "[[30], {\"a\": User::\"alice\"}]");
}

TEST(Evaluate, Extensions) {
  EXPECT_EQ(value_of("decimal(\"1.5\").lessThan(decimal(\"1.6\"))"), "true");
  EXPECT_EQ(value_of("datetime(\"2024-01-01\").offset(duration(\"1d\")).toDate()"),
            "datetime(\"2024-01-02T00:00:00.000Z\")");
  EXPECT_EQ(value_of("datetime(\"2024-01-02\").durationSince(datetime(\"2024-01-01\")).toHours()"),
            "24");
  EXPECT_EQ(value_of("duration(\"-1s1ms\").toSeconds()"), "-1");
  EXPECT_EQ(value_of("context.ip.isIpv4() && !context.ip.isLoopback()"), "true");
  EXPECT_EQ(value_of("ip(\"nope\")"), "error: \"nope\" is no ip");
  EXPECT_EQ(value_of("ip(\"1.2.3.4\", \"1.2.3.4\")"), "error: `ip` takes 1 argument, not 2");
  EXPECT_EQ(value_of("1.isIpv4()"), "error: isIpv4 wants an IP address, not an integer");
  EXPECT_EQ(value_of("datetime(\"9999-12-31\").offset(duration(\"9223372036854775807ms\"))"),
            "error: the offset leaves the range of datetime");
}

TEST(Evaluate, DeepestExpressionIsFine) {
  std::string text = "1";
  for (int i = 0; i < 190; ++i) text = "[" + text + "]";
  EXPECT_EQ(value_of(text + " == " + text), "true");
  std::string chain = "context.mfa";
  for (int i = 0; i < 10'000; ++i) chain += " && context.mfa";
  EXPECT_EQ(value_of(chain), "true");
}

TEST(Evaluate, NestingCostsNoMoreThanItsLength) {
  std::string lists = "principal";
  std::string types = "principal";
  for (int i = 0; i < 60; ++i) {
    lists = "[" + lists + "].contains(" + (i == 0 ? "principal" : "true") + ")";
    types = "(if " + types + " is User in User::\"alice\" then principal else principal)";
  }
  EXPECT_EQ(value_of(lists), "true");
  EXPECT_EQ(value_of(types), "User::\"alice\"");
}

}  // namespace
}  // namespace writ::cedar
