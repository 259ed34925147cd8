#include "cedar/conform_case.h"

#include <set>

#include "base/file.h"
#include "cedar/typed_json.h"

namespace writ::cedar {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostBytes = 64 << 20;

struct TestFile {
  std::string policies, entities, schema;
  bool shouldValidate = false;
  std::vector<ConformRequest> requests;
};
template <class V>
void fields(V& v, TestFile& t) {
  v("policies", t.policies);
  v("entities", t.entities);
  v("schema", t.schema);
  v("shouldValidate", t.shouldValidate);
  v("requests", t.requests);
}

// A test names its files from the root of the tests, which may be the folder, a parent, or gone.
Result<fs::path> locate(const fs::path& test, const std::string& named) {
  const fs::path relative(named);
  std::error_code ignored;
  for (fs::path folder = test.parent_path();; folder = folder.parent_path()) {
    if (fs::is_regular_file(folder / relative, ignored)) return folder / relative;
    if (folder == folder.parent_path()) break;
  }
  fs::path beside = test.parent_path() / relative.filename();
  if (fs::is_regular_file(beside, ignored)) return beside;
  return fail(Code::kNotFound, "there is no file `" + named + "`", test.string());
}

std::string list(const std::set<std::string>& ids) {
  std::string out;
  for (const std::string& id : ids) out += (out.empty() ? "" : ", ") + id;
  return "[" + out + "]";
}

// Empty when the outcome is as wanted.
Result<std::string> check_request(const CompiledPolicies& policies, const ConformCase& test,
                                  const ConformRequest& wanted) {
  TRY(request, read_request(wanted, test.schema));
  const Response response = authorize(policies, request, test.entities);
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

}  // namespace

// In the test's namespace, where from_json finds it.
template <class V>
void fields(V& v, ConformRequest& w) {
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

Result<Request> read_request(const ConformRequest& wanted, const Schema& schema) {
  TRY(principal, uid_from_json(wanted.principal, "/principal"));
  TRY(action, uid_from_json(wanted.action, "/action"));
  TRY(resource, uid_from_json(wanted.resource, "/resource"));
  TRY(context, record_from_json(explicit_context(schema, wanted.context, action), "/context"));
  return Request{std::move(principal), std::move(action), std::move(resource), std::move(context)};
}

Result<ConformCase> read_case(const fs::path& path, const Json& json) {
  TRY(test, from_json<TestFile>(json));
  ConformCase made;
  made.path = path;
  made.should_validate = test.shouldValidate;
  made.requests = std::move(test.requests);
  TRY(policy_file, locate(path, test.policies));
  TRY(text, read_file(policy_file.string(), kMostBytes));
  TRY(policies, PolicySet::parse(text, policy_file.string()));
  made.policies = std::move(policies);
  TRY(schema_file, locate(path, test.schema));
  TRY(schema_text, read_file(schema_file.string(), kMostBytes));
  TRY(schema, Schema::parse(schema_text, schema_file.string()));
  made.schema = std::move(schema);
  TRY(entity_file, locate(path, test.entities));
  TRY(entity_text, read_file(entity_file.string(), kMostBytes));
  TRY(entity_json,
      parse_json(entity_text, JsonLimits{kMostBytes, 64, 8'000'000}, entity_file.string()));
  TRY(entities,
      Entities::from_json(explicit_entities(made.schema, entity_json), entity_file.string()));
  made.entities = std::move(entities);
  return made;
}

std::vector<ConformFailure> check_decisions(const ConformCase& test) {
  const CompiledPolicies policies(test.policies);
  std::vector<ConformFailure> failures;
  for (const ConformRequest& wanted : test.requests) {
    const Result<std::string> complaint = check_request(policies, test, wanted);
    const std::string message = complaint ? *complaint : complaint.error().text();
    if (!message.empty()) failures.push_back({test.path.string(), wanted.description, message});
  }
  return failures;
}

}  // namespace writ::cedar
