// Typing operators: comparing, belonging, sets, records and calls.
#include <algorithm>

#include "cedar/text.h"
#include "cedar/typecheck_checker.h"

namespace writ::cedar::checking {

Answer Checker::equality(const CoreNode& node, const Capabilities& prior) {
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

bool Checker::are_disjoint(const Type& a, const Type& b) {
  if (!a.is(Kind::kEntity) || !b.is(Kind::kEntity)) return false;
  if (a.entities.empty() || b.entities.empty()) return false;
  return std::none_of(a.entities.begin(), a.entities.end(), [&](const std::string& name) {
    return std::binary_search(b.entities.begin(), b.entities.end(), name);
  });
}

Answer Checker::order(const CoreNode& node, const Capabilities& prior) {
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

Answer Checker::membership(const CoreNode& node, const Capabilities& prior) {
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

const std::vector<std::string>* Checker::names_of(const TypePtr& type) {
  const Type* of = type->is(Kind::kSet) ? type->element.get() : type.get();
  return of != nullptr && of->is(Kind::kEntity) && !of->entities.empty() ? &of->entities : nullptr;
}

std::optional<std::vector<EntityUid>> Checker::constants(std::uint32_t at) const {
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

Answer Checker::action_in(const EntityUid& uid, const std::vector<EntityUid>& groups) const {
  bool is_in = false;
  for (const EntityUid& group : groups) {
    if (!is_action_type(group.type())) continue;
    const Schema::Action* action = schema_.action(group);
    if (action == nullptr) return boolean(false);
    is_in = is_in || group == uid || action->descendants.contains(uid);
  }
  return typed(Type::boolean(is_in));
}

Answer Checker::is(const CoreNode& node, const Capabilities& prior) {
  const Answer of = expect(prior, node.args[0], Wanted::kEntity);
  if (of.type == nullptr || !of.type->is(Kind::kEntity)) return boolean(false);
  const std::vector<std::string>& names = of.type->entities;
  if (names.empty()) return boolean(of.ok);
  if (!std::binary_search(names.begin(), names.end(), node.names[0])) {
    return typed(Type::boolean(false), of.ok);
  }
  return names.size() == 1 ? typed(Type::boolean(true), of.ok) : boolean(of.ok);
}

Answer Checker::set(const CoreNode& node, const Capabilities& prior) {
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

Answer Checker::record(const CoreNode& node, const Capabilities& prior) {
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

Answer Checker::call(const CoreNode& node, const Capabilities& prior) {
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

Answer Checker::extension(const CoreNode& node, const Capabilities& prior) {
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

}  // namespace writ::cedar::checking
