#include "cedar/conform.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <optional>

#include "base/file.h"
#include "cedar/authorize.h"
#include "cedar/conformance_for_test.h"

namespace writ::cedar {
namespace {

namespace fs = std::filesystem;

std::string summary(const Result<ConformResult>& result) {
  if (!result) return result.error().text();
  std::string out;
  for (std::size_t i = 0; i < result->failures.size() && i < 10; ++i) {
    out += result->failures[i].test + ": " + result->failures[i].message + "\n";
  }
  return out;
}

class Conformance : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = cedar_conformance();
    if (!folder_) GTEST_SKIP() << "no conformance data; set WRIT_CONFORMANCE to its folder";
  }
  std::optional<fs::path> folder_;
};

TEST_F(Conformance, EveryHandWrittenTestPasses) {
  const auto result = run_conformance((*folder_ / "tests").string());
  EXPECT_EQ(summary(result), "");
  EXPECT_EQ(result->passed, 22U);
}

TEST_F(Conformance, EveryTestOfTheCorpusPassesAndEveryPolicyPrintsAndParsesBack) {
  const auto unpacked = unpacked_conformance();
  ASSERT_TRUE(unpacked);
  const auto result = run_conformance(unpacked->string());
  EXPECT_EQ(summary(result), "");
  EXPECT_EQ(result->passed, 5916U);

  std::size_t count = 0;
  for (const auto& entry : fs::recursive_directory_iterator(*unpacked)) {
    if (entry.path().extension() != ".cedar") continue;
    const auto set = PolicySet::parse(*read_file(entry.path().string()), entry.path().string());
    ASSERT_TRUE(set) << set.error().text();
    for (const Policy& policy : set->policies()) {
      const std::string printed = print(policy);
      const auto again = PolicySet::parse(printed, "printed");
      ASSERT_TRUE(again) << again.error().text();
      EXPECT_EQ(print(again->policies()[0]), printed);
      ++count;
    }
  }
  EXPECT_EQ(count, 5916U);
}

TEST_F(Conformance, EveryVerdictOfValidationAgrees) {
  const auto unpacked = unpacked_conformance();
  ASSERT_TRUE(unpacked);
  const auto result = run_conformance(unpacked->string(), ConformTo::kDecisionsAndValidation);
  EXPECT_EQ(summary(result), "");
  EXPECT_EQ(result->passed, 5916U);
}

TEST_F(Conformance, EveryHandWrittenTestValidates) {
  const auto result =
      run_conformance((*folder_ / "tests").string(), ConformTo::kDecisionsAndValidation);
  EXPECT_EQ(summary(result), "");
  EXPECT_EQ(result->passed, 22U);
}

TEST(Conform, ReportsWhatDiffers) {
  const ScratchFolder folder;
  const auto write = [&](const std::string& name, std::string_view text) {
    ASSERT_TRUE(write_file((folder.path() / name).string(), text));
  };
  write("p.cedar", "permit (principal, action, resource) when { context.x == 1 };");
  write("e.entities.json", "[]");
  write("s.cedarschema", "");
  write("t.json", R"({"policies": "gone/p.cedar", "entities": "e.entities.json",
    "schema": "s.cedarschema", "shouldValidate": false, "requests": [
      {"description": "one", "principal": {"type": "U", "id": "a"},
       "action": {"type": "Action", "id": "b"}, "resource": {"type": "R", "id": "c"},
       "context": {}, "decision": "allow", "reason": ["policy0"], "errors": []},
      {"description": "two", "principal": {"type": "U", "id": "a"},
       "action": {"type": "Action", "id": "b"}, "resource": {"type": "R", "id": "c"},
       "context": {"x": 1}, "decision": "allow", "reason": ["policy0"], "errors": []}]})");
  write("broken.json", "{");
  const auto result = run_conformance(folder.path().string());
  ASSERT_TRUE(result) << result.error().text();
  EXPECT_EQ(result->passed, 0U);
  EXPECT_EQ(result->failed, 2U);
  ASSERT_EQ(result->failures.size(), 2U);
  EXPECT_NE(result->failures[0].test.find("broken.json"), std::string::npos);
  EXPECT_EQ(result->failures[1].request, "one");
  EXPECT_EQ(result->failures[1].message.substr(0, 103),
            "decision should be allow and is deny; reason should be [policy0] and is []; "
            "errors should be [] and is ");
}

TEST(Conform, AFolderWithoutTestsIsAnError) {
  const ScratchFolder folder;
  EXPECT_FALSE(run_conformance(folder.path().string()));
  EXPECT_FALSE(run_conformance((folder.path() / "none").string()));
}

}  // namespace
}  // namespace writ::cedar
