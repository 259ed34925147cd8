// What a change of policy takes from open sessions.
#include <gmock/gmock.h>

#include "core/command.h"
#include "core/house_test.h"
#include "core/policy_plan.h"

namespace writ::core {
namespace {

using house::Furnished;
using std::chrono::minutes;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::string_view kNoOne =
    "@id(\"stop\") forbid (principal, action == Writ::Action::\"connect\", resource) unless { "
    "context has source_ip && context.source_ip.isInRange(ip(\"192.0.2.0/24\")) };";
constexpr std::string_view kFresh =
    "@id(\"fresh\") forbid (principal, action == Writ::Action::\"connect\", resource) unless { "
    "context.auth has mfa_age && context.auth.mfa_age <= duration(\"15m\") };";

// Erin's grant, with a session that is open.
struct InSession : Furnished {
  InSession() {
    hold();
    add(SessionStarted{Session{"ses_1", "idn_door", "grt_1", "idn_erin", "10.0.0.7", "psql", 1, now,
                               "c1", "dev_erin"},
                       1});
  }
  // By policies that follow those in force.
  std::vector<std::string> lost_to(const std::string& text) {
    const auto before = state.policies;
    policies(std::string(kOffer) + text);
    std::vector<std::string> lost;
    for (const EventData& event : lost_by_policy(state, before, now)) {
      const auto& revoking = std::get<GrantRevoking>(event);
      lost.push_back(revoking.grant + " " + std::string(name_of(revoking.reason)));
    }
    return lost;
  }
};

TEST(OpenSession, ANewGuardrailTakesItsGrant) {
  InSession h;
  EXPECT_THAT(h.lost_to("// nothing new"), IsEmpty());
  EXPECT_THAT(h.lost_to(std::string(kNoOne)), ElementsAre("grt_1 policy_changed"));
  // From where it lets in, it takes nothing; nor does one that stood there before.
  InSession inside;
  inside.add(SessionEnded{"ses_1", "grt_1", "idn_door", 2, "client", 0, 0});
  inside.add(SessionStarted{Session{"ses_2", "idn_door", "grt_1", "idn_erin", "192.0.2.9", "psql",
                                    1, inside.now, "c1", "dev_erin"},
                            3});
  EXPECT_THAT(inside.lost_to(std::string(kNoOne)), IsEmpty());
  EXPECT_THAT(h.lost_to(std::string(kNoOne) + "// again"), IsEmpty());
}

TEST(OpenSession, ALostOfferIsSaidOnce) {
  InSession h;
  const auto before = h.state.policies;
  h.policies(std::string(kNoOne));
  const auto lost = lost_by_policy(h.state, before, h.now);
  ASSERT_EQ(lost.size(), 1U);
  EXPECT_EQ(std::get<GrantRevoking>(lost[0]).reason, EndReason::kOfferLost);
}

TEST(OpenSession, AGrantWithoutOneIsKeptForWhenItMayConnect) {
  Furnished h;
  h.hold();
  const auto before = h.state.policies;
  h.policies(std::string(Furnished::kOffer) + std::string(kNoOne));
  EXPECT_THAT(lost_by_policy(h.state, before, h.now), IsEmpty());
}

TEST(OpenSession, ACodeThatMerelyAgedTakesNothing) {
  InSession h;
  h.factor("idn_erin", "dev_erin");
  EXPECT_THAT(h.lost_to(std::string(kFresh)), IsEmpty()) << "it is fresh";
  h.now += minutes(20);
  EXPECT_THAT(h.lost_to(std::string(kFresh) + "// again"), IsEmpty());
  EXPECT_THAT(h.lost_to(std::string(kFresh) + std::string(kNoOne)),
              ElementsAre("grt_1 policy_changed"))
      << "and it hides no guardrail that is new";
}

TEST(OpenSession, ACertificateThatRanOutHidesNoNewGuardrail) {
  InSession h;
  h.add(CertificateExpired{"c1"});
  EXPECT_THAT(h.lost_to("// nothing new"), IsEmpty());
  EXPECT_THAT(h.lost_to(std::string(kNoOne)), ElementsAre("grt_1 policy_changed"));
}

TEST(OpenSession, WhatItsCertificateSaidCountsWhenThatRanOut) {
  constexpr std::string_view kWithoutDevice =
      "@id(\"d\") forbid (principal, action == Writ::Action::\"connect\", resource) unless { "
      "context.auth has device };";
  constexpr std::string_view kFromThisDevice =
      "@id(\"d\") forbid (principal, action == Writ::Action::\"connect\", resource) when { "
      "context.auth has device && context.auth.device == \"dev_erin\" };";
  InSession h;
  h.add(CertificateExpired{"c1"});
  EXPECT_THAT(h.lost_to(std::string(kWithoutDevice)), IsEmpty());
  EXPECT_THAT(h.lost_to(std::string(kFromThisDevice)), ElementsAre("grt_1 policy_changed"));
}

TEST(OpenSession, ACodeThatABaselineReadsHidesNoNewGuardrail) {
  constexpr std::string_view kBaseline =
      "@id(\"open\") permit (principal, action == Writ::Action::\"connect\", resource) when { "
      "context.auth has mfa_age && context.auth.mfa_age < duration(\"5m\") };";
  Furnished h;
  h.policies(std::string(kBaseline));
  h.factor("idn_erin", "dev_erin");
  Grant g = h.grant("grt_1", "idn_erin", "pg-main/orders/reader", "open");
  g.cause = Cause::kBaseline;
  h.live(g);
  h.add(SessionStarted{Session{"ses_1", "idn_door", "grt_1", "idn_erin", "10.0.0.7", "psql", 1,
                               h.now, "c1", "dev_erin"},
                       1});
  h.now += minutes(6);
  const auto before = h.state.policies;
  h.policies(std::string(kBaseline) + "// again");
  EXPECT_THAT(lost_by_policy(h.state, before, h.now), IsEmpty());
  h.policies(std::string(kBaseline) + std::string(kNoOne));
  EXPECT_EQ(lost_by_policy(h.state, before, h.now).size(), 1U);
}

TEST(OpenSession, APlanTellsWhatApplyingTakes) {
  InSession h;
  house::House with = h;
  with.files({{"test.cedar", default_policies() + Furnished::kOffer + std::string(kNoOne)}});
  const auto lost = grants_lost(h.state, with.state.policies, h.now);
  ASSERT_EQ(lost.size(), 1U);
  EXPECT_EQ(lost[0].grant->id, "grt_1");
  EXPECT_EQ(lost[0].why, EndReason::kPolicyChanged);
  EXPECT_THAT(grants_lost(h.state, h.state.policies, h.now), IsEmpty());
}

}  // namespace
}  // namespace writ::core
