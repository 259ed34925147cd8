// Schema: which entity types, actions and contexts there are. Every name is resolved: a common type
// is replaced by what it stands for, and hierarchies are closed.
// https://docs.cedarpolicy.com/schema/schema.html
// Invariant: every type that an attribute, tag, context or list names is declared.
#pragma once

#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cedar/schema_syntax.h"
#include "cedar/type.h"
#include "cedar/uid.h"

namespace writ::cedar {

class Schema {
 public:
  struct EntityType {
    TypePtr attributes;  // a closed record
    TypePtr tags;        // null where it has none
    bool enumerated = false;
    std::set<std::string, std::less<>> choices;      // of an enumerated type
    std::set<std::string, std::less<>> descendants;  // transitive; itself only in a cycle
    bool may_have(std::string_view id) const { return !enumerated || choices.contains(id); }
  };
  struct Action {
    std::set<std::string, std::less<>> principals;  // none: it applies to nothing
    std::set<std::string, std::less<>> resources;
    TypePtr context;                  // a closed record
    std::set<EntityUid> ancestors;    // transitive
    std::set<EntityUid> descendants;  // transitive
  };
  using EntityTypes = std::map<std::string, EntityType, std::less<>>;
  using Actions = std::map<EntityUid, Action>;

  // Of one schema, or of several taken together.
  static Result<Schema> resolve(const SchemaSyntax& syntax);
  static Result<Schema> resolve(std::span<const SchemaSyntax> parts);
  // parse_schema or parse_schema_json, then resolve.
  static Result<Schema> parse(std::string_view text, std::string_view file = {});
  static Result<Schema> parse_json(std::string_view text, std::string_view file = {});

  const EntityTypes& entity_types() const { return entities_; }
  const Actions& actions() const { return actions_; }
  const EntityType* entity_type(std::string_view name) const;
  const Action* action(const EntityUid& uid) const;
  // True for declared types and for every type of actions.
  bool knows_type(std::string_view name) const;
  // Whether an entity of type `below` can be in one of type `above`: the types are the same or one
  // is declared below the other, among entities or among actions.
  bool may_be_in(std::string_view below, std::string_view above) const;

  bool operator==(const Schema& other) const;

 private:
  friend class SchemaResolver;
  EntityTypes entities_;
  Actions actions_;
  std::set<std::pair<std::string, std::string>, std::less<>> action_types_;  // below, above
};

// `Action`, in whatever namespace.
bool is_action_type(std::string_view type);

}  // namespace writ::cedar
