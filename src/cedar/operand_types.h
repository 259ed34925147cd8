// Which types operators and functions want, and what functions make.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "cedar/expr.h"
#include "cedar/type.h"

namespace writ::cedar {

// What an operand may be.
enum class Wanted : std::uint8_t {
  kBool,
  kLong,
  kString,
  kSet,
  kEntity,
  kEntityOrRecord,
  kEntityOrEntities,
};
std::string_view name_of(Wanted wanted);  // for messages
bool fits(const Type& type, Wanted wanted);

// Whether `<` and `<=` compare values of the type.
bool is_ordered(const Type& type);

// The types of an extension function: of its arguments, and of what it makes.
struct Signature {
  std::vector<TypePtr> args;
  TypePtr result;
};
Signature signature(Function function);

// Whether the function makes a value of an extension type from text.
bool makes_extension(Function function);
// Whether it can make one from this text.
bool is_extension_text(Function function, std::string_view text);

}  // namespace writ::cedar
