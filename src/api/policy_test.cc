// Policies over time: plans, the replay of recorded decisions, and every version that there was.
#include <gmock/gmock.h>

#include <thread>

#include "api/service_for_test.h"
#include "control/writer.h"

namespace writ::api {
namespace {

using core::PolicyFile;
using testing::HasSubstr;

class PolicyTest : public ServiceTest {
 protected:
  void SetUp() override {
    ServiceTest::SetUp();
    ada_ = person("ada");
    bob_ = person("bob");
    eve_ = add(ada_, "eve", "user");
  }
  // Ada proposes these beside the default ones, and Bob approves.
  void bring(const std::vector<PolicyFile>& more) {
    const auto proposed =
        command(ada_, "apply_policy", Json::object({{"files", to_json(with_defaults(more))}}));
    ASSERT_EQ(proposed->status, 200) << proposed->body;
    const std::string change = text_of(*body_of(proposed).find("result"), "change");
    next_step();
    ASSERT_EQ(
        status(&bob_, "POST", "/v1/step-up", Json::object({{"code", code_of(bob_.identity)}})),
        200);
    const Json shown = body_of(call(&bob_, "GET", "/v1/approvals/" + change + "?decision=approve"));
    const std::string text = text_of(shown, "statement");
    const auto approved = command(bob_, "approve",
                                  Json::object({{"id", change},
                                                {"approve", true},
                                                {"signature", to_base64(*bob_.key.sign(text))},
                                                {"statement_hash", sha256_hex(text)}}));
    ASSERT_EQ(approved->status, 200) << approved->body;
  }
  static std::vector<PolicyFile> with_defaults(const std::vector<PolicyFile>& more) {
    std::vector<PolicyFile> files{{"default.cedar", core::default_policies()}};
    files.insert(files.end(), more.begin(), more.end());
    return files;
  }
  Json plan(const std::vector<PolicyFile>& files, std::optional<Millis> since = {}) {
    Json body = Json::object({{"files", to_json(files)}});
    if (since) body.set("since_ms", to_json(*since));
    const auto reply = call(&ada_, "POST", "/v1/policies/plan", body);
    EXPECT_EQ(reply->status, 200) << reply->body;
    return body_of(reply);
  }
  bool may_list_own(const Holder& who) {
    const auto reply =
        call(&who, "POST", "/access/v1/evaluation",
             *parse_json(
                 R"({"subject":{"type":"identity","id":")" + who.identity +
                 R"("},"action":{"name":"list_own"},"resource":{"type":"system","id":"writ"}})"));
    EXPECT_EQ(reply->status, 200) << reply->body;
    return *body_of(reply).find("decision")->as_bool();
  }
  // The defaults, where only administrators list what is theirs.
  static std::vector<PolicyFile> narrower() {
    std::string text = core::default_policies();
    const std::string wide = "permit (principal, action == Writ::Action::\"list_own\", resource);";
    const auto at = text.find(wide);
    EXPECT_NE(at, std::string::npos);
    text.replace(at, wide.size(),
                 "permit (principal in Writ::Group::\"administrators\",\n"
                 "        action == Writ::Action::\"list_own\", resource);");
    return {{"default.cedar", text}};
  }
  // Why a grant is being revoked, or was, as the journal says it.
  std::string why_lost(const std::string& grant) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (std::chrono::steady_clock::now() < deadline) {
      const auto seqs = control::story_of(plane_->evidence().journal(), grant);
      for (const std::uint64_t seq : *seqs) {
        const auto event = plane_->evidence().event(seq);
        const auto* revoking = std::get_if<core::GrantRevoking>(&event->data);
        if (revoking != nullptr) return std::string(name_of(revoking->reason));
      }
      std::this_thread::yield();
    }
    return "it goes on";
  }
  static std::int64_t number(const Json& json, std::string_view name) {
    const Json* member = json.find(name);
    return member == nullptr || member->as_int() == nullptr ? -1 : *member->as_int();
  }

  Holder ada_, bob_, eve_;
};

constexpr std::string_view kOne =
    "@id(\"one\") @approval(\"none\") @max_ttl(\"1h\")\n"
    "permit (principal, action == Writ::Action::\"request\", resource);\n";
constexpr std::string_view kOneShorter =
    "@id(\"one\") @approval(\"none\") @max_ttl(\"10m\")\n"
    "permit (principal, action == Writ::Action::\"request\", resource);\n";

TEST_F(PolicyTest, EveryVersionIsKept) {
  bring({{"team.cedar", std::string(kOne)}});
  bring({{"team.cedar", std::string(kOneShorter)}, {"more.cedar", "// nothing yet\n"}});
  const Json history = body_of(call(&ada_, "GET", "/v1/policies/history"));
  EXPECT_EQ(number(history, "in_force"), 3);
  const JsonArray& versions = *history.find("versions")->as_array();
  ASSERT_EQ(versions.size(), 3u);
  EXPECT_EQ(number(versions[0], "version"), 3);
  EXPECT_EQ(text_of(versions[0], "proposed_by"), "ada");
  EXPECT_EQ(text_of(versions[0], "approved_by"), "bob");
  EXPECT_THAT(compact(*versions[0].find("files")),
              HasSubstr(R"({"name":"team.cedar","change":"changed"})"));
  EXPECT_THAT(compact(*versions[0].find("files")),
              HasSubstr(R"({"name":"more.cedar","change":"added"})"));
  EXPECT_EQ(text_of(versions[2], "proposed_by"), "server") << "genesis";
  EXPECT_EQ(number(*body_of(call(&ada_, "GET", "/v1/policies/history?before=3"))
                        .find("versions")
                        ->as_array()
                        ->begin(),
                   "version"),
            2);

  // What no version in force names has left the state; the journal has it.
  const Json second = body_of(call(&ada_, "GET", "/v1/policies/2"));
  const JsonArray& files = *second.find("files")->as_array();
  ASSERT_EQ(files.size(), 2u);
  EXPECT_EQ(text_of(files[1], "name"), "team.cedar");
  EXPECT_EQ(text_of(files[1], "text"), kOne);

  EXPECT_EQ(status(&ada_, "GET", "/v1/policies/4"), 404);
  EXPECT_EQ(status(&ada_, "GET", "/v1/policies/none"), 400);
  EXPECT_EQ(status(&eve_, "GET", "/v1/policies/2"), 403);
  EXPECT_EQ(status(&eve_, "GET", "/v1/policies/history"), 403);
}

TEST_F(PolicyTest, APlanShowsWhatWouldChange) {
  bring({{"team.cedar", std::string(kOne)}});
  const Json made = plan({{"team.cedar", std::string(kOneShorter)}});
  EXPECT_EQ(number(made, "version"), 2);
  EXPECT_THAT(compact(*made.find("files")),
              HasSubstr(R"({"name":"default.cedar","change":"removed"})"));
  EXPECT_THAT(compact(*made.find("policies")),
              HasSubstr(R"({"policy":"one","kind":"offer","change":"changed","was":"at most 1h, )"
                        R"(no approval","is":"at most 10m, no approval"})"));
  EXPECT_THAT(compact(*made.find("policies")), HasSubstr(R"("kind":"permit","change":"removed")"));
  EXPECT_EQ(made.find("replay"), nullptr);
  // Layout and comments are no difference of policies.
  const Json same = plan(with_defaults({{"team.cedar", "// one\n" + std::string(kOne)}}));
  EXPECT_TRUE(same.find("policies")->as_array()->empty());
  EXPECT_EQ(plane_->states().get()->policy_version, 2) << "a plan changes nothing";
}

TEST_F(PolicyTest, APlanCountsTheGrantsThatWouldBeLost) {
  const Holder door = add(ada_, "pg-door", "door");
  add_target("pg-main", door.identity);
  const std::string connects =
      "@id(\"anyone-connects\") permit (principal, action == "
      "Writ::Action::\"connect\", resource);";
  apply(connects);
  give("grt_eve", eve_.identity, std::string(kReader));
  const Json lost = plan(with_defaults({}));
  EXPECT_EQ(number(lost, "grants_lost"), 1);
  EXPECT_THAT(compact(*lost.find("grants")),
              HasSubstr(R"({"grant":"grt_eve","beneficiary":"eve","entitlement":)"));
  EXPECT_EQ(number(plan(with_defaults({{"test.cedar", connects}})), "grants_lost"), 0);
}

TEST_F(PolicyTest, ANewGuardrailEndsOpenSessionsAndAPlanSaysSo) {
  const Holder door = add(ada_, "pg-door", "door");
  add_target("pg-main", door.identity);
  const std::string connects =
      "@id(\"anyone-connects\") permit (principal, action == "
      "Writ::Action::\"connect\", resource);\n";
  const std::string guarded =
      connects +
      "@id(\"stop\") forbid (principal, action == Writ::Action::\"connect\", resource);\n";
  apply(connects);
  give("grt_eve", eve_.identity, std::string(kReader));
  EXPECT_EQ(number(plan(with_defaults({{"test.cedar", guarded}})), "grants_lost"), 0)
      << "no session is open";
  say({core::SessionStarted{
      core::Session{"ses_1", door.identity, "grt_eve", eve_.identity, "192.0.2.7", "psql", 1,
                    clock_.now(), eve_.serial, eve_.device},
      1}});
  const Json made = plan(with_defaults({{"test.cedar", guarded}}));
  EXPECT_EQ(number(made, "grants_lost"), 1);
  EXPECT_THAT(compact(*made.find("grants")), HasSubstr(R"("why":"policy_changed")"));
  apply(guarded);
  EXPECT_EQ(why_lost("grt_eve"), "policy_changed");
}

// The door decided before the change, and its report comes after it.
TEST_F(PolicyTest, ASessionThatIsReportedLateIsNotForgotten) {
  const Holder door = add(ada_, "pg-door", "door");
  add_target("pg-main", door.identity);
  const std::string connects =
      "@id(\"anyone-connects\") permit (principal, action == "
      "Writ::Action::\"connect\", resource);\n";
  apply(connects);
  give("grt_eve", eve_.identity, std::string(kReader));
  apply(connects +
        "@id(\"stop\") forbid (principal, action == Writ::Action::\"connect\", resource);\n");
  say({core::SessionStarted{
      core::Session{"ses_1", door.identity, "grt_eve", eve_.identity, "192.0.2.7", "psql", 1,
                    clock_.now(), eve_.serial, eve_.device},
      1}});
  EXPECT_EQ(why_lost("grt_eve"), "policy_changed");
}

TEST_F(PolicyTest, APlanSaysWhatApplyWouldRefuse) {
  EXPECT_TRUE(plan(with_defaults({})).find("refused")->as_array()->empty());
  const std::vector<PolicyFile> locked{
      {"a.cedar", "@id(\"x\") permit (principal, action == Writ::Action::\"list\", resource);"}};
  const Json refused = *plan(locked).find("refused");
  ASSERT_EQ(refused.as_array()->size(), 1U) << compact(refused);
  EXPECT_EQ(text_of(refused.as_array()->front(), "code"), "conflict");
  EXPECT_THAT(compact(refused), HasSubstr("nobody could still propose and approve policies"));
  // As apply_policy says it.
  const auto applied = command(ada_, "apply_policy", Json::object({{"files", to_json(locked)}}));
  EXPECT_EQ(applied->status, 409) << applied->body;
  EXPECT_THAT(applied->body, HasSubstr(text_of(refused.as_array()->front(), "message")));
}

TEST_F(PolicyTest, APlanSaysWhichInvariantApplyWouldRefuse) {
  const Json refused =
      *plan(with_defaults({{"x.invariants.cedar",
                            "@invariant(\"nobody lists\")\nforbid (principal, action == "
                            "Writ::Action::\"list\", resource);\n"}}))
           .find("refused");
  ASSERT_EQ(refused.as_array()->size(), 1U) << compact(refused);
  const std::string code = text_of(refused.as_array()->front(), "code");
  if (code == "unavailable") GTEST_SKIP() << "no solver on this host: cvc5 or z3";
  EXPECT_EQ(code, "conflict");
  EXPECT_EQ(text_of(refused.as_array()->front(), "where"), "x.invariants.cedar:1:1");
  EXPECT_THAT(compact(refused), HasSubstr("nobody lists"));
}

TEST_F(PolicyTest, WhatAnEarlierChangeTurnedIsNoFlipOfThisOne) {
  ASSERT_TRUE(may_list_own(eve_));
  const std::string text = narrower()[0].text;
  const std::vector<PolicyFile> same{{"default.cedar", text}, {"note.cedar", "// nothing\n"}};
  say(core::apply_files(*plane_->states().get(), narrower(), sha256_hex));
  const Json replay = *plan(same, std::chrono::hours(1)).find("replay");
  EXPECT_EQ(number(replay, "to_deny"), 0) << compact(replay);
  EXPECT_EQ(number(replay, "changed_before"), 1);
  EXPECT_TRUE(replay.find("flips")->as_array()->empty());
  // What takes the earlier change back does flip it.
  const Json back = *plan(with_defaults({}), std::chrono::hours(1)).find("replay");
  EXPECT_EQ(number(back, "to_allow"), 1) << compact(back);
  EXPECT_EQ(number(back, "changed_before"), 1);
  const Json& flip = back.find("flips")->as_array()->front();
  EXPECT_EQ(text_of(flip, "was"), "allow");
  EXPECT_EQ(text_of(flip, "in_force"), "deny");
  EXPECT_EQ(text_of(flip, "would_be"), "allow");
}

// Their permits stand in the journal, not among the decisions.
TEST_F(PolicyTest, CommandsAreCountedAndNotAskedAgain) {
  const auto counted = [&] {
    return number(*plan(with_defaults({}), std::chrono::hours(1)).find("replay"),
                  "commands_not_asked");
  };
  const auto before = counted();
  EXPECT_GT(before, 0) << "Ada added Eve, and opened her an enrollment";
  ASSERT_EQ(
      command(ada_, "add_group", Json::object({{"name", "dba"}, {"purpose", "work"}}))->status,
      200);
  EXPECT_EQ(counted(), before + 1);
  clock_.advance(std::chrono::hours(2));
  EXPECT_EQ(counted(), 0);
}

TEST_F(PolicyTest, RecordedDecisionsAreAskedAgain) {
  ASSERT_TRUE(may_list_own(eve_));
  ASSERT_TRUE(may_list_own(ada_));
  const Json made = plan(narrower(), std::chrono::hours(1));
  const Json& replay = *made.find("replay");
  EXPECT_EQ(number(replay, "to_deny"), 1) << compact(replay);
  EXPECT_EQ(number(replay, "to_allow"), 0);
  EXPECT_EQ(number(replay, "unlike"), 0);
  EXPECT_EQ(number(replay, "replayed"), number(replay, "decisions"));
  EXPECT_TRUE(*replay.find("complete")->as_bool());
  const JsonArray& flips = *replay.find("flips")->as_array();
  ASSERT_EQ(flips.size(), 1u);
  EXPECT_EQ(text_of(flips[0], "who"), "eve");
  EXPECT_EQ(text_of(flips[0], "action"), "list_own");
  EXPECT_EQ(text_of(flips[0], "was"), "allow");
  // Under the policies in force nothing flips; and what was before the window is not asked.
  const Json as_it_is = plan(with_defaults({}), std::chrono::hours(1));
  EXPECT_TRUE(as_it_is.find("replay")->find("flips")->as_array()->empty());
  clock_.advance(std::chrono::hours(2));
  EXPECT_EQ(number(*plan(narrower(), std::chrono::hours(1)).find("replay"), "to_deny"), 0);
}

// Each on the state of its moment: Eve administered when she asked.
TEST_F(PolicyTest, ADecisionIsAskedAgainOnTheStateOfItsMoment) {
  const Time until = clock_.now() + std::chrono::days(1);
  say({core::MembershipAdded{{"administrators", eve_.identity, until}}});
  ASSERT_TRUE(may_list_own(eve_));
  say({core::MembershipEnded{"administrators", eve_.identity, "removed"}});
  ASSERT_TRUE(may_list_own(eve_));
  const Json made = plan(narrower(), std::chrono::hours(1));
  EXPECT_EQ(number(*made.find("replay"), "to_deny"), 1) << "only the second one";
}

TEST_F(PolicyTest, WhatRestsOnErasedPersonsIsCountedAsSuch) {
  ASSERT_TRUE(may_list_own(eve_));
  const auto erased =
      plane_->writer().run({{"test"}, {}}, [&](const core::State&, Time) -> Result<core::Outcome> {
        return core::Outcome{
            {core::IdentityStateChanged{eve_.identity, core::IdentityState::kOffboarded, {}},
             core::SubjectErased{eve_.identity}},
            {},
            {eve_.identity}};
      });
  ASSERT_TRUE(erased) << erased.error().text();
  const Json made = plan(narrower(), std::chrono::hours(1));
  EXPECT_EQ(number(*made.find("replay"), "to_deny"), 0);
  EXPECT_GE(number(*made.find("replay"), "erased"), 1);
}

TEST_F(PolicyTest, APlanIsAnActionOfItsOwn) {
  const auto as_eve = call(&eve_, "POST", "/v1/policies/plan",
                           Json::object({{"files", to_json(with_defaults({}))}}));
  EXPECT_EQ(as_eve->status, 403) << as_eve->body;
  const auto bad =
      call(&ada_, "POST", "/v1/policies/plan",
           Json::object(
               {{"files", to_json(std::vector<PolicyFile>{{"x.cedar", "@id(\"a\") permit ("}})}}));
  EXPECT_EQ(bad->status, 400);
  EXPECT_THAT(bad->body, HasSubstr("x.cedar:1:"));
  const std::uint64_t last = plane_->evidence().size(control::LogName::kDecisions) - 1;
  const auto recorded = control::read_decision_payload(plane_->evidence().decision(last)->payload);
  ASSERT_TRUE(recorded);
  EXPECT_EQ(recorded->question.action, "plan_policy");
  EXPECT_EQ(recorded->question.subject, ada_.identity);
}

TEST_F(PolicyTest, WhatBreaksItsSchemaOrScenariosIsNotProposed) {
  const auto refused = [&](const std::vector<PolicyFile>& more) {
    const auto reply =
        command(ada_, "apply_policy", Json::object({{"files", to_json(with_defaults(more))}}));
    EXPECT_EQ(reply->status, 400) << reply->body;
    return reply->body;
  };
  EXPECT_THAT(refused({{"x.cedar",
                        "@id(\"x\") permit (principal, action == "
                        "Writ::Action::\"connect\", resource) when { resource.ownr };"}}),
              HasSubstr("ownr"));
  EXPECT_THAT(refused({{"x.scenarios.json", R"({"identities": {"erin": {}}, "scenarios": [
      {"name": "erin reads", "identity": "erin", "action": "list",
       "resource": {"type": "system", "id": "writ"}, "expect": "allow"}]})"}}),
              HasSubstr("erin reads"));
  EXPECT_EQ(plane_->states().get()->changes.size(), 0u);
}

}  // namespace
}  // namespace writ::api
