// Everything around a door: a real PostgreSQL, a server, certificates, and clients' files.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <libpq-fe.h>
#include <stdlib.h>

#include <filesystem>
#include <thread>

#include "base/file.h"
#include "core/target.h"
#include "crypto/hash.h"
#include "crypto/random.h"
#include "crypto/scram.h"
#include "crypto/x509.h"
#include "door/postgres/door.h"
#include "door/postgres/process_for_test.h"
#include "door/postgres/server_for_test.h"
#include "target/postgres/testing/cluster.h"

namespace writ::door::postgres {

inline const std::string kReader = "pg-main/orders/reader";
inline const std::string kTargetKey = "0123456789abcdef0123456789abcdef";

// A certificate authority and the identities below it.
struct Authority {
  explicit Authority(const Clock& its_clock)
      : clock(its_clock),
        key(*crypto::PrivateKey::generate(crypto::KeyKind::kP256)),
        authority(
            *crypto::CertificateAuthority::create(key, "test", clock.now() - std::chrono::hours(2),
                                                  clock.now() + std::chrono::hours(9), random)) {}

  crypto::TlsIdentity identity(const std::string& path, crypto::CertificateUsage usage,
                               Millis from = -std::chrono::minutes(1),
                               Millis to = std::chrono::hours(1)) {
    const auto leaf_key = *crypto::PrivateKey::generate(crypto::KeyKind::kP256);
    const auto leaf = authority.issue({.public_key = leaf_key.public_key(),
                                       .spiffe_id = "spiffe://test/" + path,
                                       .common_name = {},
                                       .dns_names = {"localhost"},
                                       .ip_addresses = {"127.0.0.1"},
                                       .not_before = clock.now() + from,
                                       .not_after = clock.now() + to,
                                       .usage = usage},
                                      random);
    return {leaf->pem(), leaf_key.to_pem()};
  }
  std::string roots() const { return authority.root().pem(); }

  const Clock& clock;
  crypto::SystemRandom random;
  crypto::PrivateKey key;
  crypto::CertificateAuthority authority;
};

// The PostgreSQL cluster is shared by the suite; everything else is new for each test.
class World : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    ::writ::testing::ClusterOptions options;
    options.max_connections = 700;
    auto started = ::writ::testing::PostgresCluster::start(options);
    if (!started) {
      why_not = started.error().text();
      ASSERT_EQ(started.error().code, Code::kNotFound) << why_not;
      return;
    }
    cluster = std::move(*started);
    ASSERT_TRUE(cluster->query("postgres", "CREATE DATABASE orders"));
    const auto filled =
        cluster->query("orders",
                       "CREATE TABLE item AS SELECT i AS id, repeat('x', 100) AS note "
                       "FROM generate_series(1, 20000) i; GRANT SELECT ON item TO PUBLIC");
    ASSERT_TRUE(filled) << filled.error().text();
  }
  static void TearDownTestSuite() { cluster.reset(); }

  void SetUp() override {
    if (!cluster) GTEST_SKIP() << why_not;
    notices.clear();
    std::string pattern = std::filesystem::temp_directory_path() / "writ-door-XXXXXX";
    folder = ::mkdtemp(pattern.data());
    client_files("alice", authority.identity("user/alice", crypto::CertificateUsage::kClient));
    ASSERT_TRUE(write_file(folder + "/roots.pem", authority.roots()));
    server.targets.push(Json::object({{"target", "pg-main"},
                                      {"host", "localhost"},
                                      {"port", cluster->port()},
                                      {"tls", "require"},
                                      {"ca", *read_file(cluster->root_certificate())},
                                      {"key", to_base64url(kTargetKey)}}));
    server.start(
        *net::TlsServer::create(authority.identity("server/1", crypto::CertificateUsage::kServer),
                                authority.roots(), net::ClientCertificate::kRequired, clock));
  }
  void TearDown() override {
    door.reset();
    server.stop();
    for (const std::string& login : logins) {
      (void)cluster->query("orders", "DROP ROLE IF EXISTS " + login);
    }
    if (!folder.empty()) std::filesystem::remove_all(folder);
  }

  DoorConfig door_config() {
    DoorConfig config;
    config.identity = authority.identity("door/1", crypto::CertificateUsage::kBoth);
    config.roots_pem = authority.roots();
    config.server = {"127.0.0.1", server.port()};
    config.expected_server = crypto::ExpectSpiffe{"spiffe://test/server/1"};
    config.state_folder = folder + "/state";
    return config;
  }
  void open_door() { open_door(door_config()); }
  void open_door(DoorConfig config) {
    const std::size_t hellos = server.hellos.size();
    auto started = Door::start(std::move(config), clock, random);
    ASSERT_TRUE(started) << started.error().text();
    door = std::move(*started);
    ASSERT_TRUE(server.wait([&] { return server.hellos.size() > hellos; }));
    ASSERT_TRUE(eventually([&] { return door->counts().open; }));
  }
  // Asks again and again, without a pause: what it asks takes a turn of the other side's loop.
  static bool eventually(const std::function<bool()>& condition) {
    const SystemClock time;
    const Millis end = time.steady() + Millis(20'000);
    while (time.steady() < end) {
      if (condition()) return true;
      std::this_thread::yield();
    }
    return false;
  }

  // A grant whose login exists in the cluster; `entitlement` leads to it.
  void give(const std::string& entitlement, const std::string& grant, Millis life,
            Millis autonomy = Millis(60'000)) {
    server.grants[entitlement] = make_grant(grant, life, autonomy);
  }
  ServerForTest::Grant make_grant(const std::string& grant, Millis life, Millis autonomy) {
    const std::string login = "writ_" + grant;
    const Secret secret =
        core::login_secret(Secret(std::string_view(kTargetKey)), grant,
                           [](std::string_view key, std::string_view text) {
                             return std::string(as_bytes(crypto::hmac_sha256(key, text)));
                           });
    const std::string verifier = *crypto::scram_verifier(secret, random.bytes(16), 4096);
    const auto made = cluster->query(
        "orders", "SET client_min_messages = error; DROP ROLE IF EXISTS " + login +
                      "; CREATE ROLE " + login + " LOGIN PASSWORD '" + verifier + "'");
    EXPECT_TRUE(made) << made.error().text();
    logins.push_back(login);
    return {.id = grant, .login = login, .until = clock.now() + life, .autonomy = autonomy};
  }

  void client_files(const std::string& name, const crypto::TlsIdentity& identity) {
    ASSERT_TRUE(write_file(folder + "/" + name + ".crt", identity.chain_pem));
    ASSERT_TRUE(write_file(folder + "/" + name + ".key", identity.key_pem.reveal(), 0600));
  }
  // What a client is told.
  std::string dsn(const std::string& entitlement = kReader,
                  const std::string& who = "alice") const {
    return "host=localhost hostaddr=127.0.0.1 port=" + std::to_string(door->port()) +
           " dbname=" + entitlement + " user=anyone sslmode=verify-full sslrootcert=" + folder +
           "/roots.pem sslcert=" + folder + "/" + who + ".crt sslkey=" + folder + "/" + who +
           ".key";
  }
  std::unique_ptr<Process> psql(const std::vector<std::string>& more,
                                const std::string& entitlement = kReader) const {
    std::vector<std::string> argv{"psql", "-X", "-A", "-t", "-q", "-d", dsn(entitlement)};
    argv.insert(argv.end(), more.begin(), more.end());
    return std::make_unique<Process>(std::move(argv));
  }
  struct Finish {
    void operator()(PGconn* connection) const { PQfinish(connection); }
  };
  using Connection = std::unique_ptr<PGconn, Finish>;
  Connection connect(const std::string& entitlement = kReader,
                     const std::string& who = "alice") const {
    Connection connection(PQconnectdb(dsn(entitlement, who).c_str()));
    // What a server says unasked, libpq passes on here.
    PQsetNoticeProcessor(
        connection.get(), [](void*, const char* text) { notices += text; }, nullptr);
    return connection;
  }
  static std::string ask(PGconn* connection, const std::string& sql) {
    PGresult* result = PQexec(connection, sql.c_str());
    const std::string text = PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) > 0
                                 ? PQgetvalue(result, 0, 0)
                                 : PQresultErrorMessage(result);
    PQclear(result);
    return text;
  }

  static inline std::unique_ptr<::writ::testing::PostgresCluster> cluster;
  static inline std::string why_not;
  static inline std::string notices;

  SystemClock clock;
  crypto::SystemRandom random;
  Authority authority{clock};
  std::string folder;
  std::vector<std::string> logins;
  ServerForTest server{clock};
  std::unique_ptr<Door> door;
};

}  // namespace writ::door::postgres
