#include "cedar/conform.h"

#include <algorithm>
#include <filesystem>
#include <set>

#include "base/file.h"
#include "base/json_fields.h"
#include "cedar/authorize.h"
#include "cedar/schema_types.h"

namespace writ::cedar {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostBytes = 64 << 20;

struct Wanted {
  std::string description;
  Json principal, action, resource, context;
  std::string decision;
  std::vector<std::string> reason, errors;
  std::optional<bool> validateRequest;
};
template <class V>
void fields(V& v, Wanted& w) {
  v("description", w.description);
  v("principal", w.principal);
  v("action", w.action);
  v("resource", w.resource);
  v("context", w.context);
  v("validateRequest", w.validateRequest);
  v("decision", w.decision);
  v("reason", w.reason);
  v("errors", w.errors);
}

struct Test {
  std::string policies, entities, schema;
  bool shouldValidate = false;
  std::vector<Wanted> requests;
};
template <class V>
void fields(V& v, Test& t) {
  v("policies", t.policies);
  v("entities", t.entities);
  v("schema", t.schema);
  v("shouldValidate", t.shouldValidate);
  v("requests", t.requests);
}

Result<Json> read_json(const fs::path& path) {
  TRY(text, read_file(path.string(), kMostBytes));
  return parse_json(text, JsonLimits{kMostBytes, 64, 8'000'000}, path.string());
}

// A test names its files from the root of the tests, which may be the folder, a parent, or gone.
Result<fs::path> locate(const fs::path& test, const std::string& named) {
  const fs::path relative(named);
  std::error_code ignored;
  for (fs::path folder = test.parent_path();; folder = folder.parent_path()) {
    if (fs::is_regular_file(folder / relative, ignored)) return folder / relative;
    if (folder == folder.parent_path()) break;
  }
  const fs::path beside = test.parent_path() / relative.filename();
  if (fs::is_regular_file(beside, ignored)) return beside;
  return fail(Code::kNotFound, "there is no file `" + named + "`", test.string());
}

std::string list(const std::set<std::string>& ids) {
  std::string out;
  for (const std::string& id : ids) out += (out.empty() ? "" : ", ") + id;
  return "[" + out + "]";
}

Result<Request> read_request(const Wanted& wanted, const SchemaTypes& schema) {
  TRY(principal, uid_from_json(wanted.principal, "/principal"));
  TRY(action, uid_from_json(wanted.action, "/action"));
  TRY(resource, uid_from_json(wanted.resource, "/resource"));
  TRY(context, record_from_json(schema.explicit_context(wanted.context, action), "/context"));
  return Request{std::move(principal), std::move(action), std::move(resource), std::move(context)};
}

// Empty when the outcome is as wanted.
Result<std::string> check_request(const CompiledPolicies& policies, const Entities& entities,
                                  const SchemaTypes& schema, const Wanted& wanted) {
  TRY(request, read_request(wanted, schema));
  const Response response = authorize(policies, request, entities);
  const std::string decision = response.decision == Decision::kAllow ? "allow" : "deny";
  std::set<std::string> reasons;
  for (std::uint32_t index : response.reasons) reasons.insert(policies.id(index));
  std::set<std::string> errors;
  std::string messages;
  for (const PolicyError& error : response.errors) {
    errors.insert(policies.id(error.policy));
    messages += "; " + error.error.text();
  }
  std::string complaint;
  const auto differ = [&](std::string_view what, const std::string& want, const std::string& got) {
    if (want == got) return;
    if (!complaint.empty()) complaint += "; ";
    complaint += std::string(what) + " should be " + want + " and is " + got;
  };
  differ("decision", wanted.decision, decision);
  differ("reason", list({wanted.reason.begin(), wanted.reason.end()}), list(reasons));
  differ("errors", list({wanted.errors.begin(), wanted.errors.end()}), list(errors));
  return complaint.empty() ? complaint : complaint + messages;
}

Result<std::vector<ConformFailure>> run_test(const fs::path& path, const Json& json) {
  TRY(test, from_json<Test>(json));
  TRY(policy_file, locate(path, test.policies));
  TRY(text, read_file(policy_file.string(), kMostBytes));
  TRY(set, PolicySet::parse(text, policy_file.string()));
  TRY(schema_file, locate(path, test.schema));
  TRY(schema_text, read_file(schema_file.string(), kMostBytes));
  TRY(schema, SchemaTypes::parse(schema_text, schema_file.string()));
  TRY(entity_file, locate(path, test.entities));
  TRY(entity_json, read_json(entity_file));
  TRY(entities, Entities::from_json(schema.explicit_entities(entity_json), entity_file.string()));
  const CompiledPolicies policies(std::move(set));
  std::vector<ConformFailure> failures;
  for (const Wanted& wanted : test.requests) {
    const Result<std::string> complaint = check_request(policies, entities, schema, wanted);
    const std::string message = complaint ? *complaint : complaint.error().text();
    if (!message.empty()) failures.push_back({path.string(), wanted.description, message});
  }
  return failures;
}

}  // namespace

Result<ConformResult> run_conformance(const std::string& folder) {
  std::error_code problem;
  std::vector<fs::path> paths;
  const fs::path root = fs::absolute(folder, problem);
  for (fs::recursive_directory_iterator at(root, problem), end; !problem && at != end;
       at.increment(problem)) {
    const std::string name = at->path().filename().string();
    if (name.ends_with(".json") && !name.ends_with("entities.json")) paths.push_back(at->path());
  }
  if (problem) return fail(Code::kNotFound, problem.message(), folder);
  std::sort(paths.begin(), paths.end());
  ConformResult result;
  for (const fs::path& path : paths) {
    const Result<Json> json = read_json(path);
    if (json && json->find("requests") == nullptr) continue;  // some other JSON
    Result<std::vector<ConformFailure>> failures =
        json ? run_test(path, *json) : Result<std::vector<ConformFailure>>(fail(json));
    if (!failures) failures = {{path.string(), "", failures.error().text()}};
    ++(failures->empty() ? result.passed : result.failed);
    result.failures.insert(result.failures.end(), failures->begin(), failures->end());
  }
  if (result.passed + result.failed == 0) {
    return fail(Code::kNotFound, "there is no test below this folder", folder);
  }
  return result;
}

}  // namespace writ::cedar
