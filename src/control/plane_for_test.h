// A plane for tests: over a disk that can fail, with one target in memory.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <future>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "control/fake_target_for_test.h"
#include "control/plane.h"
#include "control/sample_for_test.h"
#include "crypto/hash.h"
#include "crypto/random.h"
#include "store/faulty_file_system.h"

namespace writ::control {

inline std::string sha256_hex(std::string_view bytes) {
  return to_hex(as_bytes(crypto::sha256(bytes)));
}

constexpr auto kPatience = std::chrono::seconds(20);

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
    auto events = sample_events(plane_->vault(), clock_.now());
    ASSERT_TRUE(events) << events.error().text();
    const auto said = say(std::move(*events));
    ASSERT_TRUE(said) << said.error().text();
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

}  // namespace writ::control
