// The types of a policy's expressions in one environment: an action, and a type of principal and of
// resource that it applies to.
// https://docs.cedarpolicy.com/policies/validation.html
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cedar/core_expr.h"
#include "cedar/schema.h"

namespace writ::cedar {

struct Environment {
  std::string principal;
  EntityUid action;
  std::string resource;
};

struct TypeProblem {
  enum class Kind : std::uint8_t {
    kUnexpectedType,
    kIncompatibleTypes,
    kMissingAttribute,
    kUnsafeAttribute,
    kUnsafeTag,
    kNoTags,
    kWrongArgumentCount,
    kBadExtensionText,
    kExtensionOfNonLiteral,
    kEmptySet,
  };
  Kind kind = Kind::kUnexpectedType;
  std::uint32_t begin = 0;  // of the expression, in the policy's source
  std::uint32_t end = 0;
  std::string message;
  auto operator<=>(const TypeProblem&) const = default;
};

// What became of one environment.
struct Typing {
  std::vector<TypeProblem> problems;
  TypePtr type;     // of the whole; null where it has none
  bool ok = false;  // false without a problem where a literal names what the schema does not know
  // For each node: its type, or null where it was not reached or has none.
  std::vector<TypePtr> types;
  // For each kAnd and kOr: how many of its arguments can matter. For each kIf: 1 when only the
  // first branch can, 2 when only the second, else 0.
  std::vector<std::uint32_t> reach;
};

// Spent steps make the typing incomplete: check steps.spent().
Typing typecheck(const Schema& schema, const CoreExpr& expr, const Environment& environment,
                 ValidationMode mode, Steps& steps);

}  // namespace writ::cedar
