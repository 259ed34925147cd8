// What the names in a schema stand for. A name without `::` is sought in its own namespace, then in
// none; in each a common type comes before an entity type. `__cedar::` names what is built in.
#include <algorithm>
#include <functional>
#include <optional>

#include "cedar/schema.h"

namespace writ::cedar {
namespace {

// Of names that stand for types, and of types in types, on the way to one: deeper than any type
// that is not refused (kMaxTypeDepth), and small enough for the stack.
constexpr std::uint32_t kMostSteps = 2 * kMaxTypeDepth + 2;
constexpr std::size_t kMostPairs = 20'000'000;  // of an entity type or action and what is above it

std::string join(std::string_view space, std::string_view name) {
  return space.empty() ? std::string(name) : std::string(space) + "::" + std::string(name);
}

TypePtr builtin(std::string_view name) {
  if (name == "Bool") return Type::of(Type::Kind::kBool);
  if (name == "Long") return Type::of(Type::Kind::kLong);
  if (name == "String") return Type::of(Type::Kind::kString);
  if (const std::optional<Extension> extension = extension_named(name)) return Type::of(*extension);
  return nullptr;
}

// All that can be reached from each key, by breadth; nullopt where it is too much.
template <class Key>
using Reach = std::map<Key, std::set<Key, std::less<>>, std::less<>>;
template <class Key>
std::optional<Reach<Key>> close(const std::map<Key, std::vector<Key>, std::less<>>& edges) {
  Reach<Key> reach;
  std::size_t pairs = 0;
  for (const auto& [start, direct] : edges) {
    auto& seen = reach[start];
    std::vector<Key> open = direct;
    while (!open.empty()) {
      const Key next = std::move(open.back());
      open.pop_back();
      if (!seen.insert(next).second) continue;
      if (++pairs > kMostPairs) return std::nullopt;
      if (const auto at = edges.find(next); at != edges.end()) {
        open.insert(open.end(), at->second.begin(), at->second.end());
      }
    }
  }
  return reach;
}

}  // namespace

class SchemaResolver {
 public:
  explicit SchemaResolver(std::span<const SchemaSyntax> parts) : parts_(parts) {}

  Result<Schema> resolve() {
    CHECK_OK(collect());
    CHECK_OK(refuse_shadows());
    for (const auto& [name, common] : commons_) CHECK_OK(common_type(name, 0));
    CHECK_OK(each(&SchemaResolver::entity));
    CHECK_OK(each(&SchemaResolver::action));
    CHECK_OK(close_entities());
    CHECK_OK(close_actions());
    return std::move(schema_);
  }

 private:
  using Shape = SchemaType::Shape;
  enum class Wanted { kCommon, kEntity, kEither };
  enum class State { kNew, kOpen, kDone };
  struct Common {
    const SchemaSyntax* syntax;
    const SchemaCommon* declared;
    std::string space;
    State state = State::kNew;
    TypePtr type;
  };
  // Where a name is used.
  struct Scope {
    const SchemaSyntax& syntax;
    const std::string& space;
  };

  template <class Declared>
  Status all(Status (SchemaResolver::*visit)(const Scope&, const Declared&),
             const std::vector<Declared> SchemaNamespace::* list) {
    for (const SchemaSyntax& part : parts_) {
      for (const SchemaNamespace& space : part.namespaces) {
        const Scope scope{part, space.name.name};
        for (const Declared& declared : space.*list) CHECK_OK((this->*visit)(scope, declared));
      }
    }
    return {};
  }
  Status each(Status (SchemaResolver::*visit)(const Scope&, const SchemaEntity&)) {
    return all(visit, &SchemaNamespace::entities);
  }
  Status each(Status (SchemaResolver::*visit)(const Scope&, const SchemaAction&)) {
    return all(visit, &SchemaNamespace::actions);
  }

  static tl::unexpected<Error> refuse(const Scope& scope, const SchemaPlace& place,
                                      const std::string& message) {
    return tl::unexpected<Error>(scope.syntax.error(place, message));
  }

  Status collect() {
    for (const SchemaSyntax& part : parts_) {
      for (const SchemaNamespace& space : part.namespaces) {
        const Scope scope{part, space.name.name};
        for (const SchemaCommon& common : space.commons) {
          const std::string full = join(scope.space, common.name.name);
          if (!commons_.emplace(full, Common{&part, &common, scope.space, {}, {}}).second) {
            return refuse(scope, common.name.place, "`" + full + "` is declared twice");
          }
        }
        for (const SchemaEntity& entity : space.entities) {
          const std::string full = join(scope.space, entity.name.name);
          if (!schema_.entities_.emplace(full, Schema::EntityType{}).second) {
            return refuse(scope, entity.name.place, "`" + full + "` is declared twice");
          }
        }
        for (const SchemaAction& action : space.actions) {
          const EntityUid uid(join(scope.space, "Action"), action.name.name);
          if (!schema_.actions_.emplace(uid, Schema::Action{}).second) {
            return refuse(scope, action.name.place, "`" + uid.print() + "` is declared twice");
          }
        }
      }
    }
    for (const auto& [uid, action] : schema_.actions_) {
      action_spaces_.insert(std::string(uid.type()));
    }
    return {};
  }

  // RFC 70: what has no namespace cannot be declared again in one.
  Status refuse_shadows() {
    for (const SchemaSyntax& part : parts_) {
      for (const SchemaNamespace& space : part.namespaces) {
        if (space.name.name.empty()) continue;
        const Scope scope{part, space.name.name};
        const auto check = [&](const SchemaName& name, bool taken) -> Status {
          if (!taken) return {};
          return refuse(scope, name.place,
                        "`" + name.name +
                            "` is declared without a namespace too; one of the two needs another "
                            "name");
        };
        const auto is_type = [&](const std::string& name) {
          return commons_.contains(name) || schema_.entities_.contains(name);
        };
        for (const SchemaCommon& common : space.commons) {
          CHECK_OK(check(common.name, is_type(common.name.name)));
        }
        for (const SchemaEntity& entity : space.entities) {
          CHECK_OK(check(entity.name, is_type(entity.name.name)));
        }
        for (const SchemaAction& action : space.actions) {
          CHECK_OK(
              check(action.name, schema_.actions_.contains(EntityUid("Action", action.name.name))));
        }
      }
    }
    return {};
  }

  bool is_entity(const std::string& full) const {
    return schema_.entities_.contains(full) || action_spaces_.contains(full);
  }

  // The names that `name` can stand for, the preferred first.
  static std::vector<std::string> candidates(const Scope& scope, const std::string& name) {
    if (scope.space.empty() || name.find("::") != std::string::npos) return {name};
    return {join(scope.space, name), name};
  }

  Result<TypePtr> named(const Scope& scope, const std::string& name, const SchemaPlace& place,
                        Wanted wanted, std::uint32_t depth) {
    if (wanted != Wanted::kEntity && name.starts_with("__cedar::")) {
      if (TypePtr type = builtin(std::string_view(name).substr(9))) return type;
    }
    for (const std::string& full : candidates(scope, name)) {
      if (wanted != Wanted::kEntity && commons_.contains(full)) return common_type(full, depth);
      if (wanted != Wanted::kCommon && is_entity(full)) return Type::entity(full);
      if (wanted != Wanted::kEntity && !schema_.entities_.contains(full)) {
        if (TypePtr type = builtin(full)) return type;
      }
    }
    const std::string_view what = wanted == Wanted::kCommon   ? "common type"
                                  : wanted == Wanted::kEntity ? "entity type"
                                                              : "type";
    return refuse(scope, place, "there is no " + std::string(what) + " `" + name + "`");
  }

  Result<TypePtr> common_type(const std::string& full, std::uint32_t depth) {
    Common& common = commons_.at(full);
    if (common.state == State::kDone) return common.type;
    const Scope scope{*common.syntax, common.space};
    const SchemaName& name = common.declared->name;
    if (common.state == State::kOpen) {
      return refuse(scope, name.place, "the common type `" + full + "` stands for itself");
    }
    common.state = State::kOpen;
    TRY(made, type(scope, common.declared->type, depth + 1));
    common.type = std::move(made);
    common.state = State::kDone;
    return common.type;
  }

  Result<TypePtr> type(const Scope& scope, const SchemaType& of, std::uint32_t depth) {
    if (depth > kMostSteps) return refuse(scope, of.place, "types are nested too deeply here");
    switch (of.shape) {
      case Shape::kName:
        return named(scope, of.name, of.place, Wanted::kEither, depth);
      case Shape::kCommon:
        return named(scope, of.name, of.place, Wanted::kCommon, depth);
      case Shape::kEntity:
        return named(scope, of.name, of.place, Wanted::kEntity, depth);
      case Shape::kExtension:
        if (const std::optional<Extension> extension = extension_named(of.name)) {
          return Type::of(*extension);
        }
        return refuse(scope, of.place, "there is no extension type `" + of.name + "`");
      case Shape::kBoolean:
        return Type::of(Type::Kind::kBool);
      case Shape::kLong:
        return Type::of(Type::Kind::kLong);
      case Shape::kString:
        return Type::of(Type::Kind::kString);
      case Shape::kSet: {
        TRY(element, type(scope, of.element.front(), depth + 1));
        return bounded(scope, of, Type::set(std::move(element)));
      }
      case Shape::kRecord:
        break;
    }
    AttributeTypes attributes;
    for (const SchemaAttribute& each : of.attributes) {
      TRY(its, type(scope, each.type, depth + 1));
      attributes.insert_or_assign(each.name, AttributeType{std::move(its), each.required});
    }
    return bounded(scope, of, Type::record(std::move(attributes)));
  }

  static Result<TypePtr> bounded(const Scope& scope, const SchemaType& of, TypePtr made) {
    if (made->depth > kMaxTypeDepth) {
      return refuse(scope, of.place, "types are nested too deeply here");
    }
    return made;
  }

  Result<TypePtr> record(const Scope& scope, const SchemaType& of, std::string_view what) {
    TRY(made, type(scope, of, 0));
    if (!made->is(Type::Kind::kRecord)) {
      return refuse(scope, of.place, std::string(what) + " is a record, not " + print(*made));
    }
    return made;
  }

  // A declared entity type; actions have their own declarations.
  Result<std::string> entity_name(const Scope& scope, const SchemaName& name) {
    for (const std::string& full : candidates(scope, name.name)) {
      if (schema_.entities_.contains(full)) return full;
    }
    return refuse(scope, name.place, "there is no entity type `" + name.name + "`");
  }

  Status entity(const Scope& scope, const SchemaEntity& declared) {
    const std::string full = join(scope.space, declared.name.name);
    Schema::EntityType& made = schema_.entities_.at(full);
    TRY(attributes, record(scope, declared.shape, "the shape of an entity"));
    made.attributes = std::move(attributes);
    if (declared.tags) {
      TRY(tags, type(scope, *declared.tags, 0));
      made.tags = std::move(tags);
    }
    made.enumerated = declared.enumerated;
    made.choices.insert(declared.choices.begin(), declared.choices.end());
    for (const SchemaName& parent : declared.parents) {
      TRY(above, entity_name(scope, parent));
      children_[above].push_back(full);
    }
    return {};
  }

  Status action(const Scope& scope, const SchemaAction& declared) {
    const EntityUid uid(join(scope.space, "Action"), declared.name.name);
    Schema::Action& made = schema_.actions_.at(uid);
    for (const SchemaName& name : declared.principals) {
      TRY(full, entity_name(scope, name));
      made.principals.insert(std::move(full));
    }
    for (const SchemaName& name : declared.resources) {
      TRY(full, entity_name(scope, name));
      made.resources.insert(std::move(full));
    }
    TRY(context, record(scope, declared.context, "a context"));
    made.context = std::move(context);
    parents_[uid];
    for (const SchemaActionRef& parent : declared.parents) {
      TRY(above, action_uid(scope, parent));
      parents_[uid].push_back(above);
    }
    places_.emplace(uid, std::pair(&scope.syntax, &declared.name));
    return {};
  }

  Result<EntityUid> action_uid(const Scope& scope, const SchemaActionRef& ref) {
    for (const std::string& full :
         candidates(scope, ref.type.empty() ? std::string("Action") : ref.type)) {
      EntityUid uid(full, ref.id);
      if (schema_.actions_.contains(uid)) return uid;
    }
    return refuse(
        scope, ref.place,
        "there is no action " + EntityUid(ref.type.empty() ? "Action" : ref.type, ref.id).print());
  }

  Status close_entities() {
    const auto below = close(children_);
    if (!below)
      return fail(Code::kExhausted, "the schema's hierarchy of entity types is too large");
    for (const auto& [name, descendants] : *below) {
      schema_.entities_.at(name).descendants = descendants;
    }
    return {};
  }

  Status close_actions() {
    const auto above = close(parents_);
    if (!above) return fail(Code::kExhausted, "the schema's hierarchy of actions is too large");
    for (const auto& [uid, ancestors] : *above) {
      if (ancestors.contains(uid)) {
        const auto& [syntax, name] = places_.at(uid);
        return tl::unexpected<Error>(
            syntax->error(name->place, "the action " + uid.print() + " is above itself"));
      }
      Schema::Action& action = schema_.actions_.at(uid);
      for (const EntityUid& ancestor : ancestors) {
        action.ancestors.insert(ancestor);
        schema_.actions_.at(ancestor).descendants.insert(uid);
        schema_.action_types_.emplace(std::string(uid.type()), std::string(ancestor.type()));
      }
    }
    return {};
  }

  std::span<const SchemaSyntax> parts_;
  Schema schema_;
  std::map<std::string, Common, std::less<>> commons_;  // by full name
  std::set<std::string, std::less<>> action_spaces_;    // `Action` of each namespace with actions
  std::map<std::string, std::vector<std::string>, std::less<>> children_;
  std::map<EntityUid, std::vector<EntityUid>, std::less<>> parents_;
  std::map<EntityUid, std::pair<const SchemaSyntax*, const SchemaName*>> places_;
};

Result<Schema> Schema::resolve(std::span<const SchemaSyntax> parts) {
  return SchemaResolver(parts).resolve();
}

}  // namespace writ::cedar
