// JSON Web Tokens (RFC 7519) signed with ES256 (RFC 7515, RFC 7518 section 3.4), with the signer's
// certificate chain in the header ("x5c"): who trusts the authority needs no other key.
#pragma once

#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"
#include "crypto/key.h"

namespace writ::crypto {

// `chain_pem`: the certificate of the key first. kInvalid when it is not, and for keys that are not
// on P-256.
Result<std::string> sign_jwt(const PrivateKey& key, std::string_view chain_pem, const Json& claims);

// The claims of a token that this key signed. kUnauthenticated for every other token, kInvalid for
// what is no token or has another algorithm. Checks neither times nor the chain.
Result<Json> verify_jwt(const PublicKey& key, std::string_view token);

}  // namespace writ::crypto
