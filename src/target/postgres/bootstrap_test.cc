#include "target/postgres/bootstrap.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>

#include "base/file.h"
#include "target/postgres/live_test.h"

namespace writ::target::postgres {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class BootstrapLive : public LiveTest {
 protected:
  void TearDown() override {
    EXPECT_TRUE(cluster_ == nullptr || run_bootstrap(*cluster_, test_bootstrap()));
  }
};
WRIT_BOTH_VERSIONS(BootstrapLive);

TEST_P(BootstrapLive, RunsInPsqlAgainAndAgain) {
  if (!std::filesystem::exists("/usr/bin/psql")) GTEST_SKIP() << "psql is not installed";
  const auto before = made();
  const auto script = bootstrap_sql(test_bootstrap());
  ASSERT_TRUE(script) << script.error().text();
  const std::string path =
      ::testing::TempDir() + "writ-bootstrap-" + std::to_string(::getpid()) + ".sql";
  ASSERT_TRUE(write_file(path, *script));
  const std::string command = "/usr/bin/psql -X -q -h " + cluster_->socket_folder() + " -p " +
                              std::to_string(cluster_->port()) + " -U postgres -d postgres -f " +
                              path + " 2>&1";
  for (int round = 0; round < 2; ++round) {
    std::FILE* pipe = ::popen(command.c_str(), "r");
    ASSERT_NE(pipe, nullptr);
    std::string said;
    char buffer[4096];
    while (const std::size_t n = std::fread(buffer, 1, sizeof buffer, pipe)) said.append(buffer, n);
    EXPECT_EQ(::pclose(pipe), 0) << said;
    EXPECT_EQ(said, "");
  }
  std::filesystem::remove(path);
  // What was there before works on, and is ended as usual.
  EXPECT_TRUE(client(before).connected());
  expect_retired(before);
}

TEST_P(BootstrapLive, TheConnectorCanDoNothingElse) {
  Client c = connector();
  ASSERT_TRUE(c.connected()) << c.message();
  const auto a = made();
  for (const std::string& sql : std::vector<std::string>{
           "CREATE ROLE x", "ALTER ROLE " + a.login + " PASSWORD 'x'", "DROP ROLE " + a.login,
           "GRANT orders_reader TO writ_connector", "SET ROLE writ_owner",
           "SELECT * FROM pg_authid", "SELECT * FROM writ.login",
           "UPDATE writ.setting SET value=''", "SELECT writ.setting('connector')",
           "SELECT writ.check_group('x')", "SELECT writ.leave_groups(10, '{}')",
           "SELECT writ.shut_login('x')",
           "CREATE FUNCTION writ.x() RETURNS int LANGUAGE sql AS 'SELECT 1'",
           "CREATE TABLE writ.x (x int)", "SELECT pg_read_file('/etc/passwd')"}) {
    EXPECT_THAT(c.run(sql), HasSubstr("ERROR")) << sql;
  }
  EXPECT_EQ(
      admin("SELECT rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls "
            "OR rolinherit FROM pg_authid WHERE rolname = 'writ_connector'"),
      "f");
  // Becoming a login works only once it was shut and holds nothing.
  EXPECT_THAT(c.run("SELECT writ.become('" + a.login + "')"), HasSubstr("was not shut first"));
  EXPECT_THAT(c.run("SELECT writ.become('postgres')"), HasSubstr("no login of Writ"));
  EXPECT_THAT(c.run("SELECT writ.become('writ_owner')"), HasSubstr("no login of Writ"));
  EXPECT_THAT(c.run("SELECT * FROM writ.clean(ARRAY['orders_maker'])"),
              HasSubstr("no login of Writ"));
}

TEST_P(BootstrapLive, EveryFunctionIsADefinerWithItsPath) {
  for (const char* database : {"postgres", "orders", "billing"}) {
    EXPECT_EQ(
        admin("SELECT string_agg(oid::regprocedure::text, ', ') FROM pg_proc WHERE "
              "pronamespace = 'writ'::regnamespace AND (NOT ('search_path=pg_catalog, pg_temp' "
              "= ANY (proconfig)) OR proowner <> 'writ_owner'::regrole OR proconfig IS NULL "
              "OR NOT prosecdef AND proname <> 'millis' OR has_function_privilege('public', "
              "oid, 'EXECUTE'))",
              database),
        "");
    EXPECT_NE(
        admin("SELECT count(*) FROM pg_proc WHERE pronamespace = 'writ'::regnamespace", database),
        "0");
  }
  EXPECT_EQ(admin("SELECT rolcanlogin FROM pg_authid WHERE rolname = 'writ_owner'"), "f");
}

TEST_P(BootstrapLive, RefusesGroupsThatRule) {
  admin("CREATE ROLE boss SUPERUSER");
  admin("CREATE ROLE staff IN ROLE boss");
  admin("CREATE ROLE maker CREATEROLE");
  for (const char* role : {"boss", "staff", "maker", "pg_execute_server_program", "missing"}) {
    Bootstrap b = test_bootstrap();
    b.entitlements.push_back(
        {.name = "pg/x", .database = "orders", .membership = {role}, .privileges = {}});
    EXPECT_FALSE(run_bootstrap(*cluster_, b)) << role;
  }
}

TEST_P(BootstrapLive, RefusesASchemaOfSomebodyElse) {
  admin("CREATE DATABASE squatted");
  admin("CREATE SCHEMA writ AUTHORIZATION orders_maker", "squatted");
  Bootstrap b = test_bootstrap();
  b.databases.push_back("squatted");
  const Status status = run_bootstrap(*cluster_, b);
  ASSERT_FALSE(status);
  EXPECT_THAT(status.error().message, HasSubstr("not Writ's"));
}

TEST_P(BootstrapLive, AnEntitlementThatLeftTheListIsGone) {
  const auto a = made("pg/orders/tables");
  ASSERT_TRUE(client(a).ok("SELECT count(*) FROM orders"));
  Bootstrap b = test_bootstrap();
  std::erase_if(b.entitlements, [](const Entitlement& e) { return e.name == "pg/orders/tables"; });
  ASSERT_TRUE(run_bootstrap(*cluster_, b));
  EXPECT_THAT(client(a).run("SELECT count(*) FROM orders"), HasSubstr("permission denied"));
  EXPECT_EQ(admin("SELECT count(*) FROM pg_authid WHERE rolname = 'writ:pg/orders/tables'"), "0");
  EXPECT_EQ(target_->apply(provision(account("pg/orders/tables")), 1).error().code, Code::kDenied);
}

TEST_P(BootstrapLive, TakesNamesThatNeedQuotes) {
  admin("CREATE DATABASE \"it's \"\"odd\"\"\"");
  admin(
      "CREATE SCHEMA \"Odd \"\"one\"\"\"; CREATE TABLE \"Odd \"\"one\"\"\".\"T'x\" AS SELECT 1;"
      "CREATE SEQUENCE public.s; CREATE FUNCTION public.f(int, text) RETURNS int LANGUAGE sql AS "
      "'SELECT 1'; REVOKE ALL ON FUNCTION public.f FROM PUBLIC",
      "it's \"odd\"");
  Bootstrap b = test_bootstrap();
  b.databases.push_back("it's \"odd\"");
  b.entitlements.push_back(
      {.name = std::string(100, 'n') + "'\"",
       .database = "it's \"odd\"",
       .membership = {},
       .privileges = {"SELECT, INSERT ON TABLE \"Odd \"\"one\"\"\".\"T'x\"",
                      "USAGE ON SCHEMA \"Odd \"\"one\"\"\"", "USAGE ON SEQUENCE public.s",
                      "EXECUTE ON FUNCTION public.f(integer, text)",
                      "EXECUTE ON ALL FUNCTIONS IN SCHEMA public",
                      "SELECT ON ALL SEQUENCES IN SCHEMA public",
                      "CONNECT ON DATABASE \"it's \"\"odd\"\"\""}});
  const Status status = run_bootstrap(*cluster_, b);
  ASSERT_TRUE(status) << status.error().text();
  EXPECT_EQ(admin("SELECT count(*) FROM pg_authid a WHERE rolname LIKE 'writ:nnn%' AND "
                  "has_table_privilege(oid, '\"Odd \"\"one\"\"\".\"T''x\"', 'INSERT') AND "
                  "has_function_privilege(oid, 'public.f(int, text)', 'EXECUTE')",
                  "it's \"odd\""),
            "1");
}

TEST(BootstrapOptions, AreChecked) {
  const auto refuses = [](auto change) {
    Bootstrap b = test_bootstrap();
    change(b);
    const auto parts = bootstrap_parts(b);
    return parts ? std::string() : parts.error().message;
  };
  EXPECT_EQ(refuses([](Bootstrap&) {}), "");
  EXPECT_THAT(refuses([](auto& b) { b.connector = "postgres"; }), HasSubstr("cannot be named"));
  EXPECT_THAT(refuses([](auto& b) { b.connector_verifier = "hunter2"; }), HasSubstr("SCRAM"));
  EXPECT_THAT(refuses([](auto& b) { b.main_database = "a\nb"; }), HasSubstr("control"));
  EXPECT_THAT(refuses([](auto& b) { b.databases.push_back("orders"); }), HasSubstr("twice"));
  EXPECT_THAT(refuses([](auto& b) { b.max_days = 0; }), HasSubstr("366"));
  EXPECT_THAT(refuses([](auto& b) { b.entitlements[0].database = "other"; }),
              HasSubstr("not listed"));
  EXPECT_THAT(refuses([](auto& b) { b.entitlements[0].membership = {}; }),
              HasSubstr("one of the two"));
  EXPECT_THAT(refuses([](auto& b) { b.entitlements[1].privileges = {"ALL ON TABLE x.y"}; }),
              StartsWith("entitlement pg/orders/tables: "));
  EXPECT_THAT(refuses([](auto& b) { b.door_addresses = {"10.0.0.1/32 trust\nhost all all"}; }),
              HasSubstr("pg_hba.conf"));
}

TEST(BootstrapOptions, LimitLoginsToTheDoor) {
  Bootstrap b = test_bootstrap();
  b.door_addresses = {"10.0.0.7/32"};
  b.server_addresses = {"10.0.0.8/32"};
  EXPECT_EQ(hba_lines(b),
            "hostssl \"postgres\",\"orders\",\"billing\" \"writ_connector\" 10.0.0.8/32 "
            "scram-sha-256\n"
            "hostssl \"postgres\",\"orders\",\"billing\" +writ_logins 10.0.0.7/32 scram-sha-256\n"
            "hostssl \"postgres\",\"orders\",\"billing\" +writ_logins 10.0.0.8/32 scram-sha-256\n"
            "host all +writ_logins all reject\n"
            "local all +writ_logins reject\n");
}

}  // namespace
}  // namespace writ::target::postgres
