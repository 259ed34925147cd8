#include "cedar/schema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace writ::cedar {
namespace {

using testing::HasSubstr;

std::string problem_of(const Result<Schema>& schema) {
  return schema ? "no error" : schema.error().text();
}

TEST(Schema, ResolvesNamesInTheirNamespaceFirst) {
  const Result<Schema> schema = Schema::parse(R"(
    type Name = String;
    entity Robot;
    namespace Shop {
      type Price = { amount: Long, unit?: Name };
      entity User in [Group] = { boss?: User, machine: Robot, seen: __cedar::datetime } tags Price;
      entity Group in Group;
      entity Size enum ["S", "M"];
      action "sell", buy in [trade] appliesTo { principal: User, resource: [Group, Size],
                                                context: { price: Price } };
      action trade;
    })");
  ASSERT_TRUE(schema) << problem_of(schema);
  const Schema::EntityType* user = schema->entity_type("Shop::User");
  ASSERT_NE(user, nullptr);
  EXPECT_EQ(print(*user->attributes), "{boss?: Shop::User, machine: Robot, seen: datetime}");
  EXPECT_EQ(print(*user->tags), "{amount: Long, unit?: String}");
  EXPECT_TRUE(schema->may_be_in("Shop::User", "Shop::Group"));
  EXPECT_TRUE(schema->may_be_in("Shop::Group", "Shop::Group"));
  EXPECT_FALSE(schema->may_be_in("Shop::Group", "Shop::User"));
  EXPECT_FALSE(schema->entity_type("Shop::Size")->may_have("L"));
  const Schema::Action* buy = schema->action(EntityUid("Shop::Action", "buy"));
  ASSERT_NE(buy, nullptr);
  EXPECT_TRUE(buy->ancestors.contains(EntityUid("Shop::Action", "trade")));
  EXPECT_EQ(print(*buy->context), "{price: {amount: Long, unit?: String}}");
  EXPECT_EQ(buy->resources.size(), 2u);
}

// Each of the names gets all that is declared.
TEST(Schema, DeclarationsOfManyNamesAreBounded) {
  const auto declared = [](int names, int attributes, const std::string& kind) {
    std::string text = kind;
    for (int i = 0; i < names; ++i) text += (i == 0 ? " N" : ", N") + std::to_string(i);
    text += kind.ends_with("action") ? " appliesTo { principal: E, resource: E, context: {" : " {";
    for (int i = 0; i < attributes; ++i) text += "a" + std::to_string(i) + ": Long,";
    return Schema::parse("entity E; " + text + (kind.ends_with("action") ? "} };" : "};"));
  };
  for (const std::string kind : {"entity", "action"}) {
    const auto some = declared(100, 100, kind);
    EXPECT_TRUE(some) << problem_of(some);
    EXPECT_THAT(problem_of(declared(1500, 1500, kind)),
                HasSubstr("too much is declared here for 1500 names at once"));
    const std::string annotated = "@doc(\"" + std::string(10'000, 'x') + "\") " + kind;
    EXPECT_THAT(problem_of(declared(1500, 1, annotated)), HasSubstr("too much"));
  }
}

TEST(Schema, BothFormsSayTheSame) {
  const Result<Schema> cedar = Schema::parse(R"(
    @doc("people") entity User = { "first name": String, tags?: Set<Set<Long>> };
    action view appliesTo { principal: User, resource: User, context: { at: datetime } };)");
  const Result<Schema> json = Schema::parse_json(R"({"": {
    "entityTypes": {"User": {"annotations": {"doc": "people"}, "shape": {"type": "Record",
      "attributes": {
        "first name": {"type": "String"},
        "tags": {"type": "Set", "element": {"type": "Set", "element": {"type": "Long"}},
                 "required": false}}}}},
    "actions": {"view": {"appliesTo": {"principalTypes": ["User"], "resourceTypes": ["User"],
      "context": {"type": "Record", "attributes": {"at": {"type": "EntityOrCommon",
                                                          "name": "datetime"}}}}}}}})");
  ASSERT_TRUE(cedar) << problem_of(cedar);
  ASSERT_TRUE(json) << problem_of(json);
  EXPECT_TRUE(*cedar == *json);
}

TEST(Schema, ConvertsBothWays) {
  const std::string text = R"(type Shape = {
  "a b"?: __cedar::Long,
  @note("x")
  c: Set<Shape2>
};

type Shape2 = __cedar::ipaddr;

entity A in [B] = {
  s: Shape
} tags __cedar::String;

entity B enum ["x", "y\n"];

action "do it" in [Action::"all"] appliesTo {
  principal: [A],
  resource: [A, B],
  context: {}
};

action "all";

@doc("inner")
namespace N::M {
  entity C;
}
)";
  const Result<SchemaSyntax> first = parse_schema(text);
  ASSERT_TRUE(first) << first.error().text();
  EXPECT_EQ(print(*first).value(), text);
  const Result<SchemaSyntax> json = schema_from_json(to_json(*first));
  ASSERT_TRUE(json) << json.error().text();
  EXPECT_EQ(print(*json).value(), text);
}

TEST(Schema, AnAnnotationWithoutValueIsEmptyInJson) {
  const Result<SchemaSyntax> schema = parse_schema("@a entity A;");
  ASSERT_TRUE(schema);
  EXPECT_EQ(compact(to_json(*schema)),
            R"({"":{"entityTypes":{"A":{"annotations":{"a":""}}},"actions":{}}})");
}

TEST(Schema, ErrorsSayWhere) {
  EXPECT_THAT(parse_schema("entity A;\nentity B = { x Long };", "s.cedarschema").error().text(),
              HasSubstr("s.cedarschema:2:16: wanted `:`, found `Long`"));
  EXPECT_THAT(problem_of(Schema::parse("entity A = { x: Missing };", "s")),
              HasSubstr("s:1:17: there is no type `Missing`\n  entity A = { x: Missing };\n"));
  EXPECT_THAT(
      problem_of(Schema::parse_json(
          R"({"N": {"entityTypes": {"A": {"memberOfTypes": ["B"]}}, "actions": {}}})", "s")),
      HasSubstr("s#/N/entityTypes/A/memberOfTypes/0: there is no entity type `B`"));
}

TEST(Schema, AttributesAndActionsMayHaveTheReservedName) {
  const auto bare =
      parse_schema("entity E = { __cedar?: Long }; action __cedar; action a in __cedar;", "s");
  const auto quoted = parse_schema(
      "entity E = { \"__cedar\"?: Long }; action \"__cedar\"; action a in \"__cedar\";", "s");
  ASSERT_TRUE(bare) << bare.error().text();
  ASSERT_TRUE(quoted) << quoted.error().text();
  EXPECT_EQ(print(*bare).value(), print(*quoted).value());
}

TEST(Schema, RefusesWhatCedarRefuses) {
  const auto refused = [](const char* text) { return problem_of(Schema::parse(text)); };
  EXPECT_THAT(refused("entity A; entity A;"), HasSubstr("declared twice"));
  EXPECT_THAT(refused("entity A; namespace N { entity A; }"), HasSubstr("without a namespace"));
  EXPECT_THAT(refused("action a; namespace N { action a; }"), HasSubstr("without a namespace"));
  EXPECT_THAT(refused("type A = B; type B = Set<A>;"), HasSubstr("stands for itself"));
  EXPECT_THAT(refused("action a in b; action b in a;"), HasSubstr("above itself"));
  EXPECT_THAT(refused("type Long = String;"), HasSubstr("built in"));
  EXPECT_THAT(refused("entity Action;"), HasSubstr("type of actions"));
  EXPECT_THAT(refused("type T = Long; entity E; action a appliesTo { principal: E, resource: E, "
                      "context: T };"),
              HasSubstr("a context is a record, not Long"));
  EXPECT_THAT(refused("entity E; action a appliesTo { principal: [], resource: E };"),
              HasSubstr("empty"));
  EXPECT_THAT(refused("action a appliesTo { principal: Action, resource: Action };"),
              HasSubstr("no entity type `Action`"));
  EXPECT_THAT(refused("namespace __cedar { entity A; }"), HasSubstr("reserved"));
  EXPECT_THAT(refused("namespace __cedar::A { entity A; }"), HasSubstr("reserved"));
  EXPECT_THAT(refused("entity __cedar;"), HasSubstr("reserved"));
  EXPECT_THAT(refused("entity E = { a: Long, a: Long };"), HasSubstr("twice"));
  EXPECT_THAT(refused("@a @a entity E;"), HasSubstr("twice"));
}

TEST(Schema, NamesMayShadowWhatIsBuiltIn) {
  const Result<Schema> schema = Schema::parse(R"(
    entity Long;
    type ipaddr = String;
    entity E = { a: Long, b: __cedar::Long, c: ipaddr, d: __cedar::ipaddr, e: Action };
    action a;)");
  ASSERT_TRUE(schema) << problem_of(schema);
  const TypePtr& of = schema->entity_type("E")->attributes;
  EXPECT_TRUE(of->attributes.find("a")->second.type->is(Type::Kind::kEntity));
  EXPECT_TRUE(of->attributes.find("b")->second.type->is(Type::Kind::kLong));
  EXPECT_TRUE(of->attributes.find("c")->second.type->is(Type::Kind::kString));
  EXPECT_TRUE(of->attributes.find("d")->second.type->is(Type::Kind::kExtension));
  EXPECT_EQ(print(*of->attributes.find("e")->second.type), "Action");
}

TEST(Schema, IsBounded) {
  std::string deep = "entity E = { a: ";
  for (int i = 0; i < 100'000; ++i) deep += "Set<";
  EXPECT_THAT(problem_of(Schema::parse(deep)), HasSubstr("nested too deeply"));
  std::string chain = "type T0 = Long;";
  for (int i = 1; i < 1'000; ++i) {
    chain += "type T" + std::to_string(i) + " = { a: T" + std::to_string(i - 1) + " };";
  }
  EXPECT_THAT(problem_of(Schema::parse(chain)), HasSubstr("nested too deeply"));
  std::string wide = "type T0 = Long;";  // 2^100 leaves, were they unfolded
  for (int i = 1; i < 100; ++i) {
    const std::string below = "T" + std::to_string(i - 1);
    wide += "type T" + std::to_string(i) + " = { a: " + below + ", b: " + below + " };";
  }
  EXPECT_EQ(problem_of(Schema::parse(wide)), "no error");
}

TEST(SchemaJson, RefusesWhatItDoesNotKnow) {
  const auto refused = [](const char* text) { return problem_of(Schema::parse_json(text)); };
  EXPECT_THAT(refused(R"({"entityTypes": {"A": {}}, "actions": {}})"),
              HasSubstr("has a member for each namespace"));
  EXPECT_THAT(refused(R"({"": {"entityTypes": {}}})"), HasSubstr("\"actions\" is missing"));
  EXPECT_THAT(refused(R"({"": {"entityTypes": {"A": {"shap": 1}}, "actions": {}}})"),
              HasSubstr("/entityTypes/A/shap"));
  EXPECT_THAT(refused(R"({"": {"entityTypes": {"A": {"tags": {"type": "Set"}}}, "actions": {}}})"),
              HasSubstr("\"element\" is missing"));
  EXPECT_THAT(refused(R"({"": {"entityTypes": {"A": {"enum": []}}, "actions": {}}})"),
              HasSubstr("one item or more"));
  EXPECT_THAT(refused(R"({"": {"entityTypes": {"A": {"shape": {"type": "Record", "attributes": {},
              "additionalAttributes": true}}}, "actions": {}}})"),
              HasSubstr("not supported"));
  EXPECT_THAT(refused(R"({"": {"entityTypes": {"in": {}}, "actions": {}}})"), HasSubstr("`in`"));
}

TEST(SchemaPrint, RefusesWhatCedarSyntaxCannotSay) {
  const Result<SchemaSyntax> both = parse_schema_json(
      R"({"": {"commonTypes": {"A": {"type": "Long"}}, "entityTypes": {"A": {}}, "actions": {}}})");
  ASSERT_TRUE(both);
  EXPECT_FALSE(print(*both));
}

}  // namespace
}  // namespace writ::cedar
