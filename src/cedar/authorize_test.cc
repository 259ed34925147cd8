#include "cedar/authorize.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <new>
#include <thread>

#include "cedar/evaluation.h"
#include "cedar/request_for_test.h"
#include "cedar/uids_for_test.h"

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
using testing::IsEmpty;

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

TEST(Authorizer, ChosenIdsDoNotMakePoliciesSlow) {
  // All of one hash: an index that looked at each of them would take long here.
  const std::vector<EntityUid> uids = uids_of_one_hash(100'000);
  const PolicySet any = PolicySet::parse("permit (principal, action, resource);").value();
  PolicySet set;
  for (std::size_t i = 0; i < uids.size(); ++i) {
    Policy policy = any.policies().front();
    policy.id = std::to_string(i);
    policy.resource = {.shape = Constraint::Shape::kEq, .uids = {uids[i]}};
    if (i % 2 == 1) policy.action = {.shape = Constraint::Shape::kEq, .uids = {uids[i]}};
    ASSERT_TRUE(set.add(std::move(policy)));
  }
  const CompiledPolicies policies(std::move(set));
  const EntityUid someone("User", "alice");
  const Entities none;
  for (std::uint32_t i = 0; i < uids.size(); ++i) {
    const Response response = authorize(policies, {someone, uids[i], uids[i]}, none);
    ASSERT_THAT(response.reasons, ElementsAre(i));
  }
  // One policy of many actions.
  PolicySet listed;
  Policy policy = any.policies().front();
  policy.action = {.shape = Constraint::Shape::kIn, .list = true, .uids = uids};
  ASSERT_TRUE(listed.add(std::move(policy)));
  const CompiledPolicies one(std::move(listed));
  for (const EntityUid& uid : uids) {
    ASSERT_THAT(authorize(one, {someone, uid, uid}, none).reasons, ElementsAre(0));
  }
  EXPECT_THAT(authorize(one, {someone, someone, someone}, none).reasons, IsEmpty());
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
