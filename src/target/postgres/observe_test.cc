#include <gmock/gmock.h>

#include "target/postgres/live_test.h"

namespace writ::target::postgres {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::Field;
using ::testing::IsEmpty;
using ::testing::Not;

class Observe : public LiveTest {
 protected:
  core::Observed observed() {
    auto all = target_->observe();
    EXPECT_TRUE(all) << all.error().text();
    return all ? std::move(*all) : core::Observed{};
  }
  static auto holding(const std::string& login, const std::string& what,
                      const std::string& resource) {
    return Contains(AllOf(Field(&core::ObservedHolding::login, login),
                          Field(&core::ObservedHolding::what, what),
                          Field(&core::ObservedHolding::resource, resource)));
  }
  static const core::ObservedAccount* find(const core::Observed& all, const std::string& login) {
    for (const auto& account : all.accounts) {
      if (account.login == login) return &account;
    }
    return nullptr;
  }
};
WRIT_BOTH_VERSIONS(Observe);

TEST_P(Observe, ForeignLoginsSuperusersAndUnexplainedPrivileges) {
  admin("CREATE ROLE old_service LOGIN PASSWORD 'standing' VALID UNTIL '2031-01-01T00:00:00Z'");
  admin("CREATE ROLE shadow LOGIN SUPERUSER IN ROLE orders_maker");
  admin(
      "GRANT SELECT, DELETE ON orders TO old_service; GRANT SELECT (id) ON orders TO shadow;"
      "GRANT USAGE ON SCHEMA public TO old_service; CREATE TABLE os (x int);"
      "ALTER TABLE os OWNER TO old_service",
      "orders");
  admin("GRANT TEMPORARY ON DATABASE billing TO old_service");
  const auto all = observed();
  const auto* service = find(all, "old_service");
  ASSERT_NE(service, nullptr);
  EXPECT_TRUE(service->has_password && service->can_login && !service->superuser);
  EXPECT_FALSE(service->grant);
  EXPECT_EQ(service->valid_until, parse_time("2031-01-01T00:00:00Z").value());
  EXPECT_THAT(service->owned, Contains("orders: table public.os"));
  const auto* shadow = find(all, "shadow");
  ASSERT_NE(shadow, nullptr);
  EXPECT_TRUE(shadow->superuser && !shadow->has_password);
  EXPECT_THAT(all.holdings, holding("shadow", "superuser", "pg"));
  EXPECT_THAT(all.holdings, holding("shadow", "member of orders_maker", "pg"));
  EXPECT_THAT(all.holdings, holding("shadow", "SELECT (id) ON TABLE public.orders", "pg/orders"));
  EXPECT_THAT(all.holdings, holding("old_service", "DELETE ON TABLE public.orders", "pg/orders"));
  EXPECT_THAT(all.holdings, holding("old_service", "USAGE ON SCHEMA public", "pg/orders"));
  EXPECT_THAT(all.holdings, holding("old_service", "TEMPORARY ON DATABASE billing", "pg/billing"));
  // Writ's own fittings are no holdings, and its own password is known.
  EXPECT_THAT(all.holdings, Not(Contains(Field(&core::ObservedHolding::login, "writ_connector"))));
  EXPECT_FALSE(find(all, "writ_connector")->has_password);
  EXPECT_EQ(find(all, "writ_owner"), nullptr);
  admin("DROP TABLE os", "orders");
}

TEST_P(Observe, WhatEveryoneHolds) {
  admin(
      "CREATE TABLE open (x int, y int); GRANT SELECT ON open TO PUBLIC;"
      "CREATE TABLE half (x int, y int); GRANT UPDATE (y) ON half TO PUBLIC;"
      "CREATE FUNCTION lent() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1';"
      "CREATE FUNCTION plain() RETURNS int LANGUAGE sql AS 'SELECT 1';"
      "GRANT EXECUTE ON FUNCTION plain() TO orders_maker; GRANT CREATE ON DATABASE orders TO "
      "PUBLIC",
      "orders");
  const auto all = observed();
  EXPECT_THAT(all.holdings, holding("public", "SELECT ON TABLE public.open", "pg/orders"));
  EXPECT_THAT(all.holdings, holding("public", "UPDATE (y) ON TABLE public.half", "pg/orders"));
  EXPECT_THAT(
      all.holdings,
      holding("public", "EXECUTE ON FUNCTION public.lent(), which acts as postgres", "pg/orders"));
  EXPECT_THAT(all.holdings, holding("public", "CREATE ON DATABASE orders", "pg/orders"));
  // What PostgreSQL gives everyone by itself is left out, and so is Writ's own schema.
  int everyone = 0;
  for (const auto& held : all.holdings) everyone += held.login == "public" ? 1 : 0;
  EXPECT_EQ(everyone, 4) << ::testing::PrintToString(everyone);
  admin(
      "DROP TABLE open, half; DROP FUNCTION lent(), plain();"
      "REVOKE CREATE ON DATABASE orders FROM PUBLIC",
      "orders");
}

TEST_P(Observe, LoginsThatAreKeptFromWritAreNamedAsSuch) {
  admin("CREATE ROLE precious LOGIN PASSWORD 'p'; CREATE ROLE copier LOGIN REPLICATION");
  const auto all = observed();
  EXPECT_THAT(all.holdings, holding("precious", "protected from Writ", "pg"));
  EXPECT_THAT(all.holdings, holding("copier", "replication", "pg"));
  admin("DROP ROLE precious, copier");
}

TEST_P(Observe, GrantsAreExplainedInTheirOwnWords) {
  const auto by_role = made("pg/orders/reader");
  const auto by_privilege = made("pg/orders/tables");
  const auto all = observed();
  const auto* account = find(all, by_role.login);
  ASSERT_NE(account, nullptr);
  EXPECT_EQ(account->grant, by_role.grant);
  EXPECT_FALSE(account->has_password);
  EXPECT_EQ(account->valid_until, by_role.until);
  EXPECT_THAT(all.holdings, holding(by_role.login, "member of orders_reader", "pg"));
  EXPECT_THAT(all.holdings,
              holding(by_privilege.login, by_privilege.privileges.at(0), "pg/orders"));
  EXPECT_THAT(target_->plan({by_role, by_privilege}, all.accounts),
              Not(Contains(Field(&core::Step::kind, core::StepKind::kProvision))));
}

TEST_P(Observe, SessionsAndUses) {
  admin("CREATE ROLE batch LOGIN PASSWORD 'standing'");
  {
    Client session(*cluster_, "batch", "standing");
    ASSERT_TRUE(session.ok("SET application_name = 'nightly'"));
    const auto all = observed();
    EXPECT_THAT(all.sessions,
                Contains(AllOf(Field(&core::ObservedSession::login, "batch"),
                               Field(&core::ObservedSession::database, "orders"),
                               Field(&core::ObservedSession::client, "127.0.0.1"),
                               Field(&core::ObservedSession::application, "nightly"))));
    EXPECT_THAT(all.sessions,
                Not(Contains(Field(&core::ObservedSession::login, "writ_connector"))));
    EXPECT_TRUE(find(all, "batch")->last_use);
    const auto uses = target_->uses("batch");
    ASSERT_TRUE(uses && uses->size() == 1);
    EXPECT_TRUE(uses->at(0).live);
    EXPECT_EQ(uses->at(0).application, "nightly");
    EXPECT_LE(uses->at(0).first, uses->at(0).last);
    // A client that calls itself something else every time fills nothing up.
    for (int i = 0; i < 60; ++i) {
      ASSERT_TRUE(session.ok("SET application_name = 'a" + std::to_string(i) + "'"));
      connector().run("SELECT count(*) FROM writ.sessions()");
    }
    EXPECT_LE(std::stoi(admin("SELECT count(*) FROM writ.seen WHERE login = 'batch'")), 50);
  }
  EXPECT_EQ(admin("SELECT count(*) FROM pg_stat_activity WHERE usename = 'nobody'"), "0");
  EXPECT_THAT(target_->uses("nobody").value(), IsEmpty());
}

TEST_P(Observe, AStandingPasswordIsRemovedWithinBounds) {
  admin("CREATE ROLE legacy LOGIN PASSWORD 'standing'");
  admin("CREATE ROLE precious LOGIN PASSWORD 'standing'");
  admin("CREATE ROLE root2 LOGIN SUPERUSER PASSWORD 'standing'");
  admin("CREATE ROLE standby LOGIN REPLICATION PASSWORD 'standing'");
  const auto disable = [&](const std::string& login, std::uint64_t fence) {
    const auto outcome =
        target_->apply({core::StepKind::kDisableSecret, login, std::nullopt}, fence);
    return outcome ? std::optional<Code>() : outcome.error().code;
  };
  ASSERT_TRUE(Client(*cluster_, "legacy", "standing").connected());
  EXPECT_EQ(disable("legacy", 5), std::nullopt);
  EXPECT_EQ(disable("legacy", 5), std::nullopt);
  EXPECT_EQ(disable("legacy", 4), Code::kConflict);
  EXPECT_FALSE(Client(*cluster_, "legacy", "standing").connected());
  EXPECT_FALSE(target_->observe({"legacy"})->at(0).has_password);
  EXPECT_EQ(target_->probe("legacy", "orders", Secret(std::string_view("standing"))),
            core::Probe::kRefused);
  for (const char* login : {"precious", "root2", "standby", "postgres", "writ_connector"}) {
    EXPECT_EQ(disable(login, 5), Code::kDenied) << login;
  }
  EXPECT_EQ(disable(made().login, 5), Code::kDenied);
  EXPECT_EQ(disable("nobody", 5), Code::kNotFound);
  EXPECT_TRUE(Client(*cluster_, "precious", "standing").connected());
  EXPECT_TRUE(connector().connected());
}

TEST(Plan, RetiresWhatIsNotWantedAndNeverTouchesForeignAccounts) {
  TargetOptions options;
  options.name = "pg";
  options.endpoint = {.host = "/tmp", .tls = Tls::kOff};
  const auto target = open_target(std::move(options)).value();
  core::DesiredAccount wanted;
  wanted.login = "writ_a";
  wanted.grant = "grant_1";
  wanted.until = from_unix_ms(1000);
  core::ObservedAccount right;
  right.login = "writ_a";
  right.grant = "grant_1";
  right.valid_until = from_unix_ms(1000);
  core::ObservedAccount orphan;
  orphan.login = "writ_b";
  orphan.grant = "grant_2";
  core::ObservedAccount foreign;
  foreign.login = "dba";
  EXPECT_THAT(target->plan({wanted}, {right, foreign}), IsEmpty());
  auto steps = target->plan({wanted}, {orphan, foreign});
  ASSERT_EQ(steps.size(), 2u);
  EXPECT_EQ(steps[0].kind, core::StepKind::kRetire);
  EXPECT_EQ(steps[0].login, "writ_b");
  EXPECT_EQ(steps[1].kind, core::StepKind::kProvision);
  for (const auto& drift : {+[](core::ObservedAccount& a) { a.has_password = true; },
                            +[](core::ObservedAccount& a) { a.superuser = true; },
                            +[](core::ObservedAccount& a) { a.can_login = false; },
                            +[](core::ObservedAccount& a) { a.valid_until = std::nullopt; }}) {
    core::ObservedAccount drifted = right;
    drift(drifted);
    EXPECT_EQ(target->plan({wanted}, {drifted}).size(), 1u);
  }
}

}  // namespace
}  // namespace writ::target::postgres
