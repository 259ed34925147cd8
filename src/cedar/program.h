// Program: policies compiled to flat nodes that evaluation walks without allocating.
// Invariant: a node's children come before it, and its depth is that of the tree it came from.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "cedar/entity.h"
#include "cedar/policy.h"
#include "cedar/sharing.h"
#include "cedar/uid_table.h"

namespace writ::cedar::detail {

// What a node does. The first ones are as in Op; the last are forms that only compiling makes.
enum class Step : std::uint8_t {
  kConstant,  // a: constant
  kPrincipal,
  kAction,
  kResource,
  kContext,
  kIf,      // links: condition, then, else
  kAnd,     // links
  kOr,      // links
  kNot,     // a
  kNegate,  // a
  kEqual,   // a, b
  kNotEqual,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual,
  kIn,
  kAdd,
  kSubtract,
  kMultiply,
  kHas,         // a; b: first of `count` names
  kLike,        // a; b: pattern
  kIs,          // a; b: name of the type
  kIsIn,        // links: of what, in what; b: name of the type
  kGet,         // a; b: name
  kSet,         // links
  kRecord,      // links; b: first of `count` names
  kCall,        // links; function
  kInList,      // links: of what, then each of what the list holds; builds no set
  kListHolds,   // links: the item sought, then each of what the list holds; builds no set
  kContextGet,  // a: the same as kGet of kGet … of kContext; b: first of `count` names of the path
  kContextHas,  // likewise, of kHas
  kPrincipalGet,  // the same as kGet of kPrincipal, for the entity that every request has at hand
  kResourceGet,   // likewise, of kResource
  kInAttribute,   // a: the same as kIn of one of the two in kGet of … of one of the two; b: first
                  // of `count` names of the path: one or two
  kInRange,  // a: the same as kCall of isInRange; b: constant, the range; count: what lies in it
};

struct Node {
  Step step;
  Function function;
  bool of_resource = false;    // kInAttribute: what is sought is the resource, not the principal
  bool from_resource = false;  // kInAttribute: what has the first attribute, likewise
  std::uint32_t count = 0;     // of links or names; kInRange: a child
  std::uint32_t a = 0;         // a child, a constant, or the first link
  std::uint32_t b = 0;
  std::uint32_t at = 0;  // offset in the policy's source
};

inline constexpr std::uint32_t kNoRoot = ~0u;
struct Clause {
  std::uint32_t root;
  bool unless;
};

// A scope part as evaluation tests it.
struct Test {
  Constraint::Shape shape;
  std::uint32_t type;   // name
  std::uint32_t first;  // of `count` uids
  std::uint32_t count;
};

// A line of the processor's cache.
struct alignas(64) CompiledPolicy {
  Effect effect;
  Test principal;
  Test action;
  Test resource;
  std::uint32_t first_clause;
  std::uint32_t clauses;
  std::uint32_t only_root = kNoRoot;  // where there is one clause, and a `when`
};
static_assert(sizeof(CompiledPolicy) == 64);

// Policies by what their scope names, under one action or under any.
struct Shelf {
  std::vector<std::uint32_t> rest;
  UidTable by_resource;
  UidTable by_principal;
};

// An action that policies name, of at most kMostBits policies: those, as bits by index.
struct NamedAction {
  EntityUid action;
  std::uint64_t exactly = 0;  // `action == …`
  std::uint64_t under = 0;    // `action in …`
};
inline constexpr std::size_t kMostBits = 64;

struct Program {
  PolicySet set;
  std::unique_ptr<Sharing> sharing = std::make_unique<Sharing>();  // while it is being made
  std::vector<Node> nodes;
  std::vector<std::uint32_t> links;
  std::vector<Value> constants;
  std::vector<String> names;
  std::vector<std::vector<std::string>> patterns;
  std::vector<EntityUid> uids;
  std::vector<Clause> clauses;
  std::vector<CompiledPolicy> policies;
  // What finds the policies that may apply: of a few, the first three; of many, the others.
  std::uint64_t any_action_bits = 0;
  std::vector<NamedAction> named_actions;
  std::vector<std::uint32_t> named_action_tags;
  Shelf any_action;
  UidTable by_action;  // to one of the shelves
  std::vector<Shelf> shelves;
};

// Adds an expression; answers its root.
std::uint32_t compile(Program& program, const Expr& expr);
void compile(Program& program, const Policy& policy);
// Of at most kMostBits policies: those that may cover an action, as bits by index. `known` is its
// entity; null when there is none.
std::uint64_t policies_of(const Program& program, const EntityUid& action, const Entity* known);
// The last step: makes what finds the policies that may apply.
void index_policies(Program& program);

}  // namespace writ::cedar::detail
