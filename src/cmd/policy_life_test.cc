// policy format, test, schema, plan, history, show, rollback: what is read, sent and said.
#include <gmock/gmock.h>

#include "base/file.h"
#include "cmd/client.h"
#include "cmd/fake_server_for_test.h"
#include "prove/solver.h"

namespace writ::cmd {
namespace {

using testing::HasSubstr;
using testing::Not;

struct PolicyLife : testing::Test {
  PolicyLife() : server(clock), desk(clock) { server.enrolled(desk.context.home); }

  std::string file(const std::string& name, std::string_view text) {
    const std::string path = desk.folder.path + "/" + name;
    EXPECT_TRUE(write_file(path, text, 0600));
    return path;
  }
  std::string text_of(const std::string& path) {
    const auto text = read_file(path, 1 << 20);
    return text ? *text : text.error().text();
  }
  const std::string& said() const { return desk.terminal.output; }
  const std::string& noted() const { return desk.terminal.notes; }

  net::MovableClock clock;
  FakeServer server;
  Desk desk;
};

constexpr std::string_view kUntidy =
    "@id(\"a\") permit(principal,action==Writ::Action::\"request\",resource); // why\n";

TEST_F(PolicyLife, FormatPrintsChecksAndWrites) {
  const std::string path = file("a.cedar", kUntidy);
  ASSERT_EQ(desk.run({"policy", "format", path}), 0) << noted();
  const std::string tidy = said();
  EXPECT_THAT(tidy, HasSubstr("action == Writ::Action::\"request\""));
  EXPECT_THAT(tidy, HasSubstr("// why"));
  EXPECT_EQ(desk.run({"policy", "format", "--check", path}), 2);
  EXPECT_THAT(said(), HasSubstr("a.cedar"));
  EXPECT_EQ(text_of(path), kUntidy);
  ASSERT_EQ(desk.run({"policy", "format", "--write", path}), 0);
  EXPECT_EQ(text_of(path), tidy);
  EXPECT_EQ(desk.run({"policy", "format", "--check", path}), 0);
  EXPECT_EQ(said(), "");
  EXPECT_EQ(desk.run({"policy", "format", "--check", "--write", path}), 2);
}

// The first of the folder is untidy, the second one no policy.
TEST_F(PolicyLife, FormatWritesNothingWhereAFileDoesNotParse) {
  std::filesystem::create_directories(desk.folder.path + "/set");
  const std::string untidy = file("set/a.cedar", kUntidy);
  file("set/b.cedar", "permit (principal");
  for (const char* how : {"--write", "--check"}) {
    EXPECT_EQ(desk.run({"policy", "format", how, desk.folder.path + "/set"}), 2);
    EXPECT_THAT(noted(), HasSubstr("set/b.cedar:1:18"));
    EXPECT_EQ(said(), "");
    EXPECT_EQ(text_of(untidy), kUntidy);
  }
}

TEST_F(PolicyLife, CheckPrintsWhatItFindsAsJson) {
  const auto check = [&](const std::string& path, int status) {
    EXPECT_EQ(desk.run({"policy", "check", "--json", path}), status);
    EXPECT_EQ(noted(), "");
    const auto json = parse_json(said());
    EXPECT_TRUE(json) << said();
    return json ? compact(*json) : std::string();
  };
  const std::string fine = file("fine.cedar",
                                "@id(\"a\") permit (principal, action == "
                                "Writ::Action::\"list_own\", resource);\n");
  EXPECT_EQ(check(fine, 0), R"({"files":1,"errors":[],"warnings":[]})");
  const std::string bad = file("bad.cedar",
                               "@id(\"a\") permit (principal is Writ::Tier, action == "
                               "Writ::Action::\"connect\", resource);\n"
                               "@id(\"b\") permit (principal, action == Writ::Action::\"connect\", "
                               "resource)\nwhen { resource.ownr };\n");
  const std::string found = check(bad, 2);
  EXPECT_THAT(found, HasSubstr(R"("errors":[{"kind":"type","where":"bad.cedar:3:8",)"));
  EXPECT_THAT(found, HasSubstr(R"(when { resource.ownr };)"));
  EXPECT_THAT(found, HasSubstr(R"({"kind":"impossible","where":"bad.cedar:1:1","message":")"));
  EXPECT_EQ(desk.run({"policy", "check", "--json", desk.folder.path + "/none.cedar"}), 4)
      << "no file is an error as any other";
}

TEST_F(PolicyLife, CheckShowsWarningsAndErrorsOfTheSchema) {
  const std::string odd = file("odd.cedar",
                               "@id(\"a\") permit (principal is Writ::Tier, action == "
                               "Writ::Action::\"connect\", resource);\n");
  EXPECT_EQ(desk.run({"policy", "check", odd}), 0) << noted();
  EXPECT_THAT(noted(), HasSubstr("warning: odd.cedar:1:"));
  EXPECT_THAT(said(), HasSubstr("with 2 warnings"));
  const std::string bad = file("bad.cedar",
                               "@id(\"a\") permit (principal, action == Writ::Action::\"connect\", "
                               "resource)\nwhen { resource.ownr };\n");
  EXPECT_EQ(desk.run({"policy", "check", bad}), 2);
  EXPECT_THAT(noted(), HasSubstr("bad.cedar:2:"));
  EXPECT_THAT(noted(), HasSubstr("^"));
}

TEST_F(PolicyLife, SchemaPrintsWritsAndTheApplications) {
  ASSERT_EQ(desk.run({"policy", "schema"}), 0);
  EXPECT_THAT(said(), HasSubstr("entity Entitlement in [Resource, Target, Environment, Tier]"));
  const std::string todo = file("todo.cedarschema",
                                "namespace TodoApp { entity user; action read appliesTo "
                                "{ principal: [user], resource: [user] }; }");
  ASSERT_EQ(desk.run({"policy", "schema", todo}), 0) << noted();
  EXPECT_THAT(said(), HasSubstr("namespace Writ"));
  EXPECT_THAT(said(), HasSubstr("namespace TodoApp"));
  EXPECT_THAT(said(), HasSubstr("Writ::Auth")) << "what Writ sets in each context";
}

constexpr std::string_view kScenarios = R"({"identities": {"erin": {}}, "scenarios": [
  {"name": "erin lists her own", "identity": "erin", "action": "list_own",
   "resource": {"type": "system", "id": "writ"}, "expect": "allow"},
  {"name": "erin lists all", "identity": "erin", "action": "list",
   "resource": {"type": "system", "id": "writ"}, "expect": "allow"}]})";

TEST_F(PolicyLife, TestSaysOneLineForEachScenario) {
  std::filesystem::create_directories(desk.folder.path + "/set");
  file("set/a.cedar",
       "@id(\"own\") permit (principal, action == Writ::Action::\"list_own\", resource);\n");
  const std::string set = desk.folder.path + "/set";
  EXPECT_EQ(desk.run({"policy", "test", set}), 4) << "there are none";
  file("set/a.scenarios.json", kScenarios);
  EXPECT_EQ(desk.run({"policy", "test", set}), 2);
  EXPECT_THAT(said(), HasSubstr("ok    a.scenarios.json#/scenarios/0  erin lists her own\n"));
  EXPECT_THAT(said(), HasSubstr("FAIL  a.scenarios.json#/scenarios/1  erin lists all: the answer "
                                "allow expected, and it is deny"));
  EXPECT_THAT(said(), HasSubstr("1 passed, 1 failed\n"));
  EXPECT_EQ(desk.run({"policy", "test", set, "--json"}), 2);
  EXPECT_EQ(parse_json(said())->as_array()->size(), 2u);
  // What its scenarios refuse is not even proposed.
  EXPECT_EQ(desk.run({"policy", "apply", set}), 2);
  EXPECT_THAT(noted(), HasSubstr("erin lists all"));
  EXPECT_TRUE(server.calls("/v1/commands/apply_policy").empty());
}

TEST_F(PolicyLife, PlanShowsFilesPoliciesGrantsAndFlips) {
  const std::string path =
      file("a.cedar", "@id(\"own\") permit (principal, action, resource);\n// new\n");
  server.on("POST /v1/policies/plan", *parse_json(R"({
    "version": 3, "hash": "h", "in_force": "g",
    "files": [{"name": "a.cedar", "change": "changed"}, {"name": "b.cedar", "change": "removed"}],
    "policies": [{"policy": "own", "kind": "permit", "change": "changed", "was": "", "is": ""}],
    "warnings": [], "grants_lost": 1,
    "grants": [{"grant": "grt_1", "beneficiary": "erin", "entitlement": "pg/o/r", "policy": "p",
                "why": "policy_changed"}],
    "replay": {"since": "2027-01-01T00:00:00.000Z", "decisions": 9, "replayed": 7, "to_deny": 1,
               "to_allow": 0, "changed_before": 3, "unlike": 0, "erased": 2, "other_entries": 0,
               "commands_not_asked": 4, "complete": true,
               "flips": [{"decision": "dec_4", "time": "2027-01-02T00:00:00.000Z", "who": "erin",
                          "action": "connect", "resource": "pg/o/r", "was": "allow",
                          "in_force": "allow", "would_be": "deny", "policies": []}]}})"));
  server.on("GET /v1/policies/3", *parse_json(R"({"version": 3, "in_force": 3, "files": [
    {"name": "a.cedar", "text": "@id(\"own\") permit (principal, action, resource);\n// old\n"},
    {"name": "b.cedar", "text": ""}]})"));
  ASSERT_EQ(desk.run({"policy", "plan", path, "--since", "30d"}), 0) << noted();
  for (const char* part :
       {"Against version 3", "changed  a.cedar", "removed  b.cedar", "-// old", "+// new", "own",
        "Live grants that would be lost: 1", "grt_1", "7 of 9 decisions",
        "1 that are allowed now would be denied", "3 had changed already",
        "4 commands that were allowed (requests, approvals, administration) are not asked again",
        "2 rest on erased persons", "dec_4"}) {
    EXPECT_THAT(said(), HasSubstr(part));
  }
  EXPECT_THAT(said(), Not(HasSubstr("limit was reached")));
  const Json sent = *parse_json(server.calls("/v1/policies/plan").back().body);
  EXPECT_EQ(*sent.find("since_ms")->as_int(), 30LL * 24 * 60 * 60 * 1000);
  EXPECT_EQ(desk.run({"policy", "plan", path, "--since", "soon"}), 2);
}

TEST_F(PolicyLife, PlanSaysWhatApplyWouldRefuseAndFails) {
  const std::string path = file("a.cedar", "@id(\"own\") permit (principal, action, resource);\n");
  server.on("GET /v1/policies/3", *parse_json(R"({"version": 3, "in_force": 3, "files": []})"));
  const auto refused = [&](const std::string& rows) {
    server.on("POST /v1/policies/plan", *parse_json(R"({"version": 3, "hash": "h", "in_force": "g",
      "files": [], "policies": [], "warnings": [], "grants_lost": 0, "grants": [], "refused": [)" +
                                                    rows + "]}"));
    return desk.run({"policy", "plan", path});
  };
  const std::string unknown =
      R"({"code": "exhausted", "where": "a.invariants.cedar:1:1", "message": "it is not known"})";
  const std::string locked =
      R"({"code": "conflict", "where": "", "message": "after this, nobody could still propose"})";
  EXPECT_EQ(refused(""), 0) << noted();
  EXPECT_THAT(said(), Not(HasSubstr("would refuse")));
  EXPECT_EQ(refused(unknown), 6) << noted();
  EXPECT_THAT(said(), HasSubstr("writ policy apply would refuse these: a.invariants.cedar:1:1: it "
                                "is not known\n"));
  EXPECT_EQ(refused(unknown + "," + locked), 2) << noted();
  EXPECT_THAT(said(), HasSubstr("would refuse these: after this, nobody could still propose\n"));
  EXPECT_EQ(desk.run({"policy", "plan", path, "--json"}), 2);
  EXPECT_THAT(said(), HasSubstr("after this, nobody"));
}

// A plan says by proof what policy diff says, against the set in force.
struct PlanByProof : PolicyLife {
  void in_force(std::string_view text) {
    server.on("POST /v1/policies/plan", *parse_json(R"({
      "version": 3, "hash": "h", "in_force": "g", "files": [], "policies": [], "warnings": [],
      "grants_lost": 0, "grants": []})"));
    const Json file = Json::object({{"name", "a.cedar"}, {"text", text}});
    server.on("GET /v1/policies/3",
              Json::object({{"version", 3}, {"in_force", 3}, {"files", Json::array({file})}}));
  }
  static bool has_solver() {
    const char* path = std::getenv("PATH");
    return prove::find_solvers(path == nullptr ? "" : path).has_value();
  }
  // An offer on these terms.
  static std::string offer(const std::string& approval) {
    return "@id(\"read\") @approval(\"" + approval +
           "\") permit (principal, action == Writ::Action::\"request\", resource == "
           "Writ::Entitlement::\"pg/orders/reader\");\n";
  }
};

TEST_F(PlanByProof, ShowsEachDifferenceWithARequest) {
  if (!has_solver()) GTEST_SKIP() << "no solver on this host: cvc5 or z3";
  in_force(offer("1 of owner"));
  const std::string path = file("a.cedar", offer("none"));
  ASSERT_EQ(desk.run({"policy", "plan", path}), 0) << noted();
  for (const char* part :
       {"By proof, for every request:", "+ now possible, and not before: request; by read",
        "Writ::Entitlement::\"pg/orders/reader\"", "before: offered by read: as long as the tier",
        "it wants one approval by the owner", "after:  offered by read: as long as"}) {
    EXPECT_THAT(said(), HasSubstr(part));
  }
  ASSERT_EQ(desk.run({"policy", "plan", path, "--json"}), 0) << noted();
  const Json proof = *parse_json(said())->find("proof");
  EXPECT_EQ(*proof.find("same")->as_bool(), false);
  ASSERT_EQ(proof.find("differences")->as_array()->size(), 1U);
  const Json& only = proof.find("differences")->as_array()->front();
  EXPECT_EQ(*only.find("change")->as_string(), "more");
  EXPECT_NE(only.find("counterexample")->find("request"), nullptr);

  in_force(offer("none"));
  ASSERT_EQ(desk.run({"policy", "plan", path}), 0) << noted();
  EXPECT_THAT(said(), HasSubstr("Both do the same, for every request."));
}

TEST_F(PlanByProof, WhatIsNotKnownIsSaidAndTheRestStands) {
  const std::string not_known = "? it is not known what the change would let happen or stop: ";
  const std::string path = file("a.cedar", offer("none"));
  // A set in force that is no longer valid under the schema.
  in_force("@id(\"old\") permit (principal is Todo::user, action, resource);");
  ASSERT_EQ(desk.run({"policy", "plan", path}), 0) << noted();
  EXPECT_THAT(said(), HasSubstr(not_known));
  EXPECT_THAT(said(), HasSubstr("Live grants that would be lost: 0"));
  // A host without a solver.
  in_force(offer("1 of owner"));
  const char* programs = std::getenv("PATH");
  const std::string was = programs == nullptr ? "" : programs;
  ::setenv("PATH", "/nowhere", 1);
  EXPECT_EQ(desk.run({"policy", "plan", path}), 0) << noted();
  EXPECT_THAT(said(), HasSubstr(not_known));
  EXPECT_EQ(desk.run({"policy", "plan", path, "--json"}), 0) << noted();
  ::setenv("PATH", was.c_str(), 1);
  const Json proof = *parse_json(said())->find("proof");
  EXPECT_TRUE(proof.find("same")->is_null());
  EXPECT_EQ(proof.find("unknown")->as_array()->size(), 1U);
  EXPECT_EQ(desk.run({"policy", "plan", path, "--time-limit", "soon"}), 2);
}

TEST_F(PlanByProof, ProveMarksInvariantsThatCoverNoRequest) {
  if (!has_solver()) GTEST_SKIP() << "no solver on this host: cvc5 or z3";
  std::filesystem::create_directories(desk.folder.path + "/set");
  file("set/a.cedar", offer("none"));
  file("set/a.invariants.cedar",
       "@invariant(\"no group connects\")\nforbid (principal is Writ::Group, action == "
       "Writ::Action::\"connect\", resource);\n"
       "@invariant(\"nobody lists\")\nforbid (principal, action == Writ::Action::\"list\", "
       "resource);\n");
  EXPECT_EQ(desk.run({"policy", "prove", desk.folder.path + "/set"}), 0) << noted();
  EXPECT_THAT(said(), HasSubstr("! no group connects  a.invariants.cedar:1:1\n"
                                "    it covers no request"));
  EXPECT_THAT(said(), HasSubstr("✓ nobody lists  a.invariants.cedar:3:1\n"));
  EXPECT_THAT(said(), HasSubstr("2 invariants hold (1 covers no request).\n"));
  EXPECT_EQ(desk.run({"policy", "prove", desk.folder.path + "/set", "--json"}), 0) << noted();
  const auto json = parse_json(said());
  ASSERT_TRUE(json) << said();
  const JsonArray& rows = *json->find("invariants")->as_array();
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_NE(rows[0].find("covers_nothing"), nullptr);
  EXPECT_EQ(rows[1].find("covers_nothing"), nullptr);
}

TEST_F(PlanByProof, ProveSaysWhereItIsNotKnownWhetherAnInvariantCoversAnything) {
  std::filesystem::create_directories(desk.folder.path + "/set");
  std::filesystem::create_directories(desk.folder.path + "/programs");
  file("set/a.cedar", offer("none"));
  file("set/a.invariants.cedar",
       "@invariant(\"nobody lists\")\nforbid (principal, action == Writ::Action::\"list\", "
       "resource);\n");
  // No policy lets anybody list, so that much is known without a solver.
  ASSERT_TRUE(write_file(desk.folder.path + "/programs/cvc5", "#!/bin/sh\necho unknown\n", 0700));
  const char* programs = std::getenv("PATH");
  const std::string was = programs == nullptr ? "" : programs;
  ::setenv("PATH", (desk.folder.path + "/programs").c_str(), 1);
  EXPECT_EQ(desk.run({"policy", "prove", desk.folder.path + "/set"}), 6) << noted();
  EXPECT_THAT(said(), HasSubstr("? nobody lists  a.invariants.cedar:1:1\n"
                                "    it holds, but it is not known whether it covers any request"));
  EXPECT_EQ(desk.run({"policy", "prove", desk.folder.path + "/set", "--json"}), 6) << noted();
  ::setenv("PATH", was.c_str(), 1);
  const auto json = parse_json(said());
  ASSERT_TRUE(json) << said();
  EXPECT_THAT(compact(*json->find("unknown")),
              HasSubstr("whether the invariant \\\"nobody lists\\\" covers any request"));
  EXPECT_TRUE(json->find("invariants")->as_array()->at(0).find("covers_nothing")->is_null());
}

TEST_F(PolicyLife, HistoryShowAndRollback) {
  server.on("GET /v1/policies/history", *parse_json(R"({"in_force": 2, "versions": [
    {"version": 2, "time": "2027-01-02T00:00:00.000Z", "hash": "0123456789abcdef", "change": "chg_1",
     "proposed_by": "ada", "approved_by": "bob",
     "files": [{"name": "a.cedar", "change": "changed"}, {"name": "b.cedar", "change": "added"},
               {"name": "c.cedar", "change": "same"}]}]})"));
  ASSERT_EQ(desk.run({"policy", "history"}), 0) << noted();
  for (const char* part : {"ada", "bob", "chg_1", "~a.cedar, +b.cedar", "0123456789ab"}) {
    EXPECT_THAT(said(), HasSubstr(part));
  }
  EXPECT_THAT(said(), Not(HasSubstr("c.cedar")));

  server.on("GET /v1/policies/1", *parse_json(R"({"version": 1, "in_force": 2, "files": [
    {"name": "a.cedar", "text": "// the first\n"}]})"));
  ASSERT_EQ(desk.run({"policy", "show", "1"}), 0) << noted();
  EXPECT_THAT(said(), HasSubstr("// ---- a.cedar\n// the first\n"));
  ASSERT_EQ(desk.run({"policy", "show", "1", "--into", desk.folder.path + "/old"}), 0) << noted();
  EXPECT_EQ(text_of(desk.folder.path + "/old/a.cedar"), "// the first\n");
  EXPECT_EQ(desk.run({"policy", "show", "first"}), 2);
  // Again into the same folder, but into none that would then stand for more than this version.
  ASSERT_EQ(desk.run({"policy", "show", "1", "--into", desk.folder.path + "/old"}), 0) << noted();
  file("old/z.cedar", "// of another version\n");
  file("old/README", "no policy");
  EXPECT_EQ(desk.run({"policy", "show", "1", "--into", desk.folder.path + "/old"}), 5);
  EXPECT_THAT(noted(), HasSubstr("policy files that are not of version 1: z.cedar; name an empty"));

  server.on("POST /v1/commands",
            Json::object({{"result", *parse_json(R"({"change":"chg_2","state":"pending",
              "until":"2027-01-03T00:00:00.000Z"})")},
                          {"seq", 1}}));
  ASSERT_EQ(desk.run({"policy", "rollback", "1"}), 0) << noted();
  EXPECT_THAT(said(), HasSubstr("writ approve chg_2"));
  EXPECT_THAT(server.calls().back().body, HasSubstr("// the first"));
  server.on("GET /v1/policies/2", *parse_json(R"({"version": 2, "in_force": 2, "files": []})"));
  EXPECT_EQ(desk.run({"policy", "rollback", "2"}), 5);
}

// A name that is no file's is written nowhere.
TEST_F(PolicyLife, ShowStaysInItsFolder) {
  server.on("GET /v1/policies/1", *parse_json(R"({"version": 1, "in_force": 2, "files": [
    {"name": "../escaped.cedar", "text": "x"}]})"));
  EXPECT_EQ(desk.run({"policy", "show", "1", "--into", desk.folder.path + "/old"}), 7);
  EXPECT_FALSE(std::filesystem::exists(desk.folder.path + "/escaped.cedar"));
}

}  // namespace
}  // namespace writ::cmd
