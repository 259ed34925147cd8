// Dormant identities, devices and logins: found in time, gone when used again, remedied.
#include "core/dormant.h"

#include <gmock/gmock.h>

#include "core/world_test.h"

namespace writ::core {
namespace {

using testing::HasSubstr;
using world::World;
constexpr std::chrono::hours kDay{24};

struct Dormant : testing::Test {
  Dormant() {
    w.furnish();
    for (const char* who : {"alice", "bob"}) {  // memberships end before dormancy begins
      w.commit({"server"},
               {MembershipAdded{Membership{"administrators", w.id(who), w.now + 1000 * kDay}}});
    }
  }

  const Finding* finding(const std::string& about) {
    const std::string* id = w.state.finding_ids.find(std::string(kDormant) + "\n" + about);
    return id == nullptr ? nullptr : w.state.findings.find(*id);
  }
  const Finding* on(const std::string& name) { return finding("identity: " + w.id(name)); }
  // Time passes, and what is due happens until nothing is.
  void pass(Millis time) {
    w.advance(time);
    for (int turns = 0; turns < 10; ++turns) {
      const auto events = due(w.state, w.now);
      if (events.empty()) return;
      w.commit({"server"}, events);
    }
    FAIL() << "something is due without end";
  }
  void log_in(const std::string& name) {
    const Actor actor = w.actor(name);
    w.commit({"server"},
             {CertificateIssued{certificate_of(new_id("crt", w.random), actor.identity,
                                               actor.device, w.now + std::chrono::hours(12))}});
    pass(Millis(0));
  }

  World w;
};

TEST_F(Dormant, AnIdentityIsFoundWhenItsTierSaysSo) {
  log_in("erin");
  pass(89 * kDay);
  EXPECT_EQ(on("erin"), nullptr);
  pass(2 * kDay);
  const Finding* finding = on("erin");
  ASSERT_NE(finding, nullptr);
  EXPECT_EQ(finding->owner, "identity:" + w.id("erin"));
  EXPECT_THAT(finding->detail, HasSubstr("90d"));
  EXPECT_FALSE(finding->remedy.empty());
  EXPECT_EQ(finding->detail.find("erin"), std::string::npos);  // names stand nowhere in clear
  // Machines too; a door is none of them. One event each: nothing is said twice.
  EXPECT_NE(on("billing-job"), nullptr);
  EXPECT_EQ(on("pg-door"), nullptr);
  // The tier of the founders is high: 45 days.
  EXPECT_LT(on("alice")->since, finding->since);
  const std::size_t events = w.events.size();
  pass(kDay);
  EXPECT_EQ(w.events.size(), events);
}

TEST_F(Dormant, UseClosesTheFindingAndBeginsAnew) {
  pass(91 * kDay);
  ASSERT_NE(on("erin"), nullptr);
  ASSERT_NE(on("evan"), nullptr);
  w.equip("erin");
  pass(Millis(0));
  EXPECT_EQ(on("erin"), nullptr);
  w.show_factor("evan");
  pass(Millis(0));
  EXPECT_EQ(on("evan"), nullptr);
  pass(89 * kDay);
  EXPECT_EQ(on("erin"), nullptr);
  pass(2 * kDay);
  EXPECT_NE(on("erin"), nullptr);
}

TEST_F(Dormant, ABusyIdentityIsRememberedToTheDay) {
  log_in("erin");
  const Time first = last_use_of(w.state, w.id("erin"));
  for (int i = 0; i < 10; ++i) {
    w.advance(std::chrono::hours(1));
    log_in("erin");
  }
  EXPECT_EQ(last_use_of(w.state, w.id("erin")), first);
  w.advance(kDay);
  log_in("erin");
  EXPECT_EQ(last_use_of(w.state, w.id("erin")), w.now);
}

TEST_F(Dormant, ADeviceIsFoundWhileItsHolderUsesAnother) {
  // Of the longest review that there is.
  const std::string old = w.actor("erin").device;
  w.commit({"server"}, {EnrollmentOpened{Enrollment{"enr_x", w.id("erin"), "hash x",
                                                    w.now + std::chrono::minutes(15)}},
                        DeviceEnrolled{Device{"dev_x", w.id("erin"), Sealed{w.id("erin"), "bA=="},
                                              "key x", w.now + 180 * kDay},
                                       "enr_x"}});
  for (int i = 0; i < 91; ++i) {
    pass(kDay);
    w.commit({"server"}, {SecondFactorShown{w.id("erin"), old, 1000 + i}});
  }
  EXPECT_EQ(on("erin"), nullptr);
  const Finding* finding = this->finding("device: dev_x");
  ASSERT_NE(finding, nullptr);
  const Json done =
      w.must("alice", "remedy", Json::object({{"finding", finding->id}, {"confirm", true}}));
  EXPECT_TRUE(*done.find("done")->as_bool());
  EXPECT_EQ(w.state.devices.find("dev_x"), nullptr);
  pass(Millis(0));
  EXPECT_EQ(this->finding("device: dev_x"), nullptr);
  EXPECT_EQ(w.state.last_uses.find("dev_x"), nullptr);
}

TEST_F(Dormant, TheRemedyQuarantinesAndEndsGrants) {
  pass(91 * kDay);
  w.equip("alice");
  w.equip("bob");
  w.equip("erin");  // erin answers for the machine
  pass(Millis(0));
  const std::string job = w.id("billing-job");
  const std::string finding = on("billing-job")->id;
  const Json shown = w.must("alice", "remedy", Json::object({{"finding", finding}}));
  EXPECT_THAT(world::text(shown, "would"), HasSubstr("quarantine"));
  EXPECT_FALSE(*shown.find("done")->as_bool());
  EXPECT_EQ(w.state.identities.find(job)->state, IdentityState::kActive);
  w.must("alice", "remedy", Json::object({{"finding", finding}, {"confirm", true}}));
  EXPECT_EQ(w.state.identities.find(job)->state, IdentityState::kQuarantined);
  pass(Millis(0));
  EXPECT_EQ(on("billing-job"), nullptr);
  // Lifted, it has its time again.
  w.must(
      "alice", "set_identity_state",
      Json::object({{"identity", "billing-job"}, {"state", "active"}, {"reason", "needed again"}}));
  pass(89 * kDay);
  EXPECT_EQ(on("billing-job"), nullptr);
  pass(2 * kDay);
  EXPECT_NE(on("billing-job"), nullptr);
}

TEST_F(Dormant, WhoAdministersIsQuarantinedByTwoPersons) {
  w.person("carol");
  w.join("administrators", "carol");
  pass(20 * kDay);
  w.equip("alice");
  w.equip("bob");
  for (const char* who : {"alice", "bob", "carol"}) {  // memberships last
    w.join("administrators", who);
  }
  pass(71 * kDay);
  w.equip("alice");
  w.equip("bob");
  pass(Millis(0));
  const Finding* finding = on("carol");
  ASSERT_NE(finding, nullptr);
  const Json proposed =
      w.must("alice", "remedy", Json::object({{"finding", finding->id}, {"confirm", true}}));
  const std::string change = world::text(proposed, "change");
  ASSERT_FALSE(change.empty()) << canonical(proposed);
  w.approve("bob", change);
  EXPECT_EQ(w.state.identities.find(w.id("carol"))->state, IdentityState::kQuarantined);
}

TEST_F(Dormant, AnOffboardedIdentityIsNoFinding) {
  pass(91 * kDay);
  w.equip("alice");
  w.equip("bob");
  pass(Millis(0));
  ASSERT_NE(on("oscar"), nullptr);
  w.must("alice", "set_identity_state",
         Json::object({{"identity", "oscar"}, {"state", "offboarded"}, {"reason", "left"}}));
  pass(Millis(0));
  EXPECT_EQ(on("oscar"), nullptr);
}

TEST_F(Dormant, ASnapshotKeepsWhatIsWatched) {
  pass(80 * kDay);
  log_in("erin");
  auto again = decode_snapshot(encode_snapshot(w.state), w.sealer);
  ASSERT_TRUE(again) << again.error().text();
  EXPECT_EQ(again->ends.size(), w.state.ends.size());
  EXPECT_EQ(again->ends.next(), w.state.ends.next());
  const Time later = w.now + 40 * kDay;
  const auto encoded = [&](const State& state) {
    std::vector<std::string> events;
    for (const EventData& data : due(state, later)) {
      events.push_back(encode(Event{0, later, "d", {}, data}));
    }
    return events;
  };
  EXPECT_EQ(encoded(*again), encoded(w.state));
}

TEST_F(Dormant, ALoginInATargetIsFoundWhereTheTargetTells) {
  ObservedAccount account;
  account.login = "legacy_app";
  account.has_password = true;
  Observed observed;
  const auto observe = [&] {
    observed.accounts = {account};
    w.commit({"server"},
             on_observed(w.state, *w.state.targets.find("pg-main"), observed, w.now, w.random));
  };
  observe();
  EXPECT_EQ(finding("pg-main: legacy_app"), nullptr);  // nobody knows
  account.last_use = w.now - 44 * kDay;                // the tier is high: 45 days
  observe();
  EXPECT_EQ(finding("pg-main: legacy_app"), nullptr);
  w.advance(2 * kDay);
  observe();
  const Finding* found = finding("pg-main: legacy_app");
  ASSERT_NE(found, nullptr);
  EXPECT_THAT(found->detail, HasSubstr("45d"));
  EXPECT_EQ(found->owner, "group:dba");
  const std::size_t events = w.events.size();
  observe();
  EXPECT_EQ(w.events.size(), events);  // nothing new is to be said
  // The remedy is that of the password.
  const auto outcome =
      w.run("alice", "remedy", Json::object({{"finding", found->id}, {"confirm", true}}));
  ASSERT_TRUE(outcome) << outcome.error().text();
  const auto* step = std::get_if<StepPlanned>(&outcome->events.front());
  ASSERT_NE(step, nullptr);
  EXPECT_EQ(step->step.kind, StepKind::kDisableSecret);
  account.last_use = w.now;
  observe();
  EXPECT_EQ(finding("pg-main: legacy_app"), nullptr);
  // Without a password there is nothing that one command can do.
  account.has_password = false;
  account.last_use = w.now - 100 * kDay;
  observe();
  found = finding("pg-main: legacy_app");
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(w.refused("alice", "remedy", Json::object({{"finding", found->id}})).code,
            Code::kConflict);
}

}  // namespace
}  // namespace writ::core
