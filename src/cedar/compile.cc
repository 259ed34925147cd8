#include <algorithm>

#include "cedar/evaluation.h"
#include "cedar/program.h"

namespace writ::cedar::detail {
namespace {

std::uint32_t size_of(const auto& list) {
  return static_cast<std::uint32_t>(list.size());
}

Step step_of(Op op) {
  static_assert(static_cast<int>(Step::kCall) == static_cast<int>(Op::kCall));
  return static_cast<Step>(op);
}

// Appends names that stand together; answers where the first one is.
std::uint32_t add_names(Program& program, const std::vector<std::string>& names) {
  const std::uint32_t first = size_of(program.names);
  for (const std::string& name : names) program.names.push_back(program.sharing->name(name));
  return first;
}

std::uint32_t add_constant(Program& program, Value value) {
  program.constants.push_back(std::move(value));
  return size_of(program.constants) - 1;
}

bool is_list(const Expr& expr) {
  return expr.op == Op::kSet;
}

// A node whose value never depends on the request becomes that value, unless it fails: then it
// must fail again each time it is reached.
bool is_constant(const Program& program, std::uint32_t root) {
  const Node& node = program.nodes[root];
  const auto constant = [&](std::uint32_t child) {
    return program.nodes[child].step == Step::kConstant;
  };
  const auto links = [&] {
    return std::all_of(program.links.begin() + node.a, program.links.begin() + node.a + node.count,
                       constant);
  };
  switch (node.step) {
    case Step::kNot:
    case Step::kNegate:
    case Step::kLike:
    case Step::kIs:
      return constant(node.a);
    case Step::kEqual:
    case Step::kNotEqual:
    case Step::kLess:
    case Step::kLessEqual:
    case Step::kGreater:
    case Step::kGreaterEqual:
    case Step::kAdd:
    case Step::kSubtract:
    case Step::kMultiply:
      return constant(node.a) && constant(node.b);
    case Step::kSet:
    case Step::kRecord:
    case Step::kIf:
    case Step::kAnd:
    case Step::kOr:
      return links();
    case Step::kCall:
      return node.function != Function::kGetTag && node.function != Function::kHasTag && links();
    default:
      return false;
  }
}

// The attributes that an expression names on its way from a variable; empty for all others, and for
// paths longer than any that is often written.
std::vector<std::string> path_of(const Expr& expr, Op variable) {
  constexpr std::size_t kLongest = 4;
  if (expr.op != Op::kGet && expr.op != Op::kHas) return {};
  const Expr& of = expr.args[0];
  std::vector<std::string> path;
  if (of.op == Op::kGet) {
    path = path_of(of, variable);
    if (path.empty()) return {};
  } else if (of.op != variable) {
    return {};
  }
  path.insert(path.end(), expr.names.begin(), expr.names.end());
  if (path.size() > kLongest) path.clear();
  return path;
}

std::uint32_t add_links(Program& program, const std::vector<std::uint32_t>& children) {
  const std::uint32_t first = size_of(program.links);
  program.links.insert(program.links.end(), children.begin(), children.end());
  return first;
}

Test compile_test(Program& program, const Constraint& constraint) {
  Test test{constraint.shape, 0, size_of(program.uids), size_of(constraint.uids)};
  for (const EntityUid& uid : constraint.uids) program.uids.push_back(program.sharing->shared(uid));
  if (!constraint.type.empty()) test.type = add_names(program, {constraint.type});
  return test;
}

bool names_one(const Test& test) {
  return test.shape != Constraint::Shape::kAny && test.shape != Constraint::Shape::kIs &&
         test.count == 1;
}

bool covers_any_action(const Program& program, std::uint32_t policy) {
  return program.policies[policy].action.shape == Constraint::Shape::kAny;
}

// Looking at a few policies is cheaper than looking for them: those of a few uids go to `rest`.
UidTable table_of_many(std::vector<UidTable::Entry> entries, std::vector<std::uint32_t>& rest) {
  constexpr std::size_t kFew = 6;
  UidTable table(std::move(entries));
  std::size_t uids = 0;
  for (auto at = table.begin(); at != table.end(); at += std::ssize(table.find(at->uid))) ++uids;
  if (uids > kFew) return table;
  for (const UidTable::Entry& entry : table) rest.push_back(entry.number);
  return {};
}

Shelf make_shelf(const Program& program, const std::vector<std::uint32_t>& policies) {
  Shelf made;
  std::vector<UidTable::Entry> by_resource;
  std::vector<UidTable::Entry> by_principal;
  for (const std::uint32_t index : policies) {
    const CompiledPolicy& policy = program.policies[index];
    if (names_one(policy.resource)) {
      by_resource.push_back({program.uids[policy.resource.first], index});
    } else if (names_one(policy.principal)) {
      by_principal.push_back({program.uids[policy.principal.first], index});
    } else {
      made.rest.push_back(index);
    }
  }
  made.by_resource = table_of_many(std::move(by_resource), made.rest);
  made.by_principal = table_of_many(std::move(by_principal), made.rest);
  std::sort(made.rest.begin(), made.rest.end());
  return made;
}

void index_by_bits(Program& program, const UidTable& by_action) {
  for (std::uint32_t i = 0; i < size_of(program.policies); ++i) {
    if (covers_any_action(program, i)) program.any_action_bits |= std::uint64_t{1} << i;
  }
  for (auto at = by_action.begin(); at != by_action.end();) {
    NamedAction made{at->uid};
    for (; at != by_action.end() && at->uid == made.action; ++at) {
      const bool only_it = program.policies[at->number].action.shape == Constraint::Shape::kEq;
      (only_it ? made.exactly : made.under) |= std::uint64_t{1} << at->number;
    }
    program.named_action_tags.push_back(tag_of(made.action.hash()));
    program.named_actions.push_back(std::move(made));
  }
  program.named_action_tags.resize(room_for_tags(program.named_actions.size()));
}

void index_by_uids(Program& program, const UidTable& by_action) {
  std::vector<std::uint32_t> of;
  for (std::uint32_t i = 0; i < size_of(program.policies); ++i) {
    if (covers_any_action(program, i)) of.push_back(i);
  }
  program.any_action = make_shelf(program, of);
  std::vector<UidTable::Entry> shelves;
  for (auto at = by_action.begin(); at != by_action.end();) {
    const EntityUid& action = at->uid;
    of.clear();
    for (; at != by_action.end() && at->uid == action; ++at) {
      if (of.empty() || of.back() != at->number) of.push_back(at->number);  // may be listed twice
    }
    shelves.push_back({action, size_of(program.shelves)});
    program.shelves.push_back(make_shelf(program, of));
  }
  program.by_action = UidTable(std::move(shelves));
}

// A shorter way to the value of an expression, where there is one. `root` is its usual one.
std::optional<Node> fused(Program& program, const Expr& expr, const Node& root) {
  const auto along = [&](Node node, const std::vector<std::string>& path) {
    node.b = add_names(program, path);
    node.count = size_of(path);
    return node;
  };
  if (const std::vector<std::string> path = path_of(expr, Op::kContext); !path.empty()) {
    const Step step = expr.op == Op::kGet ? Step::kContextGet : Step::kContextHas;
    return along(Node{step, expr.function}, path);
  }
  if (root.step == Step::kCall && root.function == Function::kIsInRange && root.count == 2) {
    const Node& range = program.nodes[program.links[root.a + 1]];
    if (range.step != Step::kConstant || program.constants[range.a].kind() != Kind::kIp) {
      return std::nullopt;
    }
    Node node{Step::kInRange, expr.function};
    node.b = range.a;
    node.count = program.links[root.a];
    return node;
  }
  if (expr.op != Op::kIn || expr.args[1].op != Op::kGet) return std::nullopt;
  const Op left = expr.args[0].op;
  if (left != Op::kPrincipal && left != Op::kResource) return std::nullopt;
  for (const Op from : {Op::kPrincipal, Op::kResource}) {
    const std::vector<std::string> path = path_of(expr.args[1], from);
    if (path.empty() || path.size() > 2) continue;
    Node node{Step::kInAttribute, expr.function};
    node.of_resource = left == Op::kResource;
    node.from_resource = from == Op::kResource;
    return along(node, path);
  }
  return std::nullopt;
}

}  // namespace

std::uint32_t compile(Program& program, const Expr& expr) {
  Node node{step_of(expr.op), expr.function};
  node.at = expr.begin;
  std::vector<std::uint32_t> children;
  const auto add_children = [&](const std::vector<Expr>& args) {
    for (const Expr& arg : args) children.push_back(compile(program, arg));
  };
  add_children(expr.args);
  // `x in [a, b]` and `[a, b].contains(x)` need no set, only its items.
  const bool in_list = expr.op == Op::kIn && is_list(expr.args[1]);
  const bool list_holds =
      expr.op == Op::kCall && expr.function == Function::kContains && is_list(expr.args[0]);
  if (in_list || list_holds) {
    const Node list = program.nodes[children[in_list ? 1 : 0]];
    if (list.step == Step::kSet) {  // no constant
      std::vector<std::uint32_t> parts{children[in_list ? 0 : 1]};
      for (std::uint32_t i = 0; i < list.count; ++i) parts.push_back(program.links[list.a + i]);
      node.step = in_list ? Step::kInList : Step::kListHolds;
      node.a = add_links(program, parts);
      node.count = size_of(parts);
      program.nodes.push_back(node);
      return size_of(program.nodes) - 1;
    }
  }
  switch (expr.op) {
    case Op::kLiteral:
      node.a = add_constant(program, expr.value);
      break;
    case Op::kPrincipal:
    case Op::kAction:
    case Op::kResource:
    case Op::kContext:
      break;
    case Op::kIf:
    case Op::kAnd:
    case Op::kOr:
    case Op::kSet:
    case Op::kCall:
    case Op::kRecord:
    case Op::kIsIn:
      node.a = add_links(program, children);
      node.count = size_of(children);
      if (expr.op == Op::kRecord || expr.op == Op::kIsIn) node.b = add_names(program, expr.names);
      break;
    case Op::kLike:
      node.a = children[0];
      node.b = size_of(program.patterns);
      program.patterns.push_back(expr.names);
      break;
    case Op::kHas:
    case Op::kIs:
    case Op::kGet:
      node.a = children[0];
      node.b = add_names(program, expr.names);
      node.count = size_of(expr.names);
      break;
    default:
      node.a = children[0];
      if (children.size() > 1) node.b = children[1];
  }
  if (expr.op == Op::kGet) {
    const Step of = program.nodes[node.a].step;
    if (of == Step::kPrincipal) node.step = Step::kPrincipalGet;
    if (of == Step::kResource) node.step = Step::kResourceGet;
  }
  program.nodes.push_back(node);
  const std::uint32_t root = size_of(program.nodes) - 1;
  if (is_constant(program, root)) {
    if (std::optional<Value> value = constant_value(program, root)) {
      const std::uint32_t constant = add_constant(program, std::move(*value));
      program.nodes[root] = Node{Step::kConstant, expr.function};
      program.nodes[root].a = constant;
      program.nodes[root].at = expr.begin;
      return root;
    }
  }
  if (std::optional<Node> shorter = fused(program, expr, node)) {
    shorter->a = root;
    shorter->at = expr.begin;
    program.nodes.push_back(*shorter);
    return root + 1;
  }
  return root;
}

void compile(Program& program, const Policy& policy) {
  CompiledPolicy made{policy.effect,
                      compile_test(program, policy.principal),
                      compile_test(program, policy.action),
                      compile_test(program, policy.resource),
                      size_of(program.clauses),
                      size_of(*policy.conditions)};
  for (const Condition& condition : *policy.conditions) {
    program.clauses.push_back({compile(program, condition.expr), condition.unless});
  }
  const Clause* const first = program.clauses.data() + made.first_clause;
  if (made.clauses == 1 && !first->unless) made.only_root = first->root;
  program.policies.push_back(made);
}

std::uint64_t policies_of(const Program& program, const EntityUid& action, const Entity* known) {
  std::uint64_t bits = program.any_action_bits;
  const std::size_t count = program.named_actions.size();
  if (count == 0) return bits;
  const auto named = [&](const EntityUid& uid) {
    const NamedAction* const all = program.named_actions.data();
    if (count > kMostTagged) {
      const auto before = [](const NamedAction& a, const EntityUid& u) {
        return by_hash(a.action, u);
      };
      const NamedAction* const at = std::lower_bound(all, all + count, uid, before);
      return at != all + count && at->action == uid ? at : nullptr;
    }
    const std::size_t at = find_tagged(program.named_action_tags.data(), count, tag_of(uid.hash()),
                                       [&](std::size_t i) { return all[i].action == uid; });
    return at == count ? nullptr : all + at;
  };
  if (const NamedAction* itself = named(action)) bits |= itself->exactly | itself->under;
  if (known == nullptr) return bits;
  for (const EntityUid& above : known->ancestors) {
    if (const NamedAction* found = named(above)) bits |= found->under;
  }
  return bits;
}

void index_policies(Program& program) {
  program.sharing.reset();
  std::vector<UidTable::Entry> named;
  for (std::uint32_t i = 0; i < size_of(program.policies); ++i) {
    const Test& action = program.policies[i].action;
    for (std::uint32_t u = 0; u < action.count; ++u) {
      named.push_back({program.uids[action.first + u], i});
    }
  }
  const UidTable by_action(std::move(named));
  const bool few = program.policies.size() <= kMostBits;
  few ? index_by_bits(program, by_action) : index_by_uids(program, by_action);
}

}  // namespace writ::cedar::detail
