#include "cedar/command.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>
#include <ostream>

#include "base/file.h"
#include "base/json_fields.h"
#include "cedar/authorize.h"
#include "cedar/conform.h"

namespace writ::cedar {
namespace {

constexpr std::size_t kMostBytes = 64 << 20;
constexpr int kAllow = 0;
constexpr int kFailure = 1;
constexpr int kDeny = 2;

struct Flags {
  std::string policies, links, entities, request_json;
  std::string principal, action, resource, context;
  bool verbose = false;
  bool json = false;
};

// One entry of a --template-linked file.
struct Link {
  std::string template_id, link_id;
  std::map<std::string, std::string> args;
};
template <class V>
void fields(V& v, Link& l) {
  v("template_id", l.template_id);
  v("link_id", l.link_id);
  v("args", l.args);
}

// A --request-json file.
struct RequestFile {
  std::string principal, action, resource;
  Json context;
};
template <class V>
void fields(V& v, RequestFile& r) {
  v("principal", r.principal);
  v("action", r.action);
  v("resource", r.resource);
  v("context", r.context);
}

// Parses arguments; answers an exit status when there is nothing left to do.
std::optional<int> parse_args(CLI::App& app, const std::vector<std::string>& args,
                              std::ostream& out, std::ostream& err) {
  std::vector<std::string> reversed(args.rbegin(), args.rend());
  try {
    app.parse(std::move(reversed));
  } catch (const CLI::ParseError& error) {
    return app.exit(error, out, err) == 0 ? kAllow : kFailure;
  }
  return std::nullopt;
}

void add_flags(CLI::App& app, Flags& flags) {
  app.add_option("-p,--policies", flags.policies, "file of policies and templates")->required();
  app.add_option("-k,--template-linked", flags.links, "JSON file of template-linked policies");
  app.add_option("--entities", flags.entities, "JSON file of entities")->required();
  CLI::Option* file =
      app.add_option("--request-json", flags.request_json, "JSON file of the whole request");
  const auto part = [&](const std::string& names, std::string& into, const std::string& what) {
    app.add_option(names, into, what)->excludes(file);
  };
  part("-l,--principal", flags.principal, "such as User::\"alice\"");
  part("-a,--action", flags.action, "such as Action::\"view\"");
  part("-r,--resource", flags.resource, "such as File::\"myfile.txt\"");
  part("-c,--context", flags.context, "JSON file of the context");
  app.add_flag("-v,--verbose", flags.verbose, "say which policies decided");
  app.add_flag("--json", flags.json, "print {\"decision\", \"reason\", \"errors\"}");
}

Result<Json> read_json(const std::string& path) {
  TRY(text, read_file(path, kMostBytes));
  return parse_json(text, JsonLimits{kMostBytes, 64, 8'000'000}, path);
}

Result<PolicySet> read_policies(const Flags& flags) {
  TRY(text, read_file(flags.policies, kMostBytes));
  ParseOptions options;
  options.ids = Ids::kAnnotation;
  TRY(set, PolicySet::parse(text, flags.policies, options));
  if (flags.links.empty()) return set;
  TRY(json, read_json(flags.links));
  TRY(links, from_json<std::vector<Link>>(json));
  for (const Link& link : links) {
    Slots slots;
    for (const auto& [slot, entity] : link.args) {
      TRY(uid, EntityUid::parse(entity));
      if (slot != "?principal" && slot != "?resource") {
        return fail(Code::kInvalid, "there is no slot " + slot, flags.links);
      }
      (slot == "?principal" ? slots.principal : slots.resource) = uid;
    }
    CHECK_OK(set.link(link.template_id, link.link_id, slots));
  }
  return set;
}

Result<EntityUid> read_uid(const std::string& text, const std::string& what) {
  if (text.empty()) return fail(Code::kInvalid, "the request has no " + what);
  Result<EntityUid> uid = EntityUid::parse(text);
  if (!uid) return fail(Code::kInvalid, uid.error().text(), what);
  return uid;
}

Result<Request> read_request(const Flags& flags) {
  RequestFile parts{flags.principal, flags.action, flags.resource, Json::object()};
  if (!flags.request_json.empty()) {
    TRY(json, read_json(flags.request_json));
    TRY(file, from_json<RequestFile>(json));
    parts = std::move(file);
  } else if (!flags.context.empty()) {
    TRY(context, read_json(flags.context));
    parts.context = std::move(context);
  }
  TRY(principal, read_uid(parts.principal, "principal"));
  TRY(action, read_uid(parts.action, "action"));
  TRY(resource, read_uid(parts.resource, "resource"));
  TRY(context, record_from_json(parts.context, "context"));
  return Request{std::move(principal), std::move(action), std::move(resource), std::move(context)};
}

struct Outcome {
  CompiledPolicies policies;
  Response response;
};

Result<Outcome> decide(const Flags& flags) {
  TRY(set, read_policies(flags));
  TRY(text, read_file(flags.entities, kMostBytes));
  TRY(entities, Entities::parse_json(text, flags.entities));
  TRY(request, read_request(flags));
  CompiledPolicies policies(std::move(set));
  Response response = authorize(policies, request, entities);
  return Outcome{std::move(policies), std::move(response)};
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

void print_text(const Outcome& outcome, const Flags& flags, std::ostream& out) {
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

int run_authorize(const std::vector<std::string>& args, std::ostream& out, std::ostream& err) {
  CLI::App app("Decide one request by Cedar policies: exit status 0 allow, 2 deny, 1 error.",
               "writ cedar authorize");
  Flags flags;
  add_flags(app, flags);
  if (const std::optional<int> status = parse_args(app, args, out, err)) return *status;
  const Result<Outcome> outcome = decide(flags);
  if (!outcome) {
    err << outcome.error().text() << "\n";
    return kFailure;
  }
  if (flags.json) {
    print_json(*outcome, out);
    print_errors(*outcome, err);
  } else {
    print_text(*outcome, flags, out);
  }
  return outcome->response.decision == Decision::kAllow ? kAllow : kDeny;
}

int run_conform(const std::vector<std::string>& args, std::ostream& out, std::ostream& err) {
  CLI::App app("Run tests in the format of Cedar's integration tests.", "writ cedar conform");
  std::string folder;
  bool with_validation = false;
  app.add_option("DIR", folder, "folder with the tests")->required();
  app.add_flag("--validate", with_validation, "check validation too");
  if (const std::optional<int> status = parse_args(app, args, out, err)) return *status;
  const Result<ConformResult> result = run_conformance(
      folder, with_validation ? ConformTo::kDecisionsAndValidation : ConformTo::kDecisions);
  if (!result) {
    err << result.error().text() << "\n";
    return kFailure;
  }
  for (const ConformFailure& failure : result->failures) {
    out << failure.test;
    if (!failure.request.empty()) out << ": " << failure.request;
    out << ": " << failure.message << "\n";
  }
  out << result->passed << " passed, " << result->failed << " failed\n";
  return result->failed == 0 ? 0 : 1;
}

}  // namespace writ::cedar
