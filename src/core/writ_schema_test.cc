// The schema says exactly what decisions read: entities and contexts are valid, and a policy that
// reads everything that the schema promises never fails.
#include "core/writ_schema.h"

#include <gmock/gmock.h>

#include <set>

#include "cedar/validate.h"
#include "core/house_test.h"
#include "core/reader.h"
#include "core/views.h"

namespace writ::core {
namespace {

using cedar::EntityUid;
using cedar::Type;
using testing::IsEmpty;
using world::World;

TEST(WritSchema, HasTheActionsThatWritKnows) {
  std::set<std::string> known{"administer"}, declared;
  for (const Action& action : actions()) {
    known.insert(action.name);
    const Status valid = cedar::validate(writ_schema(), action.entity);
    EXPECT_TRUE(valid) << action.name << ": " << valid.error().text();
  }
  for (const auto& [uid, action] : writ_schema().actions()) declared.insert(std::string(uid.id()));
  EXPECT_EQ(declared, known);
}

TEST(WritSchema, TheDefaultPoliciesAreValid) {
  auto policies = cedar::PolicySet::parse(default_policies(), "default.cedar");
  ASSERT_TRUE(policies);
  auto validation = cedar::validate(writ_schema(), *policies);
  ASSERT_TRUE(validation);
  for (const auto* findings : {&validation->errors, &validation->warnings}) {
    for (const cedar::Finding& finding : *findings) ADD_FAILURE() << finding.error.text();
  }
}

// ---- Entities ----

// Every entity that a policy could come by, in this state.
void check_entities(const State& state, Time now) {
  const StateReader reader(state, now);
  const auto check = [&](const EntityUid& uid) {
    const cedar::Entity* entity = reader.find(uid);
    ASSERT_NE(entity, nullptr) << uid.print();
    const Status valid = cedar::validate(writ_schema(), *entity);
    ASSERT_TRUE(valid) << uid.print() << ": " << valid.error().text();
  };
  const auto check_all = [&](const auto& map, std::string_view type) {
    map.for_each([&](const std::string& id, const auto&) { check(EntityUid(type, id)); });
  };
  state.identities.for_each([&](const std::string& id, const Identity& identity) {
    check(EntityUid(type_of(identity.kind), id));
    check(own_group(id));
    EXPECT_TRUE(reader.of(*state.entities->subject(id)).ancestors.contains(own_group(id)));
  });
  check_all(state.groups, "Writ::Group");
  check_all(state.targets, "Writ::Target");
  check_all(state.resources, "Writ::Resource");
  check_all(state.entitlements, "Writ::Entitlement");
  check_all(state.grants, "Writ::Grant");
  check_all(state.requests, "Writ::Request");
  check_all(state.changes, "Writ::Change");
  check_all(state.findings, "Writ::Finding");
}

// ---- A policy that reads everything ----

std::string reads(const std::string& e, const Type& type);

std::string reads_record(const std::string& e, const Type& record) {
  std::string all = "true";
  for (const auto& [name, attribute] : record.attributes) {
    const std::string inner = reads(e + "." + name, *attribute.type);
    all += attribute.required ? " && " + inner
                              : " && (if " + e + " has " + name + " then " + inner + " else true)";
  }
  return all;
}

// True for every value of the type, and an error for others.
std::string reads(const std::string& e, const Type& type) {
  switch (type.kind) {
    case Type::Kind::kLong:
      return e + " + 0 == " + e;
    case Type::Kind::kString:
      return e + " like \"*\"";
    case Type::Kind::kBool:
      return "(" + e + " || true)";
    case Type::Kind::kSet:
      return "(" + e + ".isEmpty() || !" + e + ".isEmpty())";
    case Type::Kind::kEntity:
      return e + " is " + type.entities.at(0);
    case Type::Kind::kRecord:
      return reads_record(e, type);
    case Type::Kind::kExtension:
      if (type.extension == cedar::Extension::kDatetime) return e + ".toDate() <= " + e;
      if (type.extension == cedar::Extension::kDuration) {
        return e + ".toMilliseconds() == " + e + ".toMilliseconds()";
      }
      return "(" + e + ".isIpv4() || " + e + ".isIpv6())";
    default:
      ADD_FAILURE() << e << " is " << cedar::print(type);
      return "false";
  }
}

// For each action, principal and resource: forbidden, unless all is as the schema says.
std::string readers() {
  std::string text;
  int number = 0;
  const auto add = [&](const std::string& scope, const std::string& condition) {
    text += "@id(\"reader-" + std::to_string(number++) + "\") forbid (" + scope + ") unless { " +
            condition + " };\n";
  };
  std::set<std::string> members;
  for (const auto& [uid, action] : writ_schema().actions()) {
    for (const auto& [name, attribute] : action.context->attributes) members.insert(name);
  }
  for (const auto& [uid, action] : writ_schema().actions()) {
    if (action.principals.empty()) continue;
    std::string condition = reads_record("context", *action.context);
    for (const std::string& name : members) {
      if (!action.context->attributes.contains(name))
        condition += " && !(context has " + name + ")";
    }
    std::string of_types = "false";
    for (const std::string& type : action.resources) of_types += " || resource is " + type;
    add("principal, action == " + uid.print() + ", resource", condition + " && (" + of_types + ")");
  }
  for (const auto& [name, type] : writ_schema().entity_types()) {
    if (type.attributes->attributes.empty()) continue;
    add("principal is " + name + ", action, resource", reads_record("principal", *type.attributes));
    if (name == "Writ::Entitlement") {
      add("principal, action, resource is " + name, reads_record("resource", *type.attributes));
    } else {  // things that a question may name although they are not there
      add("principal, action, resource is " + name,
          "if resource has " + type.attributes->attributes.begin()->first + " then " +
              reads_record("resource", *type.attributes) + " else true");
    }
  }
  return text;
}

struct WritSchemaWorld : testing::Test {
  WritSchemaWorld() {
    w.change("apply_policy",
             Json::object(
                 {{"files", to_json(std::vector<PolicyFile>{{"default.cedar", default_policies()},
                                                            {"sample.cedar", world::kPolicies},
                                                            {"readers.cedar", readers()}})}}));
    w.furnish();
  }
  void check() { check_entities(w.state, w.now); }
  // Nothing that a person may ask of their own goes wrong.
  Decision ask(const std::string& who, const std::string& action, const std::string& type,
               const std::string& resource) {
    Question question;
    question.subject = w.id(who);
    question.action = action;
    question.resource_type = type;
    question.resource = resource;
    question.source_ip = "10.0.0.7";
    const Decision decision = decide(w.state, question, w.now);
    EXPECT_THAT(decision.errors, IsEmpty()) << action << " " << type;
    for (const std::string_view id : decision.policies) {
      EXPECT_FALSE(id.starts_with("reader-")) << action << " " << type << " by " << id;
    }
    return decision;
  }
  World w;
};

TEST_F(WritSchemaWorld, HoldsForAccessFromRequestToEnd) {
  check();
  const std::string grant = w.granted("erin", World::ask("reader"));
  check();
  EXPECT_TRUE(ask("erin", "connect", "entitlement", "pg-main/orders/reader").allow);
  EXPECT_TRUE(ask("erin", "request", "entitlement", "pg-main/orders/reader").allow);
  EXPECT_TRUE(ask("erin", "explain", "grant", grant).allow);
  EXPECT_FALSE(ask("evan", "explain", "grant", grant).allow);
  const Json asked = w.must("billing-job", "request_access", World::ask("writer"));
  check();
  EXPECT_TRUE(ask("billing-job", "read_evidence", "request", world::text(asked, "request")).allow);
  w.approve("dana", world::text(asked, "request"));
  check();
  w.must("erin", "revoke", Json::object({{"grant", grant}, {"reason", "done"}}));
  check();
  // A connect that needs no asking.
  EXPECT_THAT(ask("billing-job", "connect", "entitlement", "pg-main/orders/reader").needs,
              testing::ElementsAre("baseline_grant"));
  w.must(
      "billing-job", "open_baseline",
      Json::object({{"subject", w.id("billing-job")}, {"entitlement", "pg-main/orders/reader"}}));
  check();
  w.advance(std::chrono::days(100));  // memberships are over
  w.tick();
  check();
}

TEST_F(WritSchemaWorld, HoldsForAdministration) {
  const Json proposed = w.must("alice", "add_entitlement",
                               Json::object({{"entitlement", World::entitlement("extra")}}));
  check();
  EXPECT_TRUE(ask("alice", "explain", "change", world::text(proposed, "change")).allow);
  EXPECT_TRUE(ask("alice", "approve", "system", "writ").allow);
  EXPECT_TRUE(ask("alice", "list", "system", "writ").allow);
  Observed observed;
  ObservedAccount billing;
  billing.login = "billing";
  billing.has_password = true;
  observed.accounts = {billing};
  w.commit({"server"},
           on_observed(w.state, *w.state.targets.find("pg-main"), observed, w.now, w.random));
  check();
  const std::string* finding = w.state.finding_ids.find("standing_password\npg-main: billing");
  ASSERT_NE(finding, nullptr);
  EXPECT_TRUE(ask("alice", "remedy", "finding", *finding).allow);
  for (const char* type : {"group", "target", "resource", "environment", "tier", "identity"}) {
    ask("erin", "search", type, std::string(type) == "group" ? "dba" : "pg-main");
  }
  w.must("alice", "open_enrollment", Json::object({{"identity", "evan"}}));
  w.must("alice", "set_identity_state",
         Json::object({{"identity", "evan"}, {"state", "quarantined"}, {"reason", "lost laptop"}}));
  check();
}

// ---- Contexts ----

TEST(WritSchema, EveryContextIsValid) {
  house::Furnished h;
  h.factor("idn_erin", "dev_erin");
  h.hold();
  const std::vector<std::string> actors{"idn_erin"};
  const Grant& grant = *h.state.grants.find("grt_1");
  Facts facts;
  facts.now = h.now;
  facts.factor_of = "idn_erin";
  facts.device = "dev_erin";
  facts.credential = "c1";
  facts.source_ip = "10.0.0.7";
  facts.actors = &actors;
  const auto valid = [&](std::string_view action, const Facts& of) {
    return cedar::validate_context(writ_schema(), EntityUid("Writ::Action", action),
                                   context_of(h.state, of));
  };
  EXPECT_FALSE(valid("connect", facts));  // neither a grant nor what one would have
  Facts of_grant = facts;
  of_grant.grant = &grant;
  EXPECT_TRUE(valid("connect", of_grant));
  EXPECT_FALSE(valid("list", of_grant));
  EXPECT_TRUE(valid("request", recorded_facts(grant, h.now)));
  facts.approvals = 0;
  for (const Action& action : actions()) {
    // These two have a duration.
    if (action.name == "connect" || action.name == "request") continue;
    if (writ_schema().action(action.entity.uid)->principals.empty()) continue;
    const Status good = valid(action.name, facts);
    EXPECT_TRUE(good) << action.name << ": " << good.error().text();
  }
  facts.duration = std::chrono::minutes(5);
  EXPECT_TRUE(valid("request", facts));
  EXPECT_TRUE(valid("approve", facts));
  Facts of_request = facts;
  of_request.requester = "idn_erin";
  EXPECT_TRUE(valid("approve", of_request));
  of_request.beneficiary = "idn_erin";
  EXPECT_TRUE(valid("approve", of_request));
  EXPECT_FALSE(valid("request", of_request));
  EXPECT_FALSE(valid("list", facts));
  EXPECT_TRUE(valid("connect", facts));
}

}  // namespace
}  // namespace writ::core
