#include "core/application.h"

#include <algorithm>
#include <span>

#include "base/json_pointer.h"
#include "cedar/text.h"
#include "cedar/typed_json.h"
#include "core/entities.h"

namespace writ::core {
namespace {

using cedar::EntityUid;

bool is_writ(std::string_view type) {
  return type.starts_with("Writ::") || type.starts_with("__cedar") || type == "Writ";
}

bool is_of_application(const EntityUid& uid) {
  return !is_writ(uid.type()) && uid.type().find("::") != std::string_view::npos;
}

// Names of attributes that an expression reads of the resource.
void collect_read(const cedar::Expr& e, std::vector<std::string>& names) {
  const bool reads = e.op == cedar::Op::kGet && e.args[0].op == cedar::Op::kResource;
  if (reads) names.push_back(e.names[0]);
  for (const cedar::Expr& arg : e.args) collect_read(arg, names);
}

// Entities of applications that an expression names.
void collect(const cedar::Expr& e, std::vector<EntityUid>& uids) {
  if (e.op == cedar::Op::kLiteral) {
    if (const auto uid = e.value.as_entity(); uid && is_of_application(*uid)) uids.push_back(*uid);
  }
  for (const cedar::Expr& arg : e.args) collect(arg, uids);
}

}  // namespace

// A file of entities may be as large as any of a policy set.
constexpr JsonLimits kEntitiesLimits{kMostPolicyFileBytes, 64, 2'000'000};

std::string place_of(const EntityUid& uid, const PolicyFile& file) {
  const Result<Json> json = parse_json(file.text, kEntitiesLimits);
  const JsonArray* items = json ? json->as_array() : nullptr;
  for (std::size_t i = 0; items != nullptr && i < items->size(); ++i) {
    const Json* said = (*items)[i].find("uid");
    const Result<EntityUid> found = cedar::uid_from_json(said != nullptr ? *said : Json());
    if (found && *found == uid) return place_in_json(file.name, "/" + std::to_string(i));
  }
  return file.name;
}

Result<cedar::Entities> application_entities(const std::vector<PolicyFile>& files,
                                             const cedar::Schema* schema) {
  JsonArray all;
  std::string names;
  for (const PolicyFile& file : files) {
    if (kind_of(file) != PolicyFileKind::kEntities) continue;
    TRY(json, parse_json(file.text, kEntitiesLimits, file.name));
    if (schema != nullptr) json = cedar::explicit_entities(*schema, json);
    TRY(entities, cedar::Entities::from_json(json, file.name));
    for (const cedar::Entity& entity : entities) {
      if (!is_of_application(entity.uid)) {
        return fail(Code::kInvalid,
                    entity.uid.print() + " is of no application's namespace, as TodoApp::user is",
                    place_of(entity.uid, file));
      }
      for (const EntityUid& above : entity.ancestors) {
        if (is_of_application(above)) continue;
        return fail(Code::kInvalid,
                    entity.uid.print() + " lies below " + above.print() +
                        ", which is no entity of an application",
                    place_of(entity.uid, file));
      }
    }
    JsonArray& items = *json.as_array();
    std::move(items.begin(), items.end(), std::back_inserter(all));
    names += (names.empty() ? "" : ", ") + file.name;
  }
  return cedar::Entities::from_json(Json(std::move(all)), names);
}

std::vector<EntityUid> known_entities(const std::vector<const cedar::Policy*>& policies,
                                      const cedar::Entities& entities,
                                      const std::optional<ApplicationSchema>& applications) {
  std::vector<EntityUid> uids;
  if (applications) {
    for (const auto& [uid, names] : applications->asserted_with) uids.push_back(uid);
  }
  for (const cedar::Entity& entity : entities) uids.push_back(entity.uid);
  for (const cedar::Policy* policy : policies) {
    for (const cedar::Constraint* scope :
         {&policy->principal, &policy->action, &policy->resource}) {
      std::copy_if(scope->uids.begin(), scope->uids.end(), std::back_inserter(uids),
                   is_of_application);
    }
    for (const cedar::Condition& condition : *policy->conditions) collect(condition.expr, uids);
  }
  std::erase_if(uids, [](const EntityUid& uid) { return !is_of_application(uid); });
  std::sort(uids.begin(), uids.end());
  uids.erase(std::unique(uids.begin(), uids.end()), uids.end());
  return uids;
}

std::shared_ptr<const cedar::EntityIndex> index_of(
    const std::vector<EntityUid>& known, const cedar::Entities& entities,
    const std::vector<const cedar::Policy*>& policies) {
  std::vector<std::string> attributes;
  for (const cedar::Policy* policy : policies) {
    if (policy->effect == cedar::Effect::kForbid) continue;
    for (const cedar::Condition& condition : *policy->conditions) {
      collect_read(condition.expr, attributes);
    }
  }
  std::sort(attributes.begin(), attributes.end());
  attributes.erase(std::unique(attributes.begin(), attributes.end()), attributes.end());
  constexpr std::size_t kMostAttributes = 16;  // more are looked at one by one
  if (attributes.size() > kMostAttributes) attributes.resize(kMostAttributes);
  struct Indexed {
    std::vector<cedar::Entity> entities;
    std::optional<cedar::EntityIndex> index;
  };
  auto made = std::make_shared<Indexed>();
  made->entities.reserve(known.size());
  for (const EntityUid& uid : known) {
    const cedar::Entity* entity = entities.find(uid);
    made->entities.push_back(entity != nullptr ? *entity : cedar::Entity{uid});
  }
  made->index.emplace(made->entities, attributes);
  return {made, &*made->index};
}

cedar::Entity with_asserted(const cedar::Entities& entities, const EntityUid& uid,
                            const cedar::Value& asserted) {
  const cedar::Entity* known = entities.find(uid);
  if (known == nullptr) return cedar::Entity{uid, asserted};
  cedar::Entity entity = *known;
  const std::span<const cedar::Field> own = known->attrs.view().fields();
  std::vector<cedar::Field> fields(own.begin(), own.end());
  for (const cedar::Field& field : asserted.view().fields()) {
    if (!known->attrs.find(field.first.view())) fields.push_back(field);
  }
  entity.attrs = cedar::Value::record(std::move(fields));
  return entity;
}

std::string namespace_of_door(const State& state, std::string_view door) {
  const Identity* identity = state.identities.find(door);
  if (identity == nullptr || identity->kind != IdentityKind::kDoor) return {};
  std::string space = namespace_of(identity->name);
  const std::string* owner = state.entities->door_of_namespace(space);
  return owner != nullptr && *owner == door ? space : std::string();
}

std::string type_in(std::string_view space, std::string_view type) {
  const std::string prefix = std::string(space) + "::";
  return type.starts_with(prefix) && type.size() > prefix.size() ? std::string(type)
                                                                 : prefix + std::string(type);
}

Result<ApplicationTypes> application_types(const State& state, const Question& question) {
  const std::string space = namespace_of_door(state, question.door);
  if (space.empty()) {
    const Identity* door = state.identities.find(question.door);
    return fail(Code::kDenied, "the door \"" + (door == nullptr ? question.door : door->name) +
                                   "\" has no namespace of its own");
  }
  const auto is_type = [](const std::string& type) {
    return type.size() <= 500 && cedar::is_type_name(type);
  };
  std::string_view action = question.action;
  const std::string prefix = space + "::";
  if (action.size() > prefix.size() && action.starts_with(prefix)) {
    action.remove_prefix(prefix.size());
  }
  ApplicationTypes types{
      question.subject_type.empty() ? std::string() : type_in(space, question.subject_type),
      cedar::EntityUid(prefix + "Action", action), type_in(space, question.resource_type)};
  if (!is_type(types.resource) || action.find("::") != action.npos) {
    return fail(Code::kDenied, "this is no type or action of the namespace " + space);
  }
  if (!types.subject.empty() && !is_type(types.subject)) {
    return fail(Code::kDenied, "this is no type of the namespace " + space);
  }
  return types;
}

}  // namespace writ::core
