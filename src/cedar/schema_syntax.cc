#include "cedar/schema_syntax.h"

#include <algorithm>
#include <array>
#include <set>

#include "base/json_pointer.h"

namespace writ::cedar {
namespace {

bool is_builtin(std::string_view name) {
  constexpr std::array<std::string_view, 8> kNames{"Bool", "Boolean", "Entity", "Extension",
                                                   "Long", "Record",  "Set",    "String"};
  return std::find(kNames.begin(), kNames.end(), name) != kNames.end();
}

}  // namespace

Error SchemaSyntax::error(const SchemaPlace& place, std::string_view message) const {
  if (source != nullptr) return source->error(place.at, message);
  return {Code::kInvalid, std::string(message), place_in_json(file, place.pointer)};
}

Status check_declarations(const SchemaSyntax& schema) {
  const auto refuse = [&](const SchemaName& name, std::string_view what) {
    return tl::unexpected<Error>(
        schema.error(name.place, "`" + name.name + "` " + std::string(what)));
  };
  for (const SchemaNamespace& space : schema.namespaces) {
    std::set<std::string_view> seen;
    for (const SchemaCommon& common : space.commons) {
      if (is_builtin(common.name.name)) {
        return refuse(common.name, "is built in and cannot be the name of a common type");
      }
      if (!seen.insert(common.name.name).second) {
        return refuse(common.name, "is declared twice as a common type in this namespace");
      }
    }
    seen.clear();
    for (const SchemaEntity& entity : space.entities) {
      if (entity.name.name == "Action") {
        return refuse(entity.name, "is the type of actions and cannot be declared");
      }
      if (!seen.insert(entity.name.name).second) {
        return refuse(entity.name, "is declared twice as an entity type in this namespace");
      }
    }
    seen.clear();
    for (const SchemaAction& action : space.actions) {
      if (!seen.insert(action.name.name).second) {
        return refuse(action.name, "is declared twice as an action in this namespace");
      }
    }
  }
  return {};
}

}  // namespace writ::cedar
