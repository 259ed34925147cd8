// Personal names and words: none stands in clear in events or snapshots, and what rests on an
// erased name still folds.
#include <gtest/gtest.h>

#include "core/login.h"
#include "core/views.h"
#include "core/world_test.h"

namespace writ::core {
namespace {

using world::text;
using world::World;

struct Personal : testing::Test {
  Personal() { w.furnish(); }
  std::string bytes() const {
    std::string all;
    for (const Event& event : w.events) all += encode(event) + "\n";
    return all;
  }
  State folded() {
    State state;
    for (const Event& event : w.events) {
      const Status status = fold(state, *decode_event(encode(event)), w.sealer);
      EXPECT_TRUE(status) << status.error().text();
    }
    return state;
  }
  World w;
};

TEST_F(Personal, TheLoginNamesThePersonAndTheJournalDoesNot) {
  const std::string id = w.granted("evan", World::ask("reader"));
  const Grant& grant = *w.state.grants.find(id);
  EXPECT_EQ(login_of(w.state, grant), "writ_evan_" + id.substr(id.size() - 6));
  w.commit({"server"},
           {StepPlanned{"pg-main", id,
                        recorded_step({StepKind::kRetire, login_of(w.state, grant), {}})}});
  EXPECT_EQ(bytes().find("evan"), std::string::npos);
}

TEST_F(Personal, SnapshotsHoldNoLogins) {
  const std::string id = w.granted("evan", World::ask("reader"));
  const std::string bytes = encode_snapshot(w.state);
  EXPECT_EQ(bytes.find("evan"), std::string::npos);
  const auto again = decode_snapshot(bytes, w.sealer);
  ASSERT_TRUE(again);
  EXPECT_EQ(login_of(*again, *again->grants.find(id)), login_of(w.state, *w.state.grants.find(id)));
}

TEST_F(Personal, ObservationKnowsTheAccountAndRecordsNoName) {
  const std::string id = w.granted("evan", World::ask("reader"));
  const std::string login = login_of(w.state, *w.state.grants.find(id));
  const Time until = *w.state.grants.find(id)->until;
  Observed observed;
  observed.accounts = {{login, id, true, false, false, until, {}, {}},
                       {"writ_evan_zzzzzz", "grt_zzzzzz", true, false, false, until, {}, {}}};
  observed.holdings = {{login, "member of orders_reader", "pg-main/orders"},
                       {login, "superuser", "pg-main"},
                       {"writ_evan_zzzzzz", "member of orders_reader", "pg-main/orders"}};
  w.advance(std::chrono::seconds(20));
  const TargetSystem target = *w.state.targets.find("pg-main");
  w.commit({"server"}, on_observed(w.state, target, observed, w.now, w.random));
  EXPECT_TRUE(on_observed(w.state, target, observed, w.now, w.random).empty());
  EXPECT_EQ(bytes().find("evan"), std::string::npos);
  bool orphan = false;
  w.state.findings.for_each([&](const std::string&, const Finding& f) {
    if (f.kind == "orphan") orphan = f.login == "writ_*_zzzzzz";
  });
  EXPECT_TRUE(orphan);
  const auto rows = view(w.state, w.sealer, "holdings", w.id("evan"), Scope::kOwn, w.now);
  ASSERT_TRUE(rows);
  ASSERT_FALSE(rows->empty());
  EXPECT_EQ(text(rows->front(), "login"), login);
}

TEST_F(Personal, WhatATargetSaysIsRecordedWithoutTheLogin) {
  const std::string id = w.granted("evan", World::ask("reader"));
  const std::string login = login_of(w.state, *w.state.grants.find(id));
  w.must("evan", "revoke", Json::object({{"grant", id}, {"reason", "done"}}));
  w.commit({"server"}, on_try_failed(w.state, id, "role \"" + login + "\" is busy, " + login));
  EXPECT_NE(w.state.grants.find(id)->failure->error.find("role \"writ_*_"), std::string::npos);
  w.commit({"server"}, on_gone(w.state, id, {true, 0, {"table left_" + login}}));
  EXPECT_EQ(bytes().find("evan"), std::string::npos);
}

TEST_F(Personal, ReasonsNamesAndLabelsAreSealed) {
  w.must(
      "alice", "set_identity_state",
      Json::object({{"identity", "evan"}, {"state", "quarantined"}, {"reason", "evan is away"}}));
  w.must("alice", "remove_member",
         Json::object({{"group", "engineering"}, {"identity", "evan"}, {"reason", "evan moved"}}));
  const std::string device = w.state.devices_of.find(w.id("evan"))->front();
  w.must("alice", "remove_device", Json::object({{"device", device}, {"reason", "evan's phone"}}));
  // One that waits for a second person.
  w.must("alice", "add_member", Json::object({{"group", "administrators"}, {"identity", "evan"}}));
  w.change("add_member", Json::object({{"group", "administrators"}, {"identity", "dana"}}));
  w.must("alice", "remove_member",
         Json::object(
             {{"group", "administrators"}, {"identity", "dana"}, {"reason", "dana asked for it"}}));
  const std::string all = bytes();
  for (const char* name : {"evan", "dana", "bob", "alice"}) {
    EXPECT_EQ(all.find(name), std::string::npos) << name;
  }
}

TEST_F(Personal, AChangeThatWaitedKeepsItsWords) {
  w.change("add_member", Json::object({{"group", "administrators"}, {"identity", "dana"}}));
  const Json proposed = w.must(
      "alice", "remove_member",
      Json::object({{"group", "administrators"}, {"identity", "dana"}, {"reason", "dana left"}}));
  const Json again = w.must(
      "alice", "remove_member",
      Json::object({{"group", "administrators"}, {"identity", "dana"}, {"reason", "dana left"}}));
  EXPECT_EQ(text(again, "change"), text(proposed, "change"));
  w.approve("bob", text(proposed, "change"));
  const auto& ended = std::get<MembershipEnded>(w.events.back().data);
  ASSERT_TRUE(ended.note);
  EXPECT_EQ(*w.sealer.open(*ended.note), "dana left");
}

TEST_F(Personal, WordsComeSealedFromNoSender) {
  const Json sealed = Json::object({{"subject", w.id("evan")}, {"box", "c2VjcmV0"}});
  const Error error =
      w.refused("alice", "remove_member",
                Json::object({{"group", "engineering"}, {"identity", "evan"}, {"reason", sealed}}));
  EXPECT_EQ(error.code, Code::kInvalid);
  EXPECT_EQ(error.where, "/reason");
}

TEST_F(Personal, AfterErasureTheJournalStillFoldsToTheSameState) {
  const std::string id = w.granted("evan", World::ask("reader"));
  w.must("evan", "revoke", Json::object({{"grant", id}, {"reason", "done"}}));
  w.commit({"server"}, on_gone(w.state, id, {true, 0, {}}));
  w.must("alice", "set_identity_state",
         Json::object({{"identity", "evan"}, {"state", "offboarded"}, {"reason", "left"}}));
  w.must("alice", "erase_subject", Json::object({{"identity", w.id("evan")}}));
  EXPECT_EQ(encode_snapshot(folded()), encode_snapshot(w.state));
}

TEST_F(Personal, AnErasedNameLeavesTheSuffixOfTheLogin) {
  const std::string id = w.granted("evan", World::ask("reader"));
  w.sealer.erased[w.id("evan")] = true;
  const State again = folded();
  EXPECT_EQ(login_of(again, *again.grants.find(id)), "writ_erased_" + id.substr(id.size() - 6));
}

TEST(Login, HasARecordedFormOnlyWhenWritMadeIt) {
  EXPECT_EQ(recorded_login("writ_evan_4k2m9x"), "writ_*_4k2m9x");
  EXPECT_EQ(recorded_login("writ_a_b_4k2m9x"), "writ_*_4k2m9x");
  EXPECT_EQ(recorded_login("writ_*_4k2m9x"), "writ_*_4k2m9x");
  EXPECT_EQ(recorded_login("billing"), "billing");
}

}  // namespace
}  // namespace writ::core
