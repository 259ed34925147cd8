// AuthZEN 1.0 over the real service: evaluations, discovery, and a client that shares no code.
#include "api/authzen.h"

#include <chrono>

#include "api/authzen_for_test.h"
#include "base/file.h"
#include "crypto/jws.h"

namespace writ::api {
namespace {

TEST_F(AuthzenTest, CertificationBasic) {
  fixture();
  EXPECT_TRUE(allowed(ask(kAlice, kRead, kRecord1)));
  EXPECT_TRUE(allowed(ask(kAlice, kWrite, kRecord1)));
  EXPECT_TRUE(allowed(ask(kBob, kRead, kRecord1)));
  EXPECT_FALSE(allowed(ask(kBob, kWrite, kRecord1)));
  EXPECT_FALSE(allowed(ask(kAlice, kWrite, kRecord2)));
  EXPECT_TRUE(allowed(ask(kBobAdmin, kWrite, kRecord2)));
  EXPECT_TRUE(allowed(ask(kAlice, R"({"name":"delete","properties":{"soft":true}})", kRecord1)));
  EXPECT_FALSE(allowed(ask(kAlice, R"({"name":"delete","properties":{"soft":false}})", kRecord1)));
  EXPECT_TRUE(allowed(ask(kAlice, kRead, kRecord1, kContext)));
  EXPECT_TRUE(allowed(
      ask(R"({"type":"user","id":"alice","properties":{"department":"Sales","role":"manager"}})",
          R"({"name":"read","properties":{"method":"GET"}})",
          R"({"type":"record","id":"record-1","properties":{"status":"active","owner":"bob"}})")));
  EXPECT_TRUE(
      allowed(ask(kAlice, kRead, kRecord1, R"("foo":"bar","futureField":{"nested":true})")));
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(allowed(ask(kAlice, kRead, kRecord1)));
}

TEST_F(AuthzenTest, CertificationErrors) {
  fixture();
  EXPECT_EQ(refused(kOne, ask("", kRead, kRecord1)), "/subject");
  EXPECT_EQ(refused(kOne, ask(kAlice, "", kRecord1)), "/action");
  EXPECT_EQ(refused(kOne, ask(kAlice, kRead, "")), "/resource");
  EXPECT_EQ(refused(kOne, ask(R"({"id":"alice"})", kRead, kRecord1)), "/subject/type");
  EXPECT_EQ(refused(kOne, ask(kUsers, kRead, kRecord1)), "/subject/id");
  EXPECT_EQ(refused(kOne, ask(kAlice, "{}", kRecord1)), "/action/name");
  EXPECT_EQ(refused(kOne, ask(kAlice, kRead, R"({"id":"record-1"})")), "/resource/type");
  EXPECT_EQ(refused(kOne, ask(kAlice, kRead, kRecords)), "/resource/id");
  EXPECT_EQ(refused(kOne, ask("\"alice\"", kRead, kRecord1)), "/subject");
  EXPECT_EQ(refused(kOne, ask(kAlice, R"({"name":123})", kRecord1)), "/action/name");
  EXPECT_EQ(refused(kOne, ask(kAlice, kRead, kRecord1, "\"context\":7")), "/context");
  EXPECT_EQ(refused(kOne, ask(R"({"type":"user","id":"a","properties":[]})", kRead, kRecord1)),
            "/subject/properties");
  for (const std::string_view bad : {"{\"subject\":", "", "[]", "null", "{} {}"}) {
    EXPECT_EQ(status_of(kOne, bad), 400) << bad;
  }
  const std::string good = ask(kAlice, kRead, kRecord1);
  for (const std::string type : {"text/plain", "application/jsonp", "application/x-json"}) {
    EXPECT_EQ(post(kOne, good, {{"Content-Type", type}})->status, 400) << type;
  }
  for (const std::string type : {"application/json; charset=utf-8", "Application/JSON"}) {
    EXPECT_EQ(post(kOne, good, {{"Content-Type", type}})->status, 200) << type;
  }
  EXPECT_EQ(call_as({}, "POST", kOne, good)->status, 401);
  const auto get = call(&door_, "GET", kOne);
  EXPECT_EQ(get->status, 405);
  EXPECT_EQ(get->header("Allow"), "POST");
  EXPECT_EQ(status_of("/access/v1/nothing", good), 404);
  EXPECT_EQ(status_of(kOne, std::string(65 * 1024, ' ')), 413);
  EXPECT_EQ(refused(kOne, ask(R"({"type":"user","id":")" + std::string(1025, 'x') + "\"}", kRead,
                              kRecord1)),
            "/subject/id");
}

TEST_F(AuthzenTest, TheIdOfARequestComesBack) {
  fixture();
  const std::string id = "bfe9eb29-ab87-4ca3-be83-a1d5d8305716 (first)";
  const std::vector<net::Header> headers{{"X-Request-ID", id}};
  const std::string good = ask(kAlice, kRead, kRecord1);
  for (const std::string_view path : {kOne, kMany}) {
    EXPECT_EQ(post(path, good, headers)->header("X-Request-ID"), id) << path;
  }
  for (const std::string_view path : {kOne, kMany, kSubjects, kResources, kActions}) {
    EXPECT_EQ(post(path, "{}", headers)->header("X-Request-ID"), id) << path;
  }
  EXPECT_EQ(post(kSubjects, ask(kUsers, kRead, kRecord1), headers)->header("X-Request-ID"), id);
  EXPECT_EQ(post(kOne, std::string(65 * 1024, ' '), headers)->header("X-Request-ID"), id);
  EXPECT_EQ(post("/nowhere", "{}", headers)->header("X-Request-ID"), id);
  EXPECT_EQ(call_as({}, "POST", kOne, good, headers)->header("X-Request-ID"), id);
  EXPECT_TRUE(post(kOne, good)->header("X-Request-ID").empty());
  const auto longer = post(kOne, good, {{"X-Request-ID", std::string(201, 'x')}});
  EXPECT_EQ(longer->status, 400);
  EXPECT_TRUE(longer->header("X-Request-ID").empty());
}

// Law 8: nothing that the schema does not let the door assert.
TEST_F(AuthzenTest, WhatADoorMayNotAssertIsADenialThatNamesIt) {
  fixture();
  const Json denied = answered(
      kOne,
      ask(kAlice, kRead, R"({"type":"record","id":"record-1","properties":{"colour":"red"}})"));
  EXPECT_FALSE(is_allowed(denied));
  EXPECT_NE(compact(denied).find("/resource/properties/colour"), std::string::npos)
      << compact(denied);
  EXPECT_FALSE(allowed(ask(kAlice, kRead, kRecord1, R"("context":{"approved":true})")));
  EXPECT_FALSE(allowed(ask(kAlice, kRead, kRecord1, R"("context":{"now":"2025-06-27"})")));
  EXPECT_FALSE(allowed(ask(kAlice, kRead, kRecord1, R"("context":{"ip":7})"))) << "no String";
  // What was asserted, and by which door, stands in the entry.
  const Json said = answered(kOne, ask(kAlice, kRead, kRecord1, kContext));
  ASSERT_TRUE(is_allowed(said));
  const auto entry = static_cast<std::uint64_t>(*said.find("context")->find("entry")->as_int());
  const auto kept = control::read_decision_payload(plane_->evidence().decision(entry)->payload);
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->question.door, door_.identity);
  EXPECT_EQ(text_of(*kept->question.asserted.find("context"), "ip"), "192.168.1.1");
}

TEST_F(AuthzenTest, WhoIsNoDoorAssertsNothing) {
  const auto asked = [&](std::string_view more) {
    const auto reply =
        post_as(ada_, kOne,
                R"({"subject":{"type":"identity","id":")" + ada_.identity +
                    R"("},"action":{"name":"list_own"},"resource":{"type":"system","id":"writ"})" +
                    std::string(more) + "}");
    const auto json = parse_json(reply ? reply->body : "");
    return json && is_allowed(*json);
  };
  EXPECT_TRUE(asked(""));
  EXPECT_TRUE(asked(R"(,"context":{})"));
  EXPECT_FALSE(asked(R"(,"context":{"now":"2025-06-27"})"));
  EXPECT_FALSE(asked(R"(,"context":{"approved":true})"));
}

TEST_F(AuthzenTest, CertificationBatch) {
  fixture();
  using Decisions = std::vector<bool>;
  EXPECT_EQ(many(ask(kAlice, kRead, "",
                     R"("evaluations":[{"resource":{"type":"record","id":"record-1"}},
                                       {"resource":{"type":"record","id":"record-2"}}])"))
                .size(),
            2u);
  EXPECT_EQ(many(ask(kBob, "", kRecord1,
                     R"("evaluations":[{"action":{"name":"read"}},{"action":{"name":"write"}}])")),
            (Decisions{true, false}));
  const std::string records = R"("evaluations":[
      {"resource":{"type":"record","id":"record-1","properties":{"status":"active"}}},
      {"resource":{"type":"record","id":"record-2","properties":{"status":"archived"}}}])";
  EXPECT_EQ(many(ask(kAlice, kWrite, "", records)), (Decisions{true, false}));
  EXPECT_EQ(many(ask("", kWrite, kRecord2,
                     "\"evaluations\":[{\"subject\":" + std::string(kAlice) +
                         "},{\"subject\":" + std::string(kBobAdmin) + "}]")),
            (Decisions{false, true}));
  EXPECT_EQ(many("{\"evaluations\":[" + ask(kAlice, kRead, kRecord1) + "," +
                 ask(kBob, kWrite, kRecord1) + "]}"),
            (Decisions{true, false}));
  EXPECT_EQ(many(ask(kAlice, kRead, "",
                     R"("context":{"time":"2025-06-27T18:03-07:00"},"evaluations":[
                        {"resource":{"type":"record","id":"record-1"}},
                        {"resource":{"type":"record","id":"record-2"},
                         "context":{"time":"2025-06-27T19:00-07:00","source":"batch"}}])"))
                .size(),
            2u);
  EXPECT_EQ(many(ask(kAlice, kWrite, kRecord1,
                     "\"evaluations\":[{},{\"resource\":" + std::string(kRecord2) + "}]")),
            (Decisions{true, false}));
  const Json broken = answered(kMany, ask(kAlice, kRead, "",
                                          R"("options":{"evaluations_semantic":"execute_all"},
      "evaluations":[{"resource":{"type":"record","id":"record-1"}},{}])"));
  EXPECT_EQ(decisions_of(broken), (Decisions{true, false}));
  const Json& error = *broken.find("evaluations")->as_array()->at(1).find("context")->find("error");
  EXPECT_EQ(*error.find("status")->as_int(), 400);
  EXPECT_EQ(text_of(error, "where"), "/evaluations/1/resource");
  EXPECT_TRUE(is_allowed(answered(kMany, ask(kAlice, kRead, kRecord1))));
  EXPECT_TRUE(is_allowed(answered(kMany, ask(kAlice, kRead, kRecord1, "\"evaluations\":[]"))));
}

TEST_F(AuthzenTest, EvaluationsStopWhereTheyAreToldTo) {
  fixture();
  using Decisions = std::vector<bool>;
  const auto with = [&](std::string_view semantic, std::string_view items) {
    return many(ask(kBob, "", kRecord1,
                    "\"options\":{\"evaluations_semantic\":\"" + std::string(semantic) +
                        "\",\"other\":1},\"evaluations\":[" + std::string(items) + "]"));
  };
  const std::string yes = R"({"action":{"name":"read"}})", no = R"({"action":{"name":"write"}})";
  const std::string bad = R"({"action":{}})";
  EXPECT_EQ(with("execute_all", yes + "," + no + "," + bad + "," + yes),
            (Decisions{true, false, false, true}));
  EXPECT_EQ(with("deny_on_first_deny", yes + "," + no + "," + yes), (Decisions{true, false}));
  EXPECT_EQ(with("deny_on_first_deny", yes + "," + bad + "," + yes), (Decisions{true, false}));
  EXPECT_EQ(with("deny_on_first_deny", bad + "," + yes), (Decisions{false}));
  EXPECT_EQ(with("deny_on_first_deny", yes + "," + yes), (Decisions{true, true}));
  EXPECT_EQ(with("permit_on_first_permit", no + "," + bad + "," + yes + "," + no),
            (Decisions{false, false, true}));
  EXPECT_EQ(with("permit_on_first_permit", no + "," + bad), (Decisions{false, false}));
}

TEST_F(AuthzenTest, EachOfManySaysWhenItChangesAsOneDoes) {
  apply_files({{"pdp.cedar",
                "@id(\"a-while\") permit (principal is Pdp::user, action == Pdp::Action::\"read\", "
                "resource is Pdp::record) when { context.now < datetime(\"3000-01-01\") };"},
               {"pdp.cedarschema", std::string(kSchema)}});
  const auto changes_at = [](const Json& answer) {
    return text_of(*answer.find("context"), "changes_at");
  };
  const std::string wanted = R"("context":{"next_change":true})";
  const Json one = answered(kOne, ask(kAlice, kRead, kRecord1, wanted));
  EXPECT_EQ(changes_at(one), "3000-01-01T00:00:00.000Z");
  const Json many =
      answered(kMany, ask(kAlice, kRead, kRecord1, wanted + R"(,"evaluations":[{},{"context":{}},
      {"context":{"next_change":1}},{"action":{"name":"write"}}])"));
  EXPECT_EQ(decisions_of(many), (std::vector<bool>{true, true, false, false}));
  const JsonArray& items = *many.find("evaluations")->as_array();
  EXPECT_EQ(changes_at(items[0]), changes_at(one));
  EXPECT_EQ(changes_at(items[1]), "");
  EXPECT_EQ(text_of(*items[2].find("context")->find("error"), "where"),
            "/evaluations/2/context/next_change");
  EXPECT_EQ(changes_at(items[3]), "");  // it stays denied
}

TEST_F(AuthzenTest, WhatIsWrongWithAllEvaluationsIsOneError) {
  fixture();
  const auto where = [&](std::string_view more) {
    return refused(kMany, ask(kBob, kRead, kRecord1, more));
  };
  EXPECT_EQ(where("\"evaluations\":{}"), "/evaluations");
  EXPECT_EQ(where("\"evaluations\":[{}],\"options\":[]"), "/options");
  EXPECT_EQ(where("\"evaluations\":[{}],\"options\":{\"evaluations_semantic\":\"any\"}"),
            "/options/evaluations_semantic");
  EXPECT_EQ(where("\"evaluations\":[{}],\"context\":[]"), "/context");
  std::string items = "{}";
  for (std::size_t i = 1; i < kMostEvaluations; ++i) items += ",{}";
  EXPECT_EQ(many(ask(kBob, kRead, kRecord1, "\"evaluations\":[" + items + "]")),
            std::vector<bool>(kMostEvaluations, true));
  EXPECT_EQ(where("\"evaluations\":[" + items + ",{}]"), "/evaluations");
}

// A context that all items share stands in each question and each decision.
TEST_F(AuthzenTest, WhatManyAssertTogetherIsBounded) {
  fixture();
  std::string items;
  for (int i = 0; i < 250; ++i) items += i == 0 ? "{}" : ",{}";
  const Json answer = answered(kMany, ask(kAlice, kRead, kRecord1,
                                          R"("context":{"ip":")" + std::string(200'000, 'x') +
                                              R"("},"evaluations":[)" + items + "]"));
  const auto& all = *answer.find("evaluations")->as_array();
  ASSERT_EQ(all.size(), 250u);
  EXPECT_TRUE(is_allowed(all.front()));
  EXPECT_FALSE(is_allowed(all.back()));
  const Json& error = *all.back().find("context")->find("error");
  EXPECT_EQ(*error.find("status")->as_int(), 400);
  EXPECT_NE(compact(error).find("assert more than 2097152 bytes in all"), std::string::npos);
}

TEST_F(AuthzenTest, EachEvaluationHasItsEntryAndNumber) {
  fixture();
  const Json answer =
      answered(kMany, ask(kBob, "", kRecord1,
                          R"("context":{"door_seq":7},"evaluations":[{"action":{"name":"read"}},
                    {"action":{"name":"write"}},
                    {"action":{"name":"write"},"context":{"door_seq":8}}])"));
  EXPECT_EQ(decisions_of(answer), (std::vector<bool>{true, false, false}));
  const JsonArray& items = *answer.find("evaluations")->as_array();
  for (const std::size_t i : {0u, 2u}) {
    const Json* entry = items[i].find("context")->find("entry");
    ASSERT_NE(entry, nullptr) << compact(answer);
    const auto kept = plane_->evidence().decision(static_cast<std::uint64_t>(*entry->as_int()));
    const auto recorded = control::read_decision_payload(kept->payload);
    ASSERT_TRUE(recorded);
    EXPECT_EQ(recorded->question.subject_type, "user");
    EXPECT_EQ(recorded->question.subject, "bob");
    EXPECT_EQ(recorded->question.action, i == 0 ? "read" : "write");
    EXPECT_EQ(recorded->allow, i == 0);
  }
  const Json* error = items[1].find("context")->find("error");
  ASSERT_NE(error, nullptr) << "the number was used by the first one";
  EXPECT_EQ(*error->find("status")->as_int(), 409);
}

TEST_F(AuthzenTest, CertificationDiscovery) {
  const auto reply =
      call_as({}, "GET", "/.well-known/authzen-configuration", "", {{"X-Request-ID", "d1"}});
  ASSERT_TRUE(reply && reply->status == 200) << reply->body;
  EXPECT_EQ(reply->header("Content-Type"), "application/json");
  EXPECT_EQ(reply->header("X-Request-ID"), "d1");
  const Json document = body_of(reply);
  const std::string url = "https://127.0.0.1:" + std::to_string(service_->port());
  EXPECT_EQ(text_of(document, "policy_decision_point"), url);
  const std::vector<std::pair<std::string_view, std::string_view>> endpoints{
      {"access_evaluation_endpoint", kOne},
      {"access_evaluations_endpoint", kMany},
      {"search_subject_endpoint", kSubjects},
      {"search_resource_endpoint", kResources},
      {"search_action_endpoint", kActions}};
  for (const auto& [name, path] : endpoints) {
    EXPECT_EQ(text_of(document, name), url + std::string(path));
    EXPECT_EQ(status_of(path, "{}"), 400) << path;
  }
  const std::string token = text_of(document, "signed_metadata");
  const auto header = parse_json(*from_base64url(token.substr(0, token.find('.'))));
  ASSERT_TRUE(header);
  std::vector<crypto::Certificate> chain;
  for (const Json& each : *header->find("x5c")->as_array()) {
    chain.push_back(*crypto::Certificate::from_der(*from_base64(*each.as_string())));
  }
  ASSERT_FALSE(chain.empty());
  const auto roots = crypto::Certificate::chain_from_pem(roots_);
  EXPECT_TRUE(crypto::verify(chain, *roots, clock_.now(), crypto::CertificateUsage::kServer));
  EXPECT_TRUE(chain.front().spiffe_id().starts_with("spiffe://example.org/server/"));
  const auto claims = crypto::verify_jwt(chain.front().public_key(), token);
  ASSERT_TRUE(claims) << claims.error().text();
  EXPECT_EQ(text_of(*claims, "iss"), url);
  for (const auto& [name, value] : *document.as_object()) {
    if (name == "signed_metadata") continue;
    EXPECT_EQ(*claims->find(name), value) << name;
  }
  EXPECT_EQ(claims->find("signed_metadata"), nullptr);
}

TEST_F(AuthzenTest, CurlIsAnsweredToo) {
  if (std::system("curl --version >/dev/null 2>&1") != 0) GTEST_SKIP() << "there is no curl";
  fixture();
  ASSERT_TRUE(write_file(folder_ + "/ca.pem", roots_, 0600));
  ASSERT_TRUE(write_file(folder_ + "/cert.pem", door_.certificate, 0600));
  ASSERT_TRUE(write_file(folder_ + "/key.pem", door_.key.to_pem().reveal(), 0600));
  const std::string url = "https://127.0.0.1:" + std::to_string(service_->port());
  const std::string curl =
      "cd '" + folder_ + "' && curl -sS --http1.1 --max-time 20 --cacert ca.pem ";
  const std::string as_door = curl +
                              "--cert cert.pem --key key.pem -H 'Content-Type: application/json' "
                              "-H 'X-Request-ID: from curl' -D headers -d @body " +
                              url;
  const auto run = [&](const std::string& command) {
    std::string out;
    FILE* pipe = popen(command.c_str(), "r");
    EXPECT_NE(pipe, nullptr);
    std::array<char, 4096> part{};
    for (std::size_t n = 0; (n = fread(part.data(), 1, part.size(), pipe)) > 0;) {
      out.append(part.data(), n);
    }
    EXPECT_EQ(pclose(pipe), 0) << command;
    const auto json = parse_json(out);
    EXPECT_TRUE(json) << out;
    return json ? *json : Json();
  };
  const auto answer = [&](std::string_view path, const std::string& body) {
    EXPECT_TRUE(write_file(folder_ + "/body", body, 0600));
    return run(as_door + std::string(path));
  };
  EXPECT_TRUE(is_allowed(answer(kOne, ask(kAlice, kRead, kRecord1))));
  const auto headers = read_file(folder_ + "/headers", 1 << 16);
  ASSERT_TRUE(headers);
  EXPECT_TRUE(headers->starts_with("HTTP/1.1 200 OK\r\n")) << *headers;
  EXPECT_NE(headers->find("X-Request-ID: from curl\r\n"), std::string::npos) << *headers;
  EXPECT_EQ(decisions_of(answer(kMany, ask(kBob, "", kRecord1,
                                           R"("evaluations":[{"action":{"name":"read"}},
                                              {"action":{"name":"write"}}])"))),
            (std::vector<bool>{true, false}));
  EXPECT_EQ(names_of(answer(kSubjects, ask(kUsers, kWrite, kRecord2)), "user"), Names{"bob"});
  EXPECT_EQ(names_of(answer(kResources, ask(kAlice, kRead, kRecords)), "record"),
            (Names{"record-1", "record-2"}));
  EXPECT_EQ(names_of(answer(kActions, ask(kAlice, "", kRecord1)), ""), (Names{"read", "write"}));
  EXPECT_EQ(*answer(kOne, "{").find("error")->find("code")->as_string(), "invalid");
  // Another application, with a key that never leaves openssl's file.
  ASSERT_EQ(command(ada_, "add_identity",
                    Json::object(
                        {{"kind", "door"}, {"name", "records"}, {"owner", "group:administrators"}}))
                ->status,
            200);
  const auto opened = command(ada_, "open_enrollment", Json::object({{"identity", "records"}}));
  ASSERT_EQ(opened->status, 200) << opened->body;
  ASSERT_EQ(std::system(("cd '" + folder_ +
                         "' && openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 "
                         "-out key.pem 2>/dev/null && openssl req -new -key key.pem "
                         "-subj /CN=records -out csr.pem")
                            .c_str()),
            0);
  const Json enrolment = Json::object({{"code", text_of(*body_of(opened).find("result"), "code")},
                                       {"csr", *read_file(folder_ + "/csr.pem", 1 << 16)},
                                       {"label", "records"}});
  ASSERT_TRUE(write_file(folder_ + "/body", compact(enrolment), 0600));
  const Json enrolled =
      run(curl + "-H 'Content-Type: application/json' -d @body " + url + "/v1/enroll");
  ASSERT_TRUE(write_file(folder_ + "/cert.pem", text_of(enrolled, "certificate"), 0600));
  EXPECT_FALSE(is_allowed(answer(kOne, ask(kAlice, kRead, kRecord1)))) << "of another application";

  const Json metadata = run(curl + url + "/.well-known/authzen-configuration");
  EXPECT_EQ(text_of(metadata, "policy_decision_point"), url);
  const Json nobody =
      run(curl + "-H 'Content-Type: application/json' -d '{}' " + url + std::string(kOne));
  EXPECT_EQ(text_of(*nobody.find("error"), "code"), "unauthenticated");
}

}  // namespace
}  // namespace writ::api
