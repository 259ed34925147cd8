// Events: the facts of the journal. State is a fold over them and nothing else.
//
// An event's bytes are canonical JSON (RFC 8785) of {"v", "seq", "time", "trust_domain", "actors",
// "kind", "data"}; they are the leaf of the journal's Merkle tree. `kind` is a past-tense fact, `v`
// the version of its data. Unknown kinds and versions are refused, never skipped.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "core/domain.h"
#include "core/target.h"

namespace writ::core {

class Policies;  // core/policy.h

// Each kind is a struct with `kKind` and `fields`.
#define WRIT_EVENT(Type, kind)                    \
  static constexpr std::string_view kKind = kind; \
  template <class V>                              \
  friend void fields(V& v, Type& e)

struct Genesis {
  std::string trust_domain;
  std::string engine;        // version of the program that wrote it
  std::string constitution;  // version of the rules that no policy can change
  bool solo = false;         // one administrator alone: a permanent finding
  std::string journal_key;   // signed-note verifier key of the journal's checkpoints
  std::string ca;            // PEM of the certificate authority
  WRIT_EVENT(Genesis, "genesis") {
    v("trust_domain", e.trust_domain);
    v("engine", e.engine);
    v("constitution", e.constitution);
    v("solo", e.solo);
    v("journal_key", e.journal_key);
    v("ca", e.ca);
  }
};
struct IdentityAdded {
  Identity identity;
  WRIT_EVENT(IdentityAdded, "identity_added") { v("identity", e.identity); }
};
struct IdentityStateChanged {
  std::string identity;
  IdentityState state = IdentityState::kActive;
  std::optional<Sealed> note;  // the reason in a person's words
  WRIT_EVENT(IdentityStateChanged, "identity_state_changed") {
    v("identity", e.identity);
    v("state", e.state);
    v("note", e.note);
  }
};
// Someone else answers for a thing from now on.
struct OwnerChanged {
  std::string of;     // "identity:idn_…" or "resource:NAME"
  std::string owner;  // "identity:idn_…" or "group:NAME"
  WRIT_EVENT(OwnerChanged, "owner_changed") {
    v("of", e.of);
    v("owner", e.owner);
  }
};
struct GroupAdded {
  Group group;
  WRIT_EVENT(GroupAdded, "group_added") { v("group", e.group); }
};
struct MembershipAdded {  // replaces one of the same identity and group
  Membership membership;
  WRIT_EVENT(MembershipAdded, "membership_added") { v("membership", e.membership); }
};
struct MembershipEnded {
  std::string group;
  std::string identity;
  std::string reason;          // "removed", "expired", "offboarded"
  std::optional<Sealed> note;  // in a person's words
  WRIT_EVENT(MembershipEnded, "membership_ended") {
    v("group", e.group);
    v("identity", e.identity);
    v("reason", e.reason);
    v("note", e.note);
  }
};
struct EnrollmentOpened {
  Enrollment enrollment;
  WRIT_EVENT(EnrollmentOpened, "enrollment_opened") { v("enrollment", e.enrollment); }
};
struct EnrollmentEnded {  // its code is good for nothing any more
  std::string code_hash;
  std::string reason;  // "expired", "superseded", "offboarded"
  WRIT_EVENT(EnrollmentEnded, "enrollment_ended") {
    v("code_hash", e.code_hash);
    v("reason", e.reason);
  }
};
struct DeviceEnrolled {
  Device device;
  std::string enrollment;  // used up by this
  WRIT_EVENT(DeviceEnrolled, "device_enrolled") {
    v("device", e.device);
    v("enrollment", e.enrollment);
  }
};
struct DeviceRemoved {
  std::string device;
  std::string reason;          // "removed", "expired", "offboarded"
  std::optional<Sealed> note;  // in a person's words
  WRIT_EVENT(DeviceRemoved, "device_removed") {
    v("device", e.device);
    v("reason", e.reason);
    v("note", e.note);
  }
};
// Somebody other than who opened its enrolment vouches that a person's first device is theirs.
struct DeviceConfirmed {
  std::string device;
  WRIT_EVENT(DeviceConfirmed, "device_confirmed") { v("device", e.device); }
};
struct SecondFactorSet {
  std::string identity;
  Sealed seed;
  std::string awaits{};  // device with which it is confirmed; "" when nothing is to be confirmed
  WRIT_EVENT(SecondFactorSet, "second_factor_set") {
    v("identity", e.identity);
    v("seed", e.seed);
    v("awaits", e.awaits);
  }
};
struct SecondFactorShown {  // a right code; its step is used up
  std::string identity;
  std::string device;
  std::int64_t step = 0;
  WRIT_EVENT(SecondFactorShown, "second_factor_shown") {
    v("identity", e.identity);
    v("device", e.device);
    v("step", e.step);
  }
};
struct SecondFactorFailed {
  std::string identity;
  int failures = 0;
  std::optional<Time> locked_until;
  WRIT_EVENT(SecondFactorFailed, "second_factor_failed") {
    v("identity", e.identity);
    v("failures", e.failures);
    v("locked_until", e.locked_until);
  }
};
struct CertificateIssued {
  Certificate certificate;
  WRIT_EVENT(CertificateIssued, "certificate_issued") { v("certificate", e.certificate); }
};
struct CertificateRevoked {
  std::string serial;
  std::string reason;          // "by command", "its device was removed", "offboarded"
  std::optional<Sealed> note;  // in a person's words
  WRIT_EVENT(CertificateRevoked, "certificate_revoked") {
    v("serial", e.serial);
    v("reason", e.reason);
    v("note", e.note);
  }
};
struct CertificateExpired {  // it leaves memory; doors and the server compared its end before
  std::string serial;
  WRIT_EVENT(CertificateExpired, "certificate_expired") { v("serial", e.serial); }
};
struct TargetAdded {
  TargetSystem target;
  WRIT_EVENT(TargetAdded, "target_added") { v("target", e.target); }
};
struct ResourceAdded {
  Resource resource;
  WRIT_EVENT(ResourceAdded, "resource_added") { v("resource", e.resource); }
};
struct EntitlementAdded {
  Entitlement entitlement;
  WRIT_EVENT(EntitlementAdded, "entitlement_added") { v("entitlement", e.entitlement); }
};
struct DoorAdded {
  Door door;
  WRIT_EVENT(DoorAdded, "door_added") { v("door", e.door); }
};
// What is removed leaves its name behind, which nothing gets again.
struct TargetRemoved {  // nothing lies in it any more
  std::string target;
  WRIT_EVENT(TargetRemoved, "target_removed") { v("target", e.target); }
};
struct ResourceRemoved {
  std::string resource;
  WRIT_EVENT(ResourceRemoved, "resource_removed") { v("resource", e.resource); }
};
struct EntitlementRemoved {
  std::string entitlement;
  WRIT_EVENT(EntitlementRemoved, "entitlement_removed") { v("entitlement", e.entitlement); }
};
struct DoorRemoved {
  std::string door;  // identity id
  WRIT_EVENT(DoorRemoved, "door_removed") { v("door", e.door); }
};
// A text that versions of the policy, and pending changes of it, name by its hash: a file, or a
// list of files. An event holds one part of it; a text that State holds is not recorded again.
struct PolicyTextRecorded {
  std::string hash;       // hex SHA-256 of the whole text
  std::int64_t part = 0;  // from 0, in order
  std::int64_t parts = 1;
  std::string text;  // of this part
  WRIT_EVENT(PolicyTextRecorded, "policy_text_recorded") {
    v("hash", e.hash);
    v("part", e.part);
    v("parts", e.parts);
    v("text", e.text);
  }
};
struct PolicyApplied {
  std::int64_t version = 0;  // 1, 2, …
  // Hex SHA-256 of the list of its files: canonical JSON of [{"hash", "name"}, …]. The list and the
  // files are texts that were recorded before.
  std::string hash;
  std::int64_t files = 0;  // how many
  // Not recorded: these files, compiled before, so that it is done once.
  std::shared_ptr<const Policies> compiled{};
  WRIT_EVENT(PolicyApplied, "policy_applied") {
    v("version", e.version);
    v("hash", e.hash);
    v("files", e.files);
  }
};
struct ChangeProposed {
  Change change;
  WRIT_EVENT(ChangeProposed, "change_proposed") { v("change", e.change); }
};
struct ChangeClosed {  // approved (its effects follow in the same batch), denied, expired,
                       // withdrawn
  std::string change;
  std::string outcome;
  std::optional<Approval> approval;
  WRIT_EVENT(ChangeClosed, "change_closed") {
    v("change", e.change);
    v("outcome", e.outcome);
    v("approval", e.approval);
  }
};
struct RequestOpened {
  Request request;
  WRIT_EVENT(RequestOpened, "request_opened") { v("request", e.request); }
};
struct RequestApproved {  // one approval; not always the last that is needed
  std::string request;
  Approval approval;
  WRIT_EVENT(RequestApproved, "request_approved") {
    v("request", e.request);
    v("approval", e.approval);
  }
};
struct RequestClosed {  // approved | denied | expired | withdrawn
  std::string request;
  std::string outcome;
  std::optional<Approval> approval;  // the denial
  WRIT_EVENT(RequestClosed, "request_closed") {
    v("request", e.request);
    v("outcome", e.outcome);
    v("approval", e.approval);
  }
};
struct GrantCreated {
  Grant grant;
  WRIT_EVENT(GrantCreated, "grant_created") { v("grant", e.grant); }
};
struct StepPlanned {  // written before the step is taken; its logins in their recorded form
  std::string target;
  std::string grant;
  Step step;
  WRIT_EVENT(StepPlanned, "step_planned") {
    v("target", e.target);
    v("grant", e.grant);
    v("step", e.step);
  }
};
struct GrantActivated {
  std::string grant;
  Time from;
  Time until;
  WRIT_EVENT(GrantActivated, "grant_activated") {
    v("grant", e.grant);
    v("from", e.from);
    v("until", e.until);
  }
};
struct GrantTryFailed {  // an activation or revocation that will be tried again
  std::string grant;
  int tries = 0;
  std::string error;
  WRIT_EVENT(GrantTryFailed, "grant_try_failed") {
    v("grant", e.grant);
    v("tries", e.tries);
    v("error", e.error);
  }
};
struct GrantRevoking {
  std::string grant;
  EndReason reason = EndReason::kRevoked;
  std::optional<std::string> by;
  std::optional<Sealed> note;  // the reason in a person's words
  WRIT_EVENT(GrantRevoking, "grant_revoking") {
    v("grant", e.grant);
    v("reason", e.reason);
    v("by", e.by);
    v("note", e.note);
  }
};
struct GrantCut {  // a door's receipt: these sessions are over
  std::string grant;
  std::string door;
  std::int64_t door_seq = 0;
  std::vector<std::string> sessions;
  WRIT_EVENT(GrantCut, "grant_cut") {
    v("grant", e.grant);
    v("door", e.door);
    v("door_seq", e.door_seq);
    v("sessions", e.sessions);
  }
};
struct GrantEnded {  // observed: the account is gone and its secret was refused
  std::string grant;
  EndReason reason = EndReason::kExpired;
  StepOutcome observed;
  WRIT_EVENT(GrantEnded, "grant_ended") {
    v("grant", e.grant);
    v("reason", e.reason);
    v("observed", e.observed);
  }
};
struct SessionStarted {
  Session session;
  std::int64_t door_seq = 0;
  WRIT_EVENT(SessionStarted, "session_started") {
    v("session", e.session);
    v("door_seq", e.door_seq);
  }
};
struct SessionEnded {
  std::string session;
  std::string grant;
  std::string door;
  std::int64_t door_seq = 0;
  std::string reason;
  std::int64_t bytes_in = 0;
  std::int64_t bytes_out = 0;
  WRIT_EVENT(SessionEnded, "session_ended") {
    v("session", e.session);
    v("grant", e.grant);
    v("door", e.door);
    v("door_seq", e.door_seq);
    v("reason", e.reason);
    v("bytes_in", e.bytes_in);
    v("bytes_out", e.bytes_out);
  }
};
// What came to and went from the holdings of one target since the last observation. At most 100
// holdings an event (an event has at most 65,535 bytes); more become several events.
struct HoldingsObserved {
  std::string target;
  std::vector<Holding> added;
  std::vector<Holding> removed;
  WRIT_EVENT(HoldingsObserved, "holdings_observed") {
    v("target", e.target);
    v("added", e.added);
    v("removed", e.removed);
  }
};
struct FindingOpened {  // or renewed: one of the same id takes the place of the older
  Finding finding;
  WRIT_EVENT(FindingOpened, "finding_opened") { v("finding", e.finding); }
};
struct FindingClosed {
  std::string finding;
  std::string reason;  // "remedied", "gone"
  WRIT_EVENT(FindingClosed, "finding_closed") {
    v("finding", e.finding);
    v("reason", e.reason);
  }
};
struct DecisionsAnchored {  // the decision log's size and root at this point
  std::string log;          // name of the server's decision log
  std::int64_t size = 0;
  Hash root{};
  WRIT_EVENT(DecisionsAnchored, "decisions_anchored") {
    v("log", e.log);
    v("size", e.size);
    v("root", e.root);
  }
};
struct SubjectErased {  // the subject's key is destroyed in the same transaction
  std::string subject;
  WRIT_EVENT(SubjectErased, "subject_erased") { v("subject", e.subject); }
};
#undef WRIT_EVENT

using EventKinds =
    std::variant<Genesis, IdentityAdded, IdentityStateChanged, OwnerChanged, GroupAdded,
                 MembershipAdded, MembershipEnded, EnrollmentOpened, EnrollmentEnded,
                 DeviceEnrolled, DeviceRemoved, DeviceConfirmed, SecondFactorSet, SecondFactorShown,
                 SecondFactorFailed, CertificateIssued, CertificateRevoked, CertificateExpired,
                 TargetAdded, ResourceAdded, EntitlementAdded, DoorAdded, TargetRemoved,
                 ResourceRemoved, EntitlementRemoved, DoorRemoved, PolicyTextRecorded,
                 PolicyApplied, ChangeProposed, ChangeClosed, RequestOpened, RequestApproved,
                 RequestClosed, GrantCreated, StepPlanned, GrantActivated, GrantTryFailed,
                 GrantRevoking, GrantCut, GrantEnded, SessionStarted, SessionEnded,
                 HoldingsObserved, FindingOpened, FindingClosed, DecisionsAnchored, SubjectErased>;

// One event of any kind. A type of its own, and its copies, moves and ends compiled once
// (event.cc): for this many kinds they are dear, and nearly every file passes events on.
struct EventData : EventKinds {
  EventData();
  template <class Kind>
    requires requires { Kind::kKind; }
  EventData(Kind kind);  // NOLINT(google-explicit-constructor): an event is its data
  EventData(const EventData& other);
  EventData(EventData&& other) noexcept;
  EventData& operator=(const EventData& other);
  EventData& operator=(EventData&& other) noexcept;
  ~EventData();
};

struct Event {
  std::uint64_t seq = 0;
  Time time;
  std::string trust_domain;
  // Who acted, then for whom: identity ids; "server" for Writ itself, "door:ID" for a door's
  // report.
  std::vector<std::string> actors;
  EventData data;
};

std::string_view kind_of(const EventData& data);
// Canonical bytes, and back. Strict: kCorrupt for anything that `encode` would not write.
std::string encode(const Event& event);
Result<Event> decode_event(std::string_view bytes);
// The ids and names that an event is about; `writ evidence show ID` finds it by each of them.
std::vector<std::string> subjects_of(const EventData& data);

}  // namespace writ::core
