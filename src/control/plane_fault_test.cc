// The plane over a disk that fails in every way that disks do: random commands under EIO, ENOSPC
// and power loss, a crash, a start, many times over.
//
// Invariants after each seed: every acknowledged event is in the journal, byte for byte;
// the target has an account for each live grant and no other; both logs verify, also for whoever
// remembers an earlier checkpoint; no allow was told without its entry.
#include <gtest/gtest.h>

#include <filesystem>
#include <future>
#include <map>
#include <set>
#include <thread>

#include "base/log.h"
#include "base/sanitizer_for_test.h"
#include "control/fake_target_for_test.h"
#include "control/plane.h"
#include "control/sample_for_test.h"
#include "core/login.h"
#include "crypto/hash.h"
#include "crypto/random.h"
#include "store/faulty_file_system.h"
#include "store/verify.h"
#include "tlog/checkpoint.h"

namespace writ::control {
namespace {

std::string sha256_hex(std::string_view bytes) {
  return to_hex(as_bytes(crypto::sha256(bytes)));
}

constexpr unsigned kSeeds = rounds(1'000U);
constexpr unsigned kSeedsAPlane = 25;
constexpr int kCommands = 6;  // a seed
constexpr auto kPatience = std::chrono::seconds(30);
constexpr Millis kTenMinutes = std::chrono::minutes(10);

// Small and good enough: the same seed, the same choices.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15u + 1) {}
  std::uint64_t below(std::uint64_t n) {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return state_ % n;
  }

 private:
  std::uint64_t state_;
};

class FaultyPlane {
 public:
  explicit FaultyPlane(unsigned seed) : dice_(seed), disk_(seed) {
    folder_ = testing::TempDir() + "fault_" + new_id("t", random_);
    std::filesystem::create_directories(folder_);
    options_.data_folder = "data";
    options_.kek_file = folder_ + "/kek";
    options_.checkpoint_every = Millis(5);
    options_.anchor_every = Millis(20);
    options_.snapshot_events = 10;
    options_.reconciler.workers = 2;
    options_.reconciler.observe_every = Millis(50);
    options_.reconciler.first_pause = Millis(1);
    options_.reconciler.longest_pause = Millis(5);
  }
  ~FaultyPlane() {
    plane_.reset();
    std::filesystem::remove_all(folder_);
  }

  void found() {
    const auto founded =
        Plane::found(options_, {"example.org", {"ada", "bob"}, {}}, disk_, clock_, random_);
    ASSERT_TRUE(founded) << founded.error().text();
    ASSERT_TRUE(start()) << "the first start";
    ASSERT_NO_FATAL_FAILURE(furnish());
  }

  // Commands under the faults of this seed, a crash, and a start, after which all must be right.
  void live_through(unsigned seed) {
    dice_ = Dice(seed);
    ASSERT_NO_FATAL_FAILURE(remember_checkpoints());
    disk_.set_faults(faults());
    for (int i = 0; i < kCommands && !dead_; ++i) act();
    // Every fourth one stops in order, on a disk that is well again.
    if (dice_.below(4) == 0) {
      disk_.set_faults({});
      plane_->stop();
    }
    // A dead process does no last writes.
    disk_.lose_power();
    plane_.reset();
    disk_.set_faults({});
    disk_.crash(seed);
    ASSERT_TRUE(start()) << "after a crash";
    ASSERT_NO_FATAL_FAILURE(check_promises());
    ASSERT_NO_FATAL_FAILURE(check_converged());
    ASSERT_NO_FATAL_FAILURE(check_evidence());
  }

 private:
  bool start() {
    dead_ = false;
    auto plane = Plane::open(
        options_, disk_, clock_, random_,
        [this](const core::TargetSystem&, Secret) -> Result<std::unique_ptr<core::Target>> {
          return std::make_unique<FakeTarget>(system_);
        },
        [this](const Error&) { dead_ = true; });
    if (!plane) {
      ADD_FAILURE() << plane.error().text();
      return false;
    }
    plane_ = std::move(*plane);
    plane_->start();
    return true;
  }

  store::Faults faults() {
    store::Faults f;
    switch (dice_.below(4)) {
      case 0:
        f.power_loss = 30'000;
        break;
      case 1:
        f.write_error = 20'000;
        f.sync_error = 20'000;
        break;
      case 2:
        f.no_space = 200'000;
        break;
      default:
        f.write_error = f.sync_error = 5'000;
        f.no_space = 50'000;
        f.power_loss = 10'000;
    }
    return f;
  }

  Result<Done> say(std::vector<core::EventData> events) {
    return plane_->writer().run({{"test"}, {}},
                                [&](const core::State&, Time) -> Result<core::Outcome> {
                                  return core::Outcome{events, {}, {}};
                                });
  }

  void furnish() {
    auto events = sample_events(plane_->vault(), clock_.now());
    ASSERT_TRUE(events) << events.error().text();
    core::PolicyFile policy{"jobs.cedar",
                            R"(@id("jobs") permit (principal, action == Writ::Action::"connect",
    resource == Writ::Entitlement::"pg-main/orders/reader");)"};
    for (core::EventData& data : core::apply_files(*plane_->states().get(), {policy}, sha256_hex)) {
      events->push_back(std::move(data));
    }
    const auto said = say(std::move(*events));
    ASSERT_TRUE(said) << said.error().text();
  }

  // One command, or a decision, or a target that goes away for a while.
  void act() {
    switch (dice_.below(6)) {
      case 0:
      case 1:
        return give();
      case 2:
        return revoke();
      case 3: {
        std::lock_guard lock(system_->mutex);
        system_->reachable = !system_->reachable;
        return;
      }
      default:
        return ask();
    }
  }

  void give() {
    core::Grant grant;
    grant.id = "grt_" + std::to_string(++grants_);
    grant.beneficiary = "idn_job";
    grant.entitlement = "pg-main/orders/reader";
    grant.cause = core::Cause::kBaseline;
    grant.policy = "jobs";
    grant.duration = kTenMinutes;
    grant.created = clock_.now();
    const auto done = say({core::GrantCreated{grant}});
    if (!done) return;
    promised_.given.insert(grant.id);
    keep(done->seq);
  }

  void revoke() {
    if (promised_.given.empty()) return;
    auto grant = promised_.given.begin();
    std::advance(grant, static_cast<std::ptrdiff_t>(dice_.below(promised_.given.size())));
    const auto done =
        say({core::GrantRevoking{*grant, core::EndReason::kRevoked, std::nullopt, std::nullopt}});
    // Narrowing may be acknowledged before it is durable, so that it works on a full disk; it is
    // promised from here on only if nothing waited for space.
    if (done && !plane_->writer().has_backlog()) {
      promised_.revoked.insert(*grant);
      keep(done->seq);
    }
  }

  void ask() {
    auto told = std::make_shared<std::promise<Told>>();
    core::Question question;
    question.subject = "idn_job";
    question.action = "connect";
    question.resource_type = "entitlement";
    question.resource = "pg-main/orders/reader";
    plane_->decisions().ask_now(question, [told](const Told& t) { told->set_value(t); });
    const Told answer = told->get_future().get();
    if (answer.decision.allow) promised_.allows.push_back(answer.entry);
  }

  // The event of an acknowledged command, as the journal has it now.
  void keep(std::uint64_t seq) {
    const auto event = plane_->evidence().journal().read(seq, 1);
    if (event && event->size() == 1) promised_.events[seq] = event->front();
  }

  void remember_checkpoints() {
    for (const LogName log : {LogName::kJournal, LogName::kDecisions}) {
      auto note = plane_->evidence().checkpoint(log);
      ASSERT_TRUE(note) << note.error().text();
      remembered_[log] = std::move(*note);
    }
  }

  void check_promises() {
    const auto& journal = plane_->evidence().journal();
    for (const auto& [seq, bytes] : promised_.events) {
      const auto there = journal.read(seq, 1);
      ASSERT_TRUE(there && there->size() == 1) << "event " << seq << " is lost";
      ASSERT_EQ(there->front(), bytes) << "event " << seq;
    }
    for (const std::uint64_t entry : promised_.allows) {
      const auto there = plane_->evidence().decision(entry);
      ASSERT_TRUE(there) << "the entry " << entry << " of an allow is lost";
      const auto recorded = read_decision_payload(there->payload);
      ASSERT_TRUE(recorded) << recorded.error().text();
      ASSERT_TRUE(recorded->allow);
    }
    const auto state = plane_->states().get();
    for (const std::string& grant : promised_.given) {
      if (promised_.revoked.contains(grant)) {
        const core::Grant* left = state->grants.find(grant);
        ASSERT_TRUE(left == nullptr || left->state == core::GrantState::kRevoking) << grant;
      }
    }
  }

  // Live grants and accounts are the same, once all has come to rest. Empty, or what is not so.
  std::string apart() {
    const auto state = plane_->states().get();
    std::set<std::string> wanted;
    std::string out;
    state->grants.for_each([&](const std::string& id, const core::Grant& grant) {
      if (grant.state != core::GrantState::kActive) {
        out += id + " is " + std::string(name_of(grant.state)) + " after " +
               (grant.failure
                    ? std::to_string(grant.failure->tries) + " tries: " + grant.failure->error
                    : "no try failed") +
               "\n";
      }
      wanted.insert(core::login_of(*state, grant));
    });
    std::lock_guard lock(system_->mutex);
    for (const auto& [login, account] : system_->accounts) {
      if (wanted.erase(login) == 0) out += login + " is there without a grant\n";
    }
    for (const std::string& login : wanted) out += login + " is missing\n";
    return out;
  }
  void check_converged() {
    {
      std::lock_guard lock(system_->mutex);
      system_->reachable = true;
    }
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    while (!apart().empty() && std::chrono::steady_clock::now() < deadline) {
      std::this_thread::sleep_for(Millis(1));
    }
    ASSERT_EQ(apart(), "");
  }

  void check_evidence() {
    std::map<LogName, std::string> keys;
    for (const LogName log : {LogName::kJournal, LogName::kDecisions}) {
      ASSERT_TRUE(plane_->evidence().checkpoint(log));
      keys[log] = plane_->evidence().verifier_key(log);
    }
    for (const LogName log : {LogName::kJournal, LogName::kDecisions}) {
      const auto key = tlog::parse_verifier_key(keys[log]);
      ASSERT_TRUE(key);
      const store::VerifyOptions options{origin_of(log, "example.org"), {*key}, remembered_[log]};
      const auto verified = log == LogName::kJournal
                                ? store::verify_journal(plane_->evidence().journal(), options)
                                : store::verify_decision_log(disk_, "data/decisions", options);
      ASSERT_TRUE(verified) << verified.error().text();
      ASSERT_TRUE(verified->sound())
          << (log == LogName::kJournal ? "journal: " : "decisions: ") << verified->unproven[0].what;
    }
  }

  Dice dice_;
  crypto::SystemRandom random_;
  SystemClock clock_;
  store::FaultyFileSystem disk_;
  std::shared_ptr<FakeSystem> system_ = std::make_shared<FakeSystem>();
  std::string folder_;
  PlaneOptions options_;
  std::unique_ptr<Plane> plane_;
  std::atomic<bool> dead_{false};
  int grants_ = 0;
  struct {
    std::map<std::uint64_t, std::string> events;  // by seq: the bytes
    std::set<std::string> given, revoked;         // grants
    std::vector<std::uint64_t> allows;            // entries of the decision log
  } promised_;
  std::map<LogName, std::string> remembered_;
};

// A plane lives through a run of seeds, so that old faults meet new ones; the log says which run.
TEST(PlaneUnderFaults, KeepsEveryPromise) {
  set_log_level(Level::kError);
  for (unsigned first = 1; first <= kSeeds; first += kSeedsAPlane) {
    FaultyPlane plane(first);
    ASSERT_NO_FATAL_FAILURE(plane.found());
    for (unsigned seed = first; seed < first + kSeedsAPlane; ++seed) {
      SCOPED_TRACE("seed " + std::to_string(seed));
      ASSERT_NO_FATAL_FAILURE(plane.live_through(seed));
    }
  }
}

}  // namespace
}  // namespace writ::control
