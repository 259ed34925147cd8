#include "control/plane.h"

#include <gtest/gtest.h>

#include "control/plane_for_test.h"

namespace writ::control {
namespace {

TEST_F(PlaneTest, IsFoundedOnce) {
  const auto again =
      Plane::found(options_, {"example.org", {"ada", "bob"}, {}}, disk_, clock_, random_);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, Code::kExists);
}

TEST_F(PlaneTest, RefusesADataFolderOfANewerVersion) {
  ASSERT_TRUE(disk_.replace("data/format", "2\n"));
  const auto plane = Plane::open(options_, disk_, clock_, random_, nullptr, nullptr);
  ASSERT_FALSE(plane);
  EXPECT_NE(plane.error().message.find("format 2"), std::string::npos) << plane.error().text();
}

TEST_F(PlaneTest, AGrantIsProvisionedThenActiveAndItsClockStartsThen) {
  start();
  add_target();
  ASSERT_TRUE(give("grt_a"));
  ASSERT_TRUE(reaches("grt_a", core::GrantState::kActive));
  EXPECT_TRUE(has_account("writ_job_grt_a"));
  const auto state = plane_->states().get();
  const core::Grant& grant = *state->grants.find("grt_a");
  EXPECT_EQ(*grant.until - *grant.from, Millis(std::chrono::minutes(10)));
}

TEST_F(PlaneTest, ARevokedGrantEndsOnlyWhenItWasObservedGoneAndItsSecretRefused) {
  start();
  add_target();
  ASSERT_TRUE(give("grt_a"));
  ASSERT_TRUE(reaches("grt_a", core::GrantState::kActive));
  ASSERT_TRUE(revoke("grt_a"));
  ASSERT_TRUE(ends("grt_a"));
  EXPECT_FALSE(has_account("writ_job_grt_a"));
  std::lock_guard lock(system_->mutex);
  EXPECT_EQ(system_->probed, std::vector<std::string>{"writ_job_grt_a"});
}

TEST_F(PlaneTest, AGrantEndsByTime) {
  start();
  add_target();
  ASSERT_TRUE(give("grt_a", Millis(300)));
  ASSERT_TRUE(reaches("grt_a", core::GrantState::kActive));
  ASSERT_TRUE(ends("grt_a"));
  EXPECT_FALSE(has_account("writ_job_grt_a"));
}

TEST_F(PlaneTest, AnUnreachableTargetShowsTriesAndLastErrorAndConvergesAfter) {
  start();
  add_target();
  ASSERT_TRUE(give("grt_a"));
  ASSERT_TRUE(reaches("grt_a", core::GrantState::kActive));
  {
    std::lock_guard lock(system_->mutex);
    system_->reachable = false;
  }
  ASSERT_TRUE(revoke("grt_a"));
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  std::shared_ptr<const core::State> state;
  const auto tries = [&] {
    const auto& failure = state->grants.find("grt_a")->failure;
    return failure ? failure->tries : 0;
  };
  do {
    state = plane_->states().get();
  } while (tries() < 3 && std::chrono::steady_clock::now() < deadline);
  ASSERT_GE(tries(), 3);
  EXPECT_NE(state->grants.find("grt_a")->failure->error.find("cannot be reached"),
            std::string::npos);
  {
    std::lock_guard lock(system_->mutex);
    system_->reachable = true;
  }
  EXPECT_TRUE(ends("grt_a"));
}

TEST_F(PlaneTest, AnAccountWithoutAGrantIsRetiredAfterAStart) {
  start();
  add_target();
  plane_.reset();
  {
    std::lock_guard lock(system_->mutex);
    core::ObservedAccount orphan;
    orphan.login = "writ_job_lost";
    orphan.grant = "grt_lost";
    system_->accounts["writ_job_lost"] = orphan;
  }
  start();
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (has_account("writ_job_lost") && std::chrono::steady_clock::now() < deadline) {
  }
  EXPECT_FALSE(has_account("writ_job_lost"));
}

// The index by which stories are found has shorter keys than a name may have.
TEST_F(PlaneTest, ANameOfAnyLengthIsRecordedAndFound) {
  start();
  const std::string name(2000, 'n');
  const auto said = say({core::GroupAdded{{name, "", false}}});
  ASSERT_TRUE(said) << said.error().text();
  const auto story = story_of(plane_->evidence().journal(), name);
  ASSERT_TRUE(story);
  EXPECT_EQ(*story, std::vector<std::uint64_t>{said->seq});
  EXPECT_FALSE(fatal_) << fatal_error_;
}

TEST_F(PlaneTest, WhatIsTooMuchForOneBatchIsRefusedOrGoesInSeveral) {
  start();
  core::Identity job;
  job.id = "idn_job";
  job.kind = core::IdentityKind::kServiceAccount;
  job.name = job.name_digest = "job";
  job.owner = "group:administrators";
  job.since = clock_.now();
  ASSERT_TRUE(say({core::IdentityAdded{job}}));
  std::vector<core::EventData> opened;
  const Time until = clock_.now() + std::chrono::seconds(1);
  const auto open = [&](std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      const std::string number = std::to_string(opened.size());
      opened.emplace_back(core::EnrollmentOpened{
          core::Enrollment{"enr_" + number, job.id, "hash " + number, until}});
    }
  };
  open(25'000);
  ASSERT_TRUE(say(opened));
  open(30'000);
  const auto refused = say(opened);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kExhausted);
  // They end at the same time, and are recorded group by group.
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (plane_->states().get()->enrollments.size() > 2 &&  // the founders have theirs
         std::chrono::steady_clock::now() < deadline) {
    ASSERT_TRUE(say({}));
  }
  EXPECT_EQ(plane_->states().get()->enrollments.size(), 2u);
  EXPECT_FALSE(fatal_) << fatal_error_;
}

TEST_F(PlaneTest, ARevocationThatWasCutShortGoesOnAfterAStart) {
  start();
  add_target();
  ASSERT_TRUE(give("grt_a"));
  ASSERT_TRUE(reaches("grt_a", core::GrantState::kActive));
  {
    std::lock_guard lock(system_->mutex);
    system_->reachable = false;
  }
  ASSERT_TRUE(revoke("grt_a"));
  disk_.lose_power();
  plane_.reset();
  disk_.crash(8);
  {
    std::lock_guard lock(system_->mutex);
    system_->reachable = true;
  }
  start();
  EXPECT_TRUE(ends("grt_a"));
  EXPECT_FALSE(has_account("writ_job_grt_a"));
}

TEST_F(PlaneTest, ACommandThatIsSentTwiceAtOnceIsCarriedOutOnce) {
  start();
  std::atomic<int> runs{0};
  auto go_on = hold_writer();
  std::promise<Result<Done>> answers[2];
  for (auto& answer : answers) {
    plane_->writer().submit(
        {{"idn_x"}, "same"},
        [&](const core::State&, Time) -> Result<core::Outcome> {
          const int run = ++runs;
          return core::Outcome{{core::GroupAdded{{"g" + std::to_string(run), "", false}}},
                               Json::object({{"run", run}}),
                               {}};
        },
        [&](Result<Done> done) { answer.set_value(std::move(done)); });
  }
  go_on.set_value();
  const auto one = answers[0].get_future().get(), two = answers[1].get_future().get();
  ASSERT_TRUE(one && two);
  EXPECT_EQ(runs, 1);
  EXPECT_EQ(compact(one->result), compact(two->result));
}

TEST_F(PlaneTest, AnAllowIsNotToldOnceItsGrantIsRevoked) {
  start();
  add_target();
  ASSERT_TRUE(say(core::apply_files(*plane_->states().get(),
                                    {{"test.cedar",
                                      "@id(\"test\") permit (principal, action == "
                                      "Writ::Action::\"connect\", resource);"}},
                                    sha256_hex)));
  ASSERT_TRUE(give("grt_a"));
  ASSERT_TRUE(reaches("grt_a", core::GrantState::kActive));
  core::Question question;
  question.subject = "idn_job";
  question.action = "connect";
  question.resource_type = "entitlement";
  question.resource = "pg-main/orders/reader";
  std::promise<core::Decision> before, after;
  plane_->decisions().ask_now(question, [&](const Told& t) { before.set_value(t.decision); });
  EXPECT_TRUE(before.get_future().get().allow);
  // Decided, not yet handed over to be recorded, when the revocation comes.
  plane_->decisions().ask(0, {question, {}}, [&](const Told& t) { after.set_value(t.decision); });
  ASSERT_TRUE(revoke("grt_a"));
  const RunOn here = [](unsigned, const std::function<void()>& task) { task(); };
  plane_->decisions().flush(0, here);
  EXPECT_FALSE(after.get_future().get().allow);
}

TEST_F(PlaneTest, WhatAThreadDecidedInOneTurnIsToldTogetherOnThatThread) {
  start();
  core::Question question;
  question.subject = "idn_job";
  question.action = "connect";
  question.resource_type = "entitlement";
  question.resource = "pg-main/orders/reader";
  std::vector<std::uint64_t> entries;
  for (int i = 0; i < 3; ++i) {
    plane_->decisions().ask(0, {question, {}}, [&](const Told& t) { entries.push_back(t.entry); });
  }
  std::promise<std::function<void()>> handed;
  unsigned thread = 99;
  const RunOn run_on = [&](unsigned on, std::function<void()> task) {
    thread = on;
    handed.set_value(std::move(task));
  };
  plane_->decisions().flush(0, run_on);
  const auto task = handed.get_future().get();
  EXPECT_TRUE(entries.empty());  // nothing is told on the writer's thread
  task();
  EXPECT_EQ(thread, 0U);
  ASSERT_EQ(entries.size(), 3U);
  EXPECT_EQ(entries[1], entries[0] + 1);
  EXPECT_EQ(entries[2], entries[0] + 2);
  EXPECT_EQ(plane_->evidence().size(LogName::kDecisions), entries[2] + 1);
}

TEST_F(PlaneTest, ACommandThatIsSentTwiceIsCarriedOutOnce) {
  start();
  int runs = 0;
  const Command command = [&](const core::State&, Time) -> Result<core::Outcome> {
    ++runs;
    return core::Outcome{{core::GroupAdded{{"g" + std::to_string(runs), "", false}}},
                         Json::object({{"run", runs}}),
                         {}};
  };
  const auto first = plane_->writer().run({{"idn_x"}, "same"}, command);
  const auto second = plane_->writer().run({{"idn_x"}, "same"}, command);
  ASSERT_TRUE(first && second);
  EXPECT_EQ(runs, 1);
  EXPECT_EQ(compact(first->result), compact(second->result));
  // Another sender's id is another command.
  ASSERT_TRUE(plane_->writer().run({{"idn_y"}, "same"}, command));
  EXPECT_EQ(runs, 2);
}

TEST_F(PlaneTest, EvidenceOfBothLogsVerifiesAfterWork) {
  start();
  add_target();
  ASSERT_TRUE(give("grt_a"));
  ASSERT_TRUE(reaches("grt_a", core::GrantState::kActive));
  std::promise<Told> told;
  core::Question question;
  question.subject = "idn_job";
  question.action = "connect";
  question.resource_type = "entitlement";
  question.resource = "pg-main/orders/reader";
  plane_->decisions().ask_now(question, [&](const Told& t) { told.set_value(t); });
  const Told answer = told.get_future().get();
  for (const auto& [log, index] :
       {std::pair{LogName::kJournal, std::uint64_t(0)}, {LogName::kDecisions, answer.entry}}) {
    const auto key = tlog::parse_verifier_key(plane_->evidence().verifier_key(log));
    const auto proof = plane_->evidence().prove(log, index);
    ASSERT_TRUE(key && proof) << (proof ? "" : proof.error().text());
    const auto checked = tlog::check_proof(*proof, *key);
    EXPECT_TRUE(checked) << checked.error().text();
  }
  const auto entry = plane_->evidence().decision(answer.entry);
  ASSERT_TRUE(entry);
  const auto recorded = read_decision_payload(entry->payload);
  ASSERT_TRUE(recorded) << recorded.error().text();
  EXPECT_EQ(recorded->question.subject, "idn_job");
  EXPECT_FALSE(recorded->allow);
}

TEST_F(PlaneTest, APastStateCanBeFoldedAgain) {
  start();
  const std::uint64_t before = plane_->states().get()->next_seq;
  ASSERT_TRUE(say({core::GroupAdded{{"later", "", false}}}));
  const auto past = plane_->state_at(before);
  ASSERT_TRUE(past) << past.error().text();
  EXPECT_FALSE(past->groups.contains("later"));
  EXPECT_TRUE(plane_->states().get()->groups.contains("later"));
}

}  // namespace
}  // namespace writ::control
