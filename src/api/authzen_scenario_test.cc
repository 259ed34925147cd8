// The interoperability scenarios of AuthZEN over the real service.
#include <filesystem>
#include <optional>

#include "api/authzen_for_test.h"
#include "base/file.h"

namespace writ::api {
namespace {

std::optional<std::filesystem::path> authzen_conformance() {
  namespace fs = std::filesystem;
  const char* named = std::getenv("WRIT_CONFORMANCE");
  const fs::path folder =
      (named != nullptr ? fs::path(named) : fs::path(WRIT_SOURCE_DIR) / "../shared/conformance") /
      "authzen";
  if (!fs::exists(folder / "todo-decisions.json")) return std::nullopt;
  return folder;
}
Json conformance_file(const std::filesystem::path& path) {
  const auto text = read_file(path.string(), 4 << 20);
  EXPECT_TRUE(text) << path;
  auto json = parse_json(text ? *text : "null");
  EXPECT_TRUE(json) << path;
  return json ? *json : Json();
}

// "Morty the editor may update his own todos, …": the scenario's policy.
constexpr std::string_view kTodoPolicies = R"(
@id("all-read") permit (principal is TodoApp::user,
  action in [TodoApp::Action::"can_read_user", TodoApp::Action::"can_read_todos"], resource);
@id("create") permit (principal is TodoApp::user, action == TodoApp::Action::"can_create_todo",
  resource) when { principal.roles.containsAny(["admin", "editor"]) };
@id("update-any") permit (principal is TodoApp::user, action == TodoApp::Action::"can_update_todo",
  resource) when { principal.roles.contains("evil_genius") };
@id("delete-any") permit (principal is TodoApp::user, action == TodoApp::Action::"can_delete_todo",
  resource) when { principal.roles.contains("admin") };
@id("own") permit (principal is TodoApp::user,
  action in [TodoApp::Action::"can_update_todo", TodoApp::Action::"can_delete_todo"], resource)
  when { principal.roles.contains("editor") && resource.ownerID == principal.email };
)";

TEST_F(AuthzenTest, TodoScenario) {
  const auto folder = authzen_conformance();
  if (!folder) GTEST_SKIP() << "there is no conformance data; WRIT_CONFORMANCE names its folder";
  struct User {
    std::string_view id, email;
    Json roles;
  };
  const std::vector<User> users{{"CiRmZDA2MTRkMy1jMzlhLTQ3ODEtYjdiZC04Yjk2ZjVhNTEwMGQSBWxvY2Fs",
                                 "rick@the-citadel.com", Json::array({"admin", "evil_genius"})},
                                {"CiRmZDE2MTRkMy1jMzlhLTQ3ODEtYjdiZC04Yjk2ZjVhNTEwMGQSBWxvY2Fs",
                                 "morty@the-citadel.com", Json::array({"editor"})},
                                {"CiRmZDI2MTRkMy1jMzlhLTQ3ODEtYjdiZC04Yjk2ZjVhNTEwMGQSBWxvY2Fs",
                                 "summer@the-smiths.com", Json::array({"editor"})},
                                {"CiRmZDM2MTRkMy1jMzlhLTQ3ODEtYjdiZC04Yjk2ZjVhNTEwMGQSBWxvY2Fs",
                                 "beth@the-smiths.com", Json::array({"viewer"})},
                                {"CiRmZDQ2MTRkMy1jMzlhLTQ3ODEtYjdiZC04Yjk2ZjVhNTEwMGQSBWxvY2Fs",
                                 "jerry@the-smiths.com", Json::array({"viewer"})}};
  Json entities = Json::array();
  for (const User& user : users) {
    entities.push(
        Json::object({{"uid", Json::object({{"type", "TodoApp::user"}, {"id", user.id}})},
                      {"attrs", Json::object({{"email", user.email}, {"roles", user.roles}})},
                      {"parents", Json::array()}}));
  }
  apply_files({{"todo.cedar", std::string(kTodoPolicies)},
               {"todo.cedarschema", R"(namespace TodoApp {
  entity user = { email: String, roles: Set<String> };
  entity todo = { @asserted ownerID: String };
  action can_read_user appliesTo { principal: [user], resource: [user] };
  action can_read_todos, can_create_todo, can_update_todo, can_delete_todo
    appliesTo { principal: [user], resource: [todo] };
})"},
               {"todo.entities.json", compact(entities)}});
  door_ = add(ada_, "todo-app", "door");
  const Json cases = conformance_file(*folder / "todo-decisions.json");
  const JsonArray& single = *cases.find("evaluation")->as_array();
  ASSERT_EQ(single.size(), 40u);
  for (const Json& each : single) {
    const std::string request = compact(*each.find("request"));
    EXPECT_EQ(allowed(request), *each.find("expected")->as_bool()) << request;
  }
  const JsonArray& groups = *cases.find("evaluations")->as_array();
  ASSERT_EQ(groups.size(), 3u);
  for (const Json& each : groups) {
    std::vector<bool> expected;
    for (const Json& one : *each.find("expected")->as_array()) {
      expected.push_back(*one.find("decision")->as_bool());
    }
    EXPECT_EQ(many(compact(*each.find("request"))), expected) << compact(each);
  }
}

TEST_F(AuthzenTest, IdentityProviderScenario) {
  const auto folder = authzen_conformance();
  if (!folder) GTEST_SKIP() << "there is no conformance data; WRIT_CONFORMANCE names its folder";
  constexpr auto kOwners =
      std::to_array<std::string_view>({"alice", "bob", "carol", "dan", "erin", "felix"});
  Json entities = Json::array();
  for (std::size_t i = 0; i < 20; ++i) {
    const Json owner = Json::object(
        {{"__entity", Json::object({{"type", "Idp::user"}, {"id", kOwners[i % kOwners.size()]}})}});
    entities.push(Json::object(
        {{"uid", Json::object({{"type", "Idp::record"}, {"id", std::to_string(101 + i)}})},
         {"attrs", Json::object({{"owner", owner}})},
         {"parents", Json::array()}}));
  }
  apply_files({{"idp.cedar",
                "@id(\"owners-delete\") permit (principal, action == Idp::Action::\"delete\","
                " resource is Idp::record) when { resource.owner == principal };"},
               {"idp.cedarschema", R"(namespace Idp {
  entity user;
  entity record = { owner: user };
  action delete appliesTo { principal: [user], resource: [record] };
})"},
               {"idp.entities.json", compact(entities)}});
  door_ = add(ada_, "idp", "door");
  const Json cases = conformance_file(*folder / "idp-results.json");
  const JsonArray& searches = *cases.find("search")->as_array();
  ASSERT_EQ(searches.size(), 6u);
  for (const Json& each : searches) {
    const Names expected = names_of(*each.find("expected"), "record");
    EXPECT_EQ(found(kResources, compact(*each.find("request")), "record"), expected);
    // Page by page it is the same.
    Names pieces;
    Json request = *each.find("request");
    request.set("page", Json::object({{"limit", 1}}));
    for (int pages = 0; pages < 10; ++pages) {
      const Json page = answered(kResources, compact(request));
      for (const std::string& name : names_of(page, "record")) pieces.insert(name);
      const std::string token = text_of(*page.find("page"), "next_token");
      if (token.empty()) break;
      request.set("page", Json::object({{"limit", 1}, {"token", token}}));
    }
    EXPECT_EQ(pieces, expected);
  }
}

// What the scenarios send conforms to the schema that stands beside them, and so does what is
// answered.
TEST_F(AuthzenTest, MessagesHaveWhatTheirSchemasRequire) {
  const auto folder = authzen_conformance();
  if (!folder) GTEST_SKIP() << "there is no conformance data; WRIT_CONFORMANCE names its folder";
  fixture();
  const Json schema = conformance_file(*folder / "evaluation-request.schema.json");
  const std::string whole = ask(kAlice, kRead, kRecord1);
  const auto without = [&](std::string_view part, std::string_view member) {
    Json request = *parse_json(whole);
    Json cut = Json::object();
    const Json& from = part.empty() ? request : *request.find(part);
    for (const auto& [name, value] : *from.as_object()) {
      if (name != member) cut.set(name, value);
    }
    if (part.empty()) return compact(cut);
    request.set(part, cut);
    return compact(request);
  };
  int required = 0;
  for (const Json& member : *schema.find("required")->as_array()) {
    EXPECT_EQ(status_of(kOne, without("", *member.as_string())), 400) << *member.as_string();
    ++required;
  }
  for (const auto& [name, part] : *schema.find("properties")->as_object()) {
    const Json* members = part.find("required");
    if (members == nullptr) continue;
    for (const Json& member : *members->as_array()) {
      EXPECT_EQ(status_of(kOne, without(name, *member.as_string())), 400) << name;
      ++required;
    }
  }
  EXPECT_EQ(required, 8);
  const Json answers = conformance_file(*folder / "evaluation-response.schema.json");
  const Json answer = answered(kOne, whole);
  for (const Json& member : *answers.find("required")->as_array()) {
    EXPECT_NE(answer.find(*member.as_string()), nullptr);
  }
  EXPECT_NE(answer.find("context")->as_object(), nullptr);
}

}  // namespace
}  // namespace writ::api
