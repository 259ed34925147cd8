// Looking: accounts, holdings, sessions and uses. Everything here is read through functions that
// never answer a password's hash.
#include <charconv>
#include <set>

#include "target/postgres/postgres_target.h"

namespace writ::target::postgres {
namespace {

std::int64_t number(const Cell& cell) {
  std::int64_t value = 0;
  if (cell) std::from_chars(cell->data(), cell->data() + cell->size(), value);
  return value;
}

std::optional<Time> time(const Cell& cell) {
  if (!cell) return std::nullopt;
  return from_unix_ms(number(cell));
}

std::string text(const Cell& cell) {
  return cell.value_or("");
}

std::vector<core::ObservedAccount> accounts(Rows rows) {
  std::vector<core::ObservedAccount> out;
  for (auto& row : rows) {
    out.push_back({.login = text(row.at(0)),
                   .grant = row.at(1),
                   .can_login = row.at(2) == "t",
                   .superuser = row.at(3) == "t",
                   .has_password = row.at(4) == "t",
                   .valid_until = time(row.at(5)),
                   .last_use = time(row.at(6)),
                   .owned = {}});
  }
  return out;
}

}  // namespace

Result<std::vector<core::ObservedAccount>> PostgresTarget::observe(
    const std::vector<std::string>& logins) {
  TRY(rows, call(options_.main_database, "SELECT * FROM writ.accounts($1::text[])",
                 {array_text(logins)}));
  return accounts(std::move(rows));
}

Result<core::Observed> PostgresTarget::observe() {
  const std::string& main = options_.main_database;
  core::Observed observed;
  // Sessions first: they are remembered as uses, which the accounts then show.
  TRY(sessions, call(main, "SELECT * FROM writ.sessions()"));
  for (const auto& row : sessions) {
    observed.sessions.push_back({.login = text(row.at(0)),
                                 .backend = number(row.at(1)),
                                 .database = text(row.at(2)),
                                 .client = text(row.at(3)),
                                 .application = text(row.at(4)),
                                 .since = from_unix_ms(number(row.at(5)))});
  }
  TRY(rows, call(main, "SELECT * FROM writ.accounts(NULL)"));
  observed.accounts = accounts(std::move(rows));
  TRY(holdings, call(main, "SELECT * FROM writ.holdings()"));
  for (const auto& row : holdings) {
    observed.holdings.push_back({.login = text(row.at(0)),
                                 .what = text(row.at(2)),
                                 .resource = row.at(1) ? at(*row.at(1)) : options_.name});
  }

  std::map<std::string, std::size_t> places;
  for (std::size_t i = 0; i < observed.accounts.size(); ++i) {
    places[observed.accounts[i].login] = i;
  }
  std::vector<std::string> databases{main};
  databases.insert(databases.end(), options_.databases.begin(), options_.databases.end());
  for (const std::string& database : databases) {
    TRY(inventory, call(database, "SELECT * FROM writ.inventory()"));
    for (const auto& row : inventory) {
      if (row.at(1) == "t") {
        const auto place = places.find(text(row.at(0)));
        if (place == places.end()) continue;
        observed.accounts[place->second].owned.push_back(database + ": " + text(row.at(2)));
      } else {
        observed.holdings.push_back(
            {.login = text(row.at(0)), .what = text(row.at(2)), .resource = at(database)});
      }
    }
  }
  return observed;
}

Result<std::vector<core::ObservedUse>> PostgresTarget::uses(const std::string& login) {
  TRY(rows, call(options_.main_database, "SELECT * FROM writ.uses($1)", {login}));
  std::vector<core::ObservedUse> uses;
  for (const auto& row : rows) {
    uses.push_back({.database = text(row.at(0)),
                    .client = text(row.at(1)),
                    .application = text(row.at(2)),
                    .first = from_unix_ms(number(row.at(3))),
                    .last = from_unix_ms(number(row.at(4))),
                    .live = row.at(5) == "t"});
  }
  return uses;
}

}  // namespace writ::target::postgres
