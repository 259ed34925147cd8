// Typing what entities and records have: attributes and tags, and whether they are surely there.
#include <algorithm>

#include "base/bytes.h"
#include "cedar/text.h"
#include "cedar/typecheck_checker.h"

namespace writ::cedar::checking {

std::optional<AttributeType> Checker::attribute(const Type& of, const std::string& name) {
  if (of.is(Kind::kRecord)) return find(of.attributes, name);
  if (!of.is(Kind::kEntity) || of.entities.empty()) return std::nullopt;
  std::optional<AttributeType> made;
  for (const std::string& entity : of.entities) {
    const Schema::EntityType* type = schema_.entity_type(entity);
    if (type == nullptr) return std::nullopt;
    std::optional<AttributeType> its = find(type->attributes->attributes, name);
    if (!its) return std::nullopt;
    if (!made) {
      made = std::move(its);
      continue;
    }
    const CommonType both_types =
        common_type(made->type, its->type, ValidationMode::kPermissive, steps_);
    if (both_types.type == nullptr) return std::nullopt;
    made = AttributeType{both_types.type, made->required && its->required};
  }
  return made;
}

std::optional<AttributeType> Checker::find(const AttributeTypes& attributes,
                                           const std::string& name) {
  const auto at = attributes.find(name);
  if (at == attributes.end()) return std::nullopt;
  return at->second;
}

bool Checker::may_have(const Type& of, const std::string& name) const {
  if (of.is(Kind::kNever)) return true;
  if (of.is(Kind::kRecord)) return of.open || of.attributes.contains(name);
  if (of.entities.empty()) return true;
  return std::any_of(of.entities.begin(), of.entities.end(), [&](const std::string& entity) {
    const Schema::EntityType* type = schema_.entity_type(entity);
    if (type == nullptr) return !is_action_type(entity);
    return type->attributes->attributes.contains(name);
  });
}

Answer Checker::get(const CoreNode& node, const Capabilities& prior) {
  const Answer of = expect(prior, node.args[0], Wanted::kEntityOrRecord);
  if (of.type == nullptr) return typed(nullptr, false);
  const std::string& name = node.names[0];
  const std::optional<AttributeType> its = attribute(*of.type, name);
  if (!its) {
    report(Problem::kMissingAttribute, node,
           print(*of.type) + " has no attribute `" + name + "`" + suggestion(*of.type, name) +
               (may_have(*of.type, name) ? " that every such value has with one type" : ""));
    return typed(nullptr, false);
  }
  if (!its->required && !holds(prior, attribute_capability(node.args[0], name))) {
    report(Problem::kUnsafeAttribute, node,
           "the attribute `" + name + "` of " + print(*of.type) +
               " is optional; test with `has` before this that it is there");
    return typed(its->type, false);
  }
  return typed(its->type, of.ok);
}

std::string Checker::suggestion(const Type& of, const std::string& name) const {
  const AttributeTypes* attributes = nullptr;
  if (of.is(Kind::kRecord)) attributes = &of.attributes;
  if (of.is(Kind::kEntity) && of.entities.size() == 1) {
    const Schema::EntityType* type = schema_.entity_type(of.entities.front());
    if (type != nullptr) attributes = &type->attributes->attributes;
  }
  if (attributes == nullptr || name.size() > 40) return "";
  std::string_view best;
  std::size_t least = 3;
  for (const auto& [each, type] : *attributes) {
    if (each.size() > 40) continue;
    const std::size_t distance = edit_distance(each, name);
    if (distance < least) {
      least = distance;
      best = each;
    }
  }
  return best.empty() ? "" : " (did you mean `" + std::string(best) + "`?)";
}

Answer Checker::has(const CoreNode& node, const Capabilities& prior) {
  const Answer of = expect(prior, node.args[0], Wanted::kEntityOrRecord);
  if (of.type == nullptr) return boolean(false);
  const std::string& name = node.names[0];
  const std::optional<AttributeType> its = attribute(*of.type, name);
  if (!its) {
    return typed(may_have(*of.type, name) ? Type::of(Kind::kBool) : Type::boolean(false), of.ok);
  }
  // An entity may not exist, and then has nothing.
  const std::uint32_t known = attribute_capability(node.args[0], name);
  const bool surely = holds(prior, known) || (its->required && of.type->is(Kind::kRecord));
  return {of.ok, surely ? Type::boolean(true) : Type::of(Kind::kBool), {known}};
}

std::vector<TypePtr> Checker::tag_types(const Type& of) const {
  std::vector<TypePtr> made;
  const auto add = [&](const Schema::EntityType& type) {
    if (type.tags != nullptr) made.push_back(type.tags);
  };
  if (of.entities.empty()) {
    for (const auto& [name, type] : schema_.entity_types()) add(type);
  }
  for (const std::string& name : of.entities) {
    if (const Schema::EntityType* type = schema_.entity_type(name)) add(*type);
  }
  return made;
}

Answer Checker::has_tag(const CoreNode& node, const Capabilities& prior) {
  const Answer of = expect(prior, node.args[0], Wanted::kEntity);
  const Answer tag = expect(prior, node.args[1], Wanted::kString);
  const bool ok = of.ok && tag.ok;
  if (of.type == nullptr || !of.type->is(Kind::kEntity)) return typed(nullptr, false);
  const std::uint32_t known = tag_capability(node.args[0], node.args[1]);
  TypePtr type = tag_types(*of.type).empty() ? Type::boolean(false)
                 : holds(prior, known)       ? Type::boolean(true)
                                             : Type::of(Kind::kBool);
  return {ok, std::move(type), {known}};
}

Answer Checker::get_tag(const CoreNode& node, const Capabilities& prior) {
  const Answer of = expect(prior, node.args[0], Wanted::kEntity);
  const Answer tag = expect(prior, node.args[1], Wanted::kString);
  if (of.type == nullptr || !of.type->is(Kind::kEntity)) return typed(nullptr, false);
  if (!holds(prior, tag_capability(node.args[0], node.args[1]))) {
    report(Problem::kUnsafeTag, node,
           "this tag of " + print(*of.type) +
               " may not be there; test with `hasTag` before this that it is");
    return typed(nullptr, false);
  }
  const std::vector<TypePtr> types = tag_types(*of.type);
  if (types.empty()) {
    report(Problem::kNoTags, node, print(*of.type) + " has no tags");
    return typed(nullptr, false);
  }
  TypePtr type = common(node, types, "the tags of this entity are");
  if (type == nullptr) return typed(nullptr, false);
  return typed(std::move(type), of.ok && tag.ok);
}

}  // namespace writ::cedar::checking
