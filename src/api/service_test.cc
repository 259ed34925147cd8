// The service's routes, but for AuthZEN's.
#include "api/service_for_test.h"

namespace writ::api {
namespace {

constexpr std::string_view kConnectPolicy =
    "@id(\"anyone-connects\") permit (principal, action == Writ::Action::\"connect\", resource);";

TEST_F(ServiceTest, WithoutACertificateNothingIsAnswered) {
  for (const std::string_view path :
       {"/v1/whoami", "/v1/list/grants", "/v1/evidence/journal/checkpoint", "/v1/grants/grt_x",
        "/v1/explain/dec_0", "/v1/evidence/story/req_x", "/v1/approvals/req_x?decision=approve"}) {
    EXPECT_EQ(status(nullptr, "GET", path), 401) << path;
  }
  for (const std::string_view path :
       {"/v1/commands", "/v1/connect", "/v1/baseline", "/v1/step-up", "/access/v1/evaluation"}) {
    EXPECT_EQ(status(nullptr, "POST", path, Json::object({})), 401) << path;
  }
  EXPECT_EQ(status(nullptr, "GET", "/v1/info"), 200);
}

TEST_F(ServiceTest, ACertificateIsGoodUntilItIsRevokedItsDeviceGoneOrItsIdentityQuarantined) {
  const Holder ada = person("ada");
  const Holder bob = person("bob");
  EXPECT_EQ(status(&ada, "GET", "/v1/whoami"), 200);
  say({core::CertificateRevoked{ada.serial, "lost"}});
  EXPECT_EQ(status(&ada, "GET", "/v1/whoami"), 401);
  const Holder eve = add(bob, "eve", "user");
  EXPECT_EQ(status(&eve, "GET", "/v1/whoami"), 200);
  say({core::DeviceRemoved{eve.device, "lost"}});
  EXPECT_EQ(status(&eve, "GET", "/v1/whoami"), 401);
  say({core::IdentityStateChanged{bob.identity, core::IdentityState::kQuarantined}});
  EXPECT_EQ(status(&bob, "GET", "/v1/whoami"), 403);
}

TEST_F(ServiceTest, CertificatesOfAnotherAuthorityAreRefusedAndSoAreUnknownOnesOfOurs) {
  const Holder ada = person("ada");
  const auto foreign_key = *crypto::PrivateKey::generate(crypto::KeyKind::kP256);
  const auto foreign = *crypto::CertificateAuthority::create(
      foreign_key, "example.org", clock_.now() - std::chrono::hours(1),
      clock_.now() + std::chrono::hours(9), random_);
  const auto own = *crypto::CertificateAuthority::open(plane_->vault().ca_key(), roots_);
  const auto leaf = *crypto::PrivateKey::generate(crypto::KeyKind::kP256);
  crypto::CertificateTemplate wanted{leaf.public_key()};
  wanted.spiffe_id = "spiffe://example.org/user/" + ada.identity;
  wanted.not_before = clock_.now() - std::chrono::minutes(1);
  wanted.not_after = clock_.now() + std::chrono::hours(1);
  const auto refused =
      call_as({foreign.issue(wanted, random_)->pem(), leaf.to_pem()}, "GET", "/v1/whoami", "");
  ASSERT_FALSE(refused) << refused->body;
  EXPECT_EQ(refused.error().code, Code::kUnauthenticated);
  // Signed by our own key, and yet in no journal.
  const auto unknown =
      call_as({own.issue(wanted, random_)->pem(), leaf.to_pem()}, "GET", "/v1/whoami", "");
  ASSERT_TRUE(unknown) << unknown.error().text();
  EXPECT_EQ(unknown->status, 401);
}

TEST_F(ServiceTest, AnEnrolmentCodeWorksOnceAndForAQuarterOfAnHour) {
  Holder ada, again, bob;
  const auto first = enroll(ada, codes_["ada"]);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->status, 200) << first->body;
  EXPECT_TRUE(ada.certificate.empty());  // a person logs in with a code first
  EXPECT_NE(text_of(body_of(first), "totp_uri").find(to_base32(seed_of(ada.identity).reveal())),
            std::string::npos);
  EXPECT_EQ(enroll(again, codes_["ada"])->status, 401);
  EXPECT_EQ(enroll(again, "AAAAA-BBBBB")->status, 401);
  clock_.advance(std::chrono::minutes(16));
  EXPECT_EQ(enroll(bob, codes_["bob"])->status, 401);
}

TEST_F(ServiceTest, ALoginTakesTheDeviceAndEachCodeOnce) {
  Holder ada;
  ASSERT_EQ(enroll(ada, codes_["ada"])->status, 200);
  EXPECT_EQ(login(ada, std::nullopt)->status, 401);
  EXPECT_EQ(login(ada, wrong_code_of(ada.identity))->status, 401);
  Holder thief;  // knows device and code, and has another key
  thief.device = ada.device;
  EXPECT_EQ(login(thief, code_of(ada.identity))->status, 401);
  const std::string code = code_of(ada.identity);
  EXPECT_EQ(login(ada, code)->status, 200);
  EXPECT_EQ(login(ada, code)->status, 401);
  const auto step_up = call(&ada, "POST", "/v1/step-up", Json::object({{"code", code}}));
  EXPECT_EQ(step_up->status, 401) << step_up->body;
  next_step();
  EXPECT_EQ(login(ada, code_of(ada.identity))->status, 200);
}

TEST_F(ServiceTest, AfterFiveWrongCodesTheRightOneWaits) {
  Holder ada;
  ASSERT_EQ(enroll(ada, codes_["ada"])->status, 200);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(login(ada, wrong_code_of(ada.identity))->status, 401);
  EXPECT_EQ(login(ada, code_of(ada.identity))->status, 429);
  clock_.advance(std::chrono::seconds(31));
  EXPECT_EQ(login(ada, wrong_code_of(ada.identity))->status, 401);
  clock_.advance(std::chrono::seconds(31));
  EXPECT_EQ(login(ada, code_of(ada.identity))->status, 429);  // the wait has grown
  clock_.advance(std::chrono::seconds(31));
  EXPECT_EQ(login(ada, code_of(ada.identity))->status, 200);
}

TEST_F(ServiceTest, AnotherDeviceNeedsTheSecondFactorThatIsThere) {
  const Holder ada = person("ada");
  const Holder bob = person("bob");
  const auto opened = command(ada, "open_enrollment", Json::object({{"identity", bob.identity}}));
  ASSERT_EQ(opened->status, 200) << opened->body;
  Holder second;
  const auto enrolled = enroll(second, text_of(*body_of(opened).find("result"), "code"));
  ASSERT_EQ(enrolled->status, 200) << enrolled->body;
  EXPECT_EQ(body_of(enrolled).find("totp_uri"), nullptr);
  EXPECT_TRUE(second.certificate.empty());
  EXPECT_EQ(login(second, std::nullopt)->status, 401);
  EXPECT_EQ(login(second, code_of(ada.identity))->status, 401);
  EXPECT_EQ(login(second, code_of(bob.identity))->status, 200);
}

TEST_F(ServiceTest, WhoIsNoDoorAsksAboutItselfAlone) {
  const Holder ada = person("ada");
  const Holder bob = person("bob");
  const Json other = evaluation(bob.identity, kReader, std::nullopt);
  EXPECT_EQ(status(&ada, "POST", "/access/v1/evaluation", other), 403);
  const auto own =
      call(&ada, "POST", "/access/v1/evaluation", evaluation(ada.identity, kReader, std::nullopt));
  EXPECT_EQ(own->status, 200);
  EXPECT_FALSE(*body_of(own).find("decision")->as_bool());
  EXPECT_EQ(status(&ada, "POST", "/v1/baseline",
                   Json::object({{"subject", "spiffe://example.org/user/" + ada.identity},
                                 {"entitlement", kReader},
                                 {"credential", ada.serial},
                                 {"source_ip", "192.0.2.7"}})),
            403);
}

TEST_F(ServiceTest, WhoAnswersForAMachineMayHaveItsDecisionsExplained) {
  const Holder ada = person("ada");
  const Holder eve = add(ada, "eve", "user"), mallory = add(ada, "mallory", "user");
  const auto added = command(
      ada, "add_identity",
      Json::object(
          {{"kind", "service_account"}, {"name", "job"}, {"owner", "identity:" + eve.identity}}));
  ASSERT_TRUE(added && added->status == 200) << (added ? added->body : "");
  const auto opened = command(ada, "open_enrollment", Json::object({{"identity", "job"}}));
  ASSERT_TRUE(opened && opened->status == 200) << (opened ? opened->body : "");
  Holder job;
  const auto enrolled = enroll(job, text_of(*body_of(opened).find("result"), "code"));
  ASSERT_TRUE(enrolled && enrolled->status == 200) << (enrolled ? enrolled->body : "");
  const Json asked = body_of(call(
      &job, "POST", "/access/v1/evaluation",
      Json::object({{"subject", Json::object({{"type", "identity"}, {"id", job.identity}})},
                    {"action", Json::object({{"name", "list"}})},
                    {"resource", Json::object({{"type", "system"}, {"id", "example.org"}})}})));
  const std::string explain = "/v1/explain/" + text_of(*asked.find("context"), "decision_id");
  EXPECT_EQ(status(&eve, "GET", explain), 200);
  EXPECT_EQ(status(&mallory, "GET", explain), 403);
}

TEST_F(ServiceTest, ADoorIsToldWhatIsRecordedAndOnlyAboutItsOwnTargets) {
  const Holder ada = person("ada");
  const Holder bob = person("bob");
  const Holder door = add(ada, "door-1", "door");
  const Holder other_door = add(ada, "door-2", "door");
  add_target("pg-main", door.identity);
  add_target("pg-other", other_door.identity);
  apply(std::string(kConnectPolicy));
  give("grt_a", ada.identity, std::string(kReader));
  const auto ask = [&](const Holder& who, const std::string& subject, std::string_view what,
                       const Json& context) {
    return call(&who, "POST", "/access/v1/evaluation", evaluation(subject, what, context));
  };
  const std::string spiffe = "spiffe://example.org/user/" + ada.identity;
  const auto allowed = ask(door, spiffe, kReader, seen(1, ada.serial));
  ASSERT_EQ(allowed->status, 200) << allowed->body;
  const Json answer = body_of(allowed);
  EXPECT_TRUE(*answer.find("decision")->as_bool()) << allowed->body;
  const Json& told = *answer.find("context");
  EXPECT_EQ(text_of(told, "grant"), "grt_a");
  const auto entry =
      plane_->evidence().decision(static_cast<std::uint64_t>(*told.find("entry")->as_int()));
  ASSERT_TRUE(entry) << entry.error().text();
  const auto recorded = control::read_decision_payload(entry->payload);
  ASSERT_TRUE(recorded) << recorded.error().text();
  EXPECT_TRUE(recorded->allow);
  EXPECT_EQ(recorded->question.subject, ada.identity);
  EXPECT_EQ(recorded->question.door, door.identity);
  EXPECT_EQ(recorded->question.credential, ada.serial);

  const auto denied = [&](const Holder& who, const std::string& subject, std::string_view what,
                          const Json& context) {
    const auto reply = ask(who, subject, what, context);
    EXPECT_EQ(reply->status, 200) << reply->body;
    return reply->status == 200 && !*body_of(reply).find("decision")->as_bool();
  };
  EXPECT_TRUE(denied(door, spiffe, kReader, seen(2, bob.serial))) << "another's certificate";
  EXPECT_TRUE(denied(door, spiffe, kReader, seen(3, ""))) << "no certificate";
  EXPECT_TRUE(denied(door, spiffe, "pg-other/orders/reader", seen(4, ada.serial)));
  EXPECT_TRUE(denied(other_door, spiffe, kReader, seen(1, ada.serial)));
  EXPECT_TRUE(
      denied(door, "spiffe://example.org/user/" + bob.identity, kReader, seen(5, bob.serial)));

  EXPECT_EQ(ask(door, spiffe, kReader, seen(1, ada.serial))->status, 409);
  const auto uncounted = ask(door, spiffe, kReader, Json::object({{"credential", ada.serial}}));
  EXPECT_EQ(uncounted->status, 400);
  EXPECT_EQ(net::error_of(*uncounted).where, "/context/door_seq");
}

TEST_F(ServiceTest, ADoorOpensABaselineGrantForWhatStandsBehindIt) {
  const Holder ada = person("ada");
  const Holder door = add(ada, "door-1", "door");
  const Holder other_door = add(ada, "door-2", "door");
  add_target("pg-main", door.identity);
  add_target("pg-other", other_door.identity);
  apply(std::string(kConnectPolicy));
  const Json body = Json::object({{"subject", "spiffe://example.org/user/" + ada.identity},
                                  {"entitlement", kReader},
                                  {"credential", ada.serial},
                                  {"source_ip", "192.0.2.7"}});
  EXPECT_EQ(status(&other_door, "POST", "/v1/baseline", body), 403);
  const auto opened = call(&door, "POST", "/v1/baseline", body);
  ASSERT_EQ(opened->status, 200) << opened->body;
  const std::string grant = text_of(body_of(opened), "grant");
  EXPECT_EQ(plane_->states().get()->grants.find(grant)->beneficiary, ada.identity);
}

TEST_F(ServiceTest, TheCertificateOfAConnectionDoesNothingElse) {
  const Holder ada = person("ada");
  const Holder door = add(ada, "door-1", "door");
  add_target("pg-main", door.identity);
  apply(std::string(kConnectPolicy));
  Holder connection;
  const auto connected = call(&ada, "POST", "/v1/connect",
                              Json::object({{"entitlement", kReader}, {"csr", connection.csr()}}));
  ASSERT_EQ(connected->status, 200) << connected->body;
  take_certificate(connection, body_of(connected));
  EXPECT_EQ(status(&connection, "GET", "/v1/whoami"), 401);
  const auto state = plane_->states().get();
  EXPECT_EQ(state->certificates.find(connection.serial)->grant,
            text_of(body_of(connected), "grant"));
  EXPECT_LE(state->certificates.find(connection.serial)->until,
            *state->grants.find(text_of(body_of(connected), "grant"))->until);
}

TEST_F(ServiceTest, BadJsonGetsOneErrorWithItsPlace) {
  const Holder ada = person("ada");
  const crypto::TlsIdentity shown{ada.certificate, ada.key.to_pem()};
  const auto where = [&](std::string_view path, std::string_view body) {
    const auto reply = call_as(shown, "POST", path, body);
    EXPECT_TRUE(reply && reply->status == 400) << (reply ? reply->body : reply.error().text());
    return reply ? net::error_of(*reply).text() : std::string();
  };
  EXPECT_NE(where("/v1/commands", "{\"command_id\": tru").find("1:1"), std::string::npos);
  EXPECT_NE(where("/v1/commands", "{\"verb\":\"a\",\"verb\":\"b\"}").find("1:"), std::string::npos);
  EXPECT_NE(where("/v1/commands", "{\"command_id\":\"x\",\"verb\":7,\"body\":{}}").find("/verb"),
            std::string::npos);
  EXPECT_NE(where("/access/v1/evaluation", "{\"subject\":{}}").find("/subject/type"),
            std::string::npos);
  EXPECT_NE(where("/v1/commands", std::string(5000, '[')).find("1:"), std::string::npos);
}

TEST_F(ServiceTest, ACommandThatIsSentTwiceIsAnsweredTwiceAndDoneOnce) {
  const Holder ada = person("ada");
  const Holder bob = person("bob");
  const Json body = Json::object({{"kind", "user"}, {"name", "carol"}});
  const auto first = command(ada, "add_identity", body, "cmd-1");
  ASSERT_EQ(first->status, 200) << first->body;
  const auto second = command(ada, "add_identity", body, "cmd-1");
  ASSERT_EQ(second->status, 200) << second->body;
  EXPECT_EQ(compact(*body_of(first).find("result")), compact(*body_of(second).find("result")));
  // Somebody else's id is another command, and tells nothing of hers.
  EXPECT_EQ(command(bob, "add_identity", body, "cmd-1")->status, 409);
}

TEST_F(ServiceTest, ACommandIdStandsForOneCommand) {
  const Holder ada = person("ada");
  const Json body = Json::object({{"kind", "user"}, {"name", "carol"}});
  ASSERT_EQ(command(ada, "add_identity", body, "cmd-1")->status, 200);
  Json other = body;
  other.set("name", "dave");
  const auto refused = command(ada, "add_identity", other, "cmd-1");
  EXPECT_EQ(refused->status, 409);
  EXPECT_NE(refused->body.find("/command_id"), std::string::npos) << refused->body;
  EXPECT_EQ(command(ada, "open_enrollment", Json::object({{"identity", "carol"}}), "cmd-1")->status,
            200);  // its answer is a secret and is not kept, so neither is its id
  EXPECT_EQ(command(ada, "add_identity", other, "cmd-2")->status, 200);
}

TEST_F(ServiceTest, AFirstDeviceLogsInOnlyWhenAnotherAdministratorHasConfirmedIt) {
  const Holder ada = person("ada");
  const Holder bob = person("bob");
  ASSERT_EQ(command(ada, "add_identity", Json::object({{"kind", "user"}, {"name", "eve"}}))->status,
            200);
  const auto ticket = [&] {
    const auto opened = command(ada, "open_enrollment", Json::object({{"identity", "eve"}}));
    return text_of(*body_of(opened).find("result"), "code");
  };
  // Whoever has seen the ticket is faster than the person.
  Holder thief;
  ASSERT_EQ(enroll(thief, ticket())->status, 200);
  EXPECT_EQ(login(thief, code_of(thief.identity))->status, 403);
  EXPECT_EQ(command(ada, "confirm_device", Json::object({{"device", thief.device}}))->status, 403);
  // The person gets another ticket, and with it an authenticator that the thief has not seen.
  Holder eve;
  const auto enrolled = enroll(eve, ticket());
  ASSERT_EQ(enrolled->status, 200);
  EXPECT_FALSE(text_of(body_of(enrolled), "totp_uri").empty());
  ASSERT_EQ(command(bob, "confirm_device", Json::object({{"device", eve.device}}))->status, 200);
  EXPECT_EQ(login(thief, code_of(eve.identity))->status, 403);
  EXPECT_EQ(login(eve, code_of(eve.identity))->status, 200);
  // From here on her authenticator vouches for further devices.
  Holder second;
  const auto again = enroll(second, ticket());
  ASSERT_EQ(again->status, 200);
  EXPECT_TRUE(text_of(body_of(again), "totp_uri").empty());
  next_step();
  EXPECT_EQ(login(second, code_of(eve.identity))->status, 200);
}

TEST_F(ServiceTest, SecretsOfCommandsRestNowhereInClear) {
  const Holder ada = person("ada");
  const auto opened = command(ada, "open_enrollment", Json::object({{"identity", "bob"}}), "c1");
  ASSERT_EQ(opened->status, 200) << opened->body;
  const std::string code = text_of(*body_of(opened).find("result"), "code");
  const Json target =
      Json::object({{"target", Json::object({{"name", "pg-main"},
                                             {"kind", "postgres"},
                                             {"host", "127.0.0.1"},
                                             {"port", 5432},
                                             {"tls", "disable"},
                                             {"ca", ""},
                                             {"connector", "writ_connector"},
                                             {"password", "hunter-2-hunter"},
                                             {"databases", Json::array().push("orders")}})},
                    {"resources", Json::array().push(Json::object({{"name", "pg-main"},
                                                                   {"parent", ""},
                                                                   {"target", "pg-main"},
                                                                   {"tier", "high"},
                                                                   {"environment", ""},
                                                                   {"owner", "administrators"},
                                                                   {"sensitivity", ""},
                                                                   {"labels", Json::array()}}))},
                    {"entitlements", Json::array()}});
  const auto added = command(ada, "add_target", target, "c2");
  ASSERT_EQ(added->status, 200) << added->body;
  const store::Journal& journal = plane_->evidence().journal();
  std::string everything;
  for (const std::string_view table : {"command", "story", "subject_key", "key"}) {
    const auto rows = journal.list(table, {}, 1000);
    ASSERT_TRUE(rows);
    for (const auto& [key, value] : *rows) everything += key + "\n" + value + "\n";
  }
  const auto events = journal.read(0, 1000);
  ASSERT_TRUE(events);
  for (const std::string& event : *events) everything += event + "\n";
  EXPECT_NE(everything.find("writ_connector"), std::string::npos);
  EXPECT_EQ(everything.find("hunter-2-hunter"), std::string::npos);
  EXPECT_EQ(everything.find(code), std::string::npos);
}

TEST_F(ServiceTest, WhoMayNotAddATargetLeavesNothingBehind) {
  const Holder ada = person("ada");
  const Holder eve = add(ada, "eve", "user");
  const Json target =
      Json::object({{"target", Json::object({{"name", "evil"}, {"password", "some password"}})}});
  EXPECT_EQ(command(eve, "add_target", target)->status, 403);
  say({core::GroupAdded{{"g", "", false}}});  // writes the keys that wait
  const auto key = plane_->evidence().journal().get("subject_key", "target:evil");
  ASSERT_TRUE(key);
  EXPECT_FALSE(*key);
}

TEST_F(ServiceTest, TheStoryOfAThingIsNobodysOwn) {
  const Holder ada = person("ada");
  const Holder eve = add(ada, "eve", "user");
  const Holder mallory = add(ada, "mallory", "user");
  const Holder door = add(ada, "door-1", "door");
  add_target("pg-main", door.identity);
  apply(std::string(kConnectPolicy));
  give("grt_e", eve.identity, std::string(kReader));
  give("grt_m", mallory.identity, std::string(kReader));
  EXPECT_EQ(status(&mallory, "GET", "/v1/evidence/story/grt_m"), 200);
  EXPECT_EQ(status(&mallory, "GET", "/v1/evidence/story/grt_e"), 403);
  // Her own grant is part of the story of the entitlement; that does not make all of it hers.
  for (const std::string_view path : {"/v1/evidence/story/", "/v1/explain/", "/v1/grants/"}) {
    EXPECT_EQ(status(&mallory, "GET", std::string(path) + net::percent_encode(kReader)), 403)
        << path;
    EXPECT_EQ(status(&mallory, "GET", std::string(path) + eve.identity), 403) << path;
  }
  EXPECT_EQ(status(&ada, "GET", "/v1/evidence/story/grt_e"), 200);
}

TEST_F(ServiceTest, ARequestThatIsPendingSaysWhatItWaitsFor) {
  const Holder ada = person("ada");
  const Holder door = add(ada, "door-1", "door");
  add_target("pg-main", door.identity);
  apply(R"(@id("anyone-asks") @approval("1 of Writ::Group::\"administrators\"")
    permit (principal, action == Writ::Action::"request", resource);)");
  const Holder eve = add(ada, "eve", "user");
  const auto asked = command(
      eve, "request_access",
      Json::object({{"entitlement", kReader}, {"duration_ms", 600'000}, {"purpose", "to look"}}));
  ASSERT_TRUE(asked && asked->status == 200) << (asked ? asked->body : asked.error().text());
  const std::string request = text_of(*body_of(asked).find("result"), "request");
  const Json said = body_of(call(&eve, "GET", "/v1/explain/" + request));
  EXPECT_NE(compact(said).find("It waits for 1 approval by group:administrators, until"),
            std::string::npos)
      << compact(said);
  EXPECT_EQ(compact(said).find("ask with"), std::string::npos);
}

TEST_F(ServiceTest, OnlyWhoMayDecideSeesWhatIsPending) {
  const Holder ada = person("ada");
  const Holder bob = person("bob");
  const Holder eve = add(ada, "eve", "user");
  const auto proposed = command(
      ada, "add_group",
      Json::object({{"name", "board"}, {"purpose", "they administer"}, {"administers", true}}));
  ASSERT_EQ(proposed->status, 200) << proposed->body;
  const std::string path =
      "/v1/approvals/" + text_of(*body_of(proposed).find("result"), "change") + "?decision=approve";
  EXPECT_EQ(status(&eve, "GET", path), 403);
  EXPECT_EQ(status(&ada, "GET", path), 403);
  EXPECT_EQ(status(&bob, "GET", path), 200);
}

// A megabyte of comments and a policy, as one of several files.
std::string large_policy(const std::string& id) {
  std::string text;
  while (text.size() < (1 << 20)) text += "// " + std::string(90, 'x') + " \"quoted\"\n";
  return text + "@id(\"" + id +
         "\") permit (principal, action == Writ::Action::\"connect\", resource);\n";
}

TEST_F(ServiceTest, PoliciesOfMegabytesComeIntoForceByTwoPersons) {
  const Holder ada = person("ada");
  const Holder bob = person("bob");
  const Holder eve = add(ada, "eve", "user");
  Json files =
      Json::array({Json::object({{"name", "default.cedar"}, {"text", core::default_policies()}})});
  for (const std::string name : {"a", "b", "c", "d"}) {
    files.push(Json::object({{"name", name + ".cedar"}, {"text", large_policy(name)}}));
  }
  const Json whole = Json::object({{"command_id", "policies"},
                                   {"verb", "apply_policy"},
                                   {"body", Json::object({{"files", files}})}});
  constexpr std::string_view kPath = "/v1/commands/apply_policy";
  EXPECT_EQ(status(&ada, "POST", "/v1/commands", whole), 413);
  EXPECT_EQ(status(nullptr, "POST", kPath, whole), 413);
  EXPECT_EQ(status(&eve, "POST", kPath, whole), 403);
  const auto proposed = call(&ada, "POST", kPath, whole);
  ASSERT_EQ(proposed->status, 200) << proposed->body;
  const Json result = *body_of(proposed).find("result");
  const std::string change = text_of(result, "change");
  EXPECT_EQ(result, *body_of(call(&ada, "POST", kPath, whole)).find("result"));  // carried out once

  // Who decides on it reads every text, each by the hash that the statement rests on.
  const std::string approval = "/v1/approvals/" + change;
  const Json shown = body_of(call(&bob, "GET", approval + "?decision=approve"));
  const Json statement = *parse_json(text_of(shown, "statement"));
  const std::string hash = text_of(*statement.find("change")->find("body"), "hash");
  const auto list = call(&bob, "GET", approval + "/texts/" + hash);
  ASSERT_EQ(list->status, 200) << list->body;
  EXPECT_EQ(sha256_hex(list->body), hash);
  const Json names = *parse_json(list->body);
  ASSERT_EQ(names.as_array()->size(), 5u);
  const std::string last = text_of(names.as_array()->back(), "hash");
  EXPECT_TRUE(call(&bob, "GET", approval + "/texts/" + last)->body == large_policy("d"));
  EXPECT_EQ(status(&ada, "GET", approval + "/texts/" + last), 403);
  EXPECT_EQ(status(&eve, "GET", approval + "/texts/" + last), 403);
  EXPECT_EQ(status(&bob, "GET", approval + "/texts/" + std::string(64, '0')), 404);
  EXPECT_EQ(status(&bob, "GET", "/v1/approvals/chg_none/texts/" + last), 404);

  EXPECT_EQ(status(&bob, "POST", "/v1/step-up", Json::object({{"code", code_of(bob.identity)}})),
            200);
  const std::string text = text_of(shown, "statement");
  const auto approved = command(bob, "approve",
                                Json::object({{"id", change},
                                              {"approve", true},
                                              {"signature", to_base64(*bob.key.sign(text))},
                                              {"statement_hash", sha256_hex(text)}}));
  ASSERT_EQ(approved->status, 200) << approved->body;
  EXPECT_EQ(plane_->states().get()->policy_version, 2);
  const Json rows = body_of(call(&ada, "GET", "/v1/list/policies?scope=all"));
  ASSERT_EQ(rows.find("rows")->as_array()->size(), 5u);
  const Json& row = (*rows.find("rows")->as_array())[3];  // by name: a, b, c, d, default
  EXPECT_EQ(text_of(row, "file"), "d.cedar");
  EXPECT_TRUE(text_of(row, "text") == large_policy("d"));
}

TEST_F(ServiceTest, PoliciesThatBreakAnInvariantAreRefused) {
  const Holder ada = person("ada");
  const auto apply = [&](std::string_view invariant) {
    const Json files =
        Json::array({Json::object({{"name", "p.cedar"}, {"text", core::default_policies()}}),
                     Json::object({{"name", "o.invariants.cedar"}, {"text", invariant}})});
    return call(&ada, "POST", "/v1/commands/apply_policy",
                Json::object({{"command_id", new_id("cmd", random_)},
                              {"verb", "apply_policy"},
                              {"body", Json::object({{"files", files}})}}));
  };
  const auto broken = apply(
      "@invariant(\"nobody lists\") forbid (principal, action == Writ::Action::\"list\", "
      "resource);");
  if (broken->status == 503) GTEST_SKIP() << "no solver on this host: cvc5 or z3";
  EXPECT_EQ(broken->status, 409) << broken->body;
  EXPECT_NE(broken->body.find("o.invariants.cedar:1:1"), std::string::npos) << broken->body;
  const auto kept = apply(
      "@invariant(\"users alone issue nothing\") forbid (principal, action == "
      "Writ::Action::\"connect\", resource) unless { context has grant };");
  EXPECT_EQ(kept->status, 200) << kept->body;
}

TEST_F(ServiceTest, WhatIsWrongWithPoliciesIsSaidAtItsPlace) {
  const Holder ada = person("ada");
  const auto answer = [&](std::string_view verb, const Json& body) {
    return call(
        &ada, "POST", "/v1/commands/apply_policy",
        Json::object({{"command_id", new_id("cmd", random_)}, {"verb", verb}, {"body", body}}));
  };
  const auto bad =
      answer("apply_policy", *parse_json(R"({"files":[{"name":"x.cedar","text":"\npermit ("}]})"));
  EXPECT_EQ(bad->status, 400);
  EXPECT_NE(bad->body.find("x.cedar:2:"), std::string::npos) << bad->body;
  EXPECT_EQ(answer("add_group", Json::object())->status, 400);
  EXPECT_EQ(answer("apply_policy", Json::object())->status, 400);
  EXPECT_EQ(call_as({ada.certificate, ada.key.to_pem()}, "POST", "/v1/commands/apply_policy", "{")
                ->status,
            400);
}

}  // namespace
}  // namespace writ::api
