// Decisions with evidence: decide on the asking thread, record, and let nobody hear of an allow
// before its entry is durable.
//
// A payload of the decision log is JSON with what a replay needs: time, journal seq, policy
// version, engine version, the question with who asserted what, and the outcome.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "control/writer.h"
#include "core/decide.h"

namespace writ::control {

inline constexpr std::string_view kEngineVersion = "writ 0.1.0";

struct Told {
  core::Decision decision;
  std::uint64_t entry = 0;  // in the decision log
  Time now;                 // at which it was decided
};
using ToldCallback = std::function<void(Told)>;

class Decisions {
 public:
  // All outlive it. `threads`: how many threads ask with `ask`, each with an index of its own.
  Decisions(Writer& writer, const States& states, const TimeGuard& time, Random& random,
            unsigned threads);
  ~Decisions();

  // Decides now; `told` is called once the entry is durable, on the writer's thread. When it cannot
  // be recorded the answer is a denial. Call `flush` at the end of the thread's turn.
  void ask(unsigned thread, core::Question question, std::optional<std::int64_t> door_seq,
           ToldCallback told);
  void flush(unsigned thread);

  // For threads without an index: decides and hands over at once.
  void ask_now(core::Question question, ToldCallback told);

  // Records a denial that was made elsewhere (a command that policy refused).
  void record_denial(const core::Question& question, const Error& why);

 private:
  struct Thread;
  // Nothing when the answer could not be written down at all; `told` was then called.
  std::optional<PendingEntry> decide(const core::State& state, std::string salt,
                                     core::Question question, std::optional<std::int64_t> door_seq,
                                     ToldCallback told) const;

  Writer& writer_;
  const States& states_;
  const TimeGuard& time_;
  Random& random_;
  std::vector<std::unique_ptr<Thread>> threads_;
};

// The payload, and the question and time back from it.
std::string decision_payload(const core::State& state, const core::Question& question,
                             const core::Decision& decision, Time now,
                             std::optional<std::int64_t> door_seq);
struct RecordedDecision {
  Time time;
  std::uint64_t journal_seq = 0;  // of the event that would have come next
  core::Question question;
  bool allow = false;
};
Result<RecordedDecision> read_decision_payload(std::string_view payload);

}  // namespace writ::control
