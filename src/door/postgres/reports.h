// What a door says and hears, as JSON (docs/door-protocol.md). What it sends is exactly this; what
// it hears may hold more, so that a newer server is understood.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_fields.h"
#include "base/secret.h"

namespace writ::door::postgres {

struct OpenSession {
  std::string session;
  std::string grant;
  std::string subject;
  std::string credential;  // serial of the certificate that opened it
  Time since;
};
template <class V>
void fields(V& v, OpenSession& s) {
  v("session", s.session);
  v("grant", s.grant);
  v("subject", s.subject);
  v("credential", s.credential);
  v("since", s.since);
}

enum class End { kClient, kTarget, kCut, kExpired, kLostServer, kShutdown, kLostDoor };
constexpr auto enum_names(End) {
  return std::to_array<std::string_view>(
      {"client", "target", "cut", "expired", "lost_server", "shutdown", "lost_door"});
}

struct SessionStarted {
  std::string type = "session_started";
  std::int64_t seq = 0;
  std::string session;
  std::string grant;
  std::string subject;
  std::string credential;
  std::string source_ip;
  std::string application;
  std::int64_t backend = 0;
  Time time;
};
template <class V>
void fields(V& v, SessionStarted& r) {
  v("type", r.type);
  v("seq", r.seq);
  v("session", r.session);
  v("grant", r.grant);
  v("subject", r.subject);
  v("credential", r.credential);
  v("source_ip", r.source_ip);
  v("application", r.application);
  v("backend", r.backend);
  v("time", r.time);
}

struct SessionEnded {
  std::string type = "session_ended";
  std::int64_t seq = 0;
  std::string session;
  std::string grant;
  End reason = End::kClient;
  std::int64_t bytes_in = 0;   // from the client
  std::int64_t bytes_out = 0;  // to the client
  Time time;
};
template <class V>
void fields(V& v, SessionEnded& r) {
  v("type", r.type);
  v("seq", r.seq);
  v("session", r.session);
  v("grant", r.grant);
  v("reason", r.reason);
  v("bytes_in", r.bytes_in);
  v("bytes_out", r.bytes_out);
  v("time", r.time);
}

struct Receipt {
  std::string type = "receipt";
  std::int64_t seq = 0;
  std::string command;
  std::string grant;
  std::vector<std::string> sessions;
  Time time;
};
template <class V>
void fields(V& v, Receipt& r) {
  v("type", r.type);
  v("seq", r.seq);
  v("command", r.command);
  v("grant", r.grant);
  v("sessions", r.sessions);
  v("time", r.time);
}

// The answer to an evaluation.
struct Decision {
  bool allowed = false;
  std::string decision_id;
  std::string message;             // when denied
  std::vector<std::string> needs;  // when denied
  std::string grant;               // the rest: when allowed
  std::string login;
  std::string database;
  Time until;
  std::optional<Time> now;  // the server's time
  Millis autonomy{0};
};
// kInvalid unless everything that an allow needs is there.
Result<Decision> parse_decision(std::string_view body);

// A system behind the door.
struct TargetAddress {
  std::string target;
  std::string host;
  std::uint16_t port = 0;
  std::string ca;  // PEM; empty: any certificate
  Secret key;      // from which the logins' secrets derive
};

struct Checkpoints {
  std::string journal;  // signed notes; empty when there is none
  std::string decisions;
};
template <class V>
void fields(V& v, Checkpoints& c) {
  v("journal", c.journal);
  v("decisions", c.decisions);
}

struct Welcome {
  std::int64_t acked = 0;
  Checkpoints checkpoint;
  std::vector<Hash> journal_proof;
  std::vector<Hash> decisions_proof;
  std::vector<TargetAddress> targets;
};
Result<Welcome> parse_welcome(const Json& line);

// Ends every session that rests on one of these; at least one is named.
struct Cut {
  std::string command;
  std::vector<std::string> grants;
  std::vector<std::string> certificates;  // serials
  std::string reason;
};
Result<Cut> parse_cut(const Json& line);

}  // namespace writ::door::postgres
