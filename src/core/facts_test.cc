// What time, targets and reconcilers report, and what follows.
#include <gmock/gmock.h>

#include <algorithm>

#include "core/login.h"
#include "core/views.h"
#include "core/world_test.h"

namespace writ::core {
namespace {

using testing::HasSubstr;
using world::text;
using World = world::World;

struct FactsWorld : testing::Test {
  FactsWorld() { w.furnish(); }
  const TargetSystem& target() { return *w.state.targets.find("pg-main"); }
  void observe(const Observed& observed) {
    w.commit({"server"}, on_observed(w.state, target(), observed, w.now, w.random));
  }
  const Finding* finding(const std::string& kind, const std::string& login) {
    const std::string* id = w.state.finding_ids.find(kind + "\npg-main: " + login);
    return id == nullptr ? nullptr : w.state.findings.find(*id);
  }
  // The account of a grant as the connector would have made it.
  ObservedAccount account(const std::string& grant) {
    const Grant& g = *w.state.grants.find(grant);
    ObservedAccount a;
    a.login = login_of(w.state, g);
    a.grant = g.id;
    a.valid_until = g.until;
    return a;
  }
  World w;
};
using Due = FactsWorld;
using DesiredOf = FactsWorld;
using OnObserved = FactsWorld;
using Remedy = FactsWorld;
using Views = FactsWorld;

TEST_F(Due, EndsGrantsAtTheirEnd) {
  w.advance(std::chrono::minutes(15));  // the founders' enrollments end
  w.tick();
  const std::string grant = w.granted("erin", World::ask("reader"));
  w.advance(std::chrono::minutes(45) - Millis(1));
  EXPECT_TRUE(due(w.state, w.now).empty());
  w.advance(Millis(1));
  w.tick();
  EXPECT_EQ(w.state.grants.find(grant)->state, GrantState::kRevoking);
  EXPECT_EQ(w.state.grants.find(grant)->ending->reason, EndReason::kExpired);
  EXPECT_TRUE(due(w.state, w.now).empty());
}

TEST_F(Due, EndsWhatIsNeverActivated) {
  const Json result = w.must("erin", "request_access", World::ask("reader"));
  w.advance(std::chrono::minutes(45));
  w.tick();
  EXPECT_EQ(w.state.grants.find(text(result, "grant"))->ending->reason,
            EndReason::kActivationFailed);
}

TEST_F(Due, EndsRequests) {
  w.must("erin", "request_access", World::ask("writer"));
  w.advance(std::chrono::hours(1));
  w.tick();
  EXPECT_EQ(w.state.requests.size(), 0u);
}

TEST_F(Due, LeavesNothingThatHasAnEnd) {
  w.granted("erin", World::ask("reader"));
  w.must("erin", "request_access", World::ask("writer"));
  w.must("alice", "open_enrollment", Json::object({{"identity", "evan"}}));
  w.advance(std::chrono::days(3660));
  w.tick();
  w.tick();  // what was found about devices that are gone
  EXPECT_EQ(w.state.memberships.size(), 0u);
  EXPECT_EQ(w.state.members.size(), 0u);
  EXPECT_EQ(w.state.devices.size(), 0u);
  EXPECT_EQ(w.state.enrollments.size(), 0u);
  EXPECT_EQ(w.state.ends.size(), 0u);
}

TEST_F(DesiredOf, AccountsOfLiveGrantsAndLoginsThatMustEnd) {
  const std::string kept = w.granted("erin", World::ask("reader"));
  const std::string ending = w.granted("evan", World::ask("reader"));
  const std::string waiting =
      text(w.must("erin", "request_access", World::ask("reader", "b")), "grant");
  w.must("evan", "revoke", Json::object({{"grant", ending}, {"reason", "done"}}));
  const Desired desired = desired_of(w.state, "pg-main", w.now);
  ASSERT_EQ(desired.accounts.size(), 2u);
  for (const DesiredAccount& a : desired.accounts) {
    const Grant& grant = *w.state.grants.find(a.grant);
    EXPECT_TRUE(a.grant == kept || a.grant == waiting);
    EXPECT_EQ(a.login, login_of(w.state, grant));
    EXPECT_EQ(a.membership, std::vector<std::string>{"orders_reader"});
    EXPECT_EQ(a.until, grant.until.value_or(w.now + grant.duration));
  }
  ASSERT_EQ(desired.ending.size(), 1u);
  EXPECT_EQ(desired.ending[0].first, ending);
  EXPECT_TRUE(desired_of(w.state, "elsewhere", w.now).accounts.empty());
  // The end holds before anybody has run.
  w.advance(std::chrono::minutes(45));
  EXPECT_TRUE(desired_of(w.state, "pg-main", w.now).accounts.empty());
}

TEST_F(DesiredOf, AGrantEndsWhenItsAccountIsSeenGone) {
  const std::string grant = w.granted("erin", World::ask("reader"));
  EXPECT_TRUE(on_gone(w.state, grant, StepOutcome{true, 0, {}}).empty());
  w.must("erin", "revoke", Json::object({{"grant", grant}, {"reason", "done"}}));
  w.commit({"server"}, on_try_failed(w.state, grant, "no connection"));
  EXPECT_EQ(w.state.grants.find(grant)->failure->tries, 1);
  EXPECT_EQ(w.state.grants.find(grant)->failure->error, "no connection");
  EXPECT_TRUE(on_gone(w.state, grant, StepOutcome{false, 0, {}}).empty());
  w.commit({"server"}, on_gone(w.state, grant, StepOutcome{true, 2, {}}));
  EXPECT_EQ(w.state.grants.size(), 0u);
  EXPECT_TRUE(on_gone(w.state, grant, StepOutcome{true, 0, {}}).empty());
}

TEST_F(DesiredOf, ErrorsAreCutBetweenCharacters) {
  const std::string grant = text(w.must("erin", "request_access", World::ask("reader")), "grant");
  std::string error;
  while (error.size() < 2000) error += "\xc3\xa9x";
  w.commit({"server"}, on_try_failed(w.state, grant, error));
  EXPECT_TRUE(is_utf8(w.state.grants.find(grant)->failure->error));
  w.commit({"server"}, on_try_failed(w.state, grant, "\xff\xfe"));
  EXPECT_TRUE(is_utf8(w.state.grants.find(grant)->failure->error));
  EXPECT_EQ(w.state.grants.find(grant)->failure->tries, 2);
}

ObservedAccount foreign(const std::string& login) {
  ObservedAccount a;
  a.login = login;
  return a;
}

TEST_F(OnObserved, FindsStandingPrivilegeOnceAndClosesItWhenGone) {
  Observed observed;
  ObservedAccount billing = foreign("billing");
  billing.has_password = true;
  billing.last_use = w.now - std::chrono::minutes(3);
  ObservedAccount root = foreign("postgres");
  root.superuser = true;
  observed.accounts = {billing, root, foreign("writ_connector")};
  observed.holdings = {{"billing", "SELECT ON TABLE public.orders", "pg-main/orders"},
                       {"billing", "member of orders_reader", "pg-main/orders"},
                       {"writ_connector", "EXECUTE ON FUNCTION writ.observe()", "pg-main"}};
  observe(observed);
  ASSERT_NE(finding("standing_password", "billing"), nullptr);
  const Finding password = *finding("standing_password", "billing");
  EXPECT_THAT(password.detail, HasSubstr("last used at " + to_text(*billing.last_use)));
  EXPECT_EQ(password.last_use, billing.last_use);
  EXPECT_FALSE(password.remedy.empty());
  EXPECT_EQ(password.owner, "group:dba");
  ASSERT_NE(finding("superuser", "postgres"), nullptr);
  EXPECT_EQ(finding("superuser", "postgres")->severity, Severity::kCritical);
  ASSERT_NE(finding("unexplained_privilege", "billing"), nullptr);
  EXPECT_EQ(w.state.findings.size(), 3u);
  EXPECT_EQ(w.state.holdings.find("pg-main")->size(), 3u);

  EXPECT_TRUE(on_observed(w.state, target(), observed, w.now, w.random).empty());
  observed.accounts[0].last_use = w.now + std::chrono::minutes(10);
  EXPECT_TRUE(on_observed(w.state, target(), observed, w.now, w.random).empty());
  // Much later use renews the finding under its id.
  w.advance(std::chrono::hours(2));
  observed.accounts[0].last_use = w.now;
  observe(observed);
  EXPECT_EQ(finding("standing_password", "billing")->id, password.id);
  EXPECT_EQ(finding("standing_password", "billing")->since, password.since);
  EXPECT_EQ(finding("standing_password", "billing")->last_use, w.now);

  observed.accounts[0].has_password = false;
  observed.holdings.clear();
  observe(observed);
  EXPECT_EQ(finding("standing_password", "billing"), nullptr);
  EXPECT_EQ(finding("unexplained_privilege", "billing"), nullptr);
  EXPECT_NE(finding("superuser", "postgres"), nullptr);
  EXPECT_EQ(w.state.holdings.find("pg-main"), nullptr);
}

TEST_F(OnObserved, WhatEveryoneHoldsIsAFinding) {
  Observed observed;
  observed.holdings = {{"public", "SELECT ON TABLE public.orders", "pg-main/orders"}};
  observe(observed);
  ASSERT_NE(finding("unexplained_privilege", "public"), nullptr);
  EXPECT_THAT(finding("unexplained_privilege", "public")->detail,
              HasSubstr("(PUBLIC) holds what no grant explains: SELECT ON TABLE public.orders"));
  observed.holdings.clear();
  observe(observed);
  EXPECT_EQ(finding("unexplained_privilege", "public"), nullptr);
}

TEST_F(OnObserved, NoRemedyIsOfferedForALoginThatIsKeptFromWrit) {
  Observed observed;
  ObservedAccount precious = foreign("precious");
  precious.has_password = true;
  ObservedAccount standby = foreign("standby");
  standby.has_password = true;
  observed.accounts = {precious, standby};
  observed.holdings = {{"precious", "protected from Writ", "pg-main"},
                       {"standby", "replication", "pg-main"}};
  observe(observed);
  for (const auto& [login, why] :
       {std::pair("precious", "protected it"), std::pair("standby", "it is a replication login")}) {
    ASSERT_NE(finding("standing_password", login), nullptr);
    EXPECT_TRUE(finding("standing_password", login)->remedy.empty());
    EXPECT_THAT(finding("standing_password", login)->detail, HasSubstr(why));
  }
  // That it is protected is no privilege.
  EXPECT_EQ(finding("unexplained_privilege", "precious"), nullptr);
  EXPECT_NE(finding("unexplained_privilege", "standby"), nullptr);
}

TEST_F(OnObserved, LiveGrantsExplainWhatTheyGive) {
  const std::string grant = w.granted("erin", World::ask("reader"));
  w.advance(std::chrono::seconds(30));
  Observed observed;
  observed.accounts = {account(grant)};
  observed.holdings = {{observed.accounts[0].login, "member of orders_reader", "pg-main/orders"}};
  observe(observed);
  EXPECT_EQ(w.state.findings.size(), 0u);
  EXPECT_EQ(w.state.holdings.find("pg-main")->at(0).grant, grant);
}

TEST_F(OnObserved, AnAccountWithoutALiveGrantIsAnOrphan) {
  Observed observed;
  observed.accounts = {foreign("writ_gone_abcdef")};
  observed.accounts[0].grant = "grt_gone";
  observe(observed);
  ASSERT_NE(finding("orphan", "writ_*_abcdef"), nullptr);
  EXPECT_EQ(finding("orphan", "writ_*_abcdef")->severity, Severity::kHigh);
}

TEST_F(OnObserved, AnAccountThatClaimsAnothersGrantIsAnOrphan) {
  const std::string grant = w.granted("erin", World::ask("reader"));
  Observed observed;
  observed.accounts = {account(grant), foreign("impostor")};
  observed.accounts[1].grant = grant;
  observe(observed);
  EXPECT_NE(finding("orphan", "impostor"), nullptr);
}

TEST_F(OnObserved, WhatDiffersFromAGrantIsDrift) {
  const std::string grant = w.granted("erin", World::ask("reader"));
  const std::string made = login_of(w.state, *w.state.grants.find(grant));
  const std::string login = recorded_login(made);
  observe(Observed{});  // it was not there yet a moment ago
  EXPECT_EQ(finding("drift", login), nullptr);
  w.advance(std::chrono::minutes(1));
  observe(Observed{});
  ASSERT_NE(finding("drift", login), nullptr);
  EXPECT_THAT(finding("drift", login)->detail, HasSubstr("missing"));

  Observed observed;
  observed.accounts = {account(grant)};
  observed.holdings = {{made, "member of orders_writer", "pg-main/orders"}};
  observe(observed);
  EXPECT_THAT(finding("drift", login)->detail, HasSubstr("orders_writer"));
  observed.holdings.clear();
  observed.accounts[0].valid_until.reset();
  observe(observed);
  EXPECT_THAT(finding("drift", login)->detail, HasSubstr("past the grant's end"));
  observed.accounts[0] = account(grant);
  observe(observed);
  EXPECT_EQ(finding("drift", login), nullptr);
}

TEST_F(OnObserved, ManyHoldingsAreSeveralEvents) {
  Observed observed;
  for (int i = 0; i < 250; ++i) {
    observed.holdings.push_back(
        {"role", "SELECT ON TABLE t" + std::to_string(i), "pg-main/orders"});
  }
  const auto events = on_observed(w.state, target(), observed, w.now, w.random);
  EXPECT_EQ(events.size(), 3u);
  w.commit({"server"}, events);
  EXPECT_EQ(w.state.holdings.find("pg-main")->size(), 250u);
  std::reverse(observed.holdings.begin(), observed.holdings.end());
  EXPECT_TRUE(on_observed(w.state, target(), observed, w.now, w.random).empty());
}

TEST_F(Remedy, SaysWhatItWouldBreakAndActsOnlyWhenConfirmed) {
  Observed observed;
  observed.accounts = {foreign("billing")};
  observed.accounts[0].has_password = true;
  observed.accounts[0].last_use = w.now;
  observe(observed);
  Json body = Json::object({{"finding", finding("standing_password", "billing")->id}});
  EXPECT_EQ(w.refused("erin", "remedy", body).code, Code::kDenied);
  const auto told = w.run("alice", "remedy", body);
  ASSERT_TRUE(told);
  EXPECT_TRUE(told->events.empty());
  EXPECT_EQ(text(told->result, "last_use"), to_text(w.now));
  EXPECT_THAT(text(told->result, "breaks"), HasSubstr("billing"));
  body.set("confirm", true);
  const auto done = w.run("alice", "remedy", body);
  ASSERT_TRUE(done);
  ASSERT_EQ(done->events.size(), 1u);
  const auto& planned = std::get<StepPlanned>(done->events[0]);
  EXPECT_EQ(planned.step.kind, StepKind::kDisableSecret);
  EXPECT_EQ(planned.step.login, "billing");
  EXPECT_EQ(planned.target, "pg-main");
}

TEST_F(Remedy, SomeFindingsNeedAPerson) {
  Observed observed;
  observed.accounts = {foreign("postgres")};
  observed.accounts[0].superuser = true;
  observed.accounts[0].has_password = true;
  observe(observed);
  for (const char* kind : {"superuser", "standing_password"}) {
    EXPECT_EQ(finding(kind, "postgres")->remedy, "");
    EXPECT_EQ(
        w.refused("alice", "remedy", Json::object({{"finding", finding(kind, "postgres")->id}}))
            .code,
        Code::kConflict);
  }
}

TEST_F(Views, EveryRowOfAKindHasTheSameMembers) {
  w.granted("erin", World::ask("reader"));
  w.must("evan", "request_access", World::ask("reader"));
  w.must("erin", "request_access", World::ask("writer"));
  w.must("alice", "add_entitlement", Json::object({{"entitlement", World::entitlement("extra")}}));
  Observed observed;
  observed.accounts = {foreign("billing"), foreign("postgres")};
  observed.accounts[0].has_password = true;
  observed.accounts[1].superuser = true;
  observed.holdings = {{"billing", "member of x", "pg-main"},
                       {"billing", "member of y", "pg-main"}};
  observe(observed);
  w.commit({"door:" + w.id("pg-door")},
           {SessionStarted{Session{"ses_1", w.id("pg-door"), "grt_1", w.id("erin"), "127.0.0.1",
                                   "psql", 17, w.now},
                           1}});
  for (const char* kind : {"entitlements", "grants", "requests", "changes", "sessions", "holdings",
                           "identities", "groups", "findings", "targets", "doors", "policies"}) {
    const auto rows = view(w.state, w.sealer, kind, w.id("alice"), Scope::kAll, w.now);
    ASSERT_TRUE(rows) << kind;
    ASSERT_FALSE(rows->empty()) << kind;
    const JsonObject& first = *rows->front().as_object();
    for (const Json& row : *rows) {
      ASSERT_EQ(row.as_object()->size(), first.size()) << kind;
      for (std::size_t i = 0; i < first.size(); ++i) {
        EXPECT_EQ((*row.as_object())[i].first, first[i].first) << kind;
        const Json& value = (*row.as_object())[i].second;
        EXPECT_TRUE(value.as_object() == nullptr && value.as_array() == nullptr) << kind;
      }
    }
  }
  const auto unknown = view(w.state, w.sealer, "secrets", w.id("alice"), Scope::kAll, w.now);
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, Code::kInvalid);
  EXPECT_THAT(unknown.error().message, HasSubstr("entitlements, grants"));
}

TEST_F(Views, EntitlementsSayTermsAndStandingInWords) {
  w.granted("erin", World::ask("reader"));
  const std::string request =
      text(w.must("erin", "request_access", World::ask("writer")), "request");
  const auto rows = view(w.state, w.sealer, "entitlements", w.id("erin"), Scope::kOwn, w.now);
  ASSERT_TRUE(rows);
  std::map<std::string, Json> by_name;
  for (const Json& row : *rows) by_name[text(row, "name")] = row;
  EXPECT_EQ(text(by_name["pg-main/orders/reader"], "terms"), "up to 45m, no approval");
  EXPECT_THAT(text(by_name["pg-main/orders/reader"], "state"), HasSubstr("held until 20"));
  EXPECT_EQ(text(by_name["pg-main/orders/writer"], "terms"), "up to 30m, approval by dba (1)");
  EXPECT_EQ(text(by_name["pg-main/orders/writer"], "state"), "pending " + request);
  const auto oscar = view(w.state, w.sealer, "entitlements", w.id("oscar"), Scope::kOwn, w.now);
  ASSERT_EQ(oscar->size(), 1u);
  EXPECT_EQ(text(oscar->front(), "terms"), "up to 1h, needs a code from the last 15m, no approval");
}

TEST_F(Views, OwnRowsConcernTheAskerAndWhatItOwns) {
  w.granted("erin", World::ask("reader"));
  w.granted("evan", World::ask("reader"));
  w.must("billing-job", "request_access", World::ask("writer"));
  const auto count = [&](const std::string& kind, const std::string& who) {
    return view(w.state, w.sealer, kind, w.id(who), Scope::kOwn, w.now)->size();
  };
  EXPECT_EQ(count("grants", "erin"), 1u);
  EXPECT_EQ(count("grants", "oscar"), 0u);
  EXPECT_EQ(count("requests", "erin"), 1u);  // her machine's
  EXPECT_EQ(count("requests", "evan"), 0u);
  EXPECT_EQ(count("requests", "dana"), 1u);  // hers to decide
  EXPECT_EQ(count("identities", "erin"), 2u);
  EXPECT_EQ(count("doors", "erin"), 1u);
  EXPECT_EQ(count("policies", "erin"), 0u);
}

TEST_F(Views, WhoamiSaysWhoAndHowFresh) {
  w.show_factor("erin");
  w.advance(std::chrono::seconds(5));
  const Json me = whoami(w.state, w.sealer, w.actor("erin"), w.now);
  EXPECT_EQ(text(me, "name"), "erin");
  EXPECT_EQ(text(me, "spiffe"), "spiffe://example.org/user/" + w.id("erin"));
  EXPECT_EQ(*me.find("second_factor_age_ms")->as_int(), 5000);
  EXPECT_EQ(*me.find("administers")->as_bool(), false);
  EXPECT_EQ(text(me.find("groups")->as_array()->front(), "group"), "engineering");
}

TEST_F(Views, EveryEventIsOneLine) {
  w.granted("erin", World::ask("reader"));
  w.must("erin", "request_access", World::ask("writer"));
  w.tick();
  std::map<std::string, int> kinds;
  for (const Event& event : w.events) {
    const std::string line = narrate(w.state, w.sealer, event);
    ++kinds[std::string(kind_of(event.data))];
    EXPECT_EQ(line.find('\n'), std::string::npos);
    EXPECT_THAT(line, HasSubstr("2027-01-15 0"));
  }
  EXPECT_GE(kinds.size(), 15u);
}

TEST_F(Views, TellsTheStoryOfAGrantInOrder) {
  const std::size_t from = w.events.size();
  const std::string grant = w.granted("erin", World::ask("reader"));
  w.must("erin", "revoke", Json::object({{"grant", grant}, {"reason", "all done"}}));
  std::string story;
  for (std::size_t i = from; i < w.events.size(); ++i) {
    story += narrate(w.state, w.sealer, w.events[i]) + "\n";
  }
  EXPECT_THAT(story, HasSubstr("erin asked for pg-main/orders/reader for 45m"));
  EXPECT_THAT(story, HasSubstr("erin granted pg-main/orders/reader to erin for 45m"));
  EXPECT_THAT(story, HasSubstr("Writ activated grant " + grant));
  EXPECT_THAT(story, HasSubstr("erin is revoking grant " + grant));
  EXPECT_THAT(story, HasSubstr("(revoked): all done"));
}

TEST_F(Views, TextFromOutsideForgesNoLine) {
  const Event event{1,
                    w.now,
                    "example.org",
                    {"door:" + w.id("pg-door")},
                    SessionStarted{Session{"ses_1", w.id("pg-door"), "grt_1", w.id("erin"), "::1",
                                           "psql\n\x1b[31m2026 \xc2\x9b", 1, w.now},
                                   1}};
  const std::string line = narrate(w.state, w.sealer, event);
  for (char c : line) EXPECT_GE(static_cast<unsigned char>(c), 0x20);
  EXPECT_EQ(line.find("\xc2\x9b"), std::string::npos);
}

}  // namespace
}  // namespace writ::core
