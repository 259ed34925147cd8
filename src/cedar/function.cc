#include "cedar/function.h"

#include <algorithm>
#include <array>

#include "cedar/extension.h"
#include "cedar/text.h"

namespace writ::cedar {
namespace {

constexpr std::array<FunctionForm, 28> kForms{{
    {"contains", true, 2, false},     {"containsAll", true, 2, false},
    {"containsAny", true, 2, false},  {"isEmpty", true, 1, false},
    {"getTag", true, 2, false},       {"hasTag", true, 2, false},
    {"ip", false, 1, true},           {"decimal", false, 1, true},
    {"datetime", false, 1, true},     {"duration", false, 1, true},
    {"lessThan", true, 2, true},      {"lessThanOrEqual", true, 2, true},
    {"greaterThan", true, 2, true},   {"greaterThanOrEqual", true, 2, true},
    {"isIpv4", true, 1, true},        {"isIpv6", true, 1, true},
    {"isLoopback", true, 1, true},    {"isMulticast", true, 1, true},
    {"isInRange", true, 2, true},     {"offset", true, 2, true},
    {"durationSince", true, 2, true}, {"toDate", true, 1, true},
    {"toTime", true, 1, true},        {"toMilliseconds", true, 1, true},
    {"toSeconds", true, 1, true},     {"toMinutes", true, 1, true},
    {"toHours", true, 1, true},       {"toDays", true, 1, true},
}};

// The kind that receiver and second argument must have; kNone for any.
struct Wanted {
  Kind first;
  Kind second = Kind::kNone;
};
Wanted wanted(Function function) {
  switch (function) {
    case Function::kContains:
      return {Kind::kSet};
    case Function::kContainsAll:
    case Function::kContainsAny:
      return {Kind::kSet, Kind::kSet};
    case Function::kIsEmpty:
      return {Kind::kSet};
    case Function::kGetTag:
    case Function::kHasTag:
      return {Kind::kEntity, Kind::kString};
    case Function::kIp:
    case Function::kDecimal:
    case Function::kDatetime:
    case Function::kDuration:
      return {Kind::kString};
    case Function::kLessThan:
    case Function::kLessThanOrEqual:
    case Function::kGreaterThan:
    case Function::kGreaterThanOrEqual:
      return {Kind::kDecimal, Kind::kDecimal};
    case Function::kIsIpv4:
    case Function::kIsIpv6:
    case Function::kIsLoopback:
    case Function::kIsMulticast:
      return {Kind::kIp};
    case Function::kIsInRange:
      return {Kind::kIp, Kind::kIp};
    case Function::kOffset:
      return {Kind::kDatetime, Kind::kDuration};
    case Function::kDurationSince:
      return {Kind::kDatetime, Kind::kDatetime};
    case Function::kToDate:
    case Function::kToTime:
      return {Kind::kDatetime};
    case Function::kToMilliseconds:
    case Function::kToSeconds:
    case Function::kToMinutes:
    case Function::kToHours:
    case Function::kToDays:
      return {Kind::kDuration};
  }
  return {Kind::kNone};
}

Applied flag(bool value) {
  return {ValueView::boolean(value)};
}
Applied plain(ValueView value) {
  return {value};
}

Applied parsed(Function function, std::string_view text) {
  if (function == Function::kIp) {
    const std::optional<IpRange> range = parse_ip(text);
    return range ? Applied{Value::ip(*range).surrender(), true} : Applied{};
  }
  const auto of = [&](const std::optional<std::int64_t>& value, auto view) {
    return value ? plain(view(*value)) : Applied{};
  };
  if (function == Function::kDecimal) return of(parse_decimal(text), ValueView::decimal);
  if (function == Function::kDatetime) return of(parse_datetime(text), ValueView::datetime);
  return of(parse_duration(text), ValueView::duration);
}

bool fits(ValueView arg, Kind kind) {
  return kind == Kind::kNone || arg.is(kind);
}

}  // namespace

const FunctionForm& form_of(Function function) {
  return kForms.at(static_cast<std::size_t>(function));
}

std::optional<Function> function_named(std::string_view name) {
  const auto at = std::find_if(kForms.begin(), kForms.end(),
                               [&](const FunctionForm& form) { return form.name == name; });
  if (at == kForms.end()) return std::nullopt;
  return static_cast<Function>(at - kForms.begin());
}

std::string problem_of(Function function, const ValueView* args) {
  const Wanted kinds = wanted(function);
  const std::string name(form_of(function).name);
  const auto misfit = [&](ValueView arg, Kind kind) {
    return name + " wants " + std::string(kind_name(kind)) + ", not " +
           std::string(kind_name(arg.kind()));
  };
  if (!fits(args[0], kinds.first)) return misfit(args[0], kinds.first);
  if (kinds.second != Kind::kNone && !fits(args[1], kinds.second)) {
    return misfit(args[1], kinds.second);
  }
  if (function == Function::kOffset) return "the offset leaves the range of datetime";
  if (function == Function::kDurationSince) return "the difference leaves the range of duration";
  if (function == Function::kToDate) return "the day's start leaves the range of datetime";
  if (!args[0].is(Kind::kString)) return name + " cannot be applied here";
  return "\"" + std::string(shorten(args[0].string(), 60)) + "\" is no " + name;
}

Applied apply(Function function, const ValueView* args) {
  const Wanted kinds = wanted(function);
  if (!fits(args[0], kinds.first)) return Applied{};
  if (kinds.second != Kind::kNone && !fits(args[1], kinds.second)) return Applied{};
  std::int64_t result = 0;
  switch (function) {
    case Function::kContains:
      return flag(args[0].contains(args[1]));
    case Function::kContainsAll:
      return flag(args[0].contains_all(args[1]));
    case Function::kContainsAny:
      return flag(args[0].contains_any(args[1]));
    case Function::kIsEmpty:
      return flag(args[0].items().empty());
    case Function::kIp:
    case Function::kDecimal:
    case Function::kDatetime:
    case Function::kDuration:
      return parsed(function, args[0].string());
    case Function::kLessThan:
      return flag(args[0].integer() < args[1].integer());
    case Function::kLessThanOrEqual:
      return flag(args[0].integer() <= args[1].integer());
    case Function::kGreaterThan:
      return flag(args[0].integer() > args[1].integer());
    case Function::kGreaterThanOrEqual:
      return flag(args[0].integer() >= args[1].integer());
    case Function::kIsIpv4:
      return flag(!args[0].ip().v6);
    case Function::kIsIpv6:
      return flag(args[0].ip().v6);
    case Function::kIsLoopback:
      return flag(is_loopback(args[0].ip()));
    case Function::kIsMulticast:
      return flag(is_multicast(args[0].ip()));
    case Function::kIsInRange:
      return flag(is_in_range(args[0].ip(), args[1].ip()));
    case Function::kOffset:
      if (__builtin_add_overflow(args[0].integer(), args[1].integer(), &result)) return Applied{};
      return plain(ValueView::datetime(result));
    case Function::kDurationSince:
      if (__builtin_sub_overflow(args[0].integer(), args[1].integer(), &result)) return Applied{};
      return plain(ValueView::duration(result));
    case Function::kToDate: {
      const std::optional<std::int64_t> date = to_date(args[0].integer());
      if (!date) return Applied{};
      return plain(ValueView::datetime(*date));
    }
    case Function::kToTime:
      return plain(ValueView::duration(to_time(args[0].integer())));
    case Function::kToMilliseconds:
      return plain(ValueView::integer(args[0].integer()));
    case Function::kToSeconds:
      return plain(ValueView::integer(args[0].integer() / 1000));
    case Function::kToMinutes:
      return plain(ValueView::integer(args[0].integer() / 60'000));
    case Function::kToHours:
      return plain(ValueView::integer(args[0].integer() / 3'600'000));
    case Function::kToDays:
      return plain(ValueView::integer(args[0].integer() / 86'400'000));
    case Function::kGetTag:
    case Function::kHasTag:
      break;
  }
  return Applied{};
}

Result<Value> call_extension(Function function, const std::vector<Value>& args) {
  const FunctionForm& form = form_of(function);
  if (args.size() != form.args) {
    return fail(Code::kInvalid, "`" + std::string(form.name) + "` takes " +
                                    std::to_string(form.args) + " arguments, not " +
                                    std::to_string(args.size()));
  }
  const std::array<ValueView, 2> views{args[0], args.size() > 1 ? args[1] : ValueView()};
  const Applied applied = apply(function, views.data());
  if (applied.view.is(Kind::kNone)) {
    return fail(Code::kInvalid, problem_of(function, views.data()));
  }
  return applied.owned ? Value::adopt(applied.view) : Value::of(applied.view);
}

}  // namespace writ::cedar
