// Signing keys: Ed25519 (RFC 8032) and ECDSA on P-256 with SHA-256 (FIPS 186-5, DER signatures).
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"
#include "base/secret.h"

namespace writ::crypto {

enum class KeyKind { kEd25519, kP256 };
constexpr auto enum_names(KeyKind) {
  return std::to_array<std::string_view>({"ed25519", "p256"});
}

// A public key of one of the two kinds. A value: copies share the parsed key. Thread-safe.
class PublicKey {
 public:
  // DER SubjectPublicKeyInfo (RFC 5280 section 4.1), without trailing bytes. Keys of other kinds
  // and points off the curve are kInvalid.
  static Result<PublicKey> from_der(std::string_view spki);
  // One "PUBLIC KEY" block.
  static Result<PublicKey> from_pem(std::string_view pem);
  // The 32 raw bytes of an Ed25519 key.
  static Result<PublicKey> from_ed25519(std::string_view raw);

  KeyKind kind() const { return kind_; }
  const std::string& der() const { return der_; }  // SubjectPublicKeyInfo
  std::string pem() const;
  // The 32 raw bytes; kInvalid for another kind.
  Result<std::string> ed25519() const;
  // SHA-256 of der().
  Hash fingerprint() const;

  // kUnauthenticated unless `signature` is one by this key over exactly `message`.
  Status verify(std::string_view message, std::string_view signature) const;

  bool operator==(const PublicKey& other) const { return der_ == other.der_; }

 private:
  friend class PrivateKey;
  friend struct NativeKey;
  PublicKey() = default;

  KeyKind kind_ = KeyKind::kEd25519;
  std::string der_;
  std::shared_ptr<void> native_;  // EVP_PKEY
};

// Whatever can sign: a key in memory, a separate process, a token. Thread-safe.
class Signer {
 public:
  virtual ~Signer() = default;
  // A signature over `message` that public_key().verify accepts.
  virtual Result<std::string> sign(std::string_view message) const = 0;
  virtual const PublicKey& public_key() const = 0;
};

// A key in this process's memory. Movable, not copyable. Thread-safe.
class PrivateKey final : public Signer {
 public:
  static Result<PrivateKey> generate(KeyKind kind);
  // One unencrypted PKCS#8 "PRIVATE KEY" block (RFC 5958).
  static Result<PrivateKey> from_pem(const Secret& pem);
  Secret to_pem() const;

  Result<std::string> sign(std::string_view message) const override;
  const PublicKey& public_key() const override { return public_key_; }

 private:
  friend struct NativeKey;
  PrivateKey() = default;

  std::shared_ptr<void> native_;  // EVP_PKEY with the private part
  PublicKey public_key_;
};

}  // namespace writ::crypto
