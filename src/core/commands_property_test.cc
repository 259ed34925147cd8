// Whatever people do, in whatever order: what must hold, holds after every accepted command.
#include <algorithm>
#include <set>

#include "core/call.h"
#include "core/login.h"
#include "core/world_test.h"

namespace writ::core {
namespace {

using world::text;
using World = world::World;

struct Chaos {
  explicit Chaos(unsigned long long seed) : w(false, seed), dice(seed * 7919 + 1) {
    w.furnish();
    w.must("alice", "add_identity",
           Json::object({{"kind", "workload"}, {"name", "dba-job"}, {"owner", "group:dba"}}));
    w.join("jobs", "dba-job");
    w.equip("dba-job");
  }

  template <class T>
  const T& any(const std::vector<T>& of) {
    return of[dice.below(of.size())];
  }
  bool chance(unsigned percent) { return dice.below(100) < percent; }

  template <class Map>
  std::string any_key(const Map& map) {
    std::vector<std::string> keys;
    map.for_each([&](const std::string& key, const auto&) { keys.push_back(key); });
    std::sort(keys.begin(), keys.end());
    return keys.empty() ? "none" : any(keys);
  }
  std::string someone() { return any(names); }

  // A command, often a senseless one.
  std::pair<std::string, Json> command(const std::string& who) {
    const Json because("because");
    switch (dice.below(14)) {
      case 0:
      case 1:
      case 2: {
        Json body = World::ask(any(roles), "purpose " + std::to_string(dice.below(4)));
        if (chance(30)) body.set("beneficiary", someone());
        if (chance(40)) {
          body.set("duration_ms", static_cast<std::int64_t>(dice.below(7'200'000)));
        }
        if (chance(40)) body.set("offer", any(offers));
        return {"request_access", body};
      }
      case 3:
      case 4:
      case 5: {
        const std::string what = chance(50) ? any_key(w.state.requests) : any_key(w.state.changes);
        if (chance(70) && w.state.second_factors.contains(w.id(who))) w.show_factor(who);
        return {"approve", w.approval(who, what, chance(85))};
      }
      case 6:
        return {"withdraw", Json::object({{"id", chance(50) ? any_key(w.state.requests)
                                                            : any_key(w.state.changes)}})};
      case 7:
        return {"revoke", Json::object({{"grant", any_key(w.state.grants)}, {"reason", because}})};
      case 8:
        return {"open_baseline",
                Json::object(
                    {{"subject", w.id(chance(80) ? who : someone())},
                     {"entitlement", "pg-main/orders/" + (chance(60) ? "reader" : any(roles))}})};
      case 9: {
        Json body = Json::object({{"group", any(groups)}, {"identity", someone()}});
        if (chance(50)) return {"add_member", body};
        body.set("reason", because);
        return {"remove_member", body};
      }
      case 10: {
        Json body = Json::object({{"identity", someone()},
                                  {"state", chance(70) ? "active" : any(states)},
                                  {"reason", because}});
        if (chance(30)) body.set("reassign_to", "group:dba");
        return {"set_identity_state", body};
      }
      case 11: {
        const std::string name = "new-" + std::to_string(dice.below(1000));
        Json body = Json::object({{"kind", any(kinds)}, {"name", name}});
        if (chance(60)) body.set("owner", someone());
        return {"add_identity", body};
      }
      case 12: {
        std::string policy = default_policies() + world::kPolicies;
        if (chance(40)) {
          policy += "@id(\"f\") forbid (principal == Writ::User::\"" + w.id(someone()) +
                    "\", action, resource);";
        }
        if (chance(20)) policy = world::kPolicies;
        return {"apply_policy",
                Json::object(
                    {{"files", Json::array({Json::object({{"name", "p"}, {"text", policy}})})}})};
      }
      default:
        if (chance(50)) return {"open_enrollment", Json::object({{"identity", someone()}})};
        return {"remove_device",
                Json::object({{"device", any_key(w.state.devices)}, {"reason", because}})};
    }
  }

  // What targets and timers do meanwhile.
  void world_turns() {
    if (chance(40)) w.advance(Millis(static_cast<std::int64_t>(dice.below(600'000))));
    if (chance(50)) w.tick();
    if (chance(30)) w.commit({"server"}, lost_offers(w.state, w.now));
    const std::string grant = any_key(w.state.grants);
    if (chance(50)) w.commit({"server"}, on_provisioned(w.state, grant, w.now));
    if (chance(20)) w.commit({"server"}, on_gone(w.state, grant, StepOutcome{true, 0, {}}));
    if (chance(10)) w.commit({"server"}, on_try_failed(w.state, grant, "unreachable"));
  }

  void check_new_grant(const State& before, const Grant& grant) {
    const auto beneficiary = persons_behind(before, grant.beneficiary, w.now);
    std::vector<std::string> requester;
    if (const Request* request = before.requests.find(grant.request)) {
      requester = persons_behind(before, request->requester, w.now);
    }
    const std::vector<std::string> approvers(grant.approvers.begin(), grant.approvers.end());
    EXPECT_TRUE(different_persons(approvers, beneficiary)) << grant.id;
    EXPECT_TRUE(different_persons(approvers, requester)) << grant.id;
    const std::set<std::string> distinct(approvers.begin(), approvers.end());
    EXPECT_EQ(distinct.size(), approvers.size());
  }

  void check_state() {
    std::set<std::string> logins;
    w.state.grants.for_each([&](const std::string& id, const Grant& grant) {
      const Millis most =
          limits_of(tier_of(w.state, *w.state.entitlements.find(grant.entitlement))).max_ttl;
      EXPECT_LE(grant.duration, most) << id;
      EXPECT_EQ(grant.from.has_value(), grant.until.has_value());
      if (grant.state == GrantState::kActive) {
        ASSERT_TRUE(grant.until);
      }
      if (grant.until) {
        EXPECT_LE(*grant.until - *grant.from, most) << id;
      }
      const std::string login = login_of(w.state, grant);
      EXPECT_TRUE(logins.insert(login).second) << login;
      EXPECT_LE(login.size(), 63u);
    });
    EXPECT_EQ(administrators_of(w.state, w.now, w.sealer), 2);
  }

  void check_later() {
    const Time later = w.now + Millis(static_cast<std::int64_t>(dice.below(172'800'000)));
    State then = w.state;
    for (const EventData& data : due(w.state, later)) {
      const Status status =
          fold(then, Event{then.next_seq, later, "example.org", {"server"}, data}, w.sealer);
      ASSERT_TRUE(status) << status.error().text();
    }
    then.grants.for_each([&](const std::string& id, const Grant& grant) {
      if (grant.state != GrantState::kRevoking) {
        EXPECT_GT(end_of(grant), later) << id;
      }
    });
    then.requests.for_each([&](const std::string& id, const Request& request) {
      EXPECT_GT(request.until, later) << id;
    });
    then.changes.for_each(
        [&](const std::string& id, const Change& change) { EXPECT_GT(change.until, later) << id; });
    then.enrollments.for_each([&](const std::string& id, const Enrollment& enrollment) {
      EXPECT_GT(enrollment.until, later) << id;
    });
  }

  World w;
  SeededRandom dice;
  const std::vector<std::string> names{"alice", "bob",   "dana",        "dave",   "erin",
                                       "evan",  "oscar", "billing-job", "dba-job"};
  const std::vector<std::string> roles{"reader", "writer", "reporter", "owner"};
  const std::vector<std::string> offers{"engineers-read", "engineers-write", "report-briefly",
                                        "report-long", "two-dbas"};
  const std::vector<std::string> groups{"engineering", "oncall", "dba", "jobs", "administrators"};
  const std::vector<std::string> states{"active", "quarantined", "offboarded"};
  const std::vector<std::string> kinds{"user", "workload", "agent", "runner"};
};

TEST(CommandsProperty, InvariantsHoldWhateverIsDone) {
  std::map<std::string, int> accepted;
  for (unsigned long long seed = 1; seed <= 12; ++seed) {
    Chaos chaos(seed);
    for (int step = 0; step < 250 && !testing::Test::HasFailure(); ++step) {
      const std::string who =
          chaos.chance(40) ? chaos.any(std::vector<std::string>{"alice", "bob"}) : chaos.someone();
      const auto [verb, body] = chaos.command(who);
      const State before = chaos.w.state;
      const auto outcome = chaos.w.run(who, verb, body);
      if (outcome) {
        ++accepted[verb];
        for (const EventData& data : outcome->events) {
          const auto* created = std::get_if<GrantCreated>(&data);
          if (created != nullptr) chaos.check_new_grant(before, created->grant);
        }
        chaos.check_state();
      } else {
        EXPECT_NE(outcome.error().code, Code::kInternal) << outcome.error().text();
        EXPECT_NE(outcome.error().code, Code::kCorrupt) << outcome.error().text();
        EXPECT_EQ(before.next_seq, chaos.w.state.next_seq);
      }
      if (step % 10 == 0) chaos.check_later();
      chaos.world_turns();
    }
    ASSERT_FALSE(testing::Test::HasFailure()) << "seed " << seed;
  }
  // The test means something only where things do happen.
  for (const char* verb : {"request_access", "approve", "withdraw", "revoke", "open_baseline",
                           "add_member", "remove_member", "set_identity_state", "add_identity",
                           "apply_policy", "open_enrollment", "remove_device"}) {
    EXPECT_GE(accepted[verb], 3) << verb;
  }
}

}  // namespace
}  // namespace writ::core
