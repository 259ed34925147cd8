#include <gmock/gmock.h>

#include <algorithm>

#include "core/world_test.h"

namespace writ::core {
namespace {

using testing::HasSubstr;
using world::text;
using World = world::World;

struct AdminWorld : testing::Test {
  AdminWorld() { w.furnish(); }
  World w;
};
using AddIdentity = AdminWorld;
using SetIdentityState = AdminWorld;
using EraseSubject = AdminWorld;
using Groups = AdminWorld;
using Enrolling = AdminWorld;
using Changes = AdminWorld;
using AddTarget = AdminWorld;
using ApplyPolicy = AdminWorld;
using Administration = AdminWorld;

Json with(Json body, std::string_view member, Json value) {
  body.set(member, std::move(value));
  return body;
}
Json user(const std::string& name) {
  return Json::object({{"kind", "user"}, {"name", name}});
}
Json state_of(const std::string& who, const std::string& state) {
  return Json::object({{"identity", who}, {"state", state}, {"reason", "because"}});
}
Json member(const std::string& group, const std::string& who) {
  return Json::object({{"group", group}, {"identity", who}});
}
Json leaving(const std::string& group, const std::string& who) {
  return with(member(group, who), "reason", "because");
}
Json policy(const std::string& more) {
  return Json::object(
      {{"files",
        Json::array({Json::object({{"name", "a.cedar"}, {"text", default_policies() + more}})})}});
}

TEST(Genesis, TwoFoundersCanChangeEverything) {
  World w;
  EXPECT_EQ(w.state.genesis.trust_domain, "example.org");
  EXPECT_FALSE(w.state.genesis.solo);
  EXPECT_EQ(w.state.findings.size(), 0u);
  EXPECT_EQ(w.state.policy_version, 1);
  w.change("apply_policy", policy(""));
  EXPECT_EQ(w.state.policy_version, 2);
}

TEST(Genesis, OneFounderActsAloneAndThatIsAFinding) {
  World w(true);
  ASSERT_EQ(w.state.findings.size(), 1u);
  w.state.findings.for_each(
      [](const std::string&, const Finding& f) { EXPECT_EQ(f.kind, "solo_administration"); });
  EXPECT_EQ(*w.must("alice", "apply_policy", policy("")).find("version")->as_int(), 2);
}

TEST(Genesis, RefusesPoliciesThatLockItsFoundersOut) {
  World w;
  Founding founding{"example.org",
                    "t",
                    "1",
                    "k",
                    "ca",
                    {"alice", "bob"},
                    {{"p", "permit (principal, action == Writ::Action::\"request\", resource);"}}};
  founding.policies[0].text = "@id(\"nothing\") " + founding.policies[0].text;
  EXPECT_EQ(found(founding, w.outside()).error().where, "/policies");
  founding.policies[0].text = default_policies();
  founding.administrators = {"alice", "alice"};
  EXPECT_EQ(found(founding, w.outside()).error().where, "/administrators/1");
  founding.administrators = {"alice", "bob"};
  founding.trust_domain = "Not A Domain";
  EXPECT_EQ(found(founding, w.outside()).error().where, "/trust_domain");
}

TEST_F(AddIdentity, OnlyByAdministrators) {
  EXPECT_EQ(w.refused("erin", "add_identity", user("mallory")).code, Code::kDenied);
  const Json result = w.must("alice", "add_identity", user("zoe"));
  const Identity* zoe = w.state.identities.find(text(result, "identity"));
  ASSERT_NE(zoe, nullptr);
  EXPECT_TRUE(zoe->name.empty());
  EXPECT_EQ(*w.sealer.open(*zoe->sealed_name), "zoe");
}

TEST_F(AddIdentity, NamesAreNeverUsedAgain) {
  EXPECT_EQ(w.refused("alice", "add_identity", user("erin")).code, Code::kExists);
  w.must("alice", "add_identity", user("gone"));
  w.must("alice", "set_identity_state", state_of("gone", "offboarded"));
  EXPECT_EQ(w.refused("alice", "add_identity", user("gone")).code, Code::kExists);
}

TEST_F(AddIdentity, AMachineHasAnOwner) {
  Json machine = Json::object({{"kind", "workload"}, {"name", "api"}});
  EXPECT_EQ(w.refused("alice", "add_identity", machine).where, "/owner");
  machine.set("owner", "nobody");
  EXPECT_EQ(w.refused("alice", "add_identity", machine).where, "/owner");
  machine.set("owner", "billing-job");
  EXPECT_EQ(w.refused("alice", "add_identity", machine).where, "/owner");
  machine.set("owner", "group:dba");
  w.must("alice", "add_identity", machine);
  EXPECT_EQ(w.refused("alice", "add_identity", with(user("ann"), "owner", "erin")).where, "/owner");
}

TEST_F(AddIdentity, RefusesNamesThatMislead) {
  for (const char* name : {"", "Alice", "a b", "-x", "server", "idn_0123456789abcdef", "a/b"}) {
    EXPECT_EQ(w.refused("alice", "add_identity", user(name)).where, "/name") << name;
  }
}

TEST_F(SetIdentityState, QuarantineRevokesAtOnceAndCanBeLifted) {
  const std::string grant = w.granted("erin", World::ask("reader"));
  w.must("alice", "set_identity_state", state_of("erin", "quarantined"));
  EXPECT_EQ(w.state.grants.find(grant)->state, GrantState::kRevoking);
  EXPECT_EQ(w.state.grants.find(grant)->ending->reason, EndReason::kSignal);
  EXPECT_EQ(w.refused("erin", "request_access", World::ask("reader")).code, Code::kDenied);
  w.must("alice", "set_identity_state", state_of("erin", "active"));
  w.must("erin", "request_access", World::ask("reader"));
}

TEST_F(SetIdentityState, OffboardingTakesEverything) {
  const std::string grant = w.granted("evan", World::ask("reader"));
  w.must("evan", "request_access", World::ask("writer"));
  const std::string evan = w.id("evan");
  w.commit({"server"}, {CertificateIssued{certificate_of("cafe", evan, w.actor("evan").device,
                                                         w.now + std::chrono::hours(12))}});
  w.must("alice", "open_enrollment", Json::object({{"identity", "evan"}}));
  w.must("alice", "set_identity_state", state_of("evan", "offboarded"));
  EXPECT_EQ(w.state.grants.find(grant)->ending->reason, EndReason::kOffboarded);
  EXPECT_EQ(w.state.requests.size(), 0u);
  EXPECT_EQ(w.state.memberships.find(evan), nullptr);
  EXPECT_EQ(w.state.devices_of.find(evan), nullptr);
  EXPECT_TRUE(w.state.certificates.find("cafe")->revoked);
  EXPECT_EQ(w.state.enrollments.size(), 2u);  // the founders' own are still open
  EXPECT_EQ(w.refused("alice", "set_identity_state", state_of("evan", "active")).code,
            Code::kConflict);
}

TEST_F(SetIdentityState, OffboardingNeedsSomeoneToTakeOver) {
  const Error error = w.refused("alice", "set_identity_state", state_of("erin", "offboarded"));
  EXPECT_EQ(error.code, Code::kConflict);
  EXPECT_EQ(error.where, "/reassign_to");
  EXPECT_THAT(error.message, HasSubstr("billing-job"));
  EXPECT_EQ(w.refused("alice", "set_identity_state",
                      with(state_of("erin", "offboarded"), "reassign_to", "erin"))
                .where,
            "/reassign_to");
  w.must("alice", "set_identity_state",
         with(state_of("erin", "offboarded"), "reassign_to", "group:dba"));
  EXPECT_EQ(w.state.identities.find(w.id("billing-job"))->owner, "group:dba");
}

TEST_F(EraseSubject, OnlyAfterEverythingIsGone) {
  const Json body = Json::object({{"identity", w.id("evan")}});
  EXPECT_EQ(w.refused("alice", "erase_subject", body).code, Code::kConflict);
  const std::string grant = w.granted("evan", World::ask("reader"));
  w.must("alice", "set_identity_state", state_of("evan", "offboarded"));
  EXPECT_EQ(w.refused("alice", "erase_subject", body).code, Code::kConflict);
  w.commit({"server"}, on_gone(w.state, grant, StepOutcome{true, 0, {}}));
  const std::string evan = w.id("evan");
  const auto outcome = w.run("alice", "erase_subject", body);
  ASSERT_TRUE(outcome) << outcome.error().text();
  EXPECT_EQ(outcome->erase_subjects, std::vector{evan});
  EXPECT_EQ(display_name(w.state, w.sealer, evan), "(erased)");
}

TEST_F(Groups, MembershipsEndWithinTheirReview) {
  EXPECT_EQ(w.refused("alice", "add_member",
                      with(member("oncall", "erin"), "for_ms", std::int64_t{400} * 86'400'000))
                .where,
            "/for_ms");
  EXPECT_EQ(
      w.refused("alice", "add_member", with(member("oncall", "erin"), "until", to_text(w.now)))
          .where,
      "/until");
  w.must("alice", "add_member", with(member("oncall", "erin"), "for_ms", 3'600'000));
  EXPECT_TRUE(is_member(w.state, w.id("erin"), "oncall", w.now));
  w.advance(std::chrono::hours(1));
  EXPECT_FALSE(is_member(w.state, w.id("erin"), "oncall", w.now));
  w.tick();
  EXPECT_EQ(w.refused("alice", "remove_member", leaving("oncall", "erin")).code, Code::kNotFound);
}

TEST_F(Groups, NamesTheNearestOnes) {
  EXPECT_THAT(w.refused("alice", "add_member", member("oncal", "erin")).message,
              HasSubstr("Did you mean oncall"));
  EXPECT_THAT(w.refused("alice", "add_member", member("oncall", "erim")).message,
              HasSubstr("erin"));
  // Who may not add members learns no names.
  EXPECT_THAT(w.refused("erin", "add_member", member("oncal", "erim")).message,
              testing::Not(HasSubstr("oncall")));
}

TEST_F(Groups, AdministratorsAreMadeByTwo) {
  const Json proposed = w.must("alice", "add_member", member("administrators", "dana"));
  ASSERT_NE(proposed.find("change"), nullptr);
  EXPECT_FALSE(is_member(w.state, w.id("dana"), "administrators", w.now));
  w.approve("bob", text(proposed, "change"));
  EXPECT_TRUE(is_member(w.state, w.id("dana"), "administrators", w.now));
  EXPECT_NE(w.must("alice", "add_group",
                   Json::object({{"name", "admins2"}, {"purpose", "x"}, {"administers", true}}))
                .find("change"),
            nullptr);
  EXPECT_EQ(w.refused("alice", "add_member", member("administrators", "billing-job")).where,
            "/identity");
}

TEST_F(Enrolling, ACodeIsOneTimeShortAndOnlyItsHashIsKept) {
  const auto outcome = w.run("alice", "open_enrollment", Json::object({{"identity", "evan"}}));
  ASSERT_TRUE(outcome);
  const std::string code = text(outcome->result, "code");
  EXPECT_EQ(code.size(), 26u + 4u) << code;
  const std::string hash = enrollment_code_hash(code, world::hash_hex);
  const Enrollment* enrollment = w.state.enrollments.find(hash);
  ASSERT_NE(enrollment, nullptr);
  EXPECT_EQ(enrollment->until, w.now + std::chrono::minutes(15));
  for (const Event& event : w.events) EXPECT_EQ(encode(event).find(code), std::string::npos);
  std::string typed = code;
  std::erase(typed, '-');
  std::transform(typed.begin(), typed.end(), typed.begin(), [](char c) { return std::tolower(c); });
  EXPECT_EQ(enrollment_code_hash(" " + typed, world::hash_hex), hash);
  // A second code takes the place of the first.
  w.must("alice", "open_enrollment", Json::object({{"identity", "evan"}}));
  EXPECT_EQ(w.state.enrollments.find(hash), nullptr);
  w.advance(std::chrono::minutes(15));
  w.tick();
  EXPECT_EQ(w.state.enrollments.size(), 0u);
}

TEST_F(Enrolling, OnlyByWhoMay) {
  EXPECT_EQ(w.refused("erin", "open_enrollment", Json::object({{"identity", "evan"}})).code,
            Code::kDenied);
  EXPECT_EQ(w.refused("erin", "open_enrollment", Json::object({{"identity", "nobody"}})).code,
            Code::kDenied);
}

TEST_F(Enrolling, RemovingADeviceEndsItsCertificates) {
  const std::string device = w.actor("evan").device;
  w.commit({"server"}, {CertificateIssued{certificate_of("beef", w.id("evan"), device,
                                                         w.now + std::chrono::hours(12))}});
  const Json body = Json::object({{"device", device}, {"reason", "stolen"}});
  EXPECT_EQ(w.refused("erin", "remove_device", body).code, Code::kDenied);
  w.must("evan", "remove_device", body);
  EXPECT_TRUE(w.state.certificates.find("beef")->revoked);
  EXPECT_EQ(w.state.devices.find(device), nullptr);
}

TEST_F(Enrolling, ACertificateIsRevokedOnce) {
  w.commit({"server"},
           {CertificateIssued{certificate_of("feed", w.id("evan"), w.actor("evan").device,
                                             w.now + std::chrono::hours(12))}});
  const Json body = Json::object({{"serial", "feed"}, {"reason", "leaked"}});
  EXPECT_EQ(w.refused("erin", "revoke_certificate", body).code, Code::kDenied);
  w.must("alice", "revoke_certificate", body);
  EXPECT_TRUE(w.run("evan", "revoke_certificate", body)->events.empty());
  w.advance(std::chrono::hours(12));
  w.tick();
  EXPECT_EQ(w.state.certificates.size(), 0u);
}

Json auditor() {
  return Json::object({{"entitlement", World::entitlement("auditor")}});
}

TEST_F(Changes, TakeEffectWhenASecondAdministratorApproves) {
  const Json proposed = w.must("alice", "add_entitlement", auditor());
  EXPECT_EQ(w.state.entitlements.find("pg-main/orders/auditor"), nullptr);
  const Json result = w.approve("bob", text(proposed, "change"));
  EXPECT_EQ(text(result, "state"), "approved");
  EXPECT_NE(w.state.entitlements.find("pg-main/orders/auditor"), nullptr);
  EXPECT_EQ(w.state.changes.size(), 0u);
}

TEST_F(Changes, NobodyApprovesTheirOwn) {
  const std::string change = text(w.must("alice", "add_entitlement", auditor()), "change");
  w.show_factor("alice");
  EXPECT_EQ(w.refused("alice", "approve", w.approval("alice", change)).code, Code::kDenied);
}

TEST_F(Changes, OnlyAdministratorsApprove) {
  const std::string change = text(w.must("alice", "add_entitlement", auditor()), "change");
  w.show_factor("dana");
  EXPECT_EQ(w.refused("dana", "approve", w.approval("dana", change)).code, Code::kDenied);
  EXPECT_EQ(w.refused("erin", "add_entitlement", auditor()).code, Code::kDenied);
}

TEST_F(Changes, ADenialClosesWithoutEffect) {
  const std::string change = text(w.must("alice", "add_entitlement", auditor()), "change");
  w.must("bob", "approve", w.approval("bob", change, false));
  EXPECT_EQ(w.state.changes.size(), 0u);
  EXPECT_EQ(w.state.entitlements.find("pg-main/orders/auditor"), nullptr);
}

TEST_F(Changes, RunAgainAgainstTheStateOfTheApproval) {
  const std::string first = text(w.must("alice", "add_entitlement", auditor()), "change");
  w.must("bob", "add_entitlement", auditor());
  const std::string second = [&] {
    std::string found;
    w.state.changes.for_each([&](const std::string& id, const Change&) {
      if (id != first) found = id;
    });
    return found;
  }();
  w.approve("bob", first);
  w.show_factor("alice");
  EXPECT_EQ(w.refused("alice", "approve", w.approval("alice", second)).code, Code::kExists);
  // A proposer who may no longer propose proposes nothing.
  w.change("add_member", member("administrators", "dana"));
  const std::string third =
      text(w.must("dana", "add_entitlement",
                  Json::object({{"entitlement", World::entitlement("extra")}})),
           "change");
  w.change("remove_member", leaving("administrators", "dana"));
  w.show_factor("bob");
  EXPECT_EQ(w.refused("bob", "approve", w.approval("bob", third)).code, Code::kDenied);
}

TEST_F(Changes, AreNotProposedTwiceAndExpire) {
  const Json first = w.must("alice", "add_entitlement", auditor());
  EXPECT_EQ(text(w.must("alice", "add_entitlement", auditor()), "change"), text(first, "change"));
  w.advance(std::chrono::hours(24));
  w.tick();
  EXPECT_EQ(w.state.changes.size(), 0u);
}

TEST_F(Changes, AreRefusedAtOnceWhenTheyCannotBe) {
  EXPECT_EQ(w.refused("alice", "add_entitlement",
                      Json::object({{"entitlement", World::entitlement("reader")}}))
                .code,
            Code::kExists);
  Json misnamed = World::entitlement("auditor");
  misnamed.set("name", "pg-main/auditor");
  EXPECT_EQ(w.refused("alice", "add_entitlement", Json::object({{"entitlement", misnamed}})).where,
            "/entitlement/name");
}

TEST_F(AddTarget, ChecksEveryPart) {
  const auto refuse = [&](const std::function<void(Json&)>& spoil) {
    Json body = *parse_json([] {
      std::string t = canonical(World::target());
      for (std::size_t at; (at = t.find("pg-main")) != std::string::npos;)
        t.replace(at, 7, "pg-two");
      return t;
    }());
    spoil(body);
    auto outcome = w.run("alice", "add_target", body);
    return outcome ? "accepted" : outcome.error().where;
  };
  const auto target = [](Json& body, std::string_view member, Json value) {
    Json t = *body.find("target");
    t.set(member, std::move(value));
    body.set("target", t);
  };
  EXPECT_EQ(refuse([](Json&) {}), "accepted");
  EXPECT_EQ(refuse([&](Json& b) { target(b, "name", "pg/x"); }), "/target/name");
  EXPECT_EQ(refuse([&](Json& b) { target(b, "kind", "oracle"); }), "/target/kind");
  EXPECT_EQ(refuse([&](Json& b) { target(b, "port", 0); }), "/target/port");
  EXPECT_EQ(refuse([&](Json& b) { target(b, "tls", "maybe"); }), "/target/tls");
  EXPECT_EQ(refuse([&](Json& b) {
              target(b, "tls", "disable");
              target(b, "host", "db.example.org");
            }),
            "/target/tls");
  for (const char* tls : {"require", "verify-full"}) {
    EXPECT_EQ(refuse([&](Json& b) {
                target(b, "tls", tls);
                target(b, "ca", "");
              }),
              "/target/ca");
  }
  EXPECT_EQ(refuse([&](Json& b) {
              target(b, "tls", "disable");
              target(b, "ca", "");
            }),
            "accepted");
  EXPECT_EQ(refuse([&](Json& b) { target(b, "databases", Json::array()); }), "/target/databases");
  EXPECT_EQ(refuse([&](Json& b) { b.set("resources", Json::array()); }), "/resources");
  EXPECT_EQ(refuse([&](Json& b) {
              b.find("entitlements");
              Json e = World::entitlement("reader");
              b.set("entitlements", Json::array({e}));
            }),
            "/entitlements/0/resource");
}

TEST_F(AddTarget, ADoorStandsAloneInFrontOfATarget) {
  w.must("alice", "add_identity",
         Json::object({{"kind", "door"}, {"name", "second-door"}, {"owner", "group:dba"}}));
  const Json door = Json::object({{"identity", "second-door"},
                                  {"kind", "postgres"},
                                  {"host", "h"},
                                  {"port", 1},
                                  {"targets", Json::array({"pg-main"})}});
  EXPECT_EQ(w.refused("alice", "add_door", Json::object({{"door", door}})).where,
            "/door/targets/0");
  EXPECT_EQ(w.refused("alice", "add_door", Json::object({{"door", with(door, "identity", "erin")}}))
                .where,
            "/door/identity");
}

TEST_F(ApplyPolicy, RefusesWhatDoesNotCompile) {
  const Error error = w.refused("alice", "apply_policy", policy("permit (principal"));
  EXPECT_EQ(error.code, Code::kInvalid);
  EXPECT_THAT(error.text(), HasSubstr("a.cedar"));
  EXPECT_EQ(w.refused("alice", "apply_policy",
                      policy("@id(\"x\") @max_tll(\"1h\") permit (principal, action == "
                             "Writ::Action::\"request\", resource);"))
                .code,
            Code::kInvalid);
}

TEST_F(ApplyPolicy, TheHashMustBeOfTheFiles) {
  const std::vector<PolicyFile> files{{"a.cedar", default_policies()}};
  EXPECT_EQ(w.refused("alice", "apply_policy", with(policy(""), "hash", "00")).where, "/hash");
  w.must("alice", "apply_policy", with(policy(""), "hash", policy_hash(files, world::hash_hex)));
}

// Else an older proposal would take back what came into force since.
TEST_F(ApplyPolicy, ReplacesTheVersionThatItWasProposedAgainst) {
  const auto proposed = [&](const std::string& more) {
    return world::text(w.must("alice", "apply_policy", policy(more)), "change");
  };
  const std::string
      older = proposed(""),
      newer =
          proposed("@id(\"x\") forbid (principal, action == Writ::Action::\"connect\", resource);");
  w.approve("bob", newer);
  const std::int64_t version = w.state.policy_version;
  const Error late = w.refused("bob", "approve", w.approval("bob", older));
  EXPECT_EQ(late.code, Code::kConflict);
  EXPECT_THAT(late.message,
              HasSubstr("version " + std::to_string(version) + " is in force by now"));
  EXPECT_EQ(w.state.policy_version, version);
  EXPECT_EQ(w.refused("alice", "apply_policy", with(policy(""), "base", version - 1)).where,
            "/base");
  w.must("alice", "apply_policy", with(policy(""), "base", version));
}

TEST_F(ApplyPolicy, NeverLocksAdministrationOut) {
  const Json nothing = Json::object(
      {{"files",
        Json::array({Json::object(
            {{"name", "a"},
             {"text",
              "@id(\"x\") permit (principal, action == Writ::Action::\"list\", resource);"}})})}});
  EXPECT_EQ(w.refused("alice", "apply_policy", nothing).code, Code::kConflict);
  EXPECT_EQ(w.refused("alice", "apply_policy",
                      policy("@id(\"f\") forbid (principal, action == Writ::Action::\"approve\", "
                             "resource is Writ::System);"))
                .code,
            Code::kConflict);
  const std::string only_alice =
      "@id(\"only-alice\") forbid (principal, action == Writ::Action::\"apply_policy\", resource) "
      "unless { principal == Writ::User::\"" +
      w.id("alice") + "\" };";
  const Error one = w.refused("alice", "apply_policy", policy(only_alice));
  EXPECT_EQ(one.code, Code::kConflict);
  EXPECT_THAT(one.message, HasSubstr("one person alone"));
}

TEST_F(ApplyPolicy, ThatWantsAFreshCodeLocksNobodyOut) {
  w.must(
      "alice", "apply_policy",
      policy("@id(\"f\") forbid (principal, action == Writ::Action::\"apply_policy\", resource) "
             "unless { context.auth has mfa_age && context.auth.mfa_age <= duration(\"15m\") };"));
}

TEST_F(ApplyPolicy, RefusesWhatIsInForceAlready) {
  const std::string quiet = "// as before";
  w.change("apply_policy", policy(quiet));
  const Error error = w.refused("alice", "apply_policy", policy(quiet));
  EXPECT_EQ(error.code, Code::kConflict);
  EXPECT_THAT(error.message, HasSubstr("are version " + std::to_string(w.state.policy_version) +
                                       ", which is in force already"));
  w.must("alice", "apply_policy", policy(quiet + "\n"));
}

TEST_F(ApplyPolicy, TakesGrantsWhoseOfferIsGone) {
  const std::string grant = w.granted("erin", World::ask("reader"));
  EXPECT_TRUE(lost_offers(w.state, w.now).empty());
  w.change("apply_policy", policy(""));
  const auto lost = lost_offers(w.state, w.now);
  ASSERT_EQ(lost.size(), 1u);
  w.commit({"server"}, lost);
  EXPECT_EQ(w.state.grants.find(grant)->ending->reason, EndReason::kOfferLost);
  EXPECT_TRUE(lost_offers(w.state, w.now).empty());
}

// In one step, so that no crash stands between a guardrail and the session that it ends.
TEST_F(ApplyPolicy, EndsTheOpenSessionsThatItDenies) {
  const std::string offer = R"(@id("all-ask") @approval("none")
    permit (principal, action == Writ::Action::"request", resource);)";
  w.change("apply_policy", policy(offer));
  const std::string grant = w.granted("erin", World::ask("reader"));
  Session session;
  session.id = "ses_1";
  session.door = w.id("pg-door");
  session.grant = grant;
  session.identity = w.id("erin");
  session.source_ip = "10.0.0.7";
  w.commit({"door:" + session.door}, {SessionStarted{session, 1}});
  w.change("apply_policy", policy(offer + "// as before"));
  EXPECT_EQ(w.state.grants.find(grant)->state, GrantState::kActive);
  w.change("apply_policy", policy(offer + R"(
    @id("stop") forbid (principal, action == Writ::Action::"connect", resource);)"));
  ASSERT_EQ(w.state.grants.find(grant)->state, GrantState::kRevoking);
  EXPECT_EQ(w.state.grants.find(grant)->ending->reason, EndReason::kPolicyChanged);
}

TEST_F(Administration, TwoPersonsAlwaysRemain) {
  EXPECT_EQ(w.refused("alice", "set_identity_state", state_of("bob", "quarantined")).code,
            Code::kConflict);
  EXPECT_EQ(w.refused("alice", "set_identity_state", state_of("bob", "offboarded")).code,
            Code::kConflict);
  EXPECT_EQ(w.refused("alice", "remove_member", leaving("administrators", "bob")).code,
            Code::kConflict);
  w.change("add_member", member("administrators", "dana"));
  w.must("alice", "set_identity_state", state_of("bob", "quarantined"));
}

TEST_F(Administration, TooFewLastingMembershipsAreAFinding) {
  w.tick();
  EXPECT_EQ(w.state.findings.size(), 0u);
  w.advance(std::chrono::days(80));  // the founders' end after 90
  w.tick();
  EXPECT_NE(w.state.finding_ids.find("administration_ends\nwrit: administrators"), nullptr);
  EXPECT_TRUE(due(w.state, w.now).empty());
  w.equip("alice");
  w.equip("bob");
  w.change("add_member", member("administrators", "alice"));
  w.change("add_member", member("administrators", "bob"));
  w.tick();
  EXPECT_EQ(w.state.finding_ids.find("administration_ends\nwrit: administrators"), nullptr);
}

TEST_F(Administration, AgentsNeverAdminister) {
  w.must("alice", "add_identity",
         Json::object({{"kind", "agent"}, {"name", "helper"}, {"owner", "alice"}}));
  Actor agent = w.actor("helper");
  agent.chain = {w.id("alice")};
  const auto outcome = run_command(w.state, agent, "add_identity", user("zed"), w.outside());
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, Code::kDenied);
}

TEST_F(Administration, EveryVerbIsRefusedToWhoIsNobody) {
  for (const Verb& verb : verbs()) {
    Actor nobody;
    nobody.identity = "idn_0000000000000000";
    const auto outcome = run_command(w.state, nobody, verb.name, Json::object(), w.outside());
    ASSERT_FALSE(outcome) << verb.name;
    EXPECT_EQ(outcome.error().code, Code::kDenied) << verb.name;
    EXPECT_FALSE(verb.help.empty());
  }
  EXPECT_EQ(w.refused("alice", "no_such_verb", Json::object()).code, Code::kInvalid);
}

TEST_F(Administration, NothingIsDecidedBeforeTheLastEvent) {
  w.now -= std::chrono::seconds(1);
  EXPECT_EQ(w.refused("erin", "request_access", World::ask("reader")).code, Code::kUnavailable);
}

}  // namespace
}  // namespace writ::core
