#include "core/invariant.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/policy.h"

namespace writ::core {
namespace {

using ::testing::HasSubstr;

Result<Invariants> parse(std::string text) {
  return parse_invariants(
      {{"policies.cedar", "this is no policy"}, {"org.invariants.cedar", std::move(text)}});
}

TEST(Invariants, AreReadFromTheirFilesAlone) {
  const auto made = parse(R"(
    @invariant("nobody lists") forbid (principal, action == Writ::Action::"list", resource);
    @invariant("no forbid can fail") @about("errors") forbid (principal, action, resource);)");
  ASSERT_TRUE(made) << made.error().text();
  ASSERT_EQ(made->list.size(), 2U);
  EXPECT_EQ(made->list[0].text, "nobody lists");
  EXPECT_FALSE(made->list[0].about_errors);
  EXPECT_TRUE(made->list[1].about_errors);
}

TEST(Invariants, AreNoPolicies) {
  const auto policies = compile_policies(
      {{"a.invariants.cedar", "@invariant(\"open\") permit (principal, action, resource);"}});
  ASSERT_TRUE(policies) << policies.error().text();
  EXPECT_EQ((*policies)->others.policies.size(), 0U);
  EXPECT_TRUE((*policies)->givers.empty());
}

TEST(Invariants, AreRefusedWithTheirPlace) {
  const auto refused = [](std::string text, const std::string& where, const std::string& why) {
    const auto made = parse(std::move(text));
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().code, Code::kInvalid);
    EXPECT_EQ(made.error().where, "org.invariants.cedar:" + where);
    EXPECT_THAT(made.error().message, HasSubstr(why));
    // A set with such a file is refused as a whole.
    EXPECT_FALSE(
        compile_policies({{"org.invariants.cedar", "forbid (principal, action, resource);"}}));
  };
  refused("forbid (principal, action, resource);", "1:1", "@invariant");
  refused("@invariant(\"\") forbid (principal, action, resource);", "1:1", "@invariant");
  refused("@invariant(\"a\")\n@abuot(\"errors\") forbid (principal, action, resource);", "2:1",
          "about");
  refused("@invariant(\"a\") @about(\"x\") forbid (principal, action, resource);", "1:17",
          "errors");
  refused("@invariant(\"a\") @about(\"errors\") permit (principal, action, resource);", "1:17",
          "forbid");
  refused("@invariant(\"a\") forbid (principal == ?principal, action, resource);", "1:1", "slots");
  refused(
      "@invariant(\"a\") forbid (principal, action, resource);\n"
      "@invariant(\"a\") permit (principal, action, resource);",
      "2:1", "org.invariants.cedar:1:1");
}

}  // namespace
}  // namespace writ::core
