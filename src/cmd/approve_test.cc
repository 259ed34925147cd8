// What an approver is shown, and differences between policies.
#include <gtest/gtest.h>

#include "cmd/statement.h"

namespace writ::cmd {
namespace {

TEST(UnifiedDiff, ShowsWhatChangedWithContext) {
  EXPECT_EQ(
      unified_diff("a\nb\nc\nd\ne\nf\ng\n", "a\nb\nc\nD\ne\nf\ng\n", "p.cedar"),
      "--- p.cedar (in force)\n+++ p.cedar\n@@ -1,7 +1,7 @@\n a\n b\n c\n-d\n+D\n e\n f\n g\n");
  EXPECT_EQ(unified_diff("a\n", "a\n", "p"), "");
  EXPECT_EQ(unified_diff("", "a\n", "p"), "--- p (in force)\n+++ p\n@@ -0,0 +1,1 @@\n+a\n");
  EXPECT_EQ(unified_diff("a\n", "", "p"), "--- p (in force)\n+++ p\n@@ -1,1 +0,0 @@\n-a\n");
}

TEST(UnifiedDiff, SeparatesDistantPlaces) {
  std::string before;
  for (int i = 1; i <= 30; ++i) before += std::to_string(i) + "\n";
  std::string after = before;
  after.replace(after.find("\n3\n"), 3, "\nthree\n");
  after.replace(after.find("\n27\n"), 4, "\n");
  const std::string diff = unified_diff(before, after, "p");
  EXPECT_NE(diff.find("@@ -1,6 +1,6 @@\n"), std::string::npos) << diff;
  EXPECT_NE(diff.find("@@ -24,7 +24,6 @@\n"), std::string::npos) << diff;
}

TEST(ShowStatement, APolicyChangeIsADifference) {
  const auto statement = *parse_json(R"({"statement":"writ approval 1","trust_domain":"t",
      "approver":"idn_2","decision":"approve","policy_version":3,
      "change":{"id":"chg_1","proposer":"idn_1","verb":"apply_policy","opened":"x","until":"y",
                "body":{"hash":"0f1e"}}})");
  Told told;
  told.names["idn_1"] = "alice";
  told.policies["a.cedar"] = "permit(principal);\n";
  told.policies["gone.cedar"] = "forbid(principal);\n";
  told.policies["same.cedar"] = "as before\n";
  told.files = {{"a.cedar", "permit(principal);\nnew line\n"},
                {"same.cedar", "as before\n"},
                {"b.cedar", "added file\n"}};
  const std::string shown = show_statement(statement, told, {});
  for (const char* part : {"alice (idn_1)", "apply_policy", "+new line", "b.cedar, a new file",
                           "added file", "gone.cedar, goes away", "-forbid(principal);",
                           "policy version  3", "0f1e", "1 file stays as it is in force"}) {
    EXPECT_NE(shown.find(part), std::string::npos) << part << "\n" << shown;
  }
}

TEST(ShowStatement, WithoutPoliciesInForceTheWholeTextIsShown) {
  const auto statement =
      *parse_json(R"({"change":{"id":"c","verb":"apply_policy","body":{"hash":"0f1e"}}})");
  Told told;
  told.files = {{"a", "l1\nl2\n"}};
  const std::string shown = show_statement(statement, told, {});
  EXPECT_NE(shown.find("a, the whole text:\n  l1\n  l2\n"), std::string::npos) << shown;
}

TEST(ShowStatement, MembersThatItDoesNotKnowAreShownToo) {
  const auto statement = *parse_json(
      R"({"request":{"id":"r","odd":{"deep":["x","y"]}},"entitlement":{"name":"e","privileges":["ALL"]},
          "resource":{"name":"db"},"extra":"seen"})");
  const std::string shown = show_statement(statement, {}, {});
  for (const char* part : {"x, y", "ALL", "db", "seen"}) {
    EXPECT_NE(shown.find(part), std::string::npos) << part << "\n" << shown;
  }
}

}  // namespace
}  // namespace writ::cmd
