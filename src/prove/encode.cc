#include "prove/encode.h"

#include <algorithm>
#include <optional>

#include "cedar/function.h"
#include "cedar/operand_types.h"
#include "prove/arithmetic.h"

namespace writ::prove {
namespace {

using cedar::CoreNode;
using cedar::Function;
using cedar::Op;
using cedar::Type;
using cedar::TypePtr;
using Kind = Type::Kind;

constexpr std::uint64_t kMostSteps = 100'000'000;  // of type checking one policy

class Encoder {
 public:
  Encoder(World& world, const Prepared& policy, const cedar::Typing& typing)
      : world_(world),
        terms_(world.terms()),
        policy_(*policy.policy),
        expr_(policy.expr),
        typing_(typing),
        done_(policy.expr.nodes.size()) {}

  Result<Meaning> run() {
    TRY(whole, node(expr_.root));
    return Meaning{whole.ok, whole.value};
  }

 private:
  using Answer = Result<Symbolic>;

  tl::unexpected<Error> refuse(const CoreNode& at, const std::string& why) const {
    Error error = policy_.source->error(at.begin, why);
    error.code = Code::kInvalid;
    return tl::unexpected<Error>(std::move(error));
  }
  // An error of the world, at a place.
  template <class T>
  Result<T> placed(const CoreNode& at, Result<T> of) const {
    if (of) return of;
    return refuse(at, of.error().message);
  }
  Result<const Type*> type_of(std::uint32_t at) const {
    if (typing_.types[at] == nullptr) {
      return refuse(expr_[at], "this expression has no type, so nothing can be proved about it");
    }
    return typing_.types[at].get();
  }
  // The one type of an entity.
  Result<std::string> entity_type(std::uint32_t at) const {
    TRY(type, type_of(at));
    if (!type->is(Kind::kEntity) || type->entities.size() != 1) {
      return refuse(expr_[at], "an entity of one type is wanted for a proof, not " + print(*type));
    }
    return type->entities.front();
  }

  Answer node(std::uint32_t at) {
    if (!done_[at]) {
      TRY(made, dispatch(at));
      done_[at] = made;
    }
    return *done_[at];
  }

  // What neither fails nor needs its arguments to be there.
  Symbolic sure(TermId value) const { return {terms_.truth(true), value}; }

  Answer dispatch(std::uint32_t at) {
    const CoreNode& it = expr_[at];
    switch (it.op) {
      case Op::kLiteral: {
        if (it.slot) return refuse(it, "a slot of a template is still to be filled here");
        TRY(value, placed(it, world_.constant(it.value, *Type::of(Kind::kBool))));
        return sure(value);
      }
      case Op::kPrincipal:
        return sure(world_.principal());
      case Op::kResource:
        return sure(world_.resource());
      case Op::kAction: {
        TRY(value, placed(it, world_.action()));
        return sure(value);
      }
      case Op::kContext: {
        TRY(value, placed(it, world_.context()));
        return sure(value);
      }
      case Op::kIf:
        return conditional(at);
      case Op::kAnd:
      case Op::kOr:
        return junction(at);
      case Op::kNot: {
        TRY(of, node(it.args[0]));
        return Symbolic{of.ok, terms_.negation(of.value)};
      }
      case Op::kNegate: {
        TRY(of, node(it.args[0]));
        return checked(terms_, TermOp::kSubtract, sure(terms_.number(0)), of);
      }
      case Op::kEqual:
        return equality(it);
      case Op::kLess:
        return comparison(it, TermOp::kLess);
      case Op::kLessEqual:
        return comparison(it, TermOp::kLessEqual);
      case Op::kIn:
        return membership(it);
      case Op::kAdd:
        return arithmetic(it, TermOp::kAdd);
      case Op::kSubtract:
        return arithmetic(it, TermOp::kSubtract);
      case Op::kMultiply:
        return arithmetic(it, TermOp::kMultiply);
      case Op::kHas:
        return has(it);
      case Op::kLike:
        return like(it);
      case Op::kIs: {
        TRY(of, node(it.args[0]));
        TRY(type, entity_type(it.args[0]));
        return Symbolic{of.ok, terms_.truth(type == it.names[0])};
      }
      case Op::kGet:
        return get(it);
      case Op::kSet:
        return set(at);
      case Op::kRecord:
        return record(at);
      case Op::kCall:
        return call(it);
      default:
        return refuse(it, "this expression cannot be part of a proof");
    }
  }

  Answer conditional(std::uint32_t at) {
    const CoreNode& it = expr_[at];
    TRY(test, node(it.args[0]));
    if (const std::uint32_t only = typing_.reach[at]; only != 0) {
      TRY(branch, node(it.args[only]));
      return Symbolic{terms_.all({test.ok, branch.ok}), branch.value};
    }
    TRY(then, node(it.args[1]));
    TRY(otherwise, node(it.args[2]));
    TRY(whole, type_of(at));
    TRY(first, coerce(it.args[1], then.value, *whole));
    TRY(second, coerce(it.args[2], otherwise.value, *whole));
    return Symbolic{terms_.all({test.ok, terms_.ite(test.value, then.ok, otherwise.ok)}),
                    terms_.ite(test.value, first, second)};
  }

  // From the last argument to the first: each matters only where those before it let it.
  Answer junction(std::uint32_t at) {
    const CoreNode& it = expr_[at];
    const bool is_and = it.op == Op::kAnd;
    const std::size_t count = typing_.reach[at] == 0 ? it.args.size() : typing_.reach[at];
    std::vector<Symbolic> parts;
    for (std::size_t i = 0; i < count; ++i) {
      TRY(part, node(it.args[i]));
      parts.push_back(part);
    }
    Symbolic made = parts.back();
    for (std::size_t i = parts.size() - 1; i-- > 0;) {
      const Symbolic& part = parts[i];
      const TermId decided = is_and ? terms_.negation(part.value) : part.value;
      made.ok = terms_.all({part.ok, terms_.any({decided, made.ok})});
      made.value =
          is_and ? terms_.all({part.value, made.value}) : terms_.any({part.value, made.value});
    }
    return made;
  }

  // ---- Types that differ in what is optional ----

  // The value of an expression as one of another type, which has the same values and perhaps more.
  Result<TermId> coerce(std::uint32_t at, TermId value, const Type& to) {
    TRY(from, type_of(at));
    return coerce(expr_[at], value, *from, to);
  }
  Result<TermId> coerce(const CoreNode& at, TermId value, const Type& from, const Type& to) {
    TRY(wanted, placed(at, world_.sort_of(to)));
    if (terms_.sort_of(value) == wanted) return value;
    if (from.is(Kind::kRecord) && to.is(Kind::kRecord)) {
      std::vector<TermId> fields;
      std::uint32_t i = 0;
      for (const auto& [name, its] : from.attributes) {
        const auto goal = to.attributes.find(name);
        if (goal == to.attributes.end()) return differ(at, from, to);
        TermId field = terms_.select(0, i++, value);
        if (!its.required) {
          if (goal->second.required || terms_.sort_of(field) != optional_sort(*goal->second.type)) {
            return differ(at, from, to);
          }
        } else {
          TRY(inner, coerce(at, field, *its.type, *goal->second.type));
          field = goal->second.required ? inner : terms_.some(inner);
        }
        fields.push_back(field);
      }
      if (from.attributes.size() != to.attributes.size()) return differ(at, from, to);
      return terms_.construct(wanted, 0, std::move(fields));
    }
    if (from.is(Kind::kSet) && to.is(Kind::kSet) && terms_[value].op == TermOp::kSetOf) {
      std::vector<TermId> members;
      for (const TermId each : std::vector<TermId>(terms_[value].args)) {
        TRY(member, coerce(at, each, *from.element, *to.element));
        members.push_back(member);
      }
      return terms_.set_of(wanted, std::move(members));
    }
    return differ(at, from, to);
  }
  SortId optional_sort(const Type& type) {
    const Result<SortId> sort = world_.sort_of(type);
    return sort ? terms_.option(*sort) : terms_.boolean();
  }
  Result<TermId> differ(const CoreNode& at, const Type& from, const Type& to) const {
    return refuse(at, "a value of type " + print(from) + " stands here as one of type " +
                          print(to) + "; their forms differ, so nothing can be proved about it");
  }
  // Both values in one form.
  Result<std::pair<TermId, TermId>> alike(std::uint32_t a, TermId left, std::uint32_t b,
                                          TermId right) {
    TRY(first, type_of(a));
    TRY(second, type_of(b));
    cedar::Steps steps(kMostSteps);
    const cedar::CommonType common =
        common_type(typing_.types[a], typing_.types[b], cedar::ValidationMode::kPermissive, steps);
    if (common.type == nullptr) return fail(differ(expr_[b], *second, *first));
    TRY(one, coerce(a, left, *common.type));
    TRY(other, coerce(b, right, *common.type));
    return std::pair(one, other);
  }

  // ---- Operators ----

  Answer equality(const CoreNode& it) {
    TRY(left, node(it.args[0]));
    TRY(right, node(it.args[1]));
    TRY(first, type_of(it.args[0]));
    TRY(second, type_of(it.args[1]));
    const TermId ok = terms_.all({left.ok, right.ok});
    // Entities of different types are never the same.
    if (first->is(Kind::kEntity) && second->is(Kind::kEntity) &&
        first->entities != second->entities && first->entities.size() == 1 &&
        second->entities.size() == 1) {
      return Symbolic{ok, terms_.truth(false)};
    }
    TRY(both, alike(it.args[0], left.value, it.args[1], right.value));
    return Symbolic{ok, terms_.equal(both.first, both.second)};
  }

  Answer comparison(const CoreNode& it, TermOp op) {
    TRY(left, node(it.args[0]));
    TRY(right, node(it.args[1]));
    return Symbolic{terms_.all({left.ok, right.ok}), terms_.bits_op(op, left.value, right.value)};
  }

  Answer arithmetic(const CoreNode& it, TermOp op) {
    TRY(left, node(it.args[0]));
    TRY(right, node(it.args[1]));
    return checked(terms_, op, left, right);
  }

  Answer membership(const CoreNode& it) {
    TRY(left, node(it.args[0]));
    TRY(right, node(it.args[1]));
    TRY(below, entity_type(it.args[0]));
    TRY(right_type, type_of(it.args[1]));
    const TermId ok = terms_.all({left.ok, right.ok});
    const bool is_set = right_type->is(Kind::kSet);
    const Type* of = is_set ? right_type->element.get() : right_type;
    // `in []` is of no type, and holds for nothing.
    if (of == nullptr || of->is(Kind::kNever)) return Symbolic{ok, terms_.truth(false)};
    if (!of->is(Kind::kEntity) || of->entities.size() != 1) {
      return refuse(expr_[it.args[1]],
                    "entities of one type are wanted for a proof, not " + print(*right_type));
    }
    const std::string& above = of->entities.front();
    std::vector<TermId> cases;
    if (below == above) {
      cases.push_back(is_set ? terms_.member(left.value, right.value)
                             : terms_.equal(left.value, right.value));
    }
    if (cedar::is_action_type(below)) {
      cases.push_back(action_in(left.value, below, right.value, above, is_set));
    } else if (may_stand_below(below, above)) {
      const TermId ancestors = world_.ancestors(left.value, below, above);
      cases.push_back(terms_.all(
          {world_.exists(left.value, below),
           is_set ? terms_.meet(ancestors, right.value) : terms_.member(right.value, ancestors)}));
    }
    return Symbolic{ok, terms_.any(cases)};
  }

  // May an entity have another one, of the second type, among its ancestors?
  bool may_stand_below(const std::string& below, const std::string& above) const {
    const auto* type = world_.schema().entity_type(above);
    return type != nullptr && type->descendants.contains(below);
  }

  // The hierarchy of actions is the schema's.
  TermId action_in(TermId action, const std::string& below, TermId groups, const std::string& above,
                   bool is_set) {
    std::vector<TermId> cases;
    for (const auto& [uid, declared] : world_.schema().actions()) {
      if (uid.type() != below) continue;
      for (const cedar::EntityUid& group : declared.ancestors) {
        if (group.type() != above) continue;
        const Result<TermId> one = world_.entity(uid);
        const Result<TermId> other = world_.entity(group);
        if (!one || !other) continue;  // the schema has both
        cases.push_back(
            terms_.all({terms_.equal(action, *one),
                        is_set ? terms_.member(*other, groups) : terms_.equal(groups, *other)}));
      }
    }
    return terms_.any(cases);
  }

  Answer like(const CoreNode& it) {
    TRY(of, node(it.args[0]));
    for (const std::string& piece : it.names) CHECK_OK(placed(it, world_.text(piece)));
    return Symbolic{of.ok, terms_.like(of.value, it.names)};
  }

  // ---- Attributes and tags ----

  // Where an attribute stands in a record.
  struct Field {
    std::uint32_t index;
    bool required;
  };
  static std::optional<Field> field_of(const Type& record, const std::string& name) {
    const auto at = record.attributes.find(name);
    if (at == record.attributes.end()) return std::nullopt;
    return Field{static_cast<std::uint32_t>(std::distance(record.attributes.begin(), at)),
                 at->second.required};
  }
  // A declared attribute of an entity; null for none.
  const cedar::AttributeType* declared(const std::string& type, const std::string& name) const {
    const auto* entity = world_.schema().entity_type(type);
    if (entity == nullptr) return nullptr;
    const auto at = entity->attributes->attributes.find(name);
    return at == entity->attributes->attributes.end() ? nullptr : &at->second;
  }

  Answer has(const CoreNode& it) {
    TRY(of, node(it.args[0]));
    TRY(type, type_of(it.args[0]));
    const std::string& name = it.names[0];
    if (type->is(Kind::kRecord)) {
      const std::optional<Field> field = field_of(*type, name);
      if (!field) return Symbolic{of.ok, terms_.truth(false)};
      if (field->required) return Symbolic{of.ok, terms_.truth(true)};
      return Symbolic{of.ok, terms_.is_some(terms_.select(0, field->index, of.value))};
    }
    TRY(entity, entity_type(it.args[0]));
    const cedar::AttributeType* attribute = declared(entity, name);
    if (attribute == nullptr) return Symbolic{of.ok, terms_.truth(false)};
    const TermId exists = world_.exists(of.value, entity);
    if (attribute->required) return Symbolic{of.ok, exists};
    TRY(value, placed(it, world_.attribute(of.value, entity, name)));
    return Symbolic{of.ok, terms_.all({exists, terms_.is_some(value)})};
  }

  Answer get(const CoreNode& it) {
    TRY(of, node(it.args[0]));
    TRY(type, type_of(it.args[0]));
    const std::string& name = it.names[0];
    TermId ok = of.ok;
    TermId value = 0;
    bool required = true;
    if (type->is(Kind::kRecord)) {
      const std::optional<Field> field = field_of(*type, name);
      if (!field) return refuse(it, "there is no attribute `" + name + "` here");
      value = terms_.select(0, field->index, of.value);
      required = field->required;
    } else {
      TRY(entity, entity_type(it.args[0]));
      const cedar::AttributeType* attribute = declared(entity, name);
      if (attribute == nullptr) return refuse(it, entity + " has no attribute `" + name + "`");
      TRY(read, placed(it, world_.attribute(of.value, entity, name)));
      value = read;
      required = attribute->required;
      ok = terms_.all({ok, world_.exists(of.value, entity)});
    }
    if (required) return Symbolic{ok, value};
    return Symbolic{terms_.all({ok, terms_.is_some(value)}), terms_.value(value)};
  }

  Answer tag(const CoreNode& it) {
    TRY(of, node(it.args[0]));
    TRY(key, node(it.args[1]));
    TRY(entity, entity_type(it.args[0]));
    const auto* type = world_.schema().entity_type(entity);
    const TermId ok = terms_.all({of.ok, key.ok});
    const bool asks = it.function == Function::kHasTag;
    if (type == nullptr || type->tags == nullptr) {
      if (asks) return Symbolic{ok, terms_.truth(false)};
      return refuse(it, entity + " has no tags");
    }
    TRY(value, placed(it, world_.tag(of.value, entity, key.value)));
    const TermId is_there = terms_.all({world_.exists(of.value, entity), terms_.is_some(value)});
    if (asks) return Symbolic{ok, is_there};
    return Symbolic{terms_.all({ok, is_there}), terms_.value(value)};
  }

  // ---- Sets and records ----

  Answer set(std::uint32_t at) {
    const CoreNode& it = expr_[at];
    TRY(type, type_of(at));
    std::vector<TermId> ok;
    std::vector<TermId> members;
    if (it.args.empty()) {
      // Only the list of a scope may be empty, and it stands after `in`, which does not look.
      return sure(terms_.set_of(terms_.set(terms_.boolean()), {}));
    }
    for (const std::uint32_t arg : it.args) {
      TRY(item, node(arg));
      TRY(member, coerce(arg, item.value, *type->element));
      ok.push_back(item.ok);
      members.push_back(member);
    }
    TRY(sort, placed(it, world_.sort_of(*type)));
    return Symbolic{terms_.all(ok), terms_.set_of(sort, std::move(members))};
  }

  Answer record(std::uint32_t at) {
    const CoreNode& it = expr_[at];
    TRY(type, type_of(at));
    TRY(sort, placed(it, world_.sort_of(*type)));
    std::vector<TermId> ok;
    std::vector<TermId> fields(it.args.size());
    for (std::size_t i = 0; i < it.args.size(); ++i) {
      TRY(part, node(it.args[i]));
      ok.push_back(part.ok);
      const std::optional<Field> field = field_of(*type, it.names[i]);
      if (!field) return refuse(it, "this record has no type");
      fields[field->index] = part.value;
    }
    return Symbolic{terms_.all(ok), terms_.construct(sort, 0, std::move(fields))};
  }

  // ---- Functions ----

  Answer call(const CoreNode& it) {
    switch (it.function) {
      case Function::kHasTag:
      case Function::kGetTag:
        return tag(it);
      case Function::kContains:
      case Function::kContainsAll:
      case Function::kContainsAny:
        return of_sets(it);
      case Function::kIsEmpty: {
        TRY(of, node(it.args[0]));
        return Symbolic{of.ok, terms_.equal(of.value, terms_.set_of(terms_.sort_of(of.value), {}))};
      }
      default:
        break;
    }
    if (makes_extension(it.function)) return literal(it);
    std::vector<Symbolic> args;
    for (const std::uint32_t arg : it.args) {
      TRY(made, node(arg));
      args.push_back(made);
    }
    const std::optional<Symbolic> made = apply_extension(world_, it.function, args);
    if (!made) return refuse(it, "this function cannot be part of a proof");
    return *made;
  }

  Answer of_sets(const CoreNode& it) {
    TRY(set, node(it.args[0]));
    TRY(other, node(it.args[1]));
    const TermId ok = terms_.all({set.ok, other.ok});
    if (it.function == Function::kContains) {
      TRY(type, type_of(it.args[0]));
      TRY(item_type, type_of(it.args[1]));
      if (type->element == nullptr) return refuse(it, "this set has no type");
      if (type->element->is(Kind::kEntity) && item_type->is(Kind::kEntity) &&
          type->element->entities != item_type->entities) {
        return Symbolic{ok, terms_.truth(false)};
      }
      TRY(item, coerce(it.args[1], other.value, *type->element));
      return Symbolic{ok, terms_.member(item, set.value)};
    }
    TRY(both, alike(it.args[0], set.value, it.args[1], other.value));
    return Symbolic{ok, it.function == Function::kContainsAll
                            ? terms_.subset(both.second, both.first)
                            : terms_.meet(both.first, both.second)};
  }

  // Of text that is known, which strict validation wants.
  Answer literal(const CoreNode& it) {
    const CoreNode& text = expr_[it.args[0]];
    if (text.op != Op::kLiteral) return refuse(it, "a literal is wanted here");
    TRY(value, placed(it, call_extension(it.function, {text.value})));
    TRY(term, world_.constant(value, *signature(it.function).result));
    return sure(term);
  }

  World& world_;
  Terms& terms_;
  const cedar::Policy& policy_;
  const cedar::CoreExpr& expr_;
  const cedar::Typing& typing_;
  std::vector<std::optional<Symbolic>> done_;
};

// Whether a scope can cover anything in the environment. What it cannot needs no closer look.
bool may_apply(const cedar::Policy& policy, const World& world) {
  using Shape = cedar::Constraint::Shape;
  const cedar::Environment& environment = world.environment();
  const cedar::Schema::Action& action = *world.schema().action(environment.action);
  const auto covers_action = [&](const cedar::EntityUid& uid) {
    return uid == environment.action ||
           (policy.action.shape == Shape::kIn && action.ancestors.contains(uid));
  };
  const auto& uids = policy.action.uids;
  if (policy.action.shape != Shape::kAny && policy.action.shape != Shape::kIs &&
      std::none_of(uids.begin(), uids.end(), covers_action)) {
    return false;
  }
  const auto covers = [&](const cedar::Constraint& scope, const std::string& type) {
    if (!scope.type.empty() && scope.type != type) return false;
    if (scope.uids.empty()) return true;
    const std::string of(scope.uids.front().type());
    return of == type || (scope.shape != Shape::kEq && world.schema().may_be_in(type, of));
  };
  return covers(policy.principal, environment.principal) &&
         covers(policy.resource, environment.resource);
}

}  // namespace

Result<std::vector<Prepared>> prepare(const cedar::PolicySet& policies) {
  std::vector<Prepared> made;
  for (const cedar::Policy& policy : policies.policies()) {
    TRY(expr, lower(policy));
    made.push_back({&policy, std::move(expr)});
  }
  return made;
}

Result<Meaning> encode(World& world, const Prepared& policy) {
  Terms& terms = world.terms();
  const cedar::Policy& its = *policy.policy;
  if (!may_apply(its, world)) return Meaning{terms.truth(true), terms.truth(false)};
  cedar::Steps steps(kMostSteps);
  const cedar::Typing typing = typecheck(world.schema(), policy.expr, world.environment(),
                                         cedar::ValidationMode::kStrict, steps);
  if (steps.spent()) {
    return fail(Code::kExhausted, "this policy's types are too large for a proof",
                its.position().text());
  }
  if (!typing.ok) {
    const std::uint32_t at = typing.problems.empty() ? its.begin : typing.problems.front().begin;
    Error error = its.source->error(at, typing.problems.empty()
                                            ? "this policy names what the schema does not have"
                                            : typing.problems.front().message);
    error.code = Code::kInvalid;
    return tl::unexpected<Error>(std::move(error));
  }
  return Encoder(world, policy, typing).run();
}

}  // namespace writ::prove
