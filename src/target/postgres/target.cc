#include "target/postgres/target.h"

#include <algorithm>

#include "base/bytes.h"
#include "target/postgres/postgres_target.h"

namespace writ::target::postgres {
namespace {

bool is_local(const Endpoint& endpoint) {
  return endpoint.host.starts_with('/') || endpoint.host == "localhost" || endpoint.host == "::1" ||
         endpoint.host.starts_with("127.");
}

// libpq takes a list of hosts where one is meant, and a NUL ends what it sees of a text.
bool is_plain(const std::string& text) {
  return !text.empty() && text.size() <= 255 && is_utf8(text) &&
         text.find('\0') == std::string::npos;
}

}  // namespace

Result<std::unique_ptr<core::Target>> open_target(TargetOptions options) {
  const Endpoint& endpoint = options.endpoint;
  if (!is_plain(options.name)) return fail(Code::kInvalid, "the target needs a name");
  if (!is_plain(endpoint.host) || endpoint.host.find(',') != std::string::npos) {
    return fail(Code::kInvalid, "the host must be one name, address or socket folder");
  }
  if (endpoint.port < 1 || endpoint.port > 65535) {
    return fail(Code::kInvalid, "the port must be 1 to 65535");
  }
  if (endpoint.tls == Tls::kOff && !is_local(endpoint)) {
    return fail(
        Code::kInvalid,
        "TLS can be off only for a Unix socket or a loopback address, not " + endpoint.host);
  }
  if (endpoint.tls != Tls::kOff && !is_plain(endpoint.root_certificate)) {
    return fail(Code::kInvalid, "the root certificate of " + endpoint.host + " is needed");
  }
  if (!is_plain(options.login) || !is_plain(options.main_database)) {
    return fail(Code::kInvalid, "the connector's login and the main database must be named");
  }
  for (const std::string& database : options.databases) {
    if (!is_plain(database)) return fail(Code::kInvalid, "a database has no name");
  }
  std::erase(options.databases, options.main_database);
  if (options.timeout < Millis(100) || options.timeout > Millis(60'000)) {
    return fail(Code::kInvalid, "the time-out must be 100 ms to 60 s");
  }
  return std::make_unique<PostgresTarget>(std::move(options));
}

Result<Connection*> PostgresTarget::connection(const std::string& database) {
  std::unique_ptr<Connection>& kept = connections_[database];
  if (kept && !kept->lost()) return kept.get();
  kept.reset();
  // The server gives up a little before this side does, so that its answer says why. Locks are held
  // by others; waiting long for them would hold up every other login.
  const std::int64_t statement = std::max<std::int64_t>(options_.timeout.count() * 9 / 10, 50);
  const std::int64_t lock = std::min<std::int64_t>(statement / 2, 2000);
  // Compiling a plan takes longer than any of these statements.
  const std::string settings =
      "-c jit=off -c statement_timeout=" + std::to_string(statement) +
      " -c lock_timeout=" + std::to_string(lock) +
      " -c idle_in_transaction_session_timeout=" + std::to_string(statement);
  const Login login{.user = options_.login,
                    .database = database,
                    .password = &options_.password,
                    .settings = settings};
  TRY(opened, Connection::open(options_.endpoint, login, options_.timeout));
  kept = std::move(opened);
  return kept.get();
}

Result<Rows> PostgresTarget::call(const std::string& database, const std::string& sql,
                                  const std::vector<Cell>& parameters) {
  for (bool again = false;; again = true) {
    const auto kept = connections_.find(database);
    const bool reused =
        kept != connections_.end() && kept->second != nullptr && !kept->second->lost();
    TRY(to, connection(database));
    Result<Rows> rows = to->query(sql, parameters, options_.timeout);
    if (rows) return rows;
    const bool lost = to->lost();
    // The server may have closed a connection that was idle; a new one tells whether it is up.
    const bool retry = lost && !to->late() && reused && !again;
    if (lost) connections_.erase(database);
    if (retry) continue;
    if (rows.error().code == Code::kConflict && rows.error().message.ends_with("(3F000)")) {
      return fail(Code::kConflict, "the bootstrap has not been run in the database " +
                                       at(database) + ": " + rows.error().message);
    }
    return fail(rows.error().code, at(database) + ": " + rows.error().message);
  }
}

}  // namespace writ::target::postgres
