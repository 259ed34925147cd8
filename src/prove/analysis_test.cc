// What is proved of policies as Writ uses them: invariants, remarks, differences.
#include "prove/analysis.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <limits>
#include <set>

#include "base/file.h"
#include "core/writ_schema.h"

namespace writ::prove {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;
using Files = std::vector<core::PolicyFile>;

std::string search_path() {
  const char* path = std::getenv("PATH");
  return path == nullptr ? "" : path;
}

class Analysis : public ::testing::Test {
 protected:
  void SetUp() override {
    auto found = find_solvers(search_path());
    if (!found) GTEST_SKIP() << "no solver on this host: cvc5 or z3";
    means_.solvers = *found;
  }
  static WritPolicies set(Files files) {
    auto made = WritPolicies::of(files);
    if (!made) ADD_FAILURE() << made.error().text();
    return *made;
  }
  static WritPolicies set(std::string text) { return set(Files{{"p.cedar", std::move(text)}}); }
  std::vector<InvariantVerdict> invariants(std::string policies, std::string statements) {
    const WritPolicies of =
        set({{"p.cedar", std::move(policies)}, {"o.invariants.cedar", std::move(statements)}});
    auto made = prove_invariants(of, means_);
    if (!made) {
      ADD_FAILURE() << made.error().text();
      return {};
    }
    for (const InvariantVerdict& each : *made) {
      EXPECT_NE(each.verdict.kind, Verdict::Kind::kUnknown) << each.verdict.why;
    }
    return std::move(*made);
  }
  Diff differences(std::string before, std::string after) {
    const WritPolicies old = set(std::move(before));
    const WritPolicies now = set(std::move(after));
    auto made = diff(old, now, means_);
    if (!made) {
      ADD_FAILURE() << made.error().text();
      return {};
    }
    EXPECT_THAT(made->unknown, ::testing::IsEmpty());
    return std::move(*made);
  }

  Means means_;
};

// An offer with terms.
std::string offer(const std::string& terms, const std::string& id = "read") {
  return "@id(\"" + id + "\") " + terms +
         " permit (principal in Writ::Group::\"eng\", action == Writ::Action::\"request\", "
         "resource == Writ::Entitlement::\"pg/orders/reader\");";
}

constexpr std::string_view kNoServiceAccount = R"(
@invariant("no service account connects to production without a grant")
forbid (principal is Writ::ServiceAccount, action == Writ::Action::"connect",
        resource in Writ::Environment::"production") unless { context has grant };)";

TEST_F(Analysis, AnInvariantHoldsOrIsBrokenByARequest) {
  const std::string open =
      "@id(\"staging\") permit (principal, action == Writ::Action::\"connect\", resource in "
      "Writ::Environment::\"staging\");";
  // An entitlement may be in both environments, as far as policies can tell.
  const auto broken = invariants(open, std::string(kNoServiceAccount));
  ASSERT_EQ(broken.size(), 1U);
  ASSERT_EQ(broken[0].verdict.kind, Verdict::Kind::kFails);
  EXPECT_EQ(broken[0].place.text(), "o.invariants.cedar:2:1");
  EXPECT_THAT(broken[0].reasons, ElementsAre("permitted by staging"));
  EXPECT_EQ(broken[0].verdict.counterexample->request.principal.type(), "Writ::ServiceAccount");

  const auto kept =
      invariants(open +
                     "@id(\"machines\") forbid (principal is Writ::ServiceAccount, action == "
                     "Writ::Action::\"connect\", resource) unless { context has grant };",
                 std::string(kNoServiceAccount));
  ASSERT_EQ(kept.size(), 1U);
  EXPECT_TRUE(kept[0].verdict.holds());
}

TEST_F(Analysis, AnErroredForbidDenies) {
  // The sum fails for a huge count; plain Cedar would then skip the forbid.
  const auto made = invariants(
      "@id(\"all\") permit (principal, action == Writ::Action::\"list\", resource);"
      "@id(\"sum\") forbid (principal, action, resource) when { context.approvals + 1 > 3 };",
      "@invariant(\"few\") forbid (principal, action == Writ::Action::\"list\", resource) "
      "when { context.approvals > 2 };"
      "@invariant(\"no forbid can fail\") @about(\"errors\") forbid (principal, action, "
      "resource);");
  ASSERT_EQ(made.size(), 2U);
  EXPECT_TRUE(made[0].verdict.holds());
  ASSERT_EQ(made[1].verdict.kind, Verdict::Kind::kFails);
  EXPECT_EQ(made[1].verdict.counterexample->request.context.find("approvals")->as_int(),
            std::numeric_limits<std::int64_t>::max());
}

// Only a negative count could fail here, and there is none.
TEST_F(Analysis, WhatWritNeverAsksBreaksNoInvariant) {
  const auto made = invariants(
      "@id(\"f\") forbid (principal, action == Writ::Action::\"connect\", resource) "
      "when { context.approvals - 9223372036854775807 > 0 };",
      "@invariant(\"no forbid can fail\") @about(\"errors\") "
      "forbid (principal, action == Writ::Action::\"connect\", resource);");
  ASSERT_EQ(made.size(), 1U);
  EXPECT_TRUE(made[0].verdict.holds());
}

TEST_F(Analysis, APermitInvariantIsAlwaysAllowed) {
  const std::string always =
      "@invariant(\"administrators can list\") permit (principal in "
      "Writ::Group::\"administrators\", action == Writ::Action::\"list\", resource);";
  EXPECT_TRUE(invariants(core::default_policies(), always)[0].verdict.holds());
  EXPECT_FALSE(invariants(core::default_policies() +
                              "@id(\"not-at-night\") forbid (principal, action, resource) when { "
                              "context.now.toTime() < duration(\"6h\") };",
                          always)[0]
                   .verdict.holds());
}

TEST_F(Analysis, TermsOfOffersArePartOfInvariants) {
  const std::string approved =
      "@invariant(\"nothing is given without an approval\") forbid (principal, action == "
      "Writ::Action::\"request\", resource) when { context.approvals < 1 };";
  EXPECT_TRUE(invariants(offer(""), approved)[0].verdict.holds());
  EXPECT_TRUE(invariants(offer("@approval(\"2 of owner\")"), approved)[0].verdict.holds());
  const auto broken = invariants(offer("@approval(\"none\")"), approved);
  ASSERT_EQ(broken[0].verdict.kind, Verdict::Kind::kFails);
  EXPECT_THAT(broken[0].reasons[0], HasSubstr("offered by read"));
  const std::string fresh =
      "@invariant(\"with a fresh code\") forbid (principal, action == Writ::Action::\"request\", "
      "resource) unless { context.auth has mfa_age && context.auth.mfa_age <= duration(\"15m\") };";
  EXPECT_TRUE(invariants(offer("@step_up(\"mfa:15m\")"), fresh)[0].verdict.holds());
  EXPECT_FALSE(invariants(offer("@step_up(\"mfa:16m\")"), fresh)[0].verdict.holds());
  // Whatever its terms say, no grant outlasts its tier's ceiling.
  const std::string brief =
      "@invariant(\"critical is brief\") forbid (principal, action == Writ::Action::\"request\", "
      "resource) when { resource.tier == Writ::Tier::\"critical\" && context has duration && "
      "context.duration > duration(\"5m\") };";
  EXPECT_TRUE(invariants(offer("@max_ttl(\"8h\")"), brief)[0].verdict.holds());
}

TEST_F(Analysis, ABroadPermitGivesNoAccessToWhoRequests) {
  EXPECT_TRUE(invariants("@id(\"all\") permit (principal, action, resource);",
                         "@invariant(\"no offers\") forbid (principal, action == "
                         "Writ::Action::\"request\", resource);")[0]
                  .verdict.holds());
}

// What everybody may approve, as far as policies go.
constexpr std::string_view kAnyoneApproves =
    "@id(\"anyone\") permit (principal, action == Writ::Action::\"approve\", resource);";

TEST_F(Analysis, NobodyApprovesTheirOwnRequest) {
  const std::string own =
      "@invariant(\"nobody approves their own request\") forbid (principal, action == "
      "Writ::Action::\"approve\", resource) when { (context has requester && principal in "
      "context.requester) || (context has beneficiary && principal in context.beneficiary) };";
  EXPECT_TRUE(invariants(core::default_policies(), own)[0].verdict.holds());
  // It is the constitution that forbids it: the policies alone would let it happen.
  EXPECT_TRUE(invariants(std::string(kAnyoneApproves), own)[0].verdict.holds());
  const auto always = invariants(
      std::string(kAnyoneApproves),
      "@invariant(\"people approve everything\") permit (principal is Writ::User, action == "
      "Writ::Action::\"approve\", resource);"
      "@invariant(\"people approve what others ask for\") permit (principal is Writ::User, action "
      "== "
      "Writ::Action::\"approve\", resource) unless { (context has requester && principal in "
      "context.requester) || (context has beneficiary && principal in context.beneficiary) };");
  ASSERT_EQ(always.size(), 2U);
  ASSERT_EQ(always[0].verdict.kind, Verdict::Kind::kFails);
  EXPECT_THAT(always[0].reasons,
              ElementsAre("permitted by anyone", HasSubstr("nobody approves what they ask for")));
  EXPECT_TRUE(always[1].verdict.holds());
}

TEST_F(Analysis, WhoseRequestIsApprovedIsUpToPoliciesToo) {
  const std::string friends =
      "@invariant(\"what owners ask for themselves needs a second approval\") forbid (principal, "
      "action == Writ::Action::\"approve\", resource is Writ::Entitlement) when { context has "
      "requester && resource has owner && context.requester == resource.owner && "
      "context.approvals < 1 };";
  const auto broken = invariants(std::string(kAnyoneApproves), friends);
  ASSERT_EQ(broken[0].verdict.kind, Verdict::Kind::kFails);
  const Counterexample& in = *broken[0].verdict.counterexample;
  const auto owner = in.entities.at(in.request.resource).attrs.find("owner");
  ASSERT_TRUE(owner);
  EXPECT_EQ(in.request.context.find("requester")->as_entity(), owner->as_entity());
  EXPECT_THAT(broken[0].reasons, ElementsAre("permitted by anyone"));
  EXPECT_TRUE(invariants(std::string(kAnyoneApproves) +
                             "@id(\"own-things\") forbid (principal, action == "
                             "Writ::Action::\"approve\", resource is Writ::Entitlement) when { "
                             "context has requester && resource has owner && context.requester == "
                             "resource.owner };",
                         friends)[0]
                  .verdict.holds());
}

TEST_F(Analysis, PersonsAloneApproveAndAgentsDoNotAdminister) {
  const auto made = invariants(
      "@id(\"all\") permit (principal, action, resource);",
      "@invariant(\"machines do not approve\") forbid (principal is Writ::ServiceAccount, action "
      "== "
      "Writ::Action::\"approve\", resource);"
      "@invariant(\"agents do not administer\") forbid (principal is Writ::Agent, action in "
      "Writ::Action::\"administer\", resource);"
      "@invariant(\"agents do not list\") forbid (principal is Writ::Agent, action == "
      "Writ::Action::\"list\", resource);");
  ASSERT_EQ(made.size(), 3U);
  EXPECT_TRUE(made[0].verdict.holds());
  EXPECT_TRUE(made[1].verdict.holds());
  EXPECT_FALSE(made[2].verdict.holds());
}

TEST_F(Analysis, InvariantsAreCheckedBeforeASetTakesEffect) {
  const std::chrono::seconds time{60};
  const Files good{{"p.cedar", offer("")}};
  EXPECT_TRUE(check_invariants(good, "/nowhere", time));
  Files bad{{"p.cedar", "@id(\"all\") permit (principal, action, resource);"},
            {"o.invariants.cedar", std::string(kNoServiceAccount)}};
  const Status broken = check_invariants(bad, search_path(), time);
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().code, Code::kConflict);
  EXPECT_THAT(broken.error().message, HasSubstr("no service account connects"));
  EXPECT_THAT(broken.error().message, HasSubstr("permitted by all"));
  EXPECT_EQ(broken.error().where, "o.invariants.cedar:2:1");
  const Status no_solver = check_invariants(bad, "/nowhere", time);
  ASSERT_FALSE(no_solver);
  EXPECT_EQ(no_solver.error().code, Code::kUnavailable);
  const Status no_time = check_invariants(bad, search_path(), std::chrono::seconds{0});
  ASSERT_FALSE(no_time);
  EXPECT_EQ(no_time.error().code, Code::kExhausted);
}

// And that is one that the invariant is about, not one whose turn it would have been next.
TEST_F(Analysis, TheEnvironmentThatTheTimeLimitLeavesIsNamed) {
  const WritPolicies of = set({{"p.cedar", "@id(\"all\") permit (principal, action, resource);"},
                               {"o.invariants.cedar", std::string(kNoServiceAccount)}});
  const auto environment = [&](const Means& means) {
    const auto made = prove_invariants(of, means);
    EXPECT_TRUE(made);
    if (!made) return std::string();
    const Verdict& verdict = made->at(0).verdict;
    EXPECT_EQ(verdict.kind, Verdict::Kind::kUnknown);
    EXPECT_THAT(verdict.why, HasSubstr("Writ::ServiceAccount, Writ::Action::\"connect\", "
                                       "Writ::Entitlement"));
    EXPECT_THAT(verdict.why, HasSubstr("the time limit for all is reached"));
    return verdict.environment ? verdict.environment->principal : std::string();
  };
  Means none = means_;
  none.until = std::chrono::steady_clock::now();
  EXPECT_EQ(environment(none), "Writ::ServiceAccount");
  // One that is asked and does not answer in time.
  std::string folder = std::filesystem::temp_directory_path() / "writ-analysis-XXXXXX";
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  ASSERT_TRUE(write_file(folder + "/cvc5", "#!/bin/sh\nexec sleep 1000\n", 0700));
  Means slow;
  slow.solvers = {solver_at(folder + "/cvc5")};
  slow.until = std::chrono::steady_clock::now() + std::chrono::milliseconds(200);
  EXPECT_EQ(environment(slow), "Writ::ServiceAccount");
  std::filesystem::remove_all(folder);
}

// By proof: validation sees the first alone.
TEST_F(Analysis, AnInvariantThatCoversNoRequestIsMarked) {
  const WritPolicies of =
      set({{"p.cedar", offer("")},
           {"o.invariants.cedar",
            "@invariant(\"no group connects\") forbid (principal is Writ::Group, "
            "action == Writ::Action::\"connect\", resource);"
            "@invariant(\"many and few\") forbid (principal, action == Writ::Action::\"list\", "
            "resource) when { context.approvals > 3 && context.approvals < 2 };"
            "@invariant(\"less than none\") @about(\"errors\") forbid (principal, "
            "action == Writ::Action::\"list\", resource) when { context.approvals < 0 };"
            "@invariant(\"many\") forbid (principal, action == Writ::Action::\"list\", resource) "
            "when { context.approvals > 3 };"}});
  auto made = prove_invariants(of, means_);
  ASSERT_TRUE(made) << made.error().text();
  ASSERT_TRUE(mark_idle(of, means_, *made));
  std::vector<std::string> idle;
  for (const InvariantVerdict& each : *made) {
    EXPECT_TRUE(each.verdict.holds()) << each.text;
    if (each.covers_nothing) idle.push_back(each.text);
  }
  EXPECT_THAT(idle, ElementsAre("no group connects", "many and few", "less than none"));
  EXPECT_EQ(compact(to_json(made->at(0))),
            R"({"invariant":"no group connects","where":"o.invariants.cedar:1:1","holds":true,)"
            R"("covers_nothing":true})");
  EXPECT_EQ(to_json(made->at(3)).find("covers_nothing"), nullptr);
}

TEST_F(Analysis, WhetherAnInvariantCoversAnyRequestMayNotBeKnown) {
  const WritPolicies of =
      set({{"p.cedar", offer("")},
           {"o.invariants.cedar",
            "@invariant(\"many\") forbid (principal, action == Writ::Action::\"list\", resource) "
            "when { context.approvals > 3 };"}});
  auto made = prove_invariants(of, means_);
  ASSERT_TRUE(made) << made.error().text();
  ASSERT_TRUE(made->at(0).verdict.holds());
  Means none = means_;
  none.until = std::chrono::steady_clock::now();
  ASSERT_TRUE(mark_idle(of, none, *made));
  EXPECT_FALSE(made->at(0).covers_nothing);
  EXPECT_THAT(made->at(0).why_not_known_to_cover, HasSubstr("the time limit for all is reached"));
  EXPECT_TRUE(to_json(made->at(0)).find("covers_nothing")->is_null());
}

TEST_F(Analysis, AnInvariantThatIsNotValidIsRefusedWithItsPlace) {
  const WritPolicies of = set({{"p.cedar", offer("")},
                               {"o.invariants.cedar",
                                "@invariant(\"a\") forbid (principal, action, resource) when { "
                                "principal.colour == \"red\" };"}});
  const auto made = prove_invariants(of, means_);
  ASSERT_FALSE(made);
  EXPECT_THAT(made.error().where, ::testing::StartsWith("o.invariants.cedar:1:"));
}

TEST_F(Analysis, RemarksNameWhatDoesNothingAndWhatCanFail) {
  const WritPolicies of =
      set("@id(\"wide\") permit (principal, action == Writ::Action::\"list\", resource);"
          "@id(\"narrow\") permit (principal is Writ::User, action == Writ::Action::\"list\", "
          "resource);"
          "@id(\"dead\") forbid (principal, action == Writ::Action::\"list\", resource) when { "
          "context.approvals > 3 && context.approvals < 2 };"
          "@id(\"sum\") forbid (principal, action == Writ::Action::\"list\", resource) when { "
          "context.approvals + 1 == 5 };");
  const auto made = remarks(of, means_);
  ASSERT_TRUE(made) << made.error().text();
  EXPECT_THAT(made->unknown, ::testing::IsEmpty());
  ASSERT_EQ(made->list.size(), 3U);
  EXPECT_EQ(made->list[0].policy, "narrow");
  EXPECT_EQ(made->list[0].kind, Remark::Kind::kRedundant);
  EXPECT_THAT(made->list[0].covered_by, ElementsAre("wide"));
  EXPECT_EQ(made->list[1].policy, "dead");
  EXPECT_EQ(made->list[1].kind, Remark::Kind::kNeverApplies);
  EXPECT_EQ(made->list[2].policy, "sum");
  EXPECT_EQ(made->list[2].kind, Remark::Kind::kCanFail);
}

// What is named makes it redundant by itself, so its terms must be no harder.
TEST_F(Analysis, AnOfferIsCoveredOnlyByOneOnTermsThatAreNoHarder) {
  const WritPolicies of =
      set(offer("@approval(\"none\") @max_ttl(\"1h\")", "o1") +
          offer("@approval(\"none\") @max_ttl(\"30m\")", "o2") +
          offer("@approval(\"1 of owner\") @max_ttl(\"1h\") @step_up(\"mfa:5m\")", "o3"));
  const auto made = remarks(of, means_);
  ASSERT_TRUE(made) << made.error().text();
  EXPECT_THAT(made->unknown, ::testing::IsEmpty());
  ASSERT_EQ(made->list.size(), 2U);
  EXPECT_EQ(made->list[0].policy, "o2");
  EXPECT_THAT(made->list[0].covered_by, ElementsAre("o1"));
  EXPECT_EQ(made->list[1].policy, "o3");
  EXPECT_THAT(made->list[1].covered_by, ElementsAre("o1"));
}

TEST_F(Analysis, TheForbidOfAllThatAPermitLetsIsNamed) {
  const std::string list = "action == Writ::Action::\"list\", resource);";
  const WritPolicies of = set("@id(\"p\") permit (principal is Writ::User, " + list +
                              "@id(\"all\") forbid (principal, " + list +
                              "@id(\"one\") forbid (principal == Writ::User::\"u\", " + list);
  const auto made = remarks(of, means_);
  ASSERT_TRUE(made) << made.error().text();
  const auto found = std::find_if(made->list.begin(), made->list.end(),
                                  [](const Remark& each) { return each.policy == "p"; });
  ASSERT_NE(found, made->list.end());
  EXPECT_THAT(found->covered_by, ::testing::IsEmpty());
  EXPECT_THAT(found->forbidden_by, ElementsAre("all"));
}

TEST_F(Analysis, TheSameInOtherWordsIsNoDifference) {
  EXPECT_TRUE(differences(offer("@max_ttl(\"60m\")"), offer("@max_ttl(\"1h\")")).same());
  const std::string list = "action == Writ::Action::\"list\", resource) when { ";
  EXPECT_TRUE(differences("@id(\"a\") permit (principal, " + list + "context.approvals > 3 };",
                          "@id(\"b\") permit (principal, " + list + "!(context.approvals <= 3) };")
                  .same());
}

TEST_F(Analysis, DroppingAnApprovalIsADifferenceWithItsRequest) {
  const Diff made = differences(offer("@approval(\"1 of owner\")"), offer("@approval(\"none\")"));
  ASSERT_EQ(made.differences.size(), 1U);
  const Difference& only = made.differences[0];
  EXPECT_TRUE(only.more);
  EXPECT_EQ(only.action.id(), "request");
  EXPECT_THAT(only.cause, ElementsAre("read"));
  EXPECT_THAT(only.before, ElementsAre("offered by read: as long as the tier allows, one approval "
                                       "by the owner; it wants one approval by the owner"));
  EXPECT_THAT(only.after, ElementsAre("offered by read: as long as the tier allows, no approval"));
  // The reverse is as visible, the other way round.
  const Diff back = differences(offer("@approval(\"none\")"), offer(""));
  ASSERT_EQ(back.differences.size(), 1U);
  EXPECT_FALSE(back.differences[0].more);
}

TEST_F(Analysis, EveryTermIsCompared) {
  const auto changes = [&](const std::string& before, const std::string& after) {
    const Diff made = differences(offer(before), offer(after));
    std::string all;
    for (const Difference& each : made.differences) all += each.more ? "+" : "-";
    return all;
  };
  EXPECT_EQ(changes("@max_ttl(\"30m\")", "@max_ttl(\"45m\")"), "+");
  EXPECT_EQ(changes("@max_ttl(\"30m\")", "@max_ttl(\"15m\")"), "-");
  EXPECT_EQ(changes("@step_up(\"mfa:5m\")", ""), "+");
  EXPECT_EQ(changes("", "@step_up(\"mfa:5m\")"), "-");
  EXPECT_EQ(changes("@approval(\"2 of owner\")", "@approval(\"1 of owner\")"), "+");
  EXPECT_EQ(changes("", "@approval(\"1 of Writ::Group::\\\"dba\\\"\")"), "+-");
}

TEST_F(Analysis, ADroppedGuardrailLetsHoldersOfGrantsIn) {
  const std::string guard =
      "@id(\"office\") @applies_to_break_glass forbid (principal, action == "
      "Writ::Action::\"connect\", resource) unless { context has source_ip && "
      "context.source_ip.isInRange(ip(\"10.0.0.0/8\")) };";
  const Diff made = differences(offer("") + guard, offer(""));
  ASSERT_EQ(made.differences.size(), 1U);
  EXPECT_TRUE(made.differences[0].more);
  EXPECT_EQ(made.differences[0].action.id(), "connect");
  EXPECT_THAT(made.differences[0].before, ElementsAre("forbidden by office"));
  EXPECT_TRUE(made.differences[0].counterexample.request.context.find("grant"));
  EXPECT_THAT(made.notes,
              ElementsAre("the guardrail office no longer applies to break-glass access"));
}

TEST_F(Analysis, EachCauseIsShownOnceWithItsActions) {
  const std::string actions =
      "action in [Writ::Action::\"list\", Writ::Action::\"list_own\"], resource);";
  const Diff made =
      differences("", "@id(\"a\") permit (principal in Writ::Group::\"a\", " + actions +
                          "@id(\"b\") permit (principal == Writ::User::\"b\", " + actions);
  std::set<std::string> causes;
  for (const Difference& each : made.differences) {
    EXPECT_TRUE(each.more);
    EXPECT_EQ(each.also.size(), 1U);
    for (const std::string& id : each.cause) causes.insert(id);
  }
  EXPECT_THAT(causes, ElementsAre("a", "b"));
}

TEST_F(Analysis, ASmallerRequestDoesNotHideAnotherCause) {
  const std::string scope = "principal is Writ::User, action == Writ::Action::\"list\", resource) ";
  const Diff made =
      differences("", "@id(\"a\") permit (" + scope + "unless { context has source_ip };" +
                          "@id(\"b\") permit (" + scope + "when { context has source_ip };");
  std::vector<std::vector<std::string>> causes;
  for (const Difference& each : made.differences) causes.push_back(each.cause);
  EXPECT_THAT(causes, ElementsAre(ElementsAre("a"), ElementsAre("b")));
}

TEST_F(Analysis, RequestsAreSmallAndPossible) {
  const Diff made =
      differences(offer("@approval(\"3 of owner\")"), offer("@approval(\"2 of owner\")"));
  ASSERT_EQ(made.differences.size(), 1U);
  const Counterexample& found = made.differences[0].counterexample;
  EXPECT_EQ(found.request.context.find("approvals")->as_int(), 2) << "as many as the owner gave";
  EXPECT_THAT(found.unknowns, ElementsAre(Pair("approvals by the owner", 2)));
}

TEST_F(Analysis, WhatTheTimeLimitLeavesIsNotKnown) {
  const WritPolicies before = set(offer(""));
  const WritPolicies after = set(offer("@approval(\"none\")"));
  Means none = means_;
  none.until = std::chrono::steady_clock::now();
  const auto made = diff(before, after, none);
  ASSERT_TRUE(made);
  EXPECT_FALSE(made->same());
  EXPECT_THAT(made->differences, ::testing::IsEmpty());
  ASSERT_EQ(made->unknown.size(), 1U);
  EXPECT_THAT(made->unknown[0], HasSubstr("the time limit for all is reached"));
  EXPECT_TRUE(to_json(*made).find("same")->is_null());
  // Nothing that could differ needs no time.
  const auto same = diff(before, before, none);
  ASSERT_TRUE(same);
  EXPECT_TRUE(same->same());
}

TEST_F(Analysis, DroppedInvariantsAreNoted) {
  const WritPolicies before =
      set({{"p.cedar", offer("")}, {"o.invariants.cedar", std::string(kNoServiceAccount)}});
  const WritPolicies after = set(offer(""));
  const auto made = diff(before, after, means_);
  ASSERT_TRUE(made);
  EXPECT_THAT(made->notes, ElementsAre("the invariant \"no service account connects to production "
                                       "without a grant\" is dropped"));
}

}  // namespace
}  // namespace writ::prove
