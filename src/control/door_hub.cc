#include "control/door_hub.h"

#include <algorithm>
#include <set>

#include "base/json_fields.h"
#include "base/log.h"
#include "control/door_report.h"
#include "core/door_lines.h"

namespace writ::control {
namespace {

// A line has at most 64 KB.
constexpr std::size_t kCutsPerLine = 1'000;
constexpr std::string_view kCredentialEnded = "its certificate was revoked";
// Grants that were told to be cut and whose revocation nobody asked about.
constexpr std::size_t kMostTold = 100'000;

using core::door_line::Checkpoints;
using core::door_line::OpenSession;

struct Hello {
  std::string type;
  std::int64_t version = 0;
  std::int64_t next_seq = 0;
  std::int64_t door_seq = 0;
  Checkpoints checkpoint;
  std::vector<OpenSession> sessions;
};
template <class V>
void fields(V& v, Hello& h) {
  v("type", h.type);
  v("version", h.version);
  v("next_seq", h.next_seq);
  v("door_seq", h.door_seq);
  v("checkpoint", h.checkpoint);
  v("sessions", h.sessions);
}

struct MoreSessions {
  std::string type;
  std::vector<OpenSession> sessions;
};
template <class V>
void fields(V& v, MoreSessions& m) {
  v("type", m.type);
  v("sessions", m.sessions);
}

// The door in front of a grant's target; empty when there is none.
std::string door_of(const core::State& state, const core::Grant& grant) {
  const core::Entitlement* entitlement = state.entitlements.find(grant.entitlement);
  if (entitlement == nullptr) return {};
  const core::Resource* resource = state.resources.find(entitlement->resource);
  if (resource == nullptr) return {};
  const core::TargetSystem* target = state.targets.find(resource->target);
  return target == nullptr ? std::string() : target->door;
}

bool may_go_on(const core::State& state, const std::string& grant_id, Time now) {
  const core::Grant* grant = state.grants.find(grant_id);
  return grant != nullptr && grant->state == core::GrantState::kActive && grant->until &&
         now < *grant->until;
}

// Whether a session may live on, as far as Writ knows it. Of a certificate that ran out nothing is
// left but what was recorded with the session; where that is missing too, there is a doubt.
bool may_go_on(const core::State& state, const std::string& id, const std::string& credential) {
  if (const core::Session* known = state.sessions.find(id)) {
    return !core::has_lost_credential(state, *known);
  }
  core::Session session;
  session.credential = credential;
  return state.certificates.contains(credential) && !core::has_lost_credential(state, session);
}

}  // namespace

DoorHub::DoorHub(Writer& writer, const States& states, const Vault& vault, const TimeGuard& time,
                 Evidence& evidence, Random& random)
    : writer_(writer),
      states_(states),
      vault_(vault),
      time_(time),
      evidence_(evidence),
      random_(random) {}

void DoorHub::opened(const std::string& door, std::shared_ptr<net::LineStream> stream) {
  std::shared_ptr<net::LineStream> older;
  {
    std::lock_guard lock(mutex_);
    Link& link = links_[door];
    older = std::exchange(link.stream, std::move(stream));
    link.greeted = false;
  }
  if (older) older->close();
}

void DoorHub::closed(const std::string& door, const net::LineStream& stream) {
  std::lock_guard lock(mutex_);
  const auto link = links_.find(door);
  if (link != links_.end() && link->second.stream.get() == &stream) links_.erase(link);
}

void DoorHub::heard(const std::string& door, net::LineStream& stream, std::string_view line) {
  auto json = parse_json(line, {.bytes = net::kLongestLine});
  Status done;
  if (!json) {
    done = fail(json);
  } else if (report_type(*json) == "hello") {
    done = greet(door, stream, *json);
  } else if (report_type(*json) == "sessions") {
    done = more_sessions(door, stream, *json);
  } else {
    done = report(door, *json);
  }
  if (!done) {
    log(Level::kWarn, "door_line_refused", {{"door", door}, {"error", done.error().text()}});
    stream.close();
  }
}

Status DoorHub::greet(const std::string& door, net::LineStream& stream, const Json& line) {
  TRY(hello, from_json<Hello>(line));
  if (hello.version != 1) return fail(Code::kInvalid, "this server speaks version 1 with doors");
  {
    // Each hello costs a signature and a look at both logs.
    std::lock_guard lock(mutex_);
    const auto link = links_.find(door);
    if (link != links_.end() && link->second.stream.get() == &stream && link->second.greeted) {
      return fail(Code::kConflict, "a door says hello once");
    }
  }
  const auto state = states_.get();
  const std::int64_t* acked_before = state->door_seqs.find(door);
  const std::int64_t acked = acked_before == nullptr ? 0 : *acked_before;

  Json welcome = Json::object({{"type", "welcome"}, {"acked", acked}});
  Json checkpoint = Json::object();
  Json consistency = Json::object();
  for (const LogName log : {LogName::kJournal, LogName::kDecisions}) {
    const std::string& remembered =
        log == LogName::kJournal ? hello.checkpoint.journal : hello.checkpoint.decisions;
    const auto note = note_for(log, remembered);
    if (!note) return fail(note);
    TRY(mine, tlog::read_own_checkpoint(*note));
    Json hashes = Json::array();
    if (!remembered.empty()) {
      TRY(proof, compare(log, door, remembered, mine.head));
      for (const Hash& hash : proof) hashes.push(to_base64(as_bytes(hash)));
    }
    checkpoint.set(name_of(log), *note);
    consistency.set(name_of(log), std::move(hashes));
  }
  welcome.set("checkpoint", std::move(checkpoint));
  welcome.set("consistency", std::move(consistency));

  Json targets = Json::array();
  Status opened;
  state->targets.for_each([&](const std::string& name, const core::TargetSystem& target) {
    if (target.door != door) return;
    const auto key = vault_.open(target.key);
    if (!key) {
      opened = fail(key);
      return;
    }
    const auto raw = from_base64(*key);
    if (!raw) {
      opened = fail(raw);
      return;
    }
    targets.push(Json::object({{"target", name},
                               {"host", target.host},
                               {"port", target.port},
                               {"tls", target.tls},
                               {"ca", target.ca},
                               {"key", to_base64url(*raw)}}));
  });
  CHECK_OK(opened);
  welcome.set("targets", std::move(targets));
  {
    std::lock_guard lock(mutex_);
    Link& link = links_[door];
    if (link.stream.get() != &stream) return {};  // a newer stream took over
    link.heard = acked;
    link.greeted = true;
    decision_floors_[door] = hello.door_seq;
  }
  CHECK_OK(stream.send(compact(welcome)));
  cut_ended(stream, *line.find("sessions"));
  return {};
}

// The last checkpoint that was signed: signing and writing another would hold this I/O thread up.
// There is a new one only where there was none, or where the door has seen a newer one.
Result<std::string> DoorHub::note_for(LogName log, const std::string& remembered) {
  auto last = evidence_.last_checkpoint(log);
  const auto mine = last ? tlog::read_own_checkpoint(*last) : fail(last);
  const auto theirs = remembered.empty() ? mine : tlog::read_own_checkpoint(remembered);
  if (mine && theirs && theirs->head.size <= mine->head.size) return last;
  auto note = evidence_.checkpoint(log);
  // On a full disk the last one serves: doors must go on hearing what to cut.
  return note ? std::move(note) : std::move(last);
}

Status DoorHub::more_sessions(const std::string& door, net::LineStream& stream, const Json& line) {
  CHECK_OK(from_json<MoreSessions>(line));
  {
    std::lock_guard lock(mutex_);
    const auto link = links_.find(door);
    if (link == links_.end() || link->second.stream.get() != &stream || !link->second.greeted) {
      return fail(Code::kConflict, "a door says hello before it names sessions");
    }
  }
  cut_ended(stream, *line.find("sessions"));
  return {};
}

// Whatever ended while the door was away.
void DoorHub::cut_ended(net::LineStream& stream, const Json& sessions) {
  const Time now = time_.now();
  const auto state = states_.get();
  std::set<std::string> grants;
  std::set<std::string> certificates;
  for (const Json& session : *sessions.as_array()) {
    const std::string grant = text_of(session, "grant");
    const std::string credential = text_of(session, "credential");
    if (!may_go_on(*state, grant, now)) {
      grants.insert(grant);
    } else if (!may_go_on(*state, text_of(session, "session"), credential)) {
      certificates.insert(credential);
    }
  }
  send_cut(stream, "grants", {grants.begin(), grants.end()}, "ended");
  send_cut(stream, "certificates", {certificates.begin(), certificates.end()}, kCredentialEnded);
}

Result<std::vector<Hash>> DoorHub::compare(LogName log, const std::string& door,
                                           const std::string& remembered, const tlog::Head& mine) {
  // Only what this server's own key signed can say what its log was once.
  TRY(key, tlog::parse_verifier_key(evidence_.verifier_key(log)));
  TRY(checkpoint, tlog::open_checkpoint(remembered, key, key.name));
  const tlog::Head& theirs = checkpoint.head;
  std::vector<Hash> proof;
  bool continues = theirs.size < mine.size || theirs == mine;
  if (theirs.size < mine.size && theirs.size > 0) {
    TRY(hashes, evidence_.consistency(log, theirs.size, mine.size));
    proof = std::move(hashes);
    continues = tlog::verify_consistency(theirs, mine, proof).has_value();
  }
  if (!continues && theirs.size > mine.size && evidence_.size(log) > mine.size) {
    // The checkpoint at hand is an older one; the log itself is not behind.
    TRY(hashes, evidence_.consistency(log, mine.size, std::min(theirs.size, evidence_.size(log))));
    continues = theirs.size <= evidence_.size(log) &&
                tlog::verify_consistency(mine, theirs, hashes).has_value();
  }
  if (!continues) {
    writer_.halt();
    writ::log(Level::kError, "log_does_not_continue",
              {{"log", name_of(log)},
               {"door", door},
               {"mine", std::int64_t(mine.size)},
               {"remembered", std::int64_t(theirs.size)}});
  }
  return proof;
}

Status DoorHub::report(const std::string& door, const Json& line) {
  const Json* number = line.find("seq");
  if (number == nullptr || number->as_int() == nullptr) {
    return fail(Code::kInvalid, "a report has a seq", "/seq");
  }
  const std::int64_t seq = *number->as_int();
  if (seq < 1) return fail(Code::kInvalid, "reports count from 1", "/seq");
  std::shared_ptr<net::LineStream> stream;
  {
    std::lock_guard lock(mutex_);
    const auto link = links_.find(door);
    if (link == links_.end() || !link->second.greeted) {
      return fail(Code::kConflict, "a door says hello before it reports");
    }
    if (seq > link->second.heard + 1) {
      return fail(Code::kConflict,
                  "report " + std::to_string(link->second.heard + 1) + " is missing");
    }
    stream = link->second.stream;
    link->second.heard = std::max(link->second.heard, seq);
  }
  // Checked once here, so that a malformed report closes the stream and none is lost later.
  CHECK_OK(report_event(door, line, *states_.get()));
  const std::string started =
      report_type(line) == "session_started" ? text_of(line, "session") : "";
  writer_.submit(
      {{"door:" + door}, {}},
      [door, line, seq](const core::State& state, Time) -> Result<core::Outcome> {
        const std::int64_t* last = state.door_seqs.find(door);
        const std::int64_t before = last == nullptr ? 0 : *last;
        if (seq <= before) return core::Outcome{};
        // The one before it could not be recorded.
        if (seq != before + 1) return fail(Code::kConflict, "a report before it is missing");
        TRY(event, report_event(door, line, state));
        return core::Outcome{{std::move(event)}, {}, {}};
      },
      [this, stream, door, seq, line, started](const Result<Done>& done) {
        if (done) {
          // It may rest on what was taken away while its start was on its way.
          if (states_.get()->sessions.contains(started)) cut_ended(*stream, Json::array({line}));
          if (!stream->send("{\"type\":\"ack\",\"seq\":" + std::to_string(seq) + "}"))
            stream->close();
          return;
        }
        log(Level::kWarn, "report_not_recorded", {{"door", door}, {"error", done.error().text()}});
        stream->close();  // the door sends it again
      });
  return {};
}

void DoorHub::send_cut(net::LineStream& stream, std::string_view what,
                       const std::vector<std::string>& items, std::string_view reason) {
  for (std::size_t at = 0; at < items.size(); at += kCutsPerLine) {
    Json some = Json::array();
    for (std::size_t i = at; i < items.size() && i < at + kCutsPerLine; ++i) some.push(items[i]);
    Json command =
        Json::object({{"type", "cut"}, {"command", new_id("cmd", random_)}, {"reason", reason}});
    command.set(what, std::move(some));
    // A door that does not take its commands is cut off: it then ends its sessions by itself.
    if (!stream.send(compact(command))) return stream.close();
  }
}

void DoorHub::cut(const Narrowing& narrowing, const core::State& after) {
  cut_grants(narrowing.grants, after);
  if (narrowing.certificates.empty() && narrowing.devices.empty()) return;
  std::set<std::string> serials(narrowing.certificates.begin(), narrowing.certificates.end());
  const std::set<std::string> devices(narrowing.devices.begin(), narrowing.devices.end());
  if (!devices.empty()) {
    // A device that ran out takes its certificates along; and a session may have outlived its own.
    for (const std::string& device : devices) {
      const auto* its = after.certificates_of.find(device);
      if (its != nullptr) serials.insert(its->begin(), its->end());
    }
    after.sessions.for_each([&](const std::string&, const core::Session& each) {
      if (devices.contains(each.device)) serials.insert(each.credential);
    });
  }
  cut_certificates({serials.begin(), serials.end()}, after);
}

// Many at once leave in one line for each door, so that the door can end all before it does
// anything else.
void DoorHub::cut_grants(const std::vector<std::string>& grants, const core::State& state) {
  if (grants.empty()) return;
  const Streams streams = greeted_streams();
  std::map<std::pair<std::string, std::string_view>, std::vector<std::string>> lines;
  std::vector<std::string> missed;
  for (const std::string& id : grants) {
    const core::Grant* grant = state.grants.find(id);
    if (grant == nullptr) continue;
    std::string door = door_of(state, *grant);
    if (!streams.contains(door)) {
      missed.push_back(id);
      continue;
    }
    lines[{std::move(door),
           name_of(grant->ending ? grant->ending->reason : core::EndReason::kRevoked)}]
        .push_back(id);
  }
  for (const auto& [where, ids] : lines) {
    send_cut(*streams.at(where.first), "grants", ids, where.second);
  }
  std::lock_guard lock(mutex_);
  missed_.insert(missed_.end(), missed.begin(), missed.end());
  if (told_.size() > kMostTold) told_.clear();
  for (const auto& [where, ids] : lines) told_.insert(ids.begin(), ids.end());
}

// Any door may have let one in.
void DoorHub::cut_certificates(const std::vector<std::string>& serials, const core::State& state) {
  if (serials.empty()) return;
  const Streams streams = greeted_streams();
  for (const auto& [door, stream] : streams) {
    send_cut(*stream, "certificates", serials, kCredentialEnded);
  }
  std::lock_guard lock(mutex_);
  pressing_ = true;
  if (streams.size() < state.doors.size()) {
    missed_certificates_.insert(missed_certificates_.end(), serials.begin(), serials.end());
  }
}

DoorHub::Streams DoorHub::greeted_streams() {
  Streams streams;
  std::lock_guard lock(mutex_);
  for (const auto& [door, link] : links_) {
    if (link.greeted) streams[door] = link.stream;
  }
  return streams;
}

// Who says hello from now on is told by the state itself.
void DoorHub::repeat_missed_cuts(const core::State& state) {
  std::vector<std::string> grants;
  std::vector<std::string> certificates;
  {
    std::lock_guard lock(mutex_);
    grants.swap(missed_);
    certificates.swap(missed_certificates_);
  }
  if (grants.empty() && certificates.empty()) return;
  cut_grants(grants, state);
  cut_certificates(certificates, state);
  std::lock_guard lock(mutex_);
  missed_.clear();
  missed_certificates_.clear();
}

void DoorHub::press(const core::State& state) {
  {
    std::lock_guard lock(mutex_);
    if (!pressing_) return;
    pressing_ = false;
  }
  std::map<std::string, std::set<std::string>> left;
  state.sessions.for_each([&](const std::string&, const core::Session& session) {
    if (core::has_lost_credential(state, session)) left[session.door].insert(session.credential);
  });
  if (left.empty()) return;
  const Streams streams = greeted_streams();
  for (const auto& [door, serials] : left) {
    const auto stream = streams.find(door);
    if (stream == streams.end()) continue;
    send_cut(*stream->second, "certificates", {serials.begin(), serials.end()}, kCredentialEnded);
  }
  std::lock_guard lock(mutex_);
  pressing_ = true;
}

bool DoorHub::take_told(const std::string& grant) {
  std::lock_guard lock(mutex_);
  return told_.erase(grant) > 0;
}

std::int64_t DoorHub::decision_floor(const std::string& door) {
  std::lock_guard lock(mutex_);
  const auto found = decision_floors_.find(door);
  return found == decision_floors_.end() ? 0 : found->second;
}

void DoorHub::restart(const std::string& door) {
  std::shared_ptr<net::LineStream> stream;
  {
    std::lock_guard lock(mutex_);
    const auto link = links_.find(door);
    if (link == links_.end()) return;
    stream = link->second.stream;
  }
  stream->close();
}

void DoorHub::stop() {
  std::map<std::string, Link> links;
  {
    std::lock_guard lock(mutex_);
    links.swap(links_);
  }
  for (auto& [door, link] : links) link.stream->close();
}

}  // namespace writ::control
