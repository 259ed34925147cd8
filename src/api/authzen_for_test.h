// AuthZEN 1.0 over the real service: the fixture of the certification scenario, and its words.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "api/service_for_test.h"

namespace writ::api {

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
inline std::string ask(std::string_view subject, std::string_view action, std::string_view resource,
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

}  // namespace writ::api
