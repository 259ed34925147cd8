#include "cedar/policy_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "cedar/conformance_for_test.h"

namespace writ::cedar {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

Policy policy_of(std::string_view text) {
  const auto set = PolicySet::parse(text, "p");
  EXPECT_TRUE(set) << set.error().text();
  return set->policies().empty() ? set->templates().at(0) : set->policies().at(0);
}

std::string condition_json(const std::string& condition) {
  const Policy policy =
      policy_of("permit (principal, action, resource) when { " + condition + " };");
  return compact(*to_json(policy)->find("conditions")->as_array()->at(0).find("body"));
}

TEST(PolicyJson, WritesTheScope) {
  EXPECT_EQ(compact(*to_json(policy_of(R"(@id("x") @note forbid (
              principal is U in ?principal, action in [Action::"a", N::Action::"b"],
              resource == R::"r");)"))),
            R"({"effect":"forbid","principal":{"op":"is","entity_type":"U","in":{"slot":)"
            R"("?principal"}},"action":{"op":"in","entities":[{"type":"Action","id":"a"},)"
            R"({"type":"N::Action","id":"b"}]},"resource":{"op":"==","entity":{"type":"R",)"
            R"("id":"r"}},"conditions":[],"annotations":{"id":"x","note":null}})");
  EXPECT_EQ(compact(*to_json(policy_of("permit (principal, action in Action::\"a\", resource);"))),
            R"({"effect":"permit","principal":{"op":"All"},"action":{"op":"in","entity":)"
            R"({"type":"Action","id":"a"}},"resource":{"op":"All"},"conditions":[]})");
}

TEST(PolicyJson, WritesExpressions) {
  EXPECT_EQ(condition_json("-1 < -(-2)"),
            R"({"<":{"left":{"Value":-1},"right":{"neg":{"arg":{"Value":-2}}}}})");
  EXPECT_EQ(condition_json("context.a && context.b && context.c"),
            R"({"&&":{"left":{"&&":{"left":{".":{"left":{"Var":"context"},"attr":"a"}},"right":)"
            R"({".":{"left":{"Var":"context"},"attr":"b"}}}},"right":{".":{"left":{"Var":)"
            R"("context"},"attr":"c"}}}})");
  EXPECT_EQ(condition_json("principal has a.b && principal has \"x y\""),
            R"({"&&":{"left":{"has":{"left":{"Var":"principal"},"attr":["a","b"]}},"right":)"
            R"({"has":{"left":{"Var":"principal"},"attr":"x y"}}}})");
  EXPECT_EQ(condition_json("context.s like \"a*\\*\""),
            R"({"like":{"left":{".":{"left":{"Var":"context"},"attr":"s"}},"pattern":)"
            R"([{"Literal":"a"},"Wildcard",{"Literal":"*"}]}})");
  EXPECT_EQ(condition_json("principal is U in U::\"a\""),
            R"({"is":{"left":{"Var":"principal"},"entity_type":"U","in":{"Value":{"__entity":)"
            R"({"type":"U","id":"a"}}}}})");
  EXPECT_EQ(
      condition_json("ip(\"::1\").isInRange(context.r)"),
      R"({"isInRange":[{"ip":[{"Value":"::1"}]},{".":{"left":{"Var":"context"},"attr":"r"}}]})");
  EXPECT_EQ(condition_json("[1].isEmpty() || principal.hasTag(\"t\")"),
            R"({"||":{"left":{"isEmpty":{"arg":{"Set":[{"Value":1}]}}},"right":{"hasTag":)"
            R"({"left":{"Var":"principal"},"right":{"Value":"t"}}}}})");
}

Result<Policy> from(const std::string& text) {
  const auto json = parse_json(text, kPolicyJsonLimits);
  EXPECT_TRUE(json) << json.error().text();
  return policy_from_json(*json, "p", "f");
}
std::string with_body(const std::string& body) {
  return R"({"effect":"permit","principal":{"op":"All"},"action":{"op":"All"},"resource":)"
         R"({"op":"All"},"conditions":[{"kind":"when","body":)" +
         body + "}]}";
}

TEST(PolicyJson, ReadsValuesWithTheirEscapes) {
  const auto policy = from(with_body(
      R"({"==":{"left":{"Value":[1,{"a":{"__entity":{"type":"U","id":"x"}}}]},"right":{"Value":
         {"b":{"__extn":{"fn":"decimal","arg":"1.5"}}}}}})"));
  ASSERT_TRUE(policy) << policy.error().text();
  EXPECT_EQ(print(policy->conditions->at(0).expr),
            R"([1, {"a": U::"x"}] == {"b": decimal("1.5")})");
  EXPECT_EQ(policy->id, "p");
  EXPECT_EQ(policy->position().file, "f#p");
}

TEST(PolicyJson, ErrorsSayWhere) {
  const auto problem = [](const std::string& text) {
    const auto policy = from(text);
    return policy ? "no error" : policy.error().text();
  };
  EXPECT_THAT(problem(with_body(R"({"Var":"who"})")),
              HasSubstr("f#/conditions/0/body/Var: there is no variable `who`"));
  EXPECT_THAT(problem(with_body(R"({"nonsense":[]})")), HasSubstr("no operator or function"));
  EXPECT_THAT(problem(with_body(R"({"Slot":"?principal"})")), HasSubstr("only in the scope"));
  EXPECT_THAT(problem(with_body(R"({"Value":null})")), HasSubstr("body/Value"));
  EXPECT_THAT(problem(with_body(R"({"Value":1.5})")), HasSubstr("body/Value"));
  EXPECT_THAT(problem(with_body(R"({"==":{"left":{"Value":1}}})")), HasSubstr("\"right\""));
  EXPECT_THAT(problem(with_body(R"({"isIpv4":[]})")), HasSubstr("called on"));
  EXPECT_THAT(problem(with_body(R"({"is":{"left":{"Var":"principal"},"entity_type":"a b"}})")),
              HasSubstr("no entity type"));
  EXPECT_THAT(problem(R"({"effect":"permit"})"), HasSubstr("\"principal\" is missing"));
  EXPECT_THAT(problem(R"({"effect":"permit","principal":{"op":"in","slot":"?resource"},"action":
              {"op":"All"},"resource":{"op":"All"},"conditions":[]})"),
              HasSubstr("no such slot"));
}

TEST(PolicyJson, LongNamesAreNotCopiedForEachValueBelowThem) {
  // With the place of each value written out, this would take minutes.
  const std::string name(4 << 20, 'k');
  for (const std::string body : {"Value", "Record"}) {
    const bool plain = body == "Value";
    const std::string item = plain ? "1," : R"({"Value":1},)";
    std::string items = "[";
    for (int i = 0; i < 100'000; ++i) items += item;
    items += "null]";
    if (!plain) items = R"({"Set":)" + items + "}";
    const auto policy = from(with_body("{\"" + body + "\":{\"" + name + "\":" + items + "}}"));
    ASSERT_FALSE(policy);
    EXPECT_TRUE(policy.error().where ==
                "f#/conditions/0/body/" + body + "/" + name + (plain ? "/100000" : "/Set/100000"));
  }
}

TEST(PolicyJson, IsBounded) {
  std::string chain = "true";
  for (int i = 0; i < 2'000; ++i) chain += " && true";
  EXPECT_FALSE(to_json(policy_of("permit (principal, action, resource) when { " + chain + " };")));
  std::string nested = R"({"Value":1})";
  for (int i = 0; i < 300; ++i) nested = R"({"neg":{"arg":)" + nested + "}}";
  EXPECT_FALSE(from(with_body(nested)));
}

TEST(PolicyJson, SetsHoldTemplatesAndLinks) {
  auto set = PolicySet::parse(R"(@id("t") permit (principal == ?principal, action, resource);
                                 @id("s") forbid (principal, action, resource);)",
                              "p", {.ids = Ids::kAnnotation});
  ASSERT_TRUE(set->link("t", "l", {EntityUid("U", "a"), {}}));
  const Json json = *to_json(*set);
  EXPECT_EQ(compact(*json.find("templateLinks")),
            R"([{"templateId":"t","newId":"l","values":{"?principal":{"type":"U","id":"a"}}}])");
  const auto again = policies_from_json(json, "f");
  ASSERT_TRUE(again) << again.error().text();
  EXPECT_EQ(*to_json(*again), json);
  EXPECT_EQ(again->find("l")->template_id, "t");
  EXPECT_FALSE(policies_from_json(*parse_json(R"({"templates":{},"staticPolicies":{},
    "templateLinks":[{"templateId":"x","newId":"y","values":{}}]})")));
}

TEST(PolicyJson, ReadingWhatWasWrittenChangesNothing) {
  const auto folder = cedar_conformance();
  if (!folder) GTEST_SKIP() << "no conformance data; set WRIT_CONFORMANCE to its folder";
  const auto unpacked = unpacked_conformance();
  ASSERT_TRUE(unpacked);
  std::vector<fs::path> files;
  for (const fs::path& from : {*unpacked, *folder / "tests"}) {
    for (const auto& entry : fs::recursive_directory_iterator(from)) {
      if (entry.path().extension() == ".cedar") files.push_back(entry.path());
    }
  }
  std::size_t count = 0;
  for (const fs::path& file : files) {
    const auto set = PolicySet::parse(*read_file(file.string()), file.string());
    ASSERT_TRUE(set) << set.error().text();
    const auto json = to_json(*set);
    ASSERT_TRUE(json) << json.error().text();
    const auto read = parse_json(compact(*json), kPolicyJsonLimits);
    ASSERT_TRUE(read) << read.error().text();
    const auto again = policies_from_json(*read, "json");
    ASSERT_TRUE(again) << again.error().text();
    EXPECT_EQ(*to_json(*again), *json) << file;
    for (const Policy& policy : again->policies()) {
      const auto printed = PolicySet::parse(print(policy), "printed");
      ASSERT_TRUE(printed) << printed.error().text();
      EXPECT_EQ(*to_json(printed->policies().at(0)), *json->find("staticPolicies")->find(policy.id))
          << file;
      ++count;
    }
  }
  EXPECT_EQ(count, 5946U);
}

}  // namespace
}  // namespace writ::cedar
