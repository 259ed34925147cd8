#include "control/door_report.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "core/command.h"
#include "core/door_lines.h"

namespace writ::control {
namespace {

// Above what an honest door can have: its own limits are lower. What a door reports stays in
// memory.
constexpr std::int64_t kMostSessionsOfDoor = 100'000;
// What a door may say of a session, so that its report fits into an event.
constexpr std::size_t kMostId = 128;
constexpr std::size_t kMostReported = 300;
constexpr std::size_t kMostSessionsOfACut = 1000;

bool stands_before(const core::State& state, const std::string& door_id,
                   const std::string& target) {
  const core::Door* door = state.doors.find(door_id);
  return door != nullptr &&
         std::find(door->targets.begin(), door->targets.end(), target) != door->targets.end();
}

// A door reports about grants of its own targets alone. Of a grant that has ended only its id is
// left, and then the report stands as the door's word.
Status check_own_grant(const core::State& state, const std::string& door, const std::string& id) {
  const core::Grant* grant = state.grants.find(id);
  if (grant == nullptr) return {};
  const core::Entitlement* entitlement = state.entitlements.find(grant->entitlement);
  const core::Resource* resource =
      entitlement == nullptr ? nullptr : state.resources.find(entitlement->resource);
  if (resource != nullptr && stands_before(state, door, resource->target)) return {};
  return fail(Code::kDenied, "the grant is of a target before which this door does not stand",
              "/grant");
}

Status check_own_session(const core::State& state, const std::string& door, const std::string& id) {
  const core::Session* session = state.sessions.find(id);
  if (session == nullptr || session->door == door) return {};
  return fail(Code::kDenied, "this session is another door's", "/session");
}

Status check_id(const std::string& id, std::string_view pointer) {
  if (id.size() <= kMostId) return {};
  return fail(Code::kInvalid, "an id has at most " + std::to_string(kMostId) + " bytes",
              std::string(pointer));
}

}  // namespace

std::string text_of(const Json& json, std::string_view name) {
  const Json* member = json.find(name);
  return member != nullptr && member->as_string() != nullptr ? *member->as_string() : "";
}

std::string report_type(const Json& line) {
  return text_of(line, "type");
}

Result<core::EventData> report_event(const std::string& door, const Json& line,
                                     const core::State& state) {
  const std::string type = report_type(line);
  if (type == "session_started") {
    TRY(r, from_json<core::door_line::SessionStarted>(line));
    CHECK_OK(check_id(r.session, "/session"));
    CHECK_OK(check_id(r.grant, "/grant"));
    CHECK_OK(check_id(r.credential, "/credential"));
    TRY(identity, core::identity_of_spiffe(state, r.subject));
    CHECK_OK(check_own_grant(state, door, r.grant));
    const core::Grant* grant = state.grants.find(r.grant);
    if (grant != nullptr && grant->beneficiary != identity) {
      return fail(Code::kDenied, "the grant is another identity's", "/subject");
    }
    const core::Certificate* certificate = state.certificates.find(r.credential);
    if (certificate != nullptr && certificate->identity != identity) {
      return fail(Code::kDenied, "the certificate is another identity's", "/credential");
    }
    const std::int64_t* open = state.sessions_at.find(door);
    if (open != nullptr && *open >= kMostSessionsOfDoor) {
      return fail(Code::kExhausted, "this door has " + std::to_string(*open) +
                                        " open sessions, and may have no more");
    }
    core::Session session{r.session, door, r.grant, identity};
    session.source_ip = core::cut_text(r.source_ip, kMostReported);
    session.application = core::cut_text(r.application, kMostReported);
    session.backend = r.backend;
    session.since = r.time;
    session.credential = r.credential;
    if (certificate != nullptr) session.device = certificate->device;
    return core::SessionStarted{std::move(session), r.seq};
  }
  if (type == "session_ended") {
    TRY(r, from_json<core::door_line::SessionEnded>(line));
    CHECK_OK(check_id(r.session, "/session"));
    CHECK_OK(check_id(r.grant, "/grant"));
    CHECK_OK(check_own_grant(state, door, r.grant));
    CHECK_OK(check_own_session(state, door, r.session));
    return core::SessionEnded{
        r.session,  r.grant,    door, r.seq, core::cut_text(r.reason, kMostReported),
        r.bytes_in, r.bytes_out};
  }
  TRY(r, from_json<core::door_line::Receipt>(line));
  CHECK_OK(check_id(r.grant, "/grant"));
  CHECK_OK(check_own_grant(state, door, r.grant));
  if (r.sessions.size() > kMostSessionsOfACut) {
    return fail(Code::kInvalid,
                "a receipt names at most " + std::to_string(kMostSessionsOfACut) + " sessions",
                "/sessions");
  }
  std::size_t bytes = 0;
  for (const std::string& session : r.sessions) {
    CHECK_OK(check_id(session, "/sessions"));
    CHECK_OK(check_own_session(state, door, session));
    bytes += session.size();
  }
  if (bytes > 50'000) return fail(Code::kInvalid, "the receipt is too large", "/sessions");
  return core::GrantCut{r.grant, door, r.seq, r.sessions};
}

}  // namespace writ::control
