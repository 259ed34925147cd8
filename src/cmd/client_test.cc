// Commands against a server: step-up, approving, connecting, revoking, enrolling, renewing.
#include "cmd/client.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/file.h"
#include "cmd/fake_server_for_test.h"
#include "crypto/hash.h"

namespace writ::cmd {
namespace {

net::Response refused(Code code, std::string message, std::string where = {}) {
  return net::error_response({code, std::move(message), std::move(where)});
}

Json body_of(const Call& call) {
  return *parse_json(call.body);
}

struct Commands : testing::Test {
  Commands() : server(clock), desk(clock) {}

  void enrol() { server.enrolled(desk.context.home); }

  net::MovableClock clock;
  FakeServer server;
  Desk desk;
};

TEST_F(Commands, WithoutAHomeTheySayHowToEnrol) {
  EXPECT_EQ(desk.run({"whoami"}), 4);
  EXPECT_NE(desk.terminal.notes.find("writ enroll"), std::string::npos);
}

TEST_F(Commands, AnEndedLoginSaysHowToLogIn) {
  enrol();
  clock.advance(std::chrono::hours(2));
  EXPECT_EQ(desk.run({"whoami"}), 3);
  EXPECT_NE(desk.terminal.notes.find("run: writ login"), std::string::npos);
  EXPECT_TRUE(server.calls().empty());
}

TEST_F(Commands, ErrorsOfTheServerSetTheExitStatus) {
  enrol();
  server.on("GET /v1/whoami",
            [](const Call&) { return refused(Code::kConflict, "moved on", "/x"); });
  EXPECT_EQ(desk.run({"whoami"}), 5);
  EXPECT_EQ(desk.terminal.notes, "writ: /x: moved on\n");
  server.on("GET /v1/whoami", [](const Call&) { return refused(Code::kCorrupt, "bad"); });
  EXPECT_EQ(desk.run({"whoami"}), 7);
}

TEST_F(Commands, ListPrintsATableOrOneJsonValue) {
  enrol();
  server.on("GET /v1/list/grants",
            *parse_json(R"({"rows":[{"id":"grt_1","state":"active","until":""}]})"));
  EXPECT_EQ(desk.run({"list", "grants"}), 0);
  EXPECT_EQ(desk.terminal.output, "ID     STATE\ngrt_1  active\n");
  EXPECT_EQ(desk.run({"list", "grants", "--all", "--json"}), 0);
  EXPECT_TRUE(parse_json(desk.terminal.output));
  EXPECT_EQ(server.calls().back().target, "/v1/list/grants?scope=all");
}

TEST_F(Commands, StepUpAsksOnceAndTriesAgain) {
  enrol();
  int asked = 0;
  server.on("POST /v1/commands", [&asked](const Call&) {
    if (++asked == 1) return refused(Code::kDenied, "a fresh code is needed", "mfa");
    return net::json_response(*parse_json(R"({"result":{"request":"req_1"},"seq":4})"));
  });
  server.on("POST /v1/step-up", Json::object({{"fresh", "2026-11-21T09:30:00.000Z"}}));
  desk.terminal.input = {"123456"};
  EXPECT_EQ(desk.run({"request", "a/b/c", "--for", "30m", "--purpose", "x"}), 0)
      << desk.terminal.notes;
  ASSERT_EQ(server.calls("/v1/step-up").size(), 1U);
  EXPECT_EQ(text_or_empty(body_of(server.calls("/v1/step-up")[0]), "code"), "123456");
  const auto commands = server.calls("/v1/commands");
  ASSERT_EQ(commands.size(), 2U);
  EXPECT_EQ(commands[0].body, commands[1].body);  // the same command_id: it happens once
  EXPECT_NE(desk.terminal.output.find("writ approve req_1"), std::string::npos);
}

TEST_F(Commands, StepUpNeverAsksTwice) {
  enrol();
  server.on("POST /v1/commands",
            [](const Call&) { return refused(Code::kDenied, "a fresh code is needed", "mfa"); });
  server.on("POST /v1/step-up", Json::object({{"fresh", "2026-11-21T09:30:00.000Z"}}));
  desk.terminal.input = {"123456", "234567"};
  EXPECT_EQ(desk.run({"withdraw", "req_1"}), 3);
  EXPECT_EQ(server.calls("/v1/step-up").size(), 1U);
  EXPECT_EQ(server.calls("/v1/commands").size(), 2U);
  EXPECT_EQ(desk.terminal.input.size(), 1U);
}

TEST_F(Commands, AWrongCodeEndsTheCommand) {
  enrol();
  server.on("POST /v1/commands",
            [](const Call&) { return refused(Code::kDenied, "a fresh code is needed", "mfa"); });
  server.on("POST /v1/step-up",
            [](const Call&) { return refused(Code::kUnauthenticated, "the code is wrong"); });
  desk.terminal.input = {"000000", "111111"};
  EXPECT_EQ(desk.run({"withdraw", "req_1"}), 3);
  EXPECT_NE(desk.terminal.notes.find("the code is wrong"), std::string::npos);
  EXPECT_EQ(server.calls("/v1/commands").size(), 1U);
}

TEST_F(Commands, ABadDurationIsRefusedBeforeAnythingIsSent) {
  enrol();
  for (const char* duration : {"30", "-5m", "9999h", "", "soon"}) {
    EXPECT_EQ(desk.run({"request", "a/b/c", "--for", duration, "--purpose", "x"}), 2) << duration;
    EXPECT_TRUE(desk.terminal.notes.starts_with("writ: --for: ")) << desk.terminal.notes;
  }
  EXPECT_TRUE(server.calls().empty());
}

TEST_F(Commands, APointerIntoTheBodyBecomesTheOption) {
  enrol();
  server.on("POST /v1/commands",
            [](const Call&) { return refused(Code::kInvalid, "too long", "/duration_ms"); });
  EXPECT_EQ(desk.run({"request", "a/b/c", "--for", "3h", "--purpose", "x"}), 2);
  EXPECT_EQ(desk.terminal.notes, "writ: --for: too long\n");
}

// ---- approving ----

std::string statement_text(const std::string& id, const std::string& approver) {
  return canonical(*parse_json(
      R"({"statement":"writ approval 1","trust_domain":"test","decision":"approve","approver":")" +
      approver + R"(","request":{"id":")" + id +
      R"(","requester":"idn_bob","beneficiary":"idn_bob","entitlement":"pg/orders/reader",
          "duration_ms":1800000,"purpose":{"subject":"idn_bob","box":"AAAA"},"offer":"oncall",
          "terms":{"max_ttl_ms":3600000,"approvals":1,"approvers":"group:dba"}},
          "surprise":{"hidden":"nothing stays hidden"}})"));
}

TEST_F(Commands, ApproveShowsWhatWasTypedInAChange) {
  server.enrolled(desk.context.home);
  const Json statement = *parse_json(
      R"({"statement":"writ approval 1","trust_domain":"test","approver":"idn_alice",
          "decision":"approve","policy_version":1,
          "change":{"id":"chg_1","proposer":"idn_bob","verb":"remove_member",
                    "body":{"group":"dba","identity":"idn_bob",
                            "reason":{"subject":"idn_bob","box":"Ym94"}}}})");
  server.on("GET /v1/approvals/chg_1",
            Json::object({{"statement", canonical(statement)},
                          {"hash", ""},
                          {"words", Json::object({{"Ym94", "moved to sales"}})}}));
  desk.terminal.person = true;
  desk.terminal.input = {"n"};
  ASSERT_EQ(desk.run({"approve", "chg_1"}), 0) << desk.terminal.notes;
  EXPECT_NE(desk.terminal.output.find("moved to sales"), std::string::npos) << desk.terminal.output;
}

TEST_F(Commands, ApproveShowsEverythingAndSignsExactlyTheStatement) {
  const Home home = server.enrolled(desk.context.home);
  const std::string statement = statement_text("req_1", "idn_alice");
  server.on("GET /v1/approvals/req_1",
            Json::object({{"statement", statement}, {"hash", "not looked at"}}));
  server.on("GET /v1/list/requests",
            *parse_json(R"({"rows":[{"id":"req_1","requester":"bob","identity":"bob",
                             "purpose":"refund\u001b[2K stuck"}]})"));
  server.on("POST /v1/commands",
            *parse_json(R"({"result":{"id":"req_1","state":"approved","grant":"grt_9"},"seq":1})"));
  desk.terminal.person = true;
  desk.terminal.input = {"y"};
  ASSERT_EQ(desk.run({"approve", "req_1"}), 0) << desk.terminal.notes;
  for (const char* shown : {"bob", "pg/orders/reader", "30m", "refund\\u{1b}[2K stuck", "group:dba",
                            "nothing stays hidden", "grt_9"}) {
    EXPECT_NE(desk.terminal.output.find(shown), std::string::npos) << shown << "\n"
                                                                   << desk.terminal.output;
  }
  const Json body = *body_of(server.calls("/v1/commands")[0]).find("body");
  const auto signature = from_base64(text_or_empty(body, "signature"));
  ASSERT_TRUE(signature);
  EXPECT_TRUE(home.key()->public_key().verify(statement, *signature));
  EXPECT_EQ(text_or_empty(body, "statement_hash"), to_hex(as_bytes(crypto::sha256(statement))));
  EXPECT_TRUE(*body.find("approve")->as_bool());
}

TEST_F(Commands, NothingIsSignedWithoutAYes) {
  enrol();
  server.on("GET /v1/approvals/req_1",
            Json::object({{"statement", statement_text("req_1", "idn_alice")}, {"hash", ""}}));
  desk.terminal.person = true;
  desk.terminal.input = {"n"};
  EXPECT_EQ(desk.run({"approve", "req_1"}), 0);
  EXPECT_TRUE(server.calls("/v1/commands").empty());
  desk.terminal.person = false;
  EXPECT_EQ(desk.run({"approve", "req_1"}), 2);
  EXPECT_TRUE(server.calls("/v1/commands").empty());
}

TEST_F(Commands, AStatementAboutSomethingElseIsNotSigned) {
  enrol();
  for (const std::string& statement :
       {statement_text("req_2", "idn_alice"), statement_text("req_1", "idn_mallory")}) {
    server.on("GET /v1/approvals/req_1", Json::object({{"statement", statement}, {"hash", ""}}));
    EXPECT_EQ(desk.run({"approve", "req_1", "--yes"}), 7);
  }
  server.on("GET /v1/approvals/req_1",
            Json::object({{"statement", statement_text("req_1", "idn_alice")}, {"hash", ""}}));
  EXPECT_EQ(desk.run({"deny", "req_1", "--yes"}), 7);  // it says approve
  EXPECT_TRUE(server.calls("/v1/commands").empty());
}

std::string hash_of(std::string_view text) {
  return to_hex(as_bytes(crypto::sha256(text)));
}

// A change of policy: what is shown is what the signed hash stands for, whatever the server says.
struct ApprovingPolicies : Commands {
  void SetUp() override {
    server.enrolled(desk.context.home);
    list =
        canonical(*parse_json(R"([{"name":"a.cedar","hash":")" + hash_of("as before\n") +
                              R"("},{"name":"b.cedar","hash":")" + hash_of("added\n") + R"("}])"));
    const Json statement = *parse_json(
        R"({"statement":"writ approval 1","trust_domain":"test","approver":"idn_alice",
            "decision":"approve","policy_version":1,
            "change":{"id":"chg_1","proposer":"idn_bob","verb":"apply_policy",
                      "body":{"hash":")" +
        hash_of(list) + R"("}}})");
    server.on("GET /v1/approvals/chg_1",
              Json::object(
                  {{"statement", canonical(statement)}, {"hash", ""}, {"words", Json::object()}}));
    server.on("GET /v1/list/policies",
              *parse_json(R"({"rows":[{"file":"a.cedar","text":"as before\n"},
                                      {"file":"old.cedar","text":"goes\n"}]})"));
    tell(hash_of(list), list);
    server.on("POST /v1/commands", *parse_json(R"({"result":{"id":"chg_1","state":"approved"},
                                                   "seq":1})"));
  }
  void tell(const std::string& hash, const std::string& text) {
    server.on("GET /v1/approvals/chg_1/texts/" + hash, [text](const Call&) {
      return net::Response{.body = text, .content_type = "text/plain", .headers = {}};
    });
  }

  std::string list;
};

TEST_F(ApprovingPolicies, ShowsWhatWouldChangeAndFetchesNoMore) {
  tell(hash_of("added\n"), "added\n");
  ASSERT_EQ(desk.run({"approve", "chg_1", "--yes"}), 0) << desk.terminal.notes;
  for (const char* shown : {"b.cedar, a new file:\n  added", "old.cedar, goes away",
                            "1 file stays as it is in force"}) {
    EXPECT_NE(desk.terminal.output.find(shown), std::string::npos) << shown << "\n"
                                                                   << desk.terminal.output;
  }
  EXPECT_TRUE(server.calls("/v1/approvals/chg_1/texts/" + hash_of("as before\n")).empty());
  EXPECT_EQ(server.calls("/v1/commands").size(), 1u);
}

TEST_F(ApprovingPolicies, OtherTextsThanTheHashesStandForAreNotSigned) {
  tell(hash_of("added\n"), "something else\n");
  EXPECT_EQ(desk.run({"approve", "chg_1", "--yes"}), 7);
  tell(hash_of("added\n"), "added\n");
  tell(hash_of(list), "[]");
  EXPECT_EQ(desk.run({"approve", "chg_1", "--yes"}), 7);
  EXPECT_TRUE(server.calls("/v1/commands").empty());
}

// ---- connecting ----

struct Connecting : Commands {
  void SetUp() override {
    enrol();
    server.on("POST /v1/connect", [this](const Call& call) {
      const auto csr = *crypto::CertificateRequest::from_pem(text_or_empty(body_of(call), "csr"));
      return net::json_response(Json::object(
          {{"grant", "grt_1"},
           {"entitlement", "pg/orders/reader"},
           {"until", to_text(clock.now() + std::chrono::minutes(30))},
           {"door", Json::object({{"host", "127.0.0.1"}, {"port", 6432}})},
           {"database", "orders"},
           {"certificate", server.certificate_for(csr.public_key(), std::chrono::minutes(30))},
           {"roots", server.pki.roots()}}));
    });
  }
  // A program in psql's place: writes what it was given and answers 3.
  std::string script() {
    const std::string path = desk.folder.path + "/psql";
    const std::string seen = desk.folder.path + "/seen";
    EXPECT_TRUE(write_file(path,
                           "#!/bin/sh\n{ echo \"args: $*\"; env; cat \"$PGSSLKEY\"; "
                           "stat -c 'mode %a' \"$PGSSLKEY\" \"$(dirname \"$PGSSLKEY\")\"; } > " +
                               seen + "\nexit 3\n",
                           0700));
    return path;
  }
  std::string seen() { return *read_file(desk.folder.path + "/seen"); }
};

TEST_F(Connecting, GivesPsqlAKeyThatEndsWithIt) {
  desk.context.psql = script();
  ::setenv("PGPASSWORD", "standing secret", 1);
  EXPECT_EQ(desk.run({"connect", "pg/orders/reader", "--", "-c", "select 1"}), 3)
      << desk.terminal.notes;
  ::unsetenv("PGPASSWORD");
  const std::string text = seen();
  EXPECT_NE(text.find("args: -c select 1\n"), std::string::npos);
  EXPECT_NE(text.find("PGHOST=127.0.0.1\n"), std::string::npos);
  EXPECT_NE(text.find("PGDATABASE=pg/orders/reader\n"), std::string::npos);
  EXPECT_NE(text.find("PGSSLMODE=verify-full\n"), std::string::npos);
  EXPECT_NE(text.find("BEGIN PRIVATE KEY"), std::string::npos);
  EXPECT_NE(text.find("mode 600\nmode 700\n"), std::string::npos);
  EXPECT_EQ(text.find("standing secret"), std::string::npos);
  for (const auto& entry : std::filesystem::directory_iterator(desk.folder.path)) {
    EXPECT_FALSE(entry.path().filename().string().starts_with("writ-key-")) << entry.path();
  }
}

TEST_F(Connecting, EnvHandsOutFilesThatTheNextCallRemovesWhenEnded) {
  ASSERT_EQ(desk.run({"connect", "pg/orders/reader", "--json"}), 0);
  const Json answer = *parse_json(desk.terminal.output);
  const std::string key = text_or_empty(*answer.find("environment"), "PGSSLKEY");
  EXPECT_TRUE(read_file(key));
  ASSERT_EQ(desk.run({"connect", "pg/orders/reader", "--env"}), 0);
  EXPECT_NE(desk.terminal.output.find("export PGPORT='6432'\n"), std::string::npos);
  EXPECT_NE(desk.terminal.output.find("the key lies in"), std::string::npos);
  EXPECT_TRUE(read_file(key));
  clock.advance(std::chrono::minutes(31));
  ASSERT_EQ(desk.run({"connect", "pg/orders/reader", "--env"}), 0);
  EXPECT_FALSE(read_file(key));
}

TEST_F(Connecting, AMissingPsqlSaysWhatElseThereIs) {
  desk.context.psql = desk.folder.path + "/no-such-psql";
  EXPECT_EQ(desk.run({"connect", "pg/orders/reader"}), 4);
  EXPECT_NE(desk.terminal.notes.find("--env"), std::string::npos);
}

TEST_F(Connecting, RunUsesTheMachinesIdentity) {
  server.enrolled(desk.context.home + "/identities/job", "service_account");
  const std::string program = script();
  EXPECT_EQ(desk.run({"run", "--as", "job", "pg/orders/reader", "--", program, "x"}), 3)
      << desk.terminal.notes;
  EXPECT_NE(seen().find("args: x\n"), std::string::npos);
  EXPECT_EQ(desk.run({"run", "--as", "jop", "pg/orders/reader", "--", program}), 4);
  EXPECT_NE(desk.terminal.notes.find("did you mean job?"), std::string::npos);
}

// ---- machines, enrolling ----

TEST_F(Commands, AMachineRenewsByItself) {
  server.enrolled(desk.context.home, "service_account", std::chrono::minutes(30));
  server.on("GET /v1/whoami", Json::object({{"name", "job"}}));
  std::string issued;
  server.on("POST /v1/login", [&](const Call& call) {
    const auto csr = *crypto::CertificateRequest::from_pem(text_or_empty(body_of(call), "csr"));
    issued = server.certificate_for(csr.public_key(), std::chrono::minutes(30));
    return net::json_response(Json::object(
        {{"certificate", issued}, {"until", to_text(clock.now() + std::chrono::minutes(30))}}));
  });
  ASSERT_EQ(desk.run({"whoami"}), 0) << desk.terminal.notes;
  EXPECT_TRUE(server.calls("/v1/login").empty());  // more than a third is left
  clock.advance(std::chrono::minutes(21));
  ASSERT_EQ(desk.run({"whoami"}), 0) << desk.terminal.notes;
  EXPECT_EQ(server.calls("/v1/login").size(), 1U);
  EXPECT_EQ(server.calls().back().serial, crypto::Certificate::from_pem(issued)->serial());
  clock.advance(std::chrono::minutes(31));  // ended: still renews, the key alone is enough
  EXPECT_EQ(desk.run({"whoami"}), 0) << desk.terminal.notes;
}

TEST_F(Commands, EnrollingAPersonMakesAKeyAndLogsIn) {
  const std::string ticket =
      "writ1." + to_base64url(canonical(Json::object({{"server", server.url()},
                                                      {"code", "ABCDE-FGHIJ"},
                                                      {"ca", server.pki.roots()},
                                                      {"trust_domain", "test"}})));
  server.on("POST /v1/enroll",
            Json::object({{"identity", "idn_alice"},
                          {"kind", "user"},
                          {"name", "alice"},
                          {"spiffe_id", "spiffe://test/user/alice"},
                          {"trust_domain", "test"},
                          {"device", "dev_7"},
                          {"roots", server.pki.roots()},
                          {"totp_uri", "otpauth://totp/test:alice?secret=ABC&issuer=test"}}));
  server.on("POST /v1/login", [this](const Call& call) {
    EXPECT_EQ(text_or_empty(body_of(call), "code"), "654321");
    EXPECT_EQ(text_or_empty(body_of(call), "device"), "dev_7");
    const auto csr = *crypto::CertificateRequest::from_pem(text_or_empty(body_of(call), "csr"));
    return net::json_response(Json::object(
        {{"certificate", server.certificate_for(csr.public_key(), std::chrono::hours(12))},
         {"until", to_text(clock.now() + std::chrono::hours(12))}}));
  });
  desk.terminal.input = {ticket, "654321"};
  ASSERT_EQ(desk.run({"enroll", "--label", "laptop"}), 0) << desk.terminal.notes;
  EXPECT_NE(desk.terminal.output.find("otpauth://totp/test:alice"), std::string::npos);
  EXPECT_NE(desk.terminal.output.find("Logged in as alice"), std::string::npos);
  const Json body = body_of(server.calls("/v1/enroll")[0]);
  EXPECT_EQ(text_or_empty(body, "code"), "ABCDE-FGHIJ");
  EXPECT_EQ(text_or_empty(body, "label"), "laptop");
  desk.terminal.input = {ticket};
  EXPECT_EQ(desk.run({"enroll"}), 5);  // this home has its device
}

TEST_F(Commands, ABrokenTicketIsRefused) {
  for (const char* ticket : {"", "writ1.", "writ1.%%%", "writ2.e30", "writ1.e30"}) {
    desk.terminal.input = {ticket};
    EXPECT_EQ(desk.run({"enroll"}), 2) << ticket;
  }
  EXPECT_TRUE(server.calls().empty());
}

TEST_F(Commands, ACertificateForSomebodyElseIsRefused) {
  enrol();
  const auto other = *crypto::PrivateKey::generate(crypto::KeyKind::kP256);
  server.on("POST /v1/login",
            Json::object(
                {{"certificate", server.certificate_for(other.public_key(), std::chrono::hours(1))},
                 {"until", "2026-11-21T09:30:00.000Z"}}));
  desk.terminal.input = {"123456"};
  EXPECT_EQ(desk.run({"login"}), 7);
}

TEST_F(Commands, RevokeSaysWhenItWasObserved) {
  enrol();
  server.on("POST /v1/commands", *parse_json(R"({"result":{"grant":"grt_1"},"seq":1})"));
  server.on("GET /v1/grants/grt_1", *parse_json(R"({"grant":{},"state":"ended","story_tail":[
      {"seq":5,"time":"2026-11-21T09:30:00.000Z","line":"r","kind":"grant_revoking"},
      {"seq":6,"time":"2026-11-21T09:30:00.014Z","line":"c","kind":"grant_cut"},
      {"seq":7,"time":"2026-11-21T09:30:00.250Z","line":"e","kind":"grant_ended"}]})"));
  EXPECT_EQ(desk.run({"revoke", "grt_1", "--reason", "done"}), 0) << desk.terminal.notes;
  EXPECT_NE(desk.terminal.output.find("its sessions ended, observed by the door after 14ms"),
            std::string::npos)
      << desk.terminal.output;
  EXPECT_NE(desk.terminal.output.find("after 250ms"), std::string::npos);
  server.on("GET /v1/grants/grt_1",
            *parse_json(R"({"grant":{},"state":"revoking","story_tail":[]})"));
  EXPECT_EQ(desk.run({"revoke", "grt_1", "--reason", "done"}), 6);
}

TEST_F(Commands, WhoeverMayNotLookAtTheGrantReadsItsStory) {
  enrol();
  server.on("POST /v1/commands", *parse_json(R"({"result":{"grant":"grt_1"},"seq":1})"));
  server.on("GET /v1/grants/grt_1", [](const Call&) { return refused(Code::kDenied, "no"); });
  server.on("GET /v1/evidence/story/grt_1", *parse_json(R"({"entries":[
      {"log":"journal","index":5,"time":"2026-11-21T09:30:00.000Z","line":"r",
       "entry":{"kind":"grant_revoking","data":{"grant":"grt_1"}}},
      {"log":"journal","index":6,"time":"2026-11-21T09:30:00.014Z","line":"c",
       "entry":{"kind":"grant_cut","data":{"grant":"grt_1","sessions":["ses_1"]}}},
      {"log":"journal","index":7,"time":"2026-11-21T09:30:00.250Z","line":"e",
       "entry":{"kind":"grant_ended","data":{"grant":"grt_1"}}}]})"));
  EXPECT_EQ(desk.run({"revoke", "grt_1", "--reason", "done"}), 0) << desk.terminal.notes;
  EXPECT_NE(desk.terminal.output.find("1 session ended"), std::string::npos);
}

TEST_F(Commands, CompletionOffersWhatFits) {
  enrol();
  server.on("GET /v1/list/entitlements",
            *parse_json(R"({"rows":[{"name":"pg/orders/reader","terms":"up to 1h"},
                                    {"name":"pg/orders/`reboot`","terms":""}]})"));
  EXPECT_EQ(desk.run({"__complete", "req"}), 0);
  EXPECT_TRUE(desk.terminal.output.starts_with("request\t"));
  EXPECT_EQ(desk.run({"__complete", "request", "pg"}), 0);
  EXPECT_EQ(desk.terminal.output, "pg/orders/reader\tup to 1h\n");
  EXPECT_EQ(desk.run({"__complete", "evidence", "v"}), 0);
  EXPECT_TRUE(desk.terminal.output.starts_with("verify\t"));
  EXPECT_EQ(desk.run({"__complete", "list", "gr"}), 0);
  EXPECT_EQ(desk.terminal.output, "grants\ngroups\n");
  EXPECT_EQ(desk.run({"__complete", "policy", "check", "x"}), 0);
  EXPECT_EQ(desk.terminal.output, ":files\n");
  EXPECT_EQ(desk.run({"__complete", "revoke", "--re"}), 0);
  EXPECT_TRUE(desk.terminal.output.starts_with("--reason\t"));
}

}  // namespace
}  // namespace writ::cmd
