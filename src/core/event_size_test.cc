// Whatever is asked, seen or reported: its events fit into entries of the journal, or it is
// refused.
#include <gmock/gmock.h>

#include "core/world_test.h"

namespace writ::core {
namespace {

using testing::HasSubstr;
using world::World;

constexpr std::size_t kMostEntry = 65'535;

struct Sizes : testing::Test {
  Sizes() { w.furnish(); }

  // How they would stand in the journal, of the longest trust domain.
  void fit(const std::vector<EventData>& events) {
    for (const EventData& data : events) {
      const Event event{999'999'999, w.now, std::string(255, 'd'), {std::string(20, 'i')}, data};
      const std::string bytes = encode(event);
      EXPECT_LE(bytes.size(), kMostEntry) << kind_of(data);
      EXPECT_TRUE(decode_event(bytes)) << kind_of(data);
    }
  }
  // A change goes all its way, or is refused when it is proposed.
  bool goes(std::string_view verb, const Json& body) {
    auto proposed = w.run("alice", verb, body);
    if (!proposed) {
      EXPECT_TRUE(proposed.error().code == Code::kExhausted ||
                  proposed.error().code == Code::kInvalid)
          << proposed.error().text();
      return false;
    }
    fit(proposed->events);
    const std::string change = world::text(proposed->result, "change");
    w.show_factor("bob");
    auto approved = w.run("bob", "approve", w.approval("bob", change));
    EXPECT_TRUE(approved) << verb << ": " << (approved ? "" : approved.error().text());
    if (approved) fit(approved->events);
    return approved.has_value();
  }

  World w;
};

std::string long_name(std::size_t size, std::size_t number) {
  std::string name = "n" + std::to_string(number);
  return name + std::string(size - name.size(), 'x');
}
Json names(std::size_t count, std::size_t size) {
  Json array = Json::array();
  for (std::size_t i = 0; i < count; ++i) array.push(long_name(size, i));
  return array;
}

TEST_F(Sizes, AnEntitlementThatIsTakenCanBeProvisioned) {
  bool taken = false, refused = false;
  for (const std::size_t count : {1000U, 500U, 150U, 100U}) {
    Json entitlement = World::entitlement("r" + std::to_string(count));
    entitlement.set("membership", Json::array());
    entitlement.set("privileges", names(count, 255));
    if (!goes("add_entitlement", Json::object({{"entitlement", entitlement}}))) {
      refused = true;
      continue;
    }
    taken = true;
    Grant grant;
    grant.id = new_id("grt", w.random);
    grant.beneficiary = w.id("erin");
    grant.entitlement = world::text(entitlement, "name");
    grant.duration = std::chrono::minutes(10);
    grant.created = w.now;
    auto account = desired_account(w.state, grant, w.now);
    ASSERT_TRUE(account) << account.error().text();
    account->verifier = std::string(200, 'v');
    fit({StepPlanned{"pg-main", grant.id, Step{StepKind::kProvision, account->login, *account}}});
  }
  EXPECT_TRUE(taken);
  EXPECT_TRUE(refused);
}

TEST_F(Sizes, ManyTargetsLabelsAndDatabasesAreRefusedOrFit) {
  for (const std::size_t count : {10U, 900U, 1000U}) {
    Json body = World::target();
    for (JsonMember& member : *body.as_object()) {
      if (member.first != "target") continue;
      member.second.set("name", "pg-" + std::to_string(count));
      member.second.set("databases", names(count, 63));
      member.second.set("ca", std::string(count * 10, 'c'));
    }
    body.set("entitlements", Json::array());
    Json root = World::resource("pg-" + std::to_string(count), "", "high", "group:dba");
    root.set("target", "pg-" + std::to_string(count));
    root.set("labels", names(64, 63));
    body.set("resources", Json::array({root}));
    EXPECT_EQ(goes("add_target", body), count == 10) << count;
  }
}

TEST_F(Sizes, WhatALoginLeftBehindIsCutToWhatFits) {
  const std::string grant = w.granted("erin", World::ask("reader"));
  w.must("erin", "revoke", Json::object({{"grant", grant}, {"reason", "done"}}));
  StepOutcome seen{true, 0, {}};
  for (int i = 0; i < 20'000; ++i) {
    seen.quarantined.push_back("function \"public\".\"\xc3\xa9t\xc3\xa9 " + std::to_string(i) +
                               "\"()");
  }
  const auto events = on_gone(w.state, grant, seen);
  ASSERT_EQ(events.size(), 1u);
  fit(events);
  const auto& listed = std::get<GrantEnded>(events.front()).observed.quarantined;
  EXPECT_GT(listed.size(), 500u);
  EXPECT_EQ(listed.back(), "and " + std::to_string(20'000 - (listed.size() - 1)) + " more");
  w.commit({"server"}, events);
  EXPECT_TRUE(w.state.grants.empty());
}

TEST_F(Sizes, AnObservationIsSplitAndCut) {
  Observed observed;
  for (int i = 0; i < 300; ++i) {
    ObservedAccount account;
    account.login = std::string(250, '"') + std::to_string(i);
    account.has_password = account.superuser = i % 2 == 0;
    account.last_use = w.now - std::chrono::hours(24 * 365);
    observed.accounts.push_back(account);
    for (int k = 0; k < 10; ++k) {
      observed.holdings.push_back(
          {account.login,
           "SELECT ON TABLE " + std::string(5000, k % 2 == 0 ? '\\' : 'x') + std::to_string(k),
           "pg-main/" + std::string(3000, 'r') + std::to_string(k)});
    }
    observed.holdings.push_back({account.login, std::string(199, 'y') + "\xc3\xa9", "pg-main"});
  }
  const TargetSystem target = *w.state.targets.find("pg-main");
  // What is too much for once comes with the next ones.
  for (int round = 0;; ++round) {
    ASSERT_LT(round, 5);
    const auto events = on_observed(w.state, target, observed, w.now, w.random);
    if (events.empty()) break;
    fit(events);
    w.commit({"server"}, events);
  }
  w.commit({"server"}, on_observed(w.state, target, {}, w.now, w.random));
  EXPECT_TRUE(w.state.holdings.empty());
  EXPECT_TRUE(w.state.findings.empty());
}

TEST_F(Sizes, WordsFitWhateverTheyAre) {
  const std::string words(500, '"');
  const std::string grant =
      world::text(w.must("erin", "request_access", World::ask("reader", words)), "grant");
  auto outcome = w.run("erin", "revoke", Json::object({{"grant", grant}, {"reason", words}}));
  ASSERT_TRUE(outcome);
  fit(outcome->events);
  fit(on_try_failed(w.state, grant, std::string(100'000, '\x01')));
  EXPECT_EQ(w.refused("erin", "request_access", World::ask("writer", words + "x")).code,
            Code::kInvalid);
}

}  // namespace
}  // namespace writ::core
