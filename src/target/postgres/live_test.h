// What the tests against real clusters share: one cluster a version, bootstrapped once, with two
// databases, a group role and some entitlements; and a client that does what a person with psql
// does.
#pragma once

#include <gtest/gtest.h>
#include <libpq-fe.h>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "core/target.h"
#include "crypto/scram.h"
#include "target/postgres/bootstrap.h"
#include "target/postgres/target.h"
#include "target/postgres/testing/cluster.h"

namespace writ::target::postgres {

using writ::testing::PostgresCluster;

inline constexpr std::string_view kConnectorPassword = "the connector's password";

inline std::string verifier_of(std::string_view password) {
  return crypto::scram_verifier(Secret(password), "0123456789abcdef", 4096).value();
}

inline Bootstrap test_bootstrap() {
  Bootstrap b;
  b.connector_verifier = verifier_of(kConnectorPassword);
  b.databases = {"orders", "billing"};
  b.entitlements = {
      {.name = "pg/orders/reader",
       .database = "orders",
       .membership = {"orders_reader"},
       .privileges = {},
       .set_role = SetRole::kYes},
      {.name = "pg/orders/tables",
       .database = "orders",
       .membership = {},
       .privileges = {"SELECT ON ALL TABLES IN SCHEMA public"}},
      {.name = "pg/orders/maker",
       .database = "orders",
       .membership = {"orders_maker"},
       .privileges = {}},
  };
  b.protected_logins = {"precious"};
  b.door_addresses = {"127.0.0.1/32"};
  b.server_addresses = {"127.0.0.1/32"};
  return b;
}

inline std::vector<std::string> test_hba() {
  std::vector<std::string> lines;
  for (std::string text = hba_lines(test_bootstrap()); !text.empty();) {
    lines.push_back(text.substr(0, text.find('\n')));
    text.erase(0, lines.back().size() + 1);
  }
  return lines;
}

inline Status run_bootstrap(const PostgresCluster& cluster, const Bootstrap& bootstrap) {
  TRY(parts, bootstrap_parts(bootstrap));
  for (const BootstrapPart& part : parts) CHECK_OK(cluster.query(part.database, part.sql));
  return {};
}

// A libpq connection over TLS, as a login.
class Client {
 public:
  Client(const PostgresCluster& cluster, const std::string& user, const std::string& password,
         const std::string& database = "orders") {
    const std::string port = std::to_string(cluster.port());
    const std::string root = cluster.root_certificate();
    // No certificate from the home folder, which may be somebody else's.
    const char* const keys[] = {"host",    "port",        "user",    "password", "dbname",
                                "sslmode", "sslrootcert", "sslcert", nullptr};
    const char* const values[] = {cluster.host().c_str(), port.c_str(),     user.c_str(),
                                  password.c_str(),       database.c_str(), "verify-full",
                                  root.c_str(),           "/dev/null/none", nullptr};
    conn_ = PQconnectdbParams(keys, values, 0);
  }
  Client(Client&& other) noexcept : conn_(std::exchange(other.conn_, nullptr)) {}
  Client& operator=(Client&&) = delete;
  ~Client() { PQfinish(conn_); }

  bool connected() const { return PQstatus(conn_) == CONNECTION_OK; }
  std::string message() const { return PQerrorMessage(conn_); }
  // The first cell, "" when there is none, or "ERROR …".
  std::string run(const std::string& sql) {
    PGresult* result = PQexec(conn_, sql.c_str());
    const ExecStatusType status = PQresultStatus(result);
    std::string out;
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK && status != PGRES_COPY_OUT) {
      out = "ERROR " + std::string(PQerrorMessage(conn_));
    } else if (PQntuples(result) > 0) {
      out = PQgetvalue(result, 0, 0);
    }
    PQclear(result);
    return out;
  }
  bool ok(const std::string& sql) { return !run(sql).starts_with("ERROR"); }
  // Bytes of one row of a running COPY; below zero when it ended.
  int copy_row() {
    char* row = nullptr;
    const int size = PQgetCopyData(conn_, &row, 0);
    PQfreemem(row);
    return size;
  }

 private:
  PGconn* conn_;
};

class LiveTest : public ::testing::TestWithParam<int> {
 protected:
  void SetUp() override {
    Shared& s = shared()[GetParam()];
    if (!s.cluster) {
      const Bootstrap bootstrap = test_bootstrap();
      auto started = PostgresCluster::start({.version = GetParam(),
                                             .settings = {"max_prepared_transactions = 20"},
                                             .hba = test_hba()});
      if (!started && started.error().code == Code::kNotFound) {
        GTEST_SKIP() << started.error().text();
      }
      ASSERT_TRUE(started) << started.error().text();
      s.cluster = std::move(*started);
      for (const char* sql :
           {"CREATE DATABASE orders", "CREATE DATABASE billing", "CREATE ROLE orders_reader",
            "CREATE ROLE orders_maker", "GRANT CREATE, CONNECT ON DATABASE orders TO orders_maker",
            "GRANT CREATE, CONNECT ON DATABASE billing TO orders_maker"}) {
        const auto done = s.cluster->query("postgres", sql);
        ASSERT_TRUE(done) << done.error().text();
      }
      for (const char* database : {"orders", "billing"}) {
        const auto done = s.cluster->query(
            database,
            "CREATE TABLE public.orders (id int, what text);"
            "INSERT INTO public.orders SELECT n, repeat('x', 200) FROM generate_series(1, 20000) n;"
            "GRANT SELECT ON public.orders TO orders_reader;"
            "GRANT SELECT, INSERT, TRIGGER ON public.orders TO orders_maker;"
            "GRANT CREATE, USAGE ON SCHEMA public TO orders_maker");
        ASSERT_TRUE(done) << done.error().text();
      }
      const Status booted = run_bootstrap(*s.cluster, bootstrap);
      ASSERT_TRUE(booted) << booted.error().text();
    }
    cluster_ = s.cluster.get();
    next_ = &s.next;
    target_ = open();
  }

  std::unique_ptr<core::Target> open(Millis timeout = Millis(10'000),
                                     std::string_view password = kConnectorPassword) const {
    TargetOptions options;
    options.name = "pg";
    options.endpoint = {.host = cluster_->host(),
                        .port = cluster_->port(),
                        .tls = Tls::kVerifyFull,
                        .root_certificate = cluster_->root_certificate()};
    options.password = Secret(password);
    options.databases = {"orders", "billing"};
    options.timeout = timeout;
    return std::move(open_target(std::move(options)).value());
  }

  // A desired account with a name that no other test uses; its secret is "secret of LOGIN".
  core::DesiredAccount account(const std::string& entitlement = "pg/orders/reader") {
    core::DesiredAccount a;
    a.login = "writ_anna_" + std::to_string((*next_)++);
    a.grant = "grant_of_" + a.login;
    a.entitlement = entitlement;
    a.database = "orders";
    for (const Entitlement& e : test_bootstrap().entitlements) {
      if (e.name != entitlement) continue;
      a.membership = e.membership;
      a.privileges = e.privileges;
    }
    a.verifier = verifier_of("secret of " + a.login);
    a.until = SystemClock().now() + std::chrono::hours(1);
    return a;
  }
  static core::Step provision(const core::DesiredAccount& a) {
    return {core::StepKind::kProvision, a.login, a};
  }
  static core::Step retire(const core::DesiredAccount& a) {
    return {core::StepKind::kRetire, a.login, std::nullopt};
  }
  // Makes a login and answers it.
  core::DesiredAccount made(const std::string& entitlement = "pg/orders/reader") {
    core::DesiredAccount a = account(entitlement);
    const auto done = target_->apply(provision(a), 1);
    EXPECT_TRUE(done) << done.error().text();
    return a;
  }
  Client client(const core::DesiredAccount& a, const std::string& database = "orders") const {
    return Client(*cluster_, a.login, "secret of " + a.login, database);
  }
  Client connector(const std::string& database = "postgres") const {
    return Client(*cluster_, "writ_connector", std::string(kConnectorPassword), database);
  }
  // As the superuser; the first cell.
  std::string admin(const std::string& sql, const std::string& database = "postgres") const {
    const auto rows = cluster_->query(database, sql);
    if (!rows) return "ERROR " + rows.error().text();
    return rows->empty() || rows->front().empty() ? "" : rows->front().front();
  }
  bool role_exists(const std::string& login) const {
    return admin("SELECT 1 FROM pg_authid WHERE rolname = '" + login + "'") == "1";
  }
  // Retires and expects that it was gone, by every sign.
  core::StepOutcome expect_retired(const core::DesiredAccount& a, std::uint64_t fence = 2) {
    const auto outcome = target_->apply(retire(a), fence);
    EXPECT_TRUE(outcome) << outcome.error().text();
    if (!outcome) return {};
    EXPECT_TRUE(outcome->gone);
    EXPECT_FALSE(role_exists(a.login));
    EXPECT_EQ(admin("SELECT count(*) FROM pg_stat_activity WHERE usename = '" + a.login + "'"),
              "0");
    const auto probed = target_->probe(a.login, "orders", Secret("secret of " + a.login));
    EXPECT_TRUE(probed) << probed.error().text();
    EXPECT_TRUE(probed == core::Probe::kRefused);
    return *outcome;
  }

  PostgresCluster* cluster_ = nullptr;
  std::unique_ptr<core::Target> target_;

 private:
  struct Shared {
    std::unique_ptr<PostgresCluster> cluster;
    int next = 1;
  };
  static std::map<int, Shared>& shared() {
    static std::map<int, Shared> clusters;
    return clusters;
  }
  int* next_ = nullptr;
};

#define WRIT_BOTH_VERSIONS(Suite)                                                   \
  INSTANTIATE_TEST_SUITE_P(Postgres, Suite,                                         \
                           ::testing::ValuesIn(::writ::testing::kPostgresVersions), \
                           [](const auto& version) { return std::to_string(version.param); })

}  // namespace writ::target::postgres
