// One connection to one database, with a deadline for every call. libpq behind a plain interface.
//
// Invariant: secrets go to libpq as parameters, never through the environment or argv, and no file
// or variable of libpq's own (PGPASSFILE, PGSSLMODE, PGOPTIONS, …) changes who is asked and how.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/secret.h"
#include "target/postgres/target.h"

struct pg_conn;
struct pg_result;

namespace writ::target::postgres {

struct Login {
  std::string user;
  std::string database;
  const Secret* password = nullptr;  // outlives the call
  std::string settings;              // "-c lock_timeout=2000"; empty for none
};

// What a refused connection said: SQLSTATE and the server's function that raised it.
struct Refusal {
  std::string sqlstate;  // empty when there was no answer from a server
  std::string routine;
  std::string message;
};

using Cell = std::optional<std::string>;
using Rows = std::vector<std::vector<Cell>>;

// A list as a text[] parameter: {"a","b\"c"}.
std::string array_text(const std::vector<std::string>& items);
// Reads what PostgreSQL writes for a text[]. kCorrupt for anything else.
Result<std::vector<std::string>> parse_array(std::string_view text);

class Connection {
 public:
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // kUnavailable, with the server's message; `refusal` tells more when it is wanted.
  static Result<std::unique_ptr<Connection>> open(const Endpoint& endpoint, const Login& login,
                                                  Millis timeout, Refusal* refusal = nullptr);

  // One statement with its parameters. After kUnavailable with `lost()`, the connection is of no
  // more use.
  Result<Rows> query(const std::string& sql, const std::vector<Cell>& parameters, Millis timeout);
  bool lost() const;
  // Lost because the server did not answer in time, so that asking again would wait again.
  bool late() const { return late_; }

 private:
  explicit Connection(pg_conn* conn) : conn_(conn) {}
  Result<pg_result*> receive(Millis deadline);

  pg_conn* conn_;
  bool broken_ = false;
  bool late_ = false;
};

}  // namespace writ::target::postgres
