// Removing targets, resources, entitlements and doors.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/entities.h"
#include "core/world_test.h"

namespace writ::core {
namespace {

using testing::HasSubstr;
using world::World;

Json named(const std::string& name) {
  return Json::object({{"name", name}});
}

struct Removing : testing::Test {
  Removing() { w.furnish(); }
  void end(const std::string& grant) {
    w.must("erin", "revoke", Json::object({{"grant", grant}, {"reason", "done"}}));
    w.commit({"server"}, on_gone(w.state, grant, {true, 0, {}}));
  }
  void survives_snapshots() {
    const auto again = decode_snapshot(encode_snapshot(w.state), w.sealer);
    ASSERT_TRUE(again) << again.error().text();
    EXPECT_EQ(encode_snapshot(*again), encode_snapshot(w.state));
  }
  World w;
};

TEST_F(Removing, AnEntitlementStaysWhileItIsHeld) {
  const std::string grant = w.granted("erin", World::ask("reader"));
  const Error error = w.refused("alice", "remove_entitlement", named("pg-main/orders/reader"));
  EXPECT_EQ(error.code, Code::kConflict);
  EXPECT_THAT(error.message, HasSubstr(grant));
  end(grant);
  w.change("remove_entitlement", named("pg-main/orders/reader"));
  EXPECT_EQ(w.state.entitlements.find("pg-main/orders/reader"), nullptr);
  EXPECT_EQ(w.state.entities->entitlement("pg-main/orders/reader"), nullptr);
  EXPECT_EQ(w.refused("erin", "request_access", World::ask("reader")).code, Code::kNotFound);
  survives_snapshots();
}

TEST_F(Removing, WhatWasAskedForGoesWithIt) {
  w.must("erin", "request_access", World::ask("writer"));
  ASSERT_EQ(w.state.requests.size(), 1u);
  w.change("remove_entitlement", named("pg-main/orders/writer"));
  EXPECT_EQ(w.state.requests.size(), 0u);
}

TEST_F(Removing, NamesNeverComeBack) {
  w.change("remove_entitlement", named("pg-main/orders/writer"));
  const Json again = Json::object({{"entitlement", World::entitlement("writer")}});
  EXPECT_EQ(w.refused("alice", "add_entitlement", again).code, Code::kExists);
  const auto decoded = decode_snapshot(encode_snapshot(w.state), w.sealer);
  ASSERT_TRUE(decoded);
  w.state = *decoded;
  EXPECT_EQ(w.refused("alice", "add_entitlement", again).code, Code::kExists);
}

TEST_F(Removing, GrantsFindTheirEntitlementAfterAnotherOneWent) {
  w.change("remove_entitlement", named("pg-main/orders/owner"));
  w.change("add_entitlement", Json::object({{"entitlement", World::entitlement("later")}}));
  const std::string grant = w.granted("erin", World::ask("reader"));
  EXPECT_NE(w.state.entities->entitlement("pg-main/orders/later")->number,
            w.state.entities->entitlement("pg-main/orders/reader")->number);
  EXPECT_NE(w.state.entities->entitlement("pg-main/orders/later")->number,
            w.state.entities->entitlement("pg-main/orders/writer")->number);
}

TEST_F(Removing, AResourceGoesWhenNothingLiesInIt) {
  EXPECT_EQ(w.refused("alice", "remove_resource", named("pg-main")).code, Code::kInvalid);
  EXPECT_EQ(w.refused("alice", "remove_resource", named("pg-main/orders")).code, Code::kConflict);
  for (const char* role : {"reader", "writer", "reporter", "owner"}) {
    w.change("remove_entitlement", named(std::string("pg-main/orders/") + role));
  }
  w.change("remove_resource", named("pg-main/orders"));
  EXPECT_EQ(w.state.resources.find("pg-main/orders"), nullptr);
  survives_snapshots();
}

TEST_F(Removing, ATargetGoesWithAllThatLiesInIt) {
  const std::string grant = w.granted("erin", World::ask("reader"));
  EXPECT_THAT(w.refused("alice", "remove_target", named("pg-main")).message, HasSubstr(grant));
  end(grant);
  Observed observed;
  observed.accounts = {{"billing", {}, true, false, true, {}, {}, {}}};
  observed.holdings = {{"billing", "member of orders_reader", "pg-main/orders"}};
  w.commit({"server"},
           on_observed(w.state, *w.state.targets.find("pg-main"), observed, w.now, w.random));
  ASSERT_GT(w.state.findings.size(), 0u);
  w.change("remove_target", named("pg-main"));
  EXPECT_EQ(w.state.targets.size(), 0u);
  EXPECT_EQ(w.state.resources.size(), 0u);
  EXPECT_EQ(w.state.entitlements.size(), 0u);
  EXPECT_EQ(w.state.findings.size(), 0u);
  EXPECT_EQ(w.state.holdings.size(), 0u);
  EXPECT_TRUE(w.state.doors.find(w.id("pg-door"))->targets.empty());
  EXPECT_TRUE(w.sealer.erased.contains("target:pg-main"));
  EXPECT_EQ(w.refused("alice", "add_target", World::target()).code, Code::kExists);
  survives_snapshots();
}

TEST_F(Removing, ADoorGoesWhenNobodyIsInside) {
  const std::string grant = w.granted("erin", World::ask("reader"));
  Session session;
  session.id = "ses_1";
  session.door = w.id("pg-door");
  session.grant = grant;
  session.identity = w.id("erin");
  w.commit({"door:" + session.door}, {SessionStarted{session, 1}});
  EXPECT_THAT(w.refused("alice", "remove_door", named("pg-door")).message, HasSubstr("ses_1"));
  w.commit({"door:" + session.door},
           {SessionEnded{"ses_1", grant, session.door, 2, "client", 0, 0}});
  w.change("remove_door", named("pg-door"));
  EXPECT_EQ(w.state.doors.size(), 0u);
  EXPECT_EQ(w.state.targets.find("pg-main")->door, "");
  survives_snapshots();
}

}  // namespace
}  // namespace writ::core
