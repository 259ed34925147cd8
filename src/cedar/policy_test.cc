#include "cedar/policy.h"

#include <gtest/gtest.h>

namespace writ::cedar {
namespace {

PolicySet parse(std::string_view text, const ParseOptions& options = {}) {
  const Result<PolicySet> set = PolicySet::parse(text, "p.cedar", options);
  EXPECT_TRUE(set) << set.error().text();
  return set ? *set : PolicySet();
}

std::string refusal(std::string_view text) {
  const Result<PolicySet> set = PolicySet::parse(text, "p.cedar");
  return set ? "accepted" : set.error().text();
}

std::string refusal_of(std::string_view expression) {
  const Result<ParsedExpr> expr = parse_expr(expression);
  return expr ? "accepted" : expr.error().message.substr(0, expr.error().message.find('\n'));
}

TEST(PolicySet, NumbersPoliciesByPosition) {
  const PolicySet set = parse(R"(
    permit (principal, action, resource);
    @id("named") forbid (principal == ?principal, action, resource);
    @id("two") forbid (principal, action, resource);)");
  EXPECT_NE(set.find("policy0"), nullptr);
  EXPECT_NE(set.find_template("policy1"), nullptr);
  EXPECT_NE(set.find("policy2"), nullptr);
  EXPECT_EQ(set.find("policy1"), nullptr);
}

TEST(PolicySet, TakesIdsFromAnnotationsWhenAsked) {
  const PolicySet set = parse(R"(
    @id("a") permit (principal, action, resource);
    permit (principal, action, resource);)",
                              {.ids = Ids::kAnnotation});
  EXPECT_NE(set.find("a"), nullptr);
  EXPECT_NE(set.find("policy1"), nullptr);
}

TEST(PolicySet, RefusesDuplicateIdsWithBothPlaces) {
  const auto set = PolicySet::parse(
      "@id(\"a\") permit (principal, action, resource);\n"
      "  @id(\"a\") permit (principal, action, resource);",
      "p.cedar", {.ids = Ids::kAnnotation});
  ASSERT_FALSE(set);
  EXPECT_EQ(set.error().code, Code::kExists);
  EXPECT_EQ(set.error().text(), "p.cedar:2:3: the policy id `a` is taken; first at p.cedar:1:1");
}

TEST(PolicySet, MergeAddsAllOrNothing) {
  PolicySet set = parse("permit (principal, action, resource);");
  const PolicySet more = parse(
      "forbid (principal, action, resource); forbid (principal, action, resource);", {.first = 1});
  ASSERT_TRUE(set.merge(more));
  EXPECT_EQ(set.policies().size(), 3U);
  EXPECT_FALSE(
      set.merge(parse("forbid (principal, action, resource); forbid (principal, action, resource);",
                      {.first = 2})));
  EXPECT_EQ(set.policies().size(), 3U);
  EXPECT_EQ(set.find("policy3"), nullptr);
}

TEST(PolicySet, LinksFillExactlyTheSlots) {
  PolicySet set = parse(
      "permit (principal in ?principal, action, resource is Doc in ?resource) when { true };");
  const EntityUid group("Group", "g");
  EXPECT_FALSE(set.link("policy0", "l", {group, std::nullopt}));
  EXPECT_FALSE(set.link("nope", "l", {group, group}));
  EXPECT_FALSE(set.link("policy0", "policy0", {group, group}));
  ASSERT_TRUE(set.link("policy0", "l", {group, EntityUid("Folder", "f")}));
  const Policy* linked = set.find("l");
  ASSERT_NE(linked, nullptr);
  EXPECT_EQ(linked->template_id, "policy0");
  EXPECT_EQ(print(*linked),
            "permit (\n  principal in Group::\"g\",\n  action,\n"
            "  resource is Doc in Folder::\"f\"\n)\nwhen { true };\n");
}

TEST(Policy, ShowsItsScope) {
  const PolicySet set = parse(R"(
    permit (principal is A::User in Group::"g", action == Writ::Action::"request", resource);
    permit (principal, action in [Action::"a", Action::"b"], resource == Doc::"d");
    permit (principal, action in [Writ::Action::"request"], resource);)");
  const Policy& first = set.policies()[0];
  EXPECT_EQ(first.principal.shape, Constraint::Shape::kIsIn);
  EXPECT_EQ(first.principal.type, "A::User");
  EXPECT_EQ(first.principal.uids[0], EntityUid("Group", "g"));
  EXPECT_TRUE(first.action_is("Writ::Action", "request"));
  EXPECT_FALSE(first.action_is("Action", "request"));
  EXPECT_EQ(first.resource.shape, Constraint::Shape::kAny);
  EXPECT_TRUE(set.policies()[1].action.list);
  EXPECT_EQ(set.policies()[1].action.uids.size(), 2U);
  EXPECT_FALSE(set.policies()[2].action_is("Writ::Action", "request"));
}

TEST(Policy, KeepsAnnotationsWithPlacesAndText) {
  const PolicySet set =
      parse("// first\n@ttl(\"1h\") @flag\npermit (principal, action, resource);");
  const Policy& policy = set.policies()[0];
  ASSERT_NE(policy.annotation("ttl"), nullptr);
  EXPECT_EQ(policy.annotation("ttl")->value, "1h");
  EXPECT_EQ(policy.position(policy.annotation("flag")->begin).text(), "p.cedar:2:12");
  EXPECT_EQ(policy.annotation("none"), nullptr);
  EXPECT_EQ(policy.position().text(), "p.cedar:2:1");
  EXPECT_EQ(policy.text(), "@ttl(\"1h\") @flag\npermit (principal, action, resource);");
}

TEST(Parser, SaysWhereAndShowsTheLine) {
  EXPECT_EQ(refusal("permit (principal, action, resource)\nwhen { context.\u00e4 };"),
            "p.cedar:2:16: Cedar has no use for this character\n"
            "  when { context.\u00e4 };\n"
            "                 ^");
  EXPECT_EQ(refusal("permit (principal, action, resource)\nwhen { \"\u00e4\" == foo };"),
            "p.cedar:2:15: there is no variable `foo`; variables are principal, action, resource "
            "and context, and text stands in quotes\n"
            "  when { \"\u00e4\" == foo };\n"
            "                ^");
  EXPECT_EQ(refusal("permit (principal, action, resource)"),
            "p.cedar:1:37: wanted `when`, `unless`, or `;` at the policy's end, found the end of "
            "the text\n  permit (principal, action, resource)\n"
            "                                      ^");
}

TEST(Parser, ShowsOnlyPartOfALongLine) {
  const std::string text =
      "permit (principal, action, resource) when { \"" + std::string(10'000, 'x') + "\" = 1 };";
  EXPECT_LT(refusal(text).size(), 400U);
}

TEST(Parser, RefusesWrongScopes) {
  for (const std::string_view wrong : {"permit();",
                                       "permit(principal,action);",
                                       "permit(principal,resource,action);",
                                       "permit(principal,action,resource,context);",
                                       "Permit(principal,action,resource);",
                                       "permit(principal == ?resource,action,resource);",
                                       "permit(principal is A == B::\"c\",action,resource);",
                                       "permit(principal in B::\"c\" is A,action,resource);",
                                       "permit(principal != A::\"b\",action,resource);",
                                       "permit(principal in [A::\"b\"],action,resource);",
                                       "permit(principal,action == [Action::\"a\"],resource);",
                                       "permit(principal,action == ?action,resource);",
                                       "permit(principal,action == Foo::\"a\",resource);",
                                       "permit(principal,action == Action::A::\"a\",resource);",
                                       "permit(principal,action is A,resource);",
                                       "permit(principal,action in [[Action::\"a\"]],resource);",
                                       "permit(principal == principal,action,resource);",
                                       "permit(principal : A,action,resource);",
                                       "permit(principal = A::\"b\",action,resource);",
                                       "permit(principal in A,action,resource);",
                                       "permit(principal is if,action,resource);",
                                       "permit(?principal,action,resource);",
                                       "@id() permit(principal,action,resource);",
                                       "@id(\"a\")@id(\"b\") permit(principal,action,resource);",
                                       "permit(principal,action,resource) when {};",
                                       "permit(principal,action,resource) if {true};",
                                       "permit(principal,action,resource) when {true}",
                                       "permit(principal,action,resource);;"}) {
    EXPECT_NE(refusal(wrong), "accepted") << wrong;
  }
}

TEST(Parser, AcceptsOddButRightScopes) {
  for (const std::string_view right :
       {"", "// only a comment", "permit(principal,action,resource,);",
        "permit(principal == (User::\"a\"),action in ([Action::\"a\",]),resource);",
        "permit(principal,action in [],resource);",
        "permit(principal,action == A::Action::\"a\",resource);",
        "@if(\"a\")@__cedar permit(principal,action,resource);",
        "permit(principal is principal,action,resource) when {true} unless {false} when {true};",
        "permit(principal,action,resource) when {true// comment\r};"}) {
    EXPECT_EQ(refusal(right), "accepted") << right;
  }
}

TEST(Parser, RefusesWrongExpressions) {
  EXPECT_EQ(refusal_of("1 < 2 < 3"),
            "relations do not chain; use parentheses to say which comes first");
  EXPECT_EQ(refusal_of("1 = 2"), "`=` is no operator; equality is `==`");
  EXPECT_EQ(refusal_of("1 / 2"), "Cedar has no division and no remainder");
  EXPECT_EQ(refusal_of("9223372036854775808"), "this integer does not fit in 64 signed bits");
  EXPECT_EQ(refusal_of("{a: 1, \"a\": 2}"), "the attribute `a` stands twice in this record");
  EXPECT_EQ(refusal_of("context.in"), "`in` is a reserved word and cannot be an attribute name");
  EXPECT_EQ(refusal_of("principal.nope()"), "there is no method `nope`");
  EXPECT_EQ(refusal_of("contains([1], 1)"), "`contains` is a method: write VALUE.contains(\u2026)");
  EXPECT_EQ(refusal_of("[1].contains()"), "`contains` takes 1 argument, not 0");
  EXPECT_EQ(refusal_of("!!!!!true"), "at most four `!` may stand in a row");
  EXPECT_EQ(refusal_of("principal == ?principal"),
            "a slot can stand only in the scope, for the whole entity");
  EXPECT_EQ(refusal_of("true && if true then true else true"),
            "an `if` inside another expression needs parentheses around it");
  EXPECT_EQ(refusal_of("\"\\q\""), "this escape or character cannot stand here");
  EXPECT_EQ(refusal_of("\"abc"), "this string has no closing quote");
}

TEST(Parser, BoundsDepthHoweverItIsMade) {
  const auto repeat = [](std::string_view text, int times) {
    std::string out;
    for (int i = 0; i < times; ++i) out += text;
    return out;
  };
  const std::string limit = "this is nested too deeply; the limit is 200 levels";
  for (const int many : {1'000, 100'000}) {
    EXPECT_EQ(refusal_of(repeat("(", many)), limit);
    EXPECT_EQ(refusal_of(repeat("[", many)), limit);
    EXPECT_EQ(refusal_of(repeat("{a:", many)), limit);
    EXPECT_EQ(refusal_of(repeat("if ", many)), limit);
    EXPECT_EQ(refusal_of(repeat("ip(", many)), limit);
    EXPECT_EQ(refusal_of("context" + repeat(".a", many)), limit);
    EXPECT_EQ(refusal_of("1" + repeat("+1", many)), limit);
    EXPECT_EQ(refusal_of(repeat("!(", many)), limit);
    EXPECT_EQ(refusal_of("true" + repeat("&&true", many)), "accepted");
  }
  EXPECT_EQ(refusal_of(repeat("(", 150) + "1" + repeat(")", 150)), "accepted");
}

TEST(Print, ParsesBackToTheSame) {
  for (const std::string_view text :
       {"if true then 1 else 2 + 3", "(if true then 1 else 2) + 3", "(1 + 2) * -3 - (4 - 5)",
        "!(principal == resource) && (true || false) && !true", "-(-5) == --(5)", "(-5).a == -5.a",
        "-context.a * 2", "context has \"odd name\" || context has a.b.c",
        "principal like \"a*\\*\\u{7f}\\n\"", "principal is A::B in [A::\"b\", principal]",
        "(1 == 2) == (3 in 4)", "(context has a) like \"x\"", "{\"a b\": [], c: {}}.c[\"if\"]",
        "ip(\"1.2.3.4\").isInRange(ip(\"1.0.0.0/8\"))", "[1, 2].containsAny(context.x)",
        "A::\"\\\"quoted\\\"\".getTag(\"t\") != \"\u00e4\""}) {
    const Result<ParsedExpr> once = parse_expr(text);
    ASSERT_TRUE(once) << text << once.error().text();
    const std::string printed = print(once->expr);
    const Result<ParsedExpr> twice = parse_expr(printed);
    ASSERT_TRUE(twice) << printed << twice.error().text();
    EXPECT_EQ(print(twice->expr), printed) << text;
  }
}

TEST(Print, WritesOnlyNeededParentheses) {
  EXPECT_EQ(print(parse_expr("((1) + (2 * 3)) == (7) && (true)")->expr), "1 + 2 * 3 == 7 && true");
  EXPECT_EQ(print(parse_expr("(true && false) || (1 - (2 - 3) < 0)")->expr),
            "true && false || 1 - (2 - 3) < 0");
}

}  // namespace
}  // namespace writ::cedar
