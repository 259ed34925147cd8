// Sealing: AES-256-GCM (NIST SP 800-38D) with a random 96-bit nonce. One key seals at most 2^32
// messages. Format: 12 bytes nonce, ciphertext, 16 bytes tag.
#pragma once

#include <string>
#include <string_view>

#include "base/random.h"
#include "base/result.h"
#include "base/secret.h"

namespace writ::crypto {

// Seals `plaintext`; `associated` is authenticated but not stored. `key` is 32 bytes (kInvalid
// otherwise).
Result<std::string> seal(const Secret& key, std::string_view plaintext, std::string_view associated,
                         Random& random);
// kCorrupt when key, associated bytes or sealed bytes are not those of the sealing.
Result<Secret> open(const Secret& key, std::string_view sealed, std::string_view associated);

// A new random key for `seal`.
Secret new_data_key(Random& random);

// The key that seals other keys. It rests in a file of its own, apart from what it protects:
// 64 hex digits and a newline, mode 0600. Thread-safe.
class KeyEncryptionKey {
 public:
  // Creates the file; kExists when there is one.
  static Result<KeyEncryptionKey> create(const std::string& path, Random& random);
  // kDenied when anyone but its owner may read or write the file.
  static Result<KeyEncryptionKey> load(const std::string& path);

  // `name` says which key it is ("subject/usr_…"): a wrapped key opens under its own name only.
  Result<std::string> wrap(const Secret& data_key, std::string_view name, Random& random) const;
  Result<Secret> unwrap(std::string_view wrapped, std::string_view name) const;

 private:
  explicit KeyEncryptionKey(Secret key) : key_(std::move(key)) {}

  Secret key_;
};

}  // namespace writ::crypto
