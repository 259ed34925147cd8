#include "cedar/evaluation.h"

#include <algorithm>
#include <array>
#include <span>

#include "cedar/extension.h"
#include "cedar/function.h"
#include "cedar/text.h"

namespace writ::cedar::detail {
namespace {

std::string quoted(std::string_view text) {
  return "`" + std::string(text) + "`";
}

std::string_view sign_of(Step step) {
  switch (step) {
    case Step::kLess:
      return "`<`";
    case Step::kLessEqual:
      return "`<=`";
    case Step::kGreater:
      return "`>`";
    case Step::kGreaterEqual:
      return "`>=`";
    case Step::kAdd:
      return "`+`";
    case Step::kSubtract:
      return "`-`";
    case Step::kMultiply:
      return "`*`";
    default:
      return "this";
  }
}

bool has_order(Kind kind) {
  return kind == Kind::kInt || kind == Kind::kDatetime || kind == Kind::kDuration;
}

bool has_type(const UidText* uid, const String& type) {
  const Text* text = type.text();
  return uid->type_hash == text->hash && uid->type_size == text->size &&
         same_bytes(uid->bytes(), text->bytes(), text->size);
}

class NoEntities final : public EntityReader {
 public:
  const Entity* find(const EntityUid&) const override { return nullptr; }
};

}  // namespace

const Entity* Evaluation::look_up(const UidText* uid) {
  if (uid == request_.principal.text()) return principal();
  if (uid == request_.resource.text()) return resource();
  if (uid == request_.action.text()) return action();
  const Borrowed borrowed(uid);
  last_ = {uid, entities_.find(borrowed.uid())};
  return last_.entity;
}

bool Evaluation::meets(const Test& test, Part& part) {
  const EntityUid& uid = *part.uid;
  using Shape = Constraint::Shape;
  if (test.shape == Shape::kIs || test.shape == Shape::kIsIn) {
    const String& type = program_.names.data()[test.type];
    if (!has_type(uid.text(), type)) return false;
    if (test.shape == Shape::kIs) return true;
  }
  const EntityUid* const uids = program_.uids.data() + test.first;
  for (std::uint32_t i = 0; i < test.count; ++i) {
    if (uid == uids[i]) return true;
  }
  if (test.shape == Shape::kEq) return false;
  const Entity* known = find(part);
  if (known == nullptr || known->ancestors.empty()) return false;
  for (std::uint32_t i = 0; i < test.count; ++i) {
    if (known->ancestors.contains(uids[i])) return true;
  }
  return false;
}

ValueView Evaluation::fail(const Node& node, std::string problem) {
  problem_ = std::move(problem);
  problem_at_ = node.at;
  return {};
}

ValueView Evaluation::misfit(const Node& node, std::string_view what, std::string_view wanted,
                             ValueView got) {
  return fail(node, std::string(what) + " wants " + std::string(wanted) + ", not " +
                        std::string(kind_name(got.kind())));
}

ValueView Evaluation::no_condition(std::uint32_t root, ValueView got) {
  return misfit(program_.nodes[root], "a condition", "a boolean", got);
}

ValueView Evaluation::boolean(const Node& node, std::uint32_t child, std::string_view what) {
  const ValueView v = value(child);
  if (v.is(Kind::kBool) || v.is(Kind::kNone)) return v;
  return misfit(node, what, "a boolean", v);
}

// Each case only says who goes on, so that walking needs no frame of its own.
ValueView Evaluation::value(std::uint32_t root) {
  const Node& node = node_at(root);
  switch (node.step) {
    case Step::kConstant:
      return program_.constants.data()[node.a];
    case Step::kPrincipal:
      return ValueView::entity(request_.principal);
    case Step::kAction:
      return ValueView::entity(request_.action);
    case Step::kResource:
      return ValueView::entity(request_.resource);
    case Step::kContext:
      return request_.context.whole();
    case Step::kPrincipalGet:
      return get_of(principal(), node);
    case Step::kResourceGet:
      return get_of(resource(), node);
    case Step::kContextGet:
      return context_get(node);
    case Step::kContextHas:
      return context_has(node);
    case Step::kIf:
      return choice(node);
    case Step::kAnd:
      return logical(node, false);
    case Step::kOr:
      return logical(node, true);
    case Step::kNot:
      return inverse(node);
    case Step::kNegate:
      return negative(node);
    case Step::kEqual:
      return equality(node, true);
    case Step::kNotEqual:
      return equality(node, false);
    case Step::kLess:
    case Step::kLessEqual:
    case Step::kGreater:
    case Step::kGreaterEqual:
      return order(node);
    case Step::kIn:
      return in(node);
    case Step::kAdd:
    case Step::kSubtract:
    case Step::kMultiply:
      return arithmetic(node);
    case Step::kHas:
      return has(node);
    case Step::kLike:
      return like(node);
    case Step::kIs:
      return is(node, operand(node.a));
    case Step::kIsIn:
      return is_in(node);
    case Step::kGet:
      return get(node);
    case Step::kSet:
      return set(node);
    case Step::kRecord:
      return record(node);
    case Step::kCall:
      return call(node);
    case Step::kInAttribute:
      return view_of(in_attribute<false>(node));
    case Step::kInList:
      return in_list(node);
    case Step::kListHolds:
      return list_holds(node);
    case Step::kInRange:
      return in_range(node);
  }
  return fail(node, "there is no such operation");
}

ValueView Evaluation::choice(const Node& node) {
  const ValueView test = boolean(node, link(node, 0), "`if`");
  if (test.is(Kind::kNone)) return test;
  return value(link(node, test.boolean() ? 1 : 2));
}

ValueView Evaluation::inverse(const Node& node) {
  const ValueView v = boolean(node, node.a, "`!`");
  return v.is(Kind::kNone) ? v : ValueView::boolean(!v.boolean());
}

ValueView Evaluation::negative(const Node& node) {
  const ValueView v = operand(node.a);
  if (v.is(Kind::kNone)) return v;
  if (!v.is(Kind::kInt)) return misfit(node, "`-`", "an integer", v);
  std::int64_t result = 0;
  if (__builtin_sub_overflow(std::int64_t{0}, v.integer(), &result)) {
    return fail(node, "the integer overflows");
  }
  return ValueView::integer(result);
}

ValueView Evaluation::equality(const Node& node, bool wanted) {
  const ValueView a = operand(node.a);
  if (a.is(Kind::kNone)) return a;
  const ValueView b = operand(node.b);
  if (b.is(Kind::kNone)) return b;
  return ValueView::boolean(equal(a, b) == wanted);
}

ValueView Evaluation::like(const Node& node) {
  const ValueView v = operand(node.a);
  if (v.is(Kind::kNone)) return v;
  if (!v.is(Kind::kString)) return misfit(node, "`like`", "a string", v);
  return ValueView::boolean(matches(v.string(), program_.patterns[node.b]));
}

ValueView Evaluation::logical(const Node& node, bool any) {
  for (std::uint32_t i = 0; i < node.count; ++i) {
    const ValueView v = boolean(node, link(node, i), any ? "`||`" : "`&&`");
    if (v.is(Kind::kNone) || v.boolean() == any) return v;
  }
  return ValueView::boolean(!any);
}

ValueView Evaluation::order(const Node& node) {
  const ValueView a = operand(node.a);
  if (a.is(Kind::kNone)) return a;
  const ValueView b = operand(node.b);
  if (b.is(Kind::kNone)) return b;
  if (!has_order(a.kind())) {
    return misfit(node, sign_of(node.step), "an integer, a datetime or a duration", a);
  }
  if (b.kind() != a.kind()) return misfit(node, sign_of(node.step), kind_name(a.kind()), b);
  switch (node.step) {
    case Step::kLess:
      return ValueView::boolean(a.integer() < b.integer());
    case Step::kLessEqual:
      return ValueView::boolean(a.integer() <= b.integer());
    case Step::kGreater:
      return ValueView::boolean(a.integer() > b.integer());
    default:
      return ValueView::boolean(a.integer() >= b.integer());
  }
}

ValueView Evaluation::arithmetic(const Node& node) {
  const ValueView a = operand(node.a);
  if (a.is(Kind::kNone)) return a;
  const ValueView b = operand(node.b);
  if (b.is(Kind::kNone)) return b;
  if (!a.is(Kind::kInt)) return misfit(node, sign_of(node.step), "an integer", a);
  if (!b.is(Kind::kInt)) return misfit(node, sign_of(node.step), "an integer", b);
  std::int64_t result = 0;
  const bool overflow =
      node.step == Step::kAdd        ? __builtin_add_overflow(a.integer(), b.integer(), &result)
      : node.step == Step::kSubtract ? __builtin_sub_overflow(a.integer(), b.integer(), &result)
                                     : __builtin_mul_overflow(a.integer(), b.integer(), &result);
  return overflow ? fail(node, "the integer overflows") : ValueView::integer(result);
}

ValueView Evaluation::in(const Node& node) {
  const ValueView left = operand(node.a);
  if (left.is(Kind::kNone)) return left;
  const ValueView right = operand(node.b);
  return right.is(Kind::kNone) ? right : in(node, left, right);
}

ValueView Evaluation::in(const Node& node, ValueView left, ValueView right) {
  if (!left.is(Kind::kEntity)) return misfit(node, "`in`", "an entity on its left", left);
  const UidText* uid = left.entity();
  if (right.is(Kind::kEntity)) {
    if (same(uid, right.entity())) return ValueView::boolean(true);
    const Entity* known = entity(uid);
    return ValueView::boolean(known != nullptr &&
                              known->ancestors.contains(right.entity(), right.entity_tag()));
  }
  if (!right.is(Kind::kSet)) {
    return misfit(node, "`in`", "an entity or a set of entities on its right", right);
  }
  const std::span<const Value> items = right.items();
  if (items.empty()) return ValueView::boolean(false);
  // A set is sorted by kind, so its ends tell.
  for (const ValueView end : {ValueView(items.front()), ValueView(items.back())}) {
    if (!end.is(Kind::kEntity)) {
      return misfit(node, "`in`", "only entities in the set on its right", end);
    }
  }
  if (right.contains(left)) return ValueView::boolean(true);
  const Entity* known = entity(uid);
  if (known == nullptr) return ValueView::boolean(false);
  if (items.size() <= known->ancestors.size()) {
    return ValueView::boolean(std::any_of(items.begin(), items.end(), [&](const Value& item) {
      return known->ancestors.contains(item.view().entity(), item.view().entity_tag());
    }));
  }
  return ValueView::boolean(
      std::any_of(known->ancestors.begin(), known->ancestors.end(),
                  [&](const EntityUid& each) { return right.contains(ValueView::entity(each)); }));
}

// Where names and uids are shared, as those are of a document and of the policies that read it
// (sharing.h), it needs no frame: it calls something only as its last step. Where they are not,
// texts are compared. Whatever is not as it usually is goes the long way, which also says what is
// wrong.
template <bool kByText>
Evaluation::Outcome Evaluation::in_attribute(const Node& node) {
  const auto other_way = [&]() __attribute__((always_inline)) {
    if constexpr (kByText) return outcome_of(value(node.a));
    return in_attribute<true>(node);
  };
  const auto member = [](const Entity& of, const String& name) __attribute__((always_inline)) {
    const Field* const field = of.attrs.view().near_field(name.text());
    const bool is_it = field != nullptr && (field->first.text() == name.text() ||
                                            (kByText && same(field->first.text(), name.text())));
    return is_it ? &field->second.view() : nullptr;
  };
  const Part& of = ends_[node.of_resource];
  const Part& from = ends_[node.from_resource];
  if (!of.sought || from.entity == nullptr) return other_way();
  const String* const name = program_.names.data() + node.b;
  const ValueView* right = member(*from.entity, name[0]);
  if (right == nullptr) return other_way();
  if (node.count == 2) {
    if (!right->is(Kind::kEntity)) return other_way();
    if (right->entity() != last_.uid) return in_attribute_of(right->entity(), node);
    if (last_.entity == nullptr) return other_way();
    right = member(*last_.entity, name[1]);
    if (right == nullptr) return other_way();
  }
  if (!right->is(Kind::kEntity)) return in_value(node, *right);
  if (right->entity_tag() == tag_of(of.uid->hash())) {
    if (of.uid->text() == right->entity()) return Outcome::kYes;
    if (!kByText) return other_way();
    if (same(of.uid->text(), right->entity())) return Outcome::kYes;
  }
  if (of.entity == nullptr) return Outcome::kNo;
  return of.entity->ancestors.contains(right->entity(), right->entity_tag()) ? Outcome::kYes
                                                                             : Outcome::kNo;
}

Evaluation::Outcome Evaluation::in_attribute_of(const UidText* uid, const Node& node) {
  const Entity* const known = look_up(uid);
  if (known == nullptr) return outcome_of(value(node.a));
  const ValueView right = known->attrs.view().find(program_.names.data()[node.b + 1].text());
  if (right.is(Kind::kNone)) return outcome_of(value(node.a));
  return in_value(node, right);
}

Evaluation::Outcome Evaluation::in_value(const Node& node, ValueView right) {
  return outcome_of(in(node_at(node.a), ValueView::entity(*ends_[node.of_resource].uid), right));
}

ValueView Evaluation::in_list(const Node& node) {
  const ValueView left = operand(link(node, 0));
  if (left.is(Kind::kNone)) return left;
  if (!left.is(Kind::kEntity)) return misfit(node, "`in`", "an entity on its left", left);
  bool found = false;
  for (std::uint32_t i = 1; i < node.count; ++i) {  // all of them: each may fail
    const ValueView item = operand(link(node, i));
    if (item.is(Kind::kNone)) return item;
    if (!item.is(Kind::kEntity)) {
      return misfit(node, "`in`", "only entities in the set on its right", item);
    }
    found = found || in(node, left, item).boolean();
  }
  return ValueView::boolean(found);
}

ValueView Evaluation::list_holds(const Node& node) {
  bool found = false;
  const ValueView sought = operand(link(node, 0));
  if (sought.is(Kind::kNone)) return sought;
  for (std::uint32_t i = 1; i < node.count; ++i) {
    const ValueView item = operand(link(node, i));
    if (item.is(Kind::kNone)) return item;
    found = found || equal(item, sought);
  }
  return ValueView::boolean(found);
}

ValueView Evaluation::has(const Node& node) {
  ValueView v = operand(node.a);
  for (std::uint32_t i = 0; i < node.count; ++i) {
    if (v.is(Kind::kNone)) return v;
    if (v.is(Kind::kEntity)) {
      const Entity* known = entity(v.entity());
      if (known == nullptr) return ValueView::boolean(false);
      v = known->attrs;
    } else if (!v.is(Kind::kRecord)) {
      return misfit(node, "`has`", "an entity or a record", v);
    }
    v = v.find(program_.names[node.b + i].text());
    if (v.is(Kind::kNone)) return ValueView::boolean(false);
  }
  return ValueView::boolean(true);
}

ValueView Evaluation::get(const Node& node) {
  const ValueView of = operand(node.a);
  const String& name = program_.names[node.b];
  if (of.is(Kind::kRecord)) {
    const ValueView v = of.find(name.text());
    if (!v.is(Kind::kNone)) return v;
    return fail(node, "the record has no attribute " + quoted(name.view()));
  }
  if (of.is(Kind::kEntity)) {
    const Entity* known = entity(of.entity());
    if (known == nullptr) return fail(node, quoted(print(of)) + " does not exist");
    const ValueView v = known->attrs.view().find(name.text());
    if (!v.is(Kind::kNone)) return v;
    return fail(node, quoted(print(of)) + " has no attribute " + quoted(name.view()));
  }
  if (of.is(Kind::kNone)) return of;
  return misfit(node, "the attribute " + quoted(name.view()), "an entity or a record", of);
}

ValueView Evaluation::context_get(const Node& node) {
  const std::optional<ValueView> v = request_.context.find(path(node));
  if (v && !v->is(Kind::kNone)) return *v;
  return v ? no_member(node) : value(node.a);
}

ValueView Evaluation::no_member(const Node& node) {
  return fail(node, "the record has no attribute " + quoted(path(node).back().view()));
}

ValueView Evaluation::context_has(const Node& node) {
  const std::optional<ValueView> v = request_.context.find(path(node));
  return v ? ValueView::boolean(!v->is(Kind::kNone)) : value(node.a);
}

ValueView Evaluation::is(const Node& node, ValueView v) {
  if (v.is(Kind::kNone)) return v;
  if (!v.is(Kind::kEntity)) return misfit(node, "`is`", "an entity", v);
  const String& type = program_.names[node.b];
  return ValueView::boolean(has_type(v.entity(), type));
}

ValueView Evaluation::is_in(const Node& node) {
  const ValueView left = operand(link(node, 0));
  const ValueView fits = is(node, left);
  if (fits.is(Kind::kNone) || !fits.boolean()) return fits;
  const ValueView right = operand(link(node, 1));
  return right.is(Kind::kNone) ? right : in(node, left, right);
}

ValueView Evaluation::call(const Node& node) {
  const FunctionForm& form = form_of(node.function);
  if (node.count != form.args) {
    return fail(node, quoted(form.name) + " takes " + std::to_string(form.args) +
                          (form.args == 1 ? " argument, not " : " arguments, not ") +
                          std::to_string(node.count));
  }
  std::array<ValueView, 2> args;  // no function takes more
  for (std::uint32_t i = 0; i < node.count; ++i) {
    args[i] = operand(link(node, i));
    if (args[i].is(Kind::kNone)) return {};
  }
  if (node.function == Function::kContains && args[0].is(Kind::kSet)) {
    return ValueView::boolean(args[0].contains(args[1]));
  }
  if (node.function == Function::kGetTag || node.function == Function::kHasTag) {
    return tag(node, args[0], args[1]);
  }
  const Applied applied = apply(node.function, args.data());
  if (applied.view.is(Kind::kNone)) return fail(node, problem_of(node.function, args.data()));
  return applied.owned ? own(Value::adopt(applied.view)) : applied.view;
}

ValueView Evaluation::in_range(const Node& node) {
  const ValueView v = operand(node.count);
  if (!v.is(Kind::kIp)) return value(node.a);  // fails, and says how
  return ValueView::boolean(is_in_range(v.ip(), program_.constants.data()[node.b].view().ip()));
}

ValueView Evaluation::tag(const Node& node, ValueView of, ValueView name) {
  const std::string_view what = form_of(node.function).name;
  if (!of.is(Kind::kEntity)) return misfit(node, what, "an entity", of);
  if (!name.is(Kind::kString)) return misfit(node, what, "a string", name);
  const Entity* known = entity(of.entity());
  const ValueView v = known == nullptr ? ValueView() : known->tags.view().find(name.text());
  if (node.function == Function::kHasTag) return ValueView::boolean(!v.is(Kind::kNone));
  if (known == nullptr) return fail(node, quoted(print(of)) + " does not exist");
  if (!v.is(Kind::kNone)) return v;
  return fail(node, quoted(print(of)) + " has no tag " + quoted(name.string()));
}

ValueView Evaluation::set(const Node& node) {
  std::vector<Value> items;
  items.reserve(node.count);
  for (std::uint32_t i = 0; i < node.count; ++i) {
    const ValueView item = operand(link(node, i));
    if (item.is(Kind::kNone)) return item;
    items.push_back(Value::of(item));
  }
  return own(Value::set(std::move(items)));
}

ValueView Evaluation::record(const Node& node) {
  std::vector<Field> fields;
  fields.reserve(node.count);
  for (std::uint32_t i = 0; i < node.count; ++i) {
    const ValueView item = operand(link(node, i));
    if (item.is(Kind::kNone)) return item;
    fields.emplace_back(program_.names[node.b + i], Value::of(item));
  }
  return own(Value::record(std::move(fields)));
}

std::optional<Value> constant_value(const Program& program, std::uint32_t root) {
  const Request nobody{EntityUid("", ""), EntityUid("", ""), EntityUid("", "")};
  const NoEntities none;
  const PlainContext context(nobody.context);
  Evaluation evaluation(program, view_of(nobody, context), none);
  const ValueView v = evaluation.value(root);
  if (v.is(Kind::kNone)) return std::nullopt;
  return Value::of(v);
}

}  // namespace writ::cedar::detail
