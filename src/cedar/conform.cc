#include "cedar/conform.h"

#include <algorithm>
#include <map>

#include "base/file.h"
#include "cedar/conform_case.h"

namespace writ::cedar {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostBytes = 64 << 20;
constexpr std::string_view kRecorded = ".validation.json";

Result<Json> read_json(const fs::path& path) {
  TRY(text, read_file(path.string(), kMostBytes));
  return parse_json(text, JsonLimits{kMostBytes, 64, 8'000'000}, path.string());
}

struct Found {
  std::vector<fs::path> tests;               // JSON files that may be tests, sorted
  std::map<std::string, fs::path> recorded;  // by name of the test
};

Result<Found> find_files(const std::string& folder) {
  Found found;
  std::error_code problem;
  const fs::path root = fs::absolute(folder, problem);
  for (fs::recursive_directory_iterator at(root, problem), end; !problem && at != end;
       at.increment(problem)) {
    const std::string name = at->path().filename().string();
    if (name.ends_with(kRecorded)) {
      found.recorded.emplace(name.substr(0, name.size() - kRecorded.size()), at->path());
    } else if (name.ends_with(".json") && !name.ends_with("entities.json") &&
               !name.ends_with(".cedarschema.json")) {
      found.tests.push_back(at->path());
    }
  }
  if (problem) return fail(Code::kNotFound, problem.message(), folder);
  std::sort(found.tests.begin(), found.tests.end());
  return found;
}

std::vector<ConformFailure> run_test(const fs::path& path, const Result<Json>& json,
                                     const Found& found, ConformTo to) {
  if (!json) return {{path.string(), "", json.error().text()}};
  const Result<ConformCase> test = read_case(path, *json);
  if (!test) return {{path.string(), "", test.error().text()}};
  std::vector<ConformFailure> failures = check_decisions(*test);
  if (to == ConformTo::kDecisions) return failures;
  const auto add = [&](std::vector<ConformFailure> more) {
    failures.insert(failures.end(), more.begin(), more.end());
  };
  add(check_validation(*test));
  const auto at = found.recorded.find(path.stem().string());
  if (at == found.recorded.end()) return failures;
  const Result<Json> recorded = read_json(at->second);
  add(recorded ? check_recorded(*test, at->second, *recorded)
               : std::vector<ConformFailure>{{at->second.string(), "", recorded.error().text()}});
  return failures;
}

}  // namespace

Result<ConformResult> run_conformance(const std::string& folder, ConformTo to) {
  TRY(found, find_files(folder));
  ConformResult result;
  for (const fs::path& path : found.tests) {
    const Result<Json> json = read_json(path);
    if (json && json->find("requests") == nullptr) continue;  // some other JSON
    const std::vector<ConformFailure> failures = run_test(path, json, found, to);
    ++(failures.empty() ? result.passed : result.failed);
    result.failures.insert(result.failures.end(), failures.begin(), failures.end());
  }
  if (result.passed + result.failed == 0) {
    return fail(Code::kNotFound, "there is no test below this folder", folder);
  }
  return result;
}

}  // namespace writ::cedar
