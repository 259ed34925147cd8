#include "cedar/schema.h"

#include <algorithm>

namespace writ::cedar {

bool is_action_type(std::string_view type) {
  return type == "Action" || type.ends_with("::Action");
}

Result<Schema> Schema::resolve(const SchemaSyntax& syntax) {
  return resolve(std::span(&syntax, 1));
}

Result<Schema> Schema::parse(std::string_view text, std::string_view file) {
  TRY(syntax, parse_schema(text, file));
  return resolve(syntax);
}

Result<Schema> Schema::parse_json(std::string_view text, std::string_view file) {
  TRY(syntax, parse_schema_json(text, file));
  return resolve(syntax);
}

const Schema::EntityType* Schema::entity_type(std::string_view name) const {
  const auto at = entities_.find(name);
  return at == entities_.end() ? nullptr : &at->second;
}

const Schema::Action* Schema::action(const EntityUid& uid) const {
  const auto at = actions_.find(uid);
  return at == actions_.end() ? nullptr : &at->second;
}

bool Schema::knows_type(std::string_view name) const {
  return is_action_type(name) || entities_.contains(name);
}

bool Schema::may_be_in(std::string_view below, std::string_view above) const {
  if (below == above) return true;
  const EntityType* type = entity_type(above);
  if (type != nullptr && type->descendants.contains(below)) return true;
  return is_action_type(below) &&
         action_types_.contains(std::pair(std::string(below), std::string(above)));
}

bool Schema::operator==(const Schema& other) const {
  const auto same = [](const auto& a, const auto& b, auto equal) {
    return a.size() == b.size() &&
           std::equal(a.begin(), a.end(), b.begin(), [&](const auto& x, const auto& y) {
             return x.first == y.first && equal(x.second, y.second);
           });
  };
  return same(entities_, other.entities_,
              [](const EntityType& a, const EntityType& b) {
                return equal_types(a.attributes, b.attributes) && equal_types(a.tags, b.tags) &&
                       a.enumerated == b.enumerated && a.choices == b.choices &&
                       a.descendants == b.descendants;
              }) &&
         same(actions_, other.actions_, [](const Action& a, const Action& b) {
           return a.principals == b.principals && a.resources == b.resources &&
                  equal_types(a.context, b.context) && a.ancestors == b.ancestors;
         });
}

}  // namespace writ::cedar
