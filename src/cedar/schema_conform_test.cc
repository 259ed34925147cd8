// The schemas of the public corpus: both forms agree, and each converts to the other and back.
#include <gtest/gtest.h>

#include "base/file.h"
#include "cedar/conformance_for_test.h"
#include "cedar/schema.h"

namespace writ::cedar {
namespace {

namespace fs = std::filesystem;

// Empty when all is well.
std::string check(const fs::path& cedar_file, const fs::path& json_file) {
  const auto text = read_file(cedar_file.string());
  const auto json_text = read_file(json_file.string());
  if (!text || !json_text) return "a file is missing";
  const auto cedar = parse_schema(*text, cedar_file.string());
  if (!cedar) return cedar.error().text();
  const auto json = parse_schema_json(*json_text, json_file.string());
  if (!json) return json.error().text();
  const auto wanted = Schema::resolve(*cedar);
  if (!wanted) return wanted.error().text();
  const auto got = Schema::resolve(*json);
  if (!got) return got.error().text();
  if (!(*wanted == *got)) return "the two forms differ";

  const auto printed = print(*json);
  if (!printed) return printed.error().text();
  const auto reread = Schema::parse(*printed, "printed");
  if (!reread) return reread.error().text();
  if (!(*reread == *wanted)) return "printed in Cedar syntax it differs";
  const auto converted = schema_from_json(to_json(*cedar));
  if (!converted) return converted.error().text();
  const auto again = Schema::resolve(*converted);
  if (!again) return again.error().text();
  if (!(*again == *wanted)) return "converted to JSON it differs";
  if (print(*converted).value() != print(*cedar).value()) return "JSON and back differs";
  return "";
}

TEST(SchemaConformance, BothFormsAgreeAndConvert) {
  const auto folder = cedar_conformance();
  if (!folder) GTEST_SKIP() << "no conformance data; set WRIT_CONFORMANCE to its folder";
  const auto unpacked = unpacked_conformance();
  ASSERT_TRUE(unpacked);
  std::size_t agreed = 0;
  std::size_t failed = 0;
  for (const auto& entry : fs::directory_iterator(*unpacked / "json-schemas")) {
    const fs::path name = entry.path().stem();  // NAME.cedarschema
    const std::string problem = check(*unpacked / "corpus" / name, entry.path());
    ++(problem.empty() ? agreed : failed);
    if (!problem.empty() && failed <= 10) ADD_FAILURE() << name << ": " << problem;
  }
  EXPECT_EQ(agreed, 5870U);
  EXPECT_EQ(failed, 0U);
}

}  // namespace
}  // namespace writ::cedar
