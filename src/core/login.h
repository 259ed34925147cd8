// Logins: what the account of a grant is called in its target, "writ_NAME_SUFFIX", so that the
// target's own log names the person.
//
// Invariant: names are personal, so no event, snapshot or decision holds the login of a grant. It
// follows from the sealed name and the grant's id, and is computed anew whenever State is made.
// What must be recorded about an account stands there as "writ_*_SUFFIX".
#pragma once

#include <string>
#include <string_view>

#include "core/state.h"

namespace writ::core {

// At most 63 bytes of a-z 0-9 _; SUFFIX is the last 6 characters of the grant's id.
std::string login_of(std::string_view name, std::string_view grant_id);

std::string_view login_suffix(std::string_view grant_id);

// The same for a beneficiary; with "erased" for the name of whoever is erased. Fails when the name
// is there but cannot be read.
Result<std::string> login_of(const State& state, const Sealer& sealer, std::string_view beneficiary,
                             std::string_view grant_id);

// The recorded form of a login that Writ made; any other text stays as it is.
std::string recorded_login(std::string_view login);

// The text with the recorded form wherever it says the login.
std::string without_login(std::string text, std::string_view login);

// The step as it is recorded: without logins of Writ's making.
Step recorded_step(Step step);

}  // namespace writ::core
