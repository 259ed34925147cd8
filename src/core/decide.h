// decide: the one function that says whether a request is allowed, for people and machines, doors
// and administration alike. Reads a snapshot; never blocks; every doubt is a deny. Deciding a
// connect that is allowed allocates nothing, as long as policies read of `context` only now,
// source_ip, approvals, duration, and of auth neither device nor credential.
//
// connect    allowed by a live grant of this subject and entitlement whose offer still matches,
// when
//            no forbid matches or fails. A permit that covers `connect` is no login yet: the answer
//            is then a denial with needs "baseline_grant", and `policies` names the permit.
// request    allowed by an offer that matches.
// the rest   allowed by a permit, on Writ::System ("system") or the thing that is named.
//
// The constitution comes before policy: whoever is not active is denied, and so is a certificate
// that is unknown, revoked, over, of another identity or of a removed device; agents neither
// approve nor administer; nobody approves what they ask for or get; a door speaks only for the
// targets that it stands before.
//
// Applications: a resource type that is not Writ's belongs to the asking door. With the door's
// namespace N (namespace_of, entities.h; "todo-app" is TodoApp), type "list" is N::list, action
// "read" is N::Action::"read", the subject stays a Writ identity. A type or action may be written
// with its N:: too, and never with another's. `asserted` may then have "resource" (attributes of
// that entity), and "context" and "action" (members of the context), as far as the schema of N lets
// its door assert them (application_schema.h); anything else there is a denial. For Writ's own
// types `asserted` must be null.
//
// The subject may be the application's too: with subject_type "user" it is N::user, no identity of
// Writ's, and `asserted` may have "subject". What policy files say of an entity (policy.h), no door
// asserts otherwise: of two values of an attribute, that of the files holds.
#pragma once

#include <boost/container/small_vector.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/state.h"

namespace writ::core {

// What is asked. Only what the asker saw itself is in here; all that Writ knows comes from State.
struct Question {
  std::string subject;        // identity id; of an application's subject its own id
  std::string subject_type;   // "" for identities; else a type of the asking door's application
  std::string action;         // "connect", "request", an administrative verb, or NAMESPACE::…
  std::string resource_type;  // "entitlement", "system", "grant", …; or an application's type
  std::string resource;       // its name or id
  std::string credential;     // serial of the certificate that the subject showed; "" inside Writ
  std::string source_ip;
  std::string door;   // identity id of the asking door; "" when the subject asks itself
  std::string grant;  // the grant that a connect wants to use; "" for any
  std::vector<std::string> actors;  // chain: who acts for the subject; empty when it acts itself
  std::optional<Millis> duration;   // of a request
  int approvals = 0;                // given so far, for a request
  // Of an approval: whose request or change it is, and who would get access by it; identity ids.
  std::string requester;
  std::string beneficiary;
  Json asserted;  // attributes that a door asserts; never of Writ's own types
};

// Its views are of texts in the State that decided: they live as long as that State, unchanged.
struct Decision {
  bool allow = false;
  boost::container::small_vector<std::string_view, 4> policies;  // ids of those that decided
  std::string_view grant;                                        // of an allowed connect
  std::string_view login_stem;                                   // what its login begins with
  std::string_view database;
  std::optional<Time> until;
  Millis autonomy{0};
  std::vector<std::string> errors;  // "policy-id: message"
  std::vector<std::string> needs;  // "grant", "baseline_grant", "mfa", "approval": what is missing,
                                   // as far as the asker may know
  std::string message;             // one sentence for a person, with the next command on a denial

  std::string login() const;  // the account of the grant; "" without one
};
// What decided: "grant grt_…" of an allowed connect, and the ids of policies.
std::vector<std::string> reason_of(const Decision& decision);

// `now` is not before state.time.
Decision decide(const State& state, const Question& question, Time now);
// Each as `decide` would, in order. Questions that came together wait for memory together.
std::vector<Decision> decide_together(const State& state,
                                      std::span<const Question* const> questions, Time now);

// An offer that an identity may take up, and on which terms.
struct Offer {
  std::string policy;
  Terms terms;  // already bounded by the tier's ceiling
};
// The offers of an entitlement that match this identity now; one whose terms are a subset of
// another's hides that one. Empty: it may not ask.
std::vector<Offer> offers_for(const State& state, std::string_view identity,
                              std::string_view entitlement, Time now);
// Whether the policy that gave a grant still gives it.
bool still_offered(const State& state, const Grant& grant, Time now);

// The static permit that a grant stands for, as Cedar text.
std::string print_permit(const State& state, const Grant& grant);

}  // namespace writ::core
