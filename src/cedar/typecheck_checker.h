// Checker: the rules of the type checker, in the making; typecheck.h is its face. Internal to
// typecheck*.cc.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "cedar/operand_types.h"
#include "cedar/typecheck.h"

namespace writ::cedar::checking {

using Kind = Type::Kind;
using Problem = TypeProblem::Kind;
using Capabilities = std::vector<std::uint32_t>;  // sorted

struct Answer {
  bool ok = true;
  TypePtr type;  // null for none
  Capabilities capabilities;
};

Capabilities both(const Capabilities& a, const Capabilities& b);
Capabilities shared(const Capabilities& a, const Capabilities& b);

class Checker {
 public:
  Checker(const Schema& schema, const CoreExpr& expr, const Environment& environment,
          ValidationMode mode, Steps& steps)
      : schema_(schema), expr_(expr), environment_(environment), mode_(mode), steps_(steps) {
    typing_.types.resize(expr.nodes.size());
    typing_.reach.resize(expr.nodes.size());
  }

  Typing run();

 private:
  bool strict() const { return mode_ == ValidationMode::kStrict; }
  static Answer typed(TypePtr type, bool ok = true) { return {ok, std::move(type), {}}; }
  static Answer boolean(bool ok) { return typed(Type::of(Kind::kBool), ok); }
  std::uint32_t attribute_capability(std::uint32_t of, const std::string& name) {
    return capability(of, "attribute", name);
  }
  std::uint32_t tag_capability(std::uint32_t of, std::uint32_t tag) {
    return capability(of, "tag", std::to_string(expr_[tag].shape));
  }
  static bool holds(const Capabilities& prior, std::uint32_t capability) {
    return std::binary_search(prior.begin(), prior.end(), capability);
  }

  void report(Problem kind, const CoreNode& node, std::string message);
  std::uint32_t capability(std::uint32_t of, std::string_view kind, std::string_view name);
  // The answer, or one without a type where the type is not what is wanted.
  Answer expect(Answer answer, std::uint32_t at, Wanted wanted);
  Answer expect(const Capabilities& prior, std::uint32_t at, Wanted wanted);
  Answer check(std::uint32_t at, const Capabilities& prior);
  Answer dispatch(std::uint32_t at, const Capabilities& prior);
  Answer literal(const CoreNode& node);
  Answer conditional(std::uint32_t at, const Capabilities& prior);
  Answer conjunction(std::uint32_t at, const Capabilities& prior);
  Answer disjunction(std::uint32_t at, const Capabilities& prior);
  Answer negation(const CoreNode& node, const Capabilities& prior);
  // The least type of all, or null and a report.
  TypePtr common(const CoreNode& node, const std::vector<TypePtr>& types, std::string_view what);
  // In strict mode both types must be compatible; without a type there is nothing to compare.
  bool compatible(const CoreNode& node, const TypePtr& left, const TypePtr& right,
                  std::string_view what);
  // A literal, or the action of this environment.
  std::optional<Value> constant(std::uint32_t at) const;

  // typecheck_operators.cc
  Answer equality(const CoreNode& node, const Capabilities& prior);
  static bool are_disjoint(const Type& a, const Type& b);
  Answer order(const CoreNode& node, const Capabilities& prior);
  Answer membership(const CoreNode& node, const Capabilities& prior);
  // Of an entity or a set of entities; null where any entity may stand.
  static const std::vector<std::string>* names_of(const TypePtr& type);
  std::optional<std::vector<EntityUid>> constants(std::uint32_t at) const;
  // The hierarchy of actions is known in full.
  Answer action_in(const EntityUid& uid, const std::vector<EntityUid>& groups) const;
  Answer is(const CoreNode& node, const Capabilities& prior);
  Answer set(const CoreNode& node, const Capabilities& prior);
  Answer record(const CoreNode& node, const Capabilities& prior);
  Answer call(const CoreNode& node, const Capabilities& prior);
  Answer extension(const CoreNode& node, const Capabilities& prior);

  // typecheck_attributes.cc
  // An attribute as all the types that an expression may be of have it.
  std::optional<AttributeType> attribute(const Type& of, const std::string& name);
  static std::optional<AttributeType> find(const AttributeTypes& attributes,
                                           const std::string& name);
  bool may_have(const Type& of, const std::string& name) const;
  Answer get(const CoreNode& node, const Capabilities& prior);
  std::string suggestion(const Type& of, const std::string& name) const;
  Answer has(const CoreNode& node, const Capabilities& prior);
  // The types of the tags that entities of this type can have.
  std::vector<TypePtr> tag_types(const Type& of) const;
  Answer has_tag(const CoreNode& node, const Capabilities& prior);
  Answer get_tag(const CoreNode& node, const Capabilities& prior);

  const Schema& schema_;
  const CoreExpr& expr_;
  const Environment& environment_;
  ValidationMode mode_;
  Steps& steps_;
  Typing typing_;
  std::map<std::tuple<std::uint32_t, std::string, std::string>, std::uint32_t> capabilities_;
};

}  // namespace writ::cedar::checking
