#include "cedar/tpe_input.h"

#include <algorithm>

#include "base/json_pointer.h"
#include "cedar/typed_json.h"
#include "cedar/validate.h"

namespace writ::cedar {
namespace {

tl::unexpected<Error> refuse(std::string message, std::string where) {
  return fail(Code::kInvalid, std::move(message), std::move(where));
}

Status validate_part(const Schema& schema, const EntityUid& action,
                     const std::set<std::string, std::less<>>& types, const PartialUid& part,
                     const std::string& where) {
  if (schema.entity_type(part.type) == nullptr) {
    return refuse("the schema has no entity type `" + part.type + "`", where);
  }
  if (!types.contains(part.type)) {
    return refuse("the action " + action.print() + " does not apply to a " + where + " of type `" +
                      part.type + "`",
                  where);
  }
  const std::optional<EntityUid> uid = part.uid();
  return uid ? validate_uid(schema, *uid, where) : Status();
}

// The member, or null where it is unknown.
const Json* known_member(const Json& object, std::string_view name) {
  const Json* member = object.find(name);
  return member == nullptr || member->is_null() ? nullptr : member;
}

struct Read {
  PartialEntity entity;
  bool has_parents = false;
};

Result<Read> read_entity(const Json& json, const std::string& where) {
  const JsonObject* object = json.as_object();
  if (object == nullptr) {
    return refuse("an entity is an object, not " + std::string(json.type_name()), where);
  }
  for (const JsonMember& member : *object) {
    const std::string& name = member.first;
    if (name != "uid" && name != "attrs" && name != "parents" && name != "tags") {
      return refuse("an entity has no member of this name", where + step_to_member(name));
    }
  }
  const Json* uid = json.find("uid");
  if (uid == nullptr) return refuse("an entity has the member uid", where);
  TRY(id, uid_from_json(*uid, where + "/uid"));
  if (is_action_type(id.type())) {
    return refuse("actions come from the schema, so they cannot stand here", where + "/uid");
  }
  Read read{PartialEntity{std::move(id), {}, {}, {}}};
  if (const Json* attrs = known_member(json, "attrs")) {
    TRY(values, record_from_json(*attrs, where + "/attrs"));
    read.entity.attrs = std::move(values);
  }
  if (const Json* tags = known_member(json, "tags")) {
    TRY(values, record_from_json(*tags, where + "/tags"));
    read.entity.tags = std::move(values);
  }
  read.has_parents = known_member(json, "parents") != nullptr;
  return read;
}

}  // namespace

std::optional<EntityUid> PartialUid::uid() const {
  return id ? std::optional<EntityUid>(EntityUid(type, *id)) : std::nullopt;
}

Status validate(const Schema& schema, const PartialRequest& request) {
  const Schema::Action* action = schema.action(request.action);
  if (action == nullptr) {
    return refuse("the schema has no action " + request.action.print(), "action");
  }
  CHECK_OK(
      validate_part(schema, request.action, action->principals, request.principal, "principal"));
  CHECK_OK(validate_part(schema, request.action, action->resources, request.resource, "resource"));
  return request.context ? validate_context(schema, request.action, *request.context) : Status();
}

KnownParts KnownEntities::find(const EntityUid& uid) const {
  const Entity* entity = entities_.find(uid);
  KnownParts parts;
  if (entity == nullptr) {
    parts.absent = unlisted_ == Unlisted::kAbsent;
    return parts;
  }
  parts.attrs = &entity->attrs;
  parts.tags = &entity->tags;
  parts.ancestors = &entity->ancestors;
  return parts;
}

Result<PartialEntities> PartialEntities::parse_json(std::string_view text, const Schema& schema,
                                                    std::string_view name,
                                                    const EntityLimits& limits) {
  TRY(json, writ::parse_json(text, JsonLimits{limits.bytes, limits.depth, limits.items}, name));
  return from_json(json, schema, name, limits);
}

Result<PartialEntities> PartialEntities::from_json(const Json& given, const Schema& schema,
                                                   std::string_view name,
                                                   const EntityLimits& limits) {
  const std::string where = place_in_json(name);
  const Json json = explicit_entities(schema, given);
  const JsonArray* array = json.as_array();
  if (array == nullptr) {
    return refuse("entities are an array, not " + std::string(json.type_name()), where);
  }
  std::vector<Read> all;
  all.reserve(array->size());
  // Those whose parents are known, as whole entities: reading them closes over the parents.
  Json placed = Json::array();
  for (std::size_t i = 0; i < array->size(); ++i) {
    TRY(read, read_entity((*array)[i], where + "/" + std::to_string(i)));
    if (read.has_parents) {
      Json entity = Json::object({{"uid", to_json(read.entity.uid)}, {"attrs", Json::object()}});
      entity.set("parents", *(*array)[i].find("parents"));
      placed.push(std::move(entity));
    }
    all.push_back(std::move(read));
  }
  TRY(closed, Entities::from_json(placed, name, limits));
  std::vector<PartialEntity> entities;
  entities.reserve(all.size());
  for (Read& read : all) {
    if (read.has_parents) read.entity.ancestors = closed.find(read.entity.uid)->ancestors;
    entities.push_back(std::move(read.entity));
  }
  Result<PartialEntities> made = of(std::move(entities), schema);
  if (!made && !name.empty()) {
    return fail(made.error().code, made.error().text(), std::string(name));
  }
  return made;
}

Result<PartialEntities> PartialEntities::of(std::vector<PartialEntity> entities,
                                            const Schema& schema) {
  PartialEntities made;
  for (PartialEntity& entity : entities) {
    if (is_action_type(entity.uid.type())) {
      return refuse("actions come from the schema, so they cannot stand here", entity.uid.print());
    }
    const auto part = [](const auto& of) { return of ? &*of : nullptr; };
    CHECK_OK(validate_parts(schema, entity.uid, part(entity.attrs), part(entity.tags),
                            part(entity.ancestors)));
    const EntityUid uid = entity.uid;
    if (!made.entities_.emplace(uid, std::move(entity)).second) {
      return fail(Code::kExists, "this entity stands twice", uid.print());
    }
  }
  for (const auto& [uid, entity] : made.entities_) {
    if (!entity.ancestors) continue;
    for (const EntityUid& above : *entity.ancestors) {
      const auto at = made.entities_.find(above);
      if (at == made.entities_.end() || at->second.ancestors) continue;
      return refuse("it is in " + above.print() + ", whose own parents are unknown, so all that " +
                        "it is in cannot be known",
                    uid.print() + "/parents");
    }
  }
  return made;
}

KnownParts PartialEntities::find(const EntityUid& uid) const {
  const auto at = entities_.find(uid);
  KnownParts parts;
  if (at == entities_.end()) return parts;
  const PartialEntity& entity = at->second;
  if (entity.attrs) parts.attrs = &*entity.attrs;
  if (entity.tags) parts.tags = &*entity.tags;
  if (entity.ancestors) parts.ancestors = &*entity.ancestors;
  return parts;
}

}  // namespace writ::cedar
