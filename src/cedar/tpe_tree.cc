// The few forms of a CoreExpr back to those that people write.
#include <algorithm>

#include "cedar/text.h"
#include "cedar/tpe.h"

namespace writ::cedar {
namespace {

class Tree {
 public:
  explicit Tree(const CoreExpr& from) : from_(from) {}

  Expr expr(std::uint32_t at) const {
    const CoreNode& node = from_[at];
    switch (node.op) {
      case Op::kLiteral: {
        Expr made = bare(node, Op::kLiteral);
        made.value = node.value;
        return made;
      }
      case Op::kNot:
        return negation(node);
      case Op::kAnd:
        return conjunction(node);
      default:
        break;
    }
    Expr made = bare(node, node.op);
    for (const std::uint32_t arg : node.args) add(made, expr(arg));
    return made;
  }

 private:
  static Expr bare(const CoreNode& node, Op op) {
    Expr made;
    made.op = op;
    made.function = node.function;
    made.begin = node.begin;
    made.end = node.end;
    made.names = node.names;
    return made;
  }
  static void add(Expr& to, Expr arg) {
    to.depth = std::max<std::uint16_t>(to.depth, static_cast<std::uint16_t>(arg.depth + 1));
    to.args.push_back(std::move(arg));
  }

  Expr negation(const CoreNode& node) const {
    const CoreNode& of = from_[node.args[0]];
    const Op op = of.op == Op::kEqual       ? Op::kNotEqual
                  : of.op == Op::kLessEqual ? Op::kGreater
                  : of.op == Op::kLess      ? Op::kGreaterEqual
                                            : Op::kNot;
    Expr made = bare(node, op);
    if (op == Op::kNot) {
      add(made, expr(node.args[0]));
    } else {
      for (const std::uint32_t arg : of.args) add(made, expr(arg));
    }
    return made;
  }

  // Parts that came of one `is … in` or `has a.b` share nodes, so that taking them together also
  // keeps the tree from growing beyond what was written.
  Expr conjunction(const CoreNode& node) const {
    Expr made = bare(node, Op::kAnd);
    for (std::size_t i = 0; i < node.args.size();) {
      const CoreNode& part = from_[node.args[i]];
      if (part.op == Op::kIs && i + 1 < node.args.size()) {
        const CoreNode& next = from_[node.args[i + 1]];
        if (next.op == Op::kIn && next.args[0] == part.args[0]) {
          Expr both = bare(part, Op::kIsIn);
          add(both, expr(part.args[0]));
          add(both, expr(next.args[1]));
          add(made, std::move(both));
          i += 2;
          continue;
        }
      }
      if (part.op == Op::kHas) {
        Expr path = bare(part, Op::kHas);
        add(path, expr(part.args[0]));
        std::size_t last = i;
        while (last + 1 < node.args.size() && continues(node.args[last], node.args[last + 1])) {
          path.names.push_back(from_[node.args[++last]].names[0]);
        }
        add(made, std::move(path));
        i = last + 1;
        continue;
      }
      add(made, expr(node.args[i++]));
    }
    if (made.args.size() > 1) return made;
    Expr only = std::move(made.args.front());
    return only;
  }

  // Whether `has` at `next` asks for an attribute of the one that `has` at `before` asked for.
  bool continues(std::uint32_t before, std::uint32_t next) const {
    const CoreNode& first = from_[before];
    const CoreNode& second = from_[next];
    if (second.op != Op::kHas || !may_stand_in_path(first.names[0]) ||
        !may_stand_in_path(second.names[0])) {
      return false;
    }
    const CoreNode& of = from_[second.args[0]];
    return of.op == Op::kGet && of.args[0] == first.args[0] && of.names[0] == first.names[0];
  }
  static bool may_stand_in_path(std::string_view name) {
    return is_identifier(name) && !is_reserved(name);
  }

  const CoreExpr& from_;
};

}  // namespace

Expr tree_of(const CoreExpr& expr) {
  return Tree(expr).expr(expr.root);
}

}  // namespace writ::cedar
