#include <gmock/gmock.h>

#include "target/postgres/live_test.h"

namespace writ::target::postgres {
namespace {

class Provision : public LiveTest {};
WRIT_BOTH_VERSIONS(Provision);

TEST_P(Provision, GivesTheEntitlementUnderItsOwnName) {
  const auto a = made();
  Client person = client(a);
  ASSERT_TRUE(person.connected()) << person.message();
  EXPECT_EQ(person.run("SELECT session_user"), a.login);
  EXPECT_EQ(person.run("SELECT count(*) FROM orders"), "20000");
  EXPECT_THAT(person.run("DELETE FROM orders"), ::testing::HasSubstr("permission denied"));
  EXPECT_THAT(person.run("GRANT orders_reader TO orders_maker"), ::testing::HasSubstr("ERROR"));
}

TEST_P(Provision, CoversTablesMadeSince) {
  made("pg/orders/tables");
  admin("CREATE TABLE public.later_" + std::to_string(GetParam()) + " AS SELECT 5 AS five",
        "orders");
  const auto a = made("pg/orders/tables");
  Client person = client(a);
  EXPECT_EQ(person.run("SELECT five FROM later_" + std::to_string(GetParam())), "5");
  EXPECT_EQ(person.run("SELECT count(*) FROM orders"), "20000");
}

TEST_P(Provision, IsIdempotentAndPutsRightWhatDrifted) {
  auto a = made();
  admin("GRANT orders_maker TO " + a.login + " WITH ADMIN OPTION");
  admin("ALTER ROLE " + a.login + " CREATEROLE CONNECTION LIMIT -1 VALID UNTIL 'infinity'");
  ASSERT_TRUE(target_->apply(provision(a), 1));
  EXPECT_EQ(admin("SELECT string_agg(roleid::regrole::text || admin_option, ',' ORDER BY 1) FROM "
                  "pg_auth_members WHERE member = '" +
                  a.login + "'::regrole"),
            "orders_readerfalse,writ_loginsfalse");
  EXPECT_EQ(admin("SELECT rolcreaterole::text || rolconnlimit FROM pg_authid WHERE rolname = '" +
                  a.login + "'"),
            "false10");
  const auto seen = target_->observe({a.login});
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen->at(0).valid_until, a.until);
}

TEST_P(Provision, RefusesOlderFencesUsedNamesAndForeignRoles) {
  auto a = account();
  ASSERT_TRUE(target_->apply(provision(a), 5));
  EXPECT_EQ(target_->apply(provision(a), 4).error().code, Code::kConflict);
  EXPECT_EQ(target_->apply(retire(a), 4).error().code, Code::kConflict);
  EXPECT_TRUE(role_exists(a.login));
  expect_retired(a, 6);
  EXPECT_EQ(target_->apply(provision(a), 5).error().code, Code::kConflict);
  EXPECT_EQ(target_->apply(provision(a), 9).error().code, Code::kConflict);
  EXPECT_FALSE(role_exists(a.login));

  const auto unseen = account();  // ended by a newer server before an older one comes to make it
  ASSERT_TRUE(target_->apply(retire(unseen), 8));
  EXPECT_EQ(target_->apply(provision(unseen), 7).error().code, Code::kConflict);

  const auto foreign = account();
  admin("CREATE ROLE " + foreign.login + " LOGIN");
  EXPECT_EQ(target_->apply(provision(foreign), 9).error().code, Code::kExists);
  EXPECT_EQ(target_->apply(retire(foreign), 9).error().code, Code::kExists);
  EXPECT_TRUE(role_exists(foreign.login));
}

TEST_P(Provision, RefusesWhatIsMalformedOrNotListed) {
  const auto code = [&](auto change) {
    auto a = account();
    change(a);
    const auto outcome = target_->apply({core::StepKind::kProvision, a.login, a}, 1);
    EXPECT_FALSE(role_exists(a.login));
    return outcome ? Code::kInternal : outcome.error().code;
  };
  const Time now = SystemClock().now();
  EXPECT_EQ(code([](auto& a) { a.login = "anna"; }), Code::kInvalid);
  EXPECT_EQ(code([](auto& a) { a.login = "writ_Anna"; }), Code::kInvalid);
  EXPECT_EQ(code([](auto& a) { a.login = "writ_a; DROP ROLE x"; }), Code::kInvalid);
  EXPECT_EQ(code([](auto& a) { a.login = "writ_" + std::string(59, 'a'); }), Code::kInvalid);
  EXPECT_EQ(code([](auto& a) { a.verifier = "plain password"; }), Code::kInvalid);
  EXPECT_EQ(code([](auto& a) { a.verifier = "md5" + std::string(32, 'a'); }), Code::kInvalid);
  EXPECT_EQ(code([&](auto& a) { a.until = now - Millis(1); }), Code::kInvalid);
  EXPECT_EQ(code([&](auto& a) { a.until = now + std::chrono::days(40); }), Code::kInvalid);
  EXPECT_EQ(code([](auto& a) { a.connection_limit = 0; }), Code::kInvalid);
  EXPECT_EQ(code([](auto& a) { a.grant = ""; }), Code::kInvalid);
  EXPECT_EQ(code([](auto& a) { a.entitlement = "pg/orders/owner"; }), Code::kDenied);
  EXPECT_EQ(code([](auto& a) { a.membership = {"postgres"}; }), Code::kConflict);
  EXPECT_EQ(code([](auto& a) { a.database = "billing"; }), Code::kConflict);
  for (const char* own : {"writ_owner", "writ_connector", "writ_logins", "writ_quarantine"}) {
    auto a = account();
    a.login = own;
    EXPECT_EQ(target_->apply(provision(a), 1).error().code, Code::kInvalid) << own;
    EXPECT_EQ(target_->apply(retire(a), 1).error().code, Code::kInvalid) << own;
    EXPECT_TRUE(role_exists(own));
  }
}

TEST_P(Provision, MakesADroppedLoginAgainAndEndsItsOldSessions) {
  const auto a = made();
  Client session = client(a);
  ASSERT_TRUE(session.ok("SET ROLE orders_reader"));
  admin("DROP ROLE " + a.login);
  ASSERT_TRUE(session.ok("SELECT 1 FROM orders LIMIT 1"));
  ASSERT_TRUE(target_->apply(provision(a), 1));
  EXPECT_FALSE(session.ok("SELECT 1"));
  EXPECT_TRUE(client(a).connected());
}

TEST_P(Provision, RefusesGroupsThatBecameRulers) {
  const auto a = account();
  admin("CREATE ROLE ruler SUPERUSER");
  admin("GRANT ruler TO orders_reader");
  EXPECT_EQ(target_->apply(provision(a), 1).error().code, Code::kDenied);
  admin("REVOKE ruler FROM orders_reader");
  EXPECT_TRUE(target_->apply(provision(a), 1));
}

TEST_P(Provision, SetRoleOnlyWhereTheEntitlementSaysSo) {
  const auto may = made("pg/orders/reader");
  EXPECT_TRUE(client(may).ok("SET ROLE orders_reader"));
  const auto may_not = made("pg/orders/maker");
  // PostgreSQL 15 has no such option.
  EXPECT_EQ(client(may_not).ok("SET ROLE orders_maker"), GetParam() < 16);
}

// Direct grants on one table run into the size of its row in pg_class; group roles do not.
TEST_P(Provision, ManyLoginsOnOneTable) {
  admin("CREATE TABLE public.crowded (x int)", "orders");
  const std::string direct = admin(
      "DO $$ BEGIN FOR n IN 1..4000 LOOP"
      " EXECUTE format('CREATE ROLE direct_%s', n);"
      " EXECUTE format('GRANT SELECT ON public.crowded TO direct_%s', n);"
      " END LOOP; END $$",
      "orders");
  EXPECT_THAT(direct, ::testing::HasSubstr("row is too big"));

  // PostgreSQL tries each verifier with the empty password; fewer rounds keep that short.
  std::string quick = verifier_of("nobody uses this");
  quick.replace(quick.find("4096"), 4, "1000");
  const std::string made_all = connector().run(
      "DO $$ BEGIN FOR n IN 1..2500 LOOP PERFORM writ.provision('g' || n, 'writ_many_' || n, "
      "'pg/orders/reader', 'orders', ARRAY['orders_reader'], '{}', '" +
      quick + "', now() + interval '1 hour', 5, 1); END LOOP; END $$");
  ASSERT_EQ(made_all, "");
  const auto last = made();
  EXPECT_EQ(client(last).run("SELECT count(*) FROM orders"), "20000");

  std::vector<core::Step> steps;
  for (int n = 1; n <= 2500; ++n) {
    steps.push_back({core::StepKind::kRetire, "writ_many_" + std::to_string(n), std::nullopt});
  }
  for (const auto& outcome : target_->apply_all(steps, 2)) {
    ASSERT_TRUE(outcome) << outcome.error().text();
    EXPECT_TRUE(outcome->gone);
  }
  EXPECT_EQ(admin("SELECT count(*) FROM pg_authid WHERE rolname LIKE 'writ\\_many\\_%'"), "0");
}

}  // namespace
}  // namespace writ::target::postgres
