// Folding: a policy's expression, with everything put in that is known, and computed as far as that
// goes.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cedar/tpe.h"

namespace writ::cedar::detail {

// What folding knows. References must outlive it.
struct Known {
  const PartialRequest& request;
  const PartialReader& entities;
  // Where actions are read, as declared; null: they are read among the entities.
  const Schema* schema = nullptr;
  // An attribute of a known context that is to count as unknown; it is there, though.
  std::string unknown_attribute = {};
};

// For the expressions of many policies, with the same knowledge.
class Folding {
 public:
  Folding(const Known& known, Steps& steps) : known_(known), steps_(steps) {}
  // `typing` must have passed. Without one nothing is taken for granted, and more may fail. When
  // the steps are spent the answer is of no use.
  Residual fold(const CoreExpr& expr, const Typing* typing) {
    return fold(expr, typing, expr.root);
  }
  // Of the part at a node.
  Residual fold(const CoreExpr& expr, const Typing* typing, std::uint32_t node);

 private:
  enum class State : std::uint8_t {
    kValue,    // a literal
    kError,    // it fails
    kPartial,  // unknown, and cannot fail
    kRisky,    // unknown, and may fail
  };
  using Index = std::uint32_t;

  Index visit(Index at);
  Index compute(Index at);
  Index conditional(Index at);
  Index chain(Index at);
  Index get(Index at);
  Index has(Index at);
  Index membership(Index at);
  Index call(Index at);
  Index collection(Index at);
  Index operation(Index at);
  // The value, or empty when the operation fails.
  std::optional<Value> apply_to(const CoreNode& node, const std::vector<Index>& args) const;

  Index variable(Index at, const std::optional<EntityUid>& uid);
  Index value(Index at, Value value);
  Index boolean(Index at, bool value) { return this->value(at, Value::boolean(value)); }
  // The node with folded arguments.
  Index keep(Index at, std::vector<Index> args, State state);
  // The state of an operation whose arguments are not all known: it fails when one surely does.
  State state_of(Index at, const std::vector<Index>& args) const;
  State as_condition(Index made) const;
  bool may_fail_itself(Index at) const;

  const CoreNode& from(Index at) const { return (*expr_)[at]; }
  bool is_value(Index made) const { return states_[made] == State::kValue; }
  bool all_values(const std::vector<Index>& made) const;
  std::optional<bool> as_bool(Index made) const;
  ValueView view(Index made) const { return made_[made].value; }
  TypePtr type(Index at) const { return typing_ == nullptr ? nullptr : typing_->types[at]; }
  KnownParts parts(const EntityUid& uid);
  Residual finish(Index root);

  const Known& known_;
  Steps& steps_;
  const CoreExpr* expr_ = nullptr;
  const Typing* typing_ = nullptr;
  std::vector<CoreNode> made_;
  std::vector<State> states_;           // of made_
  std::vector<Index> memo_;             // by node of expr_
  std::map<EntityUid, UidSet> groups_;  // of actions
};

}  // namespace writ::cedar::detail
