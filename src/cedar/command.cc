// authorize, evaluate and conform.
#include "cedar/command.h"

#include <chrono>
#include <ostream>

#include "cedar/command_flags.h"
#include "cedar/command_input.h"
#include "cedar/conform.h"

namespace writ::cedar {
namespace {

struct Outcome {
  CompiledPolicies policies;
  Response response;
  std::chrono::steady_clock::duration took;
};

struct AuthorizeFlags {
  PolicyFlags policies;
  SchemaFlags schema;
  RequestFlags request;
  std::string entities;
  bool verbose = false;
  bool timing = false;
  bool json = false;
};

Result<Outcome> decide(const AuthorizeFlags& flags, std::istream& in) {
  TRY(set, read_policies(flags.policies, in));
  TRY(schema, read_schema(flags.schema));
  TRY(entities, read_entities(flags.entities, schema));
  TRY(request, read_request(flags.request, schema));
  CompiledPolicies policies(std::move(set));
  const auto start = std::chrono::steady_clock::now();
  Response response = authorize(policies, request, entities);
  const auto took = std::chrono::steady_clock::now() - start;
  return Outcome{std::move(policies), std::move(response), took};
}

void print_json(const Outcome& outcome, std::ostream& out) {
  Json reason = Json::array();
  for (std::uint32_t index : outcome.response.reasons) {
    reason.push(Json(outcome.policies.id(index)));
  }
  Json errors = Json::array();
  for (const PolicyError& error : outcome.response.errors) {
    errors.push(Json(outcome.policies.id(error.policy)));
  }
  const bool allow = outcome.response.decision == Decision::kAllow;
  Json json = Json::object({{"decision", allow ? "allow" : "deny"}});
  json.set("reason", std::move(reason));
  json.set("errors", std::move(errors));
  out << compact(json) << "\n";
}

void print_errors(const Outcome& outcome, std::ostream& out) {
  for (const PolicyError& error : outcome.response.errors) {
    out << "error while evaluating policy `" << outcome.policies.id(error.policy)
        << "`: " << error.error.text() << "\n";
  }
}

void print_text(const Outcome& outcome, const AuthorizeFlags& flags, std::ostream& out) {
  if (flags.timing) {
    out << "Authorization Time (micro seconds) : "
        << std::chrono::duration_cast<std::chrono::microseconds>(outcome.took).count() << "\n";
  }
  out << (outcome.response.decision == Decision::kAllow ? "ALLOW\n" : "DENY\n");
  if (!outcome.response.errors.empty()) {
    out << "\n";
    print_errors(outcome, out);
  }
  if (!flags.verbose) return;
  out << "\n";
  if (outcome.response.reasons.empty()) {
    out << "note: no policies applied to this request\n";
    return;
  }
  out << "note: this decision was due to the following policies:\n";
  for (std::uint32_t index : outcome.response.reasons) {
    out << "  " << outcome.policies.id(index) << "\n";
  }
  out << "\n";
}

}  // namespace

int run_authorize(const Words& args, const Streams& streams) {
  Command command("authorize",
                  "Decide one request by Cedar policies: exit status 0 allow, 2 deny, 1 error.");
  AuthorizeFlags flags;
  flags.policies.add_to(command.flags());
  flags.schema.add_to(command.flags(), Presence::kOptional);
  flags.request.add_to(command.flags());
  command.flags().add_option("--entities", flags.entities, "JSON file of entities").required();
  command.flags().add_flag("-v,--verbose", flags.verbose, "say which policies decided");
  command.flags().add_flag("-t,--timing", flags.timing, "say how long the decision took");
  command.flags().add_flag("--json", flags.json, "print {\"decision\", \"reason\", \"errors\"}");
  if (const std::optional<int> status = command.parse(args, streams)) return *status;
  if (!flags.json) streams.out << "\n";  // as `cedar` does, for who counts lines
  const Result<Outcome> outcome = decide(flags, streams.in);
  if (!outcome) return command.report(streams, outcome.error());
  if (flags.json) {
    print_json(*outcome, streams.out);
    print_errors(*outcome, streams.err);
  } else {
    print_text(*outcome, flags, streams.out);
  }
  return outcome->response.decision == Decision::kAllow ? kDone : kDenied;
}

int run_evaluate(const Words& args, const Streams& streams) {
  Command command("evaluate", "Evaluate a Cedar expression.");
  SchemaFlags schema_flags;
  RequestFlags request_flags;
  std::string entities_file;
  std::string expression;
  request_flags.add_to(command.flags());
  schema_flags.add_to(command.flags(), Presence::kOptional);
  command.flags().add_option("--entities", entities_file, "JSON file of entities");
  command.flags().add_option("EXPRESSION", expression, "the expression").required();
  if (const std::optional<int> status = command.parse(args, streams)) return *status;
  streams.out << "\n";  // as `cedar` does
  const auto value = [&]() -> Result<Value> {
    TRY(schema, read_schema(schema_flags));
    TRY(request, read_request(request_flags, schema));
    Entities entities;
    if (!entities_file.empty()) {
      TRY(read, read_entities(entities_file, schema));
      entities = std::move(read);
    }
    return evaluate(expression, request, entities);
  }();
  if (!value) return command.report(streams, value.error());
  streams.out << print(value->view()) << "\n";
  return kDone;
}

int run_conform(const Words& args, const Streams& streams) {
  Command command("conform", "Run tests in the format of Cedar's integration tests.");
  std::string folder;
  bool with_validation = false;
  command.flags().add_option("DIR", folder, "folder with the tests").required();
  command.flags().add_flag("--validate", with_validation, "check validation too");
  if (const std::optional<int> status = command.parse(args, streams)) return *status;
  const Result<ConformResult> result = run_conformance(
      folder, with_validation ? ConformTo::kDecisionsAndValidation : ConformTo::kDecisions);
  if (!result) return command.report(streams, result.error());
  for (const ConformFailure& failure : result->failures) {
    streams.out << failure.test;
    if (!failure.request.empty()) streams.out << ": " << failure.request;
    streams.out << ": " << failure.message << "\n";
  }
  streams.out << result->passed << " passed, " << result->failed << " failed\n";
  return result->failed == 0 ? kDone : kFailure;
}

}  // namespace writ::cedar
