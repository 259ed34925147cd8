#include "core/explain.h"

#include <gmock/gmock.h>

#include <set>

#include "base/sanitizer_for_test.h"
#include "core/consulted.h"
#include "core/entities.h"
#include "core/house_test.h"

namespace writ::core {
namespace {

using house::Furnished;
using std::chrono::hours;
using std::chrono::minutes;
using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

const Reader kAlice{"idn_alice", Sees::kAll};
const Reader kErin{"idn_erin", Sees::kOwn};

std::vector<std::string> saw(const ExplainedPolicy& policy) {
  std::vector<std::string> made;
  for (const ExplainedPart& part : policy.parts) {
    for (const auto& each : part.saw) made.push_back(each.what + " = " + each.value);
  }
  return made;
}

TEST(Explain, AForbidThatDecidedSaysWhatItSaw) {
  Furnished h;
  h.hold();
  h.policies(std::string(Furnished::kOffer) + R"(
@id("office-only") forbid (principal, action == Writ::Action::"connect", resource)
  unless { context.source_ip.isInRange(ip("192.168.0.0/16")) };)");
  const Explanation why = explain(h.state, h.connect(), kAlice, h.now);
  EXPECT_FALSE(why.decision.allow);
  ASSERT_EQ(why.decided.size(), 1u);
  EXPECT_EQ(why.decided[0].id, "office-only");
  EXPECT_TRUE(why.decided[0].forbids);
  EXPECT_THAT(saw(why.decided[0]), Contains("context.source_ip = ip(\"10.0.0.7\")"));
  EXPECT_THAT(why.lines, Contains(HasSubstr("forbid \"office-only\" (test.cedar:")));
  EXPECT_THAT(why.lines, Contains(HasSubstr("grant grt_1: live until")));
  EXPECT_THAT(why.lines, Contains(HasSubstr("in engineering")));
  EXPECT_FALSE(why.nearest);
}

TEST(Explain, AnAllowedConnectNamesTheOfferThatGaveItsGrant) {
  Furnished h;
  h.hold();
  const Explanation why = explain(h.state, h.connect(), kAlice, h.now);
  EXPECT_TRUE(why.decision.allow);
  ASSERT_EQ(why.decided.size(), 1u);
  EXPECT_EQ(why.decided[0].id, "engineers-read");
  EXPECT_EQ(why.decided[0].grant, "grt_1");
  EXPECT_THAT(saw(why.decided[0]), ElementsAre("principal in Writ::Group::\"engineering\" = true"));
}

// As decide does, which is all that explain tells about.
TEST(Explain, ACertificateForOneGrantLeavesTheOthersOut) {
  Furnished h;
  h.hold();
  h.live(h.grant("grt_2", "idn_erin", "pg-main/orders/reader", "engineers-read"));
  h.certificate("c2", "idn_erin", "dev_erin", "grt_2");
  const auto grants = [&](const std::string& credential) {
    Question q = h.connect();
    q.credential = credential;
    const StateReader reader(h.state, h.now);
    std::set<std::string> ids;
    for (const Consulted& each : consulted(h.state, q, h.now, reader, "", Also::kNothing)) {
      if (each.grant != nullptr) ids.insert(each.grant->id.str());
    }
    return ids;
  };
  EXPECT_THAT(grants("c1"), ElementsAre("grt_1", "grt_2"));
  EXPECT_THAT(grants("c2"), ElementsAre("grt_2"));
}

// A policy that was a baseline when it gave the grant, and is an offer now, gives it no more.
TEST(Explain, APolicyGivesAsItDid) {
  Furnished h;
  Grant grant = h.grant("grt_1", "idn_erin", "pg-main/orders/reader", "engineers-read");
  grant.cause = Cause::kBaseline;
  h.live(grant);
  const StateReader reader(h.state, h.now);
  for (const Consulted& each : consulted(h.state, h.connect(), h.now, reader, "", Also::kNothing)) {
    EXPECT_EQ(each.grant, nullptr);
  }
}

TEST(Explain, TheNearestPermitIsTheOneWithLeastMissing) {
  Furnished h;
  h.policies(R"(
@id("dba-reads") permit (principal in Writ::Group::"dba", action == Writ::Action::"request",
  resource == Writ::Entitlement::"pg-main/orders/reader");
@id("two-missing") permit (principal, action == Writ::Action::"request", resource)
  when { resource.role == "writer" && resource.sensitivity == "public" };
@id("one-missing") permit (principal, action == Writ::Action::"request", resource)
  when { resource.role == "reader" && resource.labels.contains("open") };
)");
  Question q = h.connect();
  q.door = "";
  q.action = "request";
  const Explanation why = explain(h.state, q, kAlice, h.now);
  EXPECT_FALSE(why.decision.allow);
  ASSERT_TRUE(why.nearest);
  EXPECT_EQ(why.nearest->id, "one-missing");
  ASSERT_TRUE(why.nearest->failed);
  EXPECT_EQ(why.nearest->failed->text, "resource.labels.contains(\"open\")");
  EXPECT_EQ(why.nearest->failed->because, "is false");
  EXPECT_THAT(why.nearest->failed->position, HasSubstr("test.cedar:"));
  EXPECT_THAT(saw(*why.nearest), ElementsAre("resource.role = \"reader\"", "resource.labels = []"));
  EXPECT_THAT(why.lines, Contains(AllOf(HasSubstr("permit \"dba-reads\""),
                                        HasSubstr("does not apply: principal in"))));
}

TEST(Explain, AConnectWithoutAGrantShowsTheNearestOffer) {
  Furnished h;
  h.policies(R"(
@id("fresh") permit (principal in Writ::Group::"engineering", action == Writ::Action::"request",
  resource == Writ::Entitlement::"pg-main/orders/reader") when { context has auth.mfa_age };)");
  const Explanation why = explain(h.state, h.connect(), kAlice, h.now);
  ASSERT_TRUE(why.nearest);
  EXPECT_EQ(why.nearest->id, "fresh");
  EXPECT_EQ(why.nearest->failed->text, "context has auth.mfa_age");
}

TEST(Explain, WhoReadsItsOwnLearnsNoValueOfWhatIsNot) {
  Furnished h;
  h.policies(std::string(Furnished::kOffer) + R"(
@id("tiers") forbid (principal, action == Writ::Action::"request", resource)
  when { Writ::User::"idn_dana".tier == Writ::Tier::"medium" };)");
  Question q = h.connect();
  q.door = "";
  q.action = "request";
  const Explanation all = explain(h.state, q, kAlice, h.now);
  ASSERT_EQ(all.decided.size(), 1u);
  EXPECT_THAT(saw(all.decided[0]),
              ElementsAre("Writ::User::\"idn_dana\".tier = Writ::Tier::\"medium\""));
  const Explanation own = explain(h.state, q, kErin, h.now);
  ASSERT_EQ(own.decided.size(), 1u);
  EXPECT_THAT(saw(own.decided[0]),
              ElementsAre("Writ::User::\"idn_dana\".tier = (not shown to you)"));
}

TEST(Explain, OfWhatMayNotBeKnownTheReaderLearnsNothing) {
  Furnished h;
  Question there = h.connect();
  there.resource = "pg-main/orders/writer";
  Question nowhere = there;
  nowhere.resource = "pg-main/orders/absent";
  const auto lines = [&](const Question& q) {
    std::string all;
    for (std::string line : explain(h.state, q, kErin, h.now).lines) {
      const auto at = line.find(q.resource);
      if (at != std::string::npos) line.replace(at, q.resource.size(), "X");
      all += line + "\n";
    }
    return all;
  };
  EXPECT_EQ(lines(there), lines(nowhere));
  EXPECT_THAT(explain(h.state, there, kAlice, h.now).lines,
              Contains(HasSubstr("pg-main/orders/writer\"")));
}

TEST(Explain, WhatWasErasedIsSaidToBe) {
  Furnished h;
  h.policies(std::string(Furnished::kOffer) + R"(
@id("named") forbid (principal, action == Writ::Action::"request", resource)
  unless { Writ::User::"idn_dana" has name };
@id("who") forbid (principal, action == Writ::Action::"request", resource)
  when { Writ::User::"idn_dana".name == "x" };)");
  Question q = h.connect();
  q.door = "";
  q.action = "request";
  h.add(IdentityStateChanged{"idn_dana", IdentityState::kOffboarded, std::nullopt});
  h.sealer.erased["idn_dana"] = true;
  h.add(SubjectErased{"idn_dana"});
  const Explanation why = explain(h.state, q, kAlice, h.now);
  ASSERT_EQ(why.decided.size(), 2u);
  EXPECT_THAT(saw(why.decided[1]), ElementsAre("Writ::User::\"idn_dana\".name = (erased)"));
  EXPECT_THAT(why.decided[1].failed->because, HasSubstr("has no attribute `name`"));
}

// ---- When it changes by itself ----

TEST(NextChange, AnAllowedConnectEndsWithItsGrant) {
  Furnished h;
  h.hold();
  const NextChange change = next_change(h.state, h.connect(), h.now);
  EXPECT_EQ(change.at, h.now + minutes(30));
  EXPECT_FALSE(change.allow);
  EXPECT_EQ(describe(change),
            "changes by itself at " + to_text(h.now + minutes(30)) + ": denied from then on");
}

TEST(NextChange, AMembershipThatEndsFirstEndsIt) {
  Furnished h;
  h.hold();
  h.add(MembershipAdded{Membership{"engineering", "idn_erin", h.now + minutes(3)}});
  EXPECT_EQ(next_change(h.state, h.connect(), h.now).at, h.now + minutes(3));
}

TEST(NextChange, AGuardrailThatComparesTheTime) {
  Furnished h;
  h.hold();
  h.policies(std::string(Furnished::kOffer) + R"(
@id("freeze") forbid (principal, action == Writ::Action::"connect", resource)
  when { context.now >= datetime(")" +
             to_text(h.now + minutes(7)) + R"(") };)");
  EXPECT_EQ(next_change(h.state, h.connect(), h.now).at, h.now + minutes(7));
}

TEST(NextChange, AnAgeGrows) {
  Furnished h;
  h.hold();
  h.factor("idn_erin", "dev_erin");
  h.policies(std::string(Furnished::kOffer) + R"(
@id("fresh") forbid (principal, action == Writ::Action::"connect", resource)
  unless { context has auth.mfa_age && context.auth.mfa_age <= duration("5m") };)");
  ASSERT_TRUE(h.ask(h.connect()).allow);
  EXPECT_EQ(next_change(h.state, h.connect(), h.now).at, h.now + minutes(5) + Millis(1));
}

TEST(NextChange, ADenialMayTurn) {
  Furnished h;
  h.policies(R"(
@id("later") permit (principal, action == Writ::Action::"request", resource)
  when { context.now > datetime(")" +
             to_text(h.now + hours(2)) + R"(") };)");
  Question q = h.connect();
  q.door = "";
  q.action = "request";
  const NextChange change = next_change(h.state, q, h.now);
  EXPECT_EQ(change.at, h.now + hours(2) + Millis(1));
  EXPECT_TRUE(change.allow);
}

TEST(NextChange, WhatNeverChangesSaysNothing) {
  Furnished h;
  Question q = h.connect();
  q.resource = "pg-main/orders/writer";
  const NextChange change = next_change(h.state, q, h.now);
  EXPECT_FALSE(change.at);
  EXPECT_EQ(describe(change), "");
}

// Between now and what is said, the decision is what it was; and then it is another.
TEST(NextChange, HoldsTheDecisionUntilThen) {
  Furnished h;
  h.hold();
  h.factor("idn_erin", "dev_erin");
  h.policies(std::string(Furnished::kOffer) + R"(
@id("hours") forbid (principal, action == Writ::Action::"connect", resource)
  when { context.now.toTime() > duration("8h10m") && context.auth.mfa_age > duration("4m") };)");
  for (int start = 0; start < 48; start += kMeasured ? 1 : 8) {
    const Time now = h.now + minutes(start);
    const bool is = decide(h.state, h.connect(), now).allow;
    const NextChange change = next_change(h.state, h.connect(), now);
    const Time until = change.at.value_or(change.known_until.value_or(now + hours(30)));
    for (Time time = now; time < until && time < now + hours(30); time += Millis(30'500)) {
      ASSERT_EQ(decide(h.state, h.connect(), time).allow, is) << start << " " << to_text(time);
    }
    if (change.at) {
      EXPECT_EQ(decide(h.state, h.connect(), *change.at).allow, change.allow);
    }
  }
}

}  // namespace
}  // namespace writ::core
