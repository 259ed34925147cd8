// What commands answered, by the client's id: sending one again answers the same and does nothing.
//
//   table "command"       "IDENTITY/COMMAND-ID" -> {"at", "digest", "result"}
//   table "command_time"  "TIME\nIDENTITY/COMMAND-ID", by which old ones are found
//
// Invariants: an answer is durable with the events of its command; it is kept for kAnswersKept and
// no longer than among the newest kMostAnswers; it holds no personal text (docs/api.md says what it
// holds). The digest is keyed, so that it gives the body away to nobody.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/json_fields.h"
#include "store/journal.h"

namespace writ::control {

constexpr Millis kAnswersKept = std::chrono::hours(24);
constexpr std::size_t kMostAnswers = 100'000;

struct Answer {
  std::string digest;  // of verb and body
  Time at;
  Json result;
};
template <class V>
void fields(V& v, Answer& a) {
  v("at", a.at);
  v("digest", a.digest);
  v("result", a.result);
}

// kConflict when the id was used for another command.
Result<Json> same_answer(const Answer& known, std::string_view digest);

// The rows that keep an answer.
std::vector<store::SidePut> kept_answer(const std::string& key, const Answer& answer);
// Nothing when there is none that is still kept.
Result<std::optional<Answer>> answer_of(const store::Journal& journal, const std::string& key,
                                        Time now);

// How many are kept; costs reading all their times.
Result<std::size_t> count_answers(const store::Journal& journal);

// At most 1,000 answers to erase: those that are too old, and the oldest `beyond`.
struct OldAnswers {
  std::vector<store::SideErase> rows;
  std::size_t answers = 0;
};
Result<OldAnswers> old_answers(const store::Journal& journal, Time now, std::size_t beyond);

}  // namespace writ::control
