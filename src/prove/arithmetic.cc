#include "prove/arithmetic.h"

#include <limits>

#include "cedar/extension.h"

namespace writ::prove {
namespace {

using cedar::Function;

constexpr std::int64_t kLeast = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kDay = 86'400'000;  // ms

// That the result of 64-bit arithmetic is the true one.
TermId stays_in_range(Terms& terms, TermOp op, TermId a, TermId b) {
  if (op != TermOp::kSubtract && terms.as_number(a)) std::swap(a, b);
  const auto at_least = [&](std::int64_t least, TermId of) {
    return terms.bits_op(TermOp::kLessEqual, terms.number(least), of);
  };
  const auto at_most = [&](TermId of, std::int64_t most) {
    return terms.bits_op(TermOp::kLessEqual, of, terms.number(most));
  };
  if (const auto c = terms.as_number(b)) {
    switch (op) {
      case TermOp::kAdd:
        return *c >= 0 ? at_most(a, kMost - *c) : at_least(kLeast - *c, a);
      case TermOp::kSubtract:
        return *c >= 0 ? at_least(kLeast + *c, a) : at_most(a, kMost + *c);
      default:
        if (*c == 0) return terms.truth(true);
        if (*c == -1) return at_least(kLeast + 1, a);
        return *c > 0 ? terms.all({at_least(kLeast / *c, a), at_most(a, kMost / *c)})
                      : terms.all({at_least(kMost / *c, a), at_most(a, kLeast / *c)});
    }
  }
  const std::uint32_t more = op == TermOp::kMultiply ? 64 : 1;
  const auto wide = [&](TermId of) { return terms.extend(TermOp::kSignExtend, of, more); };
  return terms.equal(terms.bits_op(op, wide(a), wide(b)), wide(terms.bits_op(op, a, b)));
}

// A small number of many bits.
TermId wide(Terms& terms, std::uint32_t width, std::uint32_t value) {
  std::vector<std::uint8_t> bytes(width / 8);
  bytes.back() = static_cast<std::uint8_t>(value);  // at most 128
  return terms.bytes_of(bytes.data(), bytes.size());
}

// Of one family: the outer prefix is no longer, and the addresses agree that far.
TermId in_range(Terms& terms, std::uint32_t family, std::uint32_t width, TermId inner,
                TermId outer) {
  const auto bits_after_prefix = [&](TermId ip) {
    const TermId prefix = terms.select(family, 1, ip);
    const std::uint32_t more = width - (family == 0 ? 5 : 7);
    return terms.ite(terms.is_some(prefix),
                     terms.bits_op(TermOp::kSubtract, wide(terms, width, width),
                                   terms.extend(TermOp::kZeroExtend, terms.value(prefix), more)),
                     wide(terms, width, 0));
  };
  const TermId shift = bits_after_prefix(outer);
  const TermId differing =
      terms.bits_op(TermOp::kXor, terms.select(family, 0, inner), terms.select(family, 0, outer));
  // Widths are far below half the range, so that signed comparison is right.
  return terms.all(
      {terms.is(family, inner), terms.is(family, outer),
       terms.bits_op(TermOp::kLessEqual, bits_after_prefix(inner), shift),
       terms.equal(terms.bits_op(TermOp::kShiftRight, differing, shift), wide(terms, width, 0))});
}
TermId in_range(World& world, TermId inner, TermId outer) {
  return world.terms().any({in_range(world.terms(), 0, 32, inner, outer),
                            in_range(world.terms(), 1, 128, inner, outer)});
}

TermId any_family(World& world, TermId ip, const char* v4, const char* v6) {
  return world.terms().any({in_range(world, ip, world.ip(*cedar::parse_ip(v4))),
                            in_range(world, ip, world.ip(*cedar::parse_ip(v6)))});
}

// Since the day's start, also before 1970.
TermId time_of(World& world, TermId ms) {
  return world.divide(ms, kDay).rest;
}

}  // namespace

Symbolic checked(Terms& terms, TermOp op, const Symbolic& left, const Symbolic& right) {
  return {terms.all({left.ok, right.ok, stays_in_range(terms, op, left.value, right.value)}),
          terms.bits_op(op, left.value, right.value)};
}

std::optional<Symbolic> apply_extension(World& world, Function function,
                                        const std::vector<Symbolic>& args) {
  Terms& terms = world.terms();
  std::vector<TermId> each_ok;
  for (const Symbolic& each : args) each_ok.push_back(each.ok);
  const TermId ok = terms.all(each_ok);
  const TermId a = args[0].value;
  const TermId b = args.size() > 1 ? args[1].value : a;
  const auto compare = [&](TermOp op, TermId left, TermId right) {
    return Symbolic{ok, terms.bits_op(op, left, right)};
  };
  // Towards zero.
  const auto divide = [&](std::int64_t by) {
    const World::Division down = world.divide(a, by);
    const TermId is_up = terms.all({terms.bits_op(TermOp::kLess, a, terms.number(0)),
                                    terms.negation(terms.equal(down.rest, terms.number(0)))});
    return Symbolic{ok,
                    terms.ite(is_up, terms.bits_op(TermOp::kAdd, down.quotient, terms.number(1)),
                              down.quotient)};
  };
  switch (function) {
    case Function::kLessThan:
      return compare(TermOp::kLess, a, b);
    case Function::kLessThanOrEqual:
      return compare(TermOp::kLessEqual, a, b);
    case Function::kGreaterThan:
      return compare(TermOp::kLess, b, a);
    case Function::kGreaterThanOrEqual:
      return compare(TermOp::kLessEqual, b, a);
    case Function::kOffset:
      return checked(terms, TermOp::kAdd, args[0], args[1]);
    case Function::kDurationSince:
      return checked(terms, TermOp::kSubtract, args[0], args[1]);
    case Function::kToTime:
      return Symbolic{ok, time_of(world, a)};
    case Function::kToDate:
      return checked(terms, TermOp::kSubtract, {ok, a}, {ok, time_of(world, a)});
    case Function::kToMilliseconds:
      return Symbolic{ok, a};
    case Function::kToSeconds:
      return divide(1000);
    case Function::kToMinutes:
      return divide(60'000);
    case Function::kToHours:
      return divide(3'600'000);
    case Function::kToDays:
      return divide(kDay);
    case Function::kIsIpv4:
      return Symbolic{ok, terms.is(0, a)};
    case Function::kIsIpv6:
      return Symbolic{ok, terms.is(1, a)};
    case Function::kIsLoopback:
      return Symbolic{ok, any_family(world, a, "127.0.0.0/8", "::1")};
    case Function::kIsMulticast:
      return Symbolic{ok, any_family(world, a, "224.0.0.0/4", "ff00::/8")};
    case Function::kIsInRange:
      return Symbolic{ok, in_range(world, a, b)};
    default:
      return std::nullopt;
  }
}

}  // namespace writ::prove
