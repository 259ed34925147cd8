#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "embed/writ.h"

namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

std::string text(writ_string string) {
  EXPECT_EQ(string.bytes[string.size], '\0');
  return {string.bytes, string.size};
}
writ_string given(const std::string& bytes) {
  return {bytes.data(), bytes.size()};
}

struct Free {
  void operator()(writ_engine* it) const { writ_engine_free(it); }
  void operator()(writ_error* it) const { writ_error_free(it); }
  void operator()(writ_decision* it) const { writ_decision_free(it); }
  void operator()(writ_explanation* it) const { writ_explanation_free(it); }
};
template <class T>
using Owned = std::unique_ptr<T, Free>;

// What a call answered: "allow p1,p2" with the ids that decided, or "error: where: message".
std::string said(writ_status status, writ_error* error) {
  const Owned<writ_error> owned(error);
  EXPECT_NE(status, WRIT_OK);
  EXPECT_EQ(writ_error_status(error), status);
  return text(writ_error_where(error)) + "| " + text(writ_error_message(error));
}

class Engine : public ::testing::Test {
 protected:
  // Empty, or what is wrong.
  std::string load(const writ_parts& parts) {
    writ_error* error = nullptr;
    const writ_status status = writ_load(engine_.get(), &parts, &error);
    if (status != WRIT_OK) return said(status, error);
    EXPECT_EQ(error, nullptr);
    return "";
  }
  std::string load_policies(const std::string& policies, writ_format format = WRIT_CEDAR) {
    writ_parts parts{};
    parts.size = sizeof parts;
    parts.policies = {given(policies), WRIT_TEXT("p.cedar"), format};
    return load(parts);
  }
  std::string load_entities(const std::string& entities) {
    writ_parts parts{};
    parts.size = sizeof parts;
    parts.entities = {given(entities), WRIT_TEXT("e.json"), 0};
    return load(parts);
  }
  std::string ask(const writ_request& request) {
    writ_error* error = nullptr;
    writ_decision* made = nullptr;
    const writ_status status = writ_authorize(engine_.get(), &request, &made, &error);
    if (status != WRIT_OK) {
      EXPECT_EQ(made, nullptr);
      return said(status, error);
    }
    decision_.reset(made);
    std::string ids;
    for (size_t i = 0; i < writ_decision_reason_count(made); ++i) {
      ids += " " + text(writ_decision_reason(made, i));
    }
    return (writ_decision_allowed(made) != 0 ? "allow" : "deny") + ids;
  }
  std::string ask_json(const std::string& json) {
    writ_request request{};
    request.size = sizeof request;
    request.json = given(json);
    return ask(request);
  }
  std::string alice_views(const char* context = nullptr) {
    writ_request request{};
    request.size = sizeof request;
    request.principal = WRIT_TEXT("User::\"alice\"");
    request.action = WRIT_TEXT("Action::\"view\"");
    request.resource = WRIT_TEXT("Doc::\"plan\"");
    request.context = {context, WRIT_TERMINATED};
    return ask(request);
  }

  Owned<writ_engine> engine_{writ_engine_new()};
  Owned<writ_decision> decision_;
};

TEST_F(Engine, WithoutPoliciesDenies) {
  EXPECT_EQ(alice_views(), "deny");
}

TEST_F(Engine, SaysWhichPoliciesDecided) {
  ASSERT_EQ(load_policies(R"(
      @id("all") permit (principal, action, resource);
      permit (principal == User::"alice", action, resource);
      @id("never") forbid (principal, action, resource) when { context has stop };)"),
            "");
  EXPECT_EQ(alice_views(), "allow all policy1");
  EXPECT_EQ(alice_views(R"({"stop": true})"), "deny never");
  EXPECT_EQ(text(writ_decision_reason(decision_.get(), 7)), "");
}

TEST_F(Engine, ReportsAPolicyThatFailed) {
  ASSERT_EQ(load_policies("permit (principal, action, resource);\n"
                          "forbid (principal, action, resource) when { context.a };"),
            "");
  EXPECT_EQ(alice_views(), "allow policy0");
  EXPECT_EQ(writ_decision_forbid_failed(decision_.get()), 1);
  ASSERT_EQ(writ_decision_problem_count(decision_.get()), 1U);
  writ_problem problem{};
  problem.size = sizeof problem;
  ASSERT_EQ(writ_decision_problem(decision_.get(), 0, &problem), WRIT_OK);
  EXPECT_EQ(text(problem.policy), "policy1");
  EXPECT_EQ(text(problem.where), "p.cedar:2:45");
  EXPECT_THAT(text(problem.message), HasSubstr("`a`"));
  EXPECT_EQ(writ_decision_problem(decision_.get(), 1, &problem), WRIT_MISUSE);
}

TEST_F(Engine, ReadsEntities) {
  ASSERT_EQ(load_policies(R"(permit (principal in Team::"x", action, resource);)"), "");
  EXPECT_EQ(alice_views(), "deny");
  ASSERT_EQ(load_entities(R"([{"uid": {"type": "User", "id": "alice"}, "attrs": {},
                               "parents": [{"type": "Team", "id": "x"}]}])"),
            "");
  EXPECT_EQ(alice_views(), "allow policy0");
}

TEST_F(Engine, ReadsPoliciesInJson) {
  ASSERT_EQ(load_policies(R"({"templates": {}, "templateLinks": [], "staticPolicies": {"p": {
      "effect": "permit", "principal": {"op": "All"}, "action": {"op": "All"},
      "resource": {"op": "All"}, "conditions": []}}})",
                          WRIT_JSON),
            "");
  EXPECT_EQ(alice_views(), "allow p");
}

TEST_F(Engine, ReadsARequestInJson) {
  ASSERT_EQ(load_policies(R"(permit (principal == User::"a\"b", action, resource)
                             when { context.n == 9223372036854775807 };)"),
            "");
  EXPECT_EQ(ask_json(R"({"principal": {"type": "User", "id": "a\"b"}, "resource": "D::\"x\"",
                         "action": "Action::\"v\"", "context": {"n": 9223372036854775807}})"),
            "allow policy0");
  EXPECT_EQ(ask_json(R"({"principal": "User::\"x\"", "resource": "D::\"x\"",
                         "action": "Action::\"v\""})"),
            "deny");
}

TEST_F(Engine, SaysWhatIsWrongWithARequest) {
  EXPECT_THAT(ask_json("[]"), HasSubstr("a request is an object, not an array"));
  EXPECT_THAT(ask_json("{"), StartsWith("request:1:2| "));
  EXPECT_THAT(ask_json(R"({"principal": "User::\"x\""})"), StartsWith("/action| "));
  EXPECT_THAT(ask_json(R"({"principal": "User"})"), StartsWith("/principal| "));
  EXPECT_THAT(ask_json(R"({"who": 1})"), StartsWith("/who| "));
  EXPECT_THAT(alice_views("[1]"), StartsWith("context| "));
  EXPECT_THAT(alice_views(R"({"a": {"b": null}})"), StartsWith("context/a/b| "));
}

TEST_F(Engine, SaysWhereAPolicyIsWrong) {
  EXPECT_THAT(load_policies("permit (principal, action, resource)\nwhen { 1 + };"),
              StartsWith("p.cedar:2:12| "));
  EXPECT_THAT(load_policies(R"({"effect": "permit"})", WRIT_JSON), HasSubstr("principal"));
}

TEST_F(Engine, AFailedLoadChangesNothing) {
  ASSERT_EQ(load_policies("permit (principal, action, resource);"), "");
  writ_parts parts{};
  parts.size = sizeof parts;
  parts.policies.text = WRIT_TEXT("forbid (principal, action, resource);");
  parts.entities.text = WRIT_TEXT("[1]");
  EXPECT_NE(load(parts), "");
  EXPECT_EQ(alice_views(), "allow policy0");
}

constexpr const char* kSchema = R"(
    entity User { address: ipaddr };
    entity Doc;
    action read;
    action view in [read] appliesTo { principal: User, resource: Doc, context: { n?: Long } };)";

TEST_F(Engine, ASchemaChecksEverything) {
  writ_parts parts{};
  parts.size = sizeof parts;
  parts.schema = {WRIT_TEXT(kSchema), WRIT_TEXT("s.cedarschema"), WRIT_CEDAR};
  parts.policies.text = WRIT_TEXT(
      "permit (principal, action in Action::\"read\", resource)"
      "when { principal.address.isLoopback() };");
  parts.entities.text = WRIT_TEXT(
      R"([{"uid": {"type": "User", "id": "alice"}, "attrs": {"address": "127.0.0.1"},
           "parents": []}])");
  ASSERT_EQ(load(parts), "");
  EXPECT_EQ(alice_views(), "allow policy0");
  EXPECT_EQ(alice_views(R"({"n": 1})"), "allow policy0");
  EXPECT_THAT(alice_views(R"({"n": "1"})"), HasSubstr("context"));
  EXPECT_THAT(ask_json(R"({"principal": "User::\"a\"", "action": "Action::\"fly\"",
                           "resource": "Doc::\"d\""})"),
              HasSubstr("fly"));
  EXPECT_THAT(load_policies("permit (principal, action, resource) when { principal.age > 3 };"),
              HasSubstr("age"));
  EXPECT_THAT(load_entities(R"([{"uid": {"type": "User", "id": "x"}, "attrs": {},
                                 "parents": []}])"),
              HasSubstr("address"));
  EXPECT_EQ(alice_views(), "allow policy0");
  // A new schema alone would leave entities that were read by the old one.
  parts.policies.text.bytes = parts.entities.text.bytes = nullptr;
  EXPECT_THAT(load(parts), HasSubstr("load both"));
}

TEST_F(Engine, ExplainsEachPolicy) {
  ASSERT_EQ(load_policies(R"(permit (principal == User::"bob", action, resource);
permit (principal, action == Action::"edit", resource);
permit (principal, action, resource == Doc::"x");
permit (principal, action, resource)
  when { true }
  unless { context.n < 5 };
forbid (principal, action, resource) when { context.n + 9223372036854775807 > 0 };
permit (principal, action, resource);)"),
            "");
  writ_request request{};
  request.size = sizeof request;
  request.principal = WRIT_TEXT("User::\"alice\"");
  request.action = WRIT_TEXT("Action::\"view\"");
  request.resource = WRIT_TEXT("Doc::\"plan\"");
  request.context = WRIT_TEXT(R"({"n": 3})");
  writ_explanation* made = nullptr;
  ASSERT_EQ(writ_explain(engine_.get(), &request, &made, nullptr), WRIT_OK);
  const Owned<writ_explanation> explanation(made);
  std::vector<int> outcomes;
  std::vector<writ_clause> clauses;
  for (size_t i = 0; i < writ_explanation_count(made); ++i) {
    writ_clause clause{};
    clause.size = sizeof clause;
    ASSERT_EQ(writ_explanation_clause(made, i, &clause), WRIT_OK);
    outcomes.push_back(clause.outcome);
    clauses.push_back(clause);
  }
  EXPECT_THAT(outcomes, ElementsAre(WRIT_OTHER_PRINCIPAL, WRIT_OTHER_ACTION, WRIT_OTHER_RESOURCE,
                                    WRIT_CONDITION, WRIT_FAILED, WRIT_SATISFIED));
  EXPECT_EQ(text(clauses[3].where), "p.cedar:6:3");
  EXPECT_EQ(text(clauses[3].text), "unless { context.n < 5 }");
  EXPECT_EQ(clauses[3].forbids, 0);
  EXPECT_EQ(text(clauses[4].policy), "policy4");
  EXPECT_EQ(clauses[4].forbids, 1);
  EXPECT_THAT(text(clauses[4].message), HasSubstr("overflow"));
  EXPECT_THAT(text(clauses[5].message), IsEmpty());
  writ_clause clause{};
  clause.size = sizeof clause;
  EXPECT_EQ(writ_explanation_clause(made, 6, &clause), WRIT_MISUSE);
}

TEST_F(Engine, DecisionsOutliveTheirPolicies) {
  ASSERT_EQ(load_policies("@id(\"first\") permit (principal, action, resource);"), "");
  ASSERT_EQ(alice_views(), "allow first");
  ASSERT_EQ(load_policies("forbid (principal, action, resource);"), "");
  engine_.reset();
  EXPECT_EQ(text(writ_decision_reason(decision_.get(), 0)), "first");
}

TEST_F(Engine, RefusesWrongCalls) {
  writ_error* error = nullptr;
  writ_decision* decision = nullptr;
  writ_request request{};
  EXPECT_EQ(writ_authorize(engine_.get(), &request, &decision, nullptr), WRIT_MISUSE);
  EXPECT_EQ(writ_authorize(engine_.get(), nullptr, &decision, nullptr), WRIT_MISUSE);
  request.size = sizeof request + 8;  // of a header that is newer than the library
  EXPECT_EQ(writ_authorize(engine_.get(), &request, &decision, nullptr), WRIT_MISUSE);
  request.size = sizeof request;
  EXPECT_EQ(writ_authorize(nullptr, &request, &decision, nullptr), WRIT_MISUSE);
  EXPECT_EQ(writ_authorize(engine_.get(), &request, nullptr, nullptr), WRIT_MISUSE);
  EXPECT_EQ(writ_authorize(engine_.get(), &request, &decision, &error), WRIT_INVALID);
  EXPECT_THAT(said(WRIT_INVALID, error), StartsWith("principal| "));
  request.json = WRIT_TEXT("{}");
  request.principal = WRIT_TEXT("User::\"a\"");
  EXPECT_EQ(writ_authorize(engine_.get(), &request, &decision, nullptr), WRIT_MISUSE);
  writ_parts parts{};
  parts.size = sizeof parts;
  parts.policies.format = 7;
  EXPECT_EQ(writ_load(engine_.get(), &parts, nullptr), WRIT_MISUSE);
  EXPECT_EQ(writ_load(nullptr, &parts, nullptr), WRIT_MISUSE);
  EXPECT_EQ(writ_decision_allowed(nullptr), 0);
  EXPECT_EQ(writ_explanation_count(nullptr), 0U);
}

// A program that was built when the struct ended before `context` and `json`.
TEST_F(Engine, TakesARequestOfAnOlderHeader) {
  ASSERT_EQ(load_policies("permit (principal, action, resource);"), "");
  writ_request request{};
  request.size = offsetof(writ_request, context);
  request.principal = request.action = request.resource = WRIT_TEXT("User::\"a\"");
  request.json = WRIT_TEXT("is not looked at");
  EXPECT_EQ(ask(request), "allow policy0");
}

TEST_F(Engine, RefusesWhatIsPastItsLimits) {
  EXPECT_THAT(ask_json(R"({"principal": ")" + std::string(2 << 20, 'x') + "\"}"),
              HasSubstr("1048576"));
  const std::string deep = std::string(100'000, '[');
  EXPECT_THAT(ask_json(deep), HasSubstr("64"));
  EXPECT_THAT(load_entities(deep), HasSubstr("64"));
  EXPECT_THAT(load_policies(std::string(17 << 20, ' ')), HasSubstr("16777216"));
  EXPECT_THAT(
      load_policies("permit (principal, action, resource) when { " + std::string(100'000, '(')),
      HasSubstr("200"));
}

// Threads ask and explain while others load; every answer is of one of the two policy sets.
TEST_F(Engine, AnswersWhileOthersLoad) {
  const std::string sets[] = {
      "@id(\"a0\") permit (principal, action, resource);"
      "@id(\"a1\") permit (principal, action, resource);",
      "@id(\"b0\") forbid (principal, action, resource);"};
  ASSERT_EQ(load_policies(sets[0]), "");
  constexpr int kRounds = 300;
  std::atomic<int> wrong = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      writ_request request{};
      request.size = sizeof request;
      request.principal = request.action = request.resource = WRIT_TEXT("User::\"a\"");
      for (int round = 0; round < kRounds; ++round) {
        writ_decision* decision = nullptr;
        writ_explanation* explanation = nullptr;
        if (writ_authorize(engine_.get(), &request, &decision, nullptr) != WRIT_OK ||
            writ_explain(engine_.get(), &request, &explanation, nullptr) != WRIT_OK) {
          ++wrong;
          continue;
        }
        const bool allowed = writ_decision_allowed(decision) != 0;
        const std::string first = writ_decision_reason(decision, 0).bytes;
        if (first != (allowed ? "a0" : "b0")) ++wrong;
        if (writ_decision_reason_count(decision) != (allowed ? 2U : 1U)) ++wrong;
        const size_t count = writ_explanation_count(explanation);
        if (count != 1 && count != 2) ++wrong;
        writ_decision_free(decision);
        writ_explanation_free(explanation);
      }
    });
  }
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([&, i] {
      for (int round = 0; round < kRounds; ++round) {
        writ_parts parts{};
        parts.size = sizeof parts;
        parts.policies.text = given(sets[(round + i) % 2]);
        if (writ_load(engine_.get(), &parts, nullptr) != WRIT_OK) ++wrong;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

}  // namespace
