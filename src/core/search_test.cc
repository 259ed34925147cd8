// Search over a small house: what it finds is what decide allows.
#include "core/search.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "core/application.h"
#include "core/house_test.h"

namespace writ::core {
namespace {

using house::House;

constexpr std::string_view kReader = "pg-main/orders/reader";

struct Searched : House {
  Searched() {
    target("pg-main");
    resource("pg-main/orders", "pg-main", "pg-main");
    entitlement("pg-main/orders", "reader");
    entitlement("pg-main/orders", "writer");
    target("pg-other");
    resource("pg-other/orders", "pg-other", "pg-other");
    entitlement("pg-other/orders", "reader");
    door("idn_door", "the-door", {"pg-main"});
    door("idn_todo", "todo-app", {});
    for (int i = 0; i < 40; ++i) person("idn_p" + std::to_string(i));
    policies(R"(@id("all-connect") permit (principal, action == Writ::Action::"connect", resource);
      @id("all-list") permit (principal, action == Writ::Action::"list_own", resource);)");
  }
  void give(const std::string& identity, const std::string& entitlement) {
    const std::string id = "grt_" + std::to_string(next++);
    Grant g = grant(id, identity, entitlement, "all-connect");
    g.cause = Cause::kBaseline;
    add(GrantCreated{g});
    activate(id);
  }
  void files(const std::vector<PolicyFile>& policy_files) {
    auto compiled = compile_policies(policy_files);
    ASSERT_TRUE(compiled) << compiled.error().text();
    state.policies = *compiled;
  }
  // What a search finds; the same when every candidate is tried.
  std::set<std::string> all(const Search& wanted, std::size_t results = 1000,
                            std::size_t steps = 1000) {
    const std::set<std::string> found = pages(wanted, narrowed(state, wanted, now), results, steps);
    EXPECT_EQ(found, pages(wanted, {}, results, steps));
    return found;
  }
  std::set<std::string> pages(const Search& wanted, const Narrowed& to, std::size_t results,
                              std::size_t steps) {
    std::set<std::string> found;
    std::optional<std::string> after;
    for (int page_count = 0; page_count < 200; ++page_count) {
      const SearchPage page = search(state, wanted, to, after, results, steps, now);
      EXPECT_LE(page.found.size(), results);
      EXPECT_LE(page.steps, steps);
      for (const std::string& each : page.found) EXPECT_TRUE(found.insert(each).second) << each;
      if (!page.more) return found;
      EXPECT_NE(page.last, after.value_or(""));
      after = page.last;
    }
    ADD_FAILURE() << "no end";
    return found;
  }
  Search connects(Sought sought, const std::string& subject) {
    Search wanted{sought, {}};
    wanted.question.subject = subject;
    wanted.question.action = "connect";
    wanted.question.resource_type = "entitlement";
    wanted.question.resource = kReader;
    return wanted;
  }
  int next = 0;
};

TEST(Search, FindsWhoMayConnect) {
  Searched h;
  std::set<std::string> holders;
  for (int i = 0; i < 40; i += 3) {
    holders.insert("idn_p" + std::to_string(i));
    h.give("idn_p" + std::to_string(i), std::string(kReader));
  }
  const Search wanted = h.connects(Sought::kSubjects, "ignored");
  EXPECT_EQ(h.all(wanted), holders);
  for (const std::size_t bound : {1u, 2u, 7u}) {
    EXPECT_EQ(h.all(wanted, bound), holders);
    EXPECT_EQ(h.all(wanted, 1000, bound), holders);
  }
  h.add(IdentityStateChanged{"idn_p3", IdentityState::kQuarantined});
  holders.erase("idn_p3");
  EXPECT_EQ(h.all(wanted), holders);
}

TEST(Search, WalksLiveGrantsForWhatOneMayConnectTo) {
  Searched h;
  h.give("idn_p1", std::string(kReader));
  h.give("idn_p1", "pg-other/orders/reader");
  h.give("idn_p2", "pg-main/orders/writer");
  const Search wanted = h.connects(Sought::kResources, "idn_p1");
  const SearchPage page = search(h.state, wanted, {}, std::nullopt, 100, 100, h.now);
  EXPECT_EQ(page.steps, 2u);
  EXPECT_EQ(page.found, (std::vector<std::string>{std::string(kReader), "pg-other/orders/reader"}));
  EXPECT_EQ(h.all(wanted, 1).size(), 2u);
  h.now += std::chrono::hours(2);
  EXPECT_TRUE(h.all(wanted).empty()) << "the grants are over";
}

TEST(Search, ADoorFindsWhatItStandsBefore) {
  Searched h;
  h.give("idn_p1", std::string(kReader));
  h.give("idn_p1", "pg-other/orders/reader");
  Search wanted = h.connects(Sought::kResources, "idn_p1");
  wanted.question.door = "idn_door";
  EXPECT_EQ(h.all(wanted), std::set<std::string>{std::string(kReader)});
  wanted.question.door = "idn_todo";
  EXPECT_TRUE(h.all(wanted).empty());
  wanted = h.connects(Sought::kActions, "idn_p1");
  EXPECT_EQ(h.all(wanted), (std::set<std::string>{"connect", "list_own"}));
  wanted.question.door = "idn_door";
  EXPECT_EQ(h.all(wanted), std::set<std::string>{"connect"});
}

TEST(Search, FindsActionsOnTheSystem) {
  Searched h;
  Search wanted{Sought::kActions, {}};
  wanted.question.subject = "idn_p1";
  wanted.question.resource_type = "system";
  EXPECT_EQ(h.all(wanted), std::set<std::string>{"list_own"});
}

TEST(Search, WhatIsUnknownIsFoundNowhere) {
  Searched h;
  h.give("idn_p1", std::string(kReader));
  EXPECT_TRUE(h.all(h.connects(Sought::kResources, "idn_nobody")).empty());
  EXPECT_TRUE(h.all(h.connects(Sought::kActions, "idn_nobody")).empty());
  Search wanted = h.connects(Sought::kSubjects, "");
  wanted.question.resource = "pg-main/orders/nothing";
  EXPECT_TRUE(h.all(wanted).empty());
  wanted = h.connects(Sought::kResources, "idn_p1");
  wanted.question.resource_type = "spaceship";
  EXPECT_TRUE(h.all(wanted).empty());
  wanted = h.connects(Sought::kSubjects, "");
  wanted.question.subject_type = "user";
  EXPECT_TRUE(h.all(wanted).empty());
}

// ---- Applications ----

constexpr std::string_view kTodoPolicies = R"(
@id("members-read") permit (principal in TodoApp::team::"staff", action == TodoApp::Action::"read",
                            resource is TodoApp::list);
@id("owners-write") permit (principal, action == TodoApp::Action::"write", resource is TodoApp::list)
  when { resource.owner == principal.mail };
)";
constexpr std::string_view kTodoSchema = R"(namespace TodoApp {
  entity team;
  entity user in [team] = { @asserted mail: String };
  entity list = { @asserted owner: String };
  action read, write appliesTo { principal: [user], resource: [list] };
})";
constexpr std::string_view kTodoEntities = R"([
 {"uid": {"type": "TodoApp::user", "id": "rick"}, "attrs": {"mail": "rick@citadel.example"},
  "parents": [{"type": "TodoApp::team", "id": "staff"}]},
 {"uid": {"type": "TodoApp::user", "id": "morty"}, "attrs": {"mail": "morty@citadel.example"},
  "parents": []},
 {"uid": {"type": "TodoApp::list", "id": "l1"}, "attrs": {"owner": "rick@citadel.example"},
  "parents": []},
 {"uid": {"type": "TodoApp::list", "id": "l2"}, "attrs": {"owner": "morty@citadel.example"},
  "parents": []}])";

struct Todo : Searched {
  Todo() {
    files({{"todo.cedar", std::string(kTodoPolicies)},
           {"todo.cedarschema", std::string(kTodoSchema)},
           {"todo.entities.json", std::string(kTodoEntities)}});
    wanted.question.door = "idn_todo";
    wanted.question.subject_type = "user";
    wanted.question.subject = "rick";
    wanted.question.action = "read";
    wanted.question.resource_type = "list";
    wanted.question.resource = "l1";
  }
  std::set<std::string> found(Sought sought) {
    wanted.sought = sought;
    return all(wanted, 1);
  }
  Search wanted;
};
using Names = std::set<std::string>;

TEST(SearchApplication, TriesWhatPolicyFilesSpeakOf) {
  Todo h;
  EXPECT_EQ(h.found(Sought::kSubjects), Names{"rick"});
  EXPECT_EQ(h.found(Sought::kResources), (Names{"l1", "l2"}));
  EXPECT_EQ(h.found(Sought::kActions), (Names{"read", "write"}));
  h.wanted.question.action = "write";
  EXPECT_EQ(h.found(Sought::kResources), Names{"l1"});
  h.wanted.question.resource = "l2";
  EXPECT_EQ(h.found(Sought::kSubjects), Names{"morty"});
  h.wanted.question.subject = "nobody";
  EXPECT_TRUE(h.found(Sought::kActions).empty());
}

TEST(SearchApplication, LooksOnlyAtWhatPoliciesName) {
  Todo h;
  h.wanted.sought = Sought::kResources;
  h.wanted.question.action = "write";
  const Narrowed to = narrowed(h.state, h.wanted, h.now);
  const SearchPage page = search(h.state, h.wanted, to, std::nullopt, 10, 10, h.now);
  EXPECT_EQ(page.found, std::vector<std::string>{"l1"});
  EXPECT_EQ(page.steps, 1u) << "the list of that owner";
  h.wanted.question.asserted = Json::object({{"resource", Json::object({{"owner", "x"}})}});
  EXPECT_FALSE(narrowed(h.state, h.wanted, h.now).places) << "what a door says may fit any";
}

constexpr std::string_view kTwoContexts = R"(namespace TodoApp {
  entity team;
  entity user in [team] = { @asserted mail: String };
  entity list = { @asserted owner: String };
  action read appliesTo { principal: [user], resource: [list],
                          context: { @asserted at?: String, @asserted size?: Long } };
  action write appliesTo { principal: [user], resource: [list],
                           context: { @asserted size?: String, known?: Bool } };
})";

// Whatever an evaluation takes, a search takes.
TEST(SearchApplication, ChecksWhatIsAssertedWhicheverTheCandidate) {
  Todo h;
  h.files({{"todo.cedar", std::string(kTodoPolicies)},
           {"todo.cedarschema", std::string(kTwoContexts)},
           {"todo.entities.json", std::string(kTodoEntities)}});
  const auto refused = [&](Sought sought, std::string_view asserted) {
    h.wanted.sought = sought;
    h.wanted.question.asserted = *parse_json(asserted);
    const Status good = check_asserted(h.state, h.wanted);
    return good ? "" : good.error().where;
  };
  const auto with = [](std::string_view member) {
    return R"({"context":{)" + std::string(member) + "}}";
  };
  EXPECT_EQ(refused(Sought::kActions, "null"), "");
  EXPECT_EQ(refused(Sought::kActions, with(R"("at":"x")")), "") << "read takes it";
  EXPECT_EQ(refused(Sought::kActions, with(R"("size":1)")), "") << "read takes it";
  EXPECT_EQ(refused(Sought::kActions, with(R"("size":"1")")), "") << "write takes it";
  EXPECT_EQ(refused(Sought::kActions, with(R"("size":true)")), "/context/size");
  EXPECT_EQ(refused(Sought::kActions, with(R"("at":"x","known":true)")), "/context/known");
  for (const Sought sought : {Sought::kSubjects, Sought::kResources}) {
    h.wanted.question.action = "read";
    EXPECT_EQ(refused(sought, with(R"("size":1)")), "");
    EXPECT_EQ(refused(sought, with(R"("size":"1")")), "/context/size");
    h.wanted.question.action = "write";
    EXPECT_EQ(refused(sought, with(R"("size":"1")")), "");
    EXPECT_EQ(refused(sought, with(R"("at":"x")")), "/context/at");
  }
  for (const Sought sought : {Sought::kSubjects, Sought::kResources, Sought::kActions}) {
    EXPECT_EQ(refused(sought, R"({"resource":{"owner":"x"},"subject":{"mail":"y"}})"), "");
    EXPECT_EQ(refused(sought, R"({"resource":{"ownr":"x"}})"), "/resource/properties/ownr");
    EXPECT_EQ(refused(sought, R"({"subject":{"mail":7}})"), "/subject/properties/mail");
  }
}

TEST(SearchApplication, TakesNothingAssertedOfWhatIsNotItsOwn) {
  Todo h;
  h.wanted.question.asserted = *parse_json(R"({"resource":{"x":1}})");
  h.wanted.question.door = "idn_door";
  EXPECT_EQ(check_asserted(h.state, h.wanted).error().where, "/resource/properties/x");
  h.wanted.question.door = "idn_p1";
  EXPECT_TRUE(check_asserted(h.state, h.wanted)) << "no door, no application";
  h.wanted = h.connects(Sought::kResources, "idn_p1");
  h.wanted.question.door = "idn_door";
  h.wanted.question.asserted = *parse_json(R"({"subject":{}})");
  EXPECT_EQ(check_asserted(h.state, h.wanted).error().where, "/subject/properties");
}

TEST(SearchApplication, AnotherDoorFindsNothing) {
  Todo h;
  h.wanted.question.door = "idn_door";
  for (const Sought sought : {Sought::kSubjects, Sought::kResources, Sought::kActions}) {
    EXPECT_TRUE(h.found(sought).empty());
  }
  h.wanted.question.subject_type = "TodoApp::user";
  h.wanted.question.resource_type = "TodoApp::list";
  for (const Sought sought : {Sought::kSubjects, Sought::kResources, Sought::kActions}) {
    EXPECT_TRUE(h.found(sought).empty());
  }
}

TEST(ApplicationSubject, IsOfTheDoorsNamespaceAndNoIdentity) {
  Todo h;
  Question q = h.wanted.question;
  EXPECT_TRUE(decide(h.state, q, h.now).allow) << decide(h.state, q, h.now).message;
  q.subject_type = "";
  EXPECT_FALSE(decide(h.state, q, h.now).allow) << "there is no identity rick";
  q.subject_type = "TodoApp::user";
  EXPECT_TRUE(decide(h.state, q, h.now).allow);
  q.door = "idn_door";
  EXPECT_FALSE(decide(h.state, q, h.now).allow);
  q.door = "";
  EXPECT_FALSE(decide(h.state, q, h.now).allow);
  q = h.wanted.question;
  q.actors = {"idn_p1"};
  EXPECT_FALSE(decide(h.state, q, h.now).allow) << "nobody acts for it";
  q = h.wanted.question;
  q.action = "connect";
  q.resource_type = "entitlement";
  q.resource = kReader;
  EXPECT_FALSE(decide(h.state, q, h.now).allow);
}

TEST(ApplicationSubject, NoDoorAssertsWhatIsKnown) {
  Todo h;
  Question q = h.wanted.question;
  q.action = "write";
  EXPECT_TRUE(decide(h.state, q, h.now).allow);
  q.resource = "l2";
  EXPECT_FALSE(decide(h.state, q, h.now).allow);
  const Json owner = Json::object({{"owner", "rick@citadel.example"}});
  q.asserted = Json::object({{"resource", owner}});
  EXPECT_FALSE(decide(h.state, q, h.now).allow) << "the file says that l2 is Morty's";
  q.resource = "l3";
  EXPECT_TRUE(decide(h.state, q, h.now).allow) << "of l3 nothing else is known";
  q.subject = "summer";
  q.asserted.set("subject", Json::object({{"mail", "rick@citadel.example"}}));
  EXPECT_TRUE(decide(h.state, q, h.now).allow);
  q.subject = "morty";
  EXPECT_FALSE(decide(h.state, q, h.now).allow);
  q.subject_type = "";
  q.subject = "idn_p1";
  EXPECT_FALSE(decide(h.state, q, h.now).allow) << "of an identity nothing is asserted";
}

TEST(ApplicationEntities, AreOfApplicationsAlone) {
  const auto refused = [](const std::string& uid, const std::string& parent) {
    const std::string text =
        "[{\"uid\": " + uid + ", \"attrs\": {}, \"parents\": [" + parent + "]}]";
    return !compile_policies({{"x.entities.json", text}});
  };
  const std::string user = R"({"type": "TodoApp::user", "id": "a"})";
  EXPECT_FALSE(refused(user, ""));
  EXPECT_FALSE(refused(user, R"({"type": "TodoApp::team", "id": "a"})"));
  EXPECT_TRUE(refused(user, R"({"type": "Writ::Group", "id": "administrators"})"));
  EXPECT_TRUE(refused(R"({"type": "Writ::User", "id": "idn_p1"})", ""));
  EXPECT_TRUE(refused(R"({"type": "Writ::Action", "id": "connect"})", ""));
  EXPECT_TRUE(refused(R"({"type": "user", "id": "a"})", ""));
  const std::string rest = ", \"attrs\": {}, \"parents\": []";
  const auto second = compile_policies(
      {{"x.entities.json", "[{\"uid\": " + user + rest +
                               "}, {\"uid\": {\"type\": \"user\", \"id\": \"b\"}" + rest + "}]"}});
  EXPECT_EQ(second.error().where, "x.entities.json#/1");
  EXPECT_FALSE(compile_policies({{"x.entities.json", "[{]"}}));
  EXPECT_FALSE(compile_policies({{"x.entities.json", "{}"}}));
  const std::string one = "[{\"uid\": " + user + ", \"attrs\": {\"n\": 1}, \"parents\": []}]";
  const std::string two = "[{\"uid\": " + user + ", \"attrs\": {\"n\": 2}, \"parents\": []}]";
  EXPECT_FALSE(compile_policies({{"x.entities.json", one}, {"y.entities.json", two}}));
}

}  // namespace
}  // namespace writ::core
