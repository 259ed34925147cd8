#include "cedar/command_input.h"

#include <filesystem>
#include <istream>
#include <iterator>
#include <ostream>

#include "base/file.h"
#include "base/json_pointer.h"
#include "cedar/policy_json.h"
#include "cedar/typed_json.h"
#include "cedar/validate.h"

namespace writ::cedar {
namespace {

constexpr std::size_t kMostBytes = 64 << 20;
constexpr JsonLimits kJsonLimits{kMostBytes, 1100, 8'000'000};

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

Result<EntityUid> read_uid(const std::string& text, const std::string& what) {
  if (text.empty()) return fail(Code::kInvalid, "the request has no " + what, what);
  Result<EntityUid> uid = EntityUid::parse(text);
  if (!uid) return fail(Code::kInvalid, uid.error().text(), what);
  return uid;
}

// Places of errors are the names of parts.
Result<Request> request_of(RequestFile parts, const std::optional<Schema>& schema,
                           bool with_validation) {
  TRY(principal, read_uid(parts.principal, "principal"));
  TRY(action, read_uid(parts.action, "action"));
  TRY(resource, read_uid(parts.resource, "resource"));
  if (schema) parts.context = explicit_context(*schema, parts.context, action);
  TRY(context, record_from_json(parts.context, "context"));
  Request request{std::move(principal), std::move(action), std::move(resource), std::move(context)};
  if (schema && with_validation) CHECK_OK(validate(*schema, request));
  return request;
}

// A file of one policy, which has no id there.
constexpr std::string_view kOnlyPolicy = "JSON policy";
Result<PolicySet> with_only_id(const PolicySet& policies) {
  PolicySet made;
  for (const std::vector<Policy>* list : {&policies.templates(), &policies.policies()}) {
    for (Policy policy : *list) {
      policy.id = kOnlyPolicy;
      CHECK_OK(made.add(std::move(policy)));
    }
  }
  return made;
}

}  // namespace

void PolicyFlags::add_to(Flags flags) {
  flags.add_option("-p,--policies", file, "file of policies and templates; else standard input");
  flags.add_option("--policy-format", format, "cedar or json").one_of({"cedar", "json"});
  flags.add_option("-k,--template-linked", links, "JSON file of template-linked policies");
}

void SchemaFlags::add_to(Flags flags, Presence presence) {
  flags.add_option("-s,--schema", file, "file of the schema").required(presence);
  flags.add_option("--schema-format", format, "cedar or json").one_of({"cedar", "json"});
}

void RequestFlags::add_to(Flags flags) {
  const Flag whole =
      flags.add_option("--request-json", request_json, "JSON file of the whole request");
  const auto part = [&](const std::string& names, std::string& into, const std::string& what) {
    flags.add_option(names, into, what).excludes(whole);
  };
  part("-l,--principal", principal, "such as User::\"alice\"");
  part("-a,--action", action, "such as Action::\"view\"");
  part("-r,--resource", resource, "such as File::\"myfile.txt\"");
  part("-c,--context", context, "JSON file of the context");
  flags.add_option("--request-validation", validation, "true or false: whether the schema holds");
}

Error RequestPlaces::placed(Error error) const {
  const std::pair<std::string_view, const std::string&> parts[] = {
      {"principal", principal}, {"action", action}, {"resource", resource}, {"context", context}};
  for (const auto& [part, place] : parts) {
    if (error.where.substr(0, error.where.find('/')) != part) continue;
    error.where.replace(0, part.size(), place);
    break;
  }
  return error;
}

Error in_form(Error error, Form wanted, std::string_view text, std::string_view flag_of_other) {
  const std::size_t start = text.find_first_not_of(" \t\r\n");
  if (start == text.npos) return error;
  const bool looks_json = text[start] == '{' || text[start] == '[';
  if (looks_json == (wanted == Form::kJson)) return error;
  error.message += wanted == Form::kJson
                       ? "\nJSON is wanted here, and this looks like Cedar syntax; say "
                       : "\nCedar syntax is wanted here, and this looks like JSON; say ";
  error.message += flag_of_other;
  return error;
}

Result<std::string> read_input(const std::string& file, std::istream& in) {
  if (!file.empty()) return read_file(file, kMostBytes);
  std::string text;
  char block[1 << 16];
  while (in.read(block, sizeof block) || in.gcount() > 0) {
    text.append(block, static_cast<std::size_t>(in.gcount()));
    if (text.size() > kMostBytes) return fail(Code::kInvalid, "standard input is too long");
  }
  return text;
}

Result<Json> read_json(const std::string& file) {
  TRY(text, read_file(file, kMostBytes));
  return parse_json(text, kJsonLimits, file);
}

Result<PolicySet> read_policy_file(const std::string& file, const std::string& format,
                                   std::istream& in) {
  TRY(text, read_input(file, in));
  if (format == "json") {
    TRY(json, parse_json(text, kPolicyJsonLimits, file));
    TRY(policies, policies_from_json(json, file));
    return json.find("effect") != nullptr ? with_only_id(policies) : policies;
  }
  ParseOptions options;
  options.ids = Ids::kAnnotation;
  options.bytes = kMostBytes;
  return PolicySet::parse(text, file, options);
}

Result<std::vector<TemplateLink>> read_links(const std::string& file, MissingLinks missing) {
  std::error_code ignored;
  if (missing == MissingLinks::kNone && !std::filesystem::exists(file, ignored)) {
    return std::vector<TemplateLink>();
  }
  TRY(text, read_file(file, kMostBytes));
  if (text.empty()) return std::vector<TemplateLink>();
  TRY(json, parse_json(text, kJsonLimits, file));
  return from_json<std::vector<TemplateLink>>(json, place_in_json(file));
}

Status check_slots(const TemplateLink& link, const std::string& place) {
  for (const auto& [slot, entity] : link.args) {
    if (slot == "?principal" || slot == "?resource") continue;
    return fail(Code::kInvalid, "there is no slot " + slot + "; there are ?principal and ?resource",
                place + step_to_member(slot));
  }
  return {};
}

Status add_link(PolicySet& policies, const TemplateLink& link, const LinkPlaces& places) {
  CHECK_OK(check_slots(link, places.args));
  Slots slots;
  for (const auto& [slot, entity] : link.args) {
    const Result<EntityUid> uid = EntityUid::parse(entity);
    if (!uid) return fail(Code::kInvalid, uid.error().text(), places.args + step_to_member(slot));
    (slot == "?principal" ? slots.principal : slots.resource) = *uid;
  }
  const Status linked = policies.link(link.template_id, link.link_id, slots);
  if (linked) return {};
  const Code code = linked.error().code;
  return fail(code, linked.error().message,
              code == Code::kNotFound ? places.template_id
              : code == Code::kExists ? places.link_id
                                      : places.args);
}

Result<PolicySet> read_policies(const PolicyFlags& flags, std::istream& in, MissingLinks missing) {
  TRY(policies, read_policy_file(flags.file, flags.format, in));
  if (flags.links.empty()) return policies;
  TRY(links, read_links(flags.links, missing));
  for (std::size_t i = 0; i < links.size(); ++i) {
    const std::string at = place_in_json(flags.links, "/" + std::to_string(i));
    CHECK_OK(add_link(policies, links[i], {at + "/template_id", at + "/link_id", at + "/args"}));
  }
  return policies;
}

Result<std::optional<Schema>> read_schema(const SchemaFlags& flags) {
  if (flags.file.empty()) return std::optional<Schema>();
  TRY(text, read_file(flags.file, kMostBytes));
  const bool json = flags.format == "json";
  Result<Schema> schema =
      json ? Schema::parse_json(text, flags.file) : Schema::parse(text, flags.file);
  if (schema) return std::optional<Schema>(std::move(*schema));
  return tl::unexpected<Error>(in_form(schema.error(), json ? Form::kJson : Form::kCedar, text,
                                       json ? "--schema-format cedar" : "--schema-format json"));
}

Result<Entities> read_entities(const std::string& file, const std::optional<Schema>& schema) {
  TRY(json, read_json(file));
  if (!schema) return Entities::from_json(json, file);
  const Json whole = with_actions(*schema, explicit_entities(*schema, json));
  TRY(entities, Entities::from_json(whole, file));
  const Status valid = validate(*schema, entities);
  if (!valid) return fail(valid.error().code, valid.error().text(), file);
  return entities;
}

Result<Request> read_request(const RequestFlags& flags, const std::optional<Schema>& schema) {
  RequestFile parts{flags.principal, flags.action, flags.resource, Json::object()};
  RequestPlaces places{"--principal", "--action", "--resource", "--context"};
  if (!flags.request_json.empty()) {
    const std::string whole = place_in_json(flags.request_json);
    TRY(json, read_json(flags.request_json));
    TRY(file, from_json<RequestFile>(json, whole));
    parts = std::move(file);
    places = {whole + "/principal", whole + "/action", whole + "/resource", whole + "/context"};
  } else if (!flags.context.empty()) {
    TRY(context, read_json(flags.context));
    parts.context = std::move(context);
    places.context = place_in_json(flags.context);
  }
  Result<Request> request = request_of(std::move(parts), schema, flags.validation);
  if (!request) return tl::unexpected<Error>(places.placed(request.error()));
  return request;
}

}  // namespace writ::cedar
