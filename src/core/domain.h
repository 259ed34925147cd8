// The nouns of Writ as plain structs: what State holds and events carry. No behaviour here.
//
// Identities, requests, grants, sessions, changes and findings have opaque ids that are never
// reused. Groups, targets, resources and entitlements are known by their names, which are unique
// and tombstoned, never renamed. Every thing that widens access has an end.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/boxed.h"
#include "base/json_fields.h"
#include "base/slim.h"
#include "base/text.h"
#include "core/sealed.h"

namespace writ::core {

enum class IdentityKind {
  kUser,
  kWorkload,
  kServiceAccount,
  kRunner,
  kAgent,
  kThirdParty,
  kDevice,
  kDoor,
  kConnector,
  kServer
};
constexpr auto enum_names(IdentityKind) {
  return std::to_array<std::string_view>({"user", "workload", "service_account", "runner", "agent",
                                          "third_party", "device", "door", "connector", "server"});
}
// People: user and third_party. Their names are personal and sealed.
inline bool is_person(IdentityKind k) {
  return k == IdentityKind::kUser || k == IdentityKind::kThirdParty;
}

enum class Tier { kCritical, kHigh, kMedium, kLegacy };
constexpr auto enum_names(Tier) {
  return std::to_array<std::string_view>({"critical", "high", "medium", "legacy"});
}
// The ceilings of a tier.
struct TierLimits {
  Millis max_ttl;        // of a grant
  Millis certificate;    // life of a machine's certificate
  Millis autonomy;       // how long a door keeps a session while cut off from the server
  Millis review;         // of memberships and enrolled devices
  Millis dormant_after;  // unused this long: dormant
};
const TierLimits& limits_of(Tier tier);

enum class IdentityState { kProposed, kActive, kQuarantined, kOffboarded };
constexpr auto enum_names(IdentityState) {
  return std::to_array<std::string_view>({"proposed", "active", "quarantined", "offboarded"});
}

struct Identity {
  std::string id;  // "idn_…"
  IdentityKind kind = IdentityKind::kUser;
  std::string name;                   // of machines; empty for people
  std::optional<Sealed> sealed_name;  // of people
  std::string name_digest;            // Sealer::digest of the name, for everyone
  Tier tier = Tier::kMedium;
  std::string owner;        // "identity:idn_…" or "group:NAME"; empty for people alone
  std::string purpose;      // of machines
  std::string environment;  // "production"; may be empty
  IdentityState state = IdentityState::kActive;
  Time since;
};
template <class V>
void fields(V& v, Identity& i) {
  v("id", i.id);
  v("kind", i.kind);
  v("name", i.name);
  v("sealed_name", i.sealed_name);
  v("name_digest", i.name_digest);
  v("tier", i.tier);
  v("owner", i.owner);
  v("purpose", i.purpose);
  v("environment", i.environment);
  v("state", i.state);
  v("since", i.since);
}

struct Group {
  std::string name;
  std::string purpose;
  bool administers = false;  // its members may change Writ itself; two persons change it
};
template <class V>
void fields(V& v, Group& g) {
  v("name", g.name);
  v("purpose", g.purpose);
  v("administers", g.administers);
}

struct Membership {
  std::string group;
  std::string identity;
  Time until;  // compared at each decision
};
template <class V>
void fields(V& v, Membership& m) {
  v("group", m.group);
  v("identity", m.identity);
  v("until", m.until);
}

// A key that an identity enrolled; its certificates are issued to this key alone.
struct Device {
  std::string id;  // "dev_…"
  std::string identity;
  Sealed label;            // "laptop", "ci-7"
  std::string public_key;  // base64 of SubjectPublicKeyInfo, DER
  Time until;
  // While it waits to be confirmed: who opened its enrolment, and so cannot confirm it.
  std::string opened_by{};
};
template <class V>
void fields(V& v, Device& d) {
  v("id", d.id);
  v("identity", d.identity);
  v("label", d.label);
  v("public_key", d.public_key);
  v("until", d.until);
  v("opened_by", d.opened_by);
}

// A one-time code that lets an identity enrol one device.
struct Enrollment {
  std::string id;  // "enr_…"
  std::string identity;
  std::string code_hash;    // hex SHA-256 of the code
  Time until;               // 15 minutes after opening
  std::string opened_by{};  // identity id; "server" for founders
};
template <class V>
void fields(V& v, Enrollment& e) {
  v("id", e.id);
  v("identity", e.identity);
  v("code_hash", e.code_hash);
  v("until", e.until);
  v("opened_by", e.opened_by);
}

// The second factor of a person, and its guard against guessing and reuse.
struct SecondFactor {
  std::string identity;
  Sealed seed;                 // TOTP, RFC 6238
  std::int64_t last_step = 0;  // no step at or before this one is accepted again
  int failures = 0;            // since the last success
  std::optional<Time> locked_until;
  std::optional<Time> fresh;  // last success: what `mfa_age` counts from
  std::string fresh_device;   // the device that showed it
  std::string awaits;         // device whose confirmation it waits for; "" when it may be believed
};
template <class V>
void fields(V& v, SecondFactor& f) {
  v("identity", f.identity);
  v("seed", f.seed);
  v("last_step", f.last_step);
  v("failures", f.failures);
  v("locked_until", f.locked_until);
  v("fresh", f.fresh);
  v("fresh_device", f.fresh_device);
  v("awaits", f.awaits);
}

struct Certificate {
  // What a decision reads of it stands first, and so together in memory.
  // In State only: when it is good for nothing any more, because it is over, revoked, or its device
  // is enrolled no longer; and its identity's number (core/entities.h).
  Time good_until = Time::min();
  std::uint32_t holder = 0;
  std::string device;
  std::string grant;   // opens connections on this grant and nothing else; "" for every use
  std::string serial;  // lower-case hex
  std::string identity;
  Time until;
  std::optional<std::string> revoked;  // reason
};
inline Certificate certificate_of(std::string serial, std::string identity, std::string device,
                                  Time until, std::string grant = {}) {
  Certificate c;
  c.serial = std::move(serial);
  c.identity = std::move(identity);
  c.device = std::move(device);
  c.grant = std::move(grant);
  c.until = until;
  return c;
}
template <class V>
void fields(V& v, Certificate& c) {
  v("serial", c.serial);
  v("identity", c.identity);
  v("device", c.device);
  v("until", c.until);
  v("revoked", c.revoked);
  v("grant", c.grant);
}

struct TargetSystem {
  std::string name;  // "pg-main"
  std::string kind;  // "postgres"
  std::string host;
  int port = 5432;
  std::string tls;          // "require" | "verify-full" | "disable" (unix socket or loopback only)
  std::string ca;           // PEM; needed unless tls is "disable"
  std::string connector;    // login name of Writ's own role there
  Sealed connector_secret;  // its password
  Sealed key;               // from which grants' login secrets derive
  std::vector<std::string> databases;
  std::string door;  // identity id of the door in front of it; empty before one is added
};
template <class V>
void fields(V& v, TargetSystem& t) {
  v("name", t.name);
  v("kind", t.kind);
  v("host", t.host);
  v("port", t.port);
  v("tls", t.tls);
  v("ca", t.ca);
  v("connector", t.connector);
  v("connector_secret", t.connector_secret);
  v("key", t.key);
  v("databases", t.databases);
  v("door", t.door);
}

struct Resource {
  std::string name;    // "pg-main/orders"; a target is the resource of its own name
  std::string parent;  // resource name; empty for a target
  std::string target;
  Tier tier = Tier::kHigh;
  std::string environment;
  std::string owner;  // "identity:…" or "group:…"
  std::string sensitivity;
  std::vector<std::string> labels;
};
template <class V>
void fields(V& v, Resource& r) {
  v("name", r.name);
  v("parent", r.parent);
  v("target", r.target);
  v("tier", r.tier);
  v("environment", r.environment);
  v("owner", r.owner);
  v("sensitivity", r.sensitivity);
  v("labels", r.labels);
}

struct Entitlement {
  std::string name;  // "pg-main/orders/reader"
  std::string resource;
  std::string role;  // "reader"
  std::string database;
  std::vector<std::string> membership;  // as core::DesiredAccount
  std::vector<std::string> privileges;
  std::string description;
};
template <class V>
void fields(V& v, Entitlement& e) {
  v("name", e.name);
  v("resource", e.resource);
  v("role", e.role);
  v("database", e.database);
  v("membership", e.membership);
  v("privileges", e.privileges);
  v("description", e.description);
}

// Where a door listens; the door itself is an identity of kind `door`.
struct Door {
  std::string identity;
  std::string kind;  // "postgres"
  std::string host;  // what clients are told to connect to
  int port = 0;
  std::vector<std::string> targets;
};
template <class V>
void fields(V& v, Door& d) {
  v("identity", d.identity);
  v("kind", d.kind);
  v("host", d.host);
  v("port", d.port);
  v("targets", d.targets);
}

// A person's signed decision over exactly what they saw.
struct Approval {
  std::string approver;   // identity id
  bool approved = true;   // false: denied
  std::string signature;  // base64, by the device key over `approval_statement`
  std::string device;
  std::string statement_hash;  // hex SHA-256 of the statement
  Time time;
};
template <class V>
void fields(V& v, Approval& a) {
  v("approver", a.approver);
  v("approved", a.approved);
  v("signature", a.signature);
  v("device", a.device);
  v("statement_hash", a.statement_hash);
  v("time", a.time);
}

// What an offer demands of whoever takes it up.
struct Terms {
  Millis max_ttl{0};
  std::optional<Millis> step_up;  // a second factor at most this old
  int approvals = 1;
  std::string approvers;  // "group:dba", or the resource's owner; empty when approvals is 0
};
template <class V>
void fields(V& v, Terms& t) {
  v("max_ttl_ms", t.max_ttl);
  v("step_up_ms", t.step_up);
  v("approvals", t.approvals);
  v("approvers", t.approvers);
}

// A pending request. Decided, expired and withdrawn ones leave memory.
struct Request {
  std::string id;           // "req_…"
  std::string requester;    // identity id
  std::string beneficiary;  // the same, or a machine that the requester owns
  std::string entitlement;
  Millis duration{0};
  Sealed purpose;
  std::string offer;  // policy id
  Terms terms;
  Time opened;
  Time until;  // pending ends by itself
  std::vector<Approval> approvals;
};
template <class V>
void fields(V& v, Request& r) {
  v("id", r.id);
  v("requester", r.requester);
  v("beneficiary", r.beneficiary);
  v("entitlement", r.entitlement);
  v("duration_ms", r.duration);
  v("purpose", r.purpose);
  v("offer", r.offer);
  v("terms", r.terms);
  v("opened", r.opened);
  v("until", r.until);
  v("approvals", r.approvals);
}

enum class Cause : std::uint8_t { kOffer, kBaseline, kBreakGlass };
constexpr auto enum_names(Cause) {
  return std::to_array<std::string_view>({"offer", "baseline", "break_glass"});
}
enum class GrantState : std::uint8_t {
  kActivating,
  kActive,
  kRevoking
};  // ended ones leave memory
constexpr auto enum_names(GrantState) {
  return std::to_array<std::string_view>({"activating", "active", "revoking"});
}
enum class EndReason {
  kExpired,
  kRevoked,
  kOfferLost,
  kOffboarded,
  kSignal,
  kSuperseded,
  kActivationFailed,
  kPolicyChanged  // its offer stands, and a new guardrail or condition denies its open session
};
constexpr auto enum_names(EndReason) {
  return std::to_array<std::string_view>({"expired", "revoked", "offer_lost", "offboarded",
                                          "signal", "superseded", "activation_failed",
                                          "policy_changed"});
}

// While a grant is being revoked.
struct GrantEnding {
  EndReason reason = EndReason::kRevoked;
  std::optional<std::string> by;  // actor, when a person or machine asked for the end
  Time since;
};
template <class V>
void fields(V& v, GrantEnding& e) {
  v("reason", e.reason);
  v("by", e.by);
  v("since", e.since);
}

// The tries so far of setting a grant up, or of taking it back, when they failed.
struct GrantFailure {
  int tries = 0;
  std::string error;  // of the last one
};
template <class V>
void fields(V& v, GrantFailure& f) {
  v("tries", f.tries);
  v("error", f.error);
}

// There are very many: what many say alike is shared, and 192 bytes with its owners' count are the
// most that it takes.
struct Grant {
  // What a connect reads of it stands first, and so in one line of the processor's cache
  // (grants.cc): up to the size of the id.
  Slim<Time> until;                      // the end; set at activation, compared at each decision
  std::uint32_t beneficiary_number = 0;  // in State only, both: core/entities.h
  std::uint32_t entitlement_number = 0;
  std::uint64_t policy_hash = 0;  // in State only: cow_hash(policy)
  SharedText policy;              // id of the offer or baseline policy that gave it
  Cause cause = Cause::kOffer;
  GrantState state = GrantState::kActivating;
  InlineText id;  // "grt_…"
  Millis duration{0};
  std::int64_t mfa_age_ms = -1;  // of the requester when it was given; -1 unknown
  SharedTexts approvers;         // identity ids
  SharedText beneficiary;
  SharedText entitlement;
  InlineText request;  // request id; empty for baseline
  Slim<Sealed> purpose;
  Time created;
  Slim<Time> from;  // activation
  Boxed<GrantEnding> ending;
  Boxed<GrantFailure> failure;
};
static_assert(sizeof(Grant) <= 176);
// Its id is its key: core/cow_map.h.
inline std::string_view own_key(const Grant& grant) {
  return grant.id;
}
template <class V>
void fields(V& v, Grant& g) {
  v("id", g.id);
  v("beneficiary", g.beneficiary);
  v("entitlement", g.entitlement);
  v("cause", g.cause);
  v("policy", g.policy);
  v("request", g.request);
  v("purpose", g.purpose);
  v("approvers", g.approvers);
  v("mfa_age_ms", g.mfa_age_ms);
  v("duration_ms", g.duration);
  v("state", g.state);
  v("created", g.created);
  v("from", g.from);
  v("until", g.until);
  v("ending", g.ending);
  v("failure", g.failure);
}

// When a grant that is not revoking ends: at its end, or, while it waits for its account, once it
// has waited as long as it was to last (at least 10 minutes).
inline Time end_of(const Grant& grant) {
  if (grant.until) return *grant.until;
  return grant.created + std::max<Millis>(grant.duration, std::chrono::minutes(10));
}

struct Session {
  std::string id;  // "ses_…"
  std::string door;
  std::string grant;
  std::string identity;
  std::string source_ip;
  std::string application;
  std::int64_t backend = 0;
  Time since;
  std::string credential{};  // serial of the certificate that opened it
  std::string device{};      // that it was issued to; "" when Writ did not know the certificate
};
template <class V>
void fields(V& v, Session& s) {
  v("id", s.id);
  v("door", s.door);
  v("grant", s.grant);
  v("identity", s.identity);
  v("source_ip", s.source_ip);
  v("application", s.application);
  v("backend", s.backend);
  v("since", s.since);
  v("credential", s.credential);
  v("device", s.device);
}

// An entitlement-like thing that was observed in a target. Never evaluated, never a permit.
struct Holding {
  std::string target;
  std::string login;
  std::string what;
  std::string resource;
  std::string grant;  // the grant that explains it; empty: a finding
};
template <class V>
void fields(V& v, Holding& h) {
  v("target", h.target);
  v("login", h.login);
  v("what", h.what);
  v("resource", h.resource);
  v("grant", h.grant);
}

enum class Severity { kLow, kMedium, kHigh, kCritical };
constexpr auto enum_names(Severity) {
  return std::to_array<std::string_view>({"low", "medium", "high", "critical"});
}
struct Finding {
  std::string id;     // "fnd_…"
  std::string kind;   // "standing_password", "superuser", "unexplained_privilege", "orphan",
                      // "drift", "solo_administration", "dormant"
  std::string about;  // "pg-main: billing"; kind and about together are unique among open findings
  Severity severity = Severity::kMedium;
  std::string detail;  // one sentence with the evidence
  std::string remedy;  // what `writ remedy` would do; empty when it needs a person
  std::string target;
  std::string login;
  std::string owner;  // identity or group that answers for it, when known
  std::optional<Time> last_use;
  Time since;
};
template <class V>
void fields(V& v, Finding& f) {
  v("id", f.id);
  v("kind", f.kind);
  v("about", f.about);
  v("severity", f.severity);
  v("detail", f.detail);
  v("remedy", f.remedy);
  v("target", f.target);
  v("login", f.login);
  v("owner", f.owner);
  v("last_use", f.last_use);
  v("since", f.since);
}

// A command that needs two persons, waiting for the second one.
struct Change {
  std::string id;  // "chg_…"
  std::string proposer;
  std::string verb;  // of the command
  Json body;         // of the command, in its JSON form
  Time opened;
  Time until;
};
template <class V>
void fields(V& v, Change& c) {
  v("id", c.id);
  v("proposer", c.proposer);
  v("verb", c.verb);
  v("body", c.body);
  v("opened", c.opened);
  v("until", c.until);
}

}  // namespace writ::core
