// Genesis: the first events of a trust domain. They fix its name, its keys, and who administers it:
// two persons, or one alone with a permanent finding.
//
// Invariant: what `found` yields folds into a State in which the founders may change policy.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "core/command.h"
#include "core/policy_text.h"

namespace writ::core {

// Who opens the founders' enrolments: nobody is there yet who could confirm them.
constexpr std::string_view kFoundersTickets = "server";
// The group that the founders are put in, and that `default_policies` lets administer.
constexpr std::string_view kAdministrators = "administrators";

struct Founding {
  std::string trust_domain;  // a DNS name
  std::string engine;
  std::string constitution;
  std::string journal_key;
  std::string ca;
  std::vector<std::string> administrators;  // names: two, or one for a solo domain
  std::vector<PolicyFile> policies;         // usually {"default.cedar", default_policies()}
};

// New enrollments for administrators who never enrolled a device that may be believed, for when the
// founders' tickets are over: {"codes": {NAME: code}}. kConflict when as many as must be can open
// enrolments themselves.
Result<Outcome> reopen_tickets(const State& state, const Outside& outside);

// Genesis, the administrators' group, its members, the policies, one enrollment each, and the
// finding "solo_administration" for one alone. The result has {"codes": {NAME: one-time code}}.
// kInvalid for names that cannot be, or policies that would not let the founders administer.
Result<Outcome> found(const Founding& founding, const Outside& outside);

}  // namespace writ::core
