// A certificate authority, identities and a raw TLS client for this room's tests.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <atomic>
#include <string>

#include "crypto/random.h"
#include "net/tls.h"

namespace writ::net {

// A clock that tests move while server threads read it.
class MovableClock final : public Clock {
 public:
  Time now() const override { return from_unix_ms(ms_.load()); }
  Millis steady() const override { return Millis(ms_.load()); }
  void advance(Millis by) { ms_ += by.count(); }

 private:
  std::atomic<std::int64_t> ms_{1'763'000'000'000};
};

struct Pki {
  explicit Pki(const Clock& the_clock)
      : clock(the_clock),
        key(*crypto::PrivateKey::generate(crypto::KeyKind::kP256)),
        authority(
            *crypto::CertificateAuthority::create(key, "test", clock.now() - std::chrono::hours(1),
                                                  clock.now() + std::chrono::hours(100), random)) {}

  std::string roots() const { return authority.root().pem(); }

  TlsIdentity identity(const std::string& path, crypto::CertificateUsage usage,
                       Millis life = std::chrono::hours(1)) {
    const auto leaf_key = *crypto::PrivateKey::generate(crypto::KeyKind::kP256);
    const auto leaf = authority.issue({.public_key = leaf_key.public_key(),
                                       .spiffe_id = "spiffe://test/" + path,
                                       .common_name = {},
                                       .dns_names = {"localhost"},
                                       .ip_addresses = {"127.0.0.1"},
                                       .not_before = clock.now() - Millis(1000),
                                       .not_after = clock.now() + life,
                                       .usage = usage},
                                      random);
    return {leaf->pem(), leaf_key.to_pem()};
  }
  TlsIdentity server() { return identity("server/1", crypto::CertificateUsage::kServer); }
  TlsIdentity client() { return identity("user/alice", crypto::CertificateUsage::kClient); }

  std::shared_ptr<TlsServer> tls_server(ClientCertificate wanted = ClientCertificate::kRequired) {
    return *TlsServer::create(server(), roots(), wanted, clock);
  }
  std::shared_ptr<TlsClient> tls_client(const TlsIdentity& shown) {
    return *TlsClient::create(shown, roots(), ExpectSpiffe{"spiffe://test/server/1"}, clock);
  }

  const Clock& clock;
  crypto::SystemRandom random;
  crypto::PrivateKey key;
  crypto::CertificateAuthority authority;
};

// Says exactly the bytes it is told to. Reads wait for at most 10 s.
class RawClient {
 public:
  RawClient(std::uint16_t port, const std::shared_ptr<TlsClient>& tls,
            std::initializer_list<std::string_view> protocols = {})
      : socket_(connect_to(port)),
        session_(tls->current(), socket_, crypto::TlsSession::Role::kClient) {
    if (protocols.size() > 0) session_.speak(protocols);
    good_ = session_.handshake() == crypto::TlsSession::Outcome::kDone;
  }
  ~RawClient() { ::close(socket_); }
  RawClient(const RawClient&) = delete;

  bool is_good() const { return good_; }
  std::string_view protocol() const { return session_.protocol(); }
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto moved = session_.write(bytes.data(), bytes.size());
      if (moved.outcome != crypto::TlsSession::Outcome::kDone) return false;
      bytes.remove_prefix(moved.bytes);
    }
    return true;
  }
  // Appends what comes next; false at the end.
  bool read_more(std::string& into) {
    char bytes[4096];
    const auto moved = session_.read(bytes, sizeof bytes);
    if (moved.outcome != crypto::TlsSession::Outcome::kDone) return false;
    into.append(bytes, moved.bytes);
    return true;
  }
  // All bytes until `stop` has been seen or the connection ends.
  std::string read_until(std::string_view stop) {
    while (seen_.find(stop) == std::string::npos && read_more(seen_)) continue;
    return std::exchange(seen_, {});
  }
  std::string read_to_end() { return read_until("\x01never\x01"); }

  static int connect_to(std::uint16_t port) {
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const timeval patience{10, 0};
    ::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
      std::abort();
    }
    return socket;
  }

 private:
  int socket_;
  crypto::TlsSession session_;
  bool good_ = false;
  std::string seen_;
};

}  // namespace writ::net
