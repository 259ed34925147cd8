// What an endpoint shows and whom it believes on TLS connections, replaceable at run time: new
// connections use the newest, open ones keep theirs.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "base/clock.h"
#include "base/published.h"
#include "base/result.h"
#include "crypto/tls.h"

namespace writ::net {

using crypto::ClientCertificate;
using crypto::ExpectedServer;
using crypto::ExpectHost;
using crypto::ExpectSpiffe;
using crypto::ExpectSpiffePrefix;
using crypto::TlsIdentity;

// The server's side of a listener. Thread-safe.
class TlsServer {
 public:
  // `clock` must outlive it.
  static Result<std::shared_ptr<TlsServer>> create(const TlsIdentity& identity,
                                                   const std::string& roots_pem,
                                                   ClientCertificate client, const Clock& clock);
  // On an error the old settings stay.
  Status replace(const TlsIdentity& identity, const std::string& roots_pem);
  std::shared_ptr<const crypto::TlsContext> current() const { return current_.get(); }

 private:
  TlsServer(std::shared_ptr<const crypto::TlsContext> first, ClientCertificate client,
            const Clock& clock)
      : current_(std::move(first)), client_(client), clock_(clock) {}

  Published<crypto::TlsContext> current_;
  const ClientCertificate client_;
  const Clock& clock_;
};

// The client's side: one identity, one expectation of the server. Thread-safe.
class TlsClient {
 public:
  // `identity` may be empty where the server asks for none. `clock` must outlive it.
  static Result<std::shared_ptr<TlsClient>> create(const TlsIdentity& identity,
                                                   const std::string& roots_pem,
                                                   const ExpectedServer& expected,
                                                   const Clock& clock);
  Status replace(const TlsIdentity& identity, const std::string& roots_pem);
  std::shared_ptr<const crypto::TlsContext> current() const { return current_.get(); }

 private:
  TlsClient(std::shared_ptr<const crypto::TlsContext> first, ExpectedServer expected,
            const Clock& clock)
      : current_(std::move(first)), expected_(std::move(expected)), clock_(clock) {}

  Published<crypto::TlsContext> current_;
  const ExpectedServer expected_;
  const Clock& clock_;
};

}  // namespace writ::net
