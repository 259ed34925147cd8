// tpe.
#include <chrono>
#include <ostream>

#include "base/json_pointer.h"
#include "cedar/command.h"
#include "cedar/command_flags.h"
#include "cedar/command_input.h"
#include "cedar/policy_json.h"
#include "cedar/text.h"
#include "cedar/tpe.h"
#include "cedar/typed_json.h"

namespace writ::cedar {
namespace {

struct TpeFlags {
  PolicyFlags policies;
  SchemaFlags schema;
  std::string principal_type, action, resource_type, context, request_json, entities;
  std::optional<std::string> principal_eid, resource_eid;
  bool timing = false;
  bool json = false;

  void add_to(Flags to) {
    const Flag whole =
        to.add_option("--request-json", request_json, "JSON file of the whole request");
    const auto part = [&](const std::string& names, auto& into, const std::string& what) {
      to.add_option(names, into, what).excludes(whole);
    };
    part("--principal-type", principal_type, "such as User");
    part("--principal-eid", principal_eid, "such as alice; unknown when left out");
    part("-a,--action", action, "such as Action::\"view\"");
    part("--resource-type", resource_type, "such as File");
    part("--resource-eid", resource_eid, "unknown when left out");
    part("-c,--context", context, "JSON file of the context; unknown when left out");
    policies.add_to(to);
    schema.add_to(to, Presence::kRequired);
    to.add_option("--entities", entities,
                  "JSON file of entities, where attrs, parents and tags may be left out")
        .required();
    to.add_flag("-t,--timing", timing, "say how long the evaluation took");
    to.add_flag("--json", json, "print {\"decision\", \"reason\", \"policies\", \"residuals\"}");
  }
};

// A --request-json file. A member that is null is unknown, as one that is left out.
struct PartialRequestFile {
  std::string principal_type, action, resource_type;
  std::optional<std::string> principal_eid, resource_eid;
  std::optional<Json> context;
};
template <class V>
void fields(V& v, PartialRequestFile& r) {
  v("principal_type", r.principal_type);
  v("principal_eid", r.principal_eid);
  v("action", r.action);
  v("resource_type", r.resource_type);
  v("resource_eid", r.resource_eid);
  v("context", r.context);
}

struct Parts {
  PartialRequestFile values;
  RequestPlaces places;
};

Result<Parts> read_parts(const TpeFlags& flags) {
  if (!flags.request_json.empty()) {
    const std::string whole = place_in_json(flags.request_json);
    TRY(json, read_json(flags.request_json));
    if (const JsonObject* object = json.as_object()) {
      JsonObject given;
      for (const JsonMember& member : *object) {
        if (!member.second.is_null()) given.push_back(member);
      }
      json = Json(std::move(given));
    }
    TRY(values, from_json<PartialRequestFile>(json, whole));
    return Parts{std::move(values),
                 {whole + "/principal_type", whole + "/action", whole + "/resource_type",
                  whole + "/context"}};
  }
  Parts parts{{flags.principal_type,
               flags.action,
               flags.resource_type,
               flags.principal_eid,
               flags.resource_eid,
               {}},
              {"--principal-type", "--action", "--resource-type", place_in_json(flags.context)}};
  if (!flags.context.empty()) {
    TRY(context, read_json(flags.context));
    parts.values.context = std::move(context);
  }
  return parts;
}

Status want_type(const std::string& type, const std::string& what) {
  if (type.empty()) return fail(Code::kInvalid, "the request has no " + what + " type", what);
  if (is_type_name(type)) return {};
  return fail(Code::kInvalid, "`" + type + "` is no name of a type", what);
}

// Places of errors are the names of parts.
Result<PartialRequest> request_of(const PartialRequestFile& parts, const Schema& schema) {
  CHECK_OK(want_type(parts.principal_type, "principal"));
  CHECK_OK(want_type(parts.resource_type, "resource"));
  if (parts.action.empty()) return fail(Code::kInvalid, "the request has no action", "action");
  const Result<EntityUid> action = EntityUid::parse(parts.action);
  if (!action) return fail(Code::kInvalid, action.error().text(), "action");
  PartialRequest request{{parts.principal_type, parts.principal_eid},
                         *action,
                         {parts.resource_type, parts.resource_eid},
                         {}};
  if (parts.context) {
    TRY(context, record_from_json(explicit_context(schema, *parts.context, *action), "context"));
    request.context = std::move(context);
  }
  CHECK_OK(validate(schema, request));
  return request;
}

Result<PartialRequest> read_partial_request(const TpeFlags& flags, const Schema& schema) {
  TRY(parts, read_parts(flags));
  Result<PartialRequest> request = request_of(parts.values, schema);
  if (!request) return tl::unexpected<Error>(parts.places.placed(request.error()));
  return request;
}

struct Outcome {
  PolicySet policies;
  PartialResponse response;
  PolicySet all;   // residuals of every policy
  PolicySet open;  // of those that depend on what is unknown
  std::chrono::steady_clock::duration took;
};

Result<Outcome> evaluate_partly(const TpeFlags& flags, std::istream& in) {
  TRY(policies, read_policies(flags.policies, in));
  TRY(schema, read_schema(flags.schema));
  TRY(json, read_json(flags.entities));
  TRY(entities, PartialEntities::from_json(json, *schema, flags.entities));
  TRY(request, read_partial_request(flags, *schema));
  const auto start = std::chrono::steady_clock::now();
  TRY(response, tpe(policies, request, entities, *schema));
  const auto took = std::chrono::steady_clock::now() - start;
  TRY(all, residual_policies(policies, response, Which::kAll));
  TRY(open, residual_policies(policies, response, Which::kPartial));
  return Outcome{std::move(policies), std::move(response), std::move(all), std::move(open), took};
}

std::string_view decision_name(const PartialResponse& response) {
  if (!response.decision) return "unknown";
  return *response.decision == Decision::kAllow ? "allow" : "deny";
}

std::string_view outcome_name(Residual::Outcome outcome) {
  switch (outcome) {
    case Residual::Outcome::kTrue:
      return "true";
    case Residual::Outcome::kFalse:
      return "false";
    case Residual::Outcome::kError:
      return "error";
    case Residual::Outcome::kPartial:
      break;
  }
  return "residual";
}

Result<std::string> json_text(const Outcome& outcome) {
  Json reason = Json::array();
  for (const std::uint32_t index : outcome.response.reasons) {
    reason.push(Json(outcome.policies.policies()[index].id));
  }
  JsonObject policies;
  for (std::size_t i = 0; i < outcome.response.residuals.size(); ++i) {
    policies.emplace_back(outcome.policies.policies()[i].id,
                          Json(outcome_name(outcome.response.residuals[i].outcome)));
  }
  TRY(residuals, to_json(outcome.open));
  Json json = Json::object({{"decision", Json(decision_name(outcome.response))}});
  json.set("reason", std::move(reason));
  json.set("policies", Json(std::move(policies)));
  json.set("residuals", std::move(residuals));
  return compact(json) + "\n";
}

std::string plain_text(const Outcome& outcome, const TpeFlags& flags) {
  std::string made;
  if (flags.timing) {
    const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(outcome.took);
    made += "Authorization Time (micro seconds) : " + std::to_string(micros.count()) + "\n";
  }
  if (outcome.response.decision) {
    return made + (*outcome.response.decision == Decision::kAllow ? "ALLOW\n" : "DENY\n");
  }
  made += "UNKNOWN\nAll policy residuals:\n";
  for (const Policy& policy : outcome.all.policies()) made += print(policy);
  return made;
}

}  // namespace

int run_tpe(const Words& args, const Streams& streams) {
  Command command("tpe",
                  "Evaluate policies as far as a request of which parts are unknown allows: exit "
                  "status 0 allow, 2 deny, 4 not known yet, 1 error.");
  TpeFlags flags;
  flags.add_to(command.flags());
  if (const std::optional<int> status = command.parse(args, streams)) return *status;
  if (!flags.json) streams.out << "\n";  // as `cedar` does
  const Result<Outcome> outcome = evaluate_partly(flags, streams.in);
  if (!outcome) return command.report(streams, outcome.error());
  const Result<std::string> text =
      flags.json ? json_text(*outcome) : Result<std::string>(plain_text(*outcome, flags));
  if (!text) return command.report(streams, text.error());
  streams.out << *text;
  if (!outcome->response.decision) return kUndecided;
  return *outcome->response.decision == Decision::kAllow ? kDone : kDenied;
}

}  // namespace writ::cedar
