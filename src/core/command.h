// Commands: what may be asked of Writ, checked against policy and state, yielding events or an
// error. Pure: time, randomness and sealing are passed in; nothing is written here.
//
// A command has a verb and a body; the API carries both as JSON and this room decodes the body. A
// command that law 4 names (policy, targets, doors, keys, administrators) is not carried out when
// one person sends it: it becomes a Change, and a second administrator's signed approval carries it
// out.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "core/policy_text.h"
#include "core/state.h"

namespace writ::core {

// Who sends the command, as the transport proved it.
struct Actor {
  std::string identity;            // id
  std::vector<std::string> chain;  // identities that it acts for, outermost last; usually empty
  std::string device;              // whose key signed the TLS handshake
  std::string credential;          // certificate serial
  std::string source_ip;
};

// What commands need from outside.
struct Outside {
  Time now;
  Random& random;
  Sealer& sealer;
  // SHA-256 as lower-case hex; passed in because this room does no cryptography.
  std::string (*sha256_hex)(std::string_view);
  // True when `signature` (base64) is by the device key (base64 SPKI) over `statement`.
  bool (*verify)(std::string_view public_key, std::string_view statement,
                 std::string_view signature);
  // Policies that were checked and compiled before, off the thread that runs commands: taken when
  // their hash is that of the files in question. See `compiled_ahead`.
  std::shared_ptr<const Policies> compiled{};
};

// The events of a command, and what to tell the sender.
struct Outcome {
  std::vector<EventData> events;
  Json result;                              // shape by verb, documented in docs/api.md
  std::vector<std::string> erase_subjects;  // subject keys to destroy in the same transaction
};

// Runs one command. Errors are for the sender; nothing happens then.
//   kInvalid    the body, with a JSON pointer into it
//   kDenied     policy or constitution, with the policy or rule
//   kNotFound   unknown names, with the nearest ones that the sender may know of
//   kConflict   not in this state (already decided, changed since it was shown, …)
//   kExhausted  a bound: pending requests per identity (20), …
Result<Outcome> run_command(const State& state, const Actor& actor, std::string_view verb,
                            const Json& body, const Outside& outside);

// The policies that a command would have to check and compile, so that another thread can do it
// before; null when it would need none. Errors are those of the command itself. Costs what they
// cost.
Result<std::shared_ptr<const Policies>> compiled_ahead(const State& state, std::string_view verb,
                                                       const Json& body,
                                                       std::string (*sha256_hex)(std::string_view));

// What an error's `where` says when the command would go through after the sender shows a second
// factor (a fresh one-time code) and sends it again. The code is kDenied then.
constexpr std::string_view kNeedsSecondFactor = "mfa";

// All verbs, with one line of help each.
struct Verb {
  std::string_view name;
  std::string_view help;
  bool two_persons;
};
const std::vector<Verb>& verbs();

// What an enrollment's `code_hash` is, from the code as a person typed it: case, spaces and dashes
// do not count.
std::string enrollment_code_hash(std::string_view typed,
                                 std::string (*sha256_hex)(std::string_view));

// Exactly what an approver sees and signs: canonical JSON over everything that the approval is
// about (request or change, whole), the approver, and the decision. kNotFound when it is not
// pending.
Result<std::string> approval_statement(const State& state, const Sealer& sealer,
                                       std::string_view id, std::string_view approver,
                                       bool approve);

// Ok when this person may decide on the pending request or change; kNotFound when none is pending.
Status may_approve(const State& state, std::string_view id, std::string_view approver, Time now);

// What the passing of time makes due at `now`: ends of grants, requests, memberships, changes,
// devices, certificates, enrollments. Costs what is due, not what exists. Also the finding
// "administration_ends" while fewer administrators than must be have a membership for 14 days more.
std::vector<EventData> due(const State& state, Time now);
// When the next thing becomes due; empty when nothing has an end. O(log n) or better.
std::optional<Time> next_end(const State& state);

// Grants whose offer no longer matches, after a change of policy, memberships or identities:
// `grant_revoking` with reason offer_lost. Costs the live grants; run after such events only.
std::vector<EventData> lost_offers(const State& state, Time now);
// Live grants with an open session whose connect policies allowed `before`, and deny `after`, by
// id. Both are asked now, with the facts that the session was opened with, so that what merely aged
// since (a code, a certificate) takes nothing; where a code aged, also as if it were fresh. Costs
// the open sessions.
std::vector<std::string> denied_sessions(const State& state,
                                         const std::shared_ptr<const Policies>& before,
                                         const std::shared_ptr<const Policies>& after, Time now);
// What the change from the policies `before` to those in force takes: lost_offers, and
// denied_sessions with reason policy_changed; each grant once.
std::vector<EventData> lost_by_policy(const State& state,
                                      const std::shared_ptr<const Policies>& before, Time now);
// The same of these sessions alone, which were let in before the change and reported after it.
std::vector<EventData> lost_of_late(const State& state, const std::vector<std::string>& sessions,
                                    const std::shared_ptr<const Policies>& before, Time now);

// ---- What targets should hold ----

// The accounts that should exist in a target now (activating and active grants), without their
// verifiers; and the logins that must end (revoking grants).
struct Desired {
  std::vector<DesiredAccount> accounts;
  std::vector<std::pair<std::string, std::string>> ending;  // grant id, login
};
Desired desired_of(const State& state, std::string_view target, Time now);
// The account of one live grant, without its verifier; its end is `until`, or while activating
// `now` and the duration. kNotFound when its entitlement is gone.
Result<DesiredAccount> desired_account(const State& state, const Grant& grant, Time now);

// ---- Facts that Writ itself reports ----

// The grant's account is in place: the clock starts. Empty if the grant is not activating.
std::vector<EventData> on_provisioned(const State& state, std::string_view grant, Time now);
std::vector<EventData> on_try_failed(const State& state, std::string_view grant,
                                     std::string_view error);
// At most so many bytes of a text from outside, cut between characters; for what is no UTF-8 a text
// that says so.
std::string cut_text(std::string_view text, std::size_t most);

// The account was read back as gone and its secret was refused.
std::vector<EventData> on_gone(const State& state, std::string_view grant, const StepOutcome& seen);
// Holdings, findings and their end, from one whole observation of a target. Empty when nothing
// changed. Accounts are explained by live grants, the connector, and nothing else.
std::vector<EventData> on_observed(const State& state, const TargetSystem& target,
                                   const Observed& observed, Time now, Random& random);

}  // namespace writ::core
