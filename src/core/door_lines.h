// What a door says to the server on its stream, and keeps in its spool, as JSON; one definition for
// both ends (docs/door-protocol.md). The server reads these strictly.
#pragma once

#include <string>
#include <vector>

#include "base/json_fields.h"

namespace writ::core::door_line {

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
  std::string reason;          // in the words of this kind of door
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

// The checkpoints that a door remembers, as signed notes; empty when there is none.
struct Checkpoints {
  std::string journal;
  std::string decisions;
};
template <class V>
void fields(V& v, Checkpoints& c) {
  v("journal", c.journal);
  v("decisions", c.decisions);
}

}  // namespace writ::core::door_line
