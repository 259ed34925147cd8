#include "core/policy_check.h"

#include <algorithm>

#include "cedar/schema_syntax.h"
#include "cedar/validate.h"
#include "core/application.h"
#include "core/invariant.h"
#include "core/scenario.h"

namespace writ::core {
namespace {

constexpr std::size_t kMostWarnings = 1000;

// One error that shows several.
Error together(const std::vector<PolicyFinding>& findings) {
  Error first = findings.front().error;
  for (std::size_t i = 1; i < findings.size() && i < kMostErrorsShown; ++i) {
    first.message += "\n" + findings[i].error.text();
  }
  if (findings.size() > kMostErrorsShown) {
    first.message += "\nand " + std::to_string(findings.size() - kMostErrorsShown) + " more errors";
  }
  return first;
}

// As written: what compiling keeps, has lost the scopes that it was sorted by.
Result<cedar::PolicySet> all_policies(const std::vector<PolicyFile>& files) {
  cedar::PolicySet set;
  for (const PolicyFile& file : files) {
    if (kind_of(file) != PolicyFileKind::kPolicies) continue;
    TRY(parsed, cedar::PolicySet::parse(file.text, file.name, {.ids = cedar::Ids::kAnnotation}));
    CHECK_OK(set.merge(parsed));
  }
  return set;
}

// A permit of requesting that is no offer: nothing can be asked for by it. One whose scope names no
// action is of all the others.
std::optional<PolicyFinding> offers_nothing(const cedar::Policy& policy) {
  static const cedar::EntityUid& requesting = action_named("request")->entity.uid;
  const cedar::Constraint& scope = policy.action;
  const bool named =
      std::find(scope.uids.begin(), scope.uids.end(), requesting) != scope.uids.end();
  if (policy.effect != cedar::Effect::kPermit || !named ||
      scope.shape == cedar::Constraint::Shape::kEq) {
    return std::nullopt;
  }
  return PolicyFinding{
      "no_offer",
      policy.source->error(
          scope.begin,
          "this is no offer, so nothing can be requested by it: an offer is a permit with "
          "action == Writ::Action::\"request\" and no other action; write it as a policy of its "
          "own")};
}

// Sets that were in force before this was checked hold such actions, and are folded still.
Status check_actions(const std::vector<PolicyFile>& files) {
  for (const PolicyFile& file : files) {
    if (kind_of(file) != PolicyFileKind::kSchema) continue;
    TRY(syntax, cedar::parse_schema(file.text, file.name));
    for (const cedar::SchemaNamespace& space : syntax.namespaces) {
      for (const cedar::SchemaAction& action : space.actions) {
        const std::string& name = action.name.name;
        if (!name.empty() && name.find("::") == std::string::npos) continue;
        Error error = syntax.error(action.name.place,
                                   "no door can ask for this action: its name is empty, or has the "
                                   "`::` in it that stands behind a namespace");
        return fail(Code::kInvalid, error.message, error.where);
      }
    }
  }
  return {};
}

Status check_entities(const std::vector<PolicyFile>& files, const cedar::Schema& schema) {
  for (const PolicyFile& file : files) {
    if (kind_of(file) != PolicyFileKind::kEntities) continue;
    TRY(entities, application_entities({file}, &schema));
    for (const cedar::Entity& entity : entities) {
      const Status valid = cedar::validate(schema, entity);
      if (valid) continue;
      return fail(Code::kInvalid, valid.error().text(), place_of(entity.uid, file));
    }
  }
  return {};
}

PolicyFinding finding(const Error& error) {
  return {std::string(code_name(error.code)), error};
}

PolicyFindings validated(const std::vector<PolicyFile>& files, std::string hash) {
  PolicyFindings made;
  const auto take = [&](const cedar::Validation& validation) {
    for (const cedar::Finding& each : validation.errors) {
      made.errors.push_back({std::string(name_of(each.kind)), each.error});
    }
    for (const cedar::Finding& each : validation.warnings) {
      if (made.warnings.size() == kMostWarnings) break;
      made.warnings.push_back({std::string(name_of(each.kind)), each.error});
    }
  };
  const auto look = [&]() -> Status {
    TRY(policies, compile_policies(files, std::move(hash)));
    made.policies = policies;
    const cedar::Schema& schema = policies->schema();
    TRY(written, all_policies(files));
    TRY(validation, cedar::validate(schema, written));
    take(validation);
    for (const cedar::Policy& policy : written.policies()) {
      if (made.warnings.size() == kMostWarnings) break;
      if (auto found = offers_nothing(policy)) made.warnings.push_back(std::move(*found));
    }
    // One that covers no request holds whatever the policies say.
    TRY(invariants, parse_invariants(files));
    TRY(covered, cedar::validate(schema, invariants.statements));
    take(covered);
    CHECK_OK(check_actions(files));
    return check_entities(files, schema);
  };
  if (const Status done = look(); !done) made.errors.push_back(finding(done.error()));
  return made;
}

std::vector<PolicyFinding> failed_scenarios(const std::vector<PolicyFile>& files,
                                            const std::shared_ptr<const Policies>& policies) {
  std::vector<PolicyFinding> made;
  for (const PolicyFile& file : files) {
    if (kind_of(file) != PolicyFileKind::kScenarios) continue;
    const auto results = run_scenarios(file, policies);
    if (!results) {
      made.push_back(finding(results.error()));
      continue;
    }
    for (const ScenarioResult& result : *results) {
      if (result.failure.empty()) continue;
      std::string message = "\"" + result.name + "\": " + result.failure;
      made.push_back({"scenario", {Code::kInvalid, std::move(message), result.place}});
    }
  }
  return made;
}

Result<CheckedPolicies> checked(PolicyFindings found) {
  if (!found.errors.empty()) return tl::unexpected<Error>(together(found.errors));
  CheckedPolicies made{std::move(found.policies), {}};
  for (const PolicyFinding& each : found.warnings) made.warnings.push_back(each.error.text());
  return made;
}

}  // namespace

PolicyFindings find_in_policies(const std::vector<PolicyFile>& files, std::string hash) {
  PolicyFindings made = validated(files, std::move(hash));
  if (made.errors.empty()) made.errors = failed_scenarios(files, made.policies);
  return made;
}

Result<CheckedPolicies> validate_policies(const std::vector<PolicyFile>& files, std::string hash) {
  return checked(validated(files, std::move(hash)));
}

Result<CheckedPolicies> check_policies(const std::vector<PolicyFile>& files, std::string hash) {
  return checked(find_in_policies(files, std::move(hash)));
}

}  // namespace writ::core
