#include "cedar/typed_json.h"

#include <set>
#include <utility>

namespace writ::cedar {
namespace {

// The function that makes a value of the type.
std::string_view constructor_of(Extension extension) {
  return extension == Extension::kIpaddr ? "ip" : extension_name(extension);
}

const Schema::EntityType* type_of(const Schema& schema, const Json& entity) {
  const Json* uid = entity.find("uid");
  if (uid != nullptr && uid->find("__entity") != nullptr) uid = uid->find("__entity");
  const Json* name = uid == nullptr ? nullptr : uid->find("type");
  if (name == nullptr || name->as_string() == nullptr) return nullptr;
  return schema.entity_type(*name->as_string());
}

}  // namespace

Json explicit_value(const Json& json, const Type& type) {
  switch (type.kind) {
    case Type::Kind::kEntity: {
      const bool bare = json.find("type") != nullptr && json.find("id") != nullptr;
      return bare ? Json::object({{"__entity", json}}) : json;
    }
    case Type::Kind::kExtension:
      if (json.as_string() != nullptr) {
        Json call = Json::object({{"fn", Json(constructor_of(type.extension))}, {"arg", json}});
        return Json::object({{"__extn", std::move(call)}});
      }
      return json.find("fn") != nullptr ? Json::object({{"__extn", json}}) : json;
    case Type::Kind::kSet: {
      const JsonArray* array = json.as_array();
      if (array == nullptr || type.element == nullptr) return json;
      JsonArray made;
      for (const Json& item : *array) made.push_back(explicit_value(item, *type.element));
      return Json(std::move(made));
    }
    case Type::Kind::kRecord: {
      const JsonObject* object = json.as_object();
      if (object == nullptr) return json;
      JsonObject made;
      for (const JsonMember& member : *object) {
        const auto of = type.attributes.find(member.first);
        made.emplace_back(member.first, of == type.attributes.end()
                                            ? member.second
                                            : explicit_value(member.second, *of->second.type));
      }
      return Json(std::move(made));
    }
    default:
      return json;
  }
}

Json explicit_entities(const Schema& schema, const Json& entities) {
  const JsonArray* array = entities.as_array();
  if (array == nullptr) return entities;
  JsonArray made = *array;
  for (Json& entity : made) {
    const Schema::EntityType* type = type_of(schema, entity);
    if (type == nullptr) continue;
    if (const Json* attrs = entity.find("attrs")) {
      entity.set("attrs", explicit_value(*attrs, *type->attributes));
    }
    const Json* tags = entity.find("tags");
    if (tags == nullptr || tags->as_object() == nullptr || type->tags == nullptr) continue;
    JsonObject members;
    for (const JsonMember& member : *tags->as_object()) {
      members.emplace_back(member.first, explicit_value(member.second, *type->tags));
    }
    entity.set("tags", Json(std::move(members)));
  }
  return Json(std::move(made));
}

Json with_actions(const Schema& schema, Json entities) {
  const JsonArray* array = entities.as_array();
  if (array == nullptr) return entities;
  std::set<EntityUid> present;
  for (const Json& entity : *array) {
    const Json* uid = entity.find("uid");
    if (uid == nullptr) continue;
    if (const auto read = uid_from_json(*uid)) present.insert(*read);
  }
  for (const auto& [uid, action] : schema.actions()) {
    if (present.contains(uid)) continue;
    Json parents = Json::array();
    for (const EntityUid& above : action.ancestors) parents.push(to_json(above));
    Json entity = Json::object({{"uid", to_json(uid)}, {"attrs", Json::object()}});
    entity.set("parents", std::move(parents));
    entities.push(std::move(entity));
  }
  return entities;
}

Json explicit_context(const Schema& schema, const Json& context, const EntityUid& action) {
  const Schema::Action* declared = schema.action(action);
  return declared == nullptr ? context : explicit_value(context, *declared->context);
}

}  // namespace writ::cedar
