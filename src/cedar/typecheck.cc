// The rules. An answer has a type even where the expression is wrong, when it is clear what the
// type was meant to be, so that one mistake is reported once. Capabilities are what is known to
// hold when the expression is true: that an expression has an attribute or a tag.
#include "cedar/typecheck.h"

#include <algorithm>
#include <iterator>

#include "cedar/typecheck_checker.h"

namespace writ::cedar {
namespace checking {

Capabilities both(const Capabilities& a, const Capabilities& b) {
  Capabilities made;
  std::set_union(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(made));
  return made;
}

Capabilities shared(const Capabilities& a, const Capabilities& b) {
  Capabilities made;
  std::set_intersection(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(made));
  return made;
}

Typing Checker::run() {
  const Answer answer = expect(check(expr_.root, {}), expr_.root, Wanted::kBool);
  typing_.ok = answer.ok && !steps_.spent();
  typing_.type = answer.type;
  std::sort(typing_.problems.begin(), typing_.problems.end());
  typing_.problems.erase(std::unique(typing_.problems.begin(), typing_.problems.end()),
                         typing_.problems.end());
  return std::move(typing_);
}

void Checker::report(Problem kind, const CoreNode& node, std::string message) {
  constexpr std::size_t kMost = 1'000;
  if (typing_.problems.size() >= kMost) return;
  typing_.problems.push_back({kind, node.begin, node.end, std::move(message)});
}

std::uint32_t Checker::capability(std::uint32_t of, std::string_view kind, std::string_view name) {
  const auto next = static_cast<std::uint32_t>(capabilities_.size());
  return capabilities_
      .emplace(std::tuple(expr_[of].shape, std::string(kind), std::string(name)), next)
      .first->second;
}

Answer Checker::expect(Answer answer, std::uint32_t at, Wanted wanted) {
  if (answer.type == nullptr) return typed(nullptr, false);
  if (fits(*answer.type, wanted)) return answer;
  report(Problem::kUnexpectedType, expr_[at],
         std::string(name_of(wanted)) + " is wanted here, not " + print(*answer.type));
  return typed(nullptr, false);
}

Answer Checker::expect(const Capabilities& prior, std::uint32_t at, Wanted wanted) {
  return expect(check(at, prior), at, wanted);
}

Answer Checker::check(std::uint32_t at, const Capabilities& prior) {
  if (!steps_.take(1 + prior.size() / 16)) return typed(nullptr, false);
  Answer answer = dispatch(at, prior);
  if (!answer.ok) answer.capabilities.clear();
  typing_.types[at] = answer.type;
  return answer;
}

Answer Checker::dispatch(std::uint32_t at, const Capabilities& prior) {
  const CoreNode& node = expr_[at];
  switch (node.op) {
    case Op::kLiteral:
      return literal(node);
    case Op::kPrincipal:
      return typed(Type::entity(environment_.principal));
    case Op::kAction:
      return typed(Type::entity(environment_.action.type()));
    case Op::kResource:
      return typed(Type::entity(environment_.resource));
    case Op::kContext:
      return typed(schema_.action(environment_.action)->context);
    case Op::kIf:
      return conditional(at, prior);
    case Op::kAnd:
      return conjunction(at, prior);
    case Op::kOr:
      return disjunction(at, prior);
    case Op::kNot:
      return negation(node, prior);
    case Op::kNegate: {
      const Answer of = expect(prior, node.args[0], Wanted::kLong);
      return typed(Type::of(Kind::kLong), of.ok);
    }
    case Op::kAdd:
    case Op::kSubtract:
    case Op::kMultiply: {
      const Answer left = expect(prior, node.args[0], Wanted::kLong);
      const Answer right = expect(prior, node.args[1], Wanted::kLong);
      return typed(Type::of(Kind::kLong), left.ok && right.ok);
    }
    case Op::kEqual:
      return equality(node, prior);
    case Op::kLess:
    case Op::kLessEqual:
      return order(node, prior);
    case Op::kIn:
      return membership(node, prior);
    case Op::kHas:
      return has(node, prior);
    case Op::kGet:
      return get(node, prior);
    case Op::kLike:
      return boolean(expect(prior, node.args[0], Wanted::kString).ok);
    case Op::kIs:
      return is(node, prior);
    case Op::kSet:
      return set(node, prior);
    case Op::kRecord:
      return record(node, prior);
    case Op::kCall:
      return call(node, prior);
    default:
      return typed(nullptr, false);  // lowering makes no other
  }
}

Answer Checker::literal(const CoreNode& node) {
  if (node.slot) return typed(Type::of(Kind::kEntity));
  switch (node.value.kind()) {
    case cedar::Kind::kBool:
      return typed(Type::boolean(*node.value.as_bool()));
    case cedar::Kind::kInt:
      return typed(Type::of(Kind::kLong));
    case cedar::Kind::kString:
      return typed(Type::of(Kind::kString));
    default:
      break;
  }
  // What the schema does not know is reported once for the policy.
  const EntityUid uid = *node.value.as_entity();
  const bool known = is_action_type(uid.type()) ? schema_.action(uid) != nullptr
                                                : schema_.entity_type(uid.type()) != nullptr;
  return known ? typed(Type::entity(uid.type())) : typed(nullptr, false);
}

Answer Checker::conditional(std::uint32_t at, const Capabilities& prior) {
  const CoreNode& node = expr_[at];
  const Answer test = expect(prior, node.args[0], Wanted::kBool);
  const bool only_then = test.type != nullptr && test.type->is(Kind::kTrue);
  const bool only_else = test.type != nullptr && test.type->is(Kind::kFalse);
  typing_.reach[at] = only_then ? 1 : only_else ? 2 : 0;
  if (only_else) {
    Answer branch = check(node.args[2], prior);
    branch.ok = branch.ok && test.ok;
    return branch;
  }
  Answer first = check(node.args[1], both(prior, test.capabilities));
  if (first.ok) first.capabilities = both(first.capabilities, test.capabilities);
  if (only_then) {
    first.ok = first.ok && test.ok;
    return first;
  }
  const Answer second = check(node.args[2], prior);
  const bool ok = test.ok && first.ok && second.ok;
  if (first.type == nullptr || second.type == nullptr) return typed(nullptr, false);
  TypePtr type = common(node, {first.type, second.type}, "the branches of this `if` are");
  if (type == nullptr) return typed(nullptr, false);
  return {ok, std::move(type), shared(first.capabilities, second.capabilities)};
}

Answer Checker::conjunction(std::uint32_t at, const Capabilities& prior) {
  const CoreNode& node = expr_[at];
  Answer left = expect(prior, node.args[0], Wanted::kBool);
  Capabilities known = both(prior, left.capabilities);
  for (std::size_t i = 1; i < node.args.size(); ++i) {
    typing_.reach[at] = static_cast<std::uint32_t>(i);
    if (left.type != nullptr && left.type->is(Kind::kFalse)) {
      left.capabilities.clear();
      return left;
    }
    Answer right = expect(known, node.args[i], Wanted::kBool);
    const bool ok = left.ok && right.ok;
    if (left.type == nullptr || right.type == nullptr) {
      left = boolean(false);
      known = prior;
      continue;
    }
    if (right.type->is(Kind::kFalse)) {
      left = typed(right.type, ok);
      continue;
    }
    TypePtr type = right.type->is(Kind::kTrue)  ? left.type
                   : left.type->is(Kind::kTrue) ? right.type
                                                : Type::of(Kind::kBool);
    if (ok) {
      known = both(known, right.capabilities);
      left = {ok, std::move(type), both(left.capabilities, right.capabilities)};
    } else {
      known = prior;
      left = typed(std::move(type), false);
    }
  }
  typing_.reach[at] = static_cast<std::uint32_t>(node.args.size());
  return left;
}

Answer Checker::disjunction(std::uint32_t at, const Capabilities& prior) {
  const CoreNode& node = expr_[at];
  Answer left = expect(prior, node.args[0], Wanted::kBool);
  for (std::size_t i = 1; i < node.args.size(); ++i) {
    typing_.reach[at] = static_cast<std::uint32_t>(i);
    if (left.type != nullptr && left.type->is(Kind::kTrue)) return left;
    Answer right = expect(prior, node.args[i], Wanted::kBool);
    const bool ok = left.ok && right.ok;
    if (left.type == nullptr || right.type == nullptr) {
      left = boolean(false);
    } else if (right.type->is(Kind::kFalse)) {
      left.ok = ok;
    } else if (right.type->is(Kind::kTrue) || left.type->is(Kind::kFalse)) {
      left = {ok, right.type, right.capabilities};
    } else {
      left = {ok, Type::of(Kind::kBool), shared(left.capabilities, right.capabilities)};
    }
    if (!ok) left.capabilities.clear();
  }
  typing_.reach[at] = static_cast<std::uint32_t>(node.args.size());
  return left;
}

Answer Checker::negation(const CoreNode& node, const Capabilities& prior) {
  const Answer of = expect(prior, node.args[0], Wanted::kBool);
  if (of.type == nullptr) return boolean(false);
  if (of.type->is(Kind::kTrue)) return typed(Type::boolean(false), of.ok);
  if (of.type->is(Kind::kFalse)) return typed(Type::boolean(true), of.ok);
  return boolean(of.ok);
}

TypePtr Checker::common(const CoreNode& node, const std::vector<TypePtr>& types,
                        std::string_view what) {
  TypePtr least = Type::of(Kind::kNever);
  for (const TypePtr& type : types) {
    const CommonType next = common_type(least, type, mode_, steps_);
    if (next.type == nullptr) {
      report(Problem::kIncompatibleTypes, node,
             std::string(what) + " of incompatible types, " + print(*least) + " and " +
                 print(*type) + ": " + std::string(next.reason));
      return nullptr;
    }
    least = next.type;
  }
  return least;
}

bool Checker::compatible(const CoreNode& node, const TypePtr& left, const TypePtr& right,
                         std::string_view what) {
  if (!strict() || left == nullptr || right == nullptr) return true;
  return common(node, {left, right}, what) != nullptr;
}

std::optional<Value> Checker::constant(std::uint32_t at) const {
  const CoreNode& node = expr_[at];
  if (node.op == Op::kAction) return Value::entity(environment_.action);
  if (node.op == Op::kLiteral && !node.slot) return node.value;
  if (node.op != Op::kAnd && node.op != Op::kOr) return std::nullopt;
  // Of literals `&&` and `||` are one themselves.
  const bool decides = node.op == Op::kOr;  // whatever the others are
  bool value = !decides;
  for (const std::uint32_t part : node.args) {
    const std::optional<Value> is = constant(part);
    if (!is || !is->as_bool()) return std::nullopt;
    if (*is->as_bool() == decides) value = decides;
  }
  return Value::boolean(value);
}

}  // namespace checking

Typing typecheck(const Schema& schema, const CoreExpr& expr, const Environment& environment,
                 ValidationMode mode, Steps& steps) {
  return checking::Checker(schema, expr, environment, mode, steps).run();
}

}  // namespace writ::cedar
