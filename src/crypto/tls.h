// TLS 1.3 settings for one side of a connection (RFC 8446), as an OpenSSL SSL_CTX behind an opaque
// pointer; `net` runs connections on it. No older version, no resumption: every connection proves
// both ends anew.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/secret.h"
#include "crypto/x509.h"

namespace writ::crypto {

// A certificate chain (leaf first) with the key of its leaf. An empty chain: no certificate.
struct TlsIdentity {
  std::string chain_pem;
  Secret key_pem;
};

// Whether a server lets in clients that show no certificate. One that is shown must be valid.
enum class ClientCertificate { kRequired, kOptional };

// Whom a client accepts as its server: exactly this SPIFFE ID …
struct ExpectSpiffe {
  std::string id;
};
// … any SPIFFE ID of this trust domain below this path prefix ("/server/") …
struct ExpectSpiffePrefix {
  std::string prefix;
};
// … or a DNS name or IP address among its SANs, in an ordinary (non-SPIFFE) certificate.
struct ExpectHost {
  std::string name;
};
using ExpectedServer = std::variant<ExpectSpiffe, ExpectSpiffePrefix, ExpectHost>;

// Immutable and thread-safe; `clock` must outlive it.
class TlsContext {
 public:
  // Clients are verified as X.509-SVIDs against `roots_pem`, at the clock's time.
  static Result<std::shared_ptr<const TlsContext>> server(const TlsIdentity& identity,
                                                          const std::string& roots_pem,
                                                          ClientCertificate client,
                                                          const Clock& clock);
  // `identity` may be empty.
  static Result<std::shared_ptr<const TlsContext>> client(const TlsIdentity& identity,
                                                          const std::string& roots_pem,
                                                          const ExpectedServer& expected,
                                                          const Clock& clock);
  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  void* native() const;  // SSL_CTX*, owned by this object

 private:
  struct State;
  explicit TlsContext(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// The other side's verified certificate after the handshake; null when it showed none. `ssl` is an
// SSL*.
Result<std::shared_ptr<const Certificate>> peer_certificate(void* ssl);
// Why the handshake refused the other side's certificate; empty when it did not.
std::string verify_failure(void* ssl);

}  // namespace writ::crypto
