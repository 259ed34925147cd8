#include "cedar/level.h"

#include <algorithm>

namespace writ::cedar {
namespace {

class LevelChecker {
 public:
  LevelChecker(const CoreExpr& expr, const Typing& typing, const Environment& environment,
               std::uint32_t most, Steps& steps)
      : expr_(expr), typing_(typing), environment_(environment), most_(most), steps_(steps) {}

  std::vector<LevelProblem> run() {
    walk(expr_.root);
    return std::move(problems_);
  }

 private:
  bool is_entity(std::uint32_t at) const {
    const TypePtr& type = typing_.types[at];
    return type != nullptr && type->is(Type::Kind::kEntity);
  }
  static bool reads_entity(const CoreNode& node) {
    return node.op == Op::kIn || (node.op == Op::kCall && (node.function == Function::kHasTag ||
                                                           node.function == Function::kGetTag));
  }

  // An expression whose own reads are within the level.
  void walk(std::uint32_t at) {
    if (!steps_.take()) return;
    const CoreNode& node = expr_[at];
    if (reads_entity(node)) {
      read(node, node.args[0]);
      walk(node.args[1]);
      return;
    }
    if (node.op == Op::kGet || node.op == Op::kHas) {
      if (is_entity(node.args[0])) {
        read(node, node.args[0]);
      } else {
        walk(node.args[0]);
      }
      return;
    }
    if (node.op == Op::kIf) {
      walk(node.args[0]);
      if (typing_.reach[at] != 2) walk(node.args[1]);
      if (typing_.reach[at] != 1) walk(node.args[2]);
      return;
    }
    const bool chain = node.op == Op::kAnd || node.op == Op::kOr;
    const std::size_t count = chain ? typing_.reach[at] : node.args.size();
    for (std::size_t i = 0; i < count; ++i) walk(node.args[i]);
  }

  void read(const CoreNode& node, std::uint32_t target) {
    const std::uint32_t level = depth(target, {});
    if (level < most_) return;
    problems_.push_back({node.begin, node.end,
                         "this reads entities " + std::to_string(level + 1) +
                             " deep, more than the level " + std::to_string(most_)});
  }

  // How many entities lie before the one that the expression is. `path` names the attributes that
  // are taken of it, the next last.
  std::uint32_t depth(std::uint32_t at, std::vector<std::string> path) {
    if (!steps_.take()) return 0;
    const CoreNode& node = expr_[at];
    switch (node.op) {
      case Op::kPrincipal:
      case Op::kAction:
      case Op::kResource:
      case Op::kContext:
        return 0;
      case Op::kLiteral:
        if (node.slot || node.value.as_entity() != environment_.action) {
          problems_.push_back(
              {node.begin, node.end, "an entity literal cannot be read at any level"});
        }
        return 0;
      case Op::kIf: {
        walk(node.args[0]);
        if (typing_.reach[at] == 1) return depth(node.args[1], std::move(path));
        if (typing_.reach[at] == 2) return depth(node.args[2], std::move(path));
        return std::max(depth(node.args[1], path), depth(node.args[2], path));
      }
      case Op::kGet:
        if (is_entity(node.args[0])) return depth(node.args[0], std::move(path)) + 1;
        path.push_back(node.names[0]);
        return depth(node.args[0], std::move(path));
      case Op::kCall: {
        if (node.function != Function::kGetTag) return 0;  // where the types are wrong
        const std::uint32_t target = depth(node.args[0], std::move(path));
        walk(node.args[1]);
        return target + 1;
      }
      case Op::kRecord: {
        if (path.empty()) return 0;
        const std::string name = std::move(path.back());
        path.pop_back();
        std::uint32_t found = 0;
        for (std::size_t i = 0; i < node.args.size(); ++i) {
          if (node.names[i] == name) {
            found = depth(node.args[i], path);
          } else {
            walk(node.args[i]);
          }
        }
        return found;
      }
      default:
        return 0;  // no other expression is an entity or record
    }
  }

  const CoreExpr& expr_;
  const Typing& typing_;
  const Environment& environment_;
  std::uint32_t most_;
  Steps& steps_;
  std::vector<LevelProblem> problems_;
};

}  // namespace

std::vector<LevelProblem> check_level(const CoreExpr& expr, const Typing& typing,
                                      const Environment& environment, std::uint32_t most,
                                      Steps& steps) {
  return LevelChecker(expr, typing, environment, most, steps).run();
}

}  // namespace writ::cedar
