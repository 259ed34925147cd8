#include "control/reconciler.h"

#include <algorithm>

#include "base/log.h"
#include "core/login.h"
#include "crypto/hash.h"
#include "crypto/scram.h"

namespace writ::control {
namespace {

// The logins' secrets have 256 random bits, so more iterations would protect nothing further.
constexpr unsigned kScramIterations = 4096;
constexpr std::size_t kMostTogether = 64;

std::string hmac(std::string_view key, std::string_view message) {
  return std::string(as_bytes(crypto::hmac_sha256(key, message)));
}

// The same on every call, so that provisioning twice changes nothing.
std::string salt_of(const std::string& grant) {
  return std::string(as_bytes(crypto::sha256("writ scram salt v1\n" + grant)).substr(0, 16));
}

Command reports(std::function<std::vector<core::EventData>(const core::State&, Time)> events) {
  return [events = std::move(events)](const core::State& state, Time now) -> Result<core::Outcome> {
    return core::Outcome{events(state, now), {}, {}};
  };
}

}  // namespace

Reconciler::Reconciler(std::string target, OpenTarget open, Writer& writer, const States& states,
                       const Vault& vault, const Clock& clock, Random& random,
                       ReconcilerOptions options)
    : name_(std::move(target)),
      open_(std::move(open)),
      writer_(writer),
      states_(states),
      vault_(vault),
      clock_(clock),
      random_(random),
      options_(options) {}

Reconciler::~Reconciler() {
  stop();
}

void Reconciler::start() {
  for (unsigned i = 0; i < options_.workers; ++i) threads_.emplace_back([this] { work(); });
  threads_.emplace_back([this] { watch(); });
}

void Reconciler::stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

void Reconciler::grant_changed(const std::string& grant, Millis after) {
  enqueue({grant, {}, 0}, after);
}

void Reconciler::take_step(core::Step step, std::uint64_t fence) {
  std::string key = "login:" + step.login;
  enqueue({std::move(key), std::move(step), fence}, Millis(0));
}

void Reconciler::observe_soon() {
  {
    std::lock_guard lock(mutex_);
    observe_at_ = Millis(0);
  }
  wake_.notify_all();
}

void Reconciler::enqueue(Item item, Millis after) {
  {
    std::lock_guard lock(mutex_);
    if (busy_.contains(item.key) && after == Millis(0) && !item.step) {
      again_.insert(item.key);
      return;
    }
    const Millis at = clock_.steady() + after;
    if (const auto waits = queued_.find(item.key); waits != queued_.end()) {
      // The same item waits already: it is taken at the earlier time. A step that an observation
      // wants comes again with the next one.
      if (item.step ? item.fence == 0 : waits->second->first <= at) return;
      if (!item.step) queue_.erase(waits->second);
    }
    std::string key = item.key;
    queued_[std::move(key)] = queue_.emplace(at, std::move(item));
  }
  wake_.notify_all();
}

Result<std::unique_ptr<core::Target>> Reconciler::open() const {
  const auto state = states_.get();
  const core::TargetSystem* target = state->targets.find(name_);
  if (target == nullptr) return fail(Code::kNotFound, "the target \"" + name_ + "\" is gone");
  TRY(password, vault_.open(target->connector_secret));
  return open_(*target, Secret(std::move(password)));
}

Result<Secret> Reconciler::secret_of(const core::State& state, const std::string& grant) const {
  const core::TargetSystem* target = state.targets.find(name_);
  if (target == nullptr) return fail(Code::kNotFound, "the target \"" + name_ + "\" is gone");
  TRY(key, vault_.open(target->key));
  TRY(raw, from_base64(key));
  zero(key.data(), key.size());
  return core::login_secret(Secret(std::move(raw)), grant, hmac);
}

// Answers the fence: the seq of the last of these events.
Result<std::uint64_t> Reconciler::plan(std::vector<core::StepPlanned> steps) {
  for (core::StepPlanned& planned : steps) {
    planned.step = core::recorded_step(std::move(planned.step));
  }
  TRY(done, writer_.run({{"server"}, {}}, reports([&](const core::State&, Time) {
                          return std::vector<core::EventData>(steps.begin(), steps.end());
                        })));
  return done.seq;
}

void Reconciler::work() {
  std::unique_ptr<core::Target> target;
  for (;;) {
    const std::vector<Item> items = take_items();
    if (items.empty()) return;
    if (!target) {
      auto opened = open();
      if (!opened) {
        for (const Item& item : items) finish(item, fail(opened));
        continue;
      }
      target = std::move(*opened);
    }
    const std::vector<Status> done = treat(*target, items);
    bool broken = false;
    for (std::size_t i = 0; i < items.size(); ++i) {
      broken = broken || (!done[i] && done[i].error().code == Code::kUnavailable);
      finish(items[i], done[i]);
    }
    if (broken) target.reset();  // a connection that failed is opened anew
  }
}

std::vector<Reconciler::Item> Reconciler::take_items() {
  std::unique_lock lock(mutex_);
  for (;;) {
    if (stopping_) return {};
    const Millis now = clock_.steady();
    const auto state = states_.get();
    std::vector<Item> items;
    for (auto at = queue_.begin(); at != queue_.end() && at->first <= now;) {
      if (busy_.contains(at->second.key)) {
        ++at;
        continue;
      }
      const core::Grant* grant = state->grants.find(at->second.key);
      const bool ends = grant != nullptr && grant->state == core::GrantState::kRevoking;
      if (!items.empty() && !ends) {
        ++at;
        continue;
      }
      busy_.insert(at->second.key);
      if (const auto waits = queued_.find(at->second.key);
          waits != queued_.end() && waits->second == at) {
        queued_.erase(waits);
      }
      items.push_back(std::move(at->second));
      at = queue_.erase(at);
      // Ends are taken together, anything else alone.
      if (!ends || items.size() == kMostTogether) break;
    }
    if (!items.empty()) return items;
    const Millis pause =
        queue_.empty() ? options_.longest_pause : std::max(queue_.begin()->first - now, Millis(1));
    wake_.wait_for(lock, pause);
  }
}

void Reconciler::finish(const Item& item, const Status& done) {
  Millis pause{0};
  bool retry = false;
  {
    std::lock_guard lock(mutex_);
    busy_.erase(item.key);
    if (done) {
      pauses_.erase(item.key);
      retry = again_.erase(item.key) > 0;
    } else {
      Millis& last = pauses_[item.key];
      last = last == Millis(0) ? options_.first_pause : std::min(last * 2, options_.longest_pause);
      pause = last;
      // Grants are tried without limit. A single step that the target will never allow is not.
      const Code code = done.error().code;
      retry = !item.step ||
              (code != Code::kDenied && code != Code::kInvalid && code != Code::kNotFound);
    }
  }
  if (!done) {
    log(Level::kWarn, "step_failed",
        {{"target", name_}, {"item", item.key}, {"error", done.error().text()}});
    if (!item.step) {
      writer_.submit(
          {{"server"}, {}},
          reports([grant = item.key, error = done.error().text()](const core::State& state, Time) {
            return core::on_try_failed(state, grant, error);
          }),
          [](const Result<Done>&) {});
    }
  }
  if (retry) enqueue(item, pause);
  wake_.notify_all();
}

std::vector<Status> Reconciler::treat(core::Target& target, const std::vector<Item>& items) {
  const auto state = states_.get();
  std::vector<Status> done(items.size());
  std::vector<const core::Grant*> ending;
  std::vector<std::size_t> ending_at;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (items[i].step) {
      done[i] = take_planned(target, items[i]);
      continue;
    }
    const core::Grant* grant = state->grants.find(items[i].key);
    if (grant == nullptr) continue;
    if (grant->state == core::GrantState::kRevoking) {
      ending.push_back(grant);
      ending_at.push_back(i);
    } else {
      done[i] = provision(target, *state, *grant);
    }
  }
  if (!ending.empty()) {
    std::vector<Status> ended = retire(target, *state, ending);
    for (std::size_t k = 0; k < ended.size(); ++k) done[ending_at[k]] = std::move(ended[k]);
  }
  return done;
}

Status Reconciler::take_planned(core::Target& target, const Item& item) {
  std::uint64_t fence = item.fence;
  if (fence == 0) {
    TRY(planned, plan({{name_, "", *item.step}}));
    fence = planned;
  }
  CHECK_OK(target.apply(*item.step, fence));
  observe_soon();
  return {};
}

Status Reconciler::provision(core::Target& target, const core::State& state,
                             const core::Grant& grant) {
  TRY(account, core::desired_account(state, grant, clock_.now()));
  TRY(secret, secret_of(state, grant.id));
  TRY(verifier, crypto::scram_verifier(secret, salt_of(grant.id), kScramIterations));
  account.verifier = std::move(verifier);
  core::Step step{core::StepKind::kProvision, account.login, account};
  TRY(fence, plan({{name_, grant.id, step}}));
  CHECK_OK(target.apply(step, fence));
  if (grant.state == core::GrantState::kActive) return {};  // drift, mended
  CHECK_OK(writer_.run({{"server"}, {}}, reports([&](const core::State& now_state, Time now) {
                         return core::on_provisioned(now_state, grant.id, now);
                       })));
  return {};
}

std::vector<Status> Reconciler::retire(core::Target& target, const core::State& state,
                                       const std::vector<const core::Grant*>& grants) {
  std::vector<core::StepPlanned> planned;
  std::vector<core::Step> steps;
  for (const core::Grant* grant : grants) {
    steps.push_back({core::StepKind::kRetire, core::login_of(state, *grant), {}});
    planned.push_back({name_, grant->id, steps.back()});
  }
  const auto fence = plan(std::move(planned));
  if (!fence) return std::vector<Status>(grants.size(), fail(fence));
  const std::vector<Result<core::StepOutcome>> outcomes = target.apply_all(steps, *fence);

  std::vector<Status> done(grants.size());
  std::vector<std::pair<std::string, core::StepOutcome>> gone;
  for (std::size_t i = 0; i < grants.size(); ++i) {
    const auto confirmed = confirm_gone(target, state, *grants[i], outcomes[i]);
    if (confirmed) {
      gone.emplace_back(grants[i]->id, *outcomes[i]);
    } else {
      done[i] = confirmed;
    }
  }
  const auto reported =
      writer_.run({{"server"}, {}}, reports([&](const core::State& now_state, Time) {
                    std::vector<core::EventData> events;
                    for (const auto& [grant, outcome] : gone) {
                      for (core::EventData& event : core::on_gone(now_state, grant, outcome)) {
                        events.push_back(std::move(event));
                      }
                    }
                    return events;
                  }));
  if (!reported) {
    for (Status& status : done) {
      if (status) status = fail(reported);
    }
  }
  return done;
}

// Read back, and then the credential is tried: only both together end a grant.
Status Reconciler::confirm_gone(core::Target& target, const core::State& state,
                                const core::Grant& grant,
                                const Result<core::StepOutcome>& outcome) {
  CHECK_OK(outcome);
  const std::string login = core::login_of(state, grant);
  if (!outcome->gone) {
    return fail(Code::kUnavailable, "the account " + login + " was still there when read back");
  }
  const core::Entitlement* entitlement = state.entitlements.find(grant.entitlement);
  TRY(secret, secret_of(state, grant.id));
  TRY(probed, target.probe(login, entitlement == nullptr ? "" : entitlement->database, secret));
  if (probed == core::Probe::kAccepted) {
    return fail(Code::kConflict, "the target still accepts the credential of " + login);
  }
  return {};
}

void Reconciler::watch() {
  std::unique_ptr<core::Target> target;
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      while (!stopping_ && clock_.steady() < observe_at_) {
        wake_.wait_for(lock, std::max(observe_at_ - clock_.steady(), Millis(1)));
      }
      if (stopping_) return;
      observe_at_ = clock_.steady() + options_.observe_every;
    }
    Status done;
    if (!target) {
      auto opened = open();
      if (opened) {
        target = std::move(*opened);
      } else {
        done = fail(opened);
      }
    }
    if (target) done = observe(*target);
    if (!done) {
      log(Level::kWarn, "observation_failed", {{"target", name_}, {"error", done.error().text()}});
      target.reset();
      std::lock_guard lock(mutex_);
      observe_at_ = std::min(observe_at_, clock_.steady() + options_.longest_pause);
    }
  }
}

Status Reconciler::observe(core::Target& target) {
  TRY(observed, target.observe());
  const auto state = states_.get();
  const core::TargetSystem* system = state->targets.find(name_);
  if (system == nullptr) return {};
  const core::TargetSystem copy = *system;
  CHECK_OK(writer_.run({{"server"}, {}}, reports([&](const core::State& now_state, Time now) {
                         return core::on_observed(now_state, copy, observed, now, random_);
                       })));
  // Whatever should be there or should not, and no event will say so again: after a start, after a
  // crash between a step and its report, after somebody changed the target by hand.
  const core::Desired desired = core::desired_of(*state, name_, clock_.now());
  for (const auto& [grant, login] : desired.ending) grant_changed(grant);
  for (const core::DesiredAccount& account : desired.accounts) {
    // Its account may be there already, with nobody left who knows that it was made for it.
    const core::Grant* grant = state->grants.find(account.grant);
    if (grant != nullptr && grant->state == core::GrantState::kActivating) grant_changed(grant->id);
  }
  std::set<std::string> ending;
  for (const auto& [grant, login] : desired.ending) ending.insert(login);
  for (core::Step& step : target.plan(desired.accounts, observed.accounts)) {
    if (step.kind == core::StepKind::kProvision) {
      grant_changed(step.account->grant);
    } else if (!ending.contains(step.login)) {
      // Made after this snapshot was taken? Then the next observation knows its grant.
      const auto fresh = states_.get();
      const core::Desired now_desired = core::desired_of(*fresh, name_, clock_.now());
      const bool wanted = std::any_of(
          now_desired.accounts.begin(), now_desired.accounts.end(),
          [&](const core::DesiredAccount& account) { return account.login == step.login; });
      if (!wanted) take_step(std::move(step), 0);
    }
  }
  return {};
}

}  // namespace writ::control
