#include "control/replay.h"

#include <algorithm>

namespace writ::control {
namespace {

constexpr std::size_t kTogether = 1000;  // entries or events between two looks at the clock
constexpr std::size_t kDecisionsTogether = 64;

struct Asked {
  std::uint64_t entry;
  RecordedDecision recorded;
};

// Entries stand nearly in the order of their times: threads decide side by side. What stands before
// the place that a binary search finds may be younger by a moment, and that moment does not count.
Result<std::uint64_t> first_since(const Evidence& evidence, Time since, std::uint64_t size) {
  std::uint64_t low = 0, high = size;
  while (low < high) {
    const std::uint64_t middle = low + (high - low) / 2;
    TRY(entry, evidence.decision(middle));
    const auto recorded = read_decision_payload(entry.payload);
    if (recorded && recorded->time < since) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

bool is_erased(const core::State& now, const std::string& identity) {
  const core::Identity* found = now.identities.find(identity);
  return found != nullptr && found->sealed_name && found->sealed_name->box.empty();
}

bool rests_on_erased(const core::State& now, const core::Question& question) {
  if (question.subject_type.empty() && is_erased(now, question.subject)) return true;
  const bool of_writ = question.door.empty() || question.resource_type == "entitlement";
  if (of_writ && is_erased(now, question.resource)) return true;
  return std::any_of(question.actors.begin(), question.actors.end(),
                     [&](const std::string& actor) { return is_erased(now, actor); });
}

// Logging in is no command: it needs no permit.
bool is_of_command(const core::Event& event) {
  if (event.actors.empty() || event.actors.front() == "server" ||
      event.actors.front().starts_with("door:")) {
    return false;
  }
  const core::EventData& data = event.data;
  return !std::holds_alternative<core::CertificateIssued>(data) &&
         !std::holds_alternative<core::DeviceEnrolled>(data) &&
         !std::holds_alternative<core::SecondFactorSet>(data) &&
         !std::holds_alternative<core::SecondFactorShown>(data) &&
         !std::holds_alternative<core::SecondFactorFailed>(data);
}

class Replaying {
 public:
  Replaying(Plane& plane, Compared policies, const ReplayLimits& limits)
      : plane_(plane),
        policies_(std::move(policies)),
        limits_(limits),
        deadline_(plane.time().steady() + limits.time) {}

  Result<Replay> run(Time since) {
    CHECK_OK(read(since));
    if (!asked_.empty()) CHECK_OK(ask_all());
    CHECK_OK(count_commands(since));  // last: it may take what time is left
    return std::move(out_);
  }

 private:
  Status ask_all() {
    TRY(past, plane_.past_before(asked_.front().recorded.journal_seq));
    std::size_t done = 0;
    for (const Asked& each : asked_) {
      if (done++ % kDecisionsTogether == 0 && late()) return {};
      const std::uint64_t seq = each.recorded.journal_seq;
      const bool moves = past.state().next_seq < seq;
      while (past.state().next_seq < seq) {
        if (late()) return {};
        CHECK_OK(past.walk(seq, kTogether));
      }
      if (moves || !candidate_) {
        in_force_ = candidate_ = past.state();
        in_force_->policies = policies_.in_force;
        candidate_->policies = policies_.others;
      }
      ask(each, past.state());
    }
    return {};
  }

  bool late() {
    if (plane_.time().steady() < deadline_) return false;
    out_.complete = false;
    return true;
  }

  // The newest in the window, in the journal's order.
  Status read(Time since) {
    const Evidence& evidence = plane_.evidence();
    const std::uint64_t size = evidence.size(LogName::kDecisions);
    TRY(first, first_since(evidence, since, size));
    out_.in_window = size - first;
    if (out_.in_window > limits_.decisions) {
      first = size - limits_.decisions;
      out_.complete = false;
    }
    const auto now = plane_.states().get();
    while (first < size) {
      if (late()) return {};
      TRY(entries,
          evidence.decisions_from(first, std::min<std::uint64_t>(kTogether, size - first)));
      if (entries.empty()) break;
      for (const store::DecisionEntry& entry : entries) {
        auto recorded = read_decision_payload(entry.payload);
        if (!recorded) {
          ++out_.not_decisions;
        } else if (rests_on_erased(*now, recorded->question)) {
          ++out_.erased;
        } else {
          asked_.push_back({first, std::move(*recorded)});
        }
        ++first;
      }
    }
    std::stable_sort(asked_.begin(), asked_.end(), [](const Asked& a, const Asked& b) {
      return a.recorded.journal_seq < b.recorded.journal_seq;
    });
    return {};
  }

  Status count_commands(Time since) {
    const Evidence& evidence = plane_.evidence();
    const std::uint64_t size = evidence.size(LogName::kJournal);
    std::uint64_t next = 0;
    for (std::uint64_t high = size; next < high;) {
      const std::uint64_t middle = next + (high - next) / 2;
      TRY(event, evidence.event(middle));
      if (event.time < since) {
        next = middle + 1;
      } else {
        high = middle;
      }
    }
    std::vector<std::string> sender;
    Time moment;
    while (next < size) {
      if (late()) return {};
      TRY(events, evidence.journal().read(next, std::min<std::uint64_t>(kTogether, size - next)));
      if (events.empty()) break;
      next += events.size();
      for (const std::string& bytes : events) {
        TRY(event, core::decode_event(bytes));
        if (!is_of_command(event) || (event.actors == sender && event.time == moment)) continue;
        ++out_.commands;
        sender = std::move(event.actors);
        moment = event.time;
      }
    }
    return {};
  }

  void ask(const Asked& asked, const core::State& then) {
    const RecordedDecision& recorded = asked.recorded;
    ++out_.replayed;
    if (core::decide(then, recorded.question, recorded.time).allow != recorded.allow) {
      ++out_.unlike;
      return;
    }
    const bool is = core::decide(*in_force_, recorded.question, recorded.time).allow;
    if (is != recorded.allow) ++out_.changed_before;
    const core::Decision would = core::decide(*candidate_, recorded.question, recorded.time);
    if (would.allow == is) return;
    ++(would.allow ? out_.to_allow : out_.to_deny);
    if (out_.flips.size() >= limits_.flips) return;
    out_.flips.push_back(
        {asked.entry, recorded, is, would.allow, core::reason_of(would), would.message});
  }

  Plane& plane_;
  const Compared policies_;
  const ReplayLimits limits_;
  const Millis deadline_;
  std::vector<Asked> asked_;
  // The state of the moment, under the policies in force and under the others.
  std::optional<core::State> in_force_, candidate_;
  Replay out_;
};

}  // namespace

Result<Replay> replay(Plane& plane, const Compared& policies, Time since,
                      const ReplayLimits& limits) {
  return Replaying(plane, policies, limits).run(since);
}

}  // namespace writ::control
