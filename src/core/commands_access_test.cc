#include <gmock/gmock.h>

#include "core/grants.h"
#include "core/login.h"
#include "core/world_test.h"

namespace writ::core {
namespace {

using testing::HasSubstr;
using world::text;
using World = world::World;

struct AccessWorld : testing::Test {
  AccessWorld() { w.furnish(); }
  World w;
};
using RequestAccess = AccessWorld;
using Approve = AccessWorld;
using Revoke = AccessWorld;
using Withdraw = AccessWorld;
using OpenBaseline = AccessWorld;

Json with(Json body, std::string_view member, Json value) {
  body.set(member, std::move(value));
  return body;
}

// The body of a change that adds these policies.
Json with_policies(const std::string& more) {
  return Json::object({{"files", to_json(std::vector<PolicyFile>{
                                     {"default.cedar", default_policies()},
                                     {"sample.cedar", std::string(world::kPolicies) + more}})}});
}

TEST_F(RequestAccess, GivesAtOnceWhereNoApprovalIsNeeded) {
  const Json result = w.must("erin", "request_access", World::ask("reader"));
  EXPECT_EQ(text(result, "state"), "activating");
  const Grant* grant = w.state.grants.find(text(result, "grant"));
  ASSERT_NE(grant, nullptr);
  EXPECT_EQ(grant->policy, "engineers-read");
  EXPECT_EQ(grant->duration, std::chrono::minutes(45));
  EXPECT_EQ(login_of(w.state, *grant).substr(0, 10), "writ_erin_");
  EXPECT_FALSE(grant->until);
  EXPECT_EQ(w.state.requests.size(), 0u);
  EXPECT_EQ(*w.sealer.open(*grant->purpose), "INC-1");
}

TEST_F(RequestAccess, TheClockStartsAtActivation) {
  const Json result = w.must("erin", "request_access", World::ask("reader"));
  w.advance(std::chrono::minutes(5));
  w.commit({"server"}, on_provisioned(w.state, text(result, "grant"), w.now));
  EXPECT_EQ(*w.state.grants.find(text(result, "grant"))->until, w.now + std::chrono::minutes(45));
  EXPECT_TRUE(on_provisioned(w.state, text(result, "grant"), w.now).empty());
}

TEST_F(RequestAccess, WaitsForApprovalWhereTermsSay) {
  const Json result = w.must("erin", "request_access", World::ask("writer"));
  EXPECT_EQ(text(result, "state"), "pending");
  EXPECT_EQ(text(result, "approvers"), "group:dba");
  const Request* request = w.state.requests.find(text(result, "request"));
  ASSERT_NE(request, nullptr);
  EXPECT_EQ(request->until, w.now + std::chrono::hours(1));
  EXPECT_EQ(w.state.grants.size(), 0u);
}

TEST_F(RequestAccess, ReusesAnEqualGrantForTheSamePurpose) {
  const std::string first = w.granted("erin", World::ask("reader"));
  const Json again = w.must("erin", "request_access", World::ask("reader", "  INC-1 "));
  EXPECT_EQ(text(again, "grant"), first);
  EXPECT_EQ(*again.find("reused")->as_bool(), true);
  const Json other = w.must("erin", "request_access", World::ask("reader", "INC-2"));
  EXPECT_NE(text(other, "grant"), first);
  EXPECT_EQ(*other.find("reused")->as_bool(), false);
}

TEST_F(RequestAccess, AnExtensionIsANewRequest) {
  const std::string first = w.granted("erin", World::ask("reader"));
  w.advance(std::chrono::minutes(30));
  const Json again = w.must("erin", "request_access", World::ask("reader"));
  EXPECT_NE(text(again, "grant"), first);
}

TEST_F(RequestAccess, ReusesAnEqualPendingRequest) {
  const Json first = w.must("erin", "request_access", World::ask("writer"));
  const Json again = w.must("erin", "request_access", World::ask("writer"));
  EXPECT_EQ(text(again, "request"), text(first, "request"));
  EXPECT_EQ(w.state.requests.size(), 1u);
}

TEST_F(RequestAccess, TheRequesterPicksAmongIncomparableOffers) {
  const Error error = w.refused("erin", "request_access", World::ask("reporter"));
  EXPECT_EQ(error.code, Code::kConflict);
  EXPECT_EQ(error.where, "/offer");
  EXPECT_THAT(error.message, HasSubstr("report-briefly"));
  EXPECT_THAT(error.message, HasSubstr("report-long"));
  const Json brief =
      w.must("erin", "request_access", with(World::ask("reporter"), "offer", "report-briefly"));
  EXPECT_EQ(text(brief, "state"), "activating");
  const Json lengthy =
      w.must("erin", "request_access", with(World::ask("reporter"), "offer", "report-long"));
  EXPECT_EQ(text(lengthy, "state"), "pending");
  const Error unknown =
      w.refused("erin", "request_access", with(World::ask("reporter"), "offer", "report-most"));
  EXPECT_EQ(unknown.code, Code::kNotFound);
}

TEST_F(RequestAccess, SaysTheLongestDuration) {
  const Error error = w.refused("erin", "request_access",
                                with(World::ask("reader"), "duration_ms", 46 * 60 * 1000));
  EXPECT_EQ(error.code, Code::kInvalid);
  EXPECT_EQ(error.where, "/duration_ms");
  EXPECT_THAT(error.message, HasSubstr("at most 45m"));
  for (const std::int64_t bad : {std::int64_t{0}, std::int64_t{-5}, INT64_MAX, INT64_MIN}) {
    EXPECT_EQ(
        w.refused("erin", "request_access", with(World::ask("reader"), "duration_ms", bad)).where,
        "/duration_ms");
  }
}

TEST_F(RequestAccess, NamesWhatMayBeMeantAmongWhatMayBeAskedFor) {
  const Error typo = w.refused("erin", "request_access", World::ask("raeder"));
  EXPECT_EQ(typo.code, Code::kNotFound);
  EXPECT_EQ(typo.where, "/entitlement");
  EXPECT_THAT(typo.message, HasSubstr("Did you mean pg-main/orders/reader"));
  // Oscar may not ask for writer, and learns nothing of it: neither that it is there, nor its name.
  const Error there = w.refused("oscar", "request_access", World::ask("writer"));
  const Error absent = w.refused("oscar", "request_access", World::ask("wrizer"));
  EXPECT_EQ(there.code, Code::kNotFound);
  EXPECT_EQ(absent.code, Code::kNotFound);
  EXPECT_THAT(there.message, testing::Not(HasSubstr("orders/writer?")));
  EXPECT_THAT(absent.message, testing::Not(HasSubstr("writer")));
}

TEST_F(RequestAccess, AsksForAFreshCodeWhereTermsDemandIt) {
  const Error none = w.refused("oscar", "request_access", World::ask("reader"));
  EXPECT_EQ(none.code, Code::kDenied);
  EXPECT_EQ(none.where, kNeedsSecondFactor);
  w.show_factor("oscar");
  w.advance(std::chrono::minutes(16));
  EXPECT_EQ(w.refused("oscar", "request_access", World::ask("reader")).where, kNeedsSecondFactor);
  w.show_factor("oscar");
  w.advance(std::chrono::minutes(3));
  const Json result = w.must("oscar", "request_access", World::ask("reader"));
  EXPECT_EQ(w.state.grants.find(text(result, "grant"))->mfa_age_ms, 180'000);
}

TEST_F(RequestAccess, ACodeShownOnAnotherDeviceIsNotFresh) {
  w.show_factor("oscar");
  w.equip("oscar");
  Actor other = w.actor("oscar");
  const std::vector<std::string> devices = *w.state.devices_of.find(other.identity);
  const std::string shown = w.state.second_factors.find(other.identity)->fresh_device;
  other.device = devices[0] == shown ? devices[1] : devices[0];
  const auto outcome =
      run_command(w.state, other, "request_access", World::ask("reader"), w.outside());
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().where, kNeedsSecondFactor);
}

TEST_F(RequestAccess, ForAnOwnedMachineAlone) {
  const Json body = with(World::ask("writer"), "beneficiary", "billing-job");
  const Json result = w.must("erin", "request_access", body);
  EXPECT_EQ(w.state.requests.find(text(result, "request"))->beneficiary, w.id("billing-job"));
  const Error error = w.refused("evan", "request_access", body);
  EXPECT_EQ(error.code, Code::kNotFound);
  EXPECT_EQ(error.where, "/beneficiary");
  EXPECT_EQ(
      w.refused("erin", "request_access", with(World::ask("writer"), "beneficiary", "evan")).code,
      Code::kNotFound);
  EXPECT_THAT(
      w.refused("erin", "request_access", with(World::ask("writer"), "beneficiary", "biling-job"))
          .message,
      HasSubstr("billing-job"));
}

TEST_F(RequestAccess, AtMostTwentyPendForEach) {
  for (int i = 0; i < 20; ++i) {
    w.must("erin", "request_access", World::ask("writer", "ticket " + std::to_string(i)));
  }
  EXPECT_EQ(w.refused("erin", "request_access", World::ask("writer", "one more")).code,
            Code::kExhausted);
  w.must("evan", "request_access", World::ask("writer"));
}

TEST_F(RequestAccess, RefusesBadBodies) {
  const auto where = [&](const Json& body) {
    return w.refused("erin", "request_access", body).where;
  };
  EXPECT_EQ(where(Json::array()), "");
  EXPECT_EQ(where(Json::object({{"entitlement", "x"}})), "");
  EXPECT_EQ(where(with(World::ask("reader"), "extra", 1)), "/extra");
  EXPECT_EQ(where(with(World::ask("reader"), "duration_ms", "1h")), "/duration_ms");
  EXPECT_EQ(where(World::ask("reader", "   ")), "/purpose");
  EXPECT_EQ(where(World::ask("reader", std::string(501, 'x'))), "/purpose");
  EXPECT_EQ(where(World::ask("reader", "a\nb")), "/purpose");
  EXPECT_EQ(where(World::ask("reader",
                             "a\xc2\x9b"
                             "31m")),
            "/purpose");
}

TEST_F(RequestAccess, AGuardrailOverridesEveryOffer) {
  w.change("apply_policy", with_policies(R"(
@id("never-erin")
forbid (principal, action == Writ::Action::"request", resource)
when { context.duration > duration("20m") };
)"));
  const Error error = w.refused("erin", "request_access", World::ask("reader"));
  EXPECT_EQ(error.code, Code::kDenied);
  EXPECT_THAT(error.message, HasSubstr("never-erin"));
  w.must("erin", "request_access", with(World::ask("reader"), "duration_ms", 20 * 60 * 1000));
}

TEST_F(RequestAccess, NothingForWhoIsQuarantined) {
  w.must("alice", "set_identity_state",
         Json::object({{"identity", "erin"}, {"state", "quarantined"}, {"reason", "leak"}}));
  EXPECT_EQ(w.refused("erin", "request_access", World::ask("reader")).code, Code::kDenied);
}

TEST_F(Approve, TheLastApprovalGivesTheGrant) {
  const std::string request =
      text(w.must("erin", "request_access", World::ask("writer")), "request");
  const Json result = w.approve("dana", request);
  EXPECT_EQ(text(result, "state"), "approved");
  const Grant* grant = w.state.grants.find(text(result, "grant"));
  ASSERT_NE(grant, nullptr);
  EXPECT_EQ(grant->approvers, std::vector{w.id("dana")});
  EXPECT_EQ(grant->beneficiary, w.id("erin"));
  EXPECT_EQ(grant->request, request);
  EXPECT_EQ(w.state.requests.size(), 0u);
}

TEST_F(Approve, TwoApprovalsAreOfTwoPersons) {
  const std::string request =
      text(w.must("erin", "request_access", World::ask("owner")), "request");
  EXPECT_EQ(text(w.approve("dana", request), "state"), "pending");
  w.show_factor("dana");
  EXPECT_EQ(w.refused("dana", "approve", w.approval("dana", request)).code, Code::kConflict);
  EXPECT_EQ(w.state.grants.size(), 0u);
  const Json last = w.approve("dave", request);
  EXPECT_EQ(w.state.grants.find(text(last, "grant"))->approvers.size(), 2u);
}

TEST_F(Approve, AnEarlierApprovalOfWhoMayNoLongerDoesNotCount) {
  const std::string request =
      text(w.must("erin", "request_access", World::ask("owner")), "request");
  w.approve("dana", request);
  w.must("alice", "remove_member",
         Json::object({{"group", "dba"}, {"identity", "dana"}, {"reason", "left"}}));
  EXPECT_EQ(text(w.approve("dave", request), "state"), "pending");
  EXPECT_EQ(w.state.grants.size(), 0u);
}

TEST_F(Approve, ADenialCloses) {
  const std::string request =
      text(w.must("erin", "request_access", World::ask("writer")), "request");
  EXPECT_EQ(text(w.must("dana", "approve", w.approval("dana", request, false)), "state"), "denied");
  EXPECT_EQ(w.state.requests.size(), 0u);
  EXPECT_EQ(w.state.grants.size(), 0u);
}

TEST_F(Approve, NeedsAFreshCode) {
  const std::string request =
      text(w.must("erin", "request_access", World::ask("writer")), "request");
  const Error error = w.refused("dana", "approve", w.approval("dana", request));
  EXPECT_EQ(error.code, Code::kDenied);
  EXPECT_EQ(error.where, kNeedsSecondFactor);
  w.show_factor("dana");
  w.advance(std::chrono::minutes(16));
  EXPECT_EQ(w.refused("dana", "approve", w.approval("dana", request)).where, kNeedsSecondFactor);
}

TEST_F(Approve, OnlyByWhomTheTermsName) {
  const std::string request =
      text(w.must("erin", "request_access", World::ask("writer")), "request");
  for (const char* name : {"evan", "alice", "oscar"}) {
    w.show_factor(name);
    EXPECT_EQ(w.refused(name, "approve", w.approval(name, request)).code, Code::kDenied) << name;
  }
}

TEST_F(Approve, NobodyApprovesTheirOwnRequest) {
  w.join("dba", "erin");
  w.show_factor("erin");
  const std::string own = text(w.must("erin", "request_access", World::ask("writer")), "request");
  EXPECT_EQ(w.refused("erin", "approve", w.approval("erin", own)).code, Code::kDenied);
}

TEST_F(Approve, PoliciesSeeWhoAsksAndWhoGetsIt) {
  const std::string asked =
      text(w.must("billing-job", "request_access", World::ask("writer")), "request");
  const std::string own = text(w.must("erin", "request_access", World::ask("writer")), "request");
  // Erin's own, and nothing else.
  w.change("apply_policy", with_policies(R"(
@id("not-for-erin") forbid (principal, action == Writ::Action::"approve", resource)
when { context has requester && context has beneficiary &&
       context.requester == context.beneficiary &&
       context.requester == Writ::Group::"identity:)" +
                                         w.id("erin") + "\" };\n"));
  w.show_factor("dana");
  EXPECT_THAT(w.refused("dana", "approve", w.approval("dana", own)).message,
              HasSubstr("not-for-erin"));
  w.approve("dana", asked);
}

TEST_F(Approve, NorThatOfAMachineTheyOwn) {
  w.join("dba", "erin");
  w.show_factor("erin");
  const std::string machine =
      text(w.must("billing-job", "request_access", World::ask("writer")), "request");
  EXPECT_EQ(w.refused("erin", "approve", w.approval("erin", machine)).code, Code::kDenied);
  w.approve("dana", machine);
  EXPECT_EQ(w.state.grants.size(), 1u);
}

TEST_F(Approve, NorThatOfAMachineThatTheirGroupOwns) {
  w.must("alice", "add_identity",
         Json::object({{"kind", "workload"}, {"name", "dba-job"}, {"owner", "group:dba"}}));
  w.join("jobs", "dba-job");
  const std::string request =
      text(w.must("dana", "request_access", with(World::ask("writer"), "beneficiary", "dba-job")),
           "request");
  w.show_factor("dave");
  EXPECT_EQ(w.refused("dave", "approve", w.approval("dave", request)).code, Code::kDenied);
}

TEST_F(Approve, MachinesNeverApprove) {
  w.join("dba", "billing-job");
  const std::string request =
      text(w.must("evan", "request_access", World::ask("writer")), "request");
  EXPECT_THAT(w.refused("billing-job", "approve", w.approval("billing-job", request)).message,
              HasSubstr("person"));
}

TEST_F(Approve, WhatIsSignedIsWhatIsPending) {
  const std::string first = text(w.must("erin", "request_access", World::ask("writer")), "request");
  const std::string second =
      text(w.must("erin", "request_access", World::ask("writer", "INC-2")), "request");
  w.show_factor("dana");
  Json body = w.approval("dana", first);
  body.set("id", second);
  EXPECT_EQ(w.refused("dana", "approve", body).code, Code::kConflict);
  body = w.approval("dana", first);
  body.set("statement_hash", std::string(64, '0'));
  EXPECT_EQ(w.refused("dana", "approve", body).where, "/statement_hash");
  body = w.approval("dana", first);
  body.set("signature", world::sign("key of mallory", "anything"));
  const Error forged = w.refused("dana", "approve", body);
  EXPECT_EQ(forged.code, Code::kDenied);
  EXPECT_EQ(forged.where, "/signature");
  // A signed denial is no approval.
  body = w.approval("dana", first, false);
  body.set("approve", true);
  EXPECT_EQ(w.refused("dana", "approve", body).code, Code::kConflict);
}

TEST_F(Approve, TheStatementIsTheSameForTheSameFactsAndNamesThePerson) {
  const std::string id = text(w.must("erin", "request_access", World::ask("writer")), "request");
  const auto dana = approval_statement(w.state, w.sealer, id, w.id("dana"), true);
  EXPECT_EQ(*dana, *approval_statement(w.state, w.sealer, id, w.id("dana"), true));
  EXPECT_NE(*dana, *approval_statement(w.state, w.sealer, id, w.id("dave"), true));
  EXPECT_NE(*dana, *approval_statement(w.state, w.sealer, id, w.id("dana"), false));
  EXPECT_THAT(*dana, HasSubstr("orders_writer"));  // what the name stands for
  EXPECT_FALSE(approval_statement(w.state, w.sealer, "req_unknown", w.id("dana"), true));
}

TEST_F(Approve, IsJudgedAnewWhenThePolicyHasChanged) {
  const std::string request =
      text(w.must("erin", "request_access", World::ask("writer")), "request");
  w.must("alice", "remove_member",
         Json::object({{"group", "engineering"}, {"identity", "erin"}, {"reason", "moved"}}));
  w.show_factor("dana");
  const Error error = w.refused("dana", "approve", w.approval("dana", request));
  EXPECT_EQ(error.code, Code::kConflict);
  EXPECT_THAT(error.message, HasSubstr("engineers-write"));
}

TEST_F(Approve, NotAfterItHasExpired) {
  const std::string request =
      text(w.must("erin", "request_access", World::ask("writer")), "request");
  w.advance(std::chrono::minutes(61));
  w.show_factor("dana");
  EXPECT_EQ(w.refused("dana", "approve", w.approval("dana", request)).code, Code::kConflict);
  w.tick();
  EXPECT_EQ(w.refused("dana", "approve", w.approval("dana", request)).code, Code::kNotFound);
}

TEST_F(Withdraw, OnlyOnesOwn) {
  const std::string request =
      text(w.must("erin", "request_access", World::ask("writer")), "request");
  const Json body = Json::object({{"id", request}});
  EXPECT_EQ(w.refused("evan", "withdraw", body).code, Code::kNotFound);
  EXPECT_EQ(text(w.must("erin", "withdraw", body), "state"), "withdrawn");
  EXPECT_EQ(w.refused("erin", "withdraw", body).code, Code::kNotFound);
}

TEST_F(Withdraw, OnlyTheProposerAChange) {
  const Json proposed = w.must("alice", "add_entitlement",
                               Json::object({{"entitlement", World::entitlement("auditor")}}));
  const Json body = Json::object({{"id", text(proposed, "change")}});
  EXPECT_EQ(w.refused("bob", "withdraw", body).code, Code::kNotFound);
  w.must("alice", "withdraw", body);
  EXPECT_EQ(w.state.changes.size(), 0u);
}

Json ending(const std::string& grant) {
  return Json::object({{"grant", grant}, {"reason", "not needed"}});
}

TEST_F(Revoke, ByWhoHoldsIt) {
  const std::string grant = w.granted("erin", World::ask("reader"));
  EXPECT_EQ(text(w.must("erin", "revoke", ending(grant)), "state"), "revoking");
  const Grant* g = w.state.grants.find(grant);
  EXPECT_EQ(g->state, GrantState::kRevoking);
  EXPECT_EQ(g->ending->reason, EndReason::kRevoked);
  EXPECT_EQ(g->ending->by, w.id("erin"));
}

TEST_F(Revoke, ByOwnersAndAdministratorsAndNobodyElse) {
  const std::string first = w.granted("erin", World::ask("reader"));
  const std::string second = w.granted("erin", World::ask("reader", "other"));
  EXPECT_EQ(w.refused("evan", "revoke", ending(first)).code, Code::kDenied);
  w.must("dana", "revoke", ending(first));    // owns the resource
  w.must("alice", "revoke", ending(second));  // administers
  EXPECT_EQ(w.state.grants.find(second)->state, GrantState::kRevoking);
}

TEST_F(Revoke, IsIdempotent) {
  const std::string grant = w.granted("erin", World::ask("reader"));
  w.must("erin", "revoke", ending(grant));
  const auto again = w.run("dana", "revoke", ending(grant));
  ASSERT_TRUE(again);
  EXPECT_TRUE(again->events.empty());
  EXPECT_EQ(text(again->result, "state"), "revoking");
}

TEST_F(Revoke, EndsWhatStillActivates) {
  const Json result = w.must("erin", "request_access", World::ask("reader"));
  w.must("erin", "revoke", ending(text(result, "grant")));
  EXPECT_TRUE(on_provisioned(w.state, text(result, "grant"), w.now).empty());
}

TEST_F(Revoke, NeedsAReasonAndALiveGrant) {
  const std::string grant = w.granted("erin", World::ask("reader"));
  EXPECT_EQ(w.refused("erin", "revoke", Json::object({{"grant", grant}, {"reason", " "}})).where,
            "/reason");
  EXPECT_EQ(w.refused("erin", "revoke", ending("grt_0000000000000000")).code, Code::kNotFound);
}

Json baseline(World& w, const std::string& name) {
  return Json::object({{"subject", w.id(name)}, {"entitlement", "pg-main/orders/reader"}});
}

TEST_F(OpenBaseline, OpensTenMinutesAndReusesThem) {
  const Json result = w.must("billing-job", "open_baseline", baseline(w, "billing-job"));
  const Grant* grant = w.state.grants.find(text(result, "grant"));
  ASSERT_NE(grant, nullptr);
  EXPECT_EQ(grant->cause, Cause::kBaseline);
  EXPECT_EQ(grant->policy, "jobs-read-without-asking");
  EXPECT_EQ(grant->duration, std::chrono::minutes(10));
  EXPECT_EQ(text(w.must("billing-job", "open_baseline", baseline(w, "billing-job")), "grant"),
            text(result, "grant"));
  w.commit({"server"}, on_provisioned(w.state, text(result, "grant"), w.now));
  EXPECT_EQ(text(w.must("billing-job", "open_baseline", baseline(w, "billing-job")), "grant"),
            text(result, "grant"));
  w.advance(std::chrono::minutes(10));
  w.tick();
  EXPECT_NE(text(w.must("billing-job", "open_baseline", baseline(w, "billing-job")), "grant"),
            text(result, "grant"));
}

TEST_F(OpenBaseline, ByTheDoorOfTheTargetForWhomItSaw) {
  const Certificate seen = certificate_of(
      "abc1", w.id("billing-job"), w.actor("billing-job").device, w.now + std::chrono::hours(1));
  w.commit({"server"}, {CertificateIssued{seen}});
  Json body = baseline(w, "billing-job");
  EXPECT_EQ(w.refused("pg-door", "open_baseline", body).code, Code::kDenied);  // saw no certificate
  body.set("credential", "abc1");
  body.set("source_ip", "127.0.0.1");
  w.must("pg-door", "open_baseline", body);
  EXPECT_EQ(w.refused("erin", "open_baseline", body).code, Code::kDenied);
}

TEST_F(OpenBaseline, OnlyWhereABaselinePermits) {
  EXPECT_EQ(w.refused("erin", "open_baseline", baseline(w, "erin")).code, Code::kDenied);
}

}  // namespace
}  // namespace writ::core
