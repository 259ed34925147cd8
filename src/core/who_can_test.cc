// Who can do what, over random small houses: what is found is what is decided.
#include "core/who_can.h"

#include <gmock/gmock.h>

#include <map>
#include <set>

#include "base/random.h"
#include "core/call.h"
#include "core/entities.h"
#include "core/house_test.h"
#include "core/search.h"

namespace writ::core {
namespace {

using house::Furnished;
using house::House;
using testing::ElementsAre;
using testing::IsEmpty;

Question about(const std::string& action, const std::string& type, const std::string& resource) {
  Question q;
  q.action = action;
  q.resource_type = type;
  q.resource = resource;
  return q;
}

TEST(WhoCan, SaysHow) {
  Furnished h;
  h.hold();
  h.policies(std::string(Furnished::kOffer) + R"(
@id("dba-in") permit (principal in Writ::Group::"dba", action == Writ::Action::"connect", resource);)");
  const CanPage page =
      who_can(h.state, about("connect", "entitlement", "pg-main/orders/reader"), {}, h.now);
  EXPECT_FALSE(page.more);
  std::map<std::string, std::vector<Way>> found;
  for (const Can& can : page.found) found[can.subject] = can.ways;
  ASSERT_EQ(found.size(), 2u);
  ASSERT_EQ(found["idn_dana"].size(), 1u);
  EXPECT_EQ(found["idn_dana"][0].how, How::kBaseline);
  EXPECT_EQ(found["idn_dana"][0].policy, "dba-in");
  ASSERT_EQ(found["idn_erin"].size(), 2u);
  EXPECT_EQ(found["idn_erin"][0].how, How::kGrant);
  EXPECT_EQ(found["idn_erin"][0].grant, "grt_1");
  EXPECT_EQ(found["idn_erin"][1].how, How::kOffer);
  EXPECT_EQ(found["idn_erin"][1].terms->max_ttl, std::chrono::minutes(45));
  EXPECT_LT(page.steps, 3u) << "only members are asked about";
}

TEST(WhoCan, AWayMayDependOnWhatOnlyAConnectionShows) {
  Furnished h;
  h.hold();
  h.policies(std::string(Furnished::kOffer) + R"(
@id("office") forbid (principal, action == Writ::Action::"connect", resource)
  unless { context has source_ip && context.source_ip.isInRange(ip("10.0.0.0/8")) };)");
  Question q = about("connect", "entitlement", "pg-main/orders/reader");
  q.subject = "idn_erin";
  EXPECT_THAT(ways(h.state, q, h.now).at(0).depends, ElementsAre("office"));
  h.policies(std::string(Furnished::kOffer) + R"(
@id("never") forbid (principal, action == Writ::Action::"connect", resource)
  when { resource.role == "reader" || context has source_ip };)");
  EXPECT_EQ(ways(h.state, q, h.now).at(0).how, How::kOffer) << "whatever the address is";
}

TEST(WhoCan, ABaselineThatDependsOnAGuardrailIsNamed) {
  Furnished h;
  h.policies(R"(
@id("dba-in") permit (principal in Writ::Group::"dba", action == Writ::Action::"connect", resource);
@id("office") forbid (principal, action == Writ::Action::"connect", resource)
  unless { context has source_ip && context.source_ip.isInRange(ip("10.0.0.0/8")) };)");
  Question q = about("connect", "entitlement", "pg-main/orders/reader");
  q.subject = "idn_dana";
  const std::vector<Way> made = ways(h.state, q, h.now);
  ASSERT_EQ(made.size(), 1u);
  EXPECT_EQ(made[0].how, How::kBaseline);
  EXPECT_EQ(made[0].policy, "dba-in");
  EXPECT_THAT(made[0].depends, ElementsAre("office"));
}

// Who comes from the right address, or with a fresh code, needs no approval: nobody else may be
// told that they must ask.
TEST(WhoCan, ABaselineMayDependOnWhatOnlyAConnectionShows) {
  Furnished h;
  const std::string permit =
      " permit (principal in Writ::Group::\"dba\", action == Writ::Action::\"connect\", resource)";
  h.policies("@id(\"office\")" + permit +
             " when { context has source_ip && context.source_ip.isInRange(ip(\"10.0.0.0/8\")) };"
             "@id(\"fresh\")" +
             permit +
             " when { context.auth has mfa_age && context.auth.mfa_age < duration(\"5m\") };"
             // Whatever the connection shows, these do not apply.
             "@id(\"writers\")" +
             permit +
             " when { context has source_ip && context.source_ip.isLoopback() && resource.role == "
             "\"writer\" };"
             "@id(\"approved\")" +
             permit + " when { context.approvals > 0 && context has source_ip };");
  Question q = about("connect", "entitlement", "pg-main/orders/reader");
  const CanPage page = who_can(h.state, q, {}, h.now);
  ASSERT_EQ(page.found.size(), 1u);
  EXPECT_EQ(page.found[0].subject, "idn_dana");
  const std::vector<Way>& made = page.found[0].ways;
  ASSERT_EQ(made.size(), 2u);
  EXPECT_EQ(made[0].how, How::kBaseline);
  EXPECT_EQ(made[0].policy, "office");
  EXPECT_THAT(made[0].depends, ElementsAre("context.source_ip"));
  EXPECT_EQ(made[1].policy, "fresh");
  EXPECT_THAT(made[1].depends, ElementsAre("context.auth.mfa_age"));
  const CanPage dana = what_can(h.state, "idn_dana", {}, h.now);
  EXPECT_TRUE(std::any_of(dana.found.begin(), dana.found.end(), [](const Can& can) {
    return can.resource == "pg-main/orders/reader" && can.ways.size() == 2;
  }));
  // A permit that opens it in any case is the way in.
  h.policies("@id(\"office\")" + permit + " when { context has source_ip };@id(\"dba-in\")" +
             permit + ";");
  q.subject = "idn_dana";
  ASSERT_EQ(ways(h.state, q, h.now).size(), 1u);
  EXPECT_EQ(ways(h.state, q, h.now)[0].policy, "dba-in");
  EXPECT_THAT(ways(h.state, q, h.now)[0].depends, IsEmpty());
}

TEST(WhoCan, ABaselineThatDependsOnTheConnectionIsStillGuarded) {
  Furnished h;
  const std::string permit = R"(
@id("office") permit (principal in Writ::Group::"dba", action == Writ::Action::"connect", resource)
  when { context has source_ip && context.source_ip.isInRange(ip("10.0.0.0/8")) };)";
  Question q = about("connect", "entitlement", "pg-main/orders/reader");
  q.subject = "idn_dana";
  h.policies(permit + R"(
@id("fresh") forbid (principal, action == Writ::Action::"connect", resource)
  unless { context.auth has mfa_age };)");
  ASSERT_EQ(ways(h.state, q, h.now).size(), 1u);
  EXPECT_THAT(ways(h.state, q, h.now)[0].depends, ElementsAre("context.source_ip", "fresh"));
  h.policies(permit + R"(
@id("asked") forbid (principal, action == Writ::Action::"connect", resource)
  unless { context has grant && context has source_ip };)");
  EXPECT_THAT(ways(h.state, q, h.now), IsEmpty()) << "without a grant it never passes";
  h.policies(permit);
  h.add(IdentityStateChanged{"idn_dana", IdentityState::kQuarantined, std::nullopt});
  EXPECT_THAT(ways(h.state, q, h.now), IsEmpty());
}

TEST(WhoCan, APageEndsWhenItIsLateButNotBeforeItsFirstCandidate) {
  Furnished h;
  Question question;
  question.action = "list_own";
  question.resource_type = "system";
  question.resource = "example.org";
  const CanPage all = who_can(h.state, question, {}, h.now);
  ASSERT_GT(all.found.size(), 2U);
  std::vector<std::string> seen;
  CanBounds bounds{.is_late = [] { return true; }};
  for (bool more = true; more;) {
    const CanPage page = who_can(h.state, question, bounds, h.now);
    ASSERT_LE(page.steps, 1U);
    for (const Can& can : page.found) seen.push_back(can.subject);
    more = page.more;
    bounds.after = page.last;
  }
  EXPECT_EQ(seen.size(), all.found.size());
}

TEST(WhatCan, ListsAdministrationFirstAndPagesTheRest) {
  Furnished h;
  const CanPage all = what_can(h.state, "idn_alice", {}, h.now);
  ASSERT_FALSE(all.found.empty());
  EXPECT_TRUE(std::all_of(all.found.begin(), all.found.end(),
                          [](const Can& can) { return can.resource_type == "system"; }));
  const CanPage erin = what_can(h.state, "idn_erin", {}, h.now);
  ASSERT_EQ(erin.found.size(), 2u);
  EXPECT_EQ(erin.found[0].action, "list_own");
  EXPECT_EQ(erin.found[1].resource, "pg-main/orders/reader");
}

// ---- Approving ----

constexpr const char* kToApprove = R"(
@id("read-by-dba") @approval("1 of Writ::Group::\"dba\"")
permit (principal in Writ::Group::"engineering", action == Writ::Action::"request",
        resource == Writ::Entitlement::"pg-main/orders/reader");
@id("read-by-owner") @max_ttl("10m") @approval("1 of owner")
permit (principal is Writ::Workload, action == Writ::Action::"request",
        resource == Writ::Entitlement::"pg-main/orders/reader");
@id("read-at-once") @approval("none")
permit (principal, action == Writ::Action::"request",
        resource == Writ::Entitlement::"pg-main/orders/reader");
@id("write-by-engineers") @approval("1 of Writ::Group::\"engineering\"")
permit (principal, action == Writ::Action::"request",
        resource == Writ::Entitlement::"pg-main/orders/writer");
)";

TEST(WhoCan, ApprovesWhomTheTermsOfAnOfferName) {
  Furnished h;
  h.policies(kToApprove);
  h.person("idn_carl");  // of no group
  h.machine("idn_job", "job", IdentityKind::kServiceAccount, "group:dba");
  h.join("dba", "idn_job");
  const CanPage page =
      who_can(h.state, about("approve", "entitlement", "pg-main/orders/reader"), {}, h.now);
  ASSERT_EQ(page.found.size(), 1u) << "neither machines nor others";
  EXPECT_EQ(page.found[0].subject, "idn_dana");
  ASSERT_EQ(page.found[0].ways.size(), 2u);
  EXPECT_EQ(page.found[0].ways[0].how, How::kApproval);
  EXPECT_EQ(page.found[0].ways[0].policy, "read-by-dba");
  EXPECT_EQ(page.found[0].ways[0].terms->approvers, "group:dba");
  EXPECT_EQ(page.found[0].ways[1].policy, "read-by-owner");
  EXPECT_EQ(page.found[0].ways[1].terms->max_ttl, std::chrono::minutes(10));
  h.add(IdentityStateChanged{"idn_dana", IdentityState::kQuarantined, std::nullopt});
  EXPECT_THAT(
      who_can(h.state, about("approve", "entitlement", "pg-main/orders/reader"), {}, h.now).found,
      IsEmpty());
}

TEST(WhoCan, ApprovesOnlyWherePoliciesLetThem) {
  Furnished h;
  h.policies(std::string(kToApprove) + R"(
@id("not-dana") forbid (principal == Writ::User::"idn_dana", action == Writ::Action::"approve", resource);)");
  EXPECT_THAT(
      who_can(h.state, about("approve", "entitlement", "pg-main/orders/reader"), {}, h.now).found,
      IsEmpty());
}

TEST(WhoCan, NoMachineApprovesChanges) {
  Furnished h;
  h.machine("idn_job", "job", IdentityKind::kServiceAccount, "group:dba");
  h.policies(R"(
@id("all") permit (principal, action == Writ::Action::"approve", resource is Writ::System);)");
  const CanPage page = who_can(h.state, about("approve", "system", "example.org"), {}, h.now);
  ASSERT_EQ(page.found.size(), 3u);
  EXPECT_TRUE(std::none_of(page.found.begin(), page.found.end(), [](const Can& can) {
    return can.subject == "idn_job" || can.subject == "idn_door";
  }));
}

TEST(WhatCan, SaysWhoseRequestsAPersonMayApprove) {
  Furnished h;
  h.policies(kToApprove);
  const auto approved = [&](const std::string& who, const CanBounds& bounds) {
    std::vector<std::string> names;
    const CanPage page = what_can(h.state, who, bounds, h.now);
    for (const Can& can : page.found) {
      if (can.resource_type == "entitlement" && can.action == "approve") {
        names.push_back(can.resource);
        EXPECT_EQ(can.ways.at(0).how, How::kApproval);
      }
    }
    return names;
  };
  EXPECT_THAT(approved("idn_dana", {}), ElementsAre("pg-main/orders/reader"));
  EXPECT_THAT(approved("idn_erin", {}), ElementsAre("pg-main/orders/writer"));
  EXPECT_THAT(approved("idn_alice", {}), IsEmpty());
  EXPECT_THAT(approved("idn_door", {}), IsEmpty());
}

// ---- Who may ask ----

TEST(WhoCan, WhoMayNotAskLearnsNotEvenWhetherItExists) {
  Furnished h;
  const auto asked = [&](const std::string& who, const std::string& resource) {
    Question q = about("who_can", "entitlement", resource);
    q.subject = who;
    return h.ask(q);
  };
  EXPECT_TRUE(asked("idn_alice", "pg-main/orders/reader").allow) << "an administrator";
  EXPECT_TRUE(asked("idn_dana", "pg-main/orders/reader").allow) << "an owner";
  const Decision there = asked("idn_erin", "pg-main/orders/reader");
  const Decision nowhere = asked("idn_erin", "pg-main/orders/nothing");
  EXPECT_FALSE(there.allow);
  EXPECT_FALSE(nowhere.allow);
  EXPECT_EQ(there.message, nowhere.message);
  EXPECT_EQ(reason_of(there), reason_of(nowhere));
  Question other = about("what_can", "identity", "idn_dana");
  other.subject = "idn_erin";
  EXPECT_FALSE(h.ask(other).allow);
  other.resource = "idn_nobody";
  EXPECT_FALSE(h.ask(other).allow);
  other.resource = "idn_erin";
  EXPECT_TRUE(h.ask(other).allow);
}

// ---- Random houses ----

struct RandomHouse : House {
  explicit RandomHouse(unsigned long long seed) : random(seed) {
    for (const char* name : {"g0", "g1", "g2"}) group(name);
    for (int i = 0; i < 6; ++i) {
      const std::string id = "idn_p" + std::to_string(i);
      person(id);
      for (const char* name : {"g0", "g1", "g2"}) {
        if (chance(35)) join(name, id, chance(20) ? Millis(1) : Millis(std::chrono::days(9)));
      }
    }
    machine("idn_m0", "m0", IdentityKind::kWorkload, "identity:idn_p0");
    machine("idn_m1", "m1", IdentityKind::kServiceAccount, "group:g1");
    target("t");
    for (int i = 0; i < 3; ++i) {
      things_owner = pick({"group:g0", "group:g1", "identity:idn_p1"});
      const std::string name = "t/r" + std::to_string(i);
      resource(name, i == 2 ? "t/r1" : "t", "t", pick({"", "staging", "production"}));
      entitlement(name, "reader");
      entitlement(name, "writer");
    }
    std::string text;
    for (int i = 0; i < 5; ++i) text += policy(i);
    text += "@id(\"approving\") permit (principal, action == Writ::Action::\"approve\", resource);";
    policies(text);
    for (int i = 0; i < 8; ++i) hold(i);
    now += Millis(10);  // some memberships are over
    if (chance(30)) add(IdentityStateChanged{"idn_p2", IdentityState::kQuarantined, std::nullopt});
  }

  void hold(int i) {
    std::vector<const Giver*> givers;
    for (const Giver& giver : state.policies->givers) givers.push_back(&giver);
    if (givers.empty()) return;
    const Giver& giver = *givers[random.below(givers.size())];
    Grant g = grant("grt_" + std::to_string(i), subject(), thing(), giver.id.str());
    g.cause = giver.offer ? Cause::kOffer : Cause::kBaseline;
    add(GrantCreated{g});
    if (chance(80)) activate(g.id);
  }

  std::string policy(int i) {
    const std::string head = "@id(\"p" + std::to_string(i) + "\") ";
    const bool forbids = chance(20);
    const std::string action = pick({"request", "connect", "add_group", "list_own"});
    const std::string principal = pick(
        {"principal", "principal in Writ::Group::\"g0\"", "principal in Writ::Group::\"g2\"",
         "principal in Writ::Group::\"identity:idn_p1\"", "principal == Writ::User::\"idn_p3\"",
         "principal is Writ::Workload", "principal is Writ::User in Writ::Group::\"g1\""});
    const std::string resource = action == "request" || action == "connect"
                                     ? pick({"resource", "resource in Writ::Resource::\"t/r1\"",
                                             "resource == Writ::Entitlement::\"t/r0/reader\"",
                                             "resource in Writ::Environment::\"production\"",
                                             "resource is Writ::Entitlement"})
                                     : "resource";
    std::string condition;
    if (chance(50)) {
      condition = pick(
          {"when { principal in resource.owner }", "when { resource.role == \"reader\" }",
           "when { resource has owner && resource.owner == Writ::Group::\"g0\" }",
           "unless { resource has role && resource.role == \"writer\" }",
           "when { principal has owner && principal.owner == Writ::Group::\"identity:idn_p0\" }",
           "when { resource.tier == Writ::Tier::\"high\" || principal == resource }",
           "when { [principal].contains(Writ::User::\"idn_p4\") }",
           "when { context.approvals >= 0 }"});
    }
    return head + (forbids ? "forbid (" : "permit (") + principal + ", action == Writ::Action::\"" +
           action + "\", " + resource + ") " + condition + ";\n";
  }

  std::string subject() {
    return pick({"idn_p0", "idn_p1", "idn_p2", "idn_p3", "idn_p4", "idn_m0"});
  }
  std::string thing() {
    return "t/r" + std::to_string(random.below(3)) + (chance(50) ? "/reader" : "/writer");
  }
  bool chance(unsigned percent) { return random.below(100) < percent; }
  std::string pick(const std::vector<std::string>& from) { return from[random.below(from.size())]; }

  std::vector<std::string> identities() const {
    std::vector<std::string> ids;
    state.identities.for_each([&](const std::string& id, const Identity&) { ids.push_back(id); });
    return ids;
  }
  std::vector<std::string> entitlements() const {
    std::vector<std::string> names;
    state.entitlements.for_each(
        [&](const std::string& name, const Entitlement&) { names.push_back(name); });
    return names;
  }

  std::string owner_of(const std::string& entitlement_name) const {
    return state.resources.find(state.entitlements.find(entitlement_name)->resource)->owner;
  }

  std::set<std::string> who(const Question& question, std::size_t steps) const {
    std::set<std::string> found;
    CanBounds bounds{std::nullopt, 2, steps};  // few, so that there are several pages
    for (int pages = 0; pages < 100; ++pages) {
      const CanPage page = who_can(state, question, bounds, now);
      EXPECT_LE(page.steps, steps);
      for (const Can& can : page.found) EXPECT_TRUE(found.insert(can.subject).second);
      if (!page.more) return found;
      bounds.after = page.last;
    }
    ADD_FAILURE() << "no end";
    return found;
  }
  std::set<std::string> what(const std::string& identity, std::string_view type,
                             std::string_view action = {}) const {
    std::set<std::string> found;
    CanBounds bounds{std::nullopt, 3, 1'000};
    for (int pages = 0; pages < 100; ++pages) {
      const CanPage page = what_can(state, identity, bounds, now);
      for (const Can& can : page.found) {
        if (can.resource_type != type || (!action.empty() && can.action != action)) continue;
        EXPECT_TRUE(found.insert(type == "system" ? can.action : can.resource).second);
      }
      if (!page.more) return found;
      bounds.after = page.last;
    }
    ADD_FAILURE() << "no end";
    return found;
  }

  SeededRandom random;
};

bool has(const std::vector<Way>& ways, How how) {
  return std::any_of(ways.begin(), ways.end(),
                     [&](const Way& way) { return way.how == how && way.depends.empty(); });
}

class CanLaw : public testing::TestWithParam<unsigned> {};

TEST_P(CanLaw, WhoAndWhatAgreeWithEachDecision) {
  int found = 0;
  for (unsigned long long seed = GetParam() * 20; seed < (GetParam() + 1) * 20; ++seed) {
    const RandomHouse h(seed);
    std::map<std::string, std::set<std::string>> usable;  // by identity
    for (const std::string& name : h.entitlements()) {
      for (const std::string action : {"connect", "request"}) {
        Question q = about(action, "entitlement", name);
        const std::set<std::string> who = h.who(q, 1'000);
        ASSERT_EQ(h.who(q, 2), who) << seed;
        for (const std::string& id : h.identities()) {
          q.subject = id;
          const std::vector<Way> how = ways(h.state, q, h.now);
          ASSERT_EQ(who.contains(id), !how.empty()) << seed << " " << id << " " << name;
          ASSERT_EQ(has(how, How::kOffer), !offers_for(h.state, id, name, h.now).empty());
          if (action == "request") continue;
          const Decision is = decide(h.state, q, h.now);
          ASSERT_EQ(is.allow, has(how, How::kGrant)) << seed << " " << id << " " << name;
          const bool opens = testing::Value(is.needs, testing::Contains("baseline_grant"));
          ASSERT_EQ(opens, has(how, How::kBaseline)) << seed << " " << id << " " << name;
          if (!how.empty()) usable[id].insert(name);
          found += how.empty() ? 0 : 1;
        }
      }
    }
    for (const std::string& id : h.identities()) {
      ASSERT_EQ(h.what(id, "entitlement", "connect"), usable[id]) << seed << " " << id;
    }
    for (const char* action : {"add_group", "list_own"}) {
      Question q = about(action, "system", "example.org");
      const std::set<std::string> who = h.who(q, 1'000);
      for (const std::string& id : h.identities()) {
        q.subject = id;
        const bool allowed = decide(h.state, q, h.now).allow;
        ASSERT_EQ(who.contains(id), allowed) << seed << " " << id;
        ASSERT_EQ(h.what(id, "system").contains(action), allowed) << seed << " " << id;
      }
    }
  }
  EXPECT_GT(found, 50);
}

// Whoever an offer names that somebody can take up may approve; and nobody whom none names.
TEST_P(CanLaw, WhoApprovesIsWhomOffersName) {
  int found = 0;
  for (unsigned long long seed = GetParam() * 20; seed < (GetParam() + 1) * 20; ++seed) {
    const RandomHouse h(seed);
    std::map<std::string, std::set<std::string>> approved;  // by identity
    for (const std::string& name : h.entitlements()) {
      Question q = about("approve", "entitlement", name);
      const std::set<std::string> who = h.who(q, 1'000);
      std::set<std::string> named;
      for (const std::string& asks : h.identities()) {
        for (const Offer& offer : offers_for(h.state, asks, name, h.now)) {
          for (const std::string& id : persons_of_owner(h.state, offer.terms.approvers, h.now)) {
            if (h.state.identities.find(id)->state == IdentityState::kActive) named.insert(id);
          }
        }
      }
      ASSERT_TRUE(std::includes(who.begin(), who.end(), named.begin(), named.end())) << seed;
      const auto owners = persons_of_owner(h.state, h.owner_of(name), h.now);
      for (const std::string& id : who) {
        ASSERT_NE(std::find(owners.begin(), owners.end(), id), owners.end()) << seed << " " << id;
        approved[id].insert(name);
      }
      for (const std::string& id : h.identities()) {
        q.subject = id;
        ASSERT_EQ(who.contains(id), !ways(h.state, q, h.now).empty()) << seed << " " << id;
      }
      found += static_cast<int>(named.size());
    }
    for (const std::string& id : h.identities()) {
      ASSERT_EQ(h.what(id, "entitlement", "approve"), approved[id]) << seed << " " << id;
    }
  }
  EXPECT_GT(found, 20);
}

// AuthZEN's search finds the same whether policies say where to look or not.
TEST_P(CanLaw, ASearchFindsTheSameWithoutNarrowing) {
  int narrow = 0;
  for (unsigned long long seed = GetParam() * 20; seed < (GetParam() + 1) * 20; ++seed) {
    const RandomHouse h(seed);
    const auto same = [&](const Search& wanted) {
      const Narrowed to = narrowed(h.state, wanted, h.now);
      narrow += to.names ? 1 : 0;
      const auto sorted = [&](const Narrowed& by) {
        auto found = search(h.state, wanted, by, std::nullopt, 1'000, 1'000, h.now).found;
        std::sort(found.begin(), found.end());
        return found;
      };
      ASSERT_EQ(sorted(to), sorted({})) << seed;
    };
    for (const char* action : {"connect", "request", "add_group"}) {
      for (const std::string& name : h.entitlements()) {
        same({Sought::kSubjects, about(action, "entitlement", name)});
      }
      same({Sought::kSubjects, about(action, "system", "example.org")});
      for (const std::string& id : h.identities()) {
        Search wanted{Sought::kResources, about(action, "entitlement", "")};
        wanted.question.subject = id;
        same(wanted);
      }
    }
  }
  EXPECT_GT(narrow, 20);
}

INSTANTIATE_TEST_SUITE_P(Seeds, CanLaw, testing::Range(0U, 5U));

}  // namespace
}  // namespace writ::core
