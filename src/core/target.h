// Targets: the systems in which Writ makes access real. One interface for every kind; discovery,
// provisioning, revocation and drift detection are the same loop: observe, plan, apply, probe.
//
// Invariants: `apply` is idempotent; every step carries a fence, the journal seq that it rests on,
// and a target that has seen a newer fence refuses an older one; nothing here is a permit.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/json_fields.h"
#include "base/result.h"
#include "base/secret.h"

namespace writ::core {

// One login that should exist in a target now: the provisioned form of one grant.
struct DesiredAccount {
  std::string grant;        // grant id
  std::string login;        // account name in the target, at most 63 bytes, never reused
  std::string entitlement;  // entitlement name, "pg-main/orders/reader"
  std::string database;     // where the entitlement lies, "orders"
  std::vector<std::string> membership;  // roles of the target that the entitlement stands for
  std::vector<std::string> privileges;  // or privileges from which the connector makes one role:
                                        // "SELECT ON TABLE public.orders", …
  std::string verifier;  // what proves the login's secret, e.g. a SCRAM verifier; never the
                         // secret itself
  Time until;            // the target enforces this end too, where it can
  int connection_limit = 10;
};
template <class V>
void fields(V& v, DesiredAccount& a) {
  v("grant", a.grant);
  v("login", a.login);
  v("entitlement", a.entitlement);
  v("database", a.database);
  v("membership", a.membership);
  v("privileges", a.privileges);
  v("verifier", a.verifier);
  v("until", a.until);
  v("connection_limit", a.connection_limit);
}

// What was seen in a target.
struct ObservedAccount {
  std::string login;
  std::optional<std::string> grant;  // set when Writ made this account: the grant's id
  bool can_login = true;
  bool superuser = false;
  bool has_password = false;  // a standing secret that Writ did not issue
  std::optional<Time> valid_until;
  std::optional<Time> last_use;    // where the target tells
  std::vector<std::string> owned;  // objects that it owns, "orders: function public.f()"
};
template <class V>
void fields(V& v, ObservedAccount& a) {
  v("login", a.login);
  v("grant", a.grant);
  v("can_login", a.can_login);
  v("superuser", a.superuser);
  v("has_password", a.has_password);
  v("valid_until", a.valid_until);
  v("last_use", a.last_use);
  v("owned", a.owned);
}

struct ObservedHolding {
  std::string login;
  std::string what;      // "member of orders_reader", "SELECT ON TABLE public.orders", "superuser"
  std::string resource;  // "pg-main/orders"; the target itself for what lies above databases
};
template <class V>
void fields(V& v, ObservedHolding& h) {
  v("login", h.login);
  v("what", h.what);
  v("resource", h.resource);
}

struct ObservedSession {
  std::string login;
  std::int64_t backend = 0;  // the target's own number for it (PostgreSQL: pid)
  std::string database;
  std::string client;  // address
  std::string application;
  Time since;
};
template <class V>
void fields(V& v, ObservedSession& s) {
  v("login", s.login);
  v("backend", s.backend);
  v("database", s.database);
  v("client", s.client);
  v("application", s.application);
  v("since", s.since);
}

struct Observed {
  std::vector<ObservedAccount> accounts;
  std::vector<ObservedHolding> holdings;
  std::vector<ObservedSession> sessions;
};

enum class StepKind {
  kProvision,      // make the account as desired, or bring it there
  kRetire,         // end the account: no login, sessions gone, traces quarantined, account dropped
  kDisableSecret,  // remedy: an account keeps existing, but its standing password is gone
};
constexpr auto enum_names(StepKind) {
  return std::to_array<std::string_view>({"provision", "retire", "disable_secret"});
}

// One change to a target; in the journal before it is taken.
struct Step {
  StepKind kind = StepKind::kProvision;
  std::string login;
  std::optional<DesiredAccount> account;  // for kProvision
};
template <class V>
void fields(V& v, Step& s) {
  v("kind", s.kind);
  v("login", s.login);
  v("account", s.account);
}

// What a step left behind, for the evidence.
struct StepOutcome {
  bool gone = false;  // kRetire: read back, and the account is not there any more
  int sessions_ended = 0;
  std::vector<std::string> quarantined;  // objects taken from the login, "function public.f()"
};
template <class V>
void fields(V& v, StepOutcome& o) {
  v("gone", o.gone);
  v("sessions_ended", o.sessions_ended);
  v("quarantined", o.quarantined);
}

// From where, with what and when an account was used, as far as observation saw it; what would
// break without its secret.
struct ObservedUse {
  std::string database;
  std::string client;       // address; empty for a local socket
  std::string application;  // as the client called itself
  Time first;
  Time last;
  bool live = false;  // a session is open now
};
template <class V>
void fields(V& v, ObservedUse& u) {
  v("database", u.database);
  v("client", u.client);
  v("application", u.application);
  v("first", u.first);
  v("last", u.last);
  v("live", u.live);
}

enum class Probe { kRefused, kAccepted };

// A connection to one target. Not thread-safe: one reconciler thread owns it. Calls block, each for
// at most the time-out given at construction (default 10 s); kUnavailable when the target cannot
// be reached.
class Target {
 public:
  virtual ~Target() = default;

  virtual Result<Observed> observe() = 0;
  // Only the accounts of these logins; cheap, for reading back after a step.
  virtual Result<std::vector<ObservedAccount>> observe(const std::vector<std::string>& logins) = 0;
  // Steps that bring what is observed to what is desired. Accounts that Writ did not make are never
  // planned for. Pure.
  virtual std::vector<Step> plan(const std::vector<DesiredAccount>& desired,
                                 const std::vector<ObservedAccount>& observed) const = 0;
  // kConflict when a step with a newer fence was seen.
  virtual Result<StepOutcome> apply(const Step& step, std::uint64_t fence) = 0;
  // Several steps under one fence; answers one outcome for each, in their order. What one step runs
  // into does not stop the others. A target that can take steps together overrides this.
  virtual std::vector<Result<StepOutcome>> apply_all(const std::vector<Step>& steps,
                                                     std::uint64_t fence);
  // Tries to log in with the secret itself. Only a definite refusal of these credentials counts as
  // refused; an unreachable target is an error.
  virtual Result<Probe> probe(const std::string& login, const std::string& database,
                              const Secret& secret) = 0;
  // How an account was used, latest first, at most 50; what a remedy shows before it acts. Empty
  // when the target tells nothing.
  virtual Result<std::vector<ObservedUse>> uses(const std::string& login);
};

// The secret of a grant's login, the same on every call: HMAC-SHA-256(target key, grant id) in
// base64url. Doors and the server derive it; it is never stored and never sent. Declared here,
// because both sides must agree; `hmac` is crypto::hmac_sha256, passed in to keep this room pure.
using Hmac = std::string (*)(std::string_view key, std::string_view message);
Secret login_secret(const Secret& target_key, std::string_view grant, Hmac hmac);

}  // namespace writ::core
