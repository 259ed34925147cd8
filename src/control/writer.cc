#include "control/writer.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <future>
#include <map>
#include <optional>

#include "base/log.h"
#include "control/answers.h"
#include "crypto/hash.h"

namespace writ::control {
namespace {

constexpr std::string_view kStory = "story";
// How often a full disk is tried again.
constexpr Millis kBacklogPause{200};
// The longest sleep: the wall clock may be corrected meanwhile.
constexpr Millis kLongestSleep{1000};
// A sync costs as much as some twenty decisions. When entries come this fast (in a millisecond),
// groups begin at least so far apart, and have more in them.
constexpr double kManyEntries = 25;
constexpr std::chrono::microseconds kBetweenGroups{400};
// How often answers of commands are looked through for old ones.
constexpr Millis kPrunePause = std::chrono::minutes(1);
// Events that wait for space on the disk at most.
constexpr std::size_t kMostBacklog = 50'000;
// Events of one command; and of a group, after which the next command waits for the next group. A
// batch of the journal holds both together.
constexpr std::size_t kMostOfACommand = 50'000;
constexpr std::size_t kMostOfAGroup = 20'000;
static_assert(kMostOfACommand + kMostOfAGroup <= store::kMostBatchEvents);
// The side table's keys are short: longer names stand there by their hash.
constexpr std::size_t kMostStoryName = 400;

std::string command_key(const Origin& origin) {
  return (origin.actors.empty() ? std::string() : origin.actors.front()) + "/" + origin.command_id;
}

std::string story_name(std::string_view subject) {
  if (subject.size() <= kMostStoryName) return std::string(subject);
  return "sha256:" + to_hex(as_bytes(crypto::sha256(subject)));
}

}  // namespace

// The events of several commands, as one journal transaction.
struct Writer::Group {
  std::vector<core::Event> events;
  store::AppendBatch batch;
  std::vector<store::SidePut> new_keys;  // also in batch.puts; given back when the commit fails
  std::uint64_t first_seq = 0;
  core::State before;
  core::State after;
  std::map<std::string, Answer> answers;  // of commands with an id, which stand in batch.puts too
  struct Waiting {
    Task* task;
    Done answer;
  };
  std::vector<Waiting> waiting;
};

bool narrows(const core::EventData& data) {
  const auto* state = std::get_if<core::IdentityStateChanged>(&data);
  const auto* request = std::get_if<core::RequestClosed>(&data);
  const auto* change = std::get_if<core::ChangeClosed>(&data);
  return (state != nullptr && state->state != core::IdentityState::kActive) ||
         (request != nullptr && request->outcome != "approved") ||
         (change != nullptr && change->outcome != "approved") ||
         std::holds_alternative<core::GrantRevoking>(data) ||
         std::holds_alternative<core::MembershipEnded>(data) ||
         std::holds_alternative<core::DeviceRemoved>(data) ||
         std::holds_alternative<core::CertificateRevoked>(data) ||
         std::holds_alternative<core::CertificateExpired>(data) ||
         std::holds_alternative<core::EnrollmentEnded>(data) ||
         std::holds_alternative<core::EntitlementRemoved>(data) ||
         std::holds_alternative<core::DoorRemoved>(data);
}

bool shorten(std::vector<core::EventData>& events) {
  constexpr std::size_t kMost = kMostOfAGroup / 2;
  if (events.size() <= kMost) return false;
  events.erase(events.begin() + kMost, events.end());
  return true;
}

Narrowing narrowing_of(const std::vector<core::Event>& events) {
  Narrowing narrowing;
  for (const core::Event& event : events) {
    narrowing.only = narrowing.only && narrows(event.data);
    if (const auto* revoking = std::get_if<core::GrantRevoking>(&event.data)) {
      narrowing.grants.push_back(revoking->grant);
    } else if (const auto* revoked = std::get_if<core::CertificateRevoked>(&event.data)) {
      narrowing.certificates.push_back(revoked->serial);
    } else if (const auto* removed = std::get_if<core::DeviceRemoved>(&event.data)) {
      narrowing.devices.push_back(removed->device);
    }
  }
  return narrowing;
}

bool widens(const core::EventData& data) {
  const auto* state = std::get_if<core::IdentityStateChanged>(&data);
  return (state != nullptr && state->state == core::IdentityState::kActive) ||
         std::holds_alternative<core::GrantCreated>(data) ||
         std::holds_alternative<core::GrantActivated>(data) ||
         std::holds_alternative<core::CertificateIssued>(data) ||
         std::holds_alternative<core::IdentityAdded>(data) ||
         std::holds_alternative<core::MembershipAdded>(data) ||
         std::holds_alternative<core::DeviceEnrolled>(data) ||
         std::holds_alternative<core::DeviceConfirmed>(data) ||
         std::holds_alternative<core::SecondFactorSet>(data) ||
         std::holds_alternative<core::EnrollmentOpened>(data) ||
         std::holds_alternative<core::OwnerChanged>(data) ||
         std::holds_alternative<core::TargetAdded>(data) ||
         std::holds_alternative<core::DoorAdded>(data) ||
         std::holds_alternative<core::PolicyApplied>(data) ||
         std::holds_alternative<core::RequestApproved>(data);
}

store::SidePut story_key(std::string_view subject, std::uint64_t seq) {
  std::array<char, 24> digits;
  std::snprintf(digits.data(), digits.size(), "%020llu", static_cast<unsigned long long>(seq));
  return {std::string(kStory), story_name(subject) + "\n" + digits.data(), ""};
}

Result<std::vector<std::uint64_t>> story_of(const store::Journal& journal,
                                            std::string_view subject) {
  const std::string prefix = story_name(subject) + "\n";
  std::vector<std::uint64_t> seqs;
  std::string after = prefix;
  for (;;) {
    TRY(rows, journal.list(kStory, after, 1000));
    for (const auto& [key, value] : rows) {
      if (!key.starts_with(prefix)) return seqs;
      std::uint64_t seq = 0;
      std::from_chars(key.data() + prefix.size(), key.data() + key.size(), seq);
      seqs.push_back(seq);
      after = key;
    }
    if (rows.size() < 1000) return seqs;
  }
}

Writer::Writer(store::Journal& journal, store::DecisionLog& decisions, Vault& vault,
               TimeGuard& time, States& states, Hooks hooks, WriterLimits limits)
    : journal_(journal),
      decisions_(decisions),
      vault_(vault),
      time_(time),
      states_(states),
      hooks_(std::move(hooks)),
      limits_(limits),
      state_(*states.get()) {}

Writer::~Writer() {
  stop();
}

void Writer::start() {
  if (const auto count = count_answers(journal_)) answers_ = *count;
  thread_ = std::thread([this] { loop(); });
}

void Writer::stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

bool Writer::has_backlog() const {
  return has_backlog_;
}

void Writer::submit(Origin origin, Command command, DoneCallback done) {
  {
    std::lock_guard lock(mutex_);
    if (!stopping_ && tasks_.size() < limits_.waiting_commands) {
      tasks_.push_back({std::move(origin), std::move(command), std::move(done)});
      wake_.notify_one();
      return;
    }
  }
  done(fail(Code::kExhausted, "too many commands wait; try again in a moment"));
}

Result<Done> Writer::run(Origin origin, Command command) {
  std::promise<Result<Done>> answer;
  auto future = answer.get_future();
  submit(std::move(origin), std::move(command),
         [&answer](Result<Done> done) { answer.set_value(std::move(done)); });
  return future.get();
}

void Writer::record(PendingEntries entries) {
  {
    std::unique_lock lock(mutex_);
    if (!stopping_ && waiting_entries_ + entries.entries.size() <= limits_.waiting_entries) {
      waiting_entries_ += entries.entries.size();
      entries_.push_back(std::move(entries));
      const bool is_awaited = !is_gathering_;
      lock.unlock();
      if (is_awaited) wake_.notify_one();
      return;
    }
  }
  entries.durable(fail(Code::kExhausted, "too many decisions wait for their evidence"));
}

// Looked for once per state, not once per turn: decisions turn this loop, too.
std::optional<Time> Writer::next_end() {
  if (next_end_of_ != state_.next_seq) {
    next_end_ = core::next_end(state_);
    next_end_of_ = state_.next_seq;
  }
  return next_end_;
}

Millis Writer::time_to_next_end() {
  if (backlog_) return kBacklogPause;
  const std::optional<Time> next = next_end();
  if (!next) return kLongestSleep;
  const Time now = time_.now();
  if (*next <= now) return std::max(due_again_ - time_.steady(), Millis(0));
  return std::min<Millis>(*next - now, kLongestSleep);
}

void Writer::gather(std::unique_lock<std::mutex>& lock) {
  if (entries_.empty()) return;
  if (are_many_) {
    is_gathering_ = true;
    wake_.wait_until(lock, last_group_ + kBetweenGroups,
                     [&] { return stopping_ || !tasks_.empty(); });
    is_gathering_ = false;
  }
  const auto now = std::chrono::steady_clock::now();
  const std::chrono::duration<double, std::milli> passed = now - std::exchange(last_group_, now);
  are_many_ = static_cast<double>(waiting_entries_) >= kManyEntries * passed.count();
}

void Writer::loop() {
  for (;;) {
    std::deque<Task> tasks;
    std::vector<PendingEntries> entries;
    bool stopping = false;
    const Millis sleep = time_to_next_end();
    {
      std::unique_lock lock(mutex_);
      wake_.wait_for(lock, sleep,
                     [&] { return stopping_ || !tasks_.empty() || !entries_.empty(); });
      gather(lock);
      stopping = stopping_;
      entries.swap(entries_);
      waiting_entries_ = 0;
      while (!tasks_.empty() && (stopping || tasks.size() < limits_.commands_a_group)) {
        tasks.push_back(std::move(tasks_.front()));
        tasks_.pop_front();
      }
    }
    if (stopping) {
      if (backlog_) write_backlog();
      for (Task& task : tasks) task.done(fail(Code::kUnavailable, "the server is stopping"));
      for (PendingEntries& e : entries) {
        e.durable(fail(Code::kUnavailable, "the server is stopping"));
      }
      return;
    }
    if (backlog_) write_backlog();
    // Ends that are due go first, in the order of time; then what was asked.
    if (const std::optional<Time> next = next_end();
        next && *next <= time_.now() && time_.steady() >= due_again_) {
      tasks.push_front({Origin{{"server"}, {}},
                        [this](const core::State& state, Time now) -> Result<core::Outcome> {
                          core::Outcome outcome{core::due(state, now), {}, {}};
                          // What is more comes with the next turn.
                          shorten(outcome.events);
                          if (outcome.events.empty()) due_again_ = time_.steady() + kLongestSleep;
                          return outcome;
                        },
                        [this](const Result<Done>& done) {
                          if (!done) due_again_ = time_.steady() + kBacklogPause;
                        }});
    }
    if (!tasks.empty()) write_commands(std::move(tasks));
    if (!entries.empty()) write_entries(std::move(entries));
    prune_answers();
  }
}

void Writer::write_entries(std::vector<PendingEntries> entries) {
  std::vector<store::Prepared> joined;
  std::span<const store::Prepared> group = entries.front().entries;
  if (entries.size() > 1) {
    for (const PendingEntries& each : entries) {
      std::move(each.entries.begin(), each.entries.end(), std::back_inserter(joined));
    }
    group = joined;
  }
  const auto first = decisions_.append(group);
  auto next = joined.begin();
  for (const PendingEntries& each : entries) {  // back to their owners
    if (joined.empty()) break;
    for (store::Prepared& entry : each.entries) entry = std::move(*next++);
  }
  if (!first) log(Level::kError, "decision_log_append_failed", {{"error", first.error().text()}});
  std::uint64_t index = first ? *first : 0;
  for (PendingEntries& each : entries) {
    const std::size_t size = each.entries.size();
    each.durable(first ? Result<std::uint64_t>(index) : fail(first));
    each.durable = nullptr;
    index += size;
  }
  if (!first && first.error().code == Code::kUnavailable) hooks_.fatal(first.error());
}

// The answer to a command that was carried out before: in the journal, in this group, or in what
// waits for space.
Result<std::optional<Json>> Writer::known_answer(const Origin& origin, const Group& group,
                                                 Time now) const {
  const std::string key = command_key(origin);
  for (const Group* place : {&group, static_cast<const Group*>(backlog_.get())}) {
    if (place == nullptr) continue;
    if (const auto found = place->answers.find(key); found != place->answers.end()) {
      TRY(answer, same_answer(found->second, origin.digest));
      return std::optional(std::move(answer));
    }
  }
  TRY(known, answer_of(journal_, key, now));
  if (!known) return std::optional<Json>();
  TRY(answer, same_answer(*known, origin.digest));
  return std::optional(std::move(answer));
}

void Writer::prune_answers() {
  if (backlog_ || time_.steady() < prune_at_) return;
  prune_at_ = time_.steady() + kPrunePause;
  auto old =
      old_answers(journal_, time_.now(), answers_ > kMostAnswers ? answers_ - kMostAnswers : 0);
  if (!old) return log(Level::kWarn, "answers_not_pruned", {{"error", old.error().text()}});
  if (old->rows.empty()) return;
  answers_ -= std::min(answers_, old->answers);
  if (old->answers >= 1000) prune_at_ = Millis(0);  // there are more
  store::AppendBatch batch;
  batch.erases = std::move(old->rows);
  if (const auto done = journal_.append(batch, state_.next_seq); !done) {
    log(Level::kWarn, "answers_not_pruned", {{"error", done.error().text()}});
    if (done.error().code != Code::kExhausted) hooks_.fatal(done.error());
  }
}

// True when the task added events to the group; its answer then waits for the commit.
Result<bool> Writer::run_task(Task& task, Group& group) {
  const Time now = time_.now();
  if (!task.origin.command_id.empty()) {
    TRY(known, known_answer(task.origin, group, now));
    if (known) {
      group.waiting.push_back({&task, {std::move(*known), group.after.next_seq}});
      return false;
    }
  }
  TRY(outcome, task.command(group.after, now));
  if (outcome.events.size() > kMostOfACommand) {
    return fail(Code::kExhausted, "this would be " + std::to_string(outcome.events.size()) +
                                      " events at once, and at most " +
                                      std::to_string(kMostOfACommand) +
                                      " are recorded together; do it in steps");
  }
  if (backlog_ &&
      (!std::all_of(outcome.events.begin(), outcome.events.end(), narrows) ||
       backlog_->events.size() + group.events.size() + outcome.events.size() > kMostBacklog)) {
    return fail(Code::kUnavailable, "the disk is full: nothing can be recorded now");
  }
  if ((halted_ || time_.jumped()) &&
      std::any_of(outcome.events.begin(), outcome.events.end(), widens)) {
    return fail(Code::kUnavailable,
                halted_
                    ? "this server's journal is behind one that was seen before; nothing can be "
                      "granted until the newer one is restored"
                    : "the server's clock jumped; nothing can be granted until it agrees again");
  }
  core::State next = group.after;
  std::vector<core::Event> events;
  std::vector<store::SidePut> puts;
  std::vector<std::string> bytes;
  for (core::EventData& data : outcome.events) {
    core::Event event{next.next_seq, now, next.genesis.trust_domain, task.origin.actors,
                      std::move(data)};
    CHECK_OK(core::fold(next, event, vault_));
    bytes.push_back(core::encode(event));
    if (bytes.back().size() > store::kMostEventBytes) {
      return fail(Code::kInvalid, "this is too large to be recorded: at most " +
                                      std::to_string(store::kMostEventBytes) + " bytes");
    }
    for (const std::string& subject : core::subjects_of(event.data)) {
      puts.push_back(story_key(subject, event.seq));
    }
    events.push_back(std::move(event));
  }
  if (!task.origin.command_id.empty() && !(backlog_ && events.empty())) {
    const std::string key = command_key(task.origin);
    ++answers_;
    Answer answer{task.origin.digest, now, outcome.result};
    std::vector<store::SidePut> rows = kept_answer(key, answer);
    const bool fits = rows.front().value.size() <= store::kMostSideBytes;
    for (store::SidePut& row : rows) {
      if (fits) puts.push_back(std::move(row));
    }
    group.answers.insert_or_assign(key, std::move(answer));
  }
  for (const std::string& subject : outcome.erase_subjects) {
    group.batch.erases.push_back(vault_.erase_subject(subject));
  }
  std::move(puts.begin(), puts.end(), std::back_inserter(group.batch.puts));
  std::move(bytes.begin(), bytes.end(), std::back_inserter(group.batch.events));
  const bool changed = !events.empty();
  std::move(events.begin(), events.end(), std::back_inserter(group.events));
  group.after = std::move(next);
  const std::uint64_t seq = group.after.next_seq == 0 ? 0 : group.after.next_seq - 1;
  group.waiting.push_back({&task, {std::move(outcome.result), seq}});
  return changed;
}

Status Writer::commit(Group& group) {
  if (group.events.empty() && group.batch.puts.empty()) return {};
  CHECK_OK(journal_.append(group.batch, group.first_seq));
  return {};
}

void Writer::write_commands(std::deque<Task> tasks) {
  while (!tasks.empty()) tasks = write_group(std::move(tasks));
}

std::deque<Writer::Task> Writer::write_group(std::deque<Task> tasks) {
  std::deque<Task> later;
  Group group;
  group.before = state_;
  group.after = state_;
  group.first_seq = state_.next_seq;
  for (Task& task : tasks) {
    if (group.events.size() >= kMostOfAGroup) {
      later.push_back(std::move(task));
      continue;
    }
    // A task that fails leaves no trace in the group; its sender hears at once.
    if (auto ran = run_task(task, group); !ran) task.done(fail(std::move(ran)));
  }
  group.new_keys = vault_.take_new_keys();
  group.batch.puts.insert(group.batch.puts.end(), group.new_keys.begin(), group.new_keys.end());

  const Narrowing narrowing = narrowing_of(group.events);
  if (narrowing.cuts()) hooks_.narrowed(narrowing, group.after);

  if (backlog_) {
    add_to_backlog(std::move(group));
    return later;
  }
  if (const Status committed = commit(group); !committed) {
    const Error& error = committed.error();
    log(Level::kError, "journal_append_failed", {{"error", error.text()}});
    if (error.code != Code::kExhausted) {
      for (auto& waiting : group.waiting) waiting.task->done(fail(committed));
      for (Task& task : later) task.done(fail(committed));
      hooks_.fatal(error);
      return {};
    }
    if (group.events.empty() || !narrowing.only) {
      vault_.put_back(std::move(group.new_keys));
      // What narrows must not fail with its neighbours: each goes again, by itself.
      if (group.waiting.size() > 1) {
        for (const Group::Waiting& waiting : group.waiting) {
          std::deque<Task> alone;
          alone.push_back(std::move(*waiting.task));
          write_commands(std::move(alone));
        }
        return later;
      }
      // And it must not be lost with what was asked in the same breath.
      std::deque<Task> again;
      for (core::Event& event : group.events) {
        if (!narrows(event.data)) continue;
        again.push_back(
            {Origin{{"server"}, {}},
             [data = std::move(event.data)](const core::State&, Time) -> Result<core::Outcome> {
               return core::Outcome{{data}, {}, {}};
             },
             [](const Result<Done>&) {}});
      }
      if (!again.empty()) write_commands(std::move(again));
      for (auto& waiting : group.waiting) waiting.task->done(fail(committed));
      return later;
    }
    // Acts now, is recorded later.
    backlog_ = std::make_unique<Group>();
    backlog_->first_seq = group.first_seq;
    has_backlog_ = true;
    add_to_backlog(std::move(group));
    return later;
  }
  if (!group.events.empty()) {
    state_ = std::move(group.after);
    time_.committed(state_.time);
    states_.publish(std::make_shared<const core::State>(state_));
    hooks_.published(group.events, state_);
  }
  for (auto& waiting : group.waiting) waiting.task->done(std::move(waiting.answer));
  return later;
}

// Nothing may stand in the journal before the backlog does, so everything joins it.
void Writer::add_to_backlog(Group group) {
  const auto move_all = [](auto& from, auto& to) {
    std::move(from.begin(), from.end(), std::back_inserter(to));
  };
  move_all(group.events, backlog_->events);
  move_all(group.batch.events, backlog_->batch.events);
  move_all(group.batch.puts, backlog_->batch.puts);
  move_all(group.batch.erases, backlog_->batch.erases);
  backlog_->answers.merge(group.answers);
  if (!group.events.empty()) {
    state_ = std::move(group.after);
    states_.publish(std::make_shared<const core::State>(state_));
  }
  for (auto& waiting : group.waiting) waiting.task->done(std::move(waiting.answer));
}

void Writer::write_backlog() {
  const Status committed = commit(*backlog_);
  if (!committed) {
    if (committed.error().code != Code::kExhausted) hooks_.fatal(committed.error());
    return;
  }
  log(Level::kWarn, "backlog_recorded", {{"events", std::int64_t(backlog_->events.size())}});
  hooks_.published(backlog_->events, state_);
  backlog_.reset();
  has_backlog_ = false;
}

}  // namespace writ::control
