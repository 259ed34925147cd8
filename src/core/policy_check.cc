#include "core/policy_check.h"

#include "cedar/validate.h"
#include "core/application.h"
#include "core/invariant.h"
#include "core/scenario.h"

namespace writ::core {
namespace {

constexpr std::size_t kMostWarnings = 1000;

// One error that shows several.
Error together(const std::vector<cedar::Finding>& findings) {
  Error first = findings.front().error;
  first.code = Code::kInvalid;
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

Status check_entities(const std::vector<PolicyFile>& files, const cedar::Schema& schema) {
  for (const PolicyFile& file : files) {
    if (kind_of(file) != PolicyFileKind::kEntities) continue;
    TRY(entities, application_entities({file}, &schema));
    for (const cedar::Entity& entity : entities) {
      const Status valid = cedar::validate(schema, entity);
      if (valid) continue;
      return fail(Code::kInvalid, valid.error().text(), file.name);
    }
  }
  return {};
}

}  // namespace

Result<CheckedPolicies> validate_policies(const std::vector<PolicyFile>& files, std::string hash) {
  TRY(policies, compile_policies(files, std::move(hash)));
  TRY(written, all_policies(files));
  TRY(validation, cedar::validate(policies->schema(), written));
  if (!validation.passed()) return tl::unexpected<Error>(together(validation.errors));
  // One that covers no request holds whatever the policies say.
  TRY(invariants, parse_invariants(files));
  TRY(covered, cedar::validate(policies->schema(), invariants.statements));
  if (!covered.passed()) return tl::unexpected<Error>(together(covered.errors));
  CHECK_OK(check_entities(files, policies->schema()));
  CheckedPolicies checked{std::move(policies), {}};
  for (const auto* warnings : {&validation.warnings, &covered.warnings}) {
    for (const cedar::Finding& finding : *warnings) {
      if (checked.warnings.size() == kMostWarnings) break;
      checked.warnings.push_back(finding.error.text());
    }
  }
  return checked;
}

Result<CheckedPolicies> check_policies(const std::vector<PolicyFile>& files, std::string hash) {
  TRY(checked, validate_policies(files, std::move(hash)));
  CHECK_OK(pass_scenarios(files, checked.policies));
  return checked;
}

}  // namespace writ::core
