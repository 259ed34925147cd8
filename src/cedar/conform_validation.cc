// Validation against what conformance tests want and what other validators recorded.
#include <algorithm>

#include "cedar/conform_case.h"

namespace writ::cedar {
namespace {

namespace fs = std::filesystem;

std::string verdict(bool valid) {
  return valid ? "valid" : "invalid";
}

// Whether a verdict is right before version 4.13 or since. `policy` empty for the whole set.
bool agrees(const Validation& validation, bool wanted, std::string_view policy = {}) {
  const auto concerns = [&](const Finding& each) {
    return policy.empty() || each.policy == policy;
  };
  const bool since = std::none_of(validation.errors.begin(), validation.errors.end(), concerns);
  const bool before =
      since && std::none_of(validation.warnings.begin(), validation.warnings.end(),
                            [&](const Finding& each) {
                              return concerns(each) &&
                                     each.kind == Finding::Kind::kNoApplicableAction;
                            });
  return wanted == since || wanted == before;
}

std::string disagreement(const Validation& validation, bool wanted) {
  std::string made = "the policies should be " + verdict(wanted) + " and are " + verdict(!wanted);
  for (const Finding& each : validation.errors) made += "; " + each.error.text();
  return made;
}

// Reads the verdicts that a file recorded for one mode.
class Recorded {
 public:
  Recorded(const ConformCase& test, const fs::path& path, const Json& json)
      : test_(test), path_(path.string()), json_(json) {}

  std::vector<ConformFailure> check() {
    policies("strict", ValidationMode::kStrict);
    policies("permissive", ValidationMode::kPermissive);
    entities();
    requests();
    return std::move(failures_);
  }

 private:
  void complain(std::string what, std::string message) {
    failures_.push_back({path_, std::move(what), std::move(message)});
  }
  static const bool* flag(const Json* json, std::string_view name) {
    const Json* member = json == nullptr ? nullptr : json->find(name);
    return member == nullptr ? nullptr : member->as_bool();
  }

  void policies(std::string_view name, ValidationMode mode) {
    const Json* all = json_.find("policyValidation");
    const bool* wanted = flag(all, name);
    const Json* each = all == nullptr ? nullptr : all->find("perPolicy");
    if (wanted == nullptr || each == nullptr || each->as_object() == nullptr) {
      return complain("", "policyValidation is not as expected");
    }
    const auto validation = validate(test_.schema, test_.policies, {.mode = mode});
    if (!validation) return complain(std::string(name), validation.error().text());
    if (!agrees(*validation, *wanted)) {
      complain(std::string(name), disagreement(*validation, *wanted));
    }
    for (const JsonMember& member : *each->as_object()) {
      const bool* of_policy = flag(&member.second, name);
      if (of_policy == nullptr || !agrees(*validation, *of_policy, member.first)) {
        complain(std::string(name) + " " + member.first, "the policy's verdict differs");
      }
    }
  }

  void entities() {
    const Json* all = json_.find("entityValidation");
    const Json* each = all == nullptr ? nullptr : all->find("perEntity");
    if (each == nullptr || each->as_object() == nullptr) {
      return complain("", "entityValidation is not as expected");
    }
    for (const JsonMember& member : *each->as_object()) {
      const JsonObject* errors = member.second.as_object();
      const Status got = entity(member.first);
      if (errors == nullptr || got.has_value() != errors->empty()) {
        complain(member.first, "the entity should be " +
                                   verdict(errors != nullptr && errors->empty()) +
                                   (got ? "" : "; " + got.error().text()));
      }
    }
  }

  // By `Type::id` without quotes. Actions are the schema's.
  Status entity(const std::string& name) const {
    for (const Entity& each : test_.entities) {
      if (std::string(each.uid.type()) + "::" + std::string(each.uid.id()) == name) {
        return validate(test_.schema, each);
      }
    }
    for (const auto& [uid, action] : test_.schema.actions()) {
      if (std::string(uid.type()) + "::" + std::string(uid.id()) == name) return {};
    }
    return fail(Code::kNotFound, "there is no entity `" + name + "`");
  }

  void requests() {
    const Json* all = json_.find("requestValidation");
    const JsonArray* each = all == nullptr ? nullptr : all->as_array();
    if (each == nullptr || each->size() != test_.requests.size()) {
      return complain("", "requestValidation is not as expected");
    }
    for (std::size_t i = 0; i < each->size(); ++i) {
      const bool* strict = flag(&(*each)[i], "strict");
      const bool* permissive = flag(&(*each)[i], "permissive");
      const auto request = read_request(test_.requests[i], test_.schema);
      const Status got = request ? validate(test_.schema, *request) : Status(fail(request));
      // A request is valid or not, whatever the mode.
      if (strict == nullptr || permissive == nullptr || *strict != got.has_value() ||
          *permissive != got.has_value()) {
        complain(test_.requests[i].description,
                 got ? "the request should be invalid" : got.error().text());
      }
    }
  }

  const ConformCase& test_;
  std::string path_;
  const Json& json_;
  std::vector<ConformFailure> failures_;
};

}  // namespace

std::vector<ConformFailure> check_validation(const ConformCase& test) {
  std::vector<ConformFailure> failures;
  const auto complain = [&](std::string what, std::string message) {
    failures.push_back({test.path.string(), std::move(what), std::move(message)});
  };
  const auto validation = validate(test.schema, test.policies);
  if (!validation) {
    complain("", validation.error().text());
  } else if (!agrees(*validation, test.should_validate)) {
    complain("", disagreement(*validation, test.should_validate));
  }
  if (const Status valid = validate(test.schema, test.entities); !valid) {
    complain("entities", valid.error().text());
  }
  for (const ConformRequest& each : test.requests) {
    if (!each.validateRequest.value_or(true)) continue;
    const auto request = read_request(each, test.schema);
    const Status valid = request ? validate(test.schema, *request) : Status(fail(request));
    if (!valid) complain(each.description, valid.error().text());
  }
  return failures;
}

std::vector<ConformFailure> check_recorded(const ConformCase& test, const fs::path& path,
                                           const Json& recorded) {
  return Recorded(test, path, recorded).check();
}

}  // namespace writ::cedar
