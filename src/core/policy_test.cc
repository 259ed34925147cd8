#include "core/policy.h"

#include <gmock/gmock.h>

namespace writ::core {
namespace {

using testing::HasSubstr;

Error refused(const std::string& text) {
  const auto policies = compile_policies({{"team.cedar", text}});
  EXPECT_FALSE(policies) << text;
  return policies ? Error{} : policies.error();
}
bool accepted(const std::string& text) {
  const auto policies = compile_policies({{"team.cedar", text}});
  EXPECT_TRUE(policies) << (policies ? "" : policies.error().text());
  return policies.has_value();
}
// Permits with action request, with these annotations.
std::string offer(const std::string& annotations) {
  return "@id(\"o\") " + annotations +
         "\npermit (principal, action == Writ::Action::\"request\", resource);";
}

TEST(Policies, TheDefaultsCompile) {
  ASSERT_TRUE(accepted(default_policies()));
  EXPECT_TRUE(accepted(""));
}

TEST(Policies, ParseErrorsShowTheLineAndACaret) {
  const Error error = refused("@id(\"a\")\npermit (principal, action resource);");
  EXPECT_THAT(error.text(), HasSubstr("team.cedar:2:"));
  EXPECT_THAT(error.text(), HasSubstr("permit (principal, action resource);"));
  EXPECT_THAT(error.text(), HasSubstr("^"));
}

TEST(Policies, EveryPolicyHasAnIdOfItsOwn) {
  EXPECT_THAT(refused("permit (principal, action, resource);").text(), HasSubstr("@id"));
  EXPECT_THAT(refused("@id(\"\") permit (principal, action, resource);").text(), HasSubstr("@id"));
  const Error twice = refused(
      "@id(\"a\") permit (principal, action, resource);\n@id(\"a\") forbid (principal, action, "
      "resource);");
  EXPECT_THAT(twice.text(), HasSubstr("taken"));
  const auto files =
      compile_policies({{"a.cedar", "@id(\"a\") permit (principal, action, resource);"},
                        {"b.cedar", "\n@id(\"a\") permit (principal, action, resource);"}});
  ASSERT_FALSE(files);
  EXPECT_THAT(files.error().text(), HasSubstr("b.cedar:2:1"));
  EXPECT_THAT(files.error().text(), HasSubstr("a.cedar:1:1"));
}

TEST(Policies, UnknownAnnotationsSuggestTheNearest) {
  const Error error = refused(offer("\n@max_tll(\"1h\")"));
  EXPECT_THAT(error.text(), HasSubstr("team.cedar:2:1"));
  EXPECT_THAT(error.text(), HasSubstr("max_ttl"));
}

TEST(Policies, TermsAreChecked) {
  for (const char* bad :
       {"@max_ttl(\"30\")", "@max_ttl(\"-5m\")", "@max_ttl(\"9999h\")", "@max_ttl",
        "@step_up(\"15m\")", "@step_up(\"mfa:\")", "@approval(\"nobody\")",
        "@approval(\"0 of owner\")", "@approval(\"99 of owner\")", "@approval(\"1 of\")",
        "@approval(\"1 of Writ::User::\\\"x\\\"\")",
        "@approval(\"1 of owner; then 1 of owner after 30m\")", "@applies_to_break_glass"}) {
    EXPECT_THAT(refused(offer(bad)).text(), HasSubstr("team.cedar:1:")) << bad;
  }
  EXPECT_TRUE(accepted(offer(
      "@max_ttl(\"1h30m\") @step_up(\"mfa:15m\") @approval(\"2 of Writ::Group::\\\"dba\\\"\")")));
  EXPECT_TRUE(accepted(offer("@approval(\"none\") @description(\"why\")")));
}

TEST(Policies, TermsStandOnOffersOnly) {
  EXPECT_THAT(refused("@id(\"a\") @max_ttl(\"1h\") permit (principal, action, resource);").text(),
              HasSubstr("offers only"));
}

TEST(Policies, UnknownActionsAndTypesSuggestTheNearest) {
  EXPECT_THAT(
      refused("@id(\"a\") permit (principal, action == Writ::Action::\"conect\", resource);")
          .text(),
      HasSubstr("connect"));
  EXPECT_THAT(
      refused("@id(\"a\") permit (principal, action in [Writ::Action::\"reqest\"], resource);")
          .text(),
      HasSubstr("request"));
  EXPECT_THAT(
      refused("@id(\"a\") permit (principal in Writ::Grup::\"x\", action, resource);").text(),
      HasSubstr("Writ::Group"));
  EXPECT_THAT(refused("@id(\"a\") permit (principal, action, resource) when { action == "
                      "Writ::Action::\"aprove\" };")
                  .text(),
              HasSubstr("approve"));
  EXPECT_TRUE(
      accepted("@id(\"a\") permit (principal, action == Todo::Action::\"anything\", resource);"));
}

TEST(Policies, OffersReadOnlyWhatAGrantRecords) {
  EXPECT_THAT(refused(offer("").substr(0, offer("").size() - 1) +
                      "\nwhen { context.source_ip.isLoopback() };")
                  .text(),
              HasSubstr("team.cedar:3:1"));
  EXPECT_TRUE(
      accepted(offer("").substr(0, offer("").size() - 1) +
               " when { context.auth.mfa_age < duration(\"5m\") && context.approvals > 0 };"));
}

TEST(Policies, TemplatesAreRefused) {
  EXPECT_THAT(refused("@id(\"a\") permit (principal == ?principal, action, resource);").text(),
              HasSubstr("template"));
}

TEST(Terms, AreDescribedInALine) {
  Terms terms{std::chrono::minutes(45), std::chrono::minutes(15), 1, "group:dba"};
  EXPECT_EQ(describe(terms), "at most 45m, a one-time code from the last 15m, one approval by dba");
  terms = {std::chrono::hours(1), std::nullopt, 0, ""};
  EXPECT_EQ(describe(terms), "at most 1h, no approval");
}

TEST(Terms, WhatIsTooLongIsSaidWithTheMost) {
  EXPECT_EQ(too_long(std::chrono::hours(2), std::chrono::minutes(45)),
            "2h is too long; on these terms it is at most 45m");
  EXPECT_EQ(too_long(Millis::max(), std::chrono::minutes(45)),
            "366d is too long; on these terms it is at most 45m");
}

}  // namespace
}  // namespace writ::core
