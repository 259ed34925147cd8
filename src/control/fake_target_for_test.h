// A target in memory, for tests: accounts by login, and a switch that makes it unreachable. Several
// connections share one system, as a reconciler's workers do.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/target.h"

namespace writ::control {

struct FakeSystem {
  std::mutex mutex;
  std::map<std::string, core::ObservedAccount> accounts;  // guarded, as all below
  bool reachable = true;
  std::uint64_t last_fence = 0;
  int retirements = 0;
  std::vector<std::string> probed;
};

class FakeTarget final : public core::Target {
 public:
  explicit FakeTarget(std::shared_ptr<FakeSystem> system) : system_(std::move(system)) {}

  Result<core::Observed> observe() override {
    std::lock_guard lock(system_->mutex);
    CHECK_OK(reach());
    core::Observed observed;
    for (const auto& [login, account] : system_->accounts) observed.accounts.push_back(account);
    return observed;
  }
  Result<std::vector<core::ObservedAccount>> observe(
      const std::vector<std::string>& logins) override {
    std::lock_guard lock(system_->mutex);
    CHECK_OK(reach());
    std::vector<core::ObservedAccount> found;
    for (const std::string& login : logins) {
      const auto account = system_->accounts.find(login);
      if (account != system_->accounts.end()) found.push_back(account->second);
    }
    return found;
  }
  std::vector<core::Step> plan(const std::vector<core::DesiredAccount>& desired,
                               const std::vector<core::ObservedAccount>& observed) const override {
    std::map<std::string, bool> there;
    for (const core::ObservedAccount& account : observed) {
      if (account.grant) there[account.login] = true;
    }
    std::vector<core::Step> steps;
    for (const core::DesiredAccount& account : desired) {
      if (there.erase(account.login) == 0) {
        steps.push_back({core::StepKind::kProvision, account.login, account});
      }
    }
    for (const auto& [login, _] : there) steps.push_back({core::StepKind::kRetire, login, {}});
    return steps;
  }
  Result<core::StepOutcome> apply(const core::Step& step, std::uint64_t fence) override {
    std::lock_guard lock(system_->mutex);
    CHECK_OK(reach());
    system_->last_fence = std::max(system_->last_fence, fence);
    if (step.kind == core::StepKind::kProvision) {
      core::ObservedAccount account;
      account.login = step.login;
      account.grant = step.account->grant;
      system_->accounts[step.login] = account;
      return core::StepOutcome{};
    }
    system_->retirements += static_cast<int>(system_->accounts.erase(step.login));
    return core::StepOutcome{true, 0, {}};
  }
  Result<core::Probe> probe(const std::string& login, const std::string&, const Secret&) override {
    std::lock_guard lock(system_->mutex);
    CHECK_OK(reach());
    system_->probed.push_back(login);
    return system_->accounts.contains(login) ? core::Probe::kAccepted : core::Probe::kRefused;
  }

 private:
  Status reach() const {
    if (system_->reachable) return {};
    return fail(Code::kUnavailable, "the target cannot be reached");
  }
  std::shared_ptr<FakeSystem> system_;
};

}  // namespace writ::control
