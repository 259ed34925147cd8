// Runs tests in the format of Cedar's integration tests: JSON files that name a policy file, an
// entity file and requests with their expected decision, reason and errors. Reads files.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/result.h"

namespace writ::cedar {

struct ConformFailure {
  std::string test;     // path of the test's JSON
  std::string request;  // its description; empty when the test could not be read
  std::string message;  // what was wanted and what came
};

struct ConformResult {
  std::size_t passed = 0;  // tests, not requests
  std::size_t failed = 0;
  std::vector<ConformFailure> failures;
};

// Runs every test below `folder`, in the order of their paths. The files that a test names are
// sought from its folder and every one above, and beside it. The schema only tells how JSON is to
// be read; requests are not validated against it. Fails when the folder holds no test.
Result<ConformResult> run_conformance(const std::string& folder);

}  // namespace writ::cedar
