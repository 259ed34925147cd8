#include "net/tls.h"

namespace writ::net {

using crypto::TlsContext;

Result<std::shared_ptr<TlsServer>> TlsServer::create(const TlsIdentity& identity,
                                                     const std::string& roots_pem,
                                                     ClientCertificate client, const Clock& clock) {
  TRY(first, TlsContext::server(identity, roots_pem, client, clock));
  return std::shared_ptr<TlsServer>(new TlsServer(std::move(first), client, clock));
}

Status TlsServer::replace(const TlsIdentity& identity, const std::string& roots_pem) {
  TRY(next, TlsContext::server(identity, roots_pem, client_, clock_));
  current_.publish(std::move(next));
  return {};
}

Result<std::shared_ptr<TlsClient>> TlsClient::create(const TlsIdentity& identity,
                                                     const std::string& roots_pem,
                                                     const ExpectedServer& expected,
                                                     const Clock& clock) {
  TRY(first, TlsContext::client(identity, roots_pem, expected, clock));
  return std::shared_ptr<TlsClient>(new TlsClient(std::move(first), expected, clock));
}

Status TlsClient::replace(const TlsIdentity& identity, const std::string& roots_pem) {
  TRY(next, TlsContext::client(identity, roots_pem, expected_, clock_));
  current_.publish(std::move(next));
  return {};
}

}  // namespace writ::net
