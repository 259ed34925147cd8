// Logins: what the account of a grant is called in its target, "writ_NAME_SUFFIX", so that the
// target's own log names the person.
//
// Invariant: names are personal, so no event, snapshot or decision holds the login of a grant. It
// follows from the sealed name, of which State knows what is needed, and the grant's id. What must
// be recorded about an account stands there as "writ_*_SUFFIX".
#pragma once

#include <string>
#include <string_view>

#include "core/state.h"

namespace writ::core {

// "writ_NAME_" of a name, at most 57 bytes of a-z 0-9 _. The name of whoever is erased is "erased".
std::string login_stem(std::string_view name);
// The last 6 characters of a grant's id, or all of a shorter one.
std::string_view login_suffix(std::string_view grant_id);

std::string login_of(const State& state, const Grant& grant);

// The recorded form of a login that Writ made; any other text stays as it is.
std::string recorded_login(std::string_view login);

// The text with the recorded form wherever it says the login.
std::string without_login(std::string text, std::string_view login);

// The step as it is recorded: without logins of Writ's making.
Step recorded_step(Step step);

}  // namespace writ::core
