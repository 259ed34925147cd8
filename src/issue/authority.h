// Credentials: short-lived X.509-SVIDs from Writ's own authority. Who gets one, and for how long,
// is decided here; that it was issued becomes an event before it leaves the server.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "core/state.h"
#include "crypto/x509.h"

namespace writ::issue {

// How long a person's login lasts.
inline constexpr Millis kPersonCertificate = std::chrono::hours(12);

// The longest life of a certificate of this identity: 12 h for people; by tier for machines, at
// most 24 h.
Millis longest_life(const core::Identity& identity);

// A certificate together with the event that must be durable before anyone gets it.
struct Issued {
  std::string pem;
  core::CertificateIssued event;
};

// Thread-safe.
class Authority {
 public:
  // `key` outlives it; kCorrupt when `root_pem` is not a root of this key.
  static Result<Authority> open(const crypto::Signer& key, std::string_view root_pem);

  // A client certificate for an enrolled device's key (or for a key that the device vouches for),
  // until `until` at most. kDenied when the identity is not active.
  Result<Issued> client(const core::State& state, const core::Identity& identity,
                        std::string_view device, const crypto::PublicKey& key, Time now, Time until,
                        Random& random) const;
  // A certificate for a listener: doors and servers, with the names that clients know them by. It
  // serves as a client certificate, too.
  Result<Issued> listener(const core::State& state, const core::Identity& identity,
                          std::string_view device, const crypto::PublicKey& key,
                          const std::vector<std::string>& hosts, Time now, Time until,
                          Random& random) const;

  // PEM of the root.
  std::string root_pem() const { return ca_.root().pem(); }

 private:
  explicit Authority(crypto::CertificateAuthority ca) : ca_(std::move(ca)) {}
  Result<Issued> issue(const core::State& state, const core::Identity& identity,
                       std::string_view device, crypto::CertificateTemplate wanted,
                       Random& random) const;

  crypto::CertificateAuthority ca_;
};

}  // namespace writ::issue
