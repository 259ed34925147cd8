// Who may approve, and what an approval must show. Internal to the room.
//
// Invariant: approver, requester and beneficiary are different persons, also through what they own.
#pragma once

#include "core/call.h"

namespace writ::core {

// Ok when this person may decide on a pending request or change at all; kDenied with the rule.
Status may_approve(const State& state, const Request& request, std::string_view approver, Time now);
Status may_approve(const State& state, const Change& change, std::string_view approver, Time now);

// The pending request's approvals that count now: from persons who could still give them.
std::vector<const Approval*> counting_approvals(const State& state, const Request& request,
                                                Time now);

}  // namespace writ::core
