// Evaluation of compiled expressions for one request.
// Invariant: a view it answers lives as long as the Evaluation, the program, the request and the
// reader's entities do.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cedar/authorize.h"
#include "cedar/program.h"

namespace writ::cedar::detail {

class Evaluation {
 public:
  Evaluation(const Program& program, const RequestView& request, const EntityReader& entities)
      : program_(program),
        request_(request),
        entities_(entities),
        ends_{Part(request.principal, request.principal_entity),
              Part(request.resource, request.resource_entity)},
        action_(request.action, request.action_entity) {}

  // Whether the scope covers the request. The resource comes first: it tells most policies apart.
  bool covers(const CompiledPolicy& policy) { return covers_ends(policy) && covers_action(policy); }
  bool covers_ends(const CompiledPolicy& policy) {
    return covers_resource(policy) && covers_principal(policy);
  }
  bool covers_principal(const CompiledPolicy& policy) {
    return covers(policy.principal, ends_[kPrincipal]);
  }
  bool covers_action(const CompiledPolicy& policy) { return covers(policy.action, action_); }
  bool covers_resource(const CompiledPolicy& policy) {
    return covers(policy.resource, ends_[kResource]);
  }
  enum class Outcome : std::uint8_t { kNo, kYes, kFailed };
  // Whether the conditions of a policy hold.
  [[gnu::always_inline]] Outcome conditions(const CompiledPolicy& policy) {
    if (policy.only_root != kNoRoot) return outcome(policy.only_root);
    for (std::uint32_t i = 0; i < policy.clauses; ++i) {
      const Clause& clause = program_.clauses.data()[policy.first_clause + i];
      const Outcome holds = outcome(clause.root);
      if (holds == Outcome::kFailed) return holds;
      if ((holds == Outcome::kYes) == clause.unless) return Outcome::kNo;
    }
    return Outcome::kYes;
  }
  // kNone when it failed: see problem() and problem_at().
  [[gnu::noinline]] ValueView value(std::uint32_t root);
  // As value(), and fails when it is no boolean.
  ValueView condition(std::uint32_t root) {
    const ValueView v = value(root);
    return v.is(Kind::kBool) || v.is(Kind::kNone) ? v : no_condition(root, v);
  }

  const std::string& problem() const { return problem_; }
  std::uint32_t problem_at() const { return problem_at_; }

  const Entity* principal() { return find(ends_[kPrincipal]); }
  const Entity* action() { return find(action_); }
  const Entity* resource() { return find(ends_[kResource]); }

 private:
  // A part of the request. Its entity is looked up when first needed.
  struct Part {
    Part(const EntityUid& part, const Entity* known)
        : uid(&part), entity(known), sought(known != nullptr) {}
    const EntityUid* uid;
    const Entity* entity;
    bool sought;
  };
  enum End : std::uint8_t { kPrincipal, kResource };
  const Entity* find(Part& part) { return part.sought ? part.entity : look_up(part); }
  [[gnu::noinline]] const Entity* look_up(Part& part) {
    part.entity = entities_.find(*part.uid);
    part.sought = true;
    return part.entity;
  }
  const Entity* entity(const UidText* uid) {
    return uid == last_.uid ? last_.entity : look_up(uid);
  }
  [[gnu::noinline]] const Entity* look_up(const UidText* uid);
  bool covers(const Test& test, Part& part) {
    return test.shape == Constraint::Shape::kAny || meets(test, part);
  }
  bool meets(const Test& test, Part& part);

  // Indices within a program are right by construction: compile.cc.
  const Node& node_at(std::uint32_t index) const { return program_.nodes.data()[index]; }
  std::uint32_t link(const Node& node, std::uint32_t i) const {
    return program_.links.data()[node.a + i];
  }
  // The value of a child: at once where that takes no more than a look.
  [[gnu::always_inline]] ValueView operand(std::uint32_t child) {
    const Node& node = node_at(child);
    switch (node.step) {
      case Step::kConstant:
        return program_.constants.data()[node.a];
      case Step::kPrincipal:
        return ValueView::entity(request_.principal);
      case Step::kResource:
        return ValueView::entity(request_.resource);
      case Step::kPrincipalGet:
        return get_of(principal(), node);
      case Step::kResourceGet:
        return get_of(resource(), node);
      case Step::kContextGet:
        return context_get(node);
      default:
        return value(child);
    }
  }
  [[gnu::always_inline]] ValueView get_of(const Entity* entity, const Node& node) {
    if (entity != nullptr) {
      const ValueView v = entity->attrs.view().find(program_.names.data()[node.b].text());
      if (!v.is(Kind::kNone)) return v;
    }
    return get(node);  // fails, and says how
  }
  [[gnu::always_inline]] Outcome outcome(std::uint32_t root) {
    const Node& node = node_at(root);
    return node.step == Step::kInAttribute ? in_attribute<false>(node)
                                           : outcome_of(condition(root));
  }
  // Of a boolean, or none.
  static Outcome outcome_of(ValueView v) {
    if (v.is(Kind::kNone)) return Outcome::kFailed;
    return v.boolean() ? Outcome::kYes : Outcome::kNo;
  }
  static ValueView view_of(Outcome outcome) {
    if (outcome == Outcome::kFailed) return {};
    return ValueView::boolean(outcome == Outcome::kYes);
  }
  ValueView no_condition(std::uint32_t root, ValueView got);
  ValueView fail(const Node& node, std::string problem);
  ValueView misfit(const Node& node, std::string_view what, std::string_view wanted, ValueView got);
  ValueView boolean(const Node& node, std::uint32_t child, std::string_view what);
  ValueView choice(const Node& node);
  ValueView logical(const Node& node, bool any);
  ValueView inverse(const Node& node);
  ValueView negative(const Node& node);
  ValueView equality(const Node& node, bool wanted);
  ValueView order(const Node& node);
  ValueView arithmetic(const Node& node);
  ValueView like(const Node& node);
  ValueView in(const Node& node);
  template <bool kByText>
  Outcome in_attribute(const Node& node);
  // Goes on from the value of the first of two attributes.
  [[gnu::noinline]] Outcome in_attribute_of(const UidText* uid, const Node& node);
  // Goes on from the value of the last attribute.
  [[gnu::noinline]] Outcome in_value(const Node& node, ValueView right);
  [[gnu::noinline]] ValueView in(const Node& node, ValueView left, ValueView right);
  ValueView in_list(const Node& node);
  ValueView list_holds(const Node& node);
  ValueView has(const Node& node);
  ValueView get(const Node& node);
  std::span<const String> path(const Node& node) const {
    return {program_.names.data() + node.b, node.count};
  }
  ValueView context_get(const Node& node);
  [[gnu::noinline, gnu::cold]] ValueView no_member(const Node& node);
  ValueView context_has(const Node& node);
  ValueView is(const Node& node, ValueView v);
  ValueView is_in(const Node& node);
  ValueView call(const Node& node);
  ValueView in_range(const Node& node);
  ValueView tag(const Node& node, ValueView of, ValueView name);
  ValueView set(const Node& node);
  ValueView record(const Node& node);
  ValueView own(Value value) {
    made_.push_back(std::move(value));
    return made_.back();
  }

  const Program& program_;
  const RequestView request_;
  const EntityReader& entities_;
  std::array<Part, 2> ends_;  // by End
  Part action_;
  // The last that was looked up: policies often go one after the other by way of the same.
  struct {
    const UidText* uid = nullptr;
    const Entity* entity = nullptr;
  } last_;
  std::vector<Value> made_;  // what views of temporary values borrow from
  std::string problem_;
  std::uint32_t problem_at_ = 0;
};

// A context that is there as a whole.
class PlainContext final : public ContextReader {
 public:
  explicit PlainContext(const Value& context) : context_(context) {}
  std::optional<ValueView> find(std::span<const String>) const override { return std::nullopt; }
  ValueView whole() const override { return context_; }

 private:
  const Value& context_;
};
inline RequestView view_of(const Request& request, const ContextReader& context) {
  return RequestView{request.principal, request.action, request.resource, context};
}

// The value of an expression that reads neither request nor entities; empty when it fails.
std::optional<Value> constant_value(const Program& program, std::uint32_t root);

}  // namespace writ::cedar::detail
