// X.509 certificates (RFC 5280) as X.509-SVIDs (SPIFFE X509-SVID.md): who a connection speaks for
// is the one SPIFFE URI in its leaf certificate, and nothing else in it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/random.h"
#include "base/result.h"
#include "crypto/key.h"

namespace writ::crypto {

// kInvalid unless `text` is a SPIFFE ID (SPIFFE-ID.md section 2): "spiffe://", a trust domain of
// [a-z0-9._-], and path segments of [A-Za-z0-9._-] that are neither empty, "." nor ".."; at most
// 2048 bytes.
Status check_spiffe_id(std::string_view text);
// "spiffe://example.org/user/1" → "example.org"; `id` must be a SPIFFE ID.
std::string_view trust_domain_of(std::string_view id);

// One certificate, parsed once. A value; copies are deep and thread-safe to read.
class Certificate {
 public:
  // Exactly one certificate; trailing bytes are kInvalid. At most 64 KB.
  static Result<Certificate> from_der(std::string_view der);
  static Result<Certificate> from_pem(std::string_view pem);
  // One or more blocks, leaf first, at most 8; other text between them is kInvalid.
  static Result<std::vector<Certificate>> chain_from_pem(std::string_view pem);

  // The URI SAN when there is exactly one and it is a SPIFFE ID; else empty.
  const std::string& spiffe_id() const { return spiffe_id_; }
  const std::vector<std::string>& dns_names() const { return dns_names_; }
  const std::vector<std::string>& ip_addresses() const { return ip_addresses_; }  // text form
  const std::string& serial() const { return serial_; }    // lower-case hex, no leading zeros
  const std::string& subject() const { return subject_; }  // common name; for people only
  Time not_before() const { return not_before_; }
  Time not_after() const { return not_after_; }
  bool is_authority() const { return is_authority_; }
  const PublicKey& public_key() const { return *public_key_; }
  // False for a foreign key kind (RSA and so on); public_key() must not be called then.
  bool has_known_key() const { return public_key_.has_value(); }
  Hash fingerprint() const { return fingerprint_; }  // SHA-256 of der()
  const std::string& der() const { return der_; }
  std::string pem() const;
  // The hash of RFC 5929 section 4.1 (tls-server-end-point), for SCRAM channel binding: SHA-256
  // where the certificate is signed with MD5, SHA-1 or SHA-256, else its own hash. kInvalid for
  // signatures without a hash (Ed25519), for which the binding is undefined.
  Result<std::string> end_point_hash() const;

 private:
  Certificate() = default;

  std::string der_;
  std::string spiffe_id_;
  std::vector<std::string> dns_names_;
  std::vector<std::string> ip_addresses_;
  std::string serial_;
  std::string subject_;
  Time not_before_;
  Time not_after_;
  bool is_authority_ = false;
  std::optional<PublicKey> public_key_;
  Hash fingerprint_{};
};

enum class CertificateUsage { kClient, kServer, kBoth };

// kUnauthenticated unless chain[0] is a valid X.509-SVID leaf now: a path to one of `roots`
// through chain[1..], inside every validity period (no skew is tolerated), the extended key usage
// asked for, no authority, exactly one URI SAN, which is a SPIFFE ID in the trust domain of the
// root (when the root names one).
Status verify(const std::vector<Certificate>& chain, const std::vector<Certificate>& roots,
              Time now, CertificateUsage usage);

// What a leaf certificate is to say. Times are cut to whole seconds (X.509 has no finer ones).
struct CertificateTemplate {
  PublicKey public_key;
  std::string spiffe_id;
  std::string common_name;  // for people, at most 64 bytes; may be empty
  std::vector<std::string> dns_names;
  std::vector<std::string> ip_addresses;  // "127.0.0.1", "::1"
  Time not_before;
  Time not_after;
  CertificateUsage usage = CertificateUsage::kClient;
};

// Issues leaves below one root of its own. `signer` must outlive it. Thread-safe.
class CertificateAuthority {
 public:
  // A new self-signed root for `spiffe://TRUST-DOMAIN`, path length 0.
  static Result<CertificateAuthority> create(const Signer& signer, std::string_view trust_domain,
                                             Time not_before, Time not_after, Random& random);
  // An existing root; kInvalid when its key is not `signer`'s.
  static Result<CertificateAuthority> open(const Signer& signer, std::string_view root_pem);

  // A leaf with a random 128-bit serial. kInvalid for a bad template, or one that outlives the
  // root or names another trust domain.
  Result<Certificate> issue(const CertificateTemplate& wanted, Random& random) const;

  const Certificate& root() const { return root_; }

 private:
  CertificateAuthority(const Signer& signer, Certificate root)
      : signer_(&signer), root_(std::move(root)) {}

  const Signer* signer_;
  Certificate root_;
};

// A PKCS#10 request (RFC 2986): proof that the asker holds the key. What name the certificate gets
// is decided by whoever issues it; the request's subject is ignored.
class CertificateRequest {
 public:
  static Result<CertificateRequest> create(const PrivateKey& key);
  // kUnauthenticated when its own signature does not verify. At most 16 KB.
  static Result<CertificateRequest> from_pem(std::string_view pem);

  const PublicKey& public_key() const { return public_key_; }
  const std::string& pem() const { return pem_; }

 private:
  CertificateRequest(PublicKey key, std::string pem)
      : public_key_(std::move(key)), pem_(std::move(pem)) {}

  PublicKey public_key_;
  std::string pem_;
};

}  // namespace writ::crypto
