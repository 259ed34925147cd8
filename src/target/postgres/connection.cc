#include "target/postgres/connection.h"

#include <libpq-fe.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace writ::target::postgres {
namespace {

struct Clear {
  void operator()(PGresult* result) const { PQclear(result); }
};
using ResultPtr = std::unique_ptr<PGresult, Clear>;

Millis steady() {
  return SystemClock().steady();
}

enum class Wait { kRead, kWrite, kBoth };

// False when the deadline passes first.
bool wait_for(PGconn* conn, Wait what, Millis deadline) {
  for (;;) {
    pollfd slot{};
    slot.fd = PQsocket(conn);
    if (slot.fd < 0) return true;  // libpq finds out by itself what is wrong
    slot.events = static_cast<short>((what == Wait::kWrite ? 0 : POLLIN) |
                                     (what == Wait::kRead ? 0 : POLLOUT));
    const Millis left = deadline - steady();
    if (left <= Millis(0)) return false;
    const int ready = ::poll(&slot, 1, static_cast<int>(left.count()));
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return true;
  }
}

std::string one_line(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, 2000)) out += c == '\n' ? ' ' : c;
  while (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

// The fields of a verbose connection error. libpq 15 keeps no structure for it, but in verbose form
// the SQLSTATE stands after the severity, and the routine in the last line, whatever the language:
//   …: FATAL:  28P01: password authentication failed for user "x"
//   LOCATION:  auth_failed, auth.c:335
Refusal read_refusal(std::string_view text) {
  Refusal refusal{.message = one_line(text)};
  const auto is_state = [](std::string_view s) {
    return std::all_of(s.begin(), s.end(),
                       [](char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z'); });
  };
  for (std::size_t at = text.find(":  "); at != std::string_view::npos;
       at = text.find(":  ", at + 1)) {
    const std::string_view rest = text.substr(at + 3);
    if (rest.size() > 6 && rest[5] == ':' && is_state(rest.substr(0, 5))) {
      refusal.sqlstate = rest.substr(0, 5);
    } else if (!refusal.sqlstate.empty() && rest.find(", ") != std::string_view::npos) {
      refusal.routine = rest.substr(0, rest.find(", "));
    }
  }
  return refusal;
}

// Errors that Writ's functions raise have SQLSTATE WRx00; docs in database_sql.cc.
Code code_of(std::string_view state) {
  if (state.starts_with("WR") && state.size() == 5) {
    switch (state[2]) {
      case 'I':
        return Code::kInvalid;
      case 'D':
        return Code::kDenied;
      case 'C':
        return Code::kConflict;
      case 'E':
        return Code::kExists;
      case 'N':
        return Code::kNotFound;
      default:
        return Code::kUnavailable;
    }
  }
  const std::string_view group = state.substr(0, 2);
  // Lost, shutting down, cancelled, out of room, deadlocked, locked, changed under our hands.
  if (group == "08" || group == "57" || group == "53" || group == "40" || group == "55" ||
      group == "58" || state == "XX000" || state == "25006") {
    return Code::kUnavailable;
  }
  if (state == "42883" || state == "3F000" || state == "42P01") return Code::kConflict;
  if (state == "42501") return Code::kDenied;
  if (group == "22" || group == "23") return Code::kInvalid;
  return Code::kInternal;
}

}  // namespace

std::string array_text(const std::vector<std::string>& items) {
  std::string out = "{";
  for (const std::string& item : items) {
    if (out.size() > 1) out += ',';
    out += '"';
    for (const char c : item) {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
    out += '"';
  }
  return out + "}";
}

Result<std::vector<std::string>> parse_array(std::string_view text) {
  const auto corrupt = [] { return fail(Code::kCorrupt, "the server sent a malformed array"); };
  std::vector<std::string> items;
  if (text.size() < 2 || text.front() != '{' || text.back() != '}') return corrupt();
  text = text.substr(1, text.size() - 2);
  for (std::size_t at = 0; at < text.size();) {
    std::string item;
    const bool quoted = text[at] == '"';
    if (quoted) ++at;
    bool closed = !quoted;
    while (at < text.size()) {
      char c = text[at++];
      if (quoted && c == '"') {
        closed = true;
        break;
      }
      if (!quoted && c == ',') {
        --at;
        break;
      }
      if (c == '\\') {
        if (at == text.size()) return corrupt();
        c = text[at++];
      }
      item += c;
    }
    if (!closed) return corrupt();
    items.push_back(std::move(item));
    if (at == text.size()) break;
    if (text[at] != ',' || at + 1 == text.size()) return corrupt();
    ++at;
  }
  return items;
}

Connection::~Connection() {
  PQfinish(conn_);
}

bool Connection::lost() const {
  return broken_ || PQstatus(conn_) != CONNECTION_OK;
}

Result<std::unique_ptr<Connection>> Connection::open(const Endpoint& endpoint, const Login& login,
                                                     Millis timeout, Refusal* refusal) {
  const Millis deadline = steady() + timeout;
  const std::string port = std::to_string(endpoint.port);
  const char* sslmode = endpoint.tls == Tls::kVerifyFull ? "verify-full"
                        : endpoint.tls == Tls::kVerifyCa ? "verify-ca"
                                                         : "disable";
  std::string password(login.password == nullptr ? "" : login.password->reveal());
  // Files in the home folder and settings in the environment have no say: libpq takes this path for
  // a file that is not there.
  constexpr const char* kNowhere = "/dev/null/none";
  const std::string settings = login.settings.empty() ? " " : login.settings;
  const std::array<std::pair<const char*, const char*>, 19> parameters{{
      {"host", endpoint.host.c_str()},
      {"port", port.c_str()},
      {"user", login.user.c_str()},
      {"password", password.c_str()},
      {"passfile", kNowhere},
      {"dbname", login.database.c_str()},
      {"options", settings.c_str()},
      {"application_name", "writ"},
      {"client_encoding", "UTF8"},
      {"sslmode", sslmode},
      {"sslrootcert", endpoint.tls == Tls::kOff ? "" : endpoint.root_certificate.c_str()},
      {"sslcert", kNowhere},
      {"sslkey", kNowhere},
      {"sslcrl", kNowhere},
      {"ssl_min_protocol_version", "TLSv1.2"},
      {"gssencmode", "disable"},
      {"channel_binding", "prefer"},
      {"target_session_attrs", "any"},
      {"keepalives_idle", "15"},
  }};
  std::vector<const char*> keys;
  std::vector<const char*> values;
  for (const auto& [key, value] : parameters) {
    keys.push_back(key);
    values.push_back(value);
  }
  keys.push_back(nullptr);
  values.push_back(nullptr);
  std::unique_ptr<Connection> connection(
      new Connection(PQconnectStartParams(keys.data(), values.data(), 0)));
  zero(password.data(), password.size());
  PGconn* conn = connection->conn_;
  const std::string place = endpoint.host + ":" + port;
  if (conn == nullptr) return fail(Code::kInternal, "libpq is out of memory");

  PQsetErrorVerbosity(conn, PQERRORS_VERBOSE);
  PostgresPollingStatusType state = PGRES_POLLING_WRITING;
  while (PQstatus(conn) != CONNECTION_BAD && state != PGRES_POLLING_OK &&
         state != PGRES_POLLING_FAILED) {
    const Wait what = state == PGRES_POLLING_WRITING ? Wait::kWrite : Wait::kRead;
    if (!wait_for(conn, what, deadline)) {
      return fail(Code::kUnavailable, "PostgreSQL at " + place + " did not answer within " +
                                          to_text(timeout) + "; is it up and reachable?");
    }
    state = PQconnectPoll(conn);
  }
  if (PQstatus(conn) != CONNECTION_OK) {
    Refusal read = read_refusal(PQerrorMessage(conn));
    if (refusal != nullptr) *refusal = read;
    return fail(Code::kUnavailable,
                "PostgreSQL at " + place + " did not let " + login.user + " in: " + read.message);
  }
  PQsetErrorVerbosity(conn, PQERRORS_DEFAULT);
  PQsetNoticeProcessor(conn, [](void*, const char*) {}, nullptr);
  PQsetnonblocking(conn, 1);
  return connection;
}

// The last result of what was sent.
Result<PGresult*> Connection::receive(Millis deadline) {
  const auto late = [this]() {
    late_ = true;
    broken_ = true;  // what comes later would be taken for the answer to something else
    return fail(Code::kUnavailable, "PostgreSQL did not answer in time");
  };
  const auto gone = [this]() {
    broken_ = true;
    return fail(Code::kUnavailable,
                "the connection to PostgreSQL was lost: " + one_line(PQerrorMessage(conn_)));
  };
  for (;;) {
    const int unsent = PQflush(conn_);
    if (unsent < 0) break;  // the answer may be there all the same
    if (unsent == 0) break;
    if (!wait_for(conn_, Wait::kBoth, deadline)) return late();
    if (PQconsumeInput(conn_) == 0) return gone();
  }
  ResultPtr last;
  for (;;) {
    while (PQisBusy(conn_) != 0) {
      if (!wait_for(conn_, Wait::kRead, deadline)) return late();
      if (PQconsumeInput(conn_) == 0) return gone();
    }
    ResultPtr next(PQgetResult(conn_));
    if (!next) break;
    last = std::move(next);
  }
  if (!last) return gone();
  return last.release();
}

Result<Rows> Connection::query(const std::string& sql, const std::vector<Cell>& parameters,
                               Millis timeout) {
  std::vector<const char*> values;
  values.reserve(parameters.size());
  for (const Cell& cell : parameters) values.push_back(cell ? cell->c_str() : nullptr);
  if (PQsendQueryParams(conn_, sql.c_str(), static_cast<int>(values.size()), nullptr, values.data(),
                        nullptr, nullptr, 0) == 0) {
    broken_ = true;
    return fail(Code::kUnavailable,
                "the connection to PostgreSQL was lost: " + one_line(PQerrorMessage(conn_)));
  }
  TRY(raw, receive(steady() + timeout));
  const ResultPtr result(raw);
  const ExecStatusType status = PQresultStatus(result.get());
  if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
    const char* state = PQresultErrorField(result.get(), PG_DIAG_SQLSTATE);
    const char* primary = PQresultErrorField(result.get(), PG_DIAG_MESSAGE_PRIMARY);
    if (state == nullptr) {
      broken_ = true;
      return fail(Code::kUnavailable, "the connection to PostgreSQL was lost: " +
                                          one_line(PQresultErrorMessage(result.get())));
    }
    return fail(code_of(state),
                "PostgreSQL: " + one_line(primary == nullptr ? "" : primary) + " (" + state + ")");
  }
  Rows rows;
  rows.reserve(static_cast<std::size_t>(PQntuples(result.get())));
  for (int row = 0; row < PQntuples(result.get()); ++row) {
    auto& cells = rows.emplace_back();
    for (int column = 0; column < PQnfields(result.get()); ++column) {
      if (PQgetisnull(result.get(), row, column) != 0) {
        cells.emplace_back(std::nullopt);
      } else {
        cells.emplace_back(PQgetvalue(result.get(), row, column));
      }
    }
  }
  return rows;
}

}  // namespace writ::target::postgres
