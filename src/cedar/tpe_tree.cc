// The few forms of a CoreExpr back to those that people write.
#include <algorithm>

#include "cedar/extension.h"
#include "cedar/text.h"
#include "cedar/tpe.h"

namespace writ::cedar {
namespace {

constexpr std::size_t kMostNodes = 1'000'000;

class Tree {
 public:
  explicit Tree(const CoreExpr& from) : from_(from) {}

  Result<Expr> run() {
    Expr made = expr(from_.root);
    if (nodes_ > kMostNodes) {
      return fail(Code::kExhausted, "what is left of a policy has more than " +
                                        std::to_string(kMostNodes) + " parts");
    }
    if (made.depth > kMaxDepth) {
      return fail(Code::kExhausted, "what is left of a policy is nested more than " +
                                        std::to_string(kMaxDepth) + " deep");
    }
    return made;
  }

 private:
  Expr expr(std::uint32_t at) {
    const CoreNode& node = from_[at];
    switch (node.op) {
      case Op::kLiteral:
        return value(node, node.value.view());
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

  // As it is written: sets, records and extension values by what makes them.
  Expr value(const CoreNode& at, ValueView v) {
    switch (v.kind()) {
      case Kind::kSet: {
        Expr made = bare(at, Op::kSet);
        for (const Value& item : v.items()) {
          if (nodes_ > kMostNodes) break;
          add(made, value(at, item));
        }
        return made;
      }
      case Kind::kRecord: {
        Expr made = bare(at, Op::kRecord);
        for (const Field& field : v.fields()) {
          made.names.emplace_back(field.first.view());
          add(made, value(at, field.second));
        }
        return made;
      }
      case Kind::kIp:
        return call(at, Function::kIp, ip_text(v.ip()));
      case Kind::kDecimal:
        return call(at, Function::kDecimal, decimal_text(v.integer()));
      case Kind::kDuration:
        return call(at, Function::kDuration, duration_text(v.integer()));
      case Kind::kDatetime: {
        if (has_datetime_text(v.integer())) {
          return call(at, Function::kDatetime, datetime_text(v.integer()));
        }
        Expr made = bare(at, Op::kCall);
        made.function = Function::kOffset;
        add(made, call(at, Function::kDatetime, "1970-01-01"));
        add(made, call(at, Function::kDuration, duration_text(v.integer())));
        return made;
      }
      default: {
        Expr made = bare(at, Op::kLiteral);
        made.value = Value::of(v);
        return made;
      }
    }
  }
  Expr call(const CoreNode& at, Function function, std::string_view text) {
    Expr made = bare(at, Op::kCall);
    made.function = function;
    Expr arg = bare(at, Op::kLiteral);
    arg.value = Value::string(text);
    add(made, std::move(arg));
    return made;
  }

  Expr bare(const CoreNode& node, Op op) {
    ++nodes_;
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

  Expr negation(const CoreNode& node) {
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
  Expr conjunction(const CoreNode& node) {
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
  std::size_t nodes_ = 0;
};

}  // namespace

Result<Expr> tree_of(const CoreExpr& expr) {
  return Tree(expr).run();
}

}  // namespace writ::cedar
