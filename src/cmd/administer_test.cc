// Administrative commands: policies, targets, identities; what is sent and what is said.
#include <gtest/gtest.h>

#include "base/file.h"
#include "cmd/client.h"
#include "cmd/fake_server_for_test.h"

namespace writ::cmd {
namespace {

struct Administering : testing::Test {
  Administering() : server(clock), desk(clock) { server.enrolled(desk.context.home); }

  std::string file(const std::string& name, std::string_view text) {
    const std::string path = desk.folder.path + "/" + name;
    EXPECT_TRUE(write_file(path, text, 0600));
    return path;
  }
  void answers(std::string_view result) {
    server.on("POST /v1/commands", Json::object({{"result", *parse_json(result)}, {"seq", 1}}));
  }
  Json sent() {
    JsonLimits limits;
    limits.bytes = 40 << 20;
    const Json whole = *parse_json(server.calls().back().body, limits);
    return *whole.find("body");
  }
  bool says(std::string_view text) const {
    return desk.terminal.output.find(text) != std::string::npos;
  }

  net::MovableClock clock;
  FakeServer server;
  Desk desk;
};

constexpr std::string_view kGoodPolicy =
    "@id(\"readers\") permit (principal, action == Writ::Action::\"request\", resource);\n";

TEST_F(Administering, PolicyCheckNeedsNoServer) {
  const std::string good = file("good.cedar", kGoodPolicy);
  ASSERT_EQ(desk.run({"policy", "check", good}), 0) << desk.terminal.notes;
  EXPECT_TRUE(says("1 file is in order."));
  EXPECT_TRUE(server.calls().empty());
}

TEST_F(Administering, PolicyCheckShowsThePlace) {
  const std::string bad = file("bad.cedar", "@id(\"x\")\npermit (principal, action, resorce);\n");
  EXPECT_EQ(desk.run({"policy", "check", bad}), 2);
  EXPECT_NE(desk.terminal.notes.find("bad.cedar:2:"), std::string::npos) << desk.terminal.notes;
  EXPECT_NE(desk.terminal.notes.find("permit (principal, action, resorce);"), std::string::npos);
  EXPECT_NE(desk.terminal.notes.find("^"), std::string::npos);
}

TEST_F(Administering, PolicyCheckRefusesAnUnknownTerm) {
  const std::string bad = file("bad.cedar", "@max_tll(\"1h\") " + std::string(kGoodPolicy));
  EXPECT_EQ(desk.run({"policy", "check", bad}), 2);
  EXPECT_NE(desk.terminal.notes.find("max_tll"), std::string::npos) << desk.terminal.notes;
}

TEST_F(Administering, PolicyApplyProposesAChange) {
  answers(R"({"change":"chg_1","state":"pending","verb":"apply_policy",
              "until":"2026-11-22T09:30:00.000Z","reused":false})");
  const std::string good = file("good.cedar", kGoodPolicy);
  ASSERT_EQ(desk.run({"policy", "apply", good}), 0) << desk.terminal.notes;
  EXPECT_TRUE(says("a second administrator runs: writ approve chg_1")) << desk.terminal.output;
  const Json body = sent();
  ASSERT_NE(body.find("files"), nullptr);
  EXPECT_EQ(text_or_empty(body.find("files")->as_array()->front(), "name"), "good.cedar");
  EXPECT_EQ(text_or_empty(body.find("files")->as_array()->front(), "text"), kGoodPolicy);
  EXPECT_EQ(desk.run({"policy", "apply", good, good}), 2);  // one name twice
}

TEST_F(Administering, PolicyApplySendsTheFilesOfAFolder) {
  answers(R"({"change":"chg_1","state":"pending","until":"2026-11-22T09:30:00.000Z"})");
  std::filesystem::create_directories(desk.folder.path + "/policies/below.cedar");
  for (const std::string name : {"b", "a", "c", "d"}) {
    std::string text = "@id(\"" + name + "\") permit (principal, action, resource);\n";
    while (text.size() < 1'000'000) text += "// " + std::string(90, 'x') + "\n";
    file("policies/" + name + ".cedar", text);
  }
  file("policies/notes.txt", "no policy");
  ASSERT_EQ(desk.run({"policy", "apply", desk.folder.path + "/policies"}), 0)
      << desk.terminal.notes;
  const Json body = sent();
  const JsonArray& files = *body.find("files")->as_array();
  ASSERT_EQ(files.size(), 4u);
  EXPECT_EQ(text_or_empty(files.front(), "name"), "a.cedar");
  EXPECT_GE(text_or_empty(files.back(), "text").size(), 1'000'000u);
  EXPECT_EQ(server.calls("/v1/commands/apply_policy").size(), 1u);
}

TEST_F(Administering, PolicyCheckNamesTheFileAndTheLimit) {
  const std::string path = file("large.cedar", std::string(9 << 20, ' '));
  EXPECT_EQ(desk.run({"policy", "check", path}), 2);
  EXPECT_NE(desk.terminal.notes.find("large.cedar"), std::string::npos) << desk.terminal.notes;
  EXPECT_NE(desk.terminal.notes.find("8 MiB"), std::string::npos) << desk.terminal.notes;
  std::filesystem::create_directories(desk.folder.path + "/none");
  EXPECT_EQ(desk.run({"policy", "check", desk.folder.path + "/none"}), 4);
}

TEST_F(Administering, RemovalsProposeAChange) {
  for (const auto& [noun, verb] :
       {std::pair{"target", "remove_target"}, std::pair{"resource", "remove_resource"},
        std::pair{"entitlement", "remove_entitlement"}, std::pair{"door", "remove_door"}}) {
    answers(R"({"change":"chg_3","state":"pending","until":"2026-11-22T09:30:00.000Z"})");
    ASSERT_EQ(desk.run({noun, "remove", "pg-main"}), 0) << desk.terminal.notes;
    EXPECT_TRUE(says("writ approve chg_3")) << noun;
    EXPECT_EQ(text_or_empty(sent(), "name"), "pg-main");
    EXPECT_EQ(text_or_empty(*parse_json(server.calls("/v1/commands").back().body), "verb"), verb);
    ASSERT_EQ(desk.run({noun, "remove", "pg-main", "--json"}), 0);
    EXPECT_TRUE(parse_json(desk.terminal.output));
  }
}

TEST_F(Administering, DevicesAndCertificatesEndAtOnce) {
  answers(R"({"device":"dev_1","identity":"idn_1"})");
  ASSERT_EQ(desk.run({"device", "confirm", "dev_1"}), 0) << desk.terminal.notes;
  EXPECT_TRUE(says("Confirmed: dev_1"));
  EXPECT_EQ(desk.run({"device", "remove", "dev_1"}), 2);  // it wants a reason
  ASSERT_EQ(desk.run({"device", "remove", "dev_1", "--reason", "lost"}), 0);
  EXPECT_EQ(text_or_empty(sent(), "reason"), "lost");
  answers(R"({"serial":"2f","identity":"idn_1"})");
  ASSERT_EQ(desk.run({"certificate", "revoke", "2f", "--reason", "seen"}), 0);
  EXPECT_EQ(text_or_empty(sent(), "serial"), "2f");
}

TEST_F(Administering, TargetAddSendsThePasswordInTheBodyAlone) {
  answers(R"({"change":"chg_2","state":"pending","until":"2026-11-22T09:30:00.000Z"})");
  const std::string password = file("password", "a long enough secret\n");
  ASSERT_EQ(desk.run({"target",          "add",
                      "postgres",        "pg-main",
                      "--host",          "db",
                      "--owner",         "group:dba",
                      "--tls",           "require",
                      "--database",      "orders",
                      "--database",      "billing",
                      "--role",          "orders/reader=orders_reader",
                      "--privilege",     "billing/clerk=SELECT ON TABLE public.bills",
                      "--privilege",     "billing/clerk=USAGE ON SCHEMA public",
                      "--password-file", password}),
            0)
      << desk.terminal.notes;
  const Json body = sent();
  const Json& target = *body.find("target");
  EXPECT_EQ(text_or_empty(target, "password"), "a long enough secret");
  EXPECT_EQ(*target.find("port")->as_int(), 5432);
  EXPECT_EQ(body.find("resources")->as_array()->size(), 3U);
  EXPECT_EQ(text_or_empty(body.find("resources")->as_array()->at(1), "parent"), "pg-main");
  const JsonArray& entitlements = *body.find("entitlements")->as_array();
  ASSERT_EQ(entitlements.size(), 2U);
  EXPECT_EQ(text_or_empty(entitlements[0], "name"), "pg-main/orders/reader");
  EXPECT_EQ(entitlements[1].find("privileges")->as_array()->size(), 2U);
  EXPECT_FALSE(says("a long enough secret"));
}

TEST_F(Administering, TargetOptionsThatDoNotFitAreNamed) {
  const auto add = [this](std::vector<std::string> more) {
    std::vector<std::string> words{"target",     "sql",    "postgres",   "pg",
                                   "--database", "orders", "--database", "billing"};
    words.insert(words.end(), more.begin(), more.end());
    desk.terminal.notes.clear();
    return cmd::run(desk.context, words);
  };
  EXPECT_EQ(add({}), 2);
  EXPECT_NE(desk.terminal.notes.find("--role"), std::string::npos);
  EXPECT_EQ(add({"--role", "reader=r"}), 2);  // in which database?
  EXPECT_NE(desk.terminal.notes.find("DATABASE/reader"), std::string::npos);
  EXPECT_EQ(add({"--role", "ordrs/reader=r"}), 2);
  EXPECT_NE(desk.terminal.notes.find("did you mean orders?"), std::string::npos);
  EXPECT_EQ(add({"--role", "reader"}), 2);
  EXPECT_EQ(add({"--role", "orders/x=r", "--privilege", "orders/x=SELECT ON TABLE t"}), 2);
  EXPECT_NE(desk.terminal.notes.find("not both"), std::string::npos);
  EXPECT_TRUE(server.calls().empty());
}

TEST_F(Administering, TargetSqlHoldsAVerifierAndNoPassword) {
  const std::string password = file("password", "a long enough secret");
  ASSERT_EQ(desk.run({"target", "sql", "postgres", "pg-main", "--database", "orders", "--role",
                      "reader=orders_reader", "--password-file", password}),
            0)
      << desk.terminal.notes;
  EXPECT_TRUE(says("SCRAM-SHA-256$"));
  EXPECT_TRUE(says("orders_reader"));
  EXPECT_FALSE(says("a long enough secret"));
}

TEST_F(Administering, AnEnrolmentTicketStandsAlone) {
  answers(R"({"enrollment":"enr_1","identity":"idn_2","code":"AAAA","ticket":"writ1.abc",
              "until":"2026-11-21T09:45:00.000Z"})");
  ASSERT_EQ(desk.run({"identity", "enroll", "bob"}), 0);
  EXPECT_EQ(desk.terminal.output, "writ1.abc\n");
  EXPECT_NE(desk.terminal.notes.find("2026-11-21 09:45:00"), std::string::npos);
}

TEST_F(Administering, MembershipsTakeADuration) {
  answers(R"({"group":"oncall","identity":"idn_2","until":"2026-11-28T09:30:00.000Z"})");
  ASSERT_EQ(desk.run({"group", "add-member", "oncall", "bob", "--for", "7d"}), 0);
  EXPECT_EQ(*sent().find("for_ms")->as_int(), 7LL * 24 * 3600 * 1000);
  EXPECT_TRUE(says("bob to oncall until 2026-11-28 09:30:00 UTC"));
  EXPECT_EQ(desk.run({"group", "add-member", "oncall", "bob", "--for", "7"}), 2);
}

TEST_F(Administering, ARemedySaysWhatItBreaksBeforeItActs) {
  answers(R"({"finding":"fnd_1","target":"pg-main","login":"billing","would":"remove the password",
              "breaks":"what logs in with it loses access","last_use":"2026-11-21T09:00:00.000Z",
              "done":false})");
  desk.terminal.person = true;
  desk.terminal.input = {"n"};
  ASSERT_EQ(desk.run({"remedy", "fnd_1"}), 0);
  EXPECT_TRUE(says("loses access"));
  EXPECT_TRUE(says("2026-11-21 09:00:00 UTC"));
  ASSERT_EQ(server.calls("/v1/commands").size(), 1U);
  EXPECT_FALSE(*sent().find("confirm")->as_bool());
  desk.terminal.input = {"y"};
  ASSERT_EQ(desk.run({"remedy", "fnd_1"}), 0);
  EXPECT_TRUE(*sent().find("confirm")->as_bool());
}

}  // namespace
}  // namespace writ::cmd
