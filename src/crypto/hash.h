// SHA-256 (FIPS 180-4), HMAC (RFC 2104), PBKDF2 (RFC 8018 section 5.2) and HKDF (RFC 5869).
//
// All functions are thread-safe. They cannot fail on any input; where OpenSSL itself fails (out of
// memory) the process ends, since no caller could go on with a wrong digest.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/secret.h"

namespace writ::crypto {

Hash sha256(std::string_view bytes);

// A digest taken in pieces. After `finish` it starts anew. Not thread-safe; movable.
class Sha256 {
 public:
  Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;
  ~Sha256();

  Sha256& update(std::string_view bytes);
  Hash finish();

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

Hash hmac_sha256(std::string_view key, std::string_view message);

// `iterations` and `length` must be at least 1.
Secret pbkdf2_sha256(std::string_view password, std::string_view salt, unsigned iterations,
                     std::size_t length = 32);

// Extract and expand; `length` at most 8160.
Secret hkdf_sha256(std::string_view key_material, std::string_view salt, std::string_view purpose,
                   std::size_t length = 32);

}  // namespace writ::crypto
