// Validation: whether policies, entities and requests keep to a schema. What passes strict
// validation cannot fail in evaluation, but by overflow or a missing entity, when entities and
// request are valid too.
// https://docs.cedarpolicy.com/policies/validation.html
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cedar/authorize.h"
#include "cedar/policy.h"
#include "cedar/schema.h"
#include "cedar/type.h"

namespace writ::cedar {

struct Finding {
  enum class Kind : std::uint8_t {
    // Errors.
    kUnknownType,  // an entity type that the schema does not declare
    kUnknownAction,
    kUnknownChoice,  // an id that its enumerated type does not have
    kType,           // an expression that does not fit; the message says how
    kEmptySet,
    kTooDeep,  // follows more attributes from entity to entity than the level allows
    // Warnings.
    kNoApplicableAction,  // no action applies to principals and resources of the scope's types
    kImpossible,          // false for every valid request
    kBidirectional,       // text with characters that change the direction of writing
    kMixedScripts,
    kConfusable,  // an identifier with a character that is easily taken for another
  };
  friend constexpr auto enum_names(Kind) {
    return std::to_array<std::string_view>(
        {"unknown_type", "unknown_action", "unknown_choice", "type", "empty_set", "too_deep",
         "no_applicable_action", "impossible", "bidirectional", "mixed_scripts", "confusable"});
  }
  Kind kind = Kind::kType;
  std::string policy;       // its id
  Error error;              // message, and where: file:line:column
  std::uint32_t begin = 0;  // range of bytes in the policy's source
  std::uint32_t end = 0;
  bool is_warning() const { return kind >= Kind::kNoApplicableAction; }
};

struct Validation {
  std::vector<Finding> errors;    // in the order of the policies
  std::vector<Finding> warnings;  // the same
  bool passed() const { return errors.empty(); }
};

struct ValidationOptions {
  ValidationMode mode = ValidationMode::kStrict;
  // How many times an expression may follow an attribute or tag from entity to entity, or ask for
  // an entity's ancestors: 0 for not at all.
  std::optional<std::uint32_t> level;
  std::uint64_t steps = 500'000'000;
};

// kExhausted when the steps do not suffice.
Result<Validation> validate(const Schema& schema, const PolicySet& policies,
                            const ValidationOptions& options = {});

// The first thing that is wrong, with the place in the entity or context as a pointer. Entities of
// actions must be as the schema declares them.
Status validate(const Schema& schema, const Entity& entity);
// The same for an entity, not of an action, of which null is not known.
Status validate_parts(const Schema& schema, const EntityUid& uid, const Value* attrs,
                      const Value* tags, const UidSet* ancestors);
// Whether the schema can have the entity: its type is declared, and it is one of an enumerated
// type's. `where` is the place that an error gets.
Status validate_uid(const Schema& schema, const EntityUid& uid, const std::string& where);
// A context for the action, which the schema must have.
Status validate_context(const Schema& schema, const EntityUid& action, const Value& context);
Status validate(const Schema& schema, const Entities& entities);
Status validate(const Schema& schema, const Request& request);

// Whether the value is of the type.
bool is_of(ValueView value, const Type& type);

}  // namespace writ::cedar
