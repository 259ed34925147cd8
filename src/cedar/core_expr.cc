#include "cedar/core_expr.h"

#include <algorithm>
#include <map>

namespace writ::cedar {
namespace {

constexpr std::uint64_t kEndless = std::uint64_t{1} << 40;  // and no more is counted

class Lowering {
 public:
  explicit Lowering(const Policy& policy) : policy_(policy) {}

  Result<CoreExpr> run() {
    std::vector<std::uint32_t> all;
    scope(all, Op::kPrincipal, policy_.principal);
    scope(all, Op::kAction, policy_.action);
    scope(all, Op::kResource, policy_.resource);
    for (const Condition& condition : *policy_.conditions) {
      begin_ = condition.begin;
      end_ = condition.end;
      std::uint32_t one = expr(condition.expr);
      if (condition.unless) one = node(Op::kNot, {one});
      all.push_back(one);
    }
    begin_ = policy_.begin;
    end_ = policy_.end;
    if (all.empty()) {
      made_.root = literal(Value::boolean(true));
    } else {
      made_.root = all.size() == 1 ? all.front() : node(Op::kAnd, std::move(all));
    }
    const CoreNode& root = made_.nodes[made_.root];
    const bool too_many = root.visits > 16 * made_.nodes.size() + kMaxCoreVisits;
    if (root.depth > kMaxCoreDepth || too_many || too_deep_) {
      return tl::unexpected<Error>(
          policy_.source->error(policy_.begin, "this policy is nested too deeply to be validated"));
    }
    made_.shapes = static_cast<std::uint32_t>(shapes_.size());
    return std::move(made_);
  }

 private:
  void scope(std::vector<std::uint32_t>& all, Op variable, const Constraint& constraint) {
    using Shape = Constraint::Shape;
    begin_ = policy_.begin;
    end_ = policy_.end;
    if (constraint.shape == Shape::kAny) return;
    const std::uint32_t of = node(variable, {});
    if (constraint.shape == Shape::kIs || constraint.shape == Shape::kIsIn) {
      all.push_back(node(Op::kIs, {of}, {constraint.type}));
      if (constraint.shape == Shape::kIs) return;
    }
    std::uint32_t right = 0;
    if (constraint.slot) {
      right = literal(Value::boolean(false), true);
    } else if (constraint.list) {
      std::vector<std::uint32_t> items;
      for (const EntityUid& uid : constraint.uids) items.push_back(literal(Value::entity(uid)));
      right = node(Op::kSet, std::move(items));
    } else {
      right = literal(Value::entity(constraint.uids.front()));
    }
    all.push_back(node(constraint.shape == Shape::kEq ? Op::kEqual : Op::kIn, {of, right}));
  }

  std::uint32_t literal(Value value, bool slot = false) {
    CoreNode made;
    made.slot = slot;
    made.value = std::move(value);
    return add(std::move(made));
  }

  std::uint32_t node(Op op, std::vector<std::uint32_t> args, std::vector<std::string> names = {}) {
    CoreNode made;
    made.op = op;
    made.args = std::move(args);
    made.names = std::move(names);
    return add(std::move(made));
  }

  std::uint32_t add(CoreNode made) {
    made.begin = begin_;
    made.end = end_;
    std::string key;
    const auto put = [&](std::uint64_t v) { key.append(reinterpret_cast<const char*>(&v), 8); };
    put(static_cast<std::uint64_t>(made.op));
    put(static_cast<std::uint64_t>(made.function));
    for (const std::uint32_t arg : made.args) {
      made.depth = std::max(made.depth, made_.nodes[arg].depth + 1);
      made.visits = std::min(made.visits + made_.nodes[arg].visits, kEndless);
      put(made_.nodes[arg].shape);
    }
    for (const std::string& name : made.names) {
      put(name.size());
      key += name;
    }
    if (made.op == Op::kLiteral) key += made.slot ? "?" : print(made.value.view());
    made.shape =
        shapes_.emplace(std::move(key), static_cast<std::uint32_t>(shapes_.size())).first->second;
    made_.nodes.push_back(std::move(made));
    return static_cast<std::uint32_t>(made_.nodes.size() - 1);
  }

  std::uint32_t expr(const Expr& from) {
    std::vector<std::uint32_t> args;
    // `(a && b) && c` is `a && b && c`.
    const bool chain = from.op == Op::kAnd || from.op == Op::kOr;
    for (std::size_t i = 0; i < from.args.size(); ++i) {
      const std::uint32_t arg = expr(from.args[i]);
      if (chain && i == 0 && made_.nodes[arg].op == from.op) {
        args = made_.nodes[arg].args;
      } else {
        args.push_back(arg);
      }
    }
    begin_ = from.begin;
    end_ = from.end;
    switch (from.op) {
      case Op::kLiteral:
        return literal(from.value);
      case Op::kNotEqual:
        return node(Op::kNot, {node(Op::kEqual, std::move(args))});
      case Op::kGreater:
        return node(Op::kNot, {node(Op::kLessEqual, std::move(args))});
      case Op::kGreaterEqual:
        return node(Op::kNot, {node(Op::kLess, std::move(args))});
      case Op::kIsIn: {
        const std::uint32_t is = node(Op::kIs, {args[0]}, from.names);
        return node(Op::kAnd, {is, node(Op::kIn, {args[0], args[1]})});
      }
      case Op::kHas:
        return has(args[0], from.names);
      default:
        break;
    }
    CoreNode made;
    made.op = from.op;
    made.function = from.function;
    made.args = std::move(args);
    made.names = from.names;
    return add(std::move(made));
  }

  std::uint32_t has(std::uint32_t of, const std::vector<std::string>& path) {
    if (path.size() > kMaxDepth) {
      too_deep_ = true;
      return of;
    }
    std::vector<std::uint32_t> tests;
    for (std::size_t i = 0; i < path.size(); ++i) {
      if (i > 0) of = node(Op::kGet, {of}, {path[i - 1]});
      tests.push_back(node(Op::kHas, {of}, {path[i]}));
    }
    return tests.size() == 1 ? tests.front() : node(Op::kAnd, std::move(tests));
  }

  const Policy& policy_;
  CoreExpr made_;
  std::map<std::string, std::uint32_t> shapes_;
  std::uint32_t begin_ = 0;
  std::uint32_t end_ = 0;
  bool too_deep_ = false;
};

}  // namespace

Result<CoreExpr> lower(const Policy& policy) {
  return Lowering(policy).run();
}

}  // namespace writ::cedar
