#include "control/answers.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace writ::control {
namespace {

constexpr std::string_view kCommands = "command";
constexpr std::string_view kTimes = "command_time";
constexpr std::size_t kTogether = 1000;
constexpr std::size_t kDigits = 20;

std::string time_key(Time at, std::string_view key) {
  std::array<char, kDigits + 1> digits;
  std::snprintf(digits.data(), digits.size(), "%020lld",
                static_cast<long long>(std::max<std::int64_t>(0, unix_ms(at))));
  return std::string(digits.data(), kDigits) + "\n" + std::string(key);
}

Time time_of(std::string_view time_key) {
  std::int64_t ms = 0;
  std::from_chars(time_key.data(), time_key.data() + std::min(time_key.size(), kDigits), ms);
  return from_unix_ms(ms);
}

}  // namespace

Result<std::size_t> count_answers(const store::Journal& journal) {
  std::size_t count = 0;
  std::string after;
  for (;;) {
    TRY(rows, journal.list(kTimes, after, kTogether));
    count += rows.size();
    if (rows.size() < kTogether) return count;
    after = rows.back().first;
  }
}

Result<Json> same_answer(const Answer& known, std::string_view digest) {
  if (known.digest == digest) return known.result;
  return fail(Code::kConflict,
              "this command id was used for another command; every command has an id of its own",
              "/command_id");
}

std::vector<store::SidePut> kept_answer(const std::string& key, const Answer& answer) {
  return {{std::string(kCommands), key, compact(to_json(answer))},
          {std::string(kTimes), time_key(answer.at, key), ""}};
}

Result<std::optional<Answer>> answer_of(const store::Journal& journal, const std::string& key,
                                        Time now) {
  TRY(bytes, journal.get(kCommands, key));
  if (!bytes) return std::optional<Answer>();
  TRY(json, parse_json(*bytes));
  TRY(answer, from_json<Answer>(json));
  if (now - answer.at >= kAnswersKept) return std::optional<Answer>();
  return std::optional(std::move(answer));
}

Result<OldAnswers> old_answers(const store::Journal& journal, Time now, std::size_t beyond) {
  TRY(rows, journal.list(kTimes, {}, kTogether));
  OldAnswers old;
  for (const auto& [key, value] : rows) {
    const Time at = time_of(key);
    if (now - at < kAnswersKept && old.answers >= beyond) break;
    ++old.answers;
    old.rows.push_back({std::string(kTimes), key});
    // Whoever used the same id again after the time was up has a newer answer there.
    const std::string command = key.size() > kDigits ? key.substr(kDigits + 1) : std::string();
    TRY(bytes, journal.get(kCommands, command));
    if (!bytes) continue;
    const auto json = parse_json(*bytes);
    const auto kept = json ? from_json<Answer>(*json) : fail(json);
    if (!kept || kept->at <= at) old.rows.push_back({std::string(kCommands), command});
  }
  return old;
}

}  // namespace writ::control
