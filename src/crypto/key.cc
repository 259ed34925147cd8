#include "crypto/key.h"

#include "crypto/hash.h"
#include "crypto/openssl.h"

namespace writ::crypto {
namespace {

using namespace std::string_view_literals;

// The only accepted encodings, up to the key's own bytes: RFC 8410 section 4, and RFC 5480 section
// 2 with the named curve and an uncompressed point. So equal keys have equal DER.
constexpr std::string_view kEd25519Prefix = "\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00"sv;
constexpr std::string_view kP256Prefix =
    "\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07"
    "\x03\x42\x00\x04"sv;

Result<KeyKind> kind_of(std::string_view spki) {
  if (spki.starts_with(kEd25519Prefix) && spki.size() == kEd25519Prefix.size() + 32) {
    return KeyKind::kEd25519;
  }
  if (spki.starts_with(kP256Prefix) && spki.size() == kP256Prefix.size() + 64) {
    return KeyKind::kP256;
  }
  return fail(Code::kInvalid, "this is neither an Ed25519 nor a P-256 public key");
}

const EVP_MD* digest_for(KeyKind kind) {
  static EVP_MD* const sha256_digest = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  return kind == KeyKind::kP256 ? sha256_digest : nullptr;  // Ed25519 hashes by itself
}

}  // namespace

Result<PublicKey> PublicKey::from_der(std::string_view spki) {
  TRY(kind, kind_of(spki));
  const unsigned char* at = bytes_of(spki);
  EVP_PKEY* native = d2i_PUBKEY(nullptr, &at, static_cast<long>(spki.size()));
  if (native == nullptr) {
    return fail(Code::kInvalid, "the public key is not valid: " + openssl_reason());
  }
  PublicKey key;
  key.kind_ = kind;
  key.der_ = spki;
  key.native_ = std::shared_ptr<EVP_PKEY>(native, Free<EVP_PKEY_free>{});
  return key;
}

Result<PublicKey> PublicKey::from_pem(std::string_view pem) {
  TRY(der, pem_to_der(pem, "PUBLIC KEY"));
  return from_der(der.reveal());
}

Result<PublicKey> PublicKey::from_ed25519(std::string_view raw) {
  if (raw.size() != 32) {
    return fail(Code::kInvalid,
                "an Ed25519 public key is 32 bytes, not " + std::to_string(raw.size()));
  }
  return from_der(std::string(kEd25519Prefix).append(raw));
}

std::string PublicKey::pem() const {
  return der_to_pem(der_, "PUBLIC KEY");
}

Result<std::string> PublicKey::ed25519() const {
  if (kind_ != KeyKind::kEd25519) return fail(Code::kInvalid, "this is no Ed25519 key");
  return der_.substr(kEd25519Prefix.size());
}

Hash PublicKey::fingerprint() const {
  return sha256(der_);
}

Status PublicKey::verify(std::string_view message, std::string_view signature) const {
  const DigestPtr context(EVP_MD_CTX_new());
  must(context != nullptr, "allocating");
  const bool good = EVP_DigestVerifyInit(context.get(), nullptr, digest_for(kind_), nullptr,
                                         static_cast<EVP_PKEY*>(native_.get())) == 1 &&
                    EVP_DigestVerify(context.get(), bytes_of(signature), signature.size(),
                                     bytes_of(message), message.size()) == 1;
  ERR_clear_error();
  if (!good) return fail(Code::kUnauthenticated, "the signature is not one by this key over this");
  return {};
}

Result<PublicKey> NativeKey::public_of(EVP_PKEY* key) {
  return PublicKey::from_der(der_of<EVP_PKEY>(key, i2d_PUBKEY));
}

Result<PrivateKey> PrivateKey::generate(KeyKind kind) {
  EVP_PKEY* native = kind == KeyKind::kEd25519 ? EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519")
                                               : EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256");
  if (native == nullptr) {
    return fail(Code::kInternal, "generating a key failed: " + openssl_reason());
  }
  PrivateKey key;
  key.native_ = std::shared_ptr<EVP_PKEY>(native, Free<EVP_PKEY_free>{});
  TRY(public_key, NativeKey::public_of(native));
  key.public_key_ = std::move(public_key);
  return key;
}

Result<PrivateKey> PrivateKey::from_pem(const Secret& pem) {
  TRY(der, pem_to_der(pem.reveal(), "PRIVATE KEY"));
  const unsigned char* at = bytes_of(der.reveal());
  const unsigned char* const end = at + der.reveal().size();
  EVP_PKEY* native = d2i_AutoPrivateKey(nullptr, &at, static_cast<long>(der.reveal().size()));
  if (native == nullptr) {
    return fail(Code::kInvalid, "the private key is not valid: " + openssl_reason());
  }
  PrivateKey key;
  key.native_ = std::shared_ptr<EVP_PKEY>(native, Free<EVP_PKEY_free>{});
  if (at != end) return fail(Code::kInvalid, "bytes follow the private key");
  TRY(public_key, NativeKey::public_of(native));
  key.public_key_ = std::move(public_key);
  // The file may state a public part of its own; a wrong one would sign for nobody.
  const PkeyContextPtr check(EVP_PKEY_CTX_new(native, nullptr));
  if (!check || EVP_PKEY_pairwise_check(check.get()) != 1) {
    return fail(Code::kInvalid, "the private key does not match its public part");
  }
  return key;
}

Secret PrivateKey::to_pem() const {
  auto* native = static_cast<EVP_PKEY*>(native_.get());
  using Pkcs8Ptr = std::unique_ptr<PKCS8_PRIV_KEY_INFO, Free<PKCS8_PRIV_KEY_INFO_free>>;
  const Pkcs8Ptr info(EVP_PKEY2PKCS8(native));
  must(info != nullptr, "encoding a private key");
  const Secret der(der_of<PKCS8_PRIV_KEY_INFO>(info.get(), i2d_PKCS8_PRIV_KEY_INFO));
  return Secret(der_to_pem(der.reveal(), "PRIVATE KEY"));
}

Result<std::string> PrivateKey::sign(std::string_view message) const {
  const DigestPtr context(EVP_MD_CTX_new());
  must(context != nullptr, "allocating");
  std::size_t size = 128;  // Ed25519: 64; P-256: at most 72
  std::string signature(size, '\0');
  if (EVP_DigestSignInit(context.get(), nullptr, digest_for(public_key_.kind()), nullptr,
                         static_cast<EVP_PKEY*>(native_.get())) != 1 ||
      EVP_DigestSign(context.get(), bytes_of(signature), &size, bytes_of(message),
                     message.size()) != 1) {
    return fail(Code::kInternal, "signing failed: " + openssl_reason());
  }
  signature.resize(size);
  return signature;
}

}  // namespace writ::crypto
