#include "cedar/type.h"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "cedar/text.h"

namespace writ::cedar {
namespace {

constexpr std::array<std::string_view, 4> kExtensions{"ipaddr", "decimal", "datetime", "duration"};
constexpr std::string_view kUnequal = "types must be equal to be compatible";

TypePtr share(Type type) {
  return std::make_shared<const Type>(std::move(type));
}

using Kind = Type::Kind;

bool same_names(const AttributeTypes& a, const AttributeTypes& b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(),
                                            [](auto& x, auto& y) { return x.first == y.first; });
}

bool attributes_fit(const AttributeTypes& a, const AttributeTypes& b, ValidationMode mode,
                    Steps& steps) {
  return std::all_of(b.begin(), b.end(), [&](const auto& wanted) {
    const auto given = a.find(wanted.first);
    if (given == a.end()) return false;
    const bool need = given->second.required;
    const bool need_too = wanted.second.required;
    if (mode == ValidationMode::kStrict ? need != need_too : !need && need_too) return false;
    return is_subtype(given->second.type, wanted.second.type, mode, steps);
  });
}

bool record_fits(const Type& a, const Type& b, ValidationMode mode, Steps& steps) {
  if (a.open && !b.open) return false;
  const bool may_be_wider = b.open && mode == ValidationMode::kPermissive;
  if (!may_be_wider && !same_names(a.attributes, b.attributes)) return false;
  return attributes_fit(a.attributes, b.attributes, mode, steps);
}

CommonType common_record(const Type& a, const Type& b, ValidationMode mode, Steps& steps) {
  const bool strict = mode == ValidationMode::kStrict;
  if (strict && !same_names(a.attributes, b.attributes)) {
    return {nullptr, "compatible records have exactly the same attributes"};
  }
  AttributeTypes both;
  for (const auto& [name, one] : a.attributes) {
    const auto other = b.attributes.find(name);
    if (other == b.attributes.end()) continue;
    CommonType common = common_type(one.type, other->second.type, mode, steps);
    if (common.type == nullptr) {
      if (strict) return common;
      continue;
    }
    if (strict && one.required != other->second.required) {
      return {nullptr,
              "attributes of compatible records are required in both, or optional in both"};
    }
    both.emplace(name, AttributeType{common.type, one.required && other->second.required});
  }
  const bool open =
      a.open || b.open || both.size() != a.attributes.size() || both.size() != b.attributes.size();
  return {Type::record(std::move(both), open), {}};
}

// `known` holds pairs already found equal, or being compared: shared parts are walked once.
bool equal(const TypePtr& a, const TypePtr& b,
           std::set<std::pair<const Type*, const Type*>>& known) {
  if (a == b) return true;
  if (a == nullptr || b == nullptr || a->kind != b->kind || a->depth != b->depth) return false;
  if (a->is(Kind::kExtension)) return a->extension == b->extension;
  if (a->is(Kind::kEntity)) return a->entities == b->entities;
  if (!known.emplace(a.get(), b.get()).second) return true;
  if (a->is(Kind::kSet)) return equal(a->element, b->element, known);
  if (!a->is(Kind::kRecord)) return true;
  return a->open == b->open && a->attributes.size() == b->attributes.size() &&
         std::equal(a->attributes.begin(), a->attributes.end(), b->attributes.begin(),
                    [&](const auto& x, const auto& y) {
                      return x.first == y.first && x.second.required == y.second.required &&
                             equal(x.second.type, y.second.type, known);
                    });
}

void write(std::string& out, const Type& type);

void write_record(std::string& out, const Type& type) {
  out += '{';
  bool first = true;
  for (const auto& [name, attribute] : type.attributes) {
    if (!first) out += ", ";
    first = false;
    if (is_identifier(name))
      out += name;
    else
      append_quoted(out, name);
    out += attribute.required ? ": " : "?: ";
    write(out, *attribute.type);
  }
  if (type.open) out += first ? "..." : ", ...";
  out += '}';
}

void write(std::string& out, const Type& type) {
  constexpr std::size_t kMost = 200;
  if (out.size() > kMost) {
    if (!out.ends_with("...")) out += "...";
    return;
  }
  switch (type.kind) {
    case Kind::kNever:
      out += "Never";
      break;
    case Kind::kTrue:
      out += "True";
      break;
    case Kind::kFalse:
      out += "False";
      break;
    case Kind::kBool:
      out += "Bool";
      break;
    case Kind::kLong:
      out += "Long";
      break;
    case Kind::kString:
      out += "String";
      break;
    case Kind::kExtension:
      out += extension_name(type.extension);
      break;
    case Kind::kSet:
      if (type.element == nullptr) {
        out += "Set";
        break;
      }
      out += "Set<";
      write(out, *type.element);
      out += '>';
      break;
    case Kind::kRecord:
      write_record(out, type);
      break;
    case Kind::kEntity:
      if (type.entities.empty()) out += "entity";
      for (std::size_t i = 0; i < type.entities.size(); ++i) {
        out += (i > 0 ? " or " : "") + type.entities[i];
      }
      break;
  }
}

}  // namespace

std::string_view extension_name(Extension extension) {
  return kExtensions.at(static_cast<std::size_t>(extension));
}

std::optional<Extension> extension_named(std::string_view name) {
  const auto at = std::find(kExtensions.begin(), kExtensions.end(), name);
  if (at == kExtensions.end()) return std::nullopt;
  return static_cast<Extension>(at - kExtensions.begin());
}

TypePtr Type::of(Kind kind) {
  static const auto kTypes = [] {
    std::array<TypePtr, 10> types;
    for (std::size_t i = 0; i < types.size(); ++i) {
      Type type;
      type.kind = static_cast<Kind>(i);
      type.open = type.kind == Kind::kRecord;
      types.at(i) = share(std::move(type));
    }
    return types;
  }();
  return kTypes.at(static_cast<std::size_t>(kind));
}

TypePtr Type::boolean(bool value) {
  return of(value ? Kind::kTrue : Kind::kFalse);
}

TypePtr Type::of(Extension extension) {
  static const auto kTypes = [] {
    std::array<TypePtr, 4> types;
    for (std::size_t i = 0; i < types.size(); ++i) {
      Type type;
      type.kind = Kind::kExtension;
      type.extension = static_cast<Extension>(i);
      types.at(i) = share(std::move(type));
    }
    return types;
  }();
  return kTypes.at(static_cast<std::size_t>(extension));
}

TypePtr Type::set(TypePtr element) {
  Type type;
  type.kind = Kind::kSet;
  type.depth = element->depth + 1;
  type.element = std::move(element);
  return share(std::move(type));
}

TypePtr Type::record(AttributeTypes attributes, bool open) {
  Type type;
  type.kind = Kind::kRecord;
  for (const auto& [name, attribute] : attributes) {
    type.depth = std::max(type.depth, attribute.type->depth + 1);
  }
  type.attributes = std::move(attributes);
  type.open = open;
  return share(std::move(type));
}

TypePtr Type::entity(std::string_view name) {
  return one_of({std::string(name)});
}

TypePtr Type::one_of(std::vector<std::string> names) {
  Type type;
  type.kind = Kind::kEntity;
  type.entities = std::move(names);
  return share(std::move(type));
}

std::string print(const Type& type) {
  std::string out;
  write(out, type);
  return out;
}

bool equal_types(const TypePtr& a, const TypePtr& b) {
  std::set<std::pair<const Type*, const Type*>> known;
  return equal(a, b, known);
}

bool is_subtype(const TypePtr& a, const TypePtr& b, ValidationMode mode, Steps& steps) {
  if (!steps.take()) return false;
  if (a == b || a->is(Kind::kNever)) return true;
  if (b->is(Kind::kBool)) return a->is_boolean();
  if (a->kind != b->kind) return false;
  switch (a->kind) {
    case Kind::kSet:
      if (b->element == nullptr) return true;
      return a->element != nullptr && is_subtype(a->element, b->element, mode, steps);
    case Kind::kRecord:
      return record_fits(*a, *b, mode, steps);
    case Kind::kEntity:
      if (a->entities == b->entities) return true;
      if (mode == ValidationMode::kStrict || a->entities.empty()) return false;
      return b->entities.empty() || std::includes(b->entities.begin(), b->entities.end(),
                                                  a->entities.begin(), a->entities.end());
    case Kind::kExtension:
      return a->extension == b->extension;
    default:
      return true;
  }
}

CommonType common_type(const TypePtr& a, const TypePtr& b, ValidationMode mode, Steps& steps) {
  if (is_subtype(a, b, mode, steps)) return {b, {}};
  if (is_subtype(b, a, mode, steps)) return {a, {}};
  if (steps.spent()) return {nullptr, kUnequal};
  if (a->is_boolean() && b->is_boolean()) return {Type::of(Kind::kBool), {}};
  if (a->is(Kind::kSet) && b->is(Kind::kSet)) {
    CommonType element = common_type(a->element, b->element, mode, steps);
    if (element.type == nullptr) return element;
    return {Type::set(std::move(element.type)), {}};
  }
  if (a->is(Kind::kRecord) && b->is(Kind::kRecord)) return common_record(*a, *b, mode, steps);
  if (a->is(Kind::kEntity) && b->is(Kind::kEntity)) {
    if (mode == ValidationMode::kStrict) {
      return {nullptr, "different entity types are never compatible"};
    }
    if (a->entities.empty() || b->entities.empty()) return {Type::of(Kind::kEntity), {}};
    std::vector<std::string> both;
    std::set_union(a->entities.begin(), a->entities.end(), b->entities.begin(), b->entities.end(),
                   std::back_inserter(both));
    return {Type::one_of(std::move(both)), {}};
  }
  const auto is_entity_and_record = [](const Type& x, const Type& y) {
    return x.is(Kind::kEntity) && y.is(Kind::kRecord);
  };
  if (is_entity_and_record(*a, *b) || is_entity_and_record(*b, *a)) {
    return {nullptr, "entities and records are never compatible"};
  }
  return {nullptr, kUnequal};
}

}  // namespace writ::cedar
