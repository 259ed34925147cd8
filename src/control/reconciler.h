// One target's reconciler: brings what is there to what should be, and never gives up.
//
//   grant activating → plan, provision, grant_activated
//   grant revoking   → plan, retire, read back, try the secret, grant_ended
//
// Each step is in the journal before it is taken; its seq is the step's fence. What failed is tried
// again without limit, with growing pauses, visible as tries and last error. A whole observation at
// the start and every `observe_every` finds what nobody asked for: orphans, drift, standing
// privilege.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "control/writer.h"
#include "core/target.h"

namespace writ::control {

// Opens a connection to a target. Called on reconciler threads, once a worker and again after the
// target's settings changed.
using OpenTarget = std::function<Result<std::unique_ptr<core::Target>>(const core::TargetSystem&,
                                                                       Secret connector_password)>;

struct ReconcilerOptions {
  unsigned workers = 3;
  Millis observe_every = std::chrono::seconds(30);
  Millis first_pause{100};  // after a failure; doubles up to `longest_pause`
  Millis longest_pause{5'000};
};

class Reconciler {
 public:
  // All that is passed in outlives the reconciler.
  Reconciler(std::string target, OpenTarget open, Writer& writer, const States& states,
             const Vault& vault, const Clock& clock, Random& random,
             ReconcilerOptions options = {});
  ~Reconciler();

  void start();
  void stop();

  // A grant of this target changed: to be looked at `after` this time, or as soon as it is said
  // again without. Any thread; never blocks.
  void grant_changed(const std::string& grant, Millis after = Millis(0));
  // A step that `writ remedy` planned, with the seq of its event.
  void take_step(core::Step step, std::uint64_t fence);
  // Look at the whole target soon.
  void observe_soon();

 private:
  // What to do: a grant by id, or a planned step of an account without a live grant.
  struct Item {
    std::string key;  // grant id, or "login:" and the login
    std::optional<core::Step> step;
    std::uint64_t fence = 0;
  };

  void work();
  void watch();
  void finish(const Item& item, const Status& done);
  void enqueue(Item item, Millis after);
  std::vector<Item> take_items();  // empty: stopping
  std::vector<Status> treat(core::Target& target, const std::vector<Item>& items);
  Status take_planned(core::Target& target, const Item& item);
  Status provision(core::Target& target, const core::State& state, const core::Grant& grant);
  std::vector<Status> retire(core::Target& target, const core::State& state,
                             const std::vector<const core::Grant*>& grants);
  Status confirm_gone(core::Target& target, const core::State& state, const core::Grant& grant,
                      const Result<core::StepOutcome>& outcome);
  Status observe(core::Target& target);
  Result<std::uint64_t> plan(std::vector<core::StepPlanned> steps);
  Result<std::unique_ptr<core::Target>> open() const;
  Result<Secret> secret_of(const core::State& state, const std::string& grant) const;

  const std::string name_;
  const OpenTarget open_;
  Writer& writer_;
  const States& states_;
  const Vault& vault_;
  const Clock& clock_;
  Random& random_;
  const ReconcilerOptions options_;

  std::vector<std::thread> threads_;
  std::mutex mutex_;
  std::condition_variable wake_;
  // All guarded by mutex_.
  std::multimap<Millis, Item> queue_;  // by the steady time at which it is due
  // Keys that wait in queue_, each with its last item: so the same grant does not pile up.
  std::map<std::string, std::multimap<Millis, Item>::iterator> queued_;
  std::set<std::string> busy_;            // keys that a worker has
  std::map<std::string, Millis> pauses_;  // keys that failed, and how long they last waited
  std::set<std::string> again_;           // keys that changed while a worker had them
  Millis observe_at_{0};
  bool stopping_ = false;
};

}  // namespace writ::control
