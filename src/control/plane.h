// The running control plane: one journal, one decision log, one writer, a reconciler per target,
// the streams of the doors. Owns all of them and lets them hear of each other.
//
// A data folder:
//   format       version of this layout
//   journal.db   the journal and wrapped keys; snapshots beside it, in journal.db-snapshots/
//   decisions/   this server's decision log
// The key-encryption key lies elsewhere (PlaneOptions::kek_file).
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "control/decisions.h"
#include "control/door_hub.h"
#include "control/evidence.h"
#include "control/past.h"
#include "control/reconciler.h"
#include "control/time_guard.h"
#include "control/vault.h"
#include "control/waits.h"
#include "control/writer.h"
#include "store/file_system.h"

namespace writ::control {

struct PlaneOptions {
  std::string data_folder;
  std::string kek_file;
  unsigned threads = 1;  // that call `Decisions::ask`
  Millis checkpoint_every{1'000};
  Millis anchor_every{60'000};
  std::uint64_t snapshot_events = 20'000;  // a snapshot of the state after so many events
  Millis cut_head_start{300};  // how long a login's retirement waits for the door's receipt
  ReconcilerOptions reconciler;
};

struct Founders {
  std::string trust_domain;
  std::vector<std::string> administrators;  // names; one alone: a solo domain
  std::vector<core::PolicyFile> policies;   // beside the default ones; may be empty
};

struct Founded {
  std::string ca_pem;
  std::string trust_domain;
  std::string server_identity;                             // id
  std::vector<std::pair<std::string, std::string>> codes;  // name, one-time enrolment code
};

class Plane {
 public:
  // Makes a data folder and a key-encryption key, and writes genesis. kExists when there is one.
  static Result<Founded> found(const PlaneOptions& options, const Founders& founders,
                               store::FileSystem& files, const Clock& clock, Random& random);

  // New enrolment codes for those administrators who never enrolled, their tickets being over.
  // kConflict once two administrators (one, of a trust domain of one) have a device: they open
  // enrolments then. The server must not run.
  static Result<Founded> reopen_tickets(const PlaneOptions& options, store::FileSystem& files,
                                        const Clock& clock, Random& random);

  // A new key-encryption key (rotate_key_encryption_key); answers how many keys it wraps. The
  // server must not run.
  static Result<std::size_t> rotate_keys(const PlaneOptions& options, store::FileSystem& files,
                                         Random& random);

  // Opens a data folder: recovers the state from the last snapshot and the events after it. The
  // folder is locked. Everything passed in outlives the plane. `fatal` is called when the process
  // must end, from any thread.
  static Result<std::unique_ptr<Plane>> open(PlaneOptions options, store::FileSystem& files,
                                             const Clock& clock, Random& random, OpenTarget open,
                                             std::function<void(const Error&)> fatal);
  ~Plane();

  void start();
  // Answers what waits, writes a snapshot and checkpoints, and stops. Idempotent.
  void stop();

  Writer& writer() { return *writer_; }
  States& states() { return states_; }
  Vault& vault() { return *vault_; }
  TimeGuard& time() { return time_; }
  Decisions& decisions() { return *decisions_; }
  Evidence& evidence() { return *evidence_; }
  DoorHub& doors() { return *doors_; }
  Waits& waits() { return waits_; }
  Random& random() { return random_; }
  // The identity of this server, of kind `server`.
  const std::string& server_identity() const { return server_identity_; }

  // How an account of a target was used, latest first: asks the target itself, so it blocks.
  Result<std::vector<core::ObservedUse>> uses(const std::string& target,
                                              const std::string& login) const;
  // The state right before the event `seq`, for explaining past decisions: from the newest snapshot
  // when that is older, else folded from genesis.
  Result<core::State> state_at(std::uint64_t seq) const;
  // The same, to walk on from there; not past `seq` yet.
  Result<Past> past_before(std::uint64_t seq) const {
    return Past::before(*journal_, *vault_, seq);
  }

 private:
  Plane(PlaneOptions options, store::FileSystem& files, const Clock& clock, Random& random,
        OpenTarget open, std::function<void(const Error&)> fatal,
        std::unique_ptr<store::Journal> journal, std::unique_ptr<store::DecisionLog> log,
        std::unique_ptr<Vault> vault, std::unique_ptr<Evidence> evidence, const core::State& state);

  void published(const std::vector<core::Event>& events, const core::State& state);
  // Revokes grants whose offer no longer matches, group by group; after a change of policies, which
  // were `before`, also those with an open session that it denies.
  void revoke_lost_offers(const std::shared_ptr<const core::Policies>& before);
  // Of sessions that doors let in before a change of policies and reported after it.
  void revoke_late(const std::vector<std::string>& sessions);
  void start_reconciler(const std::string& target);
  Reconciler* reconciler_of(const core::State& state, const std::string& grant);
  void housekeep();
  void keep_house();
  void snapshot();

  const PlaneOptions options_;
  store::FileSystem& files_;
  const Clock& clock_;
  Random& random_;
  const OpenTarget open_;
  const std::function<void(const Error&)> fatal_;

  std::unique_ptr<store::Journal> journal_;
  std::unique_ptr<store::DecisionLog> log_;
  std::unique_ptr<Vault> vault_;
  std::unique_ptr<Evidence> evidence_;
  TimeGuard time_;
  States states_;
  Waits waits_;
  std::unique_ptr<Writer> writer_;
  std::unique_ptr<Decisions> decisions_;
  std::unique_ptr<DoorHub> doors_;
  std::string server_identity_;

  std::mutex mutex_;
  std::map<std::string, std::unique_ptr<Reconciler>> reconcilers_;  // guarded by mutex_; by target
  std::vector<std::unique_ptr<Reconciler>> retired_;  // guarded by mutex_; of removed targets
  std::map<std::string, std::string> target_of_;      // guarded by mutex_; live grant -> target

  // Both the writer's thread: the policies published last; and those before them, under which a
  // door may have let in sessions that it has not reported yet, until when.
  std::shared_ptr<const core::Policies> in_force_;
  std::vector<std::pair<Millis, std::shared_ptr<const core::Policies>>> earlier_;

  std::thread house_;
  std::mutex house_mutex_;
  std::condition_variable house_wake_;
  bool stopping_ = false;            // guarded by house_mutex_
  std::uint64_t last_snapshot_ = 0;  // the housekeeping thread
  Millis last_checkpoint_{0};        // the housekeeping thread
  Millis ready_again_{0};            // the housekeeping thread; before it the log has no space
  Millis last_anchor_{0};            // the housekeeping thread
  std::uint64_t anchored_ = 0;       // the housekeeping thread
};

}  // namespace writ::control
