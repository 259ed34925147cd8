#include "issue/authority.h"

#include <algorithm>

namespace writ::issue {
namespace {

// Certificates begin a little early, so that a client whose clock is a minute behind can use one.
constexpr Millis kBackdate = std::chrono::minutes(1);
constexpr Millis kLongestMachine = std::chrono::hours(24);

bool is_address(std::string_view host) {
  return host.find(':') != std::string_view::npos ||
         host.find_first_not_of("0123456789.") == std::string_view::npos;
}

}  // namespace

Millis longest_life(const core::Identity& identity) {
  if (core::is_person(identity.kind)) return kPersonCertificate;
  return std::min(core::limits_of(identity.tier).certificate, kLongestMachine);
}

Result<Authority> Authority::open(const crypto::Signer& key, std::string_view root_pem) {
  TRY(ca, crypto::CertificateAuthority::open(key, root_pem));
  return Authority(std::move(ca));
}

Result<Issued> Authority::issue(const core::State& state, const core::Identity& identity,
                                std::string_view device, crypto::CertificateTemplate wanted,
                                Random& random) const {
  if (identity.state != core::IdentityState::kActive) {
    return fail(Code::kDenied, "this identity is " + std::string(name_of(identity.state)) +
                                   ": it gets no certificate");
  }
  wanted.spiffe_id = core::spiffe_id(state, identity);
  wanted.common_name = identity.id;
  TRY(certificate, ca_.issue(wanted, random));
  Issued issued;
  issued.pem = certificate.pem();
  issued.event.certificate = core::certificate_of(certificate.serial(), identity.id,
                                                  std::string(device), certificate.not_after());
  return issued;
}

Result<Issued> Authority::client(const core::State& state, const core::Identity& identity,
                                 std::string_view device, const crypto::PublicKey& key, Time now,
                                 Time until, Random& random) const {
  crypto::CertificateTemplate wanted{key};
  wanted.not_before = now - kBackdate;
  wanted.not_after = std::min(until, now + longest_life(identity));
  wanted.usage = crypto::CertificateUsage::kClient;
  return issue(state, identity, device, std::move(wanted), random);
}

Result<Issued> Authority::listener(const core::State& state, const core::Identity& identity,
                                   std::string_view device, const crypto::PublicKey& key,
                                   const std::vector<std::string>& hosts, Time now, Time until,
                                   Random& random) const {
  crypto::CertificateTemplate wanted{key};
  wanted.not_before = now - kBackdate;
  wanted.not_after = std::min(until, now + longest_life(identity));
  wanted.usage = crypto::CertificateUsage::kBoth;
  for (const std::string& host : hosts) {
    (is_address(host) ? wanted.ip_addresses : wanted.dns_names).push_back(host);
  }
  return issue(state, identity, device, std::move(wanted), random);
}

}  // namespace writ::issue
