// The rules are those of the evaluator, with one more kind of answer: what is left. A part that is
// sure to fail stays in its place, so that what is left still has its type, and fails with the same
// message.
#include "cedar/tpe_fold.h"

#include <algorithm>
#include <array>

#include "cedar/function.h"
#include "cedar/text.h"

namespace writ::cedar::detail {
namespace {

constexpr std::uint32_t kNone = ~std::uint32_t{0};

const Value& no_fields() {
  static const Value kEmpty = Value::record();
  return kEmpty;
}
const UidSet& no_ancestors() {
  static const UidSet kEmpty;
  return kEmpty;
}

bool has_order(Kind kind) {
  return kind == Kind::kInt || kind == Kind::kDatetime || kind == Kind::kDuration;
}

std::optional<Value> arithmetic(Op op, ValueView a, ValueView b) {
  if (!a.is(Kind::kInt) || !b.is(Kind::kInt)) return std::nullopt;
  std::int64_t result = 0;
  const bool overflow = op == Op::kAdd ? __builtin_add_overflow(a.integer(), b.integer(), &result)
                        : op == Op::kSubtract
                            ? __builtin_sub_overflow(a.integer(), b.integer(), &result)
                            : __builtin_mul_overflow(a.integer(), b.integer(), &result);
  return overflow ? std::nullopt : std::optional<Value>(Value::integer(result));
}

std::optional<Value> flag(bool value) {
  return Value::boolean(value);
}

std::optional<Value> called(Function function, const std::vector<ValueView>& args) {
  if (args.size() != form_of(function).args) return std::nullopt;
  const Applied applied = apply(function, args.data());
  if (applied.view.is(Kind::kNone)) return std::nullopt;
  return applied.owned ? Value::adopt(applied.view) : Value::of(applied.view);
}

// How much of a walk an operation on the value is.
std::uint64_t weight(ValueView v) {
  if (v.is(Kind::kSet)) return v.items().size();
  return v.is(Kind::kRecord) ? v.fields().size() : 1;
}

}  // namespace

Residual Folding::fold(const CoreExpr& expr, const Typing* typing, Index node) {
  expr_ = &expr;
  typing_ = typing;
  made_.clear();
  states_.clear();
  memo_.assign(expr.nodes.size(), kNone);
  return finish(visit(node));
}

Folding::Index Folding::visit(Index at) {
  if (memo_[at] != kNone) return memo_[at];
  if (!steps_.take()) return boolean(at, false);
  Index made = compute(at);
  // The type alone may tell the value, when nothing can fail on the way.
  const TypePtr its = type(at);
  if (states_[made] == State::kPartial && its != nullptr &&
      (its->is(Type::Kind::kTrue) || its->is(Type::Kind::kFalse))) {
    made = boolean(at, its->is(Type::Kind::kTrue));
  }
  memo_[at] = made;
  return made;
}

Folding::Index Folding::compute(Index at) {
  switch (from(at).op) {
    case Op::kLiteral:
      return value(at, from(at).value);
    case Op::kPrincipal:
      return variable(at, known_.request.principal.uid());
    case Op::kAction:
      return variable(at, known_.request.action);
    case Op::kResource:
      return variable(at, known_.request.resource.uid());
    case Op::kContext:
      if (known_.request.context && known_.unknown_attribute.empty()) {
        return value(at, *known_.request.context);
      }
      return keep(at, {}, State::kPartial);
    case Op::kIf:
      return conditional(at);
    case Op::kAnd:
    case Op::kOr:
      return chain(at);
    case Op::kGet:
      return get(at);
    case Op::kHas:
      return has(at);
    case Op::kIn:
      return membership(at);
    case Op::kCall:
      return call(at);
    case Op::kSet:
    case Op::kRecord:
      return collection(at);
    default:
      return operation(at);
  }
}

// ---- What is made ----

Folding::Index Folding::keep(Index at, std::vector<Index> args, State state) {
  CoreNode made = from(at);
  made.args = std::move(args);
  made.shape = 0;
  made.depth = 1;
  for (const Index arg : made.args) made.depth = std::max(made.depth, made_[arg].depth + 1);
  made_.push_back(std::move(made));
  states_.push_back(state);
  return static_cast<Index>(made_.size() - 1);
}

Folding::Index Folding::value(Index at, Value value) {
  CoreNode made;
  made.begin = from(at).begin;
  made.end = from(at).end;
  made.value = std::move(value);
  made_.push_back(std::move(made));
  states_.push_back(State::kValue);
  return static_cast<Index>(made_.size() - 1);
}

Folding::Index Folding::variable(Index at, const std::optional<EntityUid>& uid) {
  return uid ? value(at, Value::entity(*uid)) : keep(at, {}, State::kPartial);
}

bool Folding::all_values(const std::vector<Index>& made) const {
  return std::all_of(made.begin(), made.end(), [&](Index each) { return is_value(each); });
}

std::optional<bool> Folding::as_bool(Index made) const {
  return is_value(made) ? made_[made].value.as_bool() : std::nullopt;
}

Folding::State Folding::state_of(Index at, const std::vector<Index>& args) const {
  bool risky = may_fail_itself(at);
  for (const Index arg : args) {
    if (states_[arg] == State::kError) return State::kError;
    risky = risky || states_[arg] == State::kRisky;
  }
  return risky ? State::kRisky : State::kPartial;
}

// The state of an operand that has to be a boolean. Without types an unknown one may fail there,
// unless its operator makes nothing else.
Folding::State Folding::as_condition(Index made) const {
  const State state = states_[made];
  if (typing_ != nullptr || state != State::kPartial) return state;
  switch (made_[made].op) {
    case Op::kEqual:
    case Op::kHas:
    case Op::kIn:
    case Op::kAnd:
    case Op::kOr:
      return state;
    case Op::kCall:
      return made_[made].function == Function::kHasTag ? state : State::kRisky;
    default:
      return State::kRisky;
  }
}

// Whether the operation may fail with arguments of the right types that do not fail.
bool Folding::may_fail_itself(Index at) const {
  const CoreNode& node = from(at);
  if (typing_ == nullptr) {
    return node.op != Op::kEqual && node.op != Op::kSet && node.op != Op::kRecord;
  }
  switch (node.op) {
    case Op::kNegate:
    case Op::kAdd:
    case Op::kSubtract:
    case Op::kMultiply:
      return true;
    case Op::kGet: {  // an entity may not exist; a record has what validation says
      const TypePtr of = type(node.args[0]);
      return of == nullptr || !of->is(Type::Kind::kRecord);
    }
    case Op::kCall:
      switch (node.function) {
        case Function::kGetTag:
        case Function::kIp:
        case Function::kDecimal:
        case Function::kDatetime:
        case Function::kDuration:
        case Function::kOffset:
        case Function::kDurationSince:
        case Function::kToDate:
          return true;
        default:
          return false;
      }
    default:
      return false;
  }
}

// ---- Logic ----

Folding::Index Folding::conditional(Index at) {
  const std::vector<Index>& args = from(at).args;
  const Index test = visit(args[0]);
  if (const std::optional<bool> known = as_bool(test)) return visit(args[*known ? 1 : 2]);
  if (is_value(test)) {
    return keep(at, {test, visit(args[1]), visit(args[2])}, State::kError);
  }
  const Index first = visit(args[1]);
  const Index second = visit(args[2]);
  State state = as_condition(test);
  for (const Index branch : {first, second}) {
    if (state == State::kPartial && states_[branch] != State::kValue &&
        states_[branch] != State::kPartial) {
      state = State::kRisky;
    }
  }
  return keep(at, {test, first, second}, state);
}

// `&&` and `||`. Without types an operand may be no boolean. Then it stays one, even alone, so that
// what is left fails where the policy would have.
Folding::Index Folding::chain(Index at) {
  const CoreNode& node = from(at);
  const bool any = node.op == Op::kOr;
  const std::size_t reach =
      typing_ == nullptr ? node.args.size() : std::max<std::size_t>(typing_->reach[at], 1);
  std::vector<Index> left;
  bool risky = false;
  for (std::size_t i = 0; i < std::min(reach, node.args.size()); ++i) {
    const Index next = visit(node.args[i]);
    if (is_value(next)) {
      const std::optional<bool> known = as_bool(next);
      if (!known) {
        const State state = left.empty() ? State::kError : State::kRisky;
        left.push_back(next);
        return keep(at, std::move(left), state);
      }
      if (*known != any) continue;  // true && x is x
      if (!risky) return boolean(at, any);
      left.push_back(next);
      break;
    }
    if (states_[next] == State::kError) {
      if (left.empty()) return next;
      left.push_back(next);
      risky = true;
      break;
    }
    risky = risky || as_condition(next) == State::kRisky;
    if (made_[next].op == node.op) {
      left.insert(left.end(), made_[next].args.begin(), made_[next].args.end());
    } else {
      left.push_back(next);
    }
  }
  if (left.empty()) return boolean(at, !any);
  if (left.size() == 1 && (typing_ != nullptr || !risky)) return left.front();
  return keep(at, std::move(left), risky ? State::kRisky : State::kPartial);
}

// ---- Entities and records ----

KnownParts Folding::parts(const EntityUid& uid) {
  if (known_.schema == nullptr || !is_action_type(uid.type())) return known_.entities.find(uid);
  KnownParts made;
  const Schema::Action* action = known_.schema->action(uid);
  if (action == nullptr) {
    made.absent = true;
    return made;
  }
  auto at = groups_.find(uid);
  if (at == groups_.end()) {
    UidSet above(std::vector<EntityUid>(action->ancestors.begin(), action->ancestors.end()));
    at = groups_.emplace(uid, std::move(above)).first;
  }
  made.attrs = &no_fields();
  made.tags = &no_fields();
  made.ancestors = &at->second;
  return made;
}

Folding::Index Folding::get(Index at) {
  const CoreNode& node = from(at);
  const Index of = visit(node.args[0]);
  ValueView record;
  if (made_[of].op == Op::kContext && known_.request.context) {
    if (node.names[0] == known_.unknown_attribute) return keep(at, {of}, State::kPartial);
    record = *known_.request.context;
  } else if (!is_value(of)) {
    return keep(at, {of}, state_of(at, {of}));
  } else if (view(of).is(Kind::kRecord)) {
    record = view(of);
  } else if (view(of).is(Kind::kEntity)) {
    const KnownParts known = parts(EntityUid(view(of).entity()));
    if (known.attrs == nullptr && !known.absent) return keep(at, {of}, State::kRisky);
    record = known.absent ? no_fields() : *known.attrs;
  } else {
    return keep(at, {of}, State::kError);
  }
  const ValueView found = record.find(node.names[0]);
  if (found.is(Kind::kNone)) return keep(at, {of}, State::kError);
  return value(at, Value::of(found));
}

Folding::Index Folding::has(Index at) {
  const CoreNode& node = from(at);
  const Index of = visit(node.args[0]);
  ValueView record;
  if (made_[of].op == Op::kContext && known_.request.context) {
    if (node.names[0] == known_.unknown_attribute) return boolean(at, true);
    record = *known_.request.context;
  } else if (!is_value(of)) {
    return keep(at, {of}, state_of(at, {of}));
  } else if (view(of).is(Kind::kRecord)) {
    record = view(of);
  } else if (view(of).is(Kind::kEntity)) {
    const KnownParts known = parts(EntityUid(view(of).entity()));
    if (known.absent) return boolean(at, false);
    if (known.attrs == nullptr) return keep(at, {of}, State::kPartial);
    record = *known.attrs;
  } else {
    return keep(at, {of}, State::kError);
  }
  return boolean(at, !record.find(node.names[0]).is(Kind::kNone));
}

Folding::Index Folding::membership(Index at) {
  const CoreNode& node = from(at);
  const Index left = visit(node.args[0]);
  const Index right = visit(node.args[1]);
  std::vector<Index> both{left, right};
  if (!is_value(left) || !is_value(right)) {
    const State state = state_of(at, both);
    return keep(at, std::move(both), state);
  }
  if (!view(left).is(Kind::kEntity)) return keep(at, std::move(both), State::kError);
  std::vector<EntityUid> above;
  if (view(right).is(Kind::kEntity)) {
    above.emplace_back(view(right).entity());
  } else if (view(right).is(Kind::kSet)) {
    steps_.take(view(right).items().size());
    for (const Value& item : view(right).items()) {
      if (item.kind() != Kind::kEntity) return keep(at, std::move(both), State::kError);
      above.push_back(*item.as_entity());
    }
  } else {
    return keep(at, std::move(both), State::kError);
  }
  const EntityUid uid(view(left).entity());
  if (std::find(above.begin(), above.end(), uid) != above.end()) return boolean(at, true);
  if (above.empty()) return boolean(at, false);
  const KnownParts known = parts(uid);
  if (!known.absent && known.ancestors == nullptr) {
    return keep(at, std::move(both), State::kPartial);
  }
  const UidSet& ancestors = known.absent ? no_ancestors() : *known.ancestors;
  return boolean(at, std::any_of(above.begin(), above.end(),
                                 [&](const EntityUid& each) { return ancestors.contains(each); }));
}

// ---- Everything else ----

Folding::Index Folding::call(Index at) {
  const CoreNode& node = from(at);
  if (node.function != Function::kGetTag && node.function != Function::kHasTag) {
    return operation(at);
  }
  std::vector<Index> args;
  for (const Index arg : node.args) args.push_back(visit(arg));
  if (!all_values(args)) {
    const State state = state_of(at, args);
    return keep(at, std::move(args), state);
  }
  if (args.size() != 2 || !view(args[0]).is(Kind::kEntity) || !view(args[1]).is(Kind::kString)) {
    return keep(at, std::move(args), State::kError);
  }
  const KnownParts known = parts(EntityUid(view(args[0]).entity()));
  const bool asks = node.function == Function::kHasTag;
  if (!known.absent && known.tags == nullptr) {
    return keep(at, std::move(args), asks ? State::kPartial : State::kRisky);
  }
  const Value& tags = known.absent ? no_fields() : *known.tags;
  const ValueView found = tags.view().find(view(args[1]).text());
  if (asks) return boolean(at, !found.is(Kind::kNone));
  if (found.is(Kind::kNone)) return keep(at, std::move(args), State::kError);
  return value(at, Value::of(found));
}

Folding::Index Folding::collection(Index at) {
  const CoreNode& node = from(at);
  std::vector<Index> items;
  for (const Index arg : node.args) items.push_back(visit(arg));
  if (!all_values(items)) {
    const State state = state_of(at, items);
    return keep(at, std::move(items), state);
  }
  if (node.op == Op::kSet) {
    std::vector<Value> values;
    for (const Index item : items) values.push_back(made_[item].value);
    return value(at, Value::set(std::move(values)));
  }
  std::vector<Field> fields;
  for (std::size_t i = 0; i < items.size(); ++i) {
    fields.emplace_back(String(node.names[i]), made_[items[i]].value);
  }
  return value(at, Value::record(std::move(fields)));
}

Folding::Index Folding::operation(Index at) {
  const CoreNode& node = from(at);
  std::vector<Index> args;
  for (const Index arg : node.args) args.push_back(visit(arg));
  if (!all_values(args)) {
    const State state = state_of(at, args);
    return keep(at, std::move(args), state);
  }
  std::uint64_t weight_of_all = 0;
  for (const Index arg : args) weight_of_all += weight(view(arg));
  steps_.take(weight_of_all);
  std::optional<Value> made = apply_to(node, args);
  if (!made) return keep(at, std::move(args), State::kError);
  return value(at, std::move(*made));
}

std::optional<Value> Folding::apply_to(const CoreNode& node, const std::vector<Index>& args) const {
  std::vector<ValueView> of;
  of.reserve(args.size());
  for (const Index arg : args) of.push_back(view(arg));
  switch (node.op) {
    case Op::kNot:
      return of[0].is(Kind::kBool) ? flag(!of[0].boolean()) : std::nullopt;
    case Op::kNegate:
      return arithmetic(Op::kSubtract, ValueView::integer(0), of[0]);
    case Op::kEqual:
      return flag(equal(of[0], of[1]));
    case Op::kLess:
    case Op::kLessEqual:
      if (!has_order(of[0].kind()) || of[0].kind() != of[1].kind()) return std::nullopt;
      return flag(node.op == Op::kLess ? of[0].integer() < of[1].integer()
                                       : of[0].integer() <= of[1].integer());
    case Op::kAdd:
    case Op::kSubtract:
    case Op::kMultiply:
      return arithmetic(node.op, of[0], of[1]);
    case Op::kLike:
      return of[0].is(Kind::kString) ? flag(matches(of[0].string(), node.names)) : std::nullopt;
    case Op::kIs:
      if (!of[0].is(Kind::kEntity)) return std::nullopt;
      return flag(of[0].entity()->type() == node.names[0]);
    case Op::kCall:
      return called(node.function, of);
    default:
      return std::nullopt;
  }
}

// Keeps what the root reaches, arguments first.
Residual Folding::finish(Index root) {
  Residual made;
  made.outcome = Residual::Outcome::kPartial;
  made.may_fail = states_[root] == State::kRisky;
  if (states_[root] == State::kError) made.outcome = Residual::Outcome::kError;
  if (is_value(root)) {
    const std::optional<bool> known = as_bool(root);
    made.outcome = !known   ? Residual::Outcome::kError
                   : *known ? Residual::Outcome::kTrue
                            : Residual::Outcome::kFalse;
  }
  std::vector<bool> reached(made_.size());
  reached[root] = true;
  for (Index at = root + 1; at-- > 0;) {  // arguments stand before what has them
    if (!reached[at]) continue;
    for (const Index arg : made_[at].args) reached[arg] = true;
  }
  std::vector<Index> moved(made_.size());
  for (Index at = 0; at <= root; ++at) {
    if (!reached[at]) continue;
    moved[at] = static_cast<Index>(made.expr.nodes.size());
    for (Index& arg : made_[at].args) arg = moved[arg];
    made.expr.nodes.push_back(std::move(made_[at]));
  }
  made.expr.root = moved[root];
  return made;
}

}  // namespace writ::cedar::detail
