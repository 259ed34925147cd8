// The laws of partial evaluation, over random worlds.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <set>

#include "base/file.h"
#include "base/sanitizer_for_test.h"
#include "cedar/policy_json.h"
#include "cedar/validate.h"
#include "cedar/world_for_test.h"

namespace writ::cedar {
namespace {

using Outcome = Residual::Outcome;

// A world of which part is known.
struct Scene {
  explicit Scene(unsigned long long seed, int policy_count = 4) : world(seed) {
    for (int i = 0; i < policy_count; ++i) text += world.policy();
    policies = PolicySet::parse(text, "p").value();
    json = world.entities();
    entities = Entities::from_json(json).value();
    request = world.request();
    hide_parts();
  }

  void hide_parts() {
    const auto part = [&](const EntityUid& uid) {
      PartialUid made{std::string(uid.type()), {}};
      if (world.chance(60)) made.id = std::string(uid.id());
      return made;
    };
    known.principal = part(request->principal);
    known.resource = part(request->resource);
    known.action = request->action;
    if (world.chance(60)) known.context = request->context;
    std::vector<PartialEntity> list;
    for (const Entity& entity : entities) {
      if (is_action_type(entity.uid.type()) || world.chance(30)) continue;
      PartialEntity made{entity.uid, {}, {}, {}};
      if (world.chance(60)) made.attrs = entity.attrs;
      if (world.chance(60)) made.tags = entity.tags;
      if (world.chance(70)) made.ancestors = entity.ancestors;
      list.push_back(std::move(made));
    }
    for (bool again = true; again;) {  // all that is above must be known to know what is above
      again = false;
      std::set<EntityUid> open;
      for (const PartialEntity& each : list) {
        if (!each.ancestors) open.insert(each.uid);
      }
      for (PartialEntity& each : list) {
        if (!each.ancestors) continue;
        for (const EntityUid& above : *each.ancestors) again = again || open.contains(above);
        if (!again) continue;
        each.ancestors.reset();
        break;
      }
    }
    known_entities = PartialEntities::of(std::move(list), world.schema()).value();
  }

  // Other entities and another request that agree with what is known; empty when chance made
  // some that do not.
  struct Completion {
    Request request;
    Entities entities;
  };
  std::optional<Completion> complete(bool same_parents) {
    Request other = world.request();
    if (known.principal.id) other.principal = request->principal;
    if (known.resource.id) other.resource = request->resource;
    if (known.context) other.context = *known.context;
    Json fresh = world.entities();
    Json made = Json::array();
    std::set<EntityUid> there;
    for (const Json& entity : *fresh.as_array()) {
      Json completed = entity;
      const EntityUid uid = uid_from_json(*entity.find("uid")).value();
      there.insert(uid);
      overlay(completed, uid, same_parents);
      made.push(std::move(completed));
    }
    for (const Json& entity : *json.as_array()) {
      const EntityUid uid = uid_from_json(*entity.find("uid")).value();
      if (there.contains(uid)) continue;
      const auto at = std::find_if(known_entities.begin(), known_entities.end(),
                                   [&](const auto& each) { return each.first == uid; });
      if (at != known_entities.end()) made.push(entity);
    }
    auto read = Entities::from_json(made);
    if (!read || !check_agrees(known_entities, *read)) return std::nullopt;
    return Completion{std::move(other), std::move(*read)};
  }

  void overlay(Json& entity, const EntityUid& uid, bool same_parents) const {
    const Json* before = nullptr;
    for (const Json& each : *json.as_array()) {
      if (uid_from_json(*each.find("uid")).value() == uid) before = &each;
    }
    if (before == nullptr) return;
    const KnownParts parts = known_entities.find(uid);
    if (parts.attrs != nullptr) entity.set("attrs", *before->find("attrs"));
    const Json* tags = before->find("tags");
    if (parts.tags != nullptr) entity.set("tags", tags == nullptr ? Json::object() : *tags);
    if (parts.ancestors != nullptr || same_parents) entity.set("parents", *before->find("parents"));
  }

  World world;
  std::string text;
  PolicySet policies;
  Json json;
  Entities entities;
  std::optional<Request> request;
  PartialRequest known{{}, EntityUid("", ""), {}, {}};
  PartialEntities known_entities;
};

std::vector<std::string> ids(const PolicySet& set, const auto& indices) {
  std::vector<std::string> made;
  for (const std::uint32_t i : indices) made.push_back(set.policies()[i].id);
  return made;
}
std::vector<std::uint32_t> failed(const Response& response) {
  std::vector<std::uint32_t> made;
  for (const PolicyError& error : response.errors) made.push_back(error.policy);
  return made;
}

std::string residual_text(const PolicySet& residuals) {
  std::string made;
  for (const Policy& policy : residuals.policies()) made += print(policy);
  return made;
}

void expect_same(const Response& a, const Response& b) {
  EXPECT_EQ(a.decision, b.decision);
  EXPECT_EQ(a.reasons, b.reasons);
  EXPECT_EQ(failed(a), failed(b));
  for (std::size_t i = 0; i < std::min(a.errors.size(), b.errors.size()); ++i) {
    EXPECT_EQ(a.errors[i].error.text(), b.errors[i].error.text());
  }
}

// What a partial response says, of one completion.
void expect_foretold(const PartialResponse& told, const Response& is) {
  if (told.decision) {
    EXPECT_EQ(*told.decision, is.decision);
    for (const std::uint32_t reason : told.reasons) {
      EXPECT_NE(std::find(is.reasons.begin(), is.reasons.end(), reason), is.reasons.end());
    }
  }
  const std::vector<std::uint32_t> errors = failed(is);
  EXPECT_TRUE(!told.forbid_failed || is.forbid_failed);
  EXPECT_TRUE(!is.forbid_failed || told.forbid_may_fail);
  for (std::uint32_t i = 0; i < told.residuals.size(); ++i) {
    const Residual& residual = told.residuals[i];
    const bool is_failed = std::find(errors.begin(), errors.end(), i) != errors.end();
    if (residual.outcome != Outcome::kPartial) {
      EXPECT_EQ(residual.outcome == Outcome::kError, is_failed);
    } else {
      EXPECT_TRUE(!is_failed || residual.may_fail);
    }
  }
}

TEST(TpeLaws, ReauthorizingAnswersAsTheAuthorizerDoes) {
  std::size_t completions = 0;
  std::size_t open = 0;
  std::size_t settled = 0;
  for (unsigned long long seed = 0; seed < rounds(400U); ++seed) {
    Scene scene(seed);
    const CompiledPolicies original(scene.policies);
    const auto told = tpe(scene.policies, scene.known, scene.known_entities, scene.world.schema());
    ASSERT_TRUE(told) << told.error().text();
    ++(told->decision ? settled : open);
    const KnownSoFar known{scene.world.schema(), scene.known, scene.known_entities};
    const PolicySet residuals = residual_policies(scene.policies, *told, Which::kAll).value();
    const std::string text = residual_text(residuals);
    const auto reparsed = PolicySet::parse(text, "residuals");
    ASSERT_TRUE(reparsed) << reparsed.error().text() << "\n" << text;
    const auto reread = policies_from_json(to_json(residuals).value());
    ASSERT_TRUE(reread) << reread.error().text();
    for (int i = 0; i < 6; ++i) {
      std::optional<Scene::Completion> made =
          i == 0 ? Scene::Completion{*scene.request, scene.entities} : scene.complete(i % 2 == 0);
      if (!made) continue;
      ++completions;
      const Response is = authorize(original, made->request, made->entities);
      const auto again = reauthorize(scene.policies, *told, known, made->request, made->entities);
      ASSERT_TRUE(again) << again.error().text();
      expect_same(is, *again);
      expect_foretold(*told, is);
      // Text and JSON mean the same.
      const Response by_text =
          authorize(CompiledPolicies(*reparsed), made->request, made->entities);
      EXPECT_EQ(by_text.reasons, is.reasons);
      EXPECT_EQ(failed(by_text), failed(is));
      const CompiledPolicies read_again(*reread);
      const Response by_json = authorize(read_again, made->request, made->entities);
      EXPECT_EQ(by_json.decision, is.decision);
      EXPECT_EQ(by_json.errors.size(), is.errors.size());
      if (testing::Test::HasFailure()) {
        FAIL() << "seed " << seed << "\n"
               << scene.world.schema_text() << "\n"
               << scene.text << "\nleft:\n"
               << text;
      }
    }
  }
  EXPECT_GT(completions, rounds(1200U));
  EXPECT_GT(open, rounds(50U));
  EXPECT_GT(settled, rounds(50U));
}

TEST(TpeLaws, NothingIsLeftWhenAllIsKnown) {
  for (unsigned long long seed = 1000; seed < 1000 + rounds(400U); ++seed) {
    Scene scene(seed);
    const Request& request = *scene.request;
    const auto part = [](const EntityUid& uid) {
      return PartialUid{std::string(uid.type()), std::string(uid.id())};
    };
    const PartialRequest all{part(request.principal), request.action, part(request.resource),
                             request.context};
    const KnownEntities entities(scene.entities, Unlisted::kAbsent);
    const auto told = tpe(scene.policies, all, entities, scene.world.schema());
    ASSERT_TRUE(told) << told.error().text();
    const Response is = authorize(CompiledPolicies(scene.policies), request, scene.entities);
    ASSERT_TRUE(told->decision);
    for (const Residual& residual : told->residuals) {
      EXPECT_NE(residual.outcome, Outcome::kPartial) << seed << "\n" << scene.text;
    }
    EXPECT_EQ(*told->decision, is.decision);
    EXPECT_EQ(ids(scene.policies, told->reasons), ids(scene.policies, is.reasons));
    EXPECT_EQ(told->forbid_failed, is.forbid_failed);
    expect_foretold(*told, is);
  }
}

TEST(TpeLaws, WhatIsLeftIsWellTyped) {
  TpeOptions permissive;
  permissive.mode = ValidationMode::kPermissive;
  for (unsigned long long seed = 2000; seed < 2000 + rounds(300U); ++seed) {
    Scene scene(seed);
    const auto told = tpe(scene.policies, scene.known, scene.known_entities, scene.world.schema());
    ASSERT_TRUE(told) << told.error().text();
    const PolicySet residuals = residual_policies(scene.policies, *told, Which::kPartial).value();
    const auto typed =
        TypedPolicies::of(residuals, scene.world.schema(), scene.world.environment(), permissive);
    EXPECT_TRUE(typed) << seed << " " << typed.error().text() << "\n"
                       << scene.world.schema_text() << "\n"
                       << scene.text << "\nleft:\n"
                       << residual_text(residuals);
    if (!typed) break;
  }
}

// Evaluating what is left once more, with more known, is the same as knowing it from the start.
TEST(TpeLaws, KnowledgeMayComeInParts) {
  TpeOptions permissive;
  permissive.mode = ValidationMode::kPermissive;
  for (unsigned long long seed = 3000; seed < 3000 + rounds(200U); ++seed) {
    Scene scene(seed);
    const Schema& schema = scene.world.schema();
    const auto first = tpe(scene.policies, scene.known, scene.known_entities, schema);
    ASSERT_TRUE(first) << first.error().text();
    PartialRequest more = scene.known;
    more.principal.id = std::string(scene.request->principal.id());
    more.context = scene.request->context;
    const PolicySet left = residual_policies(scene.policies, *first, Which::kAll).value();
    const auto second = tpe(left, more, scene.known_entities, schema, permissive);
    ASSERT_TRUE(second) << second.error().text() << residual_text(left);
    const auto at_once = tpe(scene.policies, more, scene.known_entities, schema);
    ASSERT_TRUE(at_once) << at_once.error().text();
    for (std::size_t i = 0; i < at_once->residuals.size(); ++i) {
      // One evaluation may see less than two, never more: a literal that came of the first one has
      // a type as narrow as its value.
      if (at_once->residuals[i].outcome == Outcome::kPartial) continue;
      EXPECT_EQ(second->residuals[i].outcome, at_once->residuals[i].outcome) << seed;
    }
  }
}

// Against the reference implementation: a program that reads one case a line and answers one.
TEST(TpeLaws, AgreeWithTheReference) {
  const char* peer = std::getenv("WRIT_CEDAR_TPE_PEER");
  if (peer == nullptr) GTEST_SKIP() << "WRIT_CEDAR_TPE_PEER names no program";
  const char* wanted = std::getenv("WRIT_CEDAR_TPE_CASES");
  const unsigned long long cases = wanted == nullptr ? 500 : std::strtoull(wanted, nullptr, 10);
  const std::string folder = testing::TempDir() + "writ-tpe-" + std::to_string(getpid());
  {
    std::ofstream out(folder + ".in");
    for (unsigned long long seed = 0; seed < cases; ++seed) {
      Scene scene(seed);
      Json entities = Json::array();
      for (const auto& [uid, entity] : scene.known_entities) {
        Json made = Json::object({{"uid", to_json(uid)}});
        if (entity.attrs) made.set("attrs", World::record_json(*entity.attrs));
        if (entity.tags) made.set("tags", World::record_json(*entity.tags));
        if (entity.ancestors) {
          Json parents = Json::array();
          for (const EntityUid& above : *entity.ancestors) parents.push(to_json(above));
          made.set("parents", std::move(parents));
        }
        entities.push(std::move(made));
      }
      Json request = Json::object({{"principal_type", Json(scene.known.principal.type)}});
      if (scene.known.principal.id) request.set("principal_eid", Json(*scene.known.principal.id));
      request.set("action", Json(scene.known.action.print()));
      request.set("resource_type", Json(scene.known.resource.type));
      if (scene.known.resource.id) request.set("resource_eid", Json(*scene.known.resource.id));
      if (scene.known.context) request.set("context", World::record_json(*scene.known.context));
      Json line = Json::object({{"schema", Json(scene.world.schema_text())}});
      line.set("policies", Json(scene.text));
      line.set("request", std::move(request));
      line.set("entities", std::move(entities));
      out << compact(line) << "\n";
    }
  }
  const std::string command =
      "'" + std::string(peer) + "' < '" + folder + ".in' > '" + folder + ".out'";
  ASSERT_EQ(std::system(command.c_str()), 0);
  std::ifstream in(folder + ".out");
  std::size_t finer = 0;
  std::size_t same = 0;
  for (unsigned long long seed = 0; seed < cases; ++seed) {
    std::string line;
    ASSERT_TRUE(std::getline(in, line));
    const Json theirs = parse_json(line).value();
    Scene scene(seed);
    ASSERT_EQ(theirs.find("error"), nullptr) << seed << " " << line << scene.text;
    const auto told = tpe(scene.policies, scene.known, scene.known_entities, scene.world.schema());
    ASSERT_TRUE(told) << told.error().text();
    const std::string their_decision = *theirs.find("decision")->as_string();
    const std::string our_decision = !told->decision                       ? "unknown"
                                     : *told->decision == Decision::kAllow ? "allow"
                                                                           : "deny";
    if (their_decision != "unknown") {
      EXPECT_EQ(our_decision, their_decision) << seed << "\n" << scene.text;
    }
    for (std::size_t i = 0; i < told->residuals.size(); ++i) {
      const std::string& id = scene.policies.policies()[i].id;
      const std::string theirs_is = *theirs.find("policies")->find(id)->as_string();
      constexpr std::array<std::string_view, 4> kNames{"true", "false", "error", "residual"};
      const std::string_view ours_is =
          kNames.at(static_cast<std::size_t>(told->residuals[i].outcome));
      ++(ours_is == theirs_is ? same : finer);
      // Types tell some values that the reference leaves open, never the other way round.
      if (theirs_is == "residual" && ours_is != "error") continue;
      EXPECT_EQ(ours_is, theirs_is) << seed << " " << id << "\n"
                                    << scene.world.schema_text() << "\n"
                                    << scene.text << line;
    }
    if (testing::Test::HasFailure()) break;
  }
  RecordProperty("same", static_cast<int>(same));
  RecordProperty("finer", static_cast<int>(finer));
  std::remove((folder + ".in").c_str());
  std::remove((folder + ".out").c_str());
}

}  // namespace
}  // namespace writ::cedar
