// Time-based one-time passwords (RFC 6238): SHA-1, 6 digits, 30 seconds.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/random.h"
#include "base/secret.h"

namespace writ::crypto {

// 20 random bytes.
Secret new_totp_key(Random& random);

// The time step that `now` is in.
std::int64_t totp_step(Time now);
// The six digits of that step.
Secret totp_code(const Secret& key, std::int64_t step);

// The step that `code` belongs to, of the current one and its two neighbours; empty when it is
// none of them. The caller refuses a step at or below the last one used, so that each code works
// once, and counts failures.
std::optional<std::int64_t> verify_totp(const Secret& key, std::string_view code, Time now);

// "otpauth://totp/ISSUER:ACCOUNT?secret=…&issuer=…", as authenticator applications read it.
Secret totp_uri(const Secret& key, std::string_view issuer, std::string_view account);

}  // namespace writ::crypto
