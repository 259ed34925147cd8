#include "embed/world.h"

#include <set>

#include "cedar/policy_json.h"
#include "cedar/typed_json.h"
#include "cedar/validate.h"

namespace writ::embed {
namespace {

using cedar::EntityUid;

constexpr std::size_t kMostRequest = 1 << 20;
constexpr std::size_t kMostUid = 64 << 10;
constexpr JsonLimits kRequestLimits{kMostRequest, 64, 100'000};

Result<cedar::PolicySet> read_policies(const Source& source) {
  if (source.format == Format::kJson) {
    TRY(json, parse_json(source.text, cedar::kPolicyJsonLimits, source.name));
    return cedar::policies_from_json(json, source.name);
  }
  return cedar::PolicySet::parse(source.text, source.name, {.ids = cedar::Ids::kAnnotation});
}

Result<cedar::Schema> read_schema(const Source& source) {
  return source.format == Format::kJson ? cedar::Schema::parse_json(source.text, source.name)
                                        : cedar::Schema::parse(source.text, source.name);
}

Result<cedar::Entities> read_entities(const cedar::Schema* schema,
                                      const cedar::CompiledPolicies& readers,
                                      const std::optional<Source>& given) {
  const cedar::EntityLimits limits;
  const Source source = given.value_or(Source{"[]", "entities"});
  TRY(json, parse_json(source.text, {limits.bytes, limits.depth, limits.items}, source.name));
  if (schema == nullptr) return cedar::Entities::from_json(json, source.name, limits, &readers);
  const Json whole = cedar::with_actions(*schema, cedar::explicit_entities(*schema, json));
  TRY(entities, cedar::Entities::from_json(whole, source.name, limits, &readers));
  CHECK_OK(validate(*schema, entities));
  return entities;
}

Status check_policies(const cedar::Schema& schema, const cedar::PolicySet& policies) {
  TRY(validation, validate(schema, policies));
  if (validation.passed()) return {};
  Error first = validation.errors.front().error;
  if (const std::size_t more = validation.errors.size() - 1; more > 0) {
    first.message += " (and " + std::to_string(more) + " more that validation found)";
  }
  return fail(first.code, std::move(first.message), std::move(first.where));
}

Result<EntityUid> read_uid(std::string_view text, const std::string& what) {
  if (text.size() > kMostUid) {
    return fail(Code::kExhausted, "an entity has at most " + std::to_string(kMostUid) + " bytes",
                what);
  }
  Result<EntityUid> uid = EntityUid::parse(text);
  if (!uid) return fail(uid.error().code, uid.error().text(), what);
  return uid;
}

Result<EntityUid> read_member(const Json& json, const std::string& what) {
  const Json* member = json.find(what);
  if (member == nullptr) return fail(Code::kInvalid, "the request has no " + what, "/" + what);
  if (const std::string* text = member->as_string()) return read_uid(*text, "/" + what);
  return cedar::uid_from_json(*member, "/" + what);
}

Result<cedar::Request> checked(const World& world, EntityUid principal, EntityUid action,
                               EntityUid resource, const Json& context, const std::string& where) {
  TRY(record,
      cedar::record_from_json(
          world.schema ? explicit_context(*world.schema, context, action) : context, where));
  cedar::Request request{std::move(principal), std::move(action), std::move(resource),
                         std::move(record)};
  if (world.schema) CHECK_OK(validate(*world.schema, request));
  return request;
}

}  // namespace

World empty_world() {
  World world;
  world.entities = std::make_shared<const cedar::Entities>();
  return world;
}

Result<World> replaced(const World& before, const Parts& parts) {
  World after = before;
  if (parts.schema) {
    TRY(schema, read_schema(*parts.schema));
    after.schema = std::make_shared<const cedar::Schema>(std::move(schema));
    if (before.entities_given && !parts.entities) {
      return fail(Code::kInvalid,
                  "entities are read by the schema, so a new schema needs them too; load both");
    }
  }
  if (parts.policies) {
    TRY(policies, read_policies(*parts.policies));
    after.policies = cedar::CompiledPolicies(std::move(policies));
  }
  if (after.schema && (parts.schema || parts.policies)) {
    CHECK_OK(check_policies(*after.schema, after.policies.set()));
  }
  if (parts.schema || parts.entities) {
    TRY(entities, read_entities(after.schema.get(), after.policies, parts.entities));
    after.entities = std::make_shared<const cedar::Entities>(std::move(entities));
    after.entities_given = parts.entities.has_value();
  }
  return after;
}

Result<cedar::Request> read_request(const World& world, const RequestText& text) {
  TRY(principal, read_uid(text.principal, "principal"));
  TRY(action, read_uid(text.action, "action"));
  TRY(resource, read_uid(text.resource, "resource"));
  Json context = Json::object();
  if (!text.context.empty()) {
    TRY(json, parse_json(text.context, kRequestLimits, "context"));
    context = std::move(json);
  }
  return checked(world, std::move(principal), std::move(action), std::move(resource), context,
                 "context");
}

Result<cedar::Request> read_request(const World& world, std::string_view json) {
  TRY(request, parse_json(json, kRequestLimits, "request"));
  if (request.as_object() == nullptr) {
    return fail(Code::kInvalid, "a request is an object, not " + std::string(request.type_name()));
  }
  const std::set<std::string_view> known{"principal", "action", "resource", "context"};
  for (const JsonMember& member : *request.as_object()) {
    if (!known.contains(member.first)) {
      return fail(Code::kInvalid, "a request has no such member", "/" + member.first);
    }
  }
  TRY(principal, read_member(request, "principal"));
  TRY(action, read_member(request, "action"));
  TRY(resource, read_member(request, "resource"));
  const Json* context = request.find("context");
  return checked(world, std::move(principal), std::move(action), std::move(resource),
                 context == nullptr ? Json::object() : *context, "/context");
}

}  // namespace writ::embed
