// A schema as written, in Cedar syntax or in JSON: parsed, printed, converted. What its names stand
// for is resolved by schema.h.
// https://docs.cedarpolicy.com/schema/human-readable-schema.html
// https://docs.cedarpolicy.com/schema/json-schema.html
// Invariant: no type is nested deeper than kMaxSchemaDepth.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "cedar/policy.h"
#include "cedar/source.h"

namespace writ::cedar {

inline constexpr std::size_t kMaxSchemaDepth = 64;

// Where something stands: an offset in Cedar syntax, a JSON pointer in JSON.
struct SchemaPlace {
  std::uint32_t at = 0;
  std::string pointer;
};

struct SchemaName {
  std::string name;  // identifiers joined by `::`
  SchemaPlace place;
};

struct SchemaAttribute;

struct SchemaType {
  enum class Shape : std::uint8_t {
    kName,       // a common or entity type: all that Cedar syntax has; "EntityOrCommon" in JSON
    kCommon,     // JSON alone: {"type": NAME}
    kEntity,     // JSON alone: {"type": "Entity", "name": NAME}
    kExtension,  // JSON alone
    kBoolean,    // JSON alone
    kLong,       // JSON alone
    kString,     // JSON alone
    kSet,
    kRecord,
  };
  Shape shape = Shape::kRecord;
  std::string name;                         // of the first four
  std::vector<SchemaType> element;          // of kSet: one
  std::vector<SchemaAttribute> attributes;  // of kRecord
  SchemaPlace place;
};

struct SchemaAttribute {
  std::string name;
  SchemaType type;
  bool required = true;
  std::vector<Annotation> annotations;
};

struct SchemaEntity {
  SchemaName name;
  std::vector<SchemaName> parents;
  SchemaType shape;  // a record, or the name of one
  std::optional<SchemaType> tags;
  bool enumerated = false;
  std::vector<std::string> choices;  // of an enumerated type: one or more
  std::vector<Annotation> annotations;
};

struct SchemaActionRef {
  std::string type;  // empty for `Action` in the own namespace or none
  std::string id;
  SchemaPlace place;
};

struct SchemaAction {
  SchemaName name;  // any text
  std::vector<SchemaActionRef> parents;
  std::vector<SchemaName> principals;  // none: applies to nothing
  std::vector<SchemaName> resources;
  SchemaType context;  // a record, or the name of one
  std::vector<Annotation> annotations;
};

struct SchemaCommon {
  SchemaName name;
  SchemaType type;
  std::vector<Annotation> annotations;
};

struct SchemaNamespace {
  SchemaName name;  // empty for none
  std::vector<SchemaCommon> commons;
  std::vector<SchemaEntity> entities;
  std::vector<SchemaAction> actions;
  std::vector<Annotation> annotations;
};

struct SchemaSyntax {
  std::vector<SchemaNamespace> namespaces;  // with different names
  std::shared_ptr<const Source> source;     // null for JSON
  std::string file;

  // The message with the place: file:line:column, line and caret; or file#pointer.
  Error error(const SchemaPlace& place, std::string_view message) const;
};

struct SchemaLimits {
  std::size_t bytes = 16 << 20;   // of text
  std::size_t items = 1'000'000;  // JSON values
};

Result<SchemaSyntax> parse_schema(std::string_view text, std::string_view file = {},
                                  const SchemaLimits& limits = {});
Result<SchemaSyntax> parse_schema_json(std::string_view text, std::string_view file = {},
                                       const SchemaLimits& limits = {});
Result<SchemaSyntax> schema_from_json(const Json& json, std::string_view file = {});

// What both forms refuse, and both parsers check: names declared twice in a namespace, an entity
// type `Action`, common types named as a built-in one.
Status check_declarations(const SchemaSyntax& schema);

// The same with every kName replaced by what it names, in full. Fails where one names nothing.
Result<SchemaSyntax> with_resolved_types(const SchemaSyntax& schema);

// In Cedar syntax. Fails where Cedar syntax cannot say the same: a name that is a common type and
// an entity type at once.
Result<std::string> print(const SchemaSyntax& schema);
// In JSON, indented by `pretty` or not by `compact`.
Json to_json(const SchemaSyntax& schema);

}  // namespace writ::cedar
