// The rules. An answer has a type even where the expression is wrong, when it is clear what the
// type was meant to be, so that one mistake is reported once. Capabilities are what is known to
// hold when the expression is true: that an expression has an attribute or a tag.
#include "cedar/typecheck.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <tuple>

#include "base/bytes.h"
#include "cedar/operand_types.h"
#include "cedar/text.h"

namespace writ::cedar {
namespace {

using Kind = Type::Kind;
using Problem = TypeProblem::Kind;
using Capabilities = std::vector<std::uint32_t>;  // sorted

struct Answer {
  bool ok = true;
  TypePtr type;  // null for none
  Capabilities capabilities;
};

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

class Checker {
 public:
  Checker(const Schema& schema, const CoreExpr& expr, const Environment& environment,
          ValidationMode mode, Steps& steps)
      : schema_(schema), expr_(expr), environment_(environment), mode_(mode), steps_(steps) {
    typing_.types.resize(expr.nodes.size());
    typing_.reach.resize(expr.nodes.size());
  }

  Typing run() {
    const Answer answer = expect(check(expr_.root, {}), expr_.root, Wanted::kBool);
    typing_.ok = answer.ok && !steps_.spent();
    typing_.type = answer.type;
    std::sort(typing_.problems.begin(), typing_.problems.end());
    typing_.problems.erase(std::unique(typing_.problems.begin(), typing_.problems.end()),
                           typing_.problems.end());
    return std::move(typing_);
  }

 private:
  bool strict() const { return mode_ == ValidationMode::kStrict; }

  void report(Problem kind, const CoreNode& node, std::string message) {
    constexpr std::size_t kMost = 1'000;
    if (typing_.problems.size() >= kMost) return;
    typing_.problems.push_back({kind, node.begin, node.end, std::move(message)});
  }

  static Answer typed(TypePtr type, bool ok = true) { return {ok, std::move(type), {}}; }
  static Answer boolean(bool ok) { return typed(Type::of(Kind::kBool), ok); }

  std::uint32_t capability(std::uint32_t of, std::string_view kind, std::string_view name) {
    const auto next = static_cast<std::uint32_t>(capabilities_.size());
    return capabilities_
        .emplace(std::tuple(expr_[of].shape, std::string(kind), std::string(name)), next)
        .first->second;
  }
  std::uint32_t attribute_capability(std::uint32_t of, const std::string& name) {
    return capability(of, "attribute", name);
  }
  std::uint32_t tag_capability(std::uint32_t of, std::uint32_t tag) {
    return capability(of, "tag", std::to_string(expr_[tag].shape));
  }
  static bool holds(const Capabilities& prior, std::uint32_t capability) {
    return std::binary_search(prior.begin(), prior.end(), capability);
  }

  // The answer, or one without a type where the type is not what is wanted.
  Answer expect(Answer answer, std::uint32_t at, Wanted wanted) {
    if (answer.type == nullptr) return typed(nullptr, false);
    if (fits(*answer.type, wanted)) return answer;
    report(Problem::kUnexpectedType, expr_[at],
           std::string(name_of(wanted)) + " is wanted here, not " + print(*answer.type));
    return typed(nullptr, false);
  }
  Answer expect(const Capabilities& prior, std::uint32_t at, Wanted wanted) {
    return expect(check(at, prior), at, wanted);
  }

  Answer check(std::uint32_t at, const Capabilities& prior) {
    if (!steps_.take(1 + prior.size() / 16)) return typed(nullptr, false);
    Answer answer = dispatch(at, prior);
    if (!answer.ok) answer.capabilities.clear();
    typing_.types[at] = answer.type;
    return answer;
  }

  Answer dispatch(std::uint32_t at, const Capabilities& prior) {
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

  Answer literal(const CoreNode& node) {
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

  Answer conditional(std::uint32_t at, const Capabilities& prior) {
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

  Answer conjunction(std::uint32_t at, const Capabilities& prior) {
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

  Answer disjunction(std::uint32_t at, const Capabilities& prior) {
    const CoreNode& node = expr_[at];
    Answer left = expect(prior, node.args[0], Wanted::kBool);
    for (std::size_t i = 1; i < node.args.size(); ++i) {
      typing_.reach[at] = static_cast<std::uint32_t>(i);
      if (left.type != nullptr && left.type->is(Kind::kTrue)) return left;
      Answer right = expect(prior, node.args[i], Wanted::kBool);
      const bool ok = left.ok && right.ok;
      if (left.type == nullptr || right.type == nullptr) {
        left = boolean(false);
      } else if (right.type->is(Kind::kTrue)) {
        left = {ok, right.type, right.capabilities};
      } else if (right.type->is(Kind::kFalse)) {
        left.ok = ok;
      } else if (left.type->is(Kind::kFalse)) {
        left = {ok, right.type, right.capabilities};
      } else {
        left = {ok, Type::of(Kind::kBool), shared(left.capabilities, right.capabilities)};
      }
      if (!ok) left.capabilities.clear();
    }
    typing_.reach[at] = static_cast<std::uint32_t>(node.args.size());
    return left;
  }

  Answer negation(const CoreNode& node, const Capabilities& prior) {
    const Answer of = expect(prior, node.args[0], Wanted::kBool);
    if (of.type == nullptr) return boolean(false);
    if (of.type->is(Kind::kTrue)) return typed(Type::boolean(false), of.ok);
    if (of.type->is(Kind::kFalse)) return typed(Type::boolean(true), of.ok);
    return boolean(of.ok);
  }

  // The least type of all, or null and a report.
  TypePtr common(const CoreNode& node, const std::vector<TypePtr>& types, std::string_view what) {
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

  // In strict mode both types must be compatible; without a type there is nothing to compare.
  bool compatible(const CoreNode& node, const TypePtr& left, const TypePtr& right,
                  std::string_view what) {
    if (!strict() || left == nullptr || right == nullptr) return true;
    return common(node, {left, right}, what) != nullptr;
  }

  // A literal, or the action of this environment.
  std::optional<Value> constant(std::uint32_t at) const {
    const CoreNode& node = expr_[at];
    if (node.op == Op::kAction) return Value::entity(environment_.action);
    if (node.op == Op::kLiteral && !node.slot) return node.value;
    return std::nullopt;
  }

  Answer equality(const CoreNode& node, const Capabilities& prior) {
    const Answer left = check(node.args[0], prior);
    const Answer right = check(node.args[1], prior);
    const bool ok = left.ok && right.ok;
    // A slot takes any entity; only those of the other's type can make the policy apply.
    if (expr_[node.args[0]].slot || expr_[node.args[1]].slot) return boolean(ok);
    if (left.type != nullptr && right.type != nullptr && are_disjoint(*left.type, *right.type)) {
      return typed(Type::boolean(false), ok);
    }
    const std::optional<Value> first = constant(node.args[0]);
    const std::optional<Value> second = constant(node.args[1]);
    if (first && second) return typed(Type::boolean(*first == *second), ok);
    return boolean(compatible(node, left.type, right.type, "the operands of `==` are") && ok);
  }

  static bool are_disjoint(const Type& a, const Type& b) {
    if (!a.is(Kind::kEntity) || !b.is(Kind::kEntity)) return false;
    if (a.entities.empty() || b.entities.empty()) return false;
    return std::none_of(a.entities.begin(), a.entities.end(), [&](const std::string& name) {
      return std::binary_search(b.entities.begin(), b.entities.end(), name);
    });
  }

  Answer order(const CoreNode& node, const Capabilities& prior) {
    const Answer left = check(node.args[0], prior);
    const Answer right = check(node.args[1], prior);
    const bool ok = left.ok && right.ok;
    if (left.type == nullptr || right.type == nullptr) return boolean(false);
    const bool left_never = left.type->is(Kind::kNever);
    const bool right_never = right.type->is(Kind::kNever);
    if (left_never && right_never) return boolean(false);
    const Type& one = left_never ? *right.type : *left.type;
    const Type& other = right_never ? *left.type : *right.type;
    const bool same = one.kind == other.kind && one.extension == other.extension;
    if (same && is_ordered(one)) return boolean(ok);
    if (is_ordered(one)) {
      report(Problem::kUnexpectedType, expr_[node.args[1]],
             print(one) + " is wanted here, not " + print(other));
    } else if (is_ordered(other)) {
      report(Problem::kUnexpectedType, expr_[node.args[0]],
             print(other) + " is wanted here, not " + print(one));
    } else {
      report(Problem::kUnexpectedType, node,
             "Long, datetime or duration is wanted on both sides, not " + print(one) + " and " +
                 print(other));
    }
    return boolean(false);
  }

  Answer membership(const CoreNode& node, const Capabilities& prior) {
    const Answer left = expect(prior, node.args[0], Wanted::kEntity);
    const Answer right = expect(prior, node.args[1], Wanted::kEntityOrEntities);
    if (!left.ok || !right.ok) return boolean(false);
    if (const std::optional<Value> of = constant(node.args[0])) {
      const std::optional<std::vector<EntityUid>> groups = constants(node.args[1]);
      const std::optional<EntityUid> uid = of->as_entity();
      if (groups && uid && is_action_type(uid->type())) return action_in(*uid, *groups);
    }
    const std::vector<std::string>* below = names_of(left.type);
    const std::vector<std::string>* above = names_of(right.type);
    if (below != nullptr && above != nullptr) {
      steps_.take(below->size() * above->size());
      const bool possible = std::any_of(below->begin(), below->end(), [&](const auto& b) {
        return std::any_of(above->begin(), above->end(),
                           [&](const auto& a) { return schema_.may_be_in(b, a); });
      });
      if (!possible) return typed(Type::boolean(false));
    }
    return boolean(true);
  }

  // Of an entity or a set of entities; null where any entity may stand.
  static const std::vector<std::string>* names_of(const TypePtr& type) {
    const Type* of = type->is(Kind::kSet) ? type->element.get() : type.get();
    return of != nullptr && of->is(Kind::kEntity) && !of->entities.empty() ? &of->entities
                                                                           : nullptr;
  }

  std::optional<std::vector<EntityUid>> constants(std::uint32_t at) const {
    std::vector<EntityUid> made;
    const auto add = [&](std::uint32_t item) {
      const std::optional<Value> value = constant(item);
      const std::optional<EntityUid> uid = value ? value->as_entity() : std::nullopt;
      if (uid) made.push_back(*uid);
      return uid.has_value();
    };
    if (add(at)) return made;
    const CoreNode& node = expr_[at];
    if (node.op != Op::kSet) return std::nullopt;
    if (!std::all_of(node.args.begin(), node.args.end(), add)) return std::nullopt;
    return made;
  }

  // The hierarchy of actions is known in full.
  Answer action_in(const EntityUid& uid, const std::vector<EntityUid>& groups) const {
    bool is_in = false;
    for (const EntityUid& group : groups) {
      if (!is_action_type(group.type())) continue;
      const Schema::Action* action = schema_.action(group);
      if (action == nullptr) return boolean(false);
      is_in = is_in || group == uid || action->descendants.contains(uid);
    }
    return typed(Type::boolean(is_in));
  }

  // An attribute as all the types that an expression may be of have it.
  std::optional<AttributeType> attribute(const Type& of, const std::string& name) {
    if (of.is(Kind::kRecord)) return find(of.attributes, name);
    if (!of.is(Kind::kEntity) || of.entities.empty()) return std::nullopt;
    std::optional<AttributeType> made;
    for (const std::string& entity : of.entities) {
      const Schema::EntityType* type = schema_.entity_type(entity);
      if (type == nullptr) return std::nullopt;
      std::optional<AttributeType> its = find(type->attributes->attributes, name);
      if (!its) return std::nullopt;
      if (!made) {
        made = std::move(its);
        continue;
      }
      const CommonType both_types =
          common_type(made->type, its->type, ValidationMode::kPermissive, steps_);
      if (both_types.type == nullptr) return std::nullopt;
      made = AttributeType{both_types.type, made->required && its->required};
    }
    return made;
  }

  static std::optional<AttributeType> find(const AttributeTypes& attributes,
                                           const std::string& name) {
    const auto at = attributes.find(name);
    if (at == attributes.end()) return std::nullopt;
    return at->second;
  }

  bool may_have(const Type& of, const std::string& name) const {
    if (of.is(Kind::kNever)) return true;
    if (of.is(Kind::kRecord)) return of.open || of.attributes.contains(name);
    if (of.entities.empty()) return true;
    return std::any_of(of.entities.begin(), of.entities.end(), [&](const std::string& entity) {
      const Schema::EntityType* type = schema_.entity_type(entity);
      if (type == nullptr) return !is_action_type(entity);
      return type->attributes->attributes.contains(name);
    });
  }

  Answer get(const CoreNode& node, const Capabilities& prior) {
    const Answer of = expect(prior, node.args[0], Wanted::kEntityOrRecord);
    if (of.type == nullptr) return typed(nullptr, false);
    const std::string& name = node.names[0];
    const std::optional<AttributeType> its = attribute(*of.type, name);
    if (!its) {
      report(Problem::kMissingAttribute, node,
             print(*of.type) + " has no attribute `" + name + "`" + suggestion(*of.type, name) +
                 (may_have(*of.type, name) ? " that every such value has with one type" : ""));
      return typed(nullptr, false);
    }
    if (!its->required && !holds(prior, attribute_capability(node.args[0], name))) {
      report(Problem::kUnsafeAttribute, node,
             "the attribute `" + name + "` of " + print(*of.type) +
                 " is optional; test with `has` before this that it is there");
      return typed(its->type, false);
    }
    return typed(its->type, of.ok);
  }

  std::string suggestion(const Type& of, const std::string& name) const {
    const AttributeTypes* attributes = nullptr;
    if (of.is(Kind::kRecord)) attributes = &of.attributes;
    if (of.is(Kind::kEntity) && of.entities.size() == 1) {
      const Schema::EntityType* type = schema_.entity_type(of.entities.front());
      if (type != nullptr) attributes = &type->attributes->attributes;
    }
    if (attributes == nullptr || name.size() > 40) return "";
    std::string_view best;
    std::size_t least = 3;
    for (const auto& [each, type] : *attributes) {
      if (each.size() > 40) continue;
      const std::size_t distance = edit_distance(each, name);
      if (distance < least) {
        least = distance;
        best = each;
      }
    }
    return best.empty() ? "" : " (did you mean `" + std::string(best) + "`?)";
  }

  Answer has(const CoreNode& node, const Capabilities& prior) {
    const Answer of = expect(prior, node.args[0], Wanted::kEntityOrRecord);
    if (of.type == nullptr) return boolean(false);
    const std::string& name = node.names[0];
    const std::optional<AttributeType> its = attribute(*of.type, name);
    if (!its) {
      return typed(may_have(*of.type, name) ? Type::of(Kind::kBool) : Type::boolean(false), of.ok);
    }
    // An entity may not exist, and then has nothing.
    const std::uint32_t known = attribute_capability(node.args[0], name);
    const bool surely = holds(prior, known) || (its->required && of.type->is(Kind::kRecord));
    return {of.ok, surely ? Type::boolean(true) : Type::of(Kind::kBool), {known}};
  }

  Answer is(const CoreNode& node, const Capabilities& prior) {
    const Answer of = expect(prior, node.args[0], Wanted::kEntity);
    if (of.type == nullptr || !of.type->is(Kind::kEntity)) return boolean(false);
    const std::vector<std::string>& names = of.type->entities;
    if (names.empty()) return boolean(of.ok);
    if (!std::binary_search(names.begin(), names.end(), node.names[0])) {
      return typed(Type::boolean(false), of.ok);
    }
    return names.size() == 1 ? typed(Type::boolean(true), of.ok) : boolean(of.ok);
  }

  Answer set(const CoreNode& node, const Capabilities& prior) {
    bool ok = true;
    std::vector<TypePtr> types;
    for (const std::uint32_t item : node.args) {
      const Answer of = check(item, prior);
      ok = ok && of.ok;
      types.push_back(of.type);
    }
    if (node.args.empty() && strict()) {
      report(Problem::kEmptySet, node,
             "an empty set has no item that would tell its type; strict validation forbids it");
      return typed(nullptr, false);
    }
    if (std::find(types.begin(), types.end(), nullptr) != types.end()) return typed(nullptr, false);
    TypePtr element = common(node, types, "the items of this set are");
    if (element == nullptr) return typed(nullptr, false);
    return typed(Type::set(std::move(element)), ok);
  }

  Answer record(const CoreNode& node, const Capabilities& prior) {
    bool ok = true;
    bool complete = true;
    AttributeTypes attributes;
    for (std::size_t i = 0; i < node.args.size(); ++i) {
      const Answer of = check(node.args[i], prior);
      ok = ok && of.ok;
      complete = complete && of.type != nullptr;
      if (of.type != nullptr) attributes.emplace(node.names[i], AttributeType{of.type, true});
    }
    if (!complete) return typed(nullptr, false);
    return typed(Type::record(std::move(attributes)), ok);
  }

  Answer call(const CoreNode& node, const Capabilities& prior) {
    switch (node.function) {
      case Function::kContains: {
        const Answer of = expect(prior, node.args[0], Wanted::kSet);
        const Answer item = check(node.args[1], prior);
        const TypePtr element =
            of.type != nullptr && of.type->is(Kind::kSet) ? of.type->element : nullptr;
        return boolean(compatible(node, element, item.type, "the set and the item sought are") &&
                       of.ok && item.ok);
      }
      case Function::kContainsAll:
      case Function::kContainsAny: {
        const Answer left = expect(prior, node.args[0], Wanted::kSet);
        const Answer right = expect(prior, node.args[1], Wanted::kSet);
        return boolean(compatible(node, left.type, right.type, "the two sets are") && left.ok &&
                       right.ok);
      }
      case Function::kIsEmpty:
        return boolean(expect(prior, node.args[0], Wanted::kSet).ok);
      case Function::kHasTag:
        return has_tag(node, prior);
      case Function::kGetTag:
        return get_tag(node, prior);
      default:
        return extension(node, prior);
    }
  }

  // The types of the tags that entities of this type can have.
  std::vector<TypePtr> tag_types(const Type& of) const {
    std::vector<TypePtr> made;
    const auto add = [&](const Schema::EntityType& type) {
      if (type.tags != nullptr) made.push_back(type.tags);
    };
    if (of.entities.empty()) {
      for (const auto& [name, type] : schema_.entity_types()) add(type);
    }
    for (const std::string& name : of.entities) {
      if (const Schema::EntityType* type = schema_.entity_type(name)) add(*type);
    }
    return made;
  }

  Answer has_tag(const CoreNode& node, const Capabilities& prior) {
    const Answer of = expect(prior, node.args[0], Wanted::kEntity);
    const Answer tag = expect(prior, node.args[1], Wanted::kString);
    const bool ok = of.ok && tag.ok;
    if (of.type == nullptr || !of.type->is(Kind::kEntity)) return typed(nullptr, false);
    const std::uint32_t known = tag_capability(node.args[0], node.args[1]);
    TypePtr type = tag_types(*of.type).empty() ? Type::boolean(false)
                   : holds(prior, known)       ? Type::boolean(true)
                                               : Type::of(Kind::kBool);
    return {ok, std::move(type), {known}};
  }

  Answer get_tag(const CoreNode& node, const Capabilities& prior) {
    const Answer of = expect(prior, node.args[0], Wanted::kEntity);
    const Answer tag = expect(prior, node.args[1], Wanted::kString);
    if (of.type == nullptr || !of.type->is(Kind::kEntity)) return typed(nullptr, false);
    if (!holds(prior, tag_capability(node.args[0], node.args[1]))) {
      report(Problem::kUnsafeTag, node,
             "this tag of " + print(*of.type) +
                 " may not be there; test with `hasTag` before this that it is");
      return typed(nullptr, false);
    }
    const std::vector<TypePtr> types = tag_types(*of.type);
    if (types.empty()) {
      report(Problem::kNoTags, node, print(*of.type) + " has no tags");
      return typed(nullptr, false);
    }
    TypePtr type = common(node, types, "the tags of this entity are");
    if (type == nullptr) return typed(nullptr, false);
    return typed(std::move(type), of.ok && tag.ok);
  }

  Answer extension(const CoreNode& node, const Capabilities& prior) {
    const Signature form = signature(node.function);
    const std::string name(form_of(node.function).name);
    const auto is_literal = [&](std::uint32_t at) {
      return expr_[at].op == Op::kLiteral && !expr_[at].slot;
    };
    bool ok = true;
    if (node.args.size() != form.args.size()) {
      report(Problem::kWrongArgumentCount, node,
             "`" + name + "` takes " + std::to_string(form.args.size()) +
                 (form.args.size() == 1 ? " argument" : " arguments") + ", not " +
                 std::to_string(node.args.size()));
      ok = false;
    }
    if (makes_extension(node.function)) {
      if (node.args.size() == 1 && is_literal(node.args[0])) {
        const std::optional<std::string_view> text = expr_[node.args[0]].value.as_string();
        if (text && !is_extension_text(node.function, *text)) {
          report(Problem::kBadExtensionText, node,
                 "\"" + std::string(shorten(*text, 60)) + "\" is no " + name);
          ok = false;
        }
      }
      if (strict() && !std::all_of(node.args.begin(), node.args.end(), is_literal)) {
        report(Problem::kExtensionOfNonLiteral, node,
               "`" + name + "` takes a literal; strict validation cannot check another expression");
        ok = false;
      }
    }
    const bool typed_args = ok;
    for (std::size_t i = 0; i < node.args.size(); ++i) {
      const Answer arg = check(node.args[i], prior);
      if (!typed_args) continue;
      ok = ok && arg.ok && arg.type != nullptr;
      if (arg.type == nullptr || arg.type->is(Kind::kNever)) continue;
      const Type& wanted = *form.args[i];
      if (arg.type->kind == wanted.kind && arg.type->extension == wanted.extension) continue;
      report(Problem::kUnexpectedType, expr_[node.args[i]],
             print(wanted) + " is wanted here, not " + print(*arg.type));
      ok = false;
    }
    return typed(form.result, ok);
  }

  const Schema& schema_;
  const CoreExpr& expr_;
  const Environment& environment_;
  ValidationMode mode_;
  Steps& steps_;
  Typing typing_;
  std::map<std::tuple<std::uint32_t, std::string, std::string>, std::uint32_t> capabilities_;
};

}  // namespace

Typing typecheck(const Schema& schema, const CoreExpr& expr, const Environment& environment,
                 ValidationMode mode, Steps& steps) {
  return Checker(schema, expr, environment, mode, steps).run();
}

}  // namespace writ::cedar
