#include "cedar/validate.h"

#include <algorithm>
#include <set>
#include <tuple>

#include "base/bytes.h"
#include "cedar/level.h"
#include "cedar/suspicious_text.h"
#include "cedar/typecheck.h"

namespace writ::cedar {
namespace {

using Names = std::set<std::string, std::less<>>;

bool meet(const Names& a, const Names& b) {
  return std::any_of(a.begin(), a.end(), [&](const std::string& each) { return b.contains(each); });
}

class PolicyValidator {
 public:
  PolicyValidator(const Schema& schema, const Policy& policy, const ValidationOptions& options,
                  Steps& steps, Validation& into)
      : schema_(schema), policy_(policy), options_(options), steps_(steps), into_(into) {}

  Status run() {
    TRY(expr, lower(policy_));
    literals(expr);
    if (!is_applicable()) warn_not_applicable();
    CHECK_OK(types(expr));
    for (const SuspiciousText& each : suspicious_text(expr)) {
      warn(each.kind, each.begin, each.end, each.message);
    }
    return within_steps();
  }

  // A linked policy's template is validated by itself; here only what fills its slots.
  Status run_link(const Policy& from) {
    for (const auto part : {&Policy::principal, &Policy::resource}) {
      if (!(from.*part).slot) continue;
      const EntityUid& uid = (policy_.*part).uids.front();
      if (!schema_.knows_type(uid.type())) unknown_type(uid.type(), policy_.begin, policy_.end);
    }
    if (!is_applicable()) warn_not_applicable();
    return within_steps();
  }

 private:
  Status within_steps() const {
    if (!steps_.spent()) return {};
    return fail(Code::kExhausted, "the validation takes too many steps", policy_.position().text());
  }
  void add(Finding::Kind kind, std::uint32_t begin, std::uint32_t end, std::string_view message) {
    // Where a finding stands is counted along its line, which may be all of the text.
    if (!steps_.take(policy_.source->position(begin).column)) return;
    Finding made{kind, policy_.id, policy_.source->error(begin, message), begin, end};
    (made.is_warning() ? into_.warnings : into_.errors).push_back(std::move(made));
  }
  void warn(Finding::Kind kind, std::uint32_t begin, std::uint32_t end, std::string_view message) {
    add(kind, begin, end, message);
  }
  void warn_not_applicable() {
    warn(Finding::Kind::kNoApplicableAction, policy_.begin, policy_.end,
         "no action of the schema applies to such a principal and resource");
  }

  void unknown_type(std::string_view name, std::uint32_t begin, std::uint32_t end) {
    std::string message = "the schema has no entity type `" + std::string(name) + "`";
    std::string_view best;
    std::size_t least = 3;
    for (const auto& [each, type] : schema_.entity_types()) {
      if (each.size() > 60 || name.size() > 60 || !steps_.take(each.size())) break;
      const std::size_t distance = edit_distance(each, name);
      if (distance < least) {
        least = distance;
        best = each;
      }
    }
    if (!best.empty()) message += "; did you mean `" + std::string(best) + "`?";
    add(Finding::Kind::kUnknownType, begin, end, message);
  }

  // Everything that the policy names must exist, even where it cannot matter.
  void literals(const CoreExpr& expr) {
    std::set<std::pair<std::uint32_t, std::string>> seen;  // a node may stand in several places
    for (const CoreNode& node : expr.nodes) {
      if (node.op == Op::kIs && !schema_.knows_type(node.names[0])) {
        if (seen.emplace(node.begin, node.names[0]).second) {
          unknown_type(node.names[0], node.begin, node.end);
        }
      }
      const std::optional<EntityUid> uid =
          node.op == Op::kLiteral ? node.value.as_entity() : std::nullopt;
      if (!uid || !seen.emplace(node.begin, uid->print()).second) continue;
      if (is_action_type(uid->type())) {
        if (schema_.action(*uid) == nullptr) {
          add(Finding::Kind::kUnknownAction, node.begin, node.end,
              "the schema has no action " + uid->print());
        }
        continue;
      }
      const Schema::EntityType* type = schema_.entity_type(uid->type());
      if (type == nullptr) {
        unknown_type(uid->type(), node.begin, node.end);
      } else if (!type->may_have(uid->id())) {
        add(Finding::Kind::kUnknownChoice, node.begin, node.end,
            "the enumerated type `" + std::string(uid->type()) + "` has no entity " + uid->print());
      }
    }
  }

  // The entity types that a part of the scope admits.
  Names admitted(const Constraint& part) const {
    Names made;
    const auto below = [&](const EntityUid& uid) {
      made.emplace(uid.type());
      if (const Schema::EntityType* type = schema_.entity_type(uid.type())) {
        made.insert(type->descendants.begin(), type->descendants.end());
      }
    };
    switch (part.shape) {
      case Constraint::Shape::kAny:
        break;
      case Constraint::Shape::kIs:
        if (schema_.knows_type(part.type)) made.insert(part.type);
        return made;
      case Constraint::Shape::kEq:
        if (part.slot) break;
        made.emplace(part.uids.front().type());
        return made;
      case Constraint::Shape::kIn:
        if (part.slot) break;
        below(part.uids.front());
        return made;
      case Constraint::Shape::kIsIn: {
        if (part.slot) {
          if (schema_.knows_type(part.type)) made.insert(part.type);
          return made;
        }
        below(part.uids.front());
        return made.contains(part.type) ? Names{part.type} : Names{};
      }
    }
    for (const auto& [name, type] : schema_.entity_types()) made.insert(name);
    return made;
  }

  bool is_applicable() const {
    const Names principals = admitted(policy_.principal);
    const Names resources = admitted(policy_.resource);
    const auto applies = [&](const Schema::Action& action) {
      return meet(action.principals, principals) && meet(action.resources, resources);
    };
    if (policy_.action.shape == Constraint::Shape::kAny) {
      return std::any_of(schema_.actions().begin(), schema_.actions().end(),
                         [&](const auto& each) { return applies(each.second); });
    }
    // A list that names an unknown action admits none.
    for (const EntityUid& uid : policy_.action.uids) {
      if (schema_.action(uid) == nullptr) return false;
    }
    for (const EntityUid& uid : policy_.action.uids) {
      const Schema::Action& action = *schema_.action(uid);
      if (applies(action)) return true;
      if (policy_.action.shape == Constraint::Shape::kEq) continue;
      for (const EntityUid& below : action.descendants) {
        if (applies(*schema_.action(below))) return true;
      }
    }
    return false;
  }

  // Whether the scope is false for this action, and nothing is wrong with what it says of actions.
  bool excludes(const EntityUid& action) const {
    const std::vector<EntityUid>& uids = policy_.action.uids;
    return !uids.empty() && std::all_of(uids.begin(), uids.end(), [&](const EntityUid& uid) {
      const Schema::Action* const named = schema_.action(uid);
      return named != nullptr && uid.type() == uids.front().type() && uid != action &&
             (policy_.action.shape == Constraint::Shape::kEq ||
              !named->descendants.contains(action));
    });
  }

  Status types(const CoreExpr& expr) {
    std::set<TypeProblem> problems;
    std::set<LevelProblem> levels;
    bool impossible = true;
    // Where the scope excludes the action, all that is reached is what it says of the principal
    // before: where that is in order, once for each type of one will do.
    std::set<std::string_view> in_order;
    for (const auto& [uid, action] : schema_.actions()) {
      const bool excluded = excludes(uid);
      for (const std::string& principal : action.principals) {
        for (const std::string& resource : action.resources) {
          if (excluded && in_order.contains(principal)) continue;
          const Environment environment{principal, uid, resource};
          const Typing typing = typecheck(schema_, expr, environment, options_.mode, steps_);
          steps_.take(expr.nodes.size());
          CHECK_OK(within_steps());
          problems.insert(typing.problems.begin(), typing.problems.end());
          const bool is_false = typing.type != nullptr && typing.type->is(Type::Kind::kFalse);
          impossible = impossible && is_false;
          if (excluded && is_false && typing.ok && typing.problems.empty()) {
            in_order.insert(principal);
          }
          if (options_.level && (typing.ok || is_false)) {
            for (LevelProblem& each :
                 check_level(expr, typing, environment, *options_.level, steps_)) {
              levels.insert(std::move(each));
            }
          }
        }
      }
    }
    for (const TypeProblem& each : problems) {
      add(each.kind == TypeProblem::Kind::kEmptySet ? Finding::Kind::kEmptySet
                                                    : Finding::Kind::kType,
          each.begin, each.end, each.message);
    }
    for (const LevelProblem& each : levels) {
      add(Finding::Kind::kTooDeep, each.begin, each.end, each.message);
    }
    if (impossible) {
      warn(Finding::Kind::kImpossible, policy_.begin, policy_.end,
           "this policy is impossible: it is false for every valid request");
    }
    return {};
  }

  const Schema& schema_;
  const Policy& policy_;
  const ValidationOptions& options_;
  Steps& steps_;
  Validation& into_;
};

}  // namespace

Result<Validation> validate(const Schema& schema, const PolicySet& policies,
                            const ValidationOptions& options) {
  Validation made;
  Steps steps(options.steps);
  for (const Policy& each : policies.templates()) {
    CHECK_OK(PolicyValidator(schema, each, options, steps, made).run());
  }
  for (const Policy& each : policies.policies()) {
    PolicyValidator validator(schema, each, options, steps, made);
    // Without its template a linked policy is one like any other.
    const Policy* from = policies.find_template(each.template_id);
    CHECK_OK(from == nullptr ? validator.run() : validator.run_link(*from));
  }
  return made;
}

}  // namespace writ::cedar
