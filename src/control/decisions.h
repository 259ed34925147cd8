// Decisions with evidence: decide on the asking thread, record, and let nobody hear of an allow
// before its entry is durable. What a thread decided in one turn goes to the writer together, and
// its answers come back together.
//
// A payload of the decision log is JSON with what a replay needs: time, journal seq, policy
// version, engine version, the question with who asserted what, and the outcome.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/json_text.h"
#include "control/writer.h"
#include "core/decide.h"

namespace writ::control {

inline constexpr std::string_view kEngineVersion = "writ 0.1.0";

struct Told {
  core::Decision decision;
  std::shared_ptr<const core::State> state;  // that decided; what the decision has views of
  std::uint64_t entry = 0;                   // in the decision log
  Time now;                                  // at which it was decided
};
using ToldCallback = std::function<void(const Told&)>;

// What is asked together: when to stop.
enum class Until { kAll, kFirstDenial, kFirstAllow };
struct Asked {
  core::Question question;
  std::optional<std::int64_t> door_seq;
};
// The answers to the first questions, as many as were decided.
using AllToldCallback = std::function<void(std::vector<Told>)>;
// Makes an answer that a permit of `question` allows; gives what the entry says of it, as members
// of a JSON object (`,"name":value`), or nothing.
using Answering = std::function<std::string(const core::State&, Time)>;

// Runs a task on the thread of that index, or drops it when the thread has ended.
using RunOn = std::function<void(unsigned thread, std::function<void()> task)>;

class Decisions {
 public:
  // All outlive it. `threads`: how many threads ask with `ask`, each with an index of its own.
  Decisions(Writer& writer, const States& states, const TimeGuard& time, Random& random,
            unsigned threads);
  ~Decisions();

  // Decides at the end of the turn, with what else came in it; `told` is called once the entry is
  // durable, on the asking thread. When it cannot be recorded the answer is a denial.
  void ask(unsigned thread, Asked&& asked, ToldCallback told);
  // Decides several now, in order, on one state: all or up to one that is denied or allowed. Each
  // has an entry of its own; `told` is called once, when all are durable.
  void ask_all(unsigned thread, const std::vector<Asked>& asked, Until until, AllToldCallback told);
  // At the end of the thread's turn. `run_on` outlives the writer's work on what was handed over.
  void flush(unsigned thread, const RunOn& run_on);

  // For threads without an index: decides and hands over at once; `told` is called on the writer's
  // thread.
  void ask_now(const core::Question& question, ToldCallback told);
  // The same; when it is allowed, `answering` runs at once, on the state and time of the decision,
  // and the entry has what it says.
  void ask_now(const core::Question& question, const Answering& answering, ToldCallback told);

  // Records a denial that was made elsewhere (a command that policy refused).
  void record_denial(const core::Question& question, const Error& why);

 private:
  struct Thread;
  struct Batch;
  // A state, and the time that everything is decided at on it.
  struct Moment {
    std::shared_ptr<const core::State> state;
    Time now;
    std::string why_not;  // nothing can be decided; "" when it can
  };
  Moment moment(std::shared_ptr<const core::State> state) const;
  static std::vector<core::Decision> decide(const Moment& moment,
                                            std::span<const core::Question* const> questions);
  // Adds to the batch; `told` is called at once when the answer cannot be written down at all.
  // Answers whether it is an allow so far.
  static bool add(Batch& batch, const Moment& moment, std::string_view salt,
                  const core::Question& question, std::optional<std::int64_t> door_seq,
                  core::Decision decision, const Answering& answering, ToldCallback told);
  // Decides what waits for the end of the turn.
  void decide_waiting(Thread& own) const;
  // The batch of the thread's turn, and 16 random bytes that nobody else gets.
  Batch& batch_of(Thread& own) const;
  std::array<char, tlog::kSaltSize> salt_of(Thread& own) const;
  // The writer's thread: what the batch's askers will be told.
  void settle(Batch& batch, const Result<std::uint64_t>& first) const;

  Writer& writer_;
  const States& states_;
  const TimeGuard& time_;
  Random& random_;
  std::vector<std::unique_ptr<Thread>> threads_;
};

// Appends the payload, with `more` members (`,"name":value`); and the question and time back from
// it.
void append_decision_payload(JsonText& out, const core::State& state,
                             const core::Question& question, const core::Decision& decision,
                             Time now, std::optional<std::int64_t> door_seq, std::string_view more);
// Appends `,"reason":[…]`: what core::reason_of says, without a copy of it.
void append_reason(JsonText& out, const core::Decision& decision);
struct RecordedDecision {
  Time time;
  std::uint64_t journal_seq = 0;  // of the event that would have come next
  core::Question question;
  bool allow = false;
};
Result<RecordedDecision> read_decision_payload(std::string_view payload);

}  // namespace writ::control
