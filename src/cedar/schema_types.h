// What a Cedar schema says about the types of attributes, tags and contexts, so that JSON may leave
// the escapes `__entity` and `__extn` out where the schema tells what stands there. Nothing here
// validates: a value that does not fit its type is left as it is.
// https://docs.cedarpolicy.com/schema/human-readable-schema.html
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "cedar/uid.h"

namespace writ::cedar {

class SchemaTypes {
 public:
  static Result<SchemaTypes> parse(std::string_view text, std::string_view file = {});

  // Entities in Cedar's JSON format with every escape written out.
  Json explicit_entities(const Json& entities) const;
  // The same for the context of a request with this action.
  Json explicit_context(const Json& context, const EntityUid& action) const;

 private:
  friend class SchemaReader;
  struct Type;
  using TypePtr = std::shared_ptr<const Type>;
  struct Type {
    enum class Shape : std::uint8_t { kNamed, kSet, kRecord };
    Shape shape = Shape::kNamed;
    std::string name;   // of kNamed, as written
    std::string space;  // the namespace that it was written in
    TypePtr element;    // of kSet
    std::map<std::string, TypePtr, std::less<>> attributes;
  };
  struct EntityType {
    TypePtr attributes;  // a record; null where none is declared
    TypePtr tags;        // null where it has none
  };

  Json explicit_form(const Json& json, const TypePtr& type) const;
  Json explicit_record(const Json& json, const Type& type) const;

  std::map<std::string, TypePtr, std::less<>> common_;       // by full name
  std::map<std::string, EntityType, std::less<>> entities_;  // by full name
  std::map<std::string, TypePtr, std::less<>> contexts_;     // by printed uid of the action
};

}  // namespace writ::cedar
