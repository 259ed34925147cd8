// Policies are folded with the time unknown; what is left are functions of the time. Each is cut
// into pieces on which its parts stay, rise or fall, and on which a comparison turns at most twice,
// so that bisection finds where.
#include "cedar/next_change.h"

#include <algorithm>
#include <compare>

#include "cedar/core_expr.h"
#include "cedar/evaluation.h"
#include "cedar/tpe_fold.h"

namespace writ::cedar {
namespace {

constexpr std::int64_t kEnd = 253'402'300'800'000;  // the year 10000: no time is looked for there

// How a part of an expression behaves from some time on.
enum class Course : std::uint8_t { kStays, kRises, kFalls, kUnknown };
struct Piece {
  Course course = Course::kStays;
  std::int64_t until = kEnd;  // and no longer
};

Course reversed(Course course) {
  if (course == Course::kRises) return Course::kFalls;
  return course == Course::kFalls ? Course::kRises : course;
}
// Of a sum.
Course together(Course a, Course b) {
  if (a == Course::kStays) return b;
  if (b == Course::kStays || a == b) return a;
  return Course::kUnknown;
}

// The values of a request that stays the same while time passes.
class Clock {
 public:
  Clock(const Request& request, const EntityReader& entities, const ClockOptions& options)
      : request_(request),
        entities_(entities, Unlisted::kAbsent),
        attribute_(options.attribute),
        steps_(options.steps) {}

  bool spent() const { return steps_.spent(); }
  bool take() { return steps_.take(); }
  const std::string& attribute() const { return attribute_; }

  // With the time unknown.
  Residual fold(const CoreExpr& expr) {
    const PartialRequest known = at(std::nullopt);
    return detail::Folding({known, entities_, nullptr, attribute_}, steps_).fold(expr, nullptr);
  }
  // Of a node of an expression, at a time; empty when it fails.
  std::optional<Value> value(const CoreExpr& expr, std::uint32_t node, std::int64_t time) {
    const PartialRequest known = at(time);
    const Residual made =
        detail::Folding({known, entities_, nullptr, {}}, steps_).fold(expr, nullptr, node);
    const CoreNode& root = made.expr[made.expr.root];
    if (made.outcome == Residual::Outcome::kPartial || root.op != Op::kLiteral) return std::nullopt;
    return root.value;
  }

 private:
  PartialRequest at(std::optional<std::int64_t> time) const {
    const auto part = [](const EntityUid& uid) {
      return PartialUid{std::string(uid.type()), std::string(uid.id())};
    };
    PartialRequest made{part(request_.principal), request_.action, part(request_.resource),
                        request_.context};
    if (!time) return made;
    std::vector<Field> fields;
    for (const Field& field : request_.context.view().fields()) {
      const bool is_time = field.first.view() == attribute_;
      fields.emplace_back(field.first, is_time ? Value::datetime(*time) : field.second);
    }
    made.context = Value::record(std::move(fields));
    return made;
  }

  const Request& request_;
  KnownEntities entities_;
  const std::string& attribute_;
  Steps steps_;
};

// One expression as a function of the time.
class Timeline {
 public:
  Timeline(const CoreExpr& expr, Clock& clock) : expr_(expr), clock_(clock) {}

  Piece piece(std::int64_t from) { return piece(expr_.root, from); }

 private:
  using Index = std::uint32_t;

  Piece piece(Index at, std::int64_t from) {
    const CoreNode& node = expr_[at];
    if (node.op == Op::kLiteral) return {};
    if (!clock_.take()) return {Course::kUnknown, kEnd};
    switch (node.op) {
      case Op::kContext:
        return {Course::kUnknown, kEnd};
      case Op::kGet:
        if (expr_[node.args[0]].op != Op::kContext) return of_all(node, from);
        // What the context lacks always fails.
        return {node.names[0] == clock_.attribute() ? Course::kRises : Course::kStays, kEnd};
      case Op::kAnd:
      case Op::kOr:
        return chain(node, from);
      case Op::kIf:
        return conditional(node, from);
      case Op::kNegate:
        return negated(piece(node.args[0], from));
      case Op::kAdd:
        return sum(piece(node.args[0], from), piece(node.args[1], from));
      case Op::kSubtract:
        return sum(piece(node.args[0], from), negated(piece(node.args[1], from)));
      case Op::kMultiply:
        return product(node, from);
      case Op::kEqual:
      case Op::kLess:
      case Op::kLessEqual:
        return comparison(node.args[0], node.args[1], from);
      case Op::kCall:
        return call(at, from);
      default:
        return of_all(node, from);
    }
  }

  static Piece negated(Piece of) { return {reversed(of.course), of.until}; }
  static Piece sum(Piece a, Piece b) {
    return {together(a.course, b.course), std::min(a.until, b.until)};
  }

  // Of what is only known to stay as long as all its parts do.
  Piece of_all(const CoreNode& node, std::int64_t from) {
    Piece made;
    for (const Index arg : node.args) {
      const Piece of = piece(arg, from);
      if (of.course != Course::kStays) made.course = Course::kUnknown;
      made.until = std::min(made.until, of.until);
    }
    return made;
  }

  // Operands behind the one that settles it do not matter as long as it does.
  Piece chain(const CoreNode& node, std::int64_t from) {
    Piece made;
    for (const Index arg : node.args) {
      const Piece of = piece(arg, from);
      made.until = std::min(made.until, of.until);
      if (of.course != Course::kStays) return {Course::kUnknown, made.until};
      const std::optional<Value> value = clock_.value(expr_, arg, from);
      const std::optional<bool> holds = value ? value->as_bool() : std::nullopt;
      if (!holds || *holds == (node.op == Op::kOr)) break;
    }
    return made;
  }

  Piece conditional(const CoreNode& node, std::int64_t from) {
    const Piece test = piece(node.args[0], from);
    if (test.course != Course::kStays) return {Course::kUnknown, kEnd};
    const std::optional<Value> taken = clock_.value(expr_, node.args[0], from);
    const std::optional<bool> yes = taken ? taken->as_bool() : std::nullopt;
    if (!yes) return test;  // it fails as long as the test does
    const Piece branch = piece(node.args[*yes ? 1 : 2], from);
    return {branch.course, std::min(test.until, branch.until)};
  }

  Piece product(const CoreNode& node, std::int64_t from) {
    const Piece left = piece(node.args[0], from);
    const Piece right = piece(node.args[1], from);
    const std::int64_t until = std::min(left.until, right.until);
    if (left.course != Course::kStays && right.course != Course::kStays) {
      return {Course::kUnknown, until};
    }
    const bool left_stays = left.course == Course::kStays;
    const Course course = left_stays ? right.course : left.course;
    const std::optional<Value> factor = clock_.value(expr_, node.args[left_stays ? 0 : 1], from);
    const std::optional<std::int64_t> number = factor ? factor->as_int() : std::nullopt;
    if (!number || course == Course::kStays) return {Course::kStays, until};
    if (*number == 0) return {Course::kUnknown, until};  // it stays, and then may overflow: never
    return {*number > 0 ? course : reversed(course), until};
  }

  Piece call(Index at, std::int64_t from) {
    const CoreNode& node = expr_[at];
    const auto arg = [&](std::size_t i) { return piece(node.args[i], from); };
    switch (node.function) {
      case Function::kOffset:
        return sum(arg(0), arg(1));
      case Function::kDurationSince:
        return sum(arg(0), negated(arg(1)));
      case Function::kToDate:
      case Function::kToMilliseconds:
      case Function::kToSeconds:
      case Function::kToMinutes:
      case Function::kToHours:
      case Function::kToDays:
        return arg(0);
      case Function::kToTime: {  // rises with its argument within a day of that
        const Piece of = arg(0);
        if (of.course == Course::kStays || of.course == Course::kUnknown) return of;
        return {of.course,
                turn(from, of.until, [&](std::int64_t time) { return day(node, time); })};
      }
      case Function::kContains:
        return membership(node, from);
      default:
        return of_all(node, from);
    }
  }

  // The day of the argument's value, or one that is none when it fails.
  std::int64_t day(const CoreNode& node, std::int64_t time) {
    constexpr std::int64_t kDay = 86'400'000;
    const std::optional<Value> value = clock_.value(expr_, node.args[0], time);
    if (!value || value->kind() != Kind::kDatetime) return kEnd;
    const std::int64_t ms = value->view().integer();
    return ms / kDay - (ms % kDay < 0 ? 1 : 0);
  }

  // A comparison stays as it is until the one side passes the other.
  Piece comparison(Index left, Index right, std::int64_t from) {
    const Piece a = piece(left, from);
    const Piece b = piece(right, from);
    const std::int64_t until = std::min(a.until, b.until);
    const Course apart = together(a.course, reversed(b.course));
    if (apart == Course::kUnknown) return {Course::kUnknown, until};
    if (apart == Course::kStays) return {Course::kStays, until};
    // What leaves the range of numbers now may come back, and leave it again.
    if (order(left, right, from) == Order::kFails) return {Course::kUnknown, until};
    return {Course::kStays,
            turn(from, until, [&](std::int64_t time) { return order(left, right, time); })};
  }

  enum class Order : std::uint8_t { kLess, kEqual, kGreater, kFails };
  Order order(Index left, Index right, std::int64_t time) {
    const std::optional<Value> a = clock_.value(expr_, left, time);
    const std::optional<Value> b = clock_.value(expr_, right, time);
    return a && b ? order(a->view(), b->view()) : Order::kFails;
  }
  static Order order(ValueView a, ValueView b) {
    const std::strong_ordering o = compare(a, b);
    return o < 0 ? Order::kLess : o > 0 ? Order::kGreater : Order::kEqual;
  }

  // Whether a set of times has one that moves.
  Piece membership(const CoreNode& node, std::int64_t from) {
    const Piece set = piece(node.args[0], from);
    const Piece item = piece(node.args[1], from);
    const std::int64_t until = std::min(set.until, item.until);
    if (set.course != Course::kStays) return {Course::kUnknown, until};
    if (item.course == Course::kStays || item.course == Course::kUnknown) {
      return {item.course, until};
    }
    const std::optional<Value> of = clock_.value(expr_, node.args[0], from);
    if (!of || of->kind() != Kind::kSet) return {Course::kStays, until};
    std::int64_t first = until;
    for (const Value& each : of->view().items()) {
      first = std::min(first, turn(from, until, [&](std::int64_t time) {
                         const auto value = clock_.value(expr_, node.args[1], time);
                         return value ? order(value->view(), each.view()) : Order::kFails;
                       }));
    }
    return {Course::kStays, first};
  }

  // The first time in (from, until) at which `of` is not what it is at `from`; `until` when there
  // is none. What it once was it does not become again.
  template <class Of>
  std::int64_t turn(std::int64_t from, std::int64_t until, Of of) {
    const auto was = of(from);
    std::int64_t same = from;
    std::int64_t other = until;
    if (until == kEnd && of(kEnd) == was) return kEnd;
    while (!clock_.spent()) {
      const auto apart = static_cast<std::uint64_t>(other) - static_cast<std::uint64_t>(same);
      if (apart <= 1) break;
      const auto middle = static_cast<std::int64_t>(static_cast<std::uint64_t>(same) + apart / 2);
      (of(middle) == was ? same : other) = middle;
    }
    return other;
  }

  const CoreExpr& expr_;
  Clock& clock_;
};

struct Timed {
  CoreExpr expr;
  Effect effect;
  std::uint32_t policy;
};

struct Standing {
  std::uint32_t permits = 0;
  std::uint32_t forbids = 0;
  std::uint32_t failed_forbids = 0;

  void count(Effect effect, std::optional<bool> holds) {
    if (effect == Effect::kPermit) {
      if (holds.value_or(false)) ++permits;
    } else if (!holds) {
      ++failed_forbids;
    } else if (*holds) {
      ++forbids;
    }
  }
  Decision decision(const ClockOptions& options) const {
    const bool denies = options.failed_forbid == FailedForbid::kDenies;
    if (forbids > 0 || (denies && failed_forbids > 0)) return Decision::kDeny;
    return permits > 0 ? Decision::kAllow : Decision::kDeny;
  }
};

// Whether a policy reads the time, or the context as a whole.
bool reads(const Expr& expr, const std::string& attribute) {
  if (expr.op == Op::kContext) return true;
  const bool member = (expr.op == Op::kGet || expr.op == Op::kHas) &&
                      expr.args[0].op == Op::kContext && !expr.names.empty();
  if (member) return expr.names[0] == attribute;
  return std::any_of(expr.args.begin(), expr.args.end(),
                     [&](const Expr& arg) { return reads(arg, attribute); });
}
bool reads(const Policy& policy, const std::string& attribute) {
  return std::any_of(policy.conditions->begin(), policy.conditions->end(),
                     [&](const Condition& each) { return reads(each.expr, attribute); });
}

std::optional<bool> truth(Residual::Outcome outcome) {
  if (outcome == Residual::Outcome::kError) return std::nullopt;
  return outcome == Residual::Outcome::kTrue;
}

}  // namespace

Result<NextChange> next_change(const CompiledPolicies& policies, const Request& request,
                               const EntityReader& entities, const ClockOptions& options) {
  const std::optional<Value> now = request.context.find(options.attribute);
  if (!now || now->kind() != Kind::kDatetime) {
    return fail(Code::kInvalid, "the context has no datetime `" + options.attribute + "`");
  }
  const auto spent = [] {
    return fail(Code::kExhausted, "finding the next change takes too many steps");
  };
  Clock clock(request, entities, options);
  Standing steady;
  std::vector<Timed> timed;
  const detail::PlainContext context(request.context);
  const RequestView view = detail::view_of(request, context);
  const Response response = authorize(policies, view, entities);
  for (std::uint32_t i = 0; i < policies.size(); ++i) {
    if (!reads(policies.policy(i), options.attribute)) {
      const bool failed = std::any_of(response.errors.begin(), response.errors.end(),
                                      [&](const PolicyError& error) { return error.policy == i; });
      steady.count(
          policies.effect(i),
          failed ? std::nullopt : std::optional<bool>(satisfied(policies, i, view, entities)));
      continue;
    }
    TRY(expr, lower(policies.policy(i)));
    Residual left = clock.fold(expr);
    if (clock.spent()) return spent();
    if (left.outcome == Residual::Outcome::kPartial) {
      timed.push_back({std::move(left.expr), policies.effect(i), i});
    } else {
      steady.count(policies.effect(i), truth(left.outcome));
    }
  }
  const auto decision_at = [&](std::int64_t time) {
    Standing all = steady;
    for (const Timed& each : timed) {
      const std::optional<Value> value = clock.value(each.expr, each.expr.root, time);
      all.count(each.effect, value ? value->as_bool() : std::nullopt);
    }
    return all.decision(options);
  };

  std::int64_t time = now->view().integer();
  const Decision is = decision_at(time);
  if (time >= kEnd) return NextChange{{}, is, time};
  for (std::size_t i = 0; i < options.most; ++i) {
    std::int64_t next = kEnd;
    for (const Timed& each : timed) {
      const Piece piece = Timeline(each.expr, clock).piece(time);
      if (clock.spent()) return spent();
      if (piece.course != Course::kStays) {
        return fail(Code::kInvalid,
                    "policy `" + policies.id(each.policy) + "` uses `context." + options.attribute +
                        "` in a way of which the next change cannot be told",
                    policies.policy(each.policy).position().text());
      }
      next = std::min(next, piece.until);
    }
    if (next == kEnd) return NextChange{};
    const Decision becomes = decision_at(next);
    if (clock.spent()) return spent();
    if (becomes != is) return NextChange{next, becomes, {}};
    time = next;
  }
  return NextChange{{}, is, time};
}

}  // namespace writ::cedar
