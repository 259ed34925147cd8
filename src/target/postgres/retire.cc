// Ending logins: shut, sessions gone, cleaned where they left something, dropped, read back.
//
// Each stage only needs that the one before it happened at some time, and each can be repeated, so
// a connector that dies anywhere goes on from the start and comes to the same end.
#include <algorithm>
#include <charconv>

#include "target/postgres/postgres_target.h"
#include "target/postgres/sql_text.h"

namespace writ::target::postgres {
namespace {

constexpr std::size_t kMostTogether = 500;

Code code_of(std::string_view letter) {
  return letter == "C" ? Code::kConflict : letter == "E" ? Code::kExists : Code::kUnavailable;
}

}  // namespace

PostgresTarget::Outcomes PostgresTarget::retire(const std::vector<std::string>& logins,
                                                std::uint64_t fence) {
  Outcomes outcomes;
  for (std::size_t at = 0; at < logins.size(); at += kMostTogether) {
    const auto first = logins.begin() + static_cast<std::ptrdiff_t>(at);
    const std::vector<std::string> some(
        first, first + static_cast<std::ptrdiff_t>(std::min(kMostTogether, logins.size() - at)));
    const Status together = retire_together(some, fence, outcomes);
    if (together) continue;
    // One that cannot be ended must not keep the others alive; but a cluster that is away is not
    // asked for each of them.
    const bool alone = some.size() > 1 && call(options_.main_database, "SELECT 1").has_value();
    for (const std::string& login : some) {
      if (outcomes.contains(login)) continue;
      Status ended = alone ? retire_together({login}, fence, outcomes) : together;
      if (!ended) outcomes.emplace(login, fail(std::move(ended)));
    }
  }
  return outcomes;
}

Status PostgresTarget::retire_together(const std::vector<std::string>& logins, std::uint64_t fence,
                                       Outcomes& outcomes) {
  const std::string& main = options_.main_database;
  const std::string fence_text = std::to_string(fence);
  TRY(cut, call(main, "SELECT * FROM writ.cut($1::text[], $2::bigint)",
                {array_text(logins), fence_text}));
  std::vector<std::string> open;
  for (const auto& row : cut) {
    if (row.at(1)->empty()) {
      open.push_back(*row.at(0));
    } else {
      outcomes.emplace(*row.at(0), fail(code_of(*row.at(1)), *row.at(2)));
    }
  }

  const SystemClock clock;
  const Millis deadline = clock.steady() + options_.timeout;
  Outcomes ended;
  std::map<std::string, std::string> late;  // why a login is not ended yet
  while (!open.empty()) {
    // Short rounds: whose sessions are gone is dropped while others still have some.
    TRY(rows, call(main, "SELECT * FROM writ.finish($1::text[], $2::bigint, 200)",
                   {array_text(open), fence_text}));
    open.clear();
    for (const auto& row : rows) {
      const std::string& login = *row.at(0);
      if (!row.at(1)->empty()) {
        if (*row.at(1) != "B") {
          outcomes.emplace(login, fail(code_of(*row.at(1)), *row.at(2)));
          continue;
        }
        late[login] = *row.at(2);
        open.push_back(login);
        continue;
      }
      core::StepOutcome outcome;
      outcome.gone = *row.at(3) == "t";
      const std::string& count = *row.at(4);
      std::from_chars(count.data(), count.data() + count.size(), outcome.sessions_ended);
      TRY(databases, parse_array(*row.at(5)));
      TRY(prepared_in, parse_array(*row.at(6)));
      TRY(prepared, parse_array(*row.at(7)));
      if (!prepared.empty()) {
        // What it prepared may hold locks on what is to be cleaned.
        Status rolled_back = roll_back_prepared(login, prepared_in, prepared);
        if (!rolled_back) {
          outcomes.emplace(login, fail(std::move(rolled_back)));
          continue;
        }
      }
      if (!databases.empty()) {
        auto quarantined = clean(login, databases);
        if (!quarantined) {
          outcomes.emplace(login, fail(std::move(quarantined)));
          continue;
        }
        outcome.quarantined = std::move(*quarantined);
      }
      if (outcome.gone) {
        ended.emplace(login, std::move(outcome));
      } else {
        late[login] = "the login " + login + " still owns or holds something";
        open.push_back(login);
      }
    }
    if (clock.steady() >= deadline) break;
  }
  for (const std::string& login : open) {
    outcomes.emplace(login, fail(Code::kUnavailable, late[login]));
  }
  if (ended.empty()) return {};

  std::vector<std::string> names;
  for (const auto& [login, outcome] : ended) names.push_back(login);
  TRY(read_back, call(main, "SELECT * FROM writ.gone($1::text[])", {array_text(names)}));
  for (const auto& row : read_back) {
    const std::string& login = *row.at(0);
    if (*row.at(1) == "t") {
      outcomes.emplace(login, std::move(ended.at(login)));
    } else {
      outcomes.emplace(login, fail(Code::kUnavailable,
                                   "the login " + login + " was dropped, but is still in use"));
    }
  }
  return {};
}

// PostgreSQL lets only the owner or a superuser end a prepared transaction, only in its database,
// and not in a function: so the connector becomes the login, which by now can do nothing else.
Status PostgresTarget::roll_back_prepared(const std::string& login,
                                          const std::vector<std::string>& databases,
                                          const std::vector<std::string>& gids) {
  CHECK_OK(call(options_.main_database, "SELECT writ.become($1)", {login}));
  Status status;
  for (std::size_t i = 0; i < gids.size() && i < databases.size() && status; ++i) {
    CHECK_OK(call(databases[i], "SET ROLE " + quote_identifier(login)));
    const Result<Rows> ended = call(databases[i], "ROLLBACK PREPARED " + quote_literal(gids[i]));
    // The connection must not stay with the login's name, whatever happened.
    if (!call(databases[i], "RESET ROLE")) connections_.erase(databases[i]);
    // Somebody else may have ended it in between.
    if (!ended && !ended.error().message.ends_with("(42704)")) status = fail(ended);
  }
  return status;
}

Result<std::vector<std::string>> PostgresTarget::clean(const std::string& login,
                                                       const std::vector<std::string>& databases) {
  std::vector<std::string> quarantined;
  for (const std::string& database : databases) {
    TRY(rows, call(database, "SELECT * FROM writ.clean($1::text[])", {array_text({login})}));
    for (const auto& row : rows) quarantined.push_back(database + ": " + *row.at(1));
  }
  return quarantined;
}

}  // namespace writ::target::postgres
