// The plane over a disk that loses power or is full.
#include <gtest/gtest.h>

#include "control/plane_for_test.h"

namespace writ::control {
namespace {

TEST_F(PlaneTest, WhatWasAcknowledgedSurvivesAPowerLoss) {
  start();
  add_target();
  ASSERT_TRUE(give("grt_a"));
  ASSERT_TRUE(reaches("grt_a", core::GrantState::kActive));
  disk_.lose_power();
  plane_.reset();
  disk_.crash(7);
  start();
  EXPECT_EQ(plane_->states().get()->grants.find("grt_a")->state, core::GrantState::kActive);
  ASSERT_TRUE(revoke("grt_a"));
  EXPECT_TRUE(ends("grt_a"));
}

TEST_F(PlaneTest, PoliciesOfMegabytesAreInForceAfterAPowerLossOrNotAtAll) {
  start();
  std::string text = "@id(\"new\") permit (principal, action, resource);\n";
  while (text.size() < (3 << 20)) text += "// " + std::string(90, 'x') + "\n";
  const auto events =
      core::apply_files(*plane_->states().get(), {{"large.cedar", text}}, sha256_hex);
  ASSERT_GT(events.size(), 40u);
  ASSERT_TRUE(say(events));
  disk_.lose_power();
  plane_.reset();
  disk_.crash(11);
  start();
  const auto state = plane_->states().get();
  EXPECT_EQ(state->policy_version, 2);
  EXPECT_EQ(core::policy_files(*state, state->policy_hash)->front().text, text);
  // One that the journal has no space for leaves no trace.
  const auto next = core::apply_files(*state, {{"next.cedar", "// another\n" + text}}, sha256_hex);
  store::Faults full;
  full.no_space = 1'000'000;
  disk_.set_faults(full);
  EXPECT_FALSE(say(next));
  disk_.set_faults({});
  disk_.lose_power();
  plane_.reset();
  disk_.crash(12);
  start();
  EXPECT_EQ(plane_->states().get()->policy_version, 2);
  EXPECT_EQ(plane_->states().get()->policy_texts.size(), state->policy_texts.size());
  const auto said = say(next);
  ASSERT_TRUE(said) << said.error().text();
  EXPECT_EQ(plane_->states().get()->policy_version, 3);
}

TEST_F(PlaneTest, AFullDiskDeniesStillRevokesAndRecovers) {
  start();
  add_target();
  ASSERT_TRUE(give("grt_a"));
  ASSERT_TRUE(reaches("grt_a", core::GrantState::kActive));
  store::Faults full;
  full.no_space = 1'000'000;
  disk_.set_faults(full);
  EXPECT_TRUE(revoke("grt_a"));
  EXPECT_EQ(plane_->states().get()->grants.find("grt_a")->state, core::GrantState::kRevoking);
  EXPECT_FALSE(give("grt_b"));
  std::promise<core::Decision> told;
  core::Question question;
  question.subject = "idn_job";
  question.action = "connect";
  question.resource_type = "entitlement";
  question.resource = "pg-main/orders/reader";
  plane_->decisions().ask_now(question, [&](const Told& t) { told.set_value(t.decision); });
  EXPECT_FALSE(told.get_future().get().allow);
  disk_.set_faults({});
  EXPECT_TRUE(ends("grt_a"));
  EXPECT_FALSE(fatal_) << fatal_error_;
}

TEST_F(PlaneTest, WhileTheDiskIsFullEveryRevocationActsAndNoneIsLost) {
  start();
  add_target();
  ASSERT_TRUE(give("grt_a"));
  ASSERT_TRUE(give("grt_b"));
  ASSERT_TRUE(reaches("grt_a", core::GrantState::kActive));
  ASSERT_TRUE(reaches("grt_b", core::GrantState::kActive));
  store::Faults full;
  full.no_space = 1'000'000;
  disk_.set_faults(full);
  EXPECT_TRUE(revoke("grt_a"));
  // The first one waits for space. Neither the second nor an answer to keep may wait behind it, or
  // be written in front of it.
  EXPECT_TRUE(revoke("grt_b"));
  EXPECT_EQ(plane_->states().get()->grants.find("grt_b")->state, core::GrantState::kRevoking);
  const auto idle = plane_->writer().run({{"idn_x"}, "again"},
                                         [](const core::State&, Time) -> Result<core::Outcome> {
                                           return core::Outcome{{}, Json::object({{"n", 1}}), {}};
                                         });
  EXPECT_TRUE(idle);
  EXPECT_FALSE(fatal_) << fatal_error_;
  disk_.set_faults({});
  EXPECT_TRUE(ends("grt_a"));
  EXPECT_TRUE(ends("grt_b"));
  EXPECT_FALSE(fatal_) << fatal_error_;
  plane_.reset();
  start();
  EXPECT_FALSE(plane_->states().get()->grants.contains("grt_a"));
  EXPECT_FALSE(plane_->states().get()->grants.contains("grt_b"));
}

TEST_F(PlaneTest, OnAFullDiskWhatNarrowsDoesNotFailWithItsNeighbours) {
  start();
  add_target();
  ASSERT_TRUE(give("grt_a"));
  ASSERT_TRUE(reaches("grt_a", core::GrantState::kActive));
  store::Faults full;
  full.no_space = 1'000'000;
  disk_.set_faults(full);
  EXPECT_FALSE(
      say({core::GroupAdded{{"g", "", false}},
           core::IdentityStateChanged{"idn_job", core::IdentityState::kQuarantined},
           core::GrantRevoking{"grt_a", core::EndReason::kSignal, std::nullopt, std::nullopt}}));
  const auto state = plane_->states().get();
  EXPECT_EQ(state->grants.find("grt_a")->state, core::GrantState::kRevoking);
  EXPECT_EQ(state->identities.find("idn_job")->state, core::IdentityState::kQuarantined);
  EXPECT_FALSE(state->groups.contains("g"));
  disk_.set_faults({});
  EXPECT_TRUE(ends("grt_a"));
}

TEST_F(PlaneTest, OnAFullDiskARevocationIsAnsweredByItselfWhateverCameWithIt) {
  start();
  add_target();
  ASSERT_TRUE(give("grt_a"));
  ASSERT_TRUE(reaches("grt_a", core::GrantState::kActive));
  auto go_on = hold_writer();
  std::promise<bool> added, revoked;
  const auto submit = [&](core::EventData data, std::promise<bool>& good) {
    plane_->writer().submit(
        {{"test"}, {}},
        [data](const core::State&, Time) -> Result<core::Outcome> {
          return core::Outcome{{data}, {}, {}};
        },
        [&good](const Result<Done>& done) { good.set_value(done.has_value()); });
  };
  submit(core::GroupAdded{{"g", "", false}}, added);
  submit(core::GrantRevoking{"grt_a", core::EndReason::kSignal, std::nullopt, std::nullopt},
         revoked);
  store::Faults full;
  full.no_space = 1'000'000;
  disk_.set_faults(full);
  go_on.set_value();
  EXPECT_FALSE(added.get_future().get());
  EXPECT_TRUE(revoked.get_future().get());
  EXPECT_EQ(plane_->states().get()->grants.find("grt_a")->state, core::GrantState::kRevoking);
  disk_.set_faults({});
  EXPECT_TRUE(ends("grt_a"));
}

}  // namespace
}  // namespace writ::control
