#include "cedar/entity.h"

#include <gtest/gtest.h>

#include "cedar/authorize.h"
#include "cedar/program.h"
#include "cedar/typed_json.h"
#include "cedar/uids_for_test.h"

namespace writ::cedar {
namespace {

std::string refusal(std::string_view text, const EntityLimits& limits = {}) {
  const Result<Entities> entities = Entities::parse_json(text, "e.json", limits);
  return entities ? "accepted" : entities.error().text();
}

TEST(Entities, ReadsAttributesTagsAndParents) {
  const Result<Entities> entities = Entities::parse_json(R"([
    {"uid": {"type": "User", "id": "a"}, "attrs": {"n": 1}, "tags": {"t": "x"},
     "parents": [{"type": "Group", "id": "g"}, {"__entity": {"type": "Group", "id": "h"}}]}])");
  ASSERT_TRUE(entities) << entities.error().text();
  const Entity* user = entities->find(EntityUid("User", "a"));
  ASSERT_NE(user, nullptr);
  EXPECT_EQ(user->attrs.find("n"), Value::integer(1));
  EXPECT_EQ(user->tags.find("t"), Value::string("x"));
  EXPECT_TRUE(user->ancestors.contains(EntityUid("Group", "h")));
  EXPECT_EQ(entities->find(EntityUid("Group", "g")), nullptr);
}

TEST(Entities, AncestorsAreTransitive) {
  const Result<Entities> entities = Entities::parse_json(R"([
    {"uid": {"type": "T", "id": "a"}, "attrs": {}, "parents": [{"type": "T", "id": "b"}]},
    {"uid": {"type": "T", "id": "c"}, "attrs": {}, "parents": [{"type": "T", "id": "d"}]},
    {"uid": {"type": "T", "id": "b"}, "attrs": {}, "parents": [{"type": "T", "id": "c"}]}])");
  ASSERT_TRUE(entities);
  const UidSet& above = entities->find(EntityUid("T", "a"))->ancestors;
  EXPECT_EQ(above.size(), 3U);
  EXPECT_TRUE(above.contains(EntityUid("T", "d")));
  EXPECT_EQ(entities->find(EntityUid("T", "c"))->ancestors.size(), 1U);
}

TEST(Entities, FindsByWordsWhatItFindsByUid) {
  std::string text = "[";
  for (int i = 0; i < 500; ++i) {
    text += i > 0 ? "," : "";
    text += R"({"uid": {"type": "T", "id": ")" + std::to_string(i) +
            R"("}, "attrs": {}, "parents": []})";
  }
  const Result<Entities> entities = Entities::parse_json(text + "]");
  ASSERT_TRUE(entities);
  for (int i = 0; i < 1000; ++i) {
    const std::string id = std::to_string(i);
    const Entity* found = entities->find("T", id);
    EXPECT_EQ(found, entities->find(EntityUid("T", id)));
    ASSERT_EQ(found != nullptr, i < 500);
    EXPECT_EQ(found != nullptr ? found->uid.id() : id, id);
    EXPECT_EQ(entities->find("U", id), nullptr);
  }
  EXPECT_EQ(Entities().find("T", "1"), nullptr);
}

TEST(Entities, ShareWhatTheirReadersName) {
  const CompiledPolicies readers(*PolicySet::parse(
      R"(permit (principal in G::"g", action, resource) when { principal.level > 3 };)"));
  const Result<Entities> entities = Entities::parse_json(
      R"([{"uid": {"type": "U", "id": "u"}, "attrs": {"level": 4, "best": {"__entity": {"type": "U",
           "id": "u"}}}, "parents": [{"type": "G", "id": "g"}]}])",
      {}, {}, &readers);
  ASSERT_TRUE(entities);
  const Entity& user = *entities->find("U", "u");
  EXPECT_EQ(user.attrs.view().fields()[1].first.text(), readers.program().names.at(0).text());
  EXPECT_EQ(user.ancestors.begin()->text(), readers.program().uids.at(0).text());
  EXPECT_EQ(user.attrs.view().fields()[0].second.view().entity(), user.uid.text());
}

TEST(Entities, ChosenIdsDoNotMakeLookupsSlow) {
  // All in one place: a search that looked at each of them would take minutes here.
  const std::vector<EntityUid> uids = uids_of_one_hash(200'000);
  JsonArray array;
  for (const EntityUid& uid : uids) {
    array.push_back(Json::object(
        {{"uid", to_json(uid)}, {"attrs", Json::object()}, {"parents", Json::array()}}));
  }
  const Result<Entities> entities = Entities::from_json(Json(std::move(array)));
  ASSERT_TRUE(entities);
  for (const EntityUid& uid : uids) {
    const Entity* found = entities->find(uid.type(), uid.id());
    ASSERT_NE(found, nullptr);
    ASSERT_EQ(found->uid, uid);
  }
}

TEST(Entities, RefusesCycles) {
  EXPECT_EQ(refusal(R"([{"uid": {"type": "T", "id": "a"}, "attrs": {},
                         "parents": [{"type": "T", "id": "a"}]}])"),
            "e.json#/0: `T::\"a\"` is its own ancestor");
  EXPECT_NE(refusal(R"([
    {"uid": {"type": "T", "id": "a"}, "attrs": {}, "parents": [{"type": "T", "id": "b"}]},
    {"uid": {"type": "T", "id": "b"}, "attrs": {}, "parents": [{"type": "T", "id": "a"}]}])")
                .find("is its own ancestor"),
            std::string::npos);
}

TEST(Entities, RefusesDuplicatesUnlessIdentical) {
  const std::string one =
      R"({"uid": {"type": "T", "id": "a"}, "attrs": {"x": [1, 2]}, "parents": []})";
  const std::string same =
      R"({"parents": [], "uid": {"type": "T", "id": "a"}, "attrs": {"x": [2, 1]}})";
  const std::string other = R"({"uid": {"type": "T", "id": "a"}, "attrs": {}, "parents": []})";
  EXPECT_EQ(refusal("[" + one + "," + same + "]"), "accepted");
  EXPECT_EQ(refusal("[" + one + "," + other + "]"),
            "e.json#/1: `T::\"a\"` stands twice, with different contents; first at e.json#/0");
}

TEST(Entities, RefusesWhatItDoesNotKnow) {
  EXPECT_EQ(refusal("{}"), "e.json#: entities are an array, not an object");
  EXPECT_EQ(refusal(R"([{"uid": {"type": "T", "id": "a"}, "attrs": {}, "parents": [], "x": 1}])"),
            "e.json#/0/x: an entity has no member of this name");
  EXPECT_EQ(refusal(R"([{"uid": {"type": "T", "id": "a"}, "attrs": {}}])"),
            "e.json#/0: an entity has the members uid, attrs and parents");
  EXPECT_EQ(
      refusal(R"([{"uid": {"type": "T", "id": "a"}, "attrs": {"a":1,"a":2}, "parents": []}])"),
      "e.json:1:54: the key \"a\" stands twice in one object");
}

TEST(Entities, BoundsDepthAndAncestors) {
  std::string deep = R"([{"uid": {"type": "T", "id": "a"}, "parents": [], "attrs": {"x": )";
  deep += std::string(200, '[') + std::string(200, ']') + "}}]";
  EXPECT_NE(refusal(deep).find("nested more than 64 deep"), std::string::npos);
  std::string chain = "[";
  for (int i = 0; i < 100; ++i) {
    if (i > 0) chain += ",";
    chain += R"({"uid": {"type": "T", "id": ")" + std::to_string(i) +
             R"("}, "attrs": {}, "parents": [{"type": "T", "id": ")" + std::to_string(i + 1) +
             "\"}]}";
  }
  chain += "]";
  EXPECT_EQ(refusal(chain), "accepted");
  EntityLimits limits;
  limits.ancestors = 1000;
  EXPECT_NE(refusal(chain, limits).find("more than 1000 ancestors"), std::string::npos);
}

// Layers of entities, each below all of the next layer.
std::string layers(int depth, int width) {
  const auto uid = [](int layer, int i) {
    return R"({"type": "T", "id": ")" + std::to_string(layer) + "," + std::to_string(i) + "\"}";
  };
  std::string made = "[";
  for (int layer = 0; layer < depth; ++layer) {
    std::string parents;
    for (int i = 0; i < width && layer + 1 < depth; ++i) {
      parents += (i > 0 ? "," : "") + uid(layer + 1, i);
    }
    for (int i = 0; i < width; ++i) {
      if (made.size() > 1) made += ",";
      made += R"({"uid": )" + uid(layer, i) + R"(, "attrs": {}, "parents": [)" + parents + "]}";
    }
  }
  return made + "]";
}

TEST(Entities, AncestorsCountOnceHoweverManyWaysLeadThere) {
  // Two of the middle with two each, and two below with four each.
  EXPECT_EQ(refusal(layers(3, 2), {.ancestors = 12}), "accepted");
  EXPECT_NE(refusal(layers(3, 2), {.ancestors = 11}).find("more than 11 ancestors"),
            std::string::npos);
}

TEST(Entities, BoundsTheStepsOfClosing) {
  // A parent is one, and each that is above it: twice two for the middle, twice two times three for
  // what is below.
  EXPECT_EQ(refusal(layers(3, 2), {.steps = 16}), "accepted");
  EXPECT_NE(refusal(layers(3, 2), {.steps = 15})
                .find("finding the ancestors of the entities takes more than 15 steps"),
            std::string::npos);
  // Every parent again among its children's: what is above the next one is met once.
  std::string chain = "[";
  for (int i = 0; i < 100; ++i) {
    chain += i > 0 ? "," : "";
    chain += R"({"uid": {"type": "T", "id": ")" + std::to_string(100 + i) +
             R"("}, "attrs": {}, "parents": [)";
    for (int above = 99; above > i; --above) {
      chain += R"({"type": "T", "id": ")" + std::to_string(100 + above) + "\"}" +
               (above > i + 1 ? "," : "");
    }
    chain += "]}";
  }
  EXPECT_EQ(refusal(chain + "]", {.steps = 10'000}), "accepted");
}

TEST(Entities, ManyWaysUpTakeLittle) {
  // United with what is there many times over, and sorted, they would take seconds.
  const Result<Entities> entities = Entities::parse_json(layers(30, 30));
  ASSERT_TRUE(entities) << entities.error().text();
  EXPECT_EQ(entities->find("T", "0,0")->ancestors.size(), 29U * 30);
  EXPECT_EQ(entities->find("T", "28,7")->ancestors.size(), 30U);
  EXPECT_TRUE(entities->find("T", "0,0")->ancestors.contains(EntityUid("T", "29,29")));
  EXPECT_FALSE(entities->find("T", "0,0")->ancestors.contains(EntityUid("T", "0,1")));
}

TEST(TypedJson, WritesOutWhatJsonLeavesOut) {
  const Result<Schema> schema = Schema::parse(R"(
    namespace N {
      type Score = decimal;
      @doc("x")
      entity User, Other in [Team] = { boss?: User, scores: Set<Score>, "odd name": String } tags ipaddr;
      entity Team;
      entity Group enum ["a", "b"];
      action all;
      action view in [Action::"all"] appliesTo {
        principal: [User], resource: Group, context: { at: { when: datetime }, type: String }
      };
    })");
  ASSERT_TRUE(schema) << schema.error().text();
  const Json entities = explicit_entities(*schema, *parse_json(R"([
    {"uid": {"type": "N::User", "id": "a"}, "parents": [], "tags": {"home": "10.0.0.1"},
     "attrs": {"boss": {"type": "N::User", "id": "b"}, "scores": ["1.0"], "odd name": "1.0"}}])"));
  const Result<Entities> read = Entities::from_json(entities);
  ASSERT_TRUE(read) << read.error().text();
  const Entity* user = read->find(EntityUid("N::User", "a"));
  EXPECT_EQ(user->attrs.find("boss")->as_entity(), EntityUid("N::User", "b"));
  EXPECT_EQ(user->attrs.find("scores"), Value::set({Value::decimal(10000)}));
  EXPECT_EQ(user->attrs.find("odd name")->as_string(), "1.0");
  EXPECT_EQ(user->tags.find("home")->kind(), Kind::kIp);
  const Json context =
      explicit_context(*schema, *parse_json(R"({"at": {"when": "1970-01-01"}, "type": "x"})"),
                       EntityUid("N::Action", "view"));
  EXPECT_EQ(record_from_json(context)->find("at")->find("when"), Value::datetime(0));
}

TEST(Entities, ActionsAreInActionsAlone) {
  EXPECT_EQ(refusal(R"([{"uid": {"type": "N::Action", "id": "a"}, "attrs": {},
                         "parents": [{"type": "Action", "id": "b"}, {"type": "U", "id": "c"}]}])"),
            "e.json#/0/parents/1: an action is in actions alone, not in `U::\"c\"`");
}

}  // namespace
}  // namespace writ::cedar
