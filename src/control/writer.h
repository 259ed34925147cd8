// The writer: the one thread that changes anything. It runs commands against the newest state,
// appends their events to the journal, folds them, publishes the new state, and writes the decision
// log. Everything that arrived while it was writing goes into the next group.
//
// Invariants:
//   - nothing that widens access is acknowledged before it is durable;
//   - what narrows access takes effect first (`Hooks::narrowed`, and in the published state), and
//     is recorded as soon as it can be: when the disk is full it waits in a backlog, in front of
//     which nothing else is recorded;
//   - after an I/O error of the journal the process must end: what is durable is then unknown until
//     the journal is opened again.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <thread>
#include <vector>

#include "base/published.h"
#include "control/time_guard.h"
#include "control/vault.h"
#include "core/command.h"
#include "core/state.h"
#include "store/decision_log.h"
#include "store/journal.h"

namespace writ::control {

using States = Published<core::State>;

// What a command changed: the answer for its sender, and the seq of its last event (that of the
// newest event when it had none).
struct Done {
  Json result;
  std::uint64_t seq = 0;
};

// A command, run on the writer's thread against the newest state. Must not block.
using Command = std::function<Result<core::Outcome>(const core::State&, Time now)>;
using DoneCallback = std::function<void(Result<Done>)>;

// Who acts, and a client's id that makes a repetition harmless (empty: none), with the digest of
// what it asks for.
struct Origin {
  std::vector<std::string> actors;
  std::string command_id;
  std::string digest;
};

// Decisions that one thread handed over together, whose entries must be durable before anyone hears
// of them. The callback runs on the writer's thread: with the index of the first entry (the others
// follow), or the error that turns all of them into denials. It owns the entries, so that who made
// them can free them: memory that one thread takes and another gives back is slow.
struct PendingEntries {
  std::span<store::Prepared> entries;
  std::function<void(Result<std::uint64_t> first)> durable;
};

// What a group of events takes away. True in `only` when every event of it narrows.
struct Narrowing {
  std::vector<std::string> grants;        // that it begins to revoke
  std::vector<std::string> certificates;  // serials that it revokes
  std::vector<std::string> devices;       // that it removes
  bool only = true;

  bool cuts() const { return !grants.empty() || !certificates.empty() || !devices.empty(); }
};

struct Hooks {
  // Sessions that rest on these are over, before that is durable. Must be quick.
  std::function<void(const Narrowing&, const core::State& after)> narrowed;
  // A new state is in force and durable, with the events that made it.
  std::function<void(const std::vector<core::Event>& events, const core::State& after)> published;
  // The journal failed: the process must end.
  std::function<void(const Error&)> fatal;
};

struct WriterLimits {
  std::size_t waiting_commands = 10'000;
  std::size_t waiting_entries = 100'000;
  std::size_t commands_a_group = 256;
};

class Writer {
 public:
  // Everything passed in outlives the writer. `first` is the state at the journal's head.
  Writer(store::Journal& journal, store::DecisionLog& decisions, Vault& vault, TimeGuard& time,
         States& states, Hooks hooks, WriterLimits limits = {});
  ~Writer();  // stops: what is queued is answered kUnavailable

  void start();
  void stop();

  // Queues a command. The callback runs on the writer's thread, once. kExhausted through the
  // callback, at once, when too many wait.
  void submit(Origin origin, Command command, DoneCallback done);
  // The same, waiting for the answer. Not from the writer's thread.
  Result<Done> run(Origin origin, Command command);
  // Hands decision entries over, in order. Past the limit they fail with kExhausted at once.
  void record(PendingEntries entries);

  // True while narrowing events wait for space on the disk: nothing may be widened.
  bool has_backlog() const;
  // From now on nothing is widened any more, until the process ends: somebody remembers a newer
  // journal than this one.
  void halt() { halted_ = true; }
  bool halted() const { return halted_; }

 private:
  struct Task {
    Origin origin;
    Command command;
    DoneCallback done;
  };
  struct Group;

  void loop();
  // Entries are waiting: lets more come when many come, until it is time or a command is there.
  void gather(std::unique_lock<std::mutex>& lock);
  void write_entries(std::vector<PendingEntries> entries);
  void write_commands(std::deque<Task> tasks);
  // Answers the tasks for which this group has no room.
  std::deque<Task> write_group(std::deque<Task> tasks);
  void add_to_backlog(Group group);
  void write_backlog();
  Result<std::optional<Json>> known_answer(const Origin& origin, const Group& group,
                                           Time now) const;
  void prune_answers();
  Result<bool> run_task(Task& task, Group& group);
  Status commit(Group& group);
  Millis time_to_next_end();
  std::optional<Time> next_end();

  store::Journal& journal_;
  store::DecisionLog& decisions_;
  Vault& vault_;
  TimeGuard& time_;
  States& states_;
  const Hooks hooks_;
  const WriterLimits limits_;

  std::thread thread_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Task> tasks_;               // guarded by mutex_
  std::vector<PendingEntries> entries_;  // guarded by mutex_
  std::size_t waiting_entries_ = 0;      // guarded by mutex_; in all of entries_
  bool stopping_ = false;                // guarded by mutex_
  bool is_gathering_ = false;  // guarded by mutex_; nobody need wake the writer for entries

  bool are_many_ = false;  // entries come fast; the writer's thread alone
  std::chrono::steady_clock::time_point last_group_{};  // the same thread
  core::State state_;                                   // the writer's thread alone
  std::optional<Time> next_end_;    // of state_, when it has next_end_of_ as its next seq
  std::uint64_t next_end_of_ = 0;   // the same thread
  std::unique_ptr<Group> backlog_;  // the writer's thread alone
  Millis prune_at_{0};              // steady time; the writer's thread alone
  std::size_t answers_ = 0;         // that are kept, or a few more; the writer's thread alone
  Millis due_again_{0};  // steady time before which ends are not tried; the writer's thread alone
  std::atomic<bool> has_backlog_{false};
  std::atomic<bool> halted_{false};
};

Narrowing narrowing_of(const std::vector<core::Event>& events);
// Whether an event only takes away.
bool narrows(const core::EventData& data);
// Whether an event gives anyone more than they had.
bool widens(const core::EventData& data);

// Events that may come in several commands are cut to what one should have; true when some are
// left.
bool shorten(std::vector<core::EventData>& events);

// The side-table keys under which an event is found again by what it is about ("story" table).
store::SidePut story_key(std::string_view subject, std::uint64_t seq);
// The seqs of the events about something, in order.
Result<std::vector<std::uint64_t>> story_of(const store::Journal& journal,
                                            std::string_view subject);

}  // namespace writ::control
