// What may take effect: strict validation against Writ's schema and the applications' own, and the
// scenarios that travel with a set.
#include "core/policy_check.h"

#include <gmock/gmock.h>

#include "core/application.h"
#include "core/scenario.h"

namespace writ::core {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string refused(const std::vector<PolicyFile>& files) {
  const auto checked = check_policies(files);
  EXPECT_FALSE(checked);
  return checked ? std::string() : checked.error().text();
}
std::string refused(const std::string& text) {
  return refused(std::vector<PolicyFile>{{"team.cedar", text}});
}
std::vector<std::string> warned(const std::vector<PolicyFile>& files) {
  const auto checked = check_policies(files);
  EXPECT_TRUE(checked) << checked.error().text();
  return checked ? checked->warnings : std::vector<std::string>();
}

// ---- Writ's schema ----

TEST(PolicyCheck, TheDefaultsAreInOrder) {
  EXPECT_THAT(warned({{"default.cedar", default_policies()}}), IsEmpty());
}

TEST(PolicyCheck, AnAttributeThatDoesNotExistIsRefusedWithItsPlace) {
  EXPECT_THAT(refused("@id(\"a\")\npermit (principal, action == Writ::Action::\"connect\", "
                      "resource)\nwhen { resource.ownr == principal };\n"),
              AllOf(HasSubstr("team.cedar:3:"), HasSubstr("ownr"),
                    HasSubstr("when { resource.ownr == principal };"), HasSubstr("^")));
}

TEST(PolicyCheck, AnAttributeThatMayBeMissingIsAskedForFirst) {
  EXPECT_THAT(refused("@id(\"a\") forbid (principal, action == Writ::Action::\"connect\", "
                      "resource) unless { context.source_ip.isLoopback() };"),
              HasSubstr("source_ip"));
  EXPECT_THAT(warned({{"a.cedar",
                       "@id(\"a\") forbid (principal, action == Writ::Action::\"connect\", "
                       "resource) unless { context has source_ip && "
                       "context.source_ip.isLoopback() };"}}),
              IsEmpty());
}

TEST(PolicyCheck, AMisusedTypeIsRefused) {
  EXPECT_THAT(refused("@id(\"a\") forbid (principal, action == Writ::Action::\"connect\", "
                      "resource) when { context.approvals == \"two\" };"),
              HasSubstr("team.cedar:1:"));
}

TEST(PolicyCheck, EveryErrorIsShown) {
  const std::string text = refused(
      "@id(\"a\") permit (principal, action == Writ::Action::\"connect\", resource)\n"
      "when { resource.one };\n"
      "@id(\"b\") permit (principal, action == Writ::Action::\"connect\", resource)\n"
      "when { resource.two };\n");
  EXPECT_THAT(text, AllOf(HasSubstr("team.cedar:2:"), HasSubstr("team.cedar:4:")));
}

TEST(PolicyCheck, WhatCanNeverApplyIsAWarning) {
  EXPECT_THAT(warned({{"a.cedar",
                       "@id(\"a\") permit (principal is Writ::Tier, action == "
                       "Writ::Action::\"connect\", resource);"}}),
              Contains(AllOf(HasSubstr("a.cedar:1:"), HasSubstr("^"))));
}

// Only `==` makes an offer.
TEST(PolicyCheck, APermitOfRequestingThatIsNoOfferIsAWarning) {
  const auto warned_of = [](const std::string& effect, const std::string& action) {
    return warned({{"a.cedar", "@id(\"a\") " + effect + " (principal,\n" + action +
                                   ", resource in Writ::Target::\"pg-main\");"}});
  };
  const std::string request = "Writ::Action::\"request\"";
  const auto is_no_offer = ElementsAre(
      AllOf(HasSubstr("a.cedar:2:1"), HasSubstr("action == " + request), HasSubstr("^")));
  EXPECT_THAT(warned_of("permit", "action in [" + request + "]"), is_no_offer);
  EXPECT_THAT(warned_of("permit", "action in [Writ::Action::\"connect\", " + request + "]"),
              is_no_offer);
  EXPECT_THAT(warned_of("permit", "action in " + request), is_no_offer);
  EXPECT_THAT(warned_of("permit", "action == " + request), IsEmpty());
  EXPECT_THAT(warned_of("forbid", "action in [" + request + "]"), IsEmpty());
  EXPECT_THAT(warned_of("permit", "action"), IsEmpty()) << "it permits all else";
}

// ---- Applications ----

constexpr std::string_view kTodo = R"(namespace TodoApp {
  entity team;
  entity user in [team] = { @asserted mail?: String };
  entity list = { owner: Writ::User };
  action read appliesTo {
    principal: [user, Writ::User], resource: [list], context: { @asserted channel?: String },
  };
})";

std::vector<PolicyFile> todo(const std::string& policy, std::string_view schema = kTodo) {
  return {{"todo.cedar", policy}, {"todo.cedarschema", std::string(schema)}};
}

TEST(ApplicationSchema, PoliciesAboutAnApplicationKeepToIt) {
  const std::string head =
      "@id(\"a\") permit (principal, action == TodoApp::Action::\"read\", resource)\n";
  EXPECT_THAT(warned(todo(head + "when { resource.owner == principal };")), IsEmpty());
  EXPECT_THAT(warned(todo(head + "when { context has channel && context.channel == \"web\" };")),
              IsEmpty());
  EXPECT_THAT(refused(todo(head + "when { resource.colour == \"red\" };")),
              AllOf(HasSubstr("todo.cedar:2:"), HasSubstr("colour")));
  EXPECT_THAT(refused({{"todo.cedar", head + ";"}}), HasSubstr("todo.cedar:1:"));
}

TEST(ApplicationSchema, ContextsHaveWhatWritSets) {
  EXPECT_THAT(warned(todo("@id(\"a\") permit (principal, action == TodoApp::Action::\"read\", "
                          "resource) when { context.now > datetime(\"2027-01-01\") && "
                          "context has auth.mfa_age && principal in context.actor_chain };")),
              IsEmpty());
  const auto printed = print_application_schema({"todo.cedarschema", std::string(kTodo)});
  ASSERT_TRUE(printed);
  EXPECT_THAT(*printed, AllOf(HasSubstr("now"), HasSubstr("Writ::Auth"), HasSubstr("@asserted")));
}

TEST(ApplicationSchema, DeclaresNothingOfWrits) {
  const auto refuses = [](const std::string& schema) {
    const auto made = application_schema({{"x.cedarschema", schema}});
    EXPECT_FALSE(made) << schema;
    return made ? std::string() : made.error().text();
  };
  EXPECT_THAT(refuses("namespace Writ { entity Mine; }"), HasSubstr("x.cedarschema:1:"));
  EXPECT_THAT(refuses("namespace Writ::Mine { entity A; }"), HasSubstr("Writ's own"));
  EXPECT_THAT(refuses("entity user;"), HasSubstr("namespace"));
  EXPECT_THAT(refuses("namespace A { entity user in [Writ::Group]; }"), HasSubstr("groups"));
  EXPECT_THAT(refuses("namespace A { action read in [Writ::Action::\"administer\"]; }"),
              HasSubstr("x.cedarschema:1:"));
  EXPECT_THAT(refuses("namespace A { entity u; action read appliesTo { principal: [u], resource: "
                      "[Writ::Entitlement] }; }"),
              HasSubstr("its own resources"));
  EXPECT_THAT(refuses("namespace A { entity u; action read appliesTo { principal: [u], resource: "
                      "[u], context: { approvals: Long } }; }"),
              HasSubstr("Writ's alone"));
  EXPECT_THAT(refuses("namespace A { entity u = { a: Missing }; }"), HasSubstr("Missing"));
}

TEST(PolicyCheck, ActionsThatNoDoorCanAskForAreRefusedAndStillFolded) {
  for (const char* name : {"doc::read", ""}) {
    const std::vector<PolicyFile> files{
        {"a.cedarschema", "namespace A { action \"" + std::string(name) + "\"; }"}};
    const auto checked = check_policies(files);
    ASSERT_FALSE(checked);
    EXPECT_THAT(checked.error().text(), HasSubstr("a.cedarschema:1:"));
    EXPECT_THAT(checked.error().text(), HasSubstr("no door can ask"));
    EXPECT_TRUE(compile_policies(files)) << "a journal may hold it";
  }
}

TEST(ApplicationSchema, AssertsWholeAttributesAlone) {
  const auto asserted = [](const std::string& schema) {
    return application_schema({{"x.cedarschema", schema}}).has_value();
  };
  EXPECT_TRUE(asserted("namespace A { entity u = { @asserted a: { b: Long } }; }"));
  EXPECT_FALSE(asserted("namespace A { entity u = { a: { @asserted b: Long } }; }"));
  EXPECT_FALSE(asserted("namespace A { @asserted entity u = { a: Long }; }"));
  EXPECT_FALSE(asserted("namespace A { entity u = { @asserted(\"todo\") a: Long }; }"));
  EXPECT_FALSE(asserted("@asserted namespace A { entity u; }"));
  const auto named = application_schema(
      {{"x.cedarschema",
        "namespace A { type C = { @asserted c: Long, d: Long }; entity u; "
        "action read appliesTo { principal: [u], resource: [u], context: C }; }"}});
  ASSERT_TRUE(named && *named);
  EXPECT_THAT((*named)->asserted_with.at(cedar::EntityUid("A::Action", "read")), ElementsAre("c"));
}

TEST(ApplicationSchema, EntitiesKeepToIt) {
  const auto with = [](const std::string& attrs) {
    return std::vector<PolicyFile>{{"todo.cedarschema", std::string(kTodo)},
                                   {"todo.entities.json",
                                    "[{\"uid\": {\"type\": \"TodoApp::team\", \"id\": \"t\"}, "
                                    "\"attrs\": {}, \"parents\": []}, "
                                    "{\"uid\": {\"type\": \"TodoApp::user\", \"id\": \"a\"}, "
                                    "\"attrs\": " +
                                        attrs + ", \"parents\": []}]"}};
  };
  EXPECT_THAT(warned(with("{\"mail\": \"a@example.org\"}")), IsEmpty());
  EXPECT_THAT(refused(with("{\"mail\": 7}")),
              AllOf(HasSubstr("todo.entities.json#/1: "), HasSubstr("TodoApp::user::\"a\"")));
  EXPECT_THAT(refused(with("{\"colour\": \"red\"}")), HasSubstr("colour"));
}

// ---- Scenarios ----

constexpr std::string_view kOffer = R"(
@id("engineers-read") @max_ttl("45m") @step_up("mfa:15m") @approval("1 of Writ::Group::\"dba\"")
permit (principal in Writ::Group::"engineering", action == Writ::Action::"request",
        resource == Writ::Entitlement::"pg-main/orders/reader")
when { context.duration <= duration("30m") };
@id("jobs-connect")
permit (principal in Writ::Group::"jobs", action == Writ::Action::"connect",
        resource in Writ::Environment::"production");
@id("from-here") forbid (principal, action == Writ::Action::"connect", resource)
unless { context has source_ip && context.source_ip.isInRange(ip("10.0.0.0/8")) };
@id("whom-the-terms-name") permit (principal, action == Writ::Action::"approve", resource);
@id("jobs-wait") forbid (principal, action == Writ::Action::"approve", resource)
when { context has beneficiary && context.beneficiary == Writ::Group::"identity:job" };
)";

constexpr std::string_view kWorld = R"({
 "now": "2027-01-15T08:00:00Z",
 "identities": {
   "erin": {"groups": ["engineering"], "code": "5m"},
   "dana": {"groups": ["dba"]},
   "job": {"kind": "service_account", "owner": "identity:erin", "groups": ["jobs"]},
   "gone": {"groups": ["engineering"], "state": "offboarded"}},
 "resources": {"pg-main/orders": {"environment": "production", "owner": "group:dba"}},
 "entitlements": ["pg-main/orders/reader"],
 "grants": [{"identity": "erin", "entitlement": "pg-main/orders/reader",
             "policy": "engineers-read", "for": "30m", "since": "10m", "approvers": ["dana"]}],
 "scenarios": [)";

std::vector<ScenarioResult> results(const std::string& scenarios) {
  const auto checked = validate_policies({{"team.cedar", std::string(kOffer)}});
  EXPECT_TRUE(checked) << checked.error().text();
  if (!checked) return {};
  auto ran = run_scenarios({"team.scenarios.json", std::string(kWorld) + scenarios + "]}"},
                           checked->policies);
  EXPECT_TRUE(ran) << ran.error().text();
  return ran ? *ran : std::vector<ScenarioResult>();
}
std::string failure(const std::string& scenario) {
  const auto all = results("{\"name\": \"it\", " + scenario + "}");
  return all.size() == 1 ? all.front().failure : "not one";
}
std::string connect(const std::string& who, const std::string& more) {
  return "\"identity\": \"" + who +
         "\", \"action\": \"connect\", \"resource\": "
         "\"pg-main/orders/reader\", " +
         more;
}

TEST(Scenarios, ConnectOnAGrantWhileItLives) {
  EXPECT_EQ(failure(connect("erin", R"("from": "10.0.0.7", "expect": "allow",
                                       "policies": ["engineers-read"])")),
            "");
  EXPECT_EQ(failure(connect("erin", R"("from": "192.0.2.1", "expect": "deny",
                                       "policies": ["from-here"])")),
            "");
  EXPECT_EQ(failure(connect("erin", R"("from": "10.0.0.7", "at": "2027-01-15T08:20:00Z",
                                       "expect": "deny", "needs": ["grant"])")),
            "");
  EXPECT_EQ(failure(connect("job", R"("from": "10.0.0.7", "expect": "deny",
                                      "needs": ["baseline_grant"])")),
            "");
  EXPECT_EQ(failure(connect("gone", R"("from": "10.0.0.7", "expect": "deny")")), "");
}

TEST(Scenarios, RequestSeesTermsAndDuration) {
  const auto request = [](const std::string& more) {
    return failure(
        "\"identity\": \"erin\", \"action\": \"request\", \"resource\": "
        "\"pg-main/orders/reader\", " +
        more);
  };
  EXPECT_EQ(request(R"("for": "30m", "expect": "allow", "terms":
      ["at most 45m, a one-time code from the last 15m, one approval by dba"])"),
            "");
  EXPECT_EQ(request(R"("for": "31m", "expect": "deny")"), "");
  EXPECT_THAT(request(R"("for": "30m", "expect": "allow", "terms": ["at most 1h, no approval"])"),
              AllOf(HasSubstr("the terms"), HasSubstr("at most 45m")));
}

TEST(Scenarios, AnApprovalIsOfSomebodysRequest) {
  const auto approve = [](const std::string& more) {
    return failure(
        "\"identity\": \"dana\", \"action\": \"approve\", \"resource\": "
        "\"pg-main/orders/reader\", " +
        more);
  };
  EXPECT_EQ(approve(R"("requester": "erin", "beneficiary": "job", "expect": "deny",
                       "policies": ["jobs-wait"])"),
            "");
  EXPECT_EQ(approve(R"("requester": "erin", "beneficiary": "erin", "expect": "allow")"), "");
  EXPECT_EQ(approve(R"("requester": "dana", "expect": "deny", "policies": [])"), "");
}

TEST(Scenarios, AFailureSaysWhatDiffers) {
  EXPECT_THAT(
      failure(connect("erin", R"("from": "192.0.2.1", "expect": "allow")")),
      AllOf(HasSubstr("the answer allow expected, and it is deny"), HasSubstr("from-here")));
  EXPECT_THAT(failure(connect("erin", R"("from": "10.0.0.7", "expect": "allow",
                                         "policies": ["another"])")),
              HasSubstr("the policies another expected, and it is engineers-read"));
}

TEST(Scenarios, OfAnApplicationArriveAsItsDoorSendsThem) {
  const std::string policy =
      "@id(\"web\") permit (principal in TodoApp::team::\"staff\", action == "
      "TodoApp::Action::\"read\", resource is TodoApp::list)\n"
      "when { context has channel && context.channel == \"web\" };";
  const std::string entities =
      R"([{"uid": {"type": "TodoApp::user", "id": "rick"}, "attrs": {},
           "parents": [{"type": "TodoApp::team", "id": "staff"}]}])";
  const auto with = [&](const std::string& context, const std::string& expect) {
    std::vector<PolicyFile> files = todo(policy);
    files.push_back({"todo.entities.json", entities});
    files.push_back({"todo.scenarios.json",
                     R"({"identities": {"todo-app": {"kind": "door"}}, "scenarios": [
      {"name": "rick reads", "door": "todo-app", "subject": {"type": "user", "id": "rick"},
       "action": "read", "resource": {"type": "list", "id": "l1"}, "context": )" +
                         context + R"(, "expect": ")" + expect + "\"}]}"});
    return files;
  };
  EXPECT_THAT(warned(with(R"({"channel": "web"})", "allow")), IsEmpty());
  EXPECT_THAT(warned(with(R"({"channel": "mail"})", "deny")), IsEmpty());
  EXPECT_THAT(refused(with(R"({"channel": "mail"})", "allow")),
              AllOf(HasSubstr("todo.scenarios.json#/scenarios/0"), HasSubstr("rick reads")));
}

TEST(Scenarios, ErrorsNameTheirPlace) {
  const auto checked = validate_policies({{"team.cedar", std::string(kOffer)}});
  ASSERT_TRUE(checked);
  const auto error = [&](const std::string& text) {
    const auto ran = run_scenarios({"x.scenarios.json", text}, checked->policies);
    EXPECT_FALSE(ran) << text;
    return ran ? std::string() : ran.error().text();
  };
  EXPECT_THAT(error("{"), HasSubstr("x.scenarios.json:1:"));
  EXPECT_THAT(error("[]"), HasSubstr("x.scenarios.json#: an object is wanted"));
  EXPECT_THAT(error("{}"), HasSubstr("x.scenarios.json#: the member \"scenarios\" is missing"));
  EXPECT_THAT(error(R"({"scenarios": [{"name": "a"}]})"),
              HasSubstr("x.scenarios.json#/scenarios/0"));
  EXPECT_THAT(error(R"({"identities": {"a": {"colour": 1}}, "scenarios": []})"),
              HasSubstr("#/identities/a"));
  EXPECT_THAT(error(R"({"identities": {"a": {"owner": "identity:b"}}, "scenarios": []})"),
              HasSubstr("#/identities/a"));
  EXPECT_THAT(error(R"({"identities": {"a": {"code": "soon"}}, "scenarios": []})"),
              HasSubstr("#/identities/a/code"));
  EXPECT_THAT(error(R"({"entitlements": ["reader"], "scenarios": []})"),
              HasSubstr("#/entitlements"));
  EXPECT_THAT(error(R"({"grants": [{"identity": "a", "entitlement": "b/c", "policy": "no"}],
                        "scenarios": []})"),
              HasSubstr("#/grants/0/policy"));
  EXPECT_THAT(error(R"({"scenarios": [{"name": "a", "identity": "x", "action": "list",
                                       "resource": "x", "requester": "x", "expect": "deny"}]})"),
              HasSubstr("#/scenarios/0"));
  EXPECT_THAT(error(R"({"scenarios": [{"name": "a", "action": "list", "resource": "x",
                                       "expect": "maybe"}]})"),
              HasSubstr("#/scenarios/0/expect"));
}

// A denial of what does not exist would say nothing about the policies.
TEST(Scenarios, WhatIsNamedIsThere) {
  const auto checked = validate_policies({{"team.cedar", std::string(kOffer)}});
  ASSERT_TRUE(checked);
  const auto place = [&](const std::string& scenario) {
    const auto ran =
        run_scenarios({"x.scenarios.json", std::string(kWorld) + "{\"name\": \"it\", " + scenario +
                                               ", \"expect\": \"deny\"}]}"},
                      checked->policies);
    return ran ? std::string("none") : ran.error().where;
  };
  const std::string erin = R"("identity": "erin", )", connects = R"("action": "connect", )",
                    reader = R"("resource": "pg-main/orders/reader")";
  EXPECT_EQ(place(erin + connects + reader), "none");
  EXPECT_EQ(place(R"("identity": "erim", )" + connects + reader),
            "x.scenarios.json#/scenarios/0/identity");
  EXPECT_EQ(place(erin + R"("action": "conect", )" + reader),
            "x.scenarios.json#/scenarios/0/action");
  EXPECT_EQ(place(erin + connects + R"("resource": "pg-main/orders/raeder")"),
            "x.scenarios.json#/scenarios/0/resource");
  EXPECT_EQ(place(erin + R"("action": "list", "resource": {"type": "sistem", "id": "writ"})"),
            "x.scenarios.json#/scenarios/0/resource/type");
  EXPECT_EQ(place(erin + connects + reader + R"(, "from": "127.0.0.l")"),
            "x.scenarios.json#/scenarios/0/from");
  EXPECT_EQ(place(erin + R"("action": "request", )" + reader + R"(, "approvals": -5)"),
            "x.scenarios.json#/scenarios/0/approvals");
  EXPECT_EQ(place(R"("door": "pdq", "subject": {"type": "user", "id": "x"}, "action": "read",
                     "resource": {"type": "record", "id": "x"})"),
            "x.scenarios.json#/scenarios/0/door");
}

TEST(Scenarios, ARequestLastsNoLongerThanItsTerms) {
  const auto checked = validate_policies({{"team.cedar", R"(
@id("short") @max_ttl("20m") @approval("none")
permit (principal, action == Writ::Action::"request", resource);)"}});
  ASSERT_TRUE(checked) << checked.error().text();
  const auto answer = [&](const std::string& length) {
    const auto ran = run_scenarios(
        {"x.scenarios.json", R"({"identities": {"erin": {}}, "entitlements": ["pg/x/reader"],
          "scenarios": [{"name": "it", "identity": "erin", "action": "request",
                         "resource": "pg/x/reader", "for": ")" +
                                 length + R"(", "expect": "allow"}]})"},
        checked->policies);
    return ran ? ran->front().failure : ran.error().text();
  };
  EXPECT_EQ(answer("20m"), "");
  EXPECT_THAT(answer("21m"), HasSubstr("21m is too long; on these terms it is at most 20m"));
}

// Cedar's JSON form leaves out what the schema tells.
TEST(ApplicationEntities, AreReadUnderTheirSchema) {
  const std::string schema =
      "namespace Pdp { entity team; entity record = { groups: Set<team>, ip: ipaddr }; "
      "action read appliesTo { principal: team, resource: record }; }";
  const std::string policy =
      R"(@id("p") permit (principal is Pdp::team, action, resource is Pdp::record)
when { resource.ip.isLoopback() && resource.groups.contains(principal) };)";
  const auto checked = [&](const std::string& attrs) {
    return validate_policies({{"p.cedar", policy},
                              {"pdp.cedarschema", schema},
                              {"pdp.entities.json",
                               R"([{"uid": {"type": "Pdp::record", "id": "r"}, "parents": [],
                                    "attrs": )" +
                                   attrs + "}]"}});
  };
  const auto good = checked(R"({"groups": [{"type": "Pdp::team", "id": "t"}], "ip": "127.0.0.1"})");
  ASSERT_TRUE(good) << good.error().text();
  const auto bad = checked(R"({"groups": [], "ip": "nowhere"})");
  ASSERT_FALSE(bad);
  EXPECT_THAT(bad.error().text(), HasSubstr("pdp.entities.json"));
}

TEST(Findings, SayOfEachWhatItIsAndWhere) {
  const auto of = [](const std::vector<PolicyFinding>& list) {
    std::vector<std::string> made;
    for (const PolicyFinding& each : list) made.push_back(each.kind + " " + each.error.where);
    return made;
  };
  const PolicyFindings wrong = find_in_policies(
      {{"team.cedar", R"(
@id("a") forbid (principal is Writ::Tier, action == Writ::Action::"connect", resource);
@id("b") forbid (principal, action == Writ::Action::"connect", resource)
when { resource.ownr == principal };
@id("c") forbid (principal, action == Writ::Action::"connect", resource)
when { context.approvals == "two" };)"},
       {"i.invariants.cedar",
        "@invariant(\"it\") forbid (principal is Writ::Team, action, resource);"}});
  EXPECT_THAT(of(wrong.errors), ElementsAre("type team.cedar:4:8", "type team.cedar:6:8",
                                            "unknown_type i.invariants.cedar:1:1"));
  EXPECT_THAT(of(wrong.warnings), Contains("impossible team.cedar:2:1"));

  const PolicyFindings broken = find_in_policies({{"team.cedar", "permit (principal, action"}});
  EXPECT_THAT(of(broken.errors), ElementsAre("invalid team.cedar:1:26"));
  EXPECT_EQ(broken.policies, nullptr);

  const PolicyFindings failing =
      find_in_policies({{"team.cedar", std::string(kOffer)},
                        {"x.scenarios.json", R"({"identities": {"erin": {}}, "scenarios": [
          {"name": "erin lists all", "identity": "erin", "action": "list",
           "resource": {"type": "system", "id": "writ"}, "expect": "allow"}]})"},
                        {"y.scenarios.json", "{}"}});
  EXPECT_THAT(of(failing.errors),
              ElementsAre("scenario x.scenarios.json#/scenarios/0", "invalid y.scenarios.json#"));
}

TEST(Invariants, AreValidatedAsPoliciesAre) {
  const auto checked = [](const std::string& statement) {
    return validate_policies({{"team.cedar", std::string(kOffer)},
                              {"i.invariants.cedar", "@invariant(\"it\")\n" + statement}});
  };
  const auto typo = checked("forbid (principal, action == Writ::Action::\"conect\", resource);");
  ASSERT_FALSE(typo);
  EXPECT_THAT(typo.error().text(), AllOf(HasSubstr("i.invariants.cedar:1:1"), HasSubstr("conect")));
  const auto nothing =
      checked("forbid (principal is Writ::Group, action == Writ::Action::\"connect\", resource);");
  ASSERT_TRUE(nothing) << nothing.error().text();
  EXPECT_THAT(nothing->warnings, Contains(HasSubstr("i.invariants.cedar:1:1")));
  const auto fine = checked(
      "forbid (principal, action == Writ::Action::\"connect\", resource) unless { context has "
      "grant };");
  ASSERT_TRUE(fine) << fine.error().text();
  EXPECT_THAT(fine->warnings, IsEmpty());
}

}  // namespace
}  // namespace writ::core
