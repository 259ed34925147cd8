// AuthZEN 1.0 over the real service: the certification scenario, the interoperability scenarios,
// and what a search tells whom.
#include "api/authzen.h"

#include <chrono>
#include <filesystem>
#include <set>

#include "api/page_token.h"
#include "api/service_for_test.h"
#include "base/file.h"
#include "crypto/hash.h"
#include "crypto/jws.h"

namespace writ::api {
namespace {

constexpr std::string_view kOne = "/access/v1/evaluation", kMany = "/access/v1/evaluations";
constexpr std::string_view kSubjects = "/access/v1/search/subject",
                           kResources = "/access/v1/search/resource",
                           kActions = "/access/v1/search/action";

// Certification scenario, section "Required Fixture"; its rules by number.
constexpr std::string_view kPolicies = R"(
@id("rules-1-3") permit (principal in Pdp::team::"staff", action == Pdp::Action::"read",
                         resource is Pdp::record);
@id("rules-2-5") permit (principal == Pdp::user::"alice", action == Pdp::Action::"write",
                         resource is Pdp::record)
  unless { resource has status && resource.status == "archived" };
@id("rule-6") permit (principal is Pdp::user, action == Pdp::Action::"write",
                      resource is Pdp::record)
  when { principal has role && principal.role == "admin" &&
         resource has status && resource.status == "archived" };
@id("rules-7-8") permit (principal == Pdp::user::"alice", action == Pdp::Action::"delete",
                         resource is Pdp::record) when { context has soft && context.soft };
)";
// What the scenario sends.
constexpr std::string_view kSchema = R"(namespace Pdp {
  entity team;
  entity user in [team] = { @asserted role?: String, @asserted department?: String };
  entity record = { @asserted status?: String, @asserted owner?: String };
  type Said = {
    @asserted time?: String, @asserted ip?: String, @asserted source?: String,
    @asserted method?: String, @asserted soft?: Bool,
  };
  action read, write, delete appliesTo { principal: [user], resource: [record], context: Said };
})";
constexpr std::string_view kEntities = R"([
 {"uid": {"type": "Pdp::user", "id": "alice"}, "attrs": {},
  "parents": [{"type": "Pdp::team", "id": "staff"}]},
 {"uid": {"type": "Pdp::user", "id": "bob"}, "attrs": {"role": "admin"},
  "parents": [{"type": "Pdp::team", "id": "staff"}]},
 {"uid": {"type": "Pdp::record", "id": "record-1"}, "attrs": {"status": "active"}, "parents": []},
 {"uid": {"type": "Pdp::record", "id": "record-2"}, "attrs": {"status": "archived"},
  "parents": []}])";

using Names = std::set<std::string>;

class AuthzenTest : public ServiceTest {
 protected:
  void SetUp() override {
    ServiceTest::SetUp();
    ada_ = person("ada");
    door_ = add(ada_, "pdp", "door");
  }
  void fixture() {
    apply_files({{"pdp.cedar", std::string(kPolicies)},
                 {"pdp.cedarschema", std::string(kSchema)},
                 {"pdp.entities.json", std::string(kEntities)}});
  }
  Result<net::Reply> post(std::string_view path, std::string_view body,
                          const std::vector<net::Header>& headers = {}) {
    return post_as(door_, path, body, headers);
  }
  Result<net::Reply> post_as(const Holder& who, std::string_view path, std::string_view body,
                             const std::vector<net::Header>& headers = {}) {
    return call_as({who.certificate, who.key.to_pem()}, "POST", path, body, headers);
  }
  int status_of(std::string_view path, std::string_view body) {
    const auto reply = post(path, body);
    EXPECT_TRUE(reply) << reply.error().text();
    return reply ? reply->status : 0;
  }
  // Where the one error of a 400 is.
  std::string refused(std::string_view path, std::string_view body) {
    const auto reply = post(path, body);
    EXPECT_TRUE(reply && reply->status == 400) << body << (reply ? reply->body : "");
    return reply ? net::error_of(*reply).where : "";
  }
  Json answered(std::string_view path, std::string_view body) {
    const auto reply = post(path, body);
    EXPECT_TRUE(reply && reply->status == 200) << body << (reply ? reply->body : "");
    EXPECT_EQ(reply->header("Content-Type"), "application/json");
    return body_of(reply);
  }
  static bool is_allowed(const Json& answer) {
    const Json* decision = answer.find("decision");
    EXPECT_TRUE(decision != nullptr && decision->as_bool() != nullptr);
    return decision != nullptr && decision->as_bool() != nullptr && *decision->as_bool();
  }
  bool allowed(std::string_view body) { return is_allowed(answered(kOne, body)); }
  static std::vector<bool> decisions_of(const Json& answer) {
    std::vector<bool> decisions;
    const Json* list = answer.find("evaluations");
    EXPECT_TRUE(list != nullptr && list->as_array() != nullptr) << compact(answer);
    if (list == nullptr || list->as_array() == nullptr) return decisions;
    for (const Json& each : *list->as_array()) decisions.push_back(is_allowed(each));
    return decisions;
  }
  std::vector<bool> many(std::string_view body) { return decisions_of(answered(kMany, body)); }
  static Names names_of(const Json& answer, const std::string& type) {
    Names names;
    const Json* results = answer.find("results");
    EXPECT_TRUE(results != nullptr && results->as_array() != nullptr) << compact(answer);
    if (results == nullptr || results->as_array() == nullptr) return names;
    for (const Json& each : *results->as_array()) {
      EXPECT_EQ(text_of(each, "type"), type);
      EXPECT_TRUE(names.insert(text_of(each, type.empty() ? "name" : "id")).second);
    }
    return names;
  }
  Names found(std::string_view path, std::string_view body, const std::string& type) {
    return names_of(answered(path, body), type);
  }

  Holder ada_;
  Holder door_;
};

// {"subject": …, "action": …, "resource": …}; "" leaves a member out.
std::string ask(std::string_view subject, std::string_view action, std::string_view resource,
                std::string_view more = {}) {
  std::string out;
  const auto add = [&](std::string_view name, std::string_view value) {
    if (value.empty()) return;
    out += (out.empty() ? "{\"" : ",\"") + std::string(name) + "\":" + std::string(value);
  };
  add("subject", subject);
  add("action", action);
  add("resource", resource);
  if (!more.empty()) out += (out.empty() ? "{" : ",") + std::string(more);
  return out + "}";
}
constexpr std::string_view kAlice = R"({"type":"user","id":"alice"})";
constexpr std::string_view kBob = R"({"type":"user","id":"bob"})";
constexpr std::string_view kBobAdmin =
    R"({"type":"user","id":"bob","properties":{"role":"admin"}})";
constexpr std::string_view kRead = R"({"name":"read"})", kWrite = R"({"name":"write"})";
constexpr std::string_view kRecord1 = R"({"type":"record","id":"record-1"})";
constexpr std::string_view kRecord2 =
    R"({"type":"record","id":"record-2","properties":{"status":"archived"}})";
constexpr std::string_view kUsers = R"({"type":"user"})", kRecords = R"({"type":"record"})";
constexpr std::string_view kContext =
    R"("context":{"time":"2025-06-27T18:03-07:00","ip":"192.168.1.1"})";

// ---- Certification: Basic ----

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
  EXPECT_NE(compact(denied).find("/asserted/resource/colour"), std::string::npos)
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

// ---- Certification: Batch ----

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

// ---- Certification: Search ----

TEST_F(AuthzenTest, CertificationSearch) {
  fixture();
  const Names both{"alice", "bob"}, records{"record-1", "record-2"};
  for (const std::string_view more : {std::string_view(), kContext}) {
    EXPECT_EQ(found(kSubjects, ask(kUsers, kRead, kRecord1, more), "user"), both);
    EXPECT_EQ(found(kResources, ask(kAlice, kRead, kRecords, more), "record"), records);
    EXPECT_EQ(found(kActions, ask(kAlice, "", kRecord1, more), ""), (Names{"read", "write"}));
  }
  EXPECT_EQ(found(kSubjects, ask(kAlice, kRead, kRecord1), "user"), both);
  EXPECT_EQ(found(kResources, ask(kAlice, kRead, kRecord1), "record"), records);
  EXPECT_EQ(found(kSubjects, ask(kUsers, kWrite, kRecord2), "user"), Names{"bob"});
  EXPECT_EQ(found(kResources, ask(kBobAdmin, kWrite, kRecords), "record"), Names{"record-2"});
  EXPECT_EQ(found(kActions, ask(kBobAdmin, "", kRecord2), ""), (Names{"read", "write"}));

  const std::string_view nobody = R"({"type":"user","id":"nonexistent-user"})";
  const std::string_view ship = R"({"type":"spaceship"})",
                         a_ship = R"({"type":"spaceship","id":"x"})";
  EXPECT_TRUE(found(kActions, ask(nobody, "", kRecord1), "").empty());
  EXPECT_TRUE(found(kResources, ask(nobody, kRead, kRecords), "record").empty());
  EXPECT_TRUE(found(kSubjects, ask(ship, kRead, kRecord1), "spaceship").empty());
  EXPECT_TRUE(found(kResources, ask(kAlice, kRead, ship), "spaceship").empty());
  EXPECT_TRUE(found(kActions, ask(kAlice, "", a_ship), "").empty());
  EXPECT_TRUE(found(kSubjects, ask(kUsers, kRead, a_ship), "user").empty());

  EXPECT_EQ(refused(kSubjects, ask(kUsers, "", kRecord1)), "/action");
  EXPECT_EQ(refused(kResources, ask("", kRead, kRecords)), "/subject");
  EXPECT_EQ(refused(kActions, ask(kAlice, "", "")), "/resource");
  EXPECT_EQ(refused(kSubjects, ask(kUsers, kRead, kRecords)), "/resource/id");
  EXPECT_EQ(refused(kResources, ask(kUsers, kRead, kRecords)), "/subject/id");
  EXPECT_EQ(refused(kActions, ask(kUsers, "", kRecord1)), "/subject/id");
}

TEST_F(AuthzenTest, CertificationPages) {
  fixture();
  const auto body = [&](std::string_view page) {
    return ask(kUsers, kRead, kRecord1, "\"page\":" + std::string(page));
  };
  const Json first = answered(kSubjects, body(R"({"limit":1})"));
  const std::string token = text_of(*first.find("page"), "next_token");
  ASSERT_FALSE(token.empty());
  EXPECT_EQ(*first.find("page")->find("count")->as_int(), 1);
  const Json second = answered(kSubjects, body("{\"token\":\"" + token + "\"}"));
  EXPECT_EQ(text_of(*second.find("page"), "next_token"), "");
  Names names = names_of(first, "user");
  for (const std::string& name : names_of(second, "user")) EXPECT_TRUE(names.insert(name).second);
  EXPECT_EQ(names, (Names{"alice", "bob"}));
  const Json whole = answered(kSubjects, body("{}"));
  EXPECT_EQ(text_of(*whole.find("page"), "next_token"), "");
  EXPECT_EQ(*whole.find("page")->find("total")->as_int(), 2);
  const Json none = answered(kSubjects, body(R"({"limit":0})"));
  EXPECT_TRUE(names_of(none, "user").empty());
  EXPECT_FALSE(text_of(*none.find("page"), "next_token").empty());

  for (const std::string_view bad : {R"({"limit":-1})", R"({"limit":"1"})", R"({"limit":1.5})"}) {
    EXPECT_EQ(refused(kSubjects, body(bad)), "/page/limit") << bad;
  }
  EXPECT_EQ(refused(kSubjects, body("[]")), "/page");
  EXPECT_EQ(refused(kSubjects, body(R"({"token":7})")), "/page/token");
  EXPECT_EQ(refused(kSubjects, body("{\"limit\":2,\"token\":\"" + token + "\"}")), "/page/limit");
  std::string changed = token;
  changed[changed.size() / 2] = changed[changed.size() / 2] == 'A' ? 'B' : 'A';
  EXPECT_EQ(refused(kSubjects, body("{\"token\":\"" + changed + "\"}")), "/page/token");
  // Of another question, another kind of search, another asker.
  EXPECT_EQ(
      refused(kSubjects, ask(kUsers, kWrite, kRecord1, "\"page\":{\"token\":\"" + token + "\"}")),
      "/page/token");
  EXPECT_EQ(
      refused(kResources, ask(kAlice, kRead, kRecord1, "\"page\":{\"token\":\"" + token + "\"}")),
      "/page/token");
  const Holder other = add(ada_, "pdp-2", "door");
  EXPECT_EQ(post_as(other, kSubjects, body("{\"token\":\"" + token + "\"}"))->status, 400);
  clock_.advance(kTokenLife);
  EXPECT_EQ(refused(kSubjects, body("{\"token\":\"" + token + "\"}")), "/page/token");
}

// ---- Discovery ----

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

// ---- A client that shares no code with Writ ----

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

// ---- What a search tells whom ----

TEST_F(AuthzenTest, ASearchIsPermittedByPolicyAndRecordedOnce) {
  const Holder bob = person("bob");
  const Holder eve = add(ada_, "eve", "user");
  add_target("pg-main", door_.identity);
  apply(std::string("@id(\"anyone-connects\") permit (principal, action == ") +
        "Writ::Action::\"connect\", resource);");
  give("grt_a", eve.identity, std::string(kReader));
  const auto subject = [](const Holder& who) {
    return R"({"type":"identity","id":")" + who.identity + "\"}";
  };
  const std::string connect = R"({"name":"connect"})";
  const std::string entitlements = R"({"type":"entitlement"})";
  const std::string reader = R"({"type":"entitlement","id":")" + std::string(kReader) + "\"}";
  const std::string hers = ask(subject(eve), connect, entitlements);
  const std::string who = ask(R"({"type":"identity"})", connect, reader);

  const auto next_entry = [&] {
    const auto reply = post_as(eve, kOne, ask(subject(eve), connect, reader));
    return static_cast<std::uint64_t>(*body_of(reply).find("context")->find("entry")->as_int()) + 1;
  };
  const std::uint64_t before = next_entry();
  const auto own = post_as(eve, kResources, hers);
  ASSERT_EQ(own->status, 200) << own->body;
  EXPECT_EQ(names_of(body_of(own), "entitlement"), Names{std::string(kReader)});
  ASSERT_EQ(next_entry(), before + 2) << "one for the search, and one for this question";
  const auto kept = parse_json(plane_->evidence().decision(before)->payload);
  ASSERT_TRUE(kept);
  EXPECT_EQ(text_of(*kept->find("question"), "action"), "search");
  EXPECT_EQ(text_of(*kept->find("question"), "subject"), eve.identity);
  const Json* search = kept->find("search");
  ASSERT_NE(search, nullptr);
  EXPECT_EQ(text_of(*search, "sought"), "resources");
  EXPECT_EQ(*search->find("results")->as_int(), 1);
  const std::string results = R"([{"type":"entitlement","id":")" + std::string(kReader) + "\"}]";
  EXPECT_EQ(text_of(*search, "results_sha256"), to_hex(as_bytes(crypto::sha256(results))));

  // Administrators may search, and so may the owners of the resource; nobody else.
  EXPECT_EQ(names_of(body_of(post_as(ada_, kResources, hers)), "entitlement"),
            Names{std::string(kReader)});
  EXPECT_EQ(names_of(body_of(post_as(bob, kSubjects, who)), "identity"), Names{eve.identity});
  EXPECT_EQ(post_as(eve, kSubjects, who)->status, 403);
  EXPECT_EQ(post_as(eve, kResources, ask(subject(bob), connect, entitlements))->status, 403);
  EXPECT_EQ(post_as(eve, kActions, ask(subject(bob), "", reader))->status, 403);
  EXPECT_EQ(post_as(eve, kResources,
                    ask(R"({"type":"identity","id":"idn_nobody"})", connect, entitlements))
                ->status,
            403)
      << "not even whether there is one";
  // A door searches in its own application; about Writ's own when policy lets it.
  EXPECT_EQ(post_as(door_, kSubjects, who)->status, 403);
  EXPECT_EQ(post_as(door_, kResources, hers)->status, 403);
  apply(
      "@id(\"anyone-connects\") permit (principal, action == Writ::Action::\"connect\", resource);"
      "@id(\"doors-search\") permit (principal is Writ::Door, action == Writ::Action::\"search\","
      "  resource);");
  EXPECT_EQ(names_of(body_of(post_as(door_, kResources, hers)), "entitlement"),
            Names{std::string(kReader)});
  const Holder other = add(ada_, "door-2", "door");
  EXPECT_TRUE(names_of(body_of(post_as(other, kResources, hers)), "entitlement").empty())
      << "it does not stand before this target";
  EXPECT_TRUE(names_of(body_of(post_as(eve, kResources,
                                       ask(subject(eve), R"({"name":"approve"})", entitlements))),
                       "entitlement")
                  .contains(std::string(kReader)))
      << "terms name the approvers";
}

// ---- The interoperability scenarios ----

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
