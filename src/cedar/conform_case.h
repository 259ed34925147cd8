// One conformance test, read from its files.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/json_fields.h"
#include "cedar/authorize.h"
#include "cedar/conform.h"
#include "cedar/schema.h"
#include "cedar/validate.h"

namespace writ::cedar {

struct ConformRequest {
  std::string description;
  Json principal, action, resource, context;
  std::string decision;
  std::vector<std::string> reason, errors;
  std::optional<bool> validateRequest;  // as the format spells it
};

struct ConformCase {
  std::filesystem::path path;
  bool should_validate = false;
  std::vector<ConformRequest> requests;
  PolicySet policies;
  Schema schema;
  Entities entities;
};

// `json` is what the file at `path` holds.
Result<ConformCase> read_case(const std::filesystem::path& path, const Json& json);
Result<Request> read_request(const ConformRequest& wanted, const Schema& schema);

// What differs from the test; empty when nothing does.
std::vector<ConformFailure> check_decisions(const ConformCase& test);
std::vector<ConformFailure> check_validation(const ConformCase& test);
// And from the results in a NAME.validation.json for it.
std::vector<ConformFailure> check_recorded(const ConformCase& test,
                                           const std::filesystem::path& path, const Json& recorded);

}  // namespace writ::cedar
