#include "core/decide.h"

#include <gmock/gmock.h>

#include "core/entities.h"
#include "core/house_test.h"

namespace writ::core {
namespace {

using house::Furnished;
using std::chrono::minutes;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(Connect, ALiveGrantIsAllowedUntilItsEnd) {
  Furnished h;
  h.hold();
  const Decision d = h.ask(h.connect());
  EXPECT_TRUE(d.allow) << d.message;
  EXPECT_THAT(reason_of(d), ElementsAre("grant grt_1", "engineers-read"));
  EXPECT_EQ(d.grant, "grt_1");
  EXPECT_EQ(d.login(), "writ_idn_erin_example_org_grt_1");
  EXPECT_EQ(d.database, "orders");
  EXPECT_EQ(*d.until, h.now + minutes(30));
  EXPECT_EQ(d.autonomy, std::chrono::seconds(15));
  h.now += minutes(30) - Millis(1);
  EXPECT_TRUE(h.ask(h.connect()).allow);
  h.now += Millis(1);
  EXPECT_FALSE(h.ask(h.connect()).allow);
}

TEST(Connect, ACertificateForAGrantOpensNothingElse) {
  Furnished h;
  h.hold();
  h.certificate("cg", "idn_erin", "dev_erin", "grt_1");
  Question q = h.connect();
  q.credential = "cg";
  EXPECT_TRUE(h.ask(q).allow);
  q.resource = "pg-main/orders/writer";
  EXPECT_EQ(h.ask(q).message,
            "this certificate is for connecting on grant grt_1, which is for "
            "pg-main/orders/reader; get another one with: writ connect pg-main/orders/writer");
  q.resource = "pg-main/orders/reader";
  h.end("grt_1");
  EXPECT_EQ(h.ask(q).message,
            "this certificate was for grant grt_1, which is over; get a new one with: writ connect "
            "pg-main/orders/reader");
}

TEST(Connect, WithoutAGrantSaysHowToAsk) {
  Furnished h;
  const Decision d = h.ask(h.connect());
  EXPECT_FALSE(d.allow);
  EXPECT_THAT(d.needs, ElementsAre("grant"));
  EXPECT_EQ(d.message, "no live grant; ask with: writ request pg-main/orders/reader");
}

TEST(Connect, WhatIsNotOfferedLooksLikeWhatDoesNotExist) {
  Furnished h;
  Question q = h.connect();
  q.resource = "pg-main/orders/writer";
  std::string known = h.ask(q).message;
  q.resource = "pg-main/orders/absent";
  const Decision unknown = h.ask(q);
  EXPECT_EQ(known.replace(known.find("writer"), 6, "absent"), unknown.message);
  EXPECT_THAT(unknown.needs, IsEmpty());
}

TEST(Connect, AGrantOfAnotherIsNoGrant) {
  Furnished h;
  h.live(h.grant("grt_2", "idn_dana", "pg-main/orders/reader", "engineers-read"));
  EXPECT_FALSE(h.ask(h.connect()).allow);
  Question q = h.connect();
  q.grant = "grt_2";
  EXPECT_FALSE(h.ask(q).allow);
}

TEST(Connect, ActivatingAndRevokingGrantsOpenNothing) {
  Furnished h;
  h.add(GrantCreated{h.grant("grt_1", "idn_erin", "pg-main/orders/reader", "engineers-read")});
  EXPECT_THAT(h.ask(h.connect()).message, HasSubstr("being set up"));
  h.activate("grt_1");
  EXPECT_TRUE(h.ask(h.connect()).allow);
  h.add(GrantRevoking{"grt_1", EndReason::kRevoked, std::nullopt, std::nullopt});
  EXPECT_FALSE(h.ask(h.connect()).allow);
}

TEST(Connect, WhoLeavesTheGroupHasLostTheGrant) {
  Furnished h;
  h.hold();
  h.add(MembershipEnded{"engineering", "idn_erin", ""});
  const Decision d = h.ask(h.connect());
  EXPECT_FALSE(d.allow);
  EXPECT_THAT(d.message, HasSubstr("gives it no more"));
}

TEST(Connect, AMembershipPastItsEndCountsForNothingWithoutAnyEvent) {
  Furnished h;
  h.join("engineering", "idn_erin", minutes(10));
  h.join("dba", "idn_erin", minutes(20));
  h.hold();
  EXPECT_TRUE(h.ask(h.connect()).allow);
  h.now += minutes(10);
  EXPECT_FALSE(h.ask(h.connect()).allow);
  EXPECT_TRUE(is_member(h.state, "idn_erin", "dba", h.now));
}

TEST(Connect, ANewPolicyWithoutTheOfferTakesTheGrant) {
  Furnished h;
  h.hold();
  h.policies("");
  EXPECT_FALSE(h.ask(h.connect()).allow);
}

TEST(Connect, GuardrailsOverrideGrants) {
  Furnished h;
  h.hold();
  h.policies(std::string(Furnished::kOffer) + R"(
@id("office-only") forbid (principal, action == Writ::Action::"connect",
  resource in Writ::Environment::"production") unless { context.source_ip.isInRange(ip("192.168.0.0/16")) };)");
  Question q = h.connect();
  const Decision d = h.ask(q);
  EXPECT_FALSE(d.allow);
  EXPECT_THAT(reason_of(d), ElementsAre("office-only"));
  EXPECT_THAT(d.needs, IsEmpty());
  q.source_ip = "192.168.3.4";
  EXPECT_TRUE(h.ask(q).allow);
}

TEST(Connect, AnErroredForbidDenies) {
  Furnished h;
  h.hold();
  h.policies(std::string(Furnished::kOffer) + R"(
@id("broken") forbid (principal, action == Writ::Action::"connect", resource) when { context.weather == "rain" };)");
  const Decision d = h.ask(h.connect());
  EXPECT_FALSE(d.allow);
  EXPECT_THAT(reason_of(d), ElementsAre("broken"));
  EXPECT_THAT(d.errors, ElementsAre(HasSubstr("broken: ")));
}

TEST(Connect, AnErroredOfferGrantsNothing) {
  Furnished h;
  h.hold();
  h.policies(
      R"(@id("engineers-read") permit (principal, action == Writ::Action::"request", resource)
    when { principal.shoe_size > 40 };)");
  EXPECT_FALSE(h.ask(h.connect()).allow);
}

TEST(Connect, AFreshCodeIsAskedForWhenItWouldHelp) {
  Furnished h;
  h.hold();
  h.policies(std::string(Furnished::kOffer) + R"(
@id("fresh") forbid (principal, action == Writ::Action::"connect", resource)
unless { context.auth has mfa_age && context.auth.mfa_age <= duration("15m") };)");
  EXPECT_THAT(h.ask(h.connect()).needs, IsEmpty());  // there is no second factor to show
  h.factor("idn_erin", "dev_erin");
  EXPECT_TRUE(h.ask(h.connect()).allow);
  h.now += minutes(16);
  EXPECT_THAT(h.ask(h.connect()).needs, ElementsAre("mfa"));
  // A code typed on another device says nothing about this one.
  h.device("dev_other", "idn_erin");
  h.factor("idn_erin", "dev_other");
  EXPECT_FALSE(h.ask(h.connect()).allow);
}

TEST(Connect, ABaselinePermitOpensAGrantAndIsNoneItself) {
  Furnished h;
  h.policies(R"(@id("open") permit (principal in Writ::Group::"engineering",
    action == Writ::Action::"connect", resource in Writ::Environment::"production");)");
  const Decision d = h.ask(h.connect());
  EXPECT_FALSE(d.allow);
  EXPECT_THAT(d.needs, ElementsAre("baseline_grant"));
  EXPECT_THAT(reason_of(d), ElementsAre("open"));
  Grant g = h.grant("grt_1", "idn_erin", "pg-main/orders/reader", "open");
  g.cause = Cause::kBaseline;
  h.live(g);
  EXPECT_TRUE(h.ask(h.connect()).allow);
}

TEST(Connect, OfSeveralGrantsTheLongestIsUsed) {
  Furnished h;
  h.hold();
  Grant longer = h.grant("grt_2", "idn_erin", "pg-main/orders/reader", "engineers-read");
  longer.duration = minutes(40);
  h.live(longer);
  EXPECT_EQ(h.ask(h.connect()).grant, "grt_2");
  Question q = h.connect();
  q.grant = "grt_1";
  EXPECT_EQ(h.ask(q).grant, "grt_1");
}

TEST(Constitution, WhoIsNotActiveIsDenied) {
  for (const IdentityState state : {IdentityState::kQuarantined, IdentityState::kOffboarded}) {
    Furnished h;
    h.hold();
    h.add(IdentityStateChanged{"idn_erin", state});
    EXPECT_FALSE(h.ask(h.connect()).allow);
  }
  Furnished h;
  Question q = h.connect();
  q.subject = "idn_nobody";
  EXPECT_FALSE(h.ask(q).allow);
}

TEST(Constitution, ADoorSpeaksOnlyForItsTargets) {
  Furnished h;
  h.hold();
  h.target("pg-other");
  h.door("idn_door2", "other-door", {"pg-other"});
  Question q = h.connect();
  q.door = "idn_door2";
  const Decision elsewhere = h.ask(q);
  EXPECT_FALSE(elsewhere.allow);
  // It does not learn whether there is such a thing behind another door.
  Question nothing = q;
  nothing.resource = "pg-main/orders/no-such";
  std::string same = h.ask(nothing).message;
  ASSERT_NE(same.find(nothing.resource), std::string::npos) << same;
  same.replace(same.find(nothing.resource), nothing.resource.size(), q.resource);
  EXPECT_EQ(elsewhere.message, same);
  q.door = "idn_dana";
  EXPECT_FALSE(h.ask(q).allow);
  q.door = "idn_door";
  EXPECT_TRUE(h.ask(q).allow);
  h.add(IdentityStateChanged{"idn_door", IdentityState::kQuarantined});
  EXPECT_FALSE(h.ask(q).allow);
}

TEST(Constitution, CertificatesMustBeLiveAndTheSubjectsOwn) {
  Furnished h;
  h.hold();
  const auto with = [&](const std::string& serial) {
    Question q = h.connect();
    q.credential = serial;
    return h.ask(q).allow;
  };
  h.device("dev_dana", "idn_dana");
  h.certificate("c2", "idn_dana", "dev_dana");
  EXPECT_TRUE(with("c1"));
  EXPECT_FALSE(with(""));
  EXPECT_FALSE(with("unknown"));
  EXPECT_FALSE(with("c2"));
  h.add(DeviceRemoved{"dev_erin", "lost"});
  EXPECT_FALSE(with("c1"));
  h.device("dev_new", "idn_erin");
  h.certificate("c3", "idn_erin", "dev_new");
  EXPECT_TRUE(with("c3"));
  h.add(CertificateRevoked{"c3", "stolen"});
  EXPECT_FALSE(with("c3"));
}

TEST(Constitution, AgentsNeitherApproveNorAdminister) {
  Furnished h;
  h.machine("idn_bot", "bot", IdentityKind::kAgent, "identity:idn_alice");
  h.join("administrators", "idn_bot");
  Question q;
  q.subject = "idn_bot";
  q.resource_type = "system";
  q.resource = "writ";
  for (const char* action : {"add_group", "approve", "apply_policy"}) {
    q.action = action;
    EXPECT_THAT(h.ask(q).message, HasSubstr("agents")) << action;
    q.subject = "idn_alice";
    EXPECT_TRUE(h.ask(q).allow) << action;
    q.actors = {"idn_bot"};  // an agent acting for alice
    EXPECT_FALSE(h.ask(q).allow) << action;
    q.actors.clear();
    q.subject = "idn_bot";
  }
  q.action = "list";
  EXPECT_TRUE(h.ask(q).allow);
}

TEST(Constitution, NobodyApprovesWhatTheyAskForOrGet) {
  Furnished h;
  Question q;
  q.subject = "idn_dana";
  q.action = "approve";
  q.resource_type = "entitlement";
  q.resource = "pg-main/orders/reader";
  q.requester = "idn_erin";
  q.beneficiary = "idn_erin";
  EXPECT_TRUE(h.ask(q).allow);
  for (std::string* whose : {&q.requester, &q.beneficiary}) {
    const std::string was = std::exchange(*whose, "idn_dana");
    EXPECT_THAT(h.ask(q).message, HasSubstr("nobody approves what they ask for or get"));
    *whose = was;
  }
}

TEST(DecideAdministration, IsDecidedByPolicy) {
  Furnished h;
  Question q;
  q.subject = "idn_erin";
  q.action = "add_group";
  q.resource_type = "system";
  EXPECT_FALSE(h.ask(q).allow);
  q.subject = "idn_alice";
  EXPECT_THAT(reason_of(h.ask(q)), ElementsAre("administrators-administer"));
  q.action = "no_such_verb";
  EXPECT_FALSE(h.ask(q).allow);
  q.action = "list_own";
  q.subject = "idn_erin";
  EXPECT_TRUE(h.ask(q).allow);
}

TEST(Connect, ACertificateForOneGrantOpensNoOther) {
  Furnished h;
  h.hold();
  h.certificate("c_1", "idn_erin", "dev_erin", "grt_1");
  Question q = h.connect();
  q.credential = "c_1";
  EXPECT_EQ(h.ask(q).grant, "grt_1");
  q.grant = "grt_2";
  EXPECT_FALSE(h.ask(q).allow);
  q.grant = "";
  h.add(GrantRevoking{"grt_1", EndReason::kRevoked, std::nullopt, std::nullopt});
  h.live(h.grant("grt_2", "idn_erin", "pg-main/orders/reader", "engineers-read"));
  EXPECT_FALSE(h.ask(q).allow);
  q.credential = "c1";  // the device's own
  EXPECT_EQ(h.ask(q).grant, "grt_2");
}

TEST(Connect, ACertificateForOneGrantDoesNothingElse) {
  Furnished h;
  h.hold();
  h.certificate("c_1", "idn_alice", "", "grt_1");
  Question q;
  q.subject = "idn_alice";
  q.action = "add_group";
  q.resource_type = "system";
  EXPECT_TRUE(h.ask(q).allow);
  q.credential = "c_1";
  EXPECT_FALSE(h.ask(q).allow);
}

TEST(DecideAdministration, IsNoneOfADoorsBusiness) {
  Furnished h;
  h.hold();
  Question q;
  q.subject = "idn_alice";
  q.action = "add_group";
  q.resource_type = "system";
  EXPECT_TRUE(h.ask(q).allow);
  q.door = "idn_door";
  EXPECT_FALSE(h.ask(q).allow);
}

TEST(DecideAdministration, OnesOwnGrantMayBeRead) {
  Furnished h;
  h.hold();
  Question q;
  q.action = "read_evidence";
  q.resource_type = "grant";
  q.resource = "grt_1";
  q.subject = "idn_erin";
  EXPECT_TRUE(h.ask(q).allow);
  q.subject = "idn_dana";  // of the group that owns the resource
  EXPECT_TRUE(h.ask(q).allow);
  h.person("idn_frank");
  q.subject = "idn_frank";
  EXPECT_FALSE(h.ask(q).allow);
}

TEST(DecideAdministration, NothingIsAssertedAboutWritsOwnTypes) {
  Furnished h;
  h.hold();
  Question q = h.connect();
  q.asserted = Json::object({{"context", Json::object({{"approvals", 5}})}});
  EXPECT_FALSE(h.ask(q).allow);
}

struct Todo : Furnished {
  Todo() {
    door("idn_todo", "todo-app", {});
    files({{"test.cedar", default_policies() + R"(
@id("own-lists") permit (principal, action == TodoApp::Action::"read", resource is TodoApp::list)
  when { resource.owner == principal && context.channel == "web" };)"},
           {"todo.cedarschema", R"(namespace TodoApp {
  entity list = { @asserted owner: Writ::User, secret?: Bool };
  action read appliesTo {
    principal: [Writ::User], resource: [list],
    context: { @asserted channel: String, @asserted from?: ipaddr, place?: String },
  };
})"}});
    question.subject = "idn_erin";
    question.action = "read";
    question.resource_type = "list";
    question.resource = "groceries";
    question.door = "idn_todo";
    const Json erin =
        Json::object({{"__entity", Json::object({{"type", "Writ::User"}, {"id", "idn_erin"}})}});
    question.asserted = Json::object({{"resource", Json::object({{"owner", erin}})},
                                      {"context", Json::object({{"channel", "web"}})}});
  }
  Question question;
};

TEST(Application, ItsDoorAssertsItsOwnAttributes) {
  Todo h;
  EXPECT_TRUE(h.ask(h.question).allow) << h.ask(h.question).message;
  h.question.resource_type = "TodoApp::list";
  EXPECT_TRUE(h.ask(h.question).allow);
  h.question.subject = "idn_dana";
  EXPECT_FALSE(h.ask(h.question).allow);
}

TEST(Application, AnotherDoorHasAnotherNamespace) {
  Todo h;
  h.question.door = "idn_door";
  EXPECT_FALSE(h.ask(h.question).allow);
  h.question.resource_type = "TodoApp::list";
  EXPECT_FALSE(h.ask(h.question).allow);
  h.question.door = "";
  EXPECT_FALSE(h.ask(h.question).allow);
  h.machine("idn_twin", "todo.app", IdentityKind::kDoor);  // the same namespace, but later
  h.question.door = "idn_twin";
  EXPECT_FALSE(h.ask(h.question).allow);
}

// Law 8.
TEST(Application, ItsDoorAssertsWhatTheSchemaLetsItAssertAndNothingElse) {
  Todo h;
  const auto with = [&](std::string_view part, std::string_view name, const Json& value) {
    Question q = h.question;
    Json members = *q.asserted.find(part);
    members.set(name, value);
    q.asserted.set(part, members);
    return h.ask(q);
  };
  EXPECT_TRUE(with("context", "from", "10.0.0.7").allow) << "an address, as the schema says";
  for (const auto& [part, name] : {std::pair{"resource", "secret"},
                                   {"resource", "unheard_of"},
                                   {"context", "place"},
                                   {"context", "unheard_of"}}) {
    const Decision denied = with(part, name, Json(true));
    EXPECT_FALSE(denied.allow);
    EXPECT_THAT(denied.message,
                HasSubstr(std::string("/") + part +
                          (part == std::string("context") ? "/" : "/properties/") + name));
    EXPECT_THAT(denied.message, HasSubstr("todo.cedarschema"));
  }
  EXPECT_THAT(with("context", "from", "nowhere").message, HasSubstr("/context/from"));
  EXPECT_THAT(with("context", "channel", Json(7)).message, HasSubstr("String"));
  EXPECT_THAT(with("resource", "owner", "erin").message, HasSubstr("Writ::User"));
}

TEST(Application, WhatIsSaidOfItsActionIsAMemberOfTheContext) {
  Todo h;
  Question q = h.question;
  q.asserted.set("action", Json::object({{"channel", "web"}}));
  EXPECT_THAT(h.ask(q).message, HasSubstr("asserted twice"));
  Json moved = Json::object({{"resource", *h.question.asserted.find("resource")},
                             {"action", Json::object({{"channel", "web"}})}});
  q.asserted = moved;
  EXPECT_TRUE(h.ask(q).allow) << h.ask(q).message;
}

TEST(Application, WithoutASchemaItsDoorAssertsNothing) {
  Todo h;
  h.policies(R"(@id("all-lists")
    permit (principal, action == TodoApp::Action::"read", resource is TodoApp::list);)");
  EXPECT_THAT(h.ask(h.question).message, HasSubstr("no *.cedarschema file"));
  Question q = h.question;
  q.asserted = Json();
  EXPECT_TRUE(h.ask(q).allow) << "it rests on nothing that is asserted";
}

TEST(Application, ReservedContextIsNeverAsserted) {
  Todo h;
  for (const char* name : {"now", "auth", "grant", "approvals", "device"}) {
    Question q = h.question;
    Json context = Json::object({{"channel", "web"}});
    context.set(name, Json(1));
    q.asserted.set("context", context);
    EXPECT_FALSE(h.ask(q).allow) << name;
  }
  Question q = h.question;
  q.asserted.set("principal", Json::object());
  EXPECT_FALSE(h.ask(q).allow);
  q.asserted = Json("text");
  EXPECT_FALSE(h.ask(q).allow);
}

TEST(Offers, MissingTermsMeanTheStrictDefault) {
  Furnished h;
  h.policies(R"(@id("plain") permit (principal, action == Writ::Action::"request", resource);)");
  const auto offers = offers_for(h.state, "idn_erin", "pg-main/orders/reader", h.now);
  ASSERT_EQ(offers.size(), 1u);
  EXPECT_EQ(offers[0].terms.max_ttl, std::chrono::hours(1));  // of the tier high
  EXPECT_EQ(offers[0].terms.approvals, 1);
  EXPECT_EQ(offers[0].terms.approvers, "group:dba");
  EXPECT_FALSE(offers[0].terms.step_up);
}

TEST(Offers, NeverExceedTheTiersCeiling) {
  Furnished h;
  h.policies(R"(@id("long") @max_ttl("12h") @approval("none")
    permit (principal, action == Writ::Action::"request", resource);)");
  EXPECT_EQ(offers_for(h.state, "idn_erin", "pg-main/orders/reader", h.now).at(0).terms.max_ttl,
            std::chrono::hours(1));
}

TEST(Offers, EasierTermsHideHarderOnes) {
  Furnished h;
  const auto ids = [&](const std::string& text) {
    h.policies(text);
    std::vector<std::string> list;
    for (const Offer& offer : offers_for(h.state, "idn_erin", "pg-main/orders/reader", h.now)) {
      list.push_back(offer.policy);
    }
    return list;
  };
  const std::string scope = "permit (principal, action == Writ::Action::\"request\", resource);\n";
  EXPECT_THAT(ids("@id(\"easy\") @max_ttl(\"30m\") @approval(\"none\") " + scope +
                  "@id(\"hard\") @max_ttl(\"30m\") @approval(\"1 of owner\") " + scope),
              ElementsAre("easy"));
  EXPECT_THAT(ids("@id(\"short\") @max_ttl(\"10m\") @approval(\"none\") " + scope +
                  "@id(\"long\") @max_ttl(\"30m\") @approval(\"1 of owner\") " + scope),
              ElementsAre("short", "long"));
  EXPECT_THAT(
      ids("@id(\"a\") @approval(\"none\") " + scope + "@id(\"b\") @approval(\"none\") " + scope),
      ElementsAre("a"));
  EXPECT_THAT(ids("@id(\"code\") @step_up(\"mfa:5m\") @approval(\"none\") " + scope +
                  "@id(\"older\") @step_up(\"mfa:15m\") @approval(\"none\") " + scope),
              ElementsAre("older"));
}

TEST(Offers, OnlyAnExactRequestScopeIsAnOffer) {
  Furnished h;
  h.policies(R"(@id("broad") permit (principal, action, resource);
    @id("list") permit (principal, action in [Writ::Action::"request"], resource);)");
  EXPECT_THAT(offers_for(h.state, "idn_erin", "pg-main/orders/reader", h.now), IsEmpty());
  Question q = h.connect();
  q.door = "";
  q.action = "request";
  EXPECT_FALSE(h.ask(q).allow);
}

TEST(Offers, ConditionsSeeTheDurationAndTheApprovals) {
  Furnished h;
  h.policies(
      R"(@id("short") @approval("none") permit (principal, action == Writ::Action::"request", resource)
    when { context.duration <= duration("10m") };
    @id("two") forbid (principal, action == Writ::Action::"request", resource) unless { context.approvals >= 2 };)");
  EXPECT_EQ(offers_for(h.state, "idn_erin", "pg-main/orders/reader", h.now).size(), 1u);
  Question q = h.connect();
  q.door = "";
  q.action = "request";
  q.duration = minutes(10);
  q.approvals = 2;
  EXPECT_TRUE(h.ask(q).allow);
  q.approvals = 1;
  EXPECT_THAT(reason_of(h.ask(q)), ElementsAre("two"));
  q.approvals = 2;
  q.duration = minutes(11);
  EXPECT_FALSE(h.ask(q).allow);
}

TEST(Namespace, IsMadeFromTheDoorsName) {
  EXPECT_EQ(namespace_of("todo-app"), "TodoApp");
  EXPECT_EQ(namespace_of("crm2.eu_west"), "Crm2EuWest");
  EXPECT_EQ(namespace_of("writ"), "");
  EXPECT_EQ(namespace_of("2fa"), "");
  EXPECT_EQ(namespace_of(""), "");
}

}  // namespace
}  // namespace writ::core
