#include "control/plane.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <future>

#include "control/fake_target_for_test.h"
#include "crypto/hash.h"
#include "crypto/random.h"
#include "store/faulty_file_system.h"

namespace writ::control {
namespace {

std::string sha256_hex(std::string_view bytes) {
  return to_hex(as_bytes(crypto::sha256(bytes)));
}

constexpr auto kPatience = std::chrono::seconds(20);

// A plane over a disk that can fail, and one target in memory.
class PlaneTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = testing::TempDir() + "plane_" + new_id("t", random_);
    ASSERT_TRUE(make_folder_for_test());
    options_.data_folder = "data";
    options_.kek_file = folder_ + "/kek";
    options_.reconciler.observe_every = Millis(200);
    options_.reconciler.first_pause = Millis(5);
    options_.reconciler.longest_pause = Millis(20);
    const auto founded =
        Plane::found(options_, {"example.org", {"ada", "bob"}, {}}, disk_, clock_, random_);
    ASSERT_TRUE(founded) << founded.error().text();
    ASSERT_EQ(founded->codes.size(), 2u);
  }
  void TearDown() override {
    plane_.reset();
    std::filesystem::remove_all(folder_);
  }
  bool make_folder_for_test() { return std::filesystem::create_directories(folder_); }

  void start() {
    auto plane = Plane::open(
        options_, disk_, clock_, random_,
        [this](const core::TargetSystem&, Secret) -> Result<std::unique_ptr<core::Target>> {
          return std::make_unique<FakeTarget>(system_);
        },
        [this](const Error& error) {
          if (!fatal_.exchange(true)) fatal_error_ = error.text();
        });
    ASSERT_TRUE(plane) << plane.error().text();
    plane_ = std::move(*plane);
    plane_->start();
  }

  // Until the promise is kept the writer does nothing, so that what comes meanwhile goes into one
  // group.
  std::promise<void> hold_writer() {
    std::promise<void> go_on, holds;
    plane_->writer().submit(
        {{"test"}, {}},
        [&holds, wait = go_on.get_future().share()](const core::State&,
                                                    Time) -> Result<core::Outcome> {
          holds.set_value();
          wait.wait();
          return core::Outcome{};
        },
        [](const Result<Done>&) {});
    holds.get_future().wait();
    return go_on;
  }

  // Facts, as commands would have yielded them.
  Result<Done> say(std::vector<core::EventData> events) {
    return plane_->writer().run({{"test"}, {}},
                                [&](const core::State&, Time) -> Result<core::Outcome> {
                                  return core::Outcome{events, {}, {}};
                                });
  }

  void add_target() {
    auto sealed = plane_->vault().seal("target:pg-main", "password-of-the-connector");
    auto key = plane_->vault().seal("target:pg-main", to_base64(std::string(32, 'k')));
    ASSERT_TRUE(sealed && key);
    core::TargetSystem target{"pg-main",        "postgres", "127.0.0.1", 5432,       "disable", "",
                              "writ_connector", *sealed,    *key,        {"orders"}, ""};
    core::Resource root{"pg-main", "", "pg-main", core::Tier::kHigh, "", "group:administrators",
                        "",        {}};
    core::Resource orders{"pg-main/orders",       "pg-main", "pg-main", core::Tier::kHigh, "",
                          "group:administrators", "",        {}};
    core::Entitlement reader{
        "pg-main/orders/reader", "pg-main/orders", "reader", "orders", {"orders_reader"}, {}, ""};
    const auto said = say({core::TargetAdded{target}, core::ResourceAdded{root},
                           core::ResourceAdded{orders}, core::EntitlementAdded{reader}});
    ASSERT_TRUE(said) << said.error().text();
    core::Identity job;
    job.id = "idn_job";
    job.kind = core::IdentityKind::kServiceAccount;
    job.name = "job";
    job.name_digest = plane_->vault().digest("job");
    job.owner = "group:administrators";
    job.since = clock_.now();
    ASSERT_TRUE(say({core::IdentityAdded{job}}));
  }

  Result<Done> give(const std::string& id, Millis duration = std::chrono::minutes(10)) {
    core::Grant grant;
    grant.id = id;
    grant.beneficiary = "idn_job";
    grant.entitlement = "pg-main/orders/reader";
    grant.cause = core::Cause::kBaseline;
    grant.policy = "test";
    grant.duration = duration;
    grant.created = clock_.now();
    return say({core::GrantCreated{grant}});
  }
  Result<Done> revoke(const std::string& id) {
    return say({core::GrantRevoking{id, core::EndReason::kRevoked, std::nullopt, std::nullopt}});
  }

  // True once the grant is in this state; "ended" when it left.
  bool reaches(const std::string& grant, core::GrantState state) {
    return wait(grant, [grant, state](const core::State& now) {
      const core::Grant* g = now.grants.find(grant);
      return g != nullptr && g->state == state;
    });
  }
  bool ends(const std::string& grant) {
    return wait(grant, [grant](const core::State& now) { return !now.grants.contains(grant); });
  }
  bool wait(const std::string& grant, Waits::Over over) {
    auto done = std::make_shared<std::promise<bool>>();
    auto future = done->get_future();
    plane_->waits().add(grant, *plane_->states().get(), kPatience, std::move(over),
                        [done](bool reached) { done->set_value(reached); });
    return future.get();
  }
  bool has_account(const std::string& login) {
    std::lock_guard lock(system_->mutex);
    return system_->accounts.contains(login);
  }

  crypto::SystemRandom random_;
  SystemClock clock_;
  store::FaultyFileSystem disk_{1};
  std::shared_ptr<FakeSystem> system_ = std::make_shared<FakeSystem>();
  std::string folder_;
  PlaneOptions options_;
  std::unique_ptr<Plane> plane_;
  std::atomic<bool> fatal_{false};
  std::string fatal_error_;
};

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

TEST_F(PlaneTest, RefusesAForeignKeyEncryptionKey) {
  std::filesystem::remove(options_.kek_file);
  ASSERT_TRUE(crypto::KeyEncryptionKey::create(options_.kek_file, random_));
  const auto plane = Plane::open(options_, disk_, clock_, random_, nullptr, nullptr);
  ASSERT_FALSE(plane);
  EXPECT_NE(plane.error().message.find("key-encryption key"), std::string::npos);
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
  plane_->decisions().ask(0, question, {}, [&](const Told& t) { after.set_value(t.decision); });
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
    plane_->decisions().ask(0, question, {}, [&](const Told& t) { entries.push_back(t.entry); });
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

TEST_F(PlaneTest, ErasingASubjectMakesItsFieldsUnreadable) {
  start();
  auto sealed = plane_->vault().seal("idn_p", "a name");
  ASSERT_TRUE(sealed);
  ASSERT_TRUE(say({core::GroupAdded{{"g", "", false}}}));  // stores the key
  EXPECT_EQ(*plane_->vault().open(*sealed), "a name");
  ASSERT_TRUE(
      plane_->writer().run({{"test"}, {}}, [](const core::State&, Time) -> Result<core::Outcome> {
        return core::Outcome{{core::GroupAdded{{"h", "", false}}}, {}, {"idn_p"}};
      }));
  EXPECT_EQ(plane_->vault().open(*sealed).error().code, Code::kNotFound);
}

// Every byte of every file in the data folder, as it lies on the disk.
TEST_F(PlaneTest, NoFileHoldsTheNameOfAPerson) {
  start();
  add_target();
  const std::string name = "zebediah";
  const auto by_ada = [&](const std::string& verb, const Json& body) {
    core::Actor ada;
    ada.identity = core::find_identity(*plane_->states().get(), plane_->vault(), "ada")->id;
    const core::Actor actor = ada;
    auto done = plane_->writer().run(
        {{ada.identity}, new_id("cmd", random_), plane_->vault().digest(canonical(body))},
        [&](const core::State& state, Time now) {
          const core::Outside outside{
              now, random_, plane_->vault(),
              [](std::string_view text) { return to_hex(as_bytes(crypto::sha256(text))); },
              [](std::string_view, std::string_view, std::string_view) { return false; }};
          return core::run_command(state, actor, verb, body, outside);
        });
    EXPECT_TRUE(done) << verb << ": " << (done ? "" : done.error().text());
    return done ? done->result : Json();
  };
  const std::string id = *by_ada("add_identity", Json::object({{"kind", "user"}, {"name", name}}))
                              .find("identity")
                              ->as_string();
  const auto is_named = [&](const char* verb, Json body) {
    body.set("identity", name);
    by_ada(verb, body);
  };
  by_ada("add_group", Json::object({{"name", "readers"}, {"purpose", "read"}}));
  is_named("add_member", Json::object({{"group", "readers"}}));
  is_named("add_member", Json::object({{"group", "administrators"}}));  // waits for a second person

  core::Grant grant;
  grant.id = "grt_abcdef";
  grant.beneficiary = id;
  grant.entitlement = "pg-main/orders/reader";
  grant.cause = core::Cause::kBaseline;
  grant.policy = "test";
  grant.duration = std::chrono::minutes(10);
  grant.created = clock_.now();
  ASSERT_TRUE(say({core::GrantCreated{grant}}));
  ASSERT_TRUE(reaches(grant.id, core::GrantState::kActive));
  EXPECT_TRUE(has_account("writ_zebediah_abcdef"));
  std::promise<void> told;
  core::Question question;
  question.subject = id;
  question.action = "connect";
  question.resource_type = "entitlement";
  question.resource = grant.entitlement;
  plane_->decisions().ask_now(question, [&](const Told&) { told.set_value(); });
  told.get_future().get();
  ASSERT_TRUE(revoke(grant.id));
  ASSERT_TRUE(ends(grant.id));
  is_named("remove_member", Json::object({{"group", "readers"}, {"reason", "zebediah leaves"}}));
  is_named("set_identity_state",
           Json::object({{"state", "offboarded"}, {"reason", "zebediah left"}}));
  is_named("erase_subject", Json::object());
  plane_->stop();
  EXPECT_EQ(core::display_name(*plane_->states().get(), plane_->vault(), id), "(erased)");
  plane_.reset();
  std::size_t files = 0;
  const std::function<void(const std::string&)> look = [&](const std::string& folder) {
    const auto names = disk_.list(folder);
    ASSERT_TRUE(names) << folder;
    for (const std::string& each : *names) {
      const std::string path = folder + "/" + each;
      const auto bytes = disk_.read_all(path, std::size_t{1} << 30);
      if (!bytes) {
        look(path);
        continue;
      }
      ++files;
      EXPECT_EQ(bytes->find(name), std::string::npos) << path;
    }
  };
  look("data");
  EXPECT_GT(files, 3u);
  // Without the key, all of it still folds.
  start();
  EXPECT_EQ(core::display_name(*plane_->states().get(), plane_->vault(), id), "(erased)");
}

TEST_F(PlaneTest, ANewKeyEncryptionKeyOpensWhatTheOldOneDid) {
  start();
  auto sealed = plane_->vault().seal("idn_p", "a name");
  ASSERT_TRUE(sealed);
  ASSERT_TRUE(say({core::GroupAdded{{"g", "", false}}}));  // stores the key
  plane_.reset();
  std::filesystem::copy_file(options_.kek_file, folder_ + "/old");
  const auto rotated = Plane::rotate_keys(options_, disk_, random_);
  ASSERT_TRUE(rotated) << rotated.error().text();
  EXPECT_EQ(*rotated, 6u);  // three of its own, two founders, and the one above
  EXPECT_FALSE(std::filesystem::exists(options_.kek_file + ".next"));
  start();
  EXPECT_EQ(*plane_->vault().open(*sealed), "a name");
  plane_.reset();
  std::filesystem::copy_file(folder_ + "/old", options_.kek_file,
                             std::filesystem::copy_options::overwrite_existing);
  EXPECT_FALSE(Plane::open(options_, disk_, clock_, random_, nullptr, nullptr));
}

TEST_F(PlaneTest, ARotationThatWasInterruptedGoesOn) {
  // The keys were wrapped anew, and the file was not put into its place yet.
  std::filesystem::copy_file(options_.kek_file, folder_ + "/old");
  ASSERT_TRUE(Plane::rotate_keys(options_, disk_, random_));
  std::filesystem::rename(options_.kek_file, options_.kek_file + ".next");
  std::filesystem::rename(folder_ + "/old", options_.kek_file);
  EXPECT_FALSE(Plane::open(options_, disk_, clock_, random_, nullptr, nullptr));
  const auto again = Plane::rotate_keys(options_, disk_, random_);
  ASSERT_TRUE(again) << again.error().text();
  start();
}

TEST_F(PlaneTest, TheFoundersGetNewTicketsUntilTheyHaveDevices) {
  const auto again = Plane::reopen_tickets(options_, disk_, clock_, random_);
  ASSERT_TRUE(again) << again.error().text();
  EXPECT_EQ(again->codes.size(), 2u);
  start();
  const auto state = plane_->states().get();
  EXPECT_EQ(state->enrollments.size(), 2u);  // the older ones are over
  std::vector<core::EventData> events;
  for (const char* name : {"ada", "bob"}) {
    const std::string id = core::find_identity(*state, plane_->vault(), name)->id;
    events.push_back(core::SecondFactorSet{id, core::Sealed{id, ""}});
  }
  ASSERT_TRUE(say(events));
  plane_.reset();
  const auto refused = Plane::reopen_tickets(options_, disk_, clock_, random_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kConflict);
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
