// Evaluation of compiled expressions for one request.
// Invariant: a view it answers lives as long as the Evaluation, the program, the request and the
// reader's entities do.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cedar/authorize.h"
#include "cedar/program.h"

namespace writ::cedar::detail {

class Evaluation {
 public:
  Evaluation(const Program& program, const Request& request, const EntityReader& entities)
      : program_(program), request_(request), entities_(entities) {}

  bool covers(const Test& test, const EntityUid& uid);
  // kNone when it failed: see problem() and problem_at().
  ValueView value(std::uint32_t root);
  // As value(), and fails when it is no boolean.
  ValueView condition(std::uint32_t root);

  const std::string& problem() const { return problem_; }
  std::uint32_t problem_at() const { return problem_at_; }

  const Entity* principal() { return find(principal_, request_.principal); }
  const Entity* action() { return find(action_, request_.action); }
  const Entity* resource() { return find(resource_, request_.resource); }

 private:
  // An entity of the request, looked up when first needed.
  struct Found {
    const Entity* entity = nullptr;
    bool sought = false;
  };
  const Entity* find(Found& found, const EntityUid& uid) {
    if (!found.sought) found = {entities_.find(uid), true};
    return found.entity;
  }
  const Entity* entity(const UidText* uid);

  std::uint32_t link(const Node& node, std::uint32_t i) const { return program_.links[node.a + i]; }
  ValueView fail(const Node& node, std::string problem);
  ValueView misfit(const Node& node, std::string_view what, std::string_view wanted, ValueView got);
  ValueView boolean(const Node& node, std::uint32_t child, std::string_view what);
  ValueView logical(const Node& node, bool any);
  ValueView order(const Node& node);
  ValueView arithmetic(const Node& node);
  ValueView in(const Node& node, ValueView left, ValueView right);
  ValueView in_list(const Node& node);
  ValueView list_holds(const Node& node);
  ValueView has(const Node& node);
  ValueView get(const Node& node);
  ValueView is(const Node& node, ValueView v);
  ValueView is_in(const Node& node);
  ValueView call(const Node& node);
  ValueView tag(const Node& node, ValueView of, ValueView name);
  ValueView set(const Node& node);
  ValueView record(const Node& node);
  ValueView own(Value value) {
    made_.push_back(std::move(value));
    return made_.back();
  }

  const Program& program_;
  const Request& request_;
  const EntityReader& entities_;
  Found principal_;
  Found action_;
  Found resource_;
  std::vector<Value> made_;  // what views of temporary values borrow from
  std::string problem_;
  std::uint32_t problem_at_ = 0;
};

// The value of an expression that reads neither request nor entities; empty when it fails.
std::optional<Value> constant_value(const Program& program, std::uint32_t root);

}  // namespace writ::cedar::detail
