// Entities, contexts and requests against a schema.
#include <algorithm>

#include "base/json_pointer.h"
#include "cedar/validate.h"

namespace writ::cedar {
namespace {

std::optional<Extension> extension_of(Kind kind) {
  switch (kind) {
    case Kind::kIp:
      return Extension::kIpaddr;
    case Kind::kDecimal:
      return Extension::kDecimal;
    case Kind::kDatetime:
      return Extension::kDatetime;
    case Kind::kDuration:
      return Extension::kDuration;
    default:
      return std::nullopt;
  }
}

Status refuse(std::string message, const std::string& where) {
  return fail(Code::kInvalid, std::move(message), where);
}

Status misfit(ValueView value, const Type& type, const std::string& where) {
  return refuse(print(type) + " is wanted here, not " + std::string(kind_name(value.kind())),
                where);
}

Status fits(ValueView value, const Type& type, const std::string& where) {
  using Of = Type::Kind;
  const auto check = [&](bool good) { return good ? Status() : misfit(value, type, where); };
  switch (type.kind) {
    case Of::kNever:
      return misfit(value, type, where);
    case Of::kTrue:
    case Of::kFalse:
      return check(value.is(Kind::kBool) && value.boolean() == (type.kind == Of::kTrue));
    case Of::kBool:
      return check(value.is(Kind::kBool));
    case Of::kLong:
      return check(value.is(Kind::kInt));
    case Of::kString:
      return check(value.is(Kind::kString));
    case Of::kExtension:
      return check(extension_of(value.kind()) == type.extension);
    case Of::kEntity:
      if (!value.is(Kind::kEntity)) return misfit(value, type, where);
      if (type.entities.empty() ||
          std::binary_search(type.entities.begin(), type.entities.end(), value.entity()->type())) {
        return {};
      }
      return refuse(print(type) + " is wanted here, not " + EntityUid(value.entity()).print(),
                    where);
    case Of::kSet: {
      if (!value.is(Kind::kSet)) return misfit(value, type, where);
      if (type.element == nullptr) return {};
      for (const Value& item : value.items()) CHECK_OK(fits(item.view(), *type.element, where));
      return {};
    }
    case Of::kRecord:
      break;
  }
  if (!value.is(Kind::kRecord)) return misfit(value, type, where);
  for (const Field& field : value.fields()) {
    const std::string name(field.first.view());
    const auto at = type.attributes.find(name);
    if (at != type.attributes.end()) {
      CHECK_OK(fits(field.second.view(), *at->second.type, where + step_to_member(name)));
    } else if (!type.open) {
      return refuse("the schema declares no attribute of this name", where + step_to_member(name));
    }
  }
  for (const auto& [name, attribute] : type.attributes) {
    if (attribute.required && value.find(name).is(Kind::kNone)) {
      return refuse("the attribute `" + name + "` is missing", where);
    }
  }
  return {};
}

Status known(const Schema& schema, const EntityUid& uid, const std::string& where) {
  if (is_action_type(uid.type())) {
    if (schema.action(uid) != nullptr) return {};
    return refuse("the schema has no action " + uid.print(), where);
  }
  const Schema::EntityType* type = schema.entity_type(uid.type());
  if (type == nullptr || type->may_have(uid.id())) return {};
  return refuse(
      "the enumerated type `" + std::string(uid.type()) + "` has no entity " + uid.print(), where);
}

// Every entity that the value names, at any depth.
Status all_known(const Schema& schema, ValueView value, const std::string& where) {
  if (value.is(Kind::kEntity)) return known(schema, EntityUid(value.entity()), where);
  if (value.is(Kind::kSet)) {
    for (const Value& item : value.items()) CHECK_OK(all_known(schema, item.view(), where));
  }
  if (value.is(Kind::kRecord)) {
    for (const Field& field : value.fields()) {
      CHECK_OK(all_known(schema, field.second.view(), where + step_to_member(field.first.view())));
    }
  }
  return {};
}

Status validate_action(const Schema& schema, const Entity& entity, const std::string& where) {
  const Schema::Action* action = schema.action(entity.uid);
  if (action == nullptr) return known(schema, entity.uid, where);
  const bool same =
      entity.attrs.view().fields().empty() && entity.tags.view().fields().empty() &&
      entity.ancestors.size() == action->ancestors.size() &&
      std::all_of(action->ancestors.begin(), action->ancestors.end(),
                  [&](const EntityUid& uid) { return entity.ancestors.contains(uid); });
  if (same) return {};
  return refuse("this action is not as the schema declares it", where);
}

}  // namespace

Status validate_uid(const Schema& schema, const EntityUid& uid, const std::string& where) {
  if (schema.entity_type(uid.type()) == nullptr) {
    return refuse("the schema has no entity type `" + std::string(uid.type()) + "`", where);
  }
  return known(schema, uid, where);
}

Status validate_context(const Schema& schema, const EntityUid& action, const Value& context) {
  CHECK_OK(fits(context.view(), *schema.action(action)->context, "context"));
  return all_known(schema, context.view(), "context");
}

bool is_of(ValueView value, const Type& type) {
  return fits(value, type, "").has_value();
}

Status validate_parts(const Schema& schema, const EntityUid& uid, const Value* attrs,
                      const Value* tags, const UidSet* ancestors) {
  const std::string where = uid.print();
  CHECK_OK(validate_uid(schema, uid, where));
  const Schema::EntityType* type = schema.entity_type(uid.type());
  if (attrs != nullptr) {
    CHECK_OK(fits(attrs->view(), *type->attributes, where + "/attrs"));
    CHECK_OK(all_known(schema, attrs->view(), where + "/attrs"));
  }
  if (ancestors != nullptr) {
    for (const EntityUid& above : *ancestors) {
      CHECK_OK(known(schema, above, where + "/parents"));
      const Schema::EntityType* parent = schema.entity_type(above.type());
      if (parent == nullptr || !parent->descendants.contains(uid.type())) {
        return refuse("`" + std::string(uid.type()) + "` cannot be in " + above.print(),
                      where + "/parents");
      }
    }
  }
  if (tags == nullptr) return {};
  for (const Field& tag : tags->view().fields()) {
    const std::string at = where + "/tags/" + std::string(tag.first.view());
    if (type->tags == nullptr) {
      return refuse("`" + std::string(uid.type()) + "` has no tags", at);
    }
    CHECK_OK(fits(tag.second.view(), *type->tags, at));
    CHECK_OK(all_known(schema, tag.second.view(), at));
  }
  return {};
}

Status validate(const Schema& schema, const Entity& entity) {
  if (is_action_type(entity.uid.type())) {
    return validate_action(schema, entity, entity.uid.print());
  }
  return validate_parts(schema, entity.uid, &entity.attrs, &entity.tags, &entity.ancestors);
}

Status validate(const Schema& schema, const Entities& entities) {
  for (const Entity& entity : entities) CHECK_OK(validate(schema, entity));
  return {};
}

Status validate(const Schema& schema, const Request& request) {
  CHECK_OK(validate_uid(schema, request.principal, "principal"));
  CHECK_OK(validate_uid(schema, request.resource, "resource"));
  const Schema::Action* action = schema.action(request.action);
  if (action == nullptr) {
    return refuse("the schema has no action " + request.action.print(), "action");
  }
  const auto applies = [&](const std::set<std::string, std::less<>>& types, const EntityUid& uid,
                           const std::string& where) -> Status {
    if (types.contains(uid.type())) return {};
    return refuse("the action " + request.action.print() + " does not apply to a " + where +
                      " of type `" + std::string(uid.type()) + "`",
                  where);
  };
  CHECK_OK(applies(action->principals, request.principal, "principal"));
  CHECK_OK(applies(action->resources, request.resource, "resource"));
  return validate_context(schema, request.action, request.context);
}

}  // namespace writ::cedar
