#include "cedar/operand_types.h"

#include "cedar/extension.h"

namespace writ::cedar {
std::string_view name_of(Wanted wanted) {
  switch (wanted) {
    case Wanted::kBool:
      return "Bool";
    case Wanted::kLong:
      return "Long";
    case Wanted::kString:
      return "String";
    case Wanted::kSet:
      return "a set";
    case Wanted::kEntity:
      return "an entity";
    case Wanted::kEntityOrRecord:
      return "an entity or a record";
    case Wanted::kEntityOrEntities:
      return "an entity or a set of entities";
  }
  return "";
}

bool fits(const Type& type, Wanted wanted) {
  if (type.is(Type::Kind::kNever)) return true;
  switch (wanted) {
    case Wanted::kBool:
      return type.is_boolean();
    case Wanted::kLong:
      return type.is(Type::Kind::kLong);
    case Wanted::kString:
      return type.is(Type::Kind::kString);
    case Wanted::kSet:
      return type.is(Type::Kind::kSet);
    case Wanted::kEntity:
      return type.is(Type::Kind::kEntity);
    case Wanted::kEntityOrRecord:
      return type.is(Type::Kind::kEntity) || type.is(Type::Kind::kRecord);
    case Wanted::kEntityOrEntities:
      if (type.is(Type::Kind::kSet)) {
        return type.element == nullptr || type.element->is(Type::Kind::kEntity) ||
               type.element->is(Type::Kind::kNever);
      }
      return type.is(Type::Kind::kEntity);
  }
  return false;
}

bool is_ordered(const Type& type) {
  return type.is(Type::Kind::kLong) ||
         (type.is(Type::Kind::kExtension) &&
          (type.extension == Extension::kDatetime || type.extension == Extension::kDuration));
}

Signature signature(Function function) {
  const TypePtr ip = Type::of(Extension::kIpaddr);
  const TypePtr decimal = Type::of(Extension::kDecimal);
  const TypePtr datetime = Type::of(Extension::kDatetime);
  const TypePtr duration = Type::of(Extension::kDuration);
  const TypePtr string = Type::of(Type::Kind::kString);
  const TypePtr boolean = Type::of(Type::Kind::kBool);
  switch (function) {
    case Function::kIp:
      return {{string}, ip};
    case Function::kDecimal:
      return {{string}, decimal};
    case Function::kDatetime:
      return {{string}, datetime};
    case Function::kDuration:
      return {{string}, duration};
    case Function::kLessThan:
    case Function::kLessThanOrEqual:
    case Function::kGreaterThan:
    case Function::kGreaterThanOrEqual:
      return {{decimal, decimal}, boolean};
    case Function::kIsIpv4:
    case Function::kIsIpv6:
    case Function::kIsLoopback:
    case Function::kIsMulticast:
      return {{ip}, boolean};
    case Function::kIsInRange:
      return {{ip, ip}, boolean};
    case Function::kOffset:
      return {{datetime, duration}, datetime};
    case Function::kDurationSince:
      return {{datetime, datetime}, duration};
    case Function::kToDate:
      return {{datetime}, datetime};
    case Function::kToTime:
      return {{datetime}, duration};
    default:
      return {{duration}, Type::of(Type::Kind::kLong)};
  }
}

bool makes_extension(Function function) {
  return function == Function::kIp || function == Function::kDecimal ||
         function == Function::kDatetime || function == Function::kDuration;
}

bool is_extension_text(Function function, std::string_view text) {
  if (function == Function::kIp) return parse_ip(text).has_value();
  if (function == Function::kDecimal) return parse_decimal(text).has_value();
  if (function == Function::kDatetime) return parse_datetime(text).has_value();
  return parse_duration(text).has_value();
}

}  // namespace writ::cedar
