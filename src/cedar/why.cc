#include "cedar/why.h"

#include <algorithm>

#include "cedar/text.h"

namespace writ::cedar {
namespace {

// What of a policy's text is shown of one expression.
constexpr std::size_t kMostText = 1'000;

std::string cut(std::string text) {
  if (text.size() <= kMostText) return text;
  return std::string(shorten(text, kMostText)) + "…";
}

// An expression by which a policy failed.
struct Blame {
  const Expr* expr = nullptr;
  Truth is = Truth::kFalse;
};

// Evaluates one expression as the engine does, operand by operand, and remembers what it reads.
class Trace {
 public:
  Trace(const Request& request, const EntityReader& entities, std::vector<Fact>& saw)
      : request_(request), entities_(entities), saw_(saw) {}

  // Whether a boolean expression is true. When that is not what is wanted, blame() says because of
  // which operand.
  Truth test(const Expr& e, bool wanted) {
    switch (e.op) {
      case Op::kAnd:
        return chain(e, wanted, false);
      case Op::kOr:
        return chain(e, wanted, true);
      case Op::kNot: {
        const Truth of = test(e.args[0], !wanted);
        if (of == Truth::kError) return of;
        return of == Truth::kTrue ? Truth::kFalse : Truth::kTrue;
      }
      case Op::kIf: {
        const Truth condition = test(e.args[0], true);
        if (condition == Truth::kError) return condition;
        return test(e.args[condition == Truth::kTrue ? 1 : 2], wanted);
      }
      default:
        return leaf(e, wanted);
    }
  }
  const Blame& blame() const { return blame_; }

 private:
  // The operands of `&&` (`||`) up to the first that is false (true).
  Truth chain(const Expr& e, bool wanted, bool settles) {
    for (const Expr& arg : e.args) {
      const Truth of = test(arg, wanted);
      if (of == Truth::kError || (of == Truth::kTrue) == settles) return of;
    }
    blame_ = {&e, settles ? Truth::kFalse : Truth::kTrue};
    return blame_.is;
  }

  Truth leaf(const Expr& e, bool wanted) {
    const Evaluated made = evaluate(e, request_, entities_);
    const std::optional<bool> is = made.value ? made.value->as_bool() : std::nullopt;
    failing_ = !made.value;
    read(e);
    failing_ = false;
    if (!is) {
      blame_ = {made.value ? &e : &innermost(e), Truth::kError};
      return Truth::kError;
    }
    const Truth truth = *is ? Truth::kTrue : Truth::kFalse;
    if (*is != wanted) blame_ = {&e, truth};
    return truth;
  }

  std::optional<Value> value(const Expr& e) const { return evaluate(e, request_, entities_).value; }
  std::optional<bool> boolean(const Expr& e) const {
    const std::optional<Value> v = value(e);
    return v ? v->as_bool() : std::nullopt;
  }

  // The part of a failing expression that fails though all its own parts do not.
  const Expr& innermost(const Expr& e) const {
    for (const Expr& arg : reached(e)) {
      if (!value(arg)) return innermost(arg);
    }
    return e;  // NOLINT(bugprone-return-const-ref-from-parameter): a part of the policy
  }

  // The operands that evaluation comes to.
  std::vector<std::reference_wrapper<const Expr>> reached(const Expr& e) const {
    std::vector<std::reference_wrapper<const Expr>> made;
    if (e.op == Op::kIf) {
      made.emplace_back(e.args[0]);
      if (const auto yes = boolean(e.args[0])) made.emplace_back(e.args[*yes ? 1 : 2]);
      return made;
    }
    for (const Expr& arg : e.args) {
      made.emplace_back(arg);
      if (e.op != Op::kAnd && e.op != Op::kOr) continue;
      const std::optional<bool> is = boolean(arg);
      if (!is || *is == (e.op == Op::kOr)) break;
    }
    return made;
  }

  // Notes what evaluation reads in an expression; false where it failed.
  bool read(const Expr& e) {
    if (e.op == Op::kGet || is_tag(e)) return read_path(e);
    for (const Expr& arg : reached(e)) {
      if (!read(arg)) return false;
    }
    if (e.op == Op::kHas || e.op == Op::kIn || e.op == Op::kIsIn) note(e, value(e));
    return !failing_ || value(e).has_value();
  }

  static bool is_tag(const Expr& e) {
    return e.op == Op::kCall &&
           (e.function == Function::kGetTag || e.function == Function::kHasTag);
  }
  static bool is_variable(const Expr& e) {
    return e.op == Op::kPrincipal || e.op == Op::kAction || e.op == Op::kResource ||
           e.op == Op::kContext;
  }

  // Of `a.b.c` the whole is one fact; or, where one of them is missing, the shortest that is.
  bool read_path(const Expr& e) {
    const std::optional<Value> found = value(e);
    if (!found && !value(e.args[0])) return read(e.args[0]);
    const Expr* base = &e.args[0];
    while (base->op == Op::kGet) base = &base->args[0];
    if (!is_variable(*base) && !read(*base)) return false;
    if (e.args.size() > 1 && !read(e.args[1])) return false;  // a tag's name
    note(e, found);
    return found.has_value();
  }

  void note(const Expr& e, std::optional<Value> found) {
    std::string text = cut(print(e));
    const bool known =
        std::any_of(saw_.begin(), saw_.end(), [&](const Fact& fact) { return fact.text == text; });
    if (known || saw_.size() >= kMostFacts) return;
    Fact fact{std::move(text), std::move(found), std::nullopt, {}};
    // The entity is that of which a chain of records is read.
    for (const Expr* at = &e; at->args.size() > 0 && !is_variable(*at); at = &at->args[0]) {
      const std::optional<Value> of = value(at->args[0]);
      if (!of) break;
      fact.of = of->as_entity();
      if (!fact.of) continue;
      if (at->op == Op::kGet || at->op == Op::kHas) fact.attribute = at->names[0];
      break;
    }
    saw_.push_back(std::move(fact));
  }

  const Request& request_;
  const EntityReader& entities_;
  std::vector<Fact>& saw_;
  Blame blame_;
  bool failing_ = false;  // the expression that is read fails somewhere
};

class Explaining {
 public:
  Explaining(const Policy& policy, const Request& request, const EntityReader& entities)
      : policy_(policy), request_(request), entities_(entities) {}

  Why run() {
    made_.covers_action = scope(policy_.action, Op::kAction);
    scope(policy_.principal, Op::kPrincipal);
    scope(policy_.resource, Op::kResource);
    for (const Condition& each : *policy_.conditions) condition(each);
    return std::move(made_);
  }

 private:
  // The scope's part as an expression.
  static Expr expr_of(const Constraint& c, Op variable) {
    using Shape = Constraint::Shape;
    Expr v;
    v.op = variable;
    Expr e;
    e.op = c.shape == Shape::kEq     ? Op::kEqual
           : c.shape == Shape::kIs   ? Op::kIs
           : c.shape == Shape::kIsIn ? Op::kIsIn
                                     : Op::kIn;
    e.args.push_back(std::move(v));
    if (!c.type.empty()) e.names.push_back(c.type);
    if (c.list) {
      e.args.emplace_back();
      e.args.back().op = Op::kSet;
      for (const EntityUid& uid : c.uids) e.args.back().args.push_back(literal(uid));
    } else {
      for (const EntityUid& uid : c.uids) e.args.push_back(literal(uid));
    }
    return e;  // NOLINT(bugprone-return-const-ref-from-parameter): a part of the policy
  }
  static Expr literal(const EntityUid& uid) {
    Expr e;
    e.value = Value::entity(uid);
    return e;  // NOLINT(bugprone-return-const-ref-from-parameter): a part of the policy
  }

  bool scope(const Constraint& c, Op variable) {
    if (c.shape == Constraint::Shape::kAny) {
      ++made_.scope;
      return true;
    }
    if (c.slot) return false;  // only what is linked decides
    const Expr e = expr_of(c, variable);
    Part part{false,
              policy_.position(c.end > 0 ? c.begin : policy_.begin),
              c.end > 0 ? written(c.begin, c.end) : cut(print(e)),
              {}};
    Trace trace(request_, entities_, part.saw);
    part.holds = trace.test(e, true) == Truth::kTrue;
    const bool holds = part.holds;
    if (holds) ++made_.scope;
    if (!holds && !made_.failure) {
      fail(Truth::kFalse, {Truth::kFalse, part.position, part.text, {}});
    }
    add(std::move(part), !holds);
    return holds;
  }

  void condition(const Condition& condition) {
    count(condition.expr, !condition.unless);
    if (made_.failure) return;
    Part part{
        false, policy_.position(condition.begin), written(condition.begin, condition.end), {}};
    if (condition.end == 0) {
      part.text = std::string(condition.unless ? "unless" : "when") + " { " +
                  cut(print(condition.expr)) + " }";
    }
    Trace trace(request_, entities_, part.saw);
    const Truth truth = trace.test(condition.expr, !condition.unless);
    part.holds = truth != Truth::kError && (truth == Truth::kTrue) != condition.unless;
    if (!part.holds) {
      const Expr& expr = *trace.blame().expr;
      std::string message;
      if (truth == Truth::kError) message = problem_of(condition.expr);
      fail(truth == Truth::kError ? truth : Truth::kFalse,
           {trace.blame().is, policy_.position(expr.begin),
            expr.end > expr.begin ? written(expr.begin, expr.end) : cut(print(expr)),
            std::move(message)});
    }
    const bool holds = part.holds;
    add(std::move(part), !holds);
  }

  std::string problem_of(const Expr& condition) const {
    const Evaluated made = evaluate(condition, request_, entities_);
    if (!made.value) return made.problem;
    return "a condition wants a boolean, not " + std::string(kind_name(made.value->kind()));
  }

  // Each operand alone; of `unless { a || b }` those are `!a` and `!b`.
  void count(const Expr& e, bool wanted) {
    if (e.op == (wanted ? Op::kAnd : Op::kOr)) {
      for (const Expr& arg : e.args) count(arg, wanted);
      return;
    }
    ++made_.conditions;
    const std::optional<Value> is = evaluate(e, request_, entities_).value;
    if (is && is->as_bool() == wanted) ++made_.held;
  }

  void fail(Truth outcome, Failure failure) {
    made_.outcome = outcome;
    made_.failure = std::move(failure);
    failed_ = true;
  }
  void add(Part part, bool is_failure) {
    if (is_failure ? std::exchange(failed_, false) : !made_.failure) {
      made_.parts.push_back(std::move(part));
    }
  }

  std::string written(std::uint32_t begin, std::uint32_t end) const {
    return cut(policy_.source->text().substr(begin, end - begin));
  }

  const Policy& policy_;
  const Request& request_;
  const EntityReader& entities_;
  Why made_;
  bool failed_ = false;  // the part that failed first is still to be added
};

}  // namespace

Why why(const Policy& policy, const Request& request, const EntityReader& entities) {
  return Explaining(policy, request, entities).run();
}

bool is_nearer(const Why& a, const Why& b) {
  if (a.covers_action != b.covers_action) return a.covers_action;
  if (a.scope != b.scope) return a.scope > b.scope;
  const int a_left = a.conditions - a.held;
  const int b_left = b.conditions - b.held;
  if (a_left != b_left) return a_left < b_left;
  return a.held > b.held;
}

}  // namespace writ::cedar
