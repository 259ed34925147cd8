#include "cedar/tpe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cedar/validate.h"

namespace writ::cedar {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Outcome = Residual::Outcome;

constexpr std::string_view kSchema = R"(
  entity Team in [Team];
  entity User in [Team] = { age: Long, boss?: User, home: { street: String, zip?: Long } }
    tags String;
  entity Color enum ["red", "green"];
  entity Doc in [Folder] = { isPublic: Bool, owner: User, title?: String };
  entity Folder in [Folder];
  action all;
  action View in [all] appliesTo {
    principal: [User], resource: [Doc, Color], context: { hasMFA: Bool, now?: datetime }
  };
  action Delete appliesTo {
    principal: [User], resource: [Doc], context: { hasMFA: Bool, srcIP: ipaddr }
  };
)";

class Tpe : public testing::Test {
 protected:
  PartialRequest request() const {
    return {{"User", "Alice"}, EntityUid("Action", "View"), {"Doc", {}}, context("hasMFA", true)};
  }
  static Value context(std::string_view name, bool value) {
    return Value::record({{String(name), Value::boolean(value)}});
  }
  PartialEntities entities(std::string_view json) const {
    Result<PartialEntities> made = PartialEntities::parse_json(json, schema_, "e.json");
    EXPECT_TRUE(made) << made.error().text();
    return made ? std::move(*made) : PartialEntities();
  }
  std::string refused(std::string_view json) const {
    const auto made = PartialEntities::parse_json(json, schema_, "e.json");
    return made ? "" : made.error().text();
  }
  // What is left of each policy, as text on one line; "true", "false" or "error: …" where nothing.
  std::vector<std::string> left(std::string_view policies, const PartialRequest& request,
                                const PartialReader& known = PartialEntities()) {
    set_ = PolicySet::parse(policies, "p").value();
    const auto made = tpe(set_, request, known, schema_);
    if (!made) return {made.error().text()};
    response_ = *made;
    std::vector<std::string> texts;
    for (const Residual& residual : made->residuals) {
      const std::string text = print(tree_of(residual.expr).value());
      texts.push_back(residual.outcome == Outcome::kError ? "error: " + text : text);
    }
    return texts;
  }
  std::string left_of(const std::string& condition, const PartialRequest& request,
                      const PartialReader& known = PartialEntities()) {
    return left("permit (principal, action, resource) when { " + condition + " };", request, known)
        .front();
  }

  Schema schema_ = Schema::parse(kSchema, "s").value();
  PolicySet set_;
  PartialResponse response_;
};

// The example of RFC 95.
constexpr std::string_view kRfc = R"(
  permit (principal, action == Action::"View", resource) when { resource.isPublic };
  permit (principal, action == Action::"View", resource)
  when { context.hasMFA && resource.owner == principal };
  permit (principal, action == Action::"Delete", resource)
  when { context.hasMFA && resource.owner == principal &&
         context.srcIP.isInRange(ip("1.1.1.0/24")) };
)";

TEST_F(Tpe, LeavesWhatDependsOnTheUnknown) {
  EXPECT_THAT(left(kRfc, request()),
              ElementsAre("resource.isPublic", "resource.owner == User::\"Alice\"", "false"));
  EXPECT_EQ(response_.decision, std::nullopt);
  EXPECT_THAT(response_.reasons, IsEmpty());
  PartialRequest without = request();
  without.context.reset();
  EXPECT_THAT(left(kRfc, without),
              ElementsAre("resource.isPublic",
                          "context.hasMFA && resource.owner == User::\"Alice\"", "false"));
}

TEST_F(Tpe, KeepsIdsEffectsAndAnnotations) {
  left("@id(\"x\") @note forbid (principal, action, resource) when { resource.isPublic };",
       request());
  const PolicySet made = residual_policies(set_, response_, Which::kPartial).value();
  EXPECT_EQ(print(made.policies().at(0)),
            "@id(\"x\")\n@note\nforbid (\n  principal,\n  action,\n  resource\n)\n"
            "when { resource.isPublic };\n");
  EXPECT_EQ(made.policies().at(0).id, "policy0");
}

TEST_F(Tpe, DecidesAsSoonAsItCan) {
  const std::string permit = "permit (principal, action, resource);";
  const std::string open = "(principal, action, resource) when { resource.isPublic };";
  left(permit, request());
  EXPECT_EQ(response_.decision, Decision::kAllow);
  EXPECT_THAT(response_.reasons, ElementsAre(0));
  left(permit + "forbid " + open, request());
  EXPECT_EQ(response_.decision, std::nullopt);
  left("forbid (principal, action, resource); permit " + open, request());
  EXPECT_EQ(response_.decision, Decision::kDeny);
  EXPECT_THAT(response_.reasons, ElementsAre(0));
  left("permit " + open + permit, request());
  EXPECT_EQ(response_.decision, Decision::kAllow);
  EXPECT_THAT(response_.reasons, ElementsAre(1));
  left("forbid " + open, request());
  EXPECT_EQ(response_.decision, Decision::kDeny);
  EXPECT_THAT(response_.reasons, IsEmpty());
  left("", request());
  EXPECT_EQ(response_.decision, Decision::kDeny);
}

TEST_F(Tpe, TellsWhichForbidsFail) {
  left("forbid (principal, action, resource) when { 9223372036854775807 + 1 == 0 };", request());
  EXPECT_TRUE(response_.forbid_failed);
  EXPECT_EQ(response_.decision, Decision::kDeny);
  left("forbid (principal, action, resource) when { resource.isPublic };", request());
  EXPECT_FALSE(response_.forbid_failed);
  EXPECT_TRUE(response_.forbid_may_fail);
  left("forbid (principal, action, resource) when { resource has title };", request());
  EXPECT_FALSE(response_.forbid_may_fail);
}

TEST_F(Tpe, WhatFailsKeepsItsType) {
  EXPECT_EQ(left_of("9223372036854775807 + 1 == 0 || resource.isPublic", request()),
            "error: 9223372036854775807 + 1 == 0");
  EXPECT_EQ(left_of("resource.isPublic && 9223372036854775807 + 1 == 0", request()),
            "resource.isPublic && 9223372036854775807 + 1 == 0");
  EXPECT_EQ(response_.residuals[0].outcome, Outcome::kPartial);
}

TEST_F(Tpe, DropsOnlyWhatCannotFail) {
  EXPECT_EQ(left_of("resource has title && false", request()), "false");
  EXPECT_EQ(left_of("resource.isPublic && false", request()), "resource.isPublic && false");
  EXPECT_EQ(left_of("resource.isPublic && true && !resource.isPublic", request()),
            "resource.isPublic && !resource.isPublic");
  EXPECT_EQ(left_of("resource has title || true", request()), "true");
  EXPECT_EQ(left_of("false || resource.isPublic", request()), "resource.isPublic");
  // A record has what the schema says, so reading it cannot fail.
  PartialRequest without = request();
  without.context.reset();
  EXPECT_EQ(left_of("context.hasMFA && false", without), "false");
}

TEST_F(Tpe, TypesTellValues) {
  EXPECT_EQ(left_of("resource is Doc", request()), "true");
  EXPECT_EQ(left_of("resource is Color", request()), "false");
  EXPECT_EQ(left_of("resource in Team::\"t\"", request()), "false");
  EXPECT_EQ(left_of("action in Action::\"all\"", request()), "true");
  PartialRequest without = request();
  without.context.reset();
  EXPECT_EQ(left_of("context has hasMFA", without), "true");
  EXPECT_EQ(left_of("context has now", without), "context has now");
}

TEST_F(Tpe, WritesShortFormsAgain) {
  EXPECT_EQ(left_of("resource in Folder::\"f\" && resource != Doc::\"d\"", request()),
            "resource in Folder::\"f\" && resource != Doc::\"d\"");
  EXPECT_EQ(left_of("resource.owner.age >= 18 && resource.owner.age > 3", request()),
            "resource.owner.age >= 18 && resource.owner.age > 3");
  EXPECT_EQ(left_of("resource.owner has home.zip", request()), "resource.owner has home.zip");
  EXPECT_EQ(left_of("resource.owner is User in Team::\"t\"", request()),
            "resource.owner is User in Team::\"t\"");
  EXPECT_EQ(left_of("resource.owner.home == principal.home", request(),
                    entities(R"([{"uid": {"type": "User", "id": "Alice"},
                                  "attrs": {"age": 1, "home": {"street": "S"}}}])")),
            "resource.owner.home == {\"street\": \"S\"}");
}

TEST_F(Tpe, PartsOfEntitiesAreKnownEachByItself) {
  const PartialEntities known = entities(R"([
    {"uid": {"type": "User", "id": "Alice"},
     "attrs": {"age": 7, "home": {"street": "S"}}, "tags": null},
    {"uid": {"type": "User", "id": "Bob"}, "parents": [{"type": "Team", "id": "t"}], "tags": {}},
    {"uid": {"type": "Team", "id": "t"}, "parents": [{"type": "Team", "id": "u"}]}])");
  EXPECT_EQ(left_of("principal.age == 7", request(), known), "true");
  EXPECT_EQ(left_of("principal has boss", request(), known), "false");
  EXPECT_EQ(left_of("principal has boss && principal.boss.age == 1", request(), known), "false");
  EXPECT_EQ(left_of("principal in Team::\"t\"", request(), known),
            "User::\"Alice\" in Team::\"t\"");
  EXPECT_EQ(left_of("principal in [Team::\"t\", Team::\"u\"]", request(), known),
            "User::\"Alice\" in [Team::\"t\", Team::\"u\"]");
  EXPECT_EQ(left_of("principal.hasTag(\"x\")", request(), known), "User::\"Alice\".hasTag(\"x\")");
  EXPECT_EQ(left_of("User::\"Bob\" in Team::\"u\"", request(), known), "true");
  EXPECT_EQ(left_of("User::\"Bob\" in Team::\"v\"", request(), known), "false");
  EXPECT_EQ(left_of("User::\"Bob\" in User::\"Bob\"", request(), known), "true");
  EXPECT_EQ(left_of("User::\"Bob\".hasTag(\"x\")", request(), known), "false");
  EXPECT_EQ(left_of("User::\"Bob\".age == 1", request(), known), "User::\"Bob\".age == 1");
  EXPECT_EQ(left_of("User::\"Eve\".age == 1", request(), known), "User::\"Eve\".age == 1");
}

TEST_F(Tpe, AbsentEntitiesHaveNothing) {
  const Entities none;
  const KnownEntities known(none, Unlisted::kAbsent);
  EXPECT_EQ(left_of("principal in Team::\"t\" || principal has boss", request(), known), "false");
  EXPECT_EQ(left_of("principal.age == 1", request(), known), "error: User::\"Alice\".age == 1");
  const KnownEntities open(none, Unlisted::kUnknown);
  EXPECT_EQ(left_of("principal has boss", request(), open), "User::\"Alice\" has boss");
}

TEST_F(Tpe, LinkedPoliciesHaveTheirSlotsFilled) {
  PolicySet set =
      PolicySet::parse("permit (principal == ?principal, action, resource in ?resource);", "p")
          .value();
  ASSERT_TRUE(set.link("policy0", "mine", {EntityUid("User", "Alice"), EntityUid("Folder", "f")}));
  ASSERT_TRUE(set.link("policy0", "hers", {EntityUid("User", "Eve"), EntityUid("Folder", "f")}));
  const auto response = tpe(set, request(), PartialEntities(), schema_);
  ASSERT_TRUE(response) << response.error().text();
  EXPECT_EQ(print(tree_of(response->residuals.at(0).expr).value()), "resource in Folder::\"f\"");
  EXPECT_EQ(response->residuals.at(1).outcome, Outcome::kFalse);
}

TEST_F(Tpe, RefusesPoliciesThatDoNotValidate) {
  EXPECT_THAT(left_of("resource.color == 1", request()), HasSubstr("has no attribute `color`"));
  EXPECT_THAT(left_of("resource.title == \"a\"", request()), HasSubstr("optional"));
  EXPECT_THAT(left_of("false && resource is Nothing", request()), HasSubstr("`Nothing`"));
  EXPECT_THAT(left_of("resource == Color::\"blue\"", request()), HasSubstr("blue"));
  EXPECT_THAT(left_of("principal == Nobody::\"x\"", request()), HasSubstr("`Nobody`"));
  EXPECT_THAT(left_of("action == Action::\"Fly\"", request()), HasSubstr("Fly"));
  EXPECT_THAT(left_of("resource.color == 1", request()), HasSubstr("policy0"));
}

TEST_F(Tpe, RefusesRequestsThatAreNotValid) {
  const auto status = [&](auto change) {
    PartialRequest made = request();
    change(made);
    const Status valid = validate(schema_, made);
    return valid ? std::string() : valid.error().text();
  };
  EXPECT_EQ(status([](PartialRequest&) {}), "");
  EXPECT_THAT(status([](PartialRequest& r) { r.action = EntityUid("Action", "Fly"); }),
              HasSubstr("action: the schema has no action"));
  EXPECT_THAT(status([](PartialRequest& r) { r.principal.type = "Doc"; }),
              HasSubstr("principal: "));
  EXPECT_THAT(status([](PartialRequest& r) { r.resource = {"Color", "blue"}; }),
              HasSubstr("resource: "));
  EXPECT_EQ(status([](PartialRequest& r) { r.resource = {"Color", {}}; }), "");
  EXPECT_THAT(status([](PartialRequest& r) { r.context = context("other", true); }),
              HasSubstr("context"));
  EXPECT_EQ(status([](PartialRequest& r) { r.context.reset(); }), "");
}

TEST_F(Tpe, RefusesEntitiesThatAreNotValid) {
  const std::string alice = R"({"uid": {"type": "User", "id": "Alice"})";
  EXPECT_EQ(refused("[" + alice + "}]"), "");
  EXPECT_THAT(refused("[" + alice + "}, " + alice + "}]"), HasSubstr("stands twice"));
  EXPECT_THAT(refused("[" + alice + R"(, "attrs": {}}])"), HasSubstr("missing"));
  EXPECT_THAT(refused("[" + alice + R"(, "tags": {"a": 1}}])"), HasSubstr("/tags/a"));
  EXPECT_THAT(refused("[" + alice + R"(, "more": 1}])"), HasSubstr("e.json#/0/more"));
  EXPECT_THAT(refused("[" + alice + R"(, "parents": [{"type": "Doc", "id": "d"}]}])"),
              HasSubstr("cannot be in"));
  EXPECT_THAT(refused("[" + alice + R"(, "parents": [{"type": "Team", "id": "t"}]},
                        {"uid": {"type": "Team", "id": "t"}}])"),
              HasSubstr("own parents are unknown"));
  EXPECT_THAT(refused(R"([{"uid": {"type": "Action", "id": "View"}}])"), HasSubstr("actions"));
  EXPECT_THAT(refused(R"([{"uid": {"type": "Team", "id": "a"},
                           "parents": [{"type": "Team", "id": "b"}]},
                          {"uid": {"type": "Team", "id": "b"},
                           "parents": [{"type": "Team", "id": "a"}]}])"),
              HasSubstr("own ancestor"));
  EXPECT_THAT(refused("{}"), HasSubstr("array"));
  EXPECT_THAT(refused("[1]"), HasSubstr("e.json#/0"));
}

TEST_F(Tpe, ReauthorizingWantsWhatWasKnown) {
  left(kRfc, request());
  const PartialRequest known = request();
  const PartialEntities known_entities =
      entities(R"([{"uid": {"type": "Doc", "id": "d"}, "parents": []}])");
  const KnownSoFar before{schema_, known, known_entities};
  const auto again = [&](const Request& is, std::string_view json) {
    const std::string actions = R"({"uid": {"type": "Action", "id": "View"}, "attrs": {},
                                    "parents": [{"type": "Action", "id": "all"}]})";
    const auto read = Entities::parse_json("[" + actions + std::string(json) + "]");
    EXPECT_TRUE(read) << read.error().text();
    const auto made = reauthorize(set_, response_, before, is, *read);
    if (!made) return made.error().text();
    return std::string(made->decision == Decision::kAllow ? "allow" : "deny");
  };
  const std::string doc = R"(, {"uid": {"type": "Doc", "id": "d"},
    "attrs": {"isPublic": true, "owner": {"__entity": {"type": "User", "id": "Bob"}}})";
  const Request is{EntityUid("User", "Alice"), known.action, EntityUid("Doc", "d"),
                   context("hasMFA", true)};
  EXPECT_EQ(again(is, doc + R"(, "parents": []})"), "allow");
  EXPECT_THAT(again(is, ""), HasSubstr("is missing"));
  EXPECT_THAT(again(is, doc + R"(, "parents": [{"type": "Folder", "id": "f"}]})"),
              HasSubstr("not what was known"));
  Request other = is;
  other.principal = EntityUid("User", "Bob");
  EXPECT_THAT(again(other, doc + R"(, "parents": []})"), HasSubstr("principal: it was known"));
  other = is;
  other.context = context("hasMFA", false);
  EXPECT_THAT(again(other, doc + R"(, "parents": []})"), HasSubstr("context: "));
}

TEST_F(Tpe, RefusesRequestsOfOtherTypes) {
  const auto typed =
      TypedPolicies::of(PolicySet(), schema_, {"User", EntityUid("Action", "View"), "Color"});
  ASSERT_TRUE(typed) << typed.error().text();
  EXPECT_FALSE(tpe(*typed, request(), PartialEntities()));
  EXPECT_FALSE(
      TypedPolicies::of(PolicySet(), schema_, {"Doc", EntityUid("Action", "View"), "Color"}));
}

TEST_F(Tpe, TakesPoliciesAsDeepAsTheyGet) {
  std::string deep = "resource.isPublic";
  for (int i = 0; i < 95; ++i) deep = "!" + ("(" + deep + ")");
  std::string text = left_of(deep, request());
  EXPECT_EQ(response_.residuals[0].outcome, Outcome::kPartial);
  deep = "1";
  for (int i = 0; i < 95; ++i) deep = "(if resource.isPublic then " + deep + " else 2)";
  text = left_of(deep + " == 1", request());
  EXPECT_EQ(response_.residuals[0].outcome, Outcome::kPartial);
  EXPECT_THAT(text, HasSubstr("if resource.isPublic then"));
}

TEST_F(Tpe, HasAStepLimit) {
  TpeOptions few;
  few.steps = 3;
  const PolicySet set = PolicySet::parse(kRfc, "p").value();
  const auto made = tpe(set, request(), PartialEntities(), schema_, few);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, Code::kExhausted);
}

TEST_F(Tpe, SharedPartsDoNotMultiply) {
  // Each level names the one below twice once it is taken apart.
  std::string nested = "resource.owner";
  for (int i = 0; i < 12; ++i) {
    nested = "(if " + nested + " is User in Team::\"t\" then resource.owner else principal)";
  }
  const std::string text = left_of(nested + " == principal", request());
  EXPECT_THAT(text, HasSubstr("resource.owner is User in Team::\"t\""));
  EXPECT_LT(text.size(), 2'000U);
}

TEST_F(Tpe, ValuesTooDeepAreRefused) {
  std::string schema = "type T0 = Long;";
  std::string value = "1";
  for (int i = 1; i <= 150; ++i) {
    schema += "type T" + std::to_string(i) + " = {a: T" + std::to_string(i - 1) + "};";
    value = "{\"a\": " + value + "}";
  }
  schema += "entity U; entity D = {deep: T150}; action go appliesTo {principal: U, resource: D, " +
            std::string("context: {deep: T150}};");
  schema_ = Schema::parse(schema, "s").value();
  std::string same = "context.deep == resource.deep";
  for (int i = 0; i < 60; ++i) same = "!(resource has deep && " + same + ")";
  const Json json = parse_json("{\"deep\": " + value + "}", {1 << 20, 400, 1000}).value();
  const PartialRequest deep{
      {"U", "u"}, EntityUid("Action", "go"), {"D", {}}, record_from_json(json).value()};
  set_ =
      PolicySet::parse("permit (principal, action, resource) when { " + same + " };", "p").value();
  const auto made = tpe(set_, deep, PartialEntities(), schema_);
  ASSERT_TRUE(made) << made.error().text();
  const auto residuals = residual_policies(set_, *made, Which::kAll);
  ASSERT_FALSE(residuals);
  EXPECT_EQ(residuals.error().code, Code::kExhausted);
}

}  // namespace
}  // namespace writ::cedar
