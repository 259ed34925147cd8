// The syntax tree of a Cedar expression. Invariant: no tree is deeper than kMaxDepth, so that walks
// may recurse.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cedar/value.h"

namespace writ::cedar {

inline constexpr std::uint32_t kMaxDepth = 200;

enum class Op : std::uint8_t {
  kLiteral,  // value: bool, int, string or entity
  kPrincipal,
  kAction,
  kResource,
  kContext,
  kIf,   // args: condition, then, else
  kAnd,  // args: two or more
  kOr,   // args: two or more
  kNot,
  kNegate,
  kEqual,
  kNotEqual,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual,
  kIn,
  kAdd,
  kSubtract,
  kMultiply,
  kHas,     // args: of what; names: the path
  kLike,    // args: of what; names: the pattern's pieces, between its wildcards
  kIs,      // args: of what; names: the type
  kIsIn,    // args: of what, in what; names: the type
  kGet,     // args: of what; names: the attribute
  kSet,     // args: the items
  kRecord,  // args: the values; names: as many
  kCall,    // args: receiver first; function
};

// Methods and functions.
enum class Function : std::uint8_t {
  kContains,
  kContainsAll,
  kContainsAny,
  kIsEmpty,
  kGetTag,
  kHasTag,
  kIp,
  kDecimal,
  kDatetime,
  kDuration,
  kLessThan,
  kLessThanOrEqual,
  kGreaterThan,
  kGreaterThanOrEqual,
  kIsIpv4,
  kIsIpv6,
  kIsLoopback,
  kIsMulticast,
  kIsInRange,
  kOffset,
  kDurationSince,
  kToDate,
  kToTime,
  kToMilliseconds,
  kToSeconds,
  kToMinutes,
  kToHours,
  kToDays,
};
struct FunctionForm {
  std::string_view name;
  bool method;        // a.name(…), not name(…)
  std::uint8_t args;  // with the receiver
  bool extension;     // may stand as "fn" in JSON
};
const FunctionForm& form_of(Function function);
std::optional<Function> function_named(std::string_view name);

struct Expr {
  Op op = Op::kLiteral;
  Function function = Function::kContains;
  std::uint16_t depth = 1;
  std::uint32_t begin = 0;  // range of bytes in the source
  std::uint32_t end = 0;
  Value value = Value::boolean(false);
  std::vector<std::string> names;
  std::vector<Expr> args;
};

}  // namespace writ::cedar
