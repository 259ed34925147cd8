#include "target/postgres/connection.h"

#include <gmock/gmock.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>

#include "target/postgres/live_test.h"

namespace writ::target::postgres {
namespace {

using ::testing::HasSubstr;

class ConnectionLive : public LiveTest {
 protected:
  void TearDown() override { EXPECT_TRUE(cluster_ == nullptr || cluster_->set_hba(test_hba())); }
};
WRIT_BOTH_VERSIONS(ConnectionLive);

TEST_P(ConnectionLive, EveryCallSaysThatTheClusterIsAwayAndWorksAgainLater) {
  const auto a = made();
  const auto b = account();
  ASSERT_TRUE(target_->observe());
  ASSERT_TRUE(cluster_->stop());
  const auto away = [](const auto& result) {
    EXPECT_FALSE(result);
    if (result) return;
    EXPECT_EQ(result.error().code, Code::kUnavailable);
    EXPECT_THAT(result.error().message, HasSubstr("PostgreSQL"));
  };
  away(target_->observe());
  away(target_->observe({a.login}));
  away(target_->uses(a.login));
  away(target_->apply(provision(b), 2));
  away(target_->apply(retire(a), 2));
  away(target_->apply({core::StepKind::kDisableSecret, "x", std::nullopt}, 2));
  away(target_->probe(a.login, "orders", Secret("secret of " + a.login)));
  for (const auto& outcome : target_->apply_all({retire(a), provision(b)}, 2)) away(outcome);
  const Status up = cluster_->restart();
  ASSERT_TRUE(up) << up.error().text();
  expect_retired(a);
}

TEST_P(ConnectionLive, AnIdleConnectionThatWasClosedIsReplaced) {
  ASSERT_TRUE(target_->observe());
  admin("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'writ_connector'");
  const auto all = target_->observe();
  EXPECT_TRUE(all) << all.error().text();
}

TEST_P(ConnectionLive, ACallEndsInTimeWhenTheServerStandsStill) {
  target_ = open(Millis(500));
  ASSERT_TRUE(target_->observe());
  const std::string pid = admin(
      "SELECT pid FROM pg_stat_activity WHERE usename = 'writ_connector' AND datname = "
      "'postgres' ORDER BY backend_start DESC LIMIT 1");
  ASSERT_EQ(::kill(std::atoi(pid.c_str()), SIGSTOP), 0);
  const SystemClock clock;
  const Millis before = clock.steady();
  const auto all = target_->observe();
  EXPECT_FALSE(all);
  EXPECT_EQ(all.error().code, Code::kUnavailable);
  EXPECT_LT(clock.steady() - before, Millis(3000));
  ASSERT_EQ(::kill(std::atoi(pid.c_str()), SIGCONT), 0);
  EXPECT_TRUE(target_->observe());  // over a new connection
}

TEST_P(ConnectionLive, KnowsItsServer) {
  TargetOptions options;
  options.name = "pg";
  options.endpoint = {.host = "127.0.0.1",
                      .port = cluster_->port(),
                      .tls = Tls::kVerifyFull,
                      .root_certificate = "/dev/null"};
  options.password = Secret(kConnectorPassword);
  const auto target = open_target(std::move(options));
  ASSERT_TRUE(target);
  const auto all = (*target)->observe();
  ASSERT_FALSE(all);
  EXPECT_EQ(all.error().code, Code::kUnavailable);
  EXPECT_THAT(all.error().message, HasSubstr("ertificate"));
}

TEST_P(ConnectionLive, TheEnvironmentDecidesNothing) {
  ::setenv("PGSSLMODE", "disable", 1);
  ::setenv("PGOPTIONS", "-c search_path=evil", 1);
  ::setenv("PGUSER", "postgres", 1);
  ::setenv("PGDATABASE", "billing", 1);
  target_ = open();
  const auto all = target_->observe();
  for (const char* name : {"PGSSLMODE", "PGOPTIONS", "PGUSER", "PGDATABASE"}) ::unsetenv(name);
  EXPECT_TRUE(all) << all.error().text();
}

TEST_P(ConnectionLive, AWrongPasswordAndAMissingBootstrapAreSaid) {
  const auto wrong = open(Millis(10'000), "wrong")->observe();
  ASSERT_FALSE(wrong);
  EXPECT_THAT(wrong.error().message, HasSubstr("writ_connector"));
  admin("CREATE DATABASE bare");
  TargetOptions options;
  options.name = "pg";
  options.endpoint = {.host = cluster_->host(),
                      .port = cluster_->port(),
                      .tls = Tls::kVerifyCa,
                      .root_certificate = cluster_->root_certificate()};
  options.password = Secret(kConnectorPassword);
  options.main_database = "bare";
  ASSERT_TRUE(cluster_->set_hba({}));
  const auto missing = open_target(std::move(options)).value()->observe();
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, Code::kConflict);
  EXPECT_THAT(missing.error().message, HasSubstr("the bootstrap has not been run"));
}

TEST_P(ConnectionLive, ProbeAnswersOnlyAboutTheCredential) {
  const auto a = made();
  const auto probe = [&](const std::string& database, const std::string& secret) {
    return target_->probe(a.login, database, Secret(std::string_view(secret)));
  };
  const std::string secret = "secret of " + a.login;
  const std::string server = "hostssl all writ_connector 127.0.0.1/32 scram-sha-256";
  const std::string logins = "hostssl all +writ_logins 127.0.0.1/32 scram-sha-256";
  const std::string nobody = "hostssl all all 127.0.0.1/32 reject";
  ASSERT_TRUE(cluster_->set_hba({server, logins, nobody}));
  EXPECT_EQ(probe("orders", secret), core::Probe::kAccepted);
  EXPECT_EQ(probe("orders", "wrong"), core::Probe::kRefused);
  EXPECT_EQ(probe("no such database", secret), core::Probe::kAccepted);
  // One open session more than it may have: the credential is good all the same.
  admin("ALTER ROLE " + a.login + " CONNECTION LIMIT 0");
  EXPECT_EQ(probe("orders", secret), core::Probe::kAccepted);
  admin("ALTER ROLE " + a.login + " NOLOGIN");
  EXPECT_EQ(probe("orders", secret), core::Probe::kRefused);
  admin("ALTER ROLE " + a.login + " LOGIN VALID UNTIL '2020-01-01'");
  EXPECT_EQ(probe("orders", secret), core::Probe::kRefused);
  // pg_hba.conf says nothing about the credential, unless the role is gone altogether.
  ASSERT_TRUE(cluster_->set_hba({server, nobody}));
  EXPECT_EQ(probe("orders", secret).error().code, Code::kUnavailable);
  ASSERT_TRUE(cluster_->set_hba({server, logins, nobody}));
  expect_retired(a);
}

TEST(Connection, OptionsAreChecked) {
  const auto refuses = [](auto change) {
    TargetOptions options;
    options.name = "pg";
    options.endpoint = {.host = "db", .root_certificate = "/etc/ca.pem"};
    change(options);
    return !open_target(std::move(options));
  };
  EXPECT_FALSE(refuses([](TargetOptions&) {}));
  EXPECT_TRUE(refuses([](auto& o) { o.endpoint.tls = Tls::kOff; }));
  EXPECT_TRUE(refuses([](auto& o) { o.endpoint.root_certificate = ""; }));
  EXPECT_TRUE(refuses([](auto& o) { o.endpoint.port = 0; }));
  EXPECT_TRUE(refuses([](auto& o) { o.endpoint.host = "a,b"; }));
  EXPECT_TRUE(refuses([](auto& o) { o.timeout = Millis(0); }));
  EXPECT_TRUE(refuses([](auto& o) { o.name = ""; }));
}

// A server that takes the connection and says nothing.
TEST(Connection, OpenEndsInTimeWhenNobodyAnswers) {
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(::bind(listener, reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(::listen(listener, 5), 0);
  ASSERT_EQ(::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size), 0);
  TargetOptions options;
  options.name = "pg";
  options.endpoint = {.host = "127.0.0.1", .port = ntohs(address.sin_port), .tls = Tls::kOff};
  options.timeout = Millis(200);
  const auto target = open_target(std::move(options)).value();
  const SystemClock clock;
  const Millis before = clock.steady();
  const auto all = target->observe();
  EXPECT_LT(clock.steady() - before, Millis(3000));
  ASSERT_FALSE(all);
  EXPECT_EQ(all.error().code, Code::kUnavailable);
  EXPECT_THAT(all.error().message, HasSubstr("did not answer within 200ms"));
  ::close(listener);
}

TEST(Connection, ArraysBothWays) {
  for (const std::vector<std::string>& items : std::vector<std::vector<std::string>>{
           {}, {"a"}, {"", "b"}, {"x,y", "{q}", "say \"hi\"", "back\\slash", "NULL"}}) {
    EXPECT_EQ(parse_array(array_text(items)).value(), items);
  }
  EXPECT_EQ(parse_array("{a,\"b c\",d}").value(), (std::vector<std::string>{"a", "b c", "d"}));
  for (const char* bad : {"", "{", "a", "{\"a}", "{\"a\"b}", "{\"a\\", "{\"a\",}"}) {
    EXPECT_FALSE(parse_array(bad)) << bad;
  }
}

}  // namespace
}  // namespace writ::target::postgres
