// The checks that make a verified chain an X.509-SVID; for the .cc files of this room alone.
#pragma once

#include <string>
#include <vector>

#include "crypto/openssl.h"
#include "crypto/x509.h"

namespace writ::crypto {

struct Names {
  std::vector<std::string> uris, dns, ips;
  bool is_malformed = false;
};
Names names_of(X509* certificate);

Result<X509Ptr> native_certificate(const Certificate& certificate);

// The leaf's one SPIFFE ID.
Result<std::string> spiffe_id_of(X509* leaf);
// What the leaf must be beyond having a valid path to `root`.
Status check_svid(X509* leaf, X509* root, CertificateUsage usage);
// Before X509_verify_cert: strict, at that time. After it: check_svid on the built chain.
void prepare_svid_check(X509_STORE_CTX* context, Time now);
Status check_verified_svid(X509_STORE_CTX* context, CertificateUsage usage);

}  // namespace writ::crypto
