// The door between real clients and a real PostgreSQL: who gets in, and what they see.
#include "door/postgres/door.h"

#include <unistd.h>

#include "door/postgres/world_for_test.h"

namespace writ::door::postgres {
namespace {

using std::chrono::minutes;
using ::testing::HasSubstr;

class DoorTest : public World {};

TEST_F(DoorTest, PsqlConnectsUnmodified) {
  give(kReader, "grt_psql", minutes(5));
  open_door();
  auto psql = this->psql({"-c", "SELECT count(*) FROM item", "-c", "SELECT current_user"});
  EXPECT_EQ(psql->wait(), 0);
  EXPECT_EQ(psql->output(), "20000\nwrit_grt_psql\n");
  ASSERT_TRUE(server.wait_for_reports("session_ended", 1));
  const Json started = server.of_type("session_started").at(0);
  EXPECT_EQ(ServerForTest::text(started, "subject"), "spiffe://test/user/alice");
  EXPECT_EQ(ServerForTest::text(started, "application"), "psql");
  EXPECT_EQ(ServerForTest::text(started, "grant"), "grt_psql");
  EXPECT_EQ(ServerForTest::text(started, "source_ip"), "127.0.0.1");
  EXPECT_GT(*started.find("backend")->as_int(), 0);
  const Json ended = server.of_type("session_ended").at(0);
  EXPECT_EQ(ServerForTest::text(ended, "reason"), "client");
  EXPECT_EQ(ServerForTest::text(ended, "session"), ServerForTest::text(started, "session"));
  EXPECT_EQ(ServerForTest::text(*server.questions.at(0).find("context"), "session"),
            ServerForTest::text(started, "session"));
}

TEST_F(DoorTest, PsycopgConnectsUnmodified) {
  give(kReader, "grt_python", minutes(5));
  open_door();
  Process python(
      {"/usr/bin/python3", "-c",
       "import sys\n"
       "try:\n  import psycopg\n"
       "except ImportError:\n  print('absent'); sys.exit()\n"
       "with psycopg.connect(sys.argv[1]) as c:\n"
       "  print(c.execute('SELECT sum(id) FROM item WHERE id < %s', [100]).fetchone()[0])",
       dsn()});
  EXPECT_EQ(python.wait(), 0);
  if (python.output() == "absent\n") GTEST_SKIP() << "python3-psycopg is not installed";
  EXPECT_EQ(python.output(), "4950\n");
}

TEST_F(DoorTest, JdbcConnectsUnmodified) {
  const std::string jar = "/usr/share/java/postgresql.jar";
  if (::access(jar.c_str(), R_OK) != 0 || ::access("/usr/bin/javac", X_OK) != 0) {
    GTEST_SKIP() << "java or libpostgresql-jdbc-java is not installed";
  }
  give(kReader, "grt_java", minutes(5));
  open_door();
  ASSERT_TRUE(
      write_file(folder + "/Ask.java",
                 "import java.sql.*;\n"
                 "public class Ask { public static void main(String[] a) throws Exception {\n"
                 "  try (Connection c = DriverManager.getConnection(a[0]);\n"
                 "       PreparedStatement s = c.prepareStatement(\"SELECT count(*) FROM item "
                 "WHERE id > ?\")) {\n"
                 "    s.setInt(1, 10000); ResultSet r = s.executeQuery(); r.next();\n"
                 "    System.out.println(r.getInt(1)); } } }\n"));
  Process convert({"openssl", "pkcs8", "-topk8", "-nocrypt", "-in", folder + "/alice.key",
                   "-outform", "DER", "-out", folder + "/alice.pk8"});
  ASSERT_EQ(convert.wait(), 0);
  Process java(
      {"java", "-cp", jar, folder + "/Ask.java",
       "jdbc:postgresql://localhost:" + std::to_string(door->port()) +
           "/pg-main%2Forders%2Freader?user=anyone&sslmode=verify-full&sslrootcert=" + folder +
           "/roots.pem&sslcert=" + folder + "/alice.crt&sslkey=" + folder + "/alice.pk8"});
  EXPECT_EQ(java.wait(), 0);
  EXPECT_EQ(java.output(), "10000\n");
}

TEST_F(DoorTest, TellsWhyAccessIsDenied) {
  open_door();
  auto psql = this->psql({"-c", "SELECT 1"});
  EXPECT_EQ(psql->wait(), 2);
  EXPECT_THAT(psql->output(),
              HasSubstr("FATAL:  no live grant; ask with: writ request " + kReader));
  EXPECT_THAT(psql->output(), HasSubstr("DETAIL:  decision dec_1"));
  EXPECT_THAT(psql->output(), HasSubstr("HINT:  ask for it with: writ request " + kReader));
  EXPECT_TRUE(server.reports.empty());
}

TEST_F(DoorTest, OpensABaselineGrantWherePolicySaysSo) {
  server.baseline_grant = make_grant("grt_baseline", minutes(5), minutes(1));
  open_door();
  const auto connection = connect("pg-main/orders/open");
  EXPECT_EQ(ask(connection.get(), "SELECT current_user"), "writ_grt_baseline")
      << PQerrorMessage(connection.get());
  ASSERT_EQ(server.baselines.size(), 1u);
  EXPECT_EQ(ServerForTest::text(server.baselines[0], "subject"), "spiffe://test/user/alice");
  EXPECT_EQ(ServerForTest::text(server.baselines[0], "entitlement"), "pg-main/orders/open");
}

TEST_F(DoorTest, PassesSettingsAndErrorsThrough) {
  give(kReader, "grt_settings", minutes(5));
  open_door();
  const Connection connection(PQconnectdb(
      (dsn() + " options='-c statement_timeout=1234ms' client_encoding=LATIN1").c_str()));
  EXPECT_EQ(ask(connection.get(), "SHOW statement_timeout"), "1234ms");
  EXPECT_STREQ(PQparameterStatus(connection.get(), "client_encoding"), "LATIN1");
  EXPECT_THAT(ask(connection.get(), "SELECT 1/0"), HasSubstr("division by zero"));
  EXPECT_EQ(ask(connection.get(), "SELECT 42"), "42");
  const Connection wrong(PQconnectdb((dsn() + " options='-c no_such_setting=1'").c_str()));
  EXPECT_THAT(PQerrorMessage(wrong.get()), HasSubstr("unrecognized configuration parameter"));
}

TEST_F(DoorTest, BringsACancelRequestToTheTarget) {
  give(kReader, "grt_cancel", minutes(5));
  open_door();
  const auto connection = connect();
  ASSERT_EQ(PQstatus(connection.get()), CONNECTION_OK) << PQerrorMessage(connection.get());
  ASSERT_EQ(PQsendQuery(connection.get(), "SELECT pg_sleep(300)"), 1);
  ASSERT_TRUE(eventually([&] {
    const auto rows = cluster->query("orders",
                                     "SELECT 1 FROM pg_stat_activity WHERE state = 'active' AND "
                                     "query LIKE 'SELECT pg_sleep%'");
    return rows && !rows->empty();
  }));
  PGcancel* cancel = PQgetCancel(connection.get());
  char why[256] = {};
  EXPECT_EQ(PQcancel(cancel, why, sizeof why), 1) << why;
  PQfreeCancel(cancel);
  PGresult* result = PQgetResult(connection.get());
  EXPECT_THAT(PQresultErrorMessage(result), HasSubstr("canceling statement due to user request"));
  PQclear(result);
}

TEST_F(DoorTest, RefusesCertificatesThatItDoesNotBelieve) {
  give(kReader, "grt_believe", minutes(5));
  open_door();
  client_files("expired", authority.identity("user/bob", crypto::CertificateUsage::kClient,
                                             -minutes(60), -minutes(1)));
  client_files("wrong", authority.identity("user/bob", crypto::CertificateUsage::kServer));
  Authority other(clock);
  client_files("foreign", other.identity("user/alice", crypto::CertificateUsage::kClient));
  EXPECT_THAT(PQerrorMessage(connect(kReader, "expired").get()),
              HasSubstr("the client certificate is not accepted"));
  EXPECT_THAT(PQerrorMessage(connect(kReader, "expired").get()), HasSubstr("writ login"));
  EXPECT_THAT(PQerrorMessage(connect(kReader, "wrong").get()),
              HasSubstr("the client certificate is not accepted"));
  EXPECT_THAT(PQerrorMessage(connect(kReader, "foreign").get()),
              HasSubstr("the client certificate is not accepted"));
  const Connection without(
      PQconnectdb(("host=localhost port=" + std::to_string(door->port()) + " dbname=" + kReader +
                   " user=x sslmode=require sslcert=/nonexistent")
                      .c_str()));
  EXPECT_THAT(PQerrorMessage(without.get()), HasSubstr("this door needs a client certificate"));
  const Connection clear(PQconnectdb(("host=localhost port=" + std::to_string(door->port()) +
                                      " dbname=" + kReader + " user=x sslmode=disable")
                                         .c_str()));
  EXPECT_THAT(PQerrorMessage(clear.get()), HasSubstr("encrypted connections only"));
  EXPECT_TRUE(server.questions.empty());
}

TEST_F(DoorTest, LimitsSessionsOfAnIdentity) {
  give(kReader, "grt_limit", minutes(5));
  DoorConfig config = door_config();
  config.limits.per_identity = 2;
  open_door(std::move(config));
  const auto first = connect();
  auto second = connect();
  EXPECT_EQ(PQstatus(second.get()), CONNECTION_OK);
  EXPECT_THAT(PQerrorMessage(connect().get()), HasSubstr("too many connections"));
  second.reset();
  EXPECT_TRUE(eventually([&] { return PQstatus(connect().get()) == CONNECTION_OK; }));
}

TEST_F(DoorTest, SaysThatItIsFullWhileItStillCan) {
  give(kReader, "grt_full", minutes(5));
  DoorConfig config = door_config();
  config.limits.connections = 10;
  open_door(std::move(config));
  std::vector<Connection> open;
  for (int i = 0; i < 9; ++i) {
    open.push_back(connect());
    ASSERT_EQ(PQstatus(open.back().get()), CONNECTION_OK) << PQerrorMessage(open.back().get());
  }
  EXPECT_THAT(PQerrorMessage(connect().get()), HasSubstr("this door has too many sessions"));
  open.pop_back();
  EXPECT_TRUE(eventually([&] { return PQstatus(connect().get()) == CONNECTION_OK; }));
}

TEST_F(DoorTest, UsesNewCertificatesAfterAReload) {
  give(kReader, "grt_reload", minutes(5));
  open_door();
  const auto before = connect();
  Authority fresh(clock);
  client_files("carol", fresh.identity("user/carol", crypto::CertificateUsage::kClient));
  EXPECT_THAT(PQerrorMessage(connect(kReader, "carol").get()), HasSubstr("is not accepted"));
  EXPECT_FALSE(door->reload({"no certificate", Secret()}, authority.roots()));
  ASSERT_TRUE(door->reload(authority.identity("door/1", crypto::CertificateUsage::kBoth),
                           authority.roots() + fresh.roots()));
  EXPECT_EQ(ask(connect(kReader, "carol").get(), "SELECT 1"), "1");
  EXPECT_EQ(ask(before.get(), "SELECT 7"), "7");
}

TEST_F(DoorTest, DoesNotBelieveATargetWithoutProof) {
  give(kReader, "grt_trust", minutes(5));
  server.grants[kReader].login = "writ_grt_trust";
  ASSERT_TRUE(cluster->set_hba({"hostssl all writ_grt_trust 127.0.0.1/32 trust"}));
  open_door();
  EXPECT_THAT(PQerrorMessage(connect().get()), HasSubstr("without a proof of its secret"));
  ASSERT_TRUE(cluster->set_hba({"hostssl all writ_grt_trust 127.0.0.1/32 password"}));
  EXPECT_THAT(PQerrorMessage(connect().get()), HasSubstr("instead of scram-sha-256"));
  ASSERT_TRUE(cluster->set_hba({}));
  EXPECT_EQ(ask(connect().get(), "SELECT 1"), "1");
}

// A new verifier for the same grant has a new salt; the remembered keys are of no use then.
TEST_F(DoorTest, LogsInAfterTheVerifierChanged) {
  give(kReader, "grt_verifier", minutes(5));
  open_door();
  EXPECT_EQ(ask(connect().get(), "SELECT 1"), "1");
  EXPECT_EQ(ask(connect().get(), "SELECT 1"), "1");
  give(kReader, "grt_verifier", minutes(5));
  EXPECT_EQ(ask(connect().get(), "SELECT 1"), "1");
}

}  // namespace
}  // namespace writ::door::postgres
