#include "cedar/authorize.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <new>
#include <thread>

#include "cedar/evaluation.h"

namespace {
thread_local std::size_t allocations = 0;
}  // namespace

// Counts every allocation of this program, so that a test can say that there was none. Weak: the
// thread sanitizer brings its own, and there nothing is counted.
[[gnu::noinline, gnu::weak]] void* operator new(std::size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline, gnu::weak]] void operator delete(void* memory) noexcept {
  std::free(memory);
}
[[gnu::noinline, gnu::weak]] void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}

namespace writ::cedar {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::string_view kEntities = R"([
  {"uid": {"type": "User", "id": "alice"},
   "attrs": {"age": 30, "name": "Alice", "roles": ["dev", "ops"],
             "manager": {"__entity": {"type": "User", "id": "bob"}},
             "address": {"city": {"zip": "1234"}},
             "friends": [{"__entity": {"type": "User", "id": "bob"}},
                         {"__entity": {"type": "Folder", "id": "f"}}]},
   "tags": {"team": "blue"},
   "parents": [{"type": "Group", "id": "staff"}]},
  {"uid": {"type": "User", "id": "bob"}, "attrs": {}, "parents": []},
  {"uid": {"type": "Group", "id": "staff"}, "attrs": {}, "parents": [{"type": "Group", "id": "all"}]},
  {"uid": {"type": "Doc", "id": "plan"}, "attrs": {"owner": {"__entity": {"type": "User", "id": "alice"}}},
   "parents": [{"type": "Folder", "id": "f"}]},
  {"uid": {"type": "Action", "id": "view"}, "attrs": {}, "parents": [{"type": "Action", "id": "read"}]}
])";

Entities entities() {
  const Result<Entities> read = Entities::parse_json(kEntities);
  EXPECT_TRUE(read) << read.error().text();
  return *read;
}

Request request() {
  return {EntityUid("User", "alice"), EntityUid("Action", "view"), EntityUid("Doc", "plan"),
          Value::record({{"now", Value::datetime(1'000'000)},
                         {"ip", Value::ip({{10, 1, 2, 3}, 32, false})},
                         {"mfa", Value::boolean(true)}})};
}

CompiledPolicies compile(std::string_view text) {
  Result<PolicySet> set = PolicySet::parse(text, "p.cedar");
  EXPECT_TRUE(set) << set.error().text();
  return CompiledPolicies(std::move(*set));
}

Response decide(std::string_view policies) {
  return authorize(compile(policies), request(), entities());
}

// What an expression evaluates to, as Cedar writes it, or "error: MESSAGE".
std::string value_of(std::string_view expression) {
  const Result<Value> value = evaluate(expression, request(), entities());
  if (value) return print(value->view());
  return "error: " + value.error().message.substr(0, value.error().message.find('\n'));
}

TEST(Authorizer, DeniesWithoutPolicies) {
  const Response response = decide("");
  EXPECT_EQ(response.decision, Decision::kDeny);
  EXPECT_THAT(response.reasons, IsEmpty());
}

TEST(Authorizer, AllowNamesEverySatisfiedPermit) {
  const Response response = decide(R"(
    permit (principal, action, resource);
    permit (principal == User::"bob", action, resource);
    permit (principal, action == Action::"view", resource);)");
  EXPECT_EQ(response.decision, Decision::kAllow);
  EXPECT_THAT(response.reasons, ElementsAre(0, 2));
}

TEST(Authorizer, ForbidOverridesPermit) {
  const Response response = decide(R"(
    permit (principal, action, resource);
    forbid (principal, action, resource) when { context.mfa };
    forbid (principal, action, resource) unless { context.mfa };)");
  EXPECT_EQ(response.decision, Decision::kDeny);
  EXPECT_THAT(response.reasons, ElementsAre(1));
}

TEST(Authorizer, ErroredPolicyIsSkippedAndReported) {
  const Response response = decide(R"(
    permit (principal, action, resource);
    permit (principal, action, resource)
    when { context.nope };)");
  EXPECT_EQ(response.decision, Decision::kAllow);
  EXPECT_THAT(response.reasons, ElementsAre(0));
  ASSERT_EQ(response.errors.size(), 1U);
  EXPECT_EQ(response.errors[0].policy, 1U);
  EXPECT_EQ(response.errors[0].error.text(), "p.cedar:4:12: the record has no attribute `nope`");
  EXPECT_FALSE(response.forbid_failed);
}

TEST(Authorizer, SaysWhenAForbidFailed) {
  const Response response = decide(R"(
    permit (principal, action, resource);
    forbid (principal, action, resource) when { context.nope };)");
  EXPECT_EQ(response.decision, Decision::kAllow);  // plain Cedar
  EXPECT_TRUE(response.forbid_failed);
}

TEST(Authorizer, ConditionsMustBeBoolean) {
  const Response response = decide("permit (principal, action, resource) when { 1 };");
  EXPECT_EQ(response.decision, Decision::kDeny);
  ASSERT_EQ(response.errors.size(), 1U);
  EXPECT_EQ(response.errors[0].error.message, "a condition wants a boolean, not an integer");
}

TEST(Authorizer, ScopeCoversByEqualityHierarchyAndType) {
  EXPECT_THAT(decide(R"(
    permit (principal in Group::"all", action in Action::"read", resource in Folder::"f");
    permit (principal is User, action, resource is Doc in Folder::"f");
    permit (principal in User::"alice", action in [Action::"x", Action::"read"], resource);
    permit (principal is Group, action, resource);
    permit (principal in Group::"none", action, resource);
    permit (principal, action == Action::"read", resource);
    permit (principal, action in [], resource);
    permit (principal is Group in Group::"all", action, resource);)")
                  .reasons,
              ElementsAre(0, 1, 2));
}

TEST(Authorizer, UnknownEntitiesAreOnlyThemselves) {
  const Request stranger{EntityUid("User", "eve"), EntityUid("Action", "new"),
                         EntityUid("Doc", "new")};
  const Response response = authorize(compile(R"(
    permit (principal in User::"eve", action in [Action::"new"], resource is Doc);
    permit (principal in Group::"all", action, resource);
    permit (principal, action, resource) when { principal has name };
    permit (principal, action, resource) when { principal.name == "Eve" };)"),
                                      stranger, entities());
  EXPECT_THAT(response.reasons, ElementsAre(0));
  ASSERT_EQ(response.errors.size(), 1U);
  EXPECT_EQ(response.errors[0].error.message, "`User::\"eve\"` does not exist");
}

TEST(Authorizer, LinkedPoliciesDecide) {
  Result<PolicySet> set =
      PolicySet::parse("permit (principal in ?principal, action, resource == ?resource);");
  ASSERT_TRUE(set->link("policy0", "yes", {EntityUid("Group", "all"), EntityUid("Doc", "plan")}));
  ASSERT_TRUE(set->link("policy0", "no", {EntityUid("Group", "all"), EntityUid("Doc", "other")}));
  const CompiledPolicies policies(std::move(*set));
  EXPECT_EQ(policies.size(), 2U);
  const Response response = authorize(policies, request(), entities());
  ASSERT_THAT(response.reasons, ElementsAre(0));
  EXPECT_EQ(policies.id(response.reasons[0]), "yes");
}

TEST(Authorizer, IndexAnswersAsAWalkOverAllPolicies) {
  // Every combination of scope parts, so many times that each shelf is looked up.
  const std::vector<std::string> principals{"principal",
                                            "principal == User::\"alice\"",
                                            "principal in Group::\"all\"",
                                            "principal == User::\"other\"",
                                            "principal in Group::\"other\"",
                                            "principal is User"};
  const std::vector<std::string> actions{
      "action", "action == Action::\"view\"", "action in Action::\"read\"",
      "action in [Action::\"read\", Action::\"view\"]", "action == Action::\"other\""};
  std::vector<std::string> resources{"resource", "resource == Doc::\"plan\"",
                                     "resource in Folder::\"f\"", "resource is Folder"};
  for (int i = 0; i < 20; ++i) {
    resources.push_back("resource == Doc::\"" + std::to_string(i) + "\"");
  }
  std::string text;
  for (const std::string& p : principals) {
    for (const std::string& a : actions) {
      for (const std::string& r : resources) {
        text += "permit (" + p + ", " + a + ", " + r + ") when { context.mfa };\n";
        text += "permit (" + p + ", " + a + ", " + r + ") when { context.nope };\n";
      }
    }
  }
  const CompiledPolicies policies = compile(text);
  const Entities known = entities();
  const Response response = authorize(policies, request(), known);
  std::vector<std::uint32_t> satisfied;
  std::vector<std::uint32_t> failed;
  for (std::uint32_t i = 0; i < policies.size(); ++i) {
    const Explanation why = explain(policies, i, request(), known);
    if (why.outcome == Explanation::Outcome::kSatisfied) satisfied.push_back(i);
    if (why.outcome == Explanation::Outcome::kError) failed.push_back(i);
  }
  EXPECT_EQ(satisfied.size(), 4U * 4U * 3U);
  EXPECT_THAT(response.reasons, testing::ElementsAreArray(satisfied));
  std::vector<std::uint32_t> errors;
  for (const PolicyError& error : response.errors) errors.push_back(error.policy);
  EXPECT_EQ(errors, failed);
}

TEST(Authorizer, EveryPolicyCountsHoweverManyThereAre) {
  for (const std::size_t count : {1U, 63U, 64U, 65U, 128U}) {
    std::string text;
    for (std::size_t i = 0; i < count; ++i) {
      text += "permit (principal, action in Action::\"read\", resource);\n";
    }
    EXPECT_EQ(decide(text).reasons.size(), count);
  }
}

TEST(Authorizer, SharesPoliciesBetweenThreads) {
  const CompiledPolicies policies =
      compile("permit (principal in Group::\"all\", action, resource) when { principal.age > 1 };");
  const Entities known = entities();
  const Request one = request();
  std::vector<std::thread> threads;
  std::atomic<int> allowed = 0;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 1000; ++n) {
        if (authorize(policies, one, known).decision == Decision::kAllow) ++allowed;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(allowed, 4000);
}

TEST(Authorizer, OrdinaryPoliciesAllocateNothing) {
  const CompiledPolicies policies = compile(R"(
    permit (principal in Group::"all", action == Action::"view", resource in Folder::"f")
    when { principal.age >= 18 && principal.name == "Alice" && principal.roles.contains("dev") }
    when { resource.owner == principal && principal has address.city.zip }
    when { principal.name like "A*e" && principal.address.city.zip == "1234" }
    when { principal in [Group::"x", Group::"staff"] && resource.owner in [principal.manager, principal] }
    when { context.now < datetime("2024-01-01") && context.now.offset(duration("1h")) > context.now }
    when { context.ip.isInRange(ip("10.0.0.0/8")) && principal.getTag("team") == "blue" }
    when { principal.roles.containsAll(["ops"]) && [principal.age, 7].contains(30) }
    unless { principal is Group || principal.age + 1 == 3 };
    forbid (principal, action, resource is Doc) unless { context.mfa };
    forbid (principal == User::"mallory", action, resource);)");
  const Entities known = entities();
  const Request one = request();
  const RequestText text{{"User", "alice"}, {"Action", "view"}, {"Doc", "plan"}, one.context};
  const std::size_t before = allocations;
  const Response response = authorize(policies, one, known);
  const Response same = authorize(policies, text, known);
  EXPECT_EQ(allocations - before, 0U);
  EXPECT_EQ(response.decision, Decision::kAllow);
  EXPECT_THAT(response.reasons, ElementsAre(0));
  EXPECT_THAT(same.reasons, ElementsAre(0));
}

// Requests in words and in uids are answered as over any reader of entities, whatever these were
// read for.
void expect_the_same_in_words(const CompiledPolicies& policies) {
  const CompiledPolicies others = compile(R"(permit (principal, action in Action::"read", resource)
                                             when { principal.manager in resource.owner };)");
  const Entities known = entities();
  const Entities for_these = *Entities::parse_json(kEntities, {}, {}, &policies);
  const Entities for_others = *Entities::parse_json(kEntities, {}, {}, &others);
  const Value context = Value::record();
  const std::string longer(300, 'x');
  const auto same = [](const Response& a, const Response& b) {
    EXPECT_EQ(a.decision, b.decision);
    EXPECT_EQ(a.forbid_failed, b.forbid_failed);
    EXPECT_THAT(a.reasons, testing::ElementsAreArray(b.reasons));
    ASSERT_EQ(a.errors.size(), b.errors.size());
    for (std::size_t i = 0; i < a.errors.size(); ++i) {
      EXPECT_EQ(a.errors[i].policy, b.errors[i].policy);
      EXPECT_EQ(a.errors[i].error.text(), b.errors[i].error.text());
    }
  };
  for (const std::string_view user : {"alice", "bob", "eve", "", longer.c_str()}) {
    // What is no action may be asked about, too.
    for (const auto& [type, action] : {std::pair{"Action", "view"}, std::pair{"Action", "read"},
                                       std::pair{"Action", "new"}, std::pair{"User", "alice"}}) {
      for (const std::string_view doc : {"plan", "other", longer.c_str()}) {
        const Request asked{EntityUid("User", user), EntityUid(type, action),
                            EntityUid("Doc", doc)};
        const RequestText in_words{{"User", user}, {type, action}, {"Doc", doc}, context};
        const EntityReader& any = known;
        const Response answer = authorize(policies, asked, any);
        for (const Entities* held : {&known, &for_these, &for_others}) {
          same(authorize(policies, asked, *held), answer);
          same(authorize(policies, in_words, *held), answer);
        }
      }
    }
  }
}

TEST(Authorizer, RequestsInWordsAreTheSameRequests) {
  expect_the_same_in_words(compile(R"(
    permit (principal == User::"alice", action in Action::"read", resource in Folder::"f");
    permit (principal, action, resource) when { principal.manager == User::"bob" };
    permit (principal is User, action == Action::"new", resource);
    permit (principal, action, resource) when { [resource] == [Doc::"plan"] };
    forbid (principal, action, resource is User) when { principal.nope };
    forbid (principal == User::"", action, resource);)"));
  expect_the_same_in_words(compile("permit (principal, action, resource);"));
  expect_the_same_in_words(compile("forbid (principal, action, resource) when { resource.nope };"));
}

TEST(Authorizer, AttributesOnTheWayAreTheSameInWords) {
  std::string text;
  for (const std::string left : {"principal", "resource"}) {
    for (const std::string path :
         {"principal.manager", "principal.friends", "principal.name", "principal.nope",
          "resource.owner", "resource.owner.manager", "resource.owner.manager.manager",
          "resource.owner.manager.nope", "resource.owner.friends", "resource.owner.name",
          "resource.owner.name.nope", "resource.owner.nope", "principal.address.city"}) {
      text += "permit (principal, action in Action::\"read\", resource) when { " + left + " in " +
              path + " };\npermit (principal, action == Action::\"new\", resource) unless { " +
              left + " in " + path + " };\n";
    }
  }
  ASSERT_LT(compile(text).size(), 64U);
  expect_the_same_in_words(compile(text));
  for (int i = 0; i < 50; ++i) {
    text += "permit (principal, action == Action::\"" + std::to_string(i) + "\", resource);\n";
  }
  expect_the_same_in_words(compile(text));  // so many that an index is made of them
}

TEST(Authorizer, FewPoliciesAreFoundAsManyAre) {
  // The same policies, once alone and once among so many that an index is made of them.
  const std::string text = R"(
    permit (principal, action, resource);
    permit (principal, action == Action::"view", resource);
    permit (principal, action == Action::"read", resource);
    permit (principal, action in Action::"read", resource);
    permit (principal, action in [Action::"view", Action::"view", Action::"read"], resource);
    permit (principal, action in [], resource);
    forbid (principal, action in Action::"write", resource) when { context.nope };
    permit (principal, action in Action::"view", resource) when { context.nope };)";
  std::string more = text;
  for (int i = 0; i < 100; ++i) {
    more += "permit (principal, action == Action::\"" + std::to_string(i) + "\", resource);\n";
  }
  const Response few = decide(text);
  const Response many = decide(more);
  EXPECT_THAT(few.reasons, ElementsAre(0, 1, 3, 4));
  EXPECT_THAT(many.reasons, testing::ElementsAreArray(few.reasons));
  ASSERT_EQ(few.errors.size(), 1U);
  EXPECT_EQ(few.errors[0].policy, 7U);
  ASSERT_EQ(many.errors.size(), 1U);
  EXPECT_EQ(many.errors[0].error.text(), few.errors[0].error.text());
}

TEST(Evaluate, LogicStopsAtTheFirstDecidingPart) {
  EXPECT_EQ(value_of("false && context.nope"), "false");
  EXPECT_EQ(value_of("true || context.nope"), "true");
  EXPECT_EQ(value_of("if true then 1 else context.nope"), "1");
  EXPECT_EQ(value_of("true && context.nope"), "error: the record has no attribute `nope`");
  EXPECT_EQ(value_of("true && 1"), "error: `&&` wants a boolean, not an integer");
  EXPECT_EQ(value_of("1 || true"), "error: `||` wants a boolean, not an integer");
  EXPECT_EQ(value_of("!1"), "error: `!` wants a boolean, not an integer");
  EXPECT_EQ(value_of("if 1 then 1 else 2"), "error: `if` wants a boolean, not an integer");
}

TEST(Evaluate, ArithmeticFailsOnOverflow) {
  EXPECT_EQ(value_of("9223372036854775807 + 1"), "error: the integer overflows");
  EXPECT_EQ(value_of("-9223372036854775808 - 1"), "error: the integer overflows");
  EXPECT_EQ(value_of("--9223372036854775808"), "error: the integer overflows");
  EXPECT_EQ(value_of("3037000500 * 3037000500"), "error: the integer overflows");
  EXPECT_EQ(value_of("2 * -3 - 4 + principal.age"), "20");
  EXPECT_EQ(value_of("1 + \"a\""), "error: `+` wants an integer, not a string");
}

TEST(Evaluate, OrderIsOfIntegersDatetimesAndDurations) {
  EXPECT_EQ(value_of("1 < 2 && 2 <= 2 && 3 > 2 && 2 >= 2"), "true");
  EXPECT_EQ(value_of("datetime(\"2024-01-01\") < datetime(\"2024-01-02\")"), "true");
  EXPECT_EQ(value_of("duration(\"1h\") >= duration(\"60m\")"), "true");
  EXPECT_EQ(value_of("1 < duration(\"1h\")"), "error: `<` wants an integer, not a duration");
  EXPECT_EQ(value_of("\"a\" < \"b\""),
            "error: `<` wants an integer, a datetime or a duration, not a string");
  EXPECT_EQ(value_of("decimal(\"1.0\") < decimal(\"2.0\")"),
            "error: `<` wants an integer, a datetime or a duration, not a decimal");
}

TEST(Evaluate, EqualityNeverFails) {
  EXPECT_EQ(value_of("1 == \"1\""), "false");
  EXPECT_EQ(value_of("[1, 2] == [2, 1, 1] && {a: 1} != {}"), "true");
  EXPECT_EQ(value_of("ip(\"10.0.0.0/8\") == ip(\"10.0.0.1/8\")"), "false");
}

TEST(Evaluate, InWantsEntities) {
  EXPECT_EQ(value_of("principal in Group::\"all\""), "true");
  EXPECT_EQ(value_of("principal in [Group::\"none\", principal]"), "true");
  EXPECT_EQ(value_of("principal in []"), "false");
  EXPECT_EQ(value_of("principal in [Group::\"all\", 1]"),
            "error: `in` wants only entities in the set on its right, not an integer");
  EXPECT_EQ(value_of("principal in [principal, principal.name]"),
            "error: `in` wants only entities in the set on its right, not a string");
  EXPECT_EQ(value_of("1 in principal"), "error: `in` wants an entity on its left, not an integer");
  EXPECT_EQ(value_of("Group::\"all\" in principal"), "false");
  EXPECT_EQ(value_of("principal is User in Group::\"all\""), "true");
  EXPECT_EQ(value_of("principal is Doc in 1"), "false");
  EXPECT_EQ(value_of("1 is Doc"), "error: `is` wants an entity, not an integer");
}

TEST(Evaluate, RangesWrittenOutAreAsThoseComputed) {
  // A range that is written out is looked at by a shorter way than one that is computed.
  for (const std::string range :
       {"ip(\"10.0.0.0/8\")", "(if context.mfa then ip(\"10.0.0.0/8\") else ip(\"::1\"))"}) {
    const auto in_range = [&](const std::string& what) {
      return value_of("(if context.mfa then " + what + " else 1).isInRange(" + range + ")");
    };
    EXPECT_EQ(in_range("ip(\"10.1.2.3\")"), "true") << range;
    EXPECT_EQ(in_range("ip(\"11.1.2.3\")"), "false") << range;
    EXPECT_EQ(in_range("ip(\"10.0.0.0/7\")"), "false") << range;
    EXPECT_EQ(in_range("ip(\"::1\")"), "false") << range;
    EXPECT_EQ(in_range("ip(principal.name)"), value_of("ip(principal.name)")) << range;
    EXPECT_THAT(in_range("principal.name"), testing::StartsWith("error: ")) << range;
    EXPECT_EQ(in_range("principal.nope"), "error: `User::\"alice\"` has no attribute `nope`")
        << range;
  }
}

TEST(Evaluate, AttributesAndTags) {
  EXPECT_EQ(value_of("resource.owner.address.city.zip"), "\"1234\"");
  EXPECT_EQ(value_of("principal has address.city.nope"), "false");
  EXPECT_EQ(value_of("principal has manager.nope"), "false");
  EXPECT_EQ(value_of("principal has nope.nope"), "false");
  EXPECT_EQ(value_of("User::\"eve\" has name"), "false");
  EXPECT_EQ(value_of("principal has name.nope"),
            "error: `has` wants an entity or a record, not a string");
  EXPECT_EQ(value_of("principal[\"name\"]"), "\"Alice\"");
  EXPECT_EQ(value_of("principal.nope"), "error: `User::\"alice\"` has no attribute `nope`");
  EXPECT_EQ(value_of("1.a"),
            "error: the attribute `a` wants an entity or a record, not an integer");
  EXPECT_EQ(value_of("principal.hasTag(\"team\") && !principal.hasTag(\"x\")"), "true");
  EXPECT_EQ(value_of("User::\"eve\".hasTag(\"x\")"), "false");
  EXPECT_EQ(value_of("principal.getTag(\"x\")"), "error: `User::\"alice\"` has no tag `x`");
  EXPECT_EQ(value_of("principal.getTag(1)"), "error: getTag wants a string, not an integer");
}

TEST(Evaluate, AttributesOfTheRequestAreThoseOfItsEntities) {
  // What is known of the request's entities is read by a shorter way than what is computed.
  for (const std::string variable : {"principal", "resource"}) {
    const std::string computed = "(if context.mfa then " + variable + " else action)";
    for (const std::string rest :
         {".name", ".owner", ".owner.name", ".owner == principal", ".nope", ".address.city",
          ".address.nope", ".name.nope", ".manager in principal", ".owner in Group::\"all\"",
          " has name", " has owner.name", ".roles.contains(\"dev\")", ".name like \"A*\""}) {
      EXPECT_EQ(value_of(variable + rest), value_of(computed + rest)) << variable + rest;
    }
  }
  const Response response = decide(
      "permit (principal, action, resource) when {\n"
      "  principal in principal.nope };\n"
      "permit (principal, action, resource) when {\n"
      "  1 == resource.owner.nope };");
  ASSERT_EQ(response.errors.size(), 2U);
  EXPECT_EQ(response.errors[0].error.text(),
            "p.cedar:2:16: `User::\"alice\"` has no attribute `nope`");
  EXPECT_EQ(response.errors[1].error.text(),
            "p.cedar:4:8: `User::\"alice\"` has no attribute `nope`");
}

TEST(Evaluate, InAnAttributeOfTheRequestAnswersAsAnyIn) {
  const Request stranger{EntityUid("User", "eve"), EntityUid("Action", "view"),
                         EntityUid("Doc", "new"), Value::record({{"mfa", Value::boolean(true)}})};
  const Entities known = entities();
  for (const Request& asked : {request(), stranger}) {
    const auto of = [&](const std::string& expression) {
      const Result<Value> value = evaluate(expression, asked, known);
      return value ? print(value->view()) : value.error().message;
    };
    for (const std::string left : {"principal", "resource"}) {
      for (const std::string from : {"principal", "resource"}) {
        for (const std::string name :
             {"manager", "owner", "friends", "roles", "name", "address", "nope"}) {
          const std::string computed = "(if context.mfa then " + from + " else action)." + name;
          const std::string attribute = from + "." + name;
          const std::string answer = of(left + " in " + attribute);
          const std::string other = of(left + " in " + computed);
          EXPECT_EQ(answer.substr(0, answer.find('\n')), other.substr(0, other.find('\n')))
              << left << " in " << attribute;
        }
      }
    }
  }
  EXPECT_EQ(value_of("principal in resource.owner"), "true");
  EXPECT_EQ(value_of("resource in principal.friends"), "true");
  EXPECT_EQ(value_of("resource in principal.manager"), "false");
  const Response response = decide(
      "permit (principal, action, resource) when {\n"
      "  true && resource in principal.name };\n"
      "permit (principal, action, resource) when {\n"
      "  true && resource in principal.roles };");
  ASSERT_EQ(response.errors.size(), 2U);
  EXPECT_EQ(response.errors[0].error.text(),
            "p.cedar:2:11: `in` wants an entity or a set of entities on its right, not a string");
  EXPECT_EQ(response.errors[1].error.text(),
            "p.cedar:4:11: `in` wants only entities in the set on its right, not a string");
}

TEST(Evaluate, Sets) {
  EXPECT_EQ(value_of("[1, \"a\", principal].contains(principal)"), "true");
  EXPECT_EQ(value_of("[1, 2].containsAll([]) && ![1].containsAll([1, 2])"), "true");
  EXPECT_EQ(value_of("[1, 2].containsAny([2, 3]) && ![1].containsAny([])"), "true");
  EXPECT_EQ(value_of("[].isEmpty() && ![1].isEmpty()"), "true");
  EXPECT_EQ(value_of("principal.contains(1)"), "error: contains wants a set, not an entity");
  EXPECT_EQ(value_of("[[principal.age], {a: principal}]"), "[[30], {\"a\": User::\"alice\"}]");
}

TEST(Evaluate, Extensions) {
  EXPECT_EQ(value_of("decimal(\"1.5\").lessThan(decimal(\"1.6\"))"), "true");
  EXPECT_EQ(value_of("datetime(\"2024-01-01\").offset(duration(\"1d\")).toDate()"),
            "datetime(\"2024-01-02T00:00:00.000Z\")");
  EXPECT_EQ(value_of("datetime(\"2024-01-02\").durationSince(datetime(\"2024-01-01\")).toHours()"),
            "24");
  EXPECT_EQ(value_of("duration(\"-1s1ms\").toSeconds()"), "-1");
  EXPECT_EQ(value_of("context.ip.isIpv4() && !context.ip.isLoopback()"), "true");
  EXPECT_EQ(value_of("ip(\"nope\")"), "error: \"nope\" is no ip");
  EXPECT_EQ(value_of("ip(\"1.2.3.4\", \"1.2.3.4\")"), "error: `ip` takes 1 argument, not 2");
  EXPECT_EQ(value_of("1.isIpv4()"), "error: isIpv4 wants an IP address, not an integer");
  EXPECT_EQ(value_of("datetime(\"9999-12-31\").offset(duration(\"9223372036854775807ms\"))"),
            "error: the offset leaves the range of datetime");
}

TEST(Evaluate, DeepestExpressionIsFine) {
  std::string text = "1";
  for (int i = 0; i < 190; ++i) text = "[" + text + "]";
  EXPECT_EQ(value_of(text + " == " + text), "true");
  std::string chain = "context.mfa";
  for (int i = 0; i < 10'000; ++i) chain += " && context.mfa";
  EXPECT_EQ(value_of(chain), "true");
}

TEST(Evaluate, NestingCostsNoMoreThanItsLength) {
  std::string lists = "principal";
  std::string types = "principal";
  for (int i = 0; i < 60; ++i) {
    lists = "[" + lists + "].contains(" + (i == 0 ? "principal" : "true") + ")";
    types = "(if " + types + " is User in User::\"alice\" then principal else principal)";
  }
  EXPECT_EQ(value_of(lists), "true");
  EXPECT_EQ(value_of(types), "User::\"alice\"");
}

TEST(Authorizer, ConditionsHoldFailOrDoNot) {
  auto set = PolicySet::parse(
      "permit (principal, action, resource) when { context.mfa };\n"
      "permit (principal, action, resource) unless { context.mfa };\n"
      "forbid (principal, action, resource) when { context.nothing };\n"
      "forbid (principal, action, resource);",
      "p");
  ASSERT_TRUE(set) << set.error().text();
  const CompiledPolicies policies(std::move(*set));
  const Entities known = entities();
  const Request asked = request();
  const detail::PlainContext context(asked.context);
  const RequestView view = detail::view_of(asked, context);
  EXPECT_EQ(conditions_hold(policies, 0, view, known), Holds::kYes);
  EXPECT_EQ(conditions_hold(policies, 1, view, known), Holds::kNo);
  EXPECT_EQ(conditions_hold(policies, 2, view, known), Holds::kFailed);
  EXPECT_EQ(conditions_hold(policies, 3, view, known), Holds::kYes);
}

TEST(Explain, NamesTheFirstReasonAgainst) {
  const CompiledPolicies policies = compile(R"(
    permit (principal == User::"bob", action == Action::"other", resource);
    permit (principal, action == Action::"other", resource == Doc::"other");
    permit (principal, action, resource == Doc::"other");
    permit (principal, action, resource)
    when { context.mfa }
    unless { principal.age > 20 };
    permit (principal, action, resource) when { true } when { context.nope > 1 };
    permit (principal, action, resource);)");
  const auto why = [&](std::size_t index) {
    return explain(policies, index, request(), entities());
  };
  EXPECT_EQ(why(0).outcome, Explanation::Outcome::kPrincipal);
  EXPECT_EQ(why(1).outcome, Explanation::Outcome::kAction);
  EXPECT_EQ(why(2).outcome, Explanation::Outcome::kResource);
  EXPECT_EQ(why(3).outcome, Explanation::Outcome::kCondition);
  EXPECT_EQ(why(3).condition, 1U);
  EXPECT_EQ(why(3).text, "unless { principal.age > 20 }");
  EXPECT_EQ(why(3).position.text(), "p.cedar:7:5");
  EXPECT_EQ(why(4).outcome, Explanation::Outcome::kError);
  EXPECT_EQ(why(4).message, "the record has no attribute `nope`");
  EXPECT_EQ(why(4).position.text(), "p.cedar:8:63");
  EXPECT_EQ(why(5).outcome, Explanation::Outcome::kSatisfied);
}

}  // namespace
}  // namespace writ::cedar
