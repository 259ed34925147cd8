// Approvers: who decides on requests for an entitlement, by the terms of the offers that there are
// of it. What policies and the constitution say of approving is still to be asked.
// Internal to the room.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/narrow.h"

namespace writ::core {

// The offers of an entitlement, to whomever, whose terms leave it to this person to approve.
std::vector<Offer> offers_to_approve(const State& state, std::string_view entitlement,
                                     std::string_view person, Time now);

// Whoever decides under some offer of this entitlement is among them.
std::vector<std::string> deciders_of(const State& state, std::string_view entitlement, Time now);
// The entitlements on whose requests this identity decides under some offer are among them.
Candidates decided_by(const State& state, std::string_view identity, Time now);

}  // namespace writ::core
