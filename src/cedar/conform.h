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

enum class ConformTo : std::uint8_t {
  kDecisions,
  // Besides: that the policies validate where the test says so and nowhere else, that entities and
  // requests are valid, and what files NAME.validation.json recorded for the test NAME.json.
  kDecisionsAndValidation,
};

// Runs every test below `folder`, in the order of their paths. The files that a test names are
// sought from its folder and every one above, and beside it. Fails when the folder holds no test.
//
// Since version 4.13 of Cedar a policy to which no action applies is a warning, before it was an
// error. A test agrees when its verdict is right for one of the two.
Result<ConformResult> run_conformance(const std::string& folder,
                                      ConformTo to = ConformTo::kDecisions);

}  // namespace writ::cedar
