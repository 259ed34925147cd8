#include "cedar/command_input.h"

#include <filesystem>
#include <istream>
#include <iterator>
#include <ostream>

#include "base/file.h"
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
  if (text.empty()) return fail(Code::kInvalid, "the request has no " + what);
  Result<EntityUid> uid = EntityUid::parse(text);
  if (!uid) return fail(Code::kInvalid, uid.error().text(), what);
  return uid;
}

// Every policy under the id of its annotation @id.
Result<PolicySet> renamed(const PolicySet& policies) {
  PolicySet made;
  for (const std::vector<Policy>* list : {&policies.templates(), &policies.policies()}) {
    for (Policy policy : *list) {
      if (!policy.template_id.empty()) return policies;  // links name the ids as they are
      if (const Annotation* id = policy.annotation("id")) policy.id = id->value;
      CHECK_OK(made.add(std::move(policy)));
    }
  }
  return made;
}

}  // namespace

Command::Command(const std::string& name, const std::string& what)
    : app(what, "writ cedar " + name) {
  app.add_option("-f,--error-format", error_format, "human, plain or json")
      ->envname("CEDAR_ERROR_FORMAT")
      ->check(CLI::IsMember({"human", "plain", "json"}));
}

std::optional<int> parse_words(Command& command, const Words& args, const Streams& streams) {
  std::vector<std::string> reversed(args.rbegin(), args.rend());
  try {
    command.app.parse(std::move(reversed));
  } catch (const CLI::ParseError& error) {
    return command.app.exit(error, streams.out, streams.err) == 0 ? kDone : kWrongFlags;
  }
  return std::nullopt;
}

int report(const Command& command, const Streams& streams, const Error& error,
           std::string_view severity) {
  if (command.error_format == "json") {
    Json json = Json::object({{"message", error.message}, {"severity", severity}});
    json.set("where", Json(error.where));
    streams.err << compact(json) << "\n";
  } else {
    streams.err << error.text() << "\n";
  }
  return kFailure;
}

void PolicyFlags::add_to(CLI::App& app) {
  app.add_option("-p,--policies", file, "file of policies and templates; else standard input");
  app.add_option("--policy-format", format, "cedar or json")
      ->check(CLI::IsMember({"cedar", "json"}));
  app.add_option("-k,--template-linked", links, "JSON file of template-linked policies");
}

void SchemaFlags::add_to(CLI::App& app, Presence presence) {
  app.add_option("-s,--schema", file, "file of the schema")
      ->required(presence == Presence::kRequired);
  app.add_option("--schema-format", format, "cedar or json")
      ->check(CLI::IsMember({"cedar", "json"}));
}

void RequestFlags::add_to(CLI::App& app) {
  CLI::Option* whole =
      app.add_option("--request-json", request_json, "JSON file of the whole request");
  const auto part = [&](const std::string& names, std::string& into, const std::string& what) {
    app.add_option(names, into, what)->excludes(whole);
  };
  part("-l,--principal", principal, "such as User::\"alice\"");
  part("-a,--action", action, "such as Action::\"view\"");
  part("-r,--resource", resource, "such as File::\"myfile.txt\"");
  part("-c,--context", context, "JSON file of the context");
  app.add_option("--request-validation", validation, "true or false: whether the schema holds");
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
    return renamed(policies);
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
  return from_json<std::vector<TemplateLink>>(json);
}

Status add_link(PolicySet& policies, const TemplateLink& link) {
  Slots slots;
  for (const auto& [slot, entity] : link.args) {
    TRY(uid, EntityUid::parse(entity));
    if (slot != "?principal" && slot != "?resource") {
      return fail(Code::kInvalid, "there is no slot " + slot);
    }
    (slot == "?principal" ? slots.principal : slots.resource) = uid;
  }
  return policies.link(link.template_id, link.link_id, slots);
}

Result<PolicySet> read_policies(const PolicyFlags& flags, std::istream& in, MissingLinks missing) {
  TRY(policies, read_policy_file(flags.file, flags.format, in));
  if (flags.links.empty()) return policies;
  TRY(links, read_links(flags.links, missing));
  for (const TemplateLink& link : links) {
    const Status linked = add_link(policies, link);
    if (!linked) return fail(linked.error().code, linked.error().text(), flags.links);
  }
  return policies;
}

Result<std::optional<Schema>> read_schema(const SchemaFlags& flags) {
  if (flags.file.empty()) return std::optional<Schema>();
  TRY(text, read_file(flags.file, kMostBytes));
  TRY(schema, flags.format == "json" ? Schema::parse_json(text, flags.file)
                                     : Schema::parse(text, flags.file));
  return std::optional<Schema>(std::move(schema));
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
  if (schema) parts.context = explicit_context(*schema, parts.context, action);
  TRY(context, record_from_json(parts.context, "context"));
  Request request{std::move(principal), std::move(action), std::move(resource), std::move(context)};
  if (schema && flags.validation) CHECK_OK(validate(*schema, request));
  return request;
}

}  // namespace writ::cedar
