#include "cedar/authorize.h"

#include <algorithm>
#include <bit>
#include <functional>
#include <new>
#include <span>

#include "cedar/evaluation.h"
#include "cedar/program.h"

namespace writ::cedar {
namespace {

using detail::CompiledPolicy;
using detail::Evaluation;
using detail::PlainContext;
using detail::Program;
using detail::Shelf;
using detail::UidTable;
using detail::view_of;

// Visits the policies whose action scope covers a request and whose others may, of many some
// perhaps twice, until a visit answers true. `visit` is called with their indices.
template <class Visit>
class Candidates {
 public:
  Candidates(const Program& program, const RequestView& request, Evaluation& evaluation,
             const std::uint64_t* of_action, Visit visit)
      : program_(program),
        request_(request),
        evaluation_(evaluation),
        of_action_(of_action),
        visit_(visit) {}

  bool run() {
    if (program_.policies.size() <= detail::kMostBits) return few();
    if (shelf(program_.any_action) || action(request_.action)) return true;
    const Entity* known = program_.by_action.empty() ? nullptr : evaluation_.action();
    if (known == nullptr) return false;
    return std::any_of(known->ancestors.begin(), known->ancestors.end(),
                       [&](const EntityUid& above) { return action(above); });
  }

 private:
  bool few() {
    std::uint64_t bits = of_action_ != nullptr
                             ? *of_action_
                             : detail::policies_of(program_, request_.action, evaluation_.action());
    for (; bits != 0; bits &= bits - 1) {
      if (visit_(static_cast<std::uint32_t>(std::countr_zero(bits)))) return true;
    }
    return false;
  }
  bool action(const EntityUid& uid) {
    const std::span<const UidTable::Entry> found = program_.by_action.find(uid);
    return !found.empty() && shelf(program_.shelves[found.front().number]);
  }
  bool shelf(const Shelf& shelf) {
    if (std::any_of(shelf.rest.begin(), shelf.rest.end(), [&](auto index) { return one(index); })) {
      return true;
    }
    if (!shelf.by_resource.empty() &&
        under(shelf.by_resource, request_.resource, evaluation_.resource())) {
      return true;
    }
    return !shelf.by_principal.empty() &&
           under(shelf.by_principal, request_.principal, evaluation_.principal());
  }
  bool under(const UidTable& table, const EntityUid& uid, const Entity* entity) {
    const auto named = [&](const EntityUid& key) {
      const std::span<const UidTable::Entry> found = table.find(key);
      return std::any_of(found.begin(), found.end(),
                         [&](const UidTable::Entry& entry) { return one(entry.number); });
    };
    if (named(uid)) return true;
    return entity != nullptr &&
           std::any_of(entity->ancestors.begin(), entity->ancestors.end(), named);
  }
  bool one(std::uint32_t index) {
    return evaluation_.covers_action(program_.policies[index]) && visit_(index);
  }

  const Program& program_;
  const RequestView& request_;
  Evaluation& evaluation_;
  const std::uint64_t* const of_action_;  // bits of the policies, where they are known already
  Visit visit_;
};

// Of many policies, one under several actions may have been visited twice.
void tidy(auto& found, auto less) {
  const auto out_of_order = [&](const auto& a, const auto& b) { return !less(a, b); };
  if (std::adjacent_find(found.begin(), found.end(), out_of_order) == found.end()) return;
  std::sort(found.begin(), found.end(), less);
  const auto same = [&](const auto& a, const auto& b) { return !less(a, b) && !less(b, a); };
  found.erase(std::unique(found.begin(), found.end(), same), found.end());
}

PolicyError error_of(const Program& program, std::uint32_t index, const Evaluation& evaluation) {
  const Policy& policy = program.set.policies()[index];
  return {index,
          {Code::kInvalid, evaluation.problem(), policy.position(evaluation.problem_at()).text()}};
}

// A part of a request given as text: the entity's own uid where there is one, else one that is made
// in place when it is short.
class Sought {
 public:
  Sought(const RequestText::Part& part, const Entities& entities)
      : entity_(entities.find(part.type, part.id)),
        uid_(entity_ != nullptr ? entity_->uid.text() : make(part)) {}
  ~Sought() {
    if (made_ != nullptr) detail::release(made_);
  }
  Sought(const Sought&) = delete;
  Sought& operator=(const Sought&) = delete;

  const Entity* entity() const { return entity_; }
  const EntityUid& uid() const { return uid_.uid(); }

 private:
  const detail::UidText* make(const RequestText::Part& part) {
    if (detail::size_of_text(part.type, part.id) <= sizeof(here_)) {
      return detail::write_text(here_, part.type, part.id);
    }
    return made_ = detail::make_text(part.type, part.id);
  }

  const detail::UidText* made_ = nullptr;
  alignas(detail::UidText) char here_[160];
  const Entity* entity_;
  detail::Borrowed uid_;
};

std::string clause_text(const Policy& policy, const Condition& condition) {
  return policy.source->text().substr(condition.begin, condition.end - condition.begin);
}

}  // namespace

CompiledPolicies::CompiledPolicies(PolicySet policies) {
  auto program = std::make_shared<Program>();
  program->set = std::move(policies);
  for (const Policy& policy : program->set.policies()) detail::compile(*program, policy);
  detail::index_policies(*program);
  program_ = std::move(program);
}

std::size_t CompiledPolicies::size() const {
  return program_->policies.size();
}
const PolicySet& CompiledPolicies::set() const {
  return program_->set;
}
const Policy& CompiledPolicies::policy(std::size_t index) const {
  return program_->set.policies()[index];
}

std::optional<std::size_t> CompiledPolicies::index_of(std::string_view id) const {
  const Policy* policy = program_->set.find(id);
  if (policy == nullptr) return std::nullopt;
  return static_cast<std::size_t>(policy - program_->set.policies().data());
}

namespace {

Response decide(const CompiledPolicies& policies, const RequestView& request,
                const EntityReader& entities, const std::uint64_t* of_action) {
  const Program& program = policies.program();
  Evaluation evaluation(program, request, entities);
  Response response;
  bool forbidden = false;  // then reasons are the satisfied forbids, else the satisfied permits
  const auto satisfied = [&](std::uint32_t index, Effect effect) {
    if (effect == Effect::kForbid && !forbidden) {
      forbidden = true;
      response.reasons.clear();
    }
    if (forbidden == (effect == Effect::kForbid)) response.reasons.push_back(index);
  };
  const auto visit = [&](std::uint32_t index) __attribute__((always_inline)) {
    const CompiledPolicy& policy = program.policies.data()[index];
    if (!evaluation.covers_ends(policy)) return false;
    switch (evaluation.conditions(policy)) {
      case Evaluation::Outcome::kNo:
        break;
      case Evaluation::Outcome::kYes:
        satisfied(index, policy.effect);
        break;
      case Evaluation::Outcome::kFailed:
        response.errors.push_back(error_of(program, index, evaluation));
        response.forbid_failed = response.forbid_failed || policy.effect == Effect::kForbid;
    }
    return false;  // the others count too
  };
  Candidates(program, request, evaluation, of_action, visit).run();
  tidy(response.reasons, std::less<>());
  tidy(response.errors, [](const auto& a, const auto& b) { return a.policy < b.policy; });
  response.decision = !forbidden && !response.reasons.empty() ? Decision::kAllow : Decision::kDeny;
  return response;
}

}  // namespace

Response authorize(const CompiledPolicies& policies, const RequestView& request,
                   const EntityReader& entities) {
  return decide(policies, request, entities, nullptr);
}

bool any_applies(const CompiledPolicies& policies, const RequestView& request,
                 const EntityReader& entities) {
  const Program& program = policies.program();
  Evaluation evaluation(program, request, entities);
  const auto visit = [&](std::uint32_t index) {
    const CompiledPolicy& policy = program.policies[index];
    return evaluation.covers_ends(policy) &&
           evaluation.conditions(policy) != Evaluation::Outcome::kNo;
  };
  return Candidates(program, request, evaluation, nullptr, visit).run();
}

Response authorize(const CompiledPolicies& policies, const Request& request,
                   const EntityReader& entities) {
  const PlainContext context(request.context);
  return authorize(policies, view_of(request, context), entities);
}

Response authorize(const CompiledPolicies& policies, const Request& request,
                   const Entities& entities) {
  const PlainContext context(request.context);
  const Entity* const action = entities.find(request.action);
  return decide(
      policies,
      RequestView{request.principal, request.action, request.resource, context,
                  entities.find(request.principal), action, entities.find(request.resource)},
      entities, entities.policies_of(policies.program(), action));
}

Response authorize(const CompiledPolicies& policies, const RequestText& request,
                   const Entities& entities) {
  const Sought principal(request.principal, entities);
  const Sought action(request.action, entities);
  const Sought resource(request.resource, entities);
  const PlainContext context(request.context);
  return decide(policies,
                RequestView{principal.uid(), action.uid(), resource.uid(), context,
                            principal.entity(), action.entity(), resource.entity()},
                entities, entities.policies_of(policies.program(), action.entity()));
}

bool satisfied(const CompiledPolicies& policies, std::size_t index, const RequestView& request,
               const EntityReader& entities) {
  const Program& program = policies.program();
  const CompiledPolicy& policy = program.policies[index];
  Evaluation evaluation(program, request, entities);
  return evaluation.covers(policy) && evaluation.conditions(policy) == Evaluation::Outcome::kYes;
}

Holds conditions_hold(const CompiledPolicies& policies, std::size_t index,
                      const RequestView& request, const EntityReader& entities) {
  const Program& program = policies.program();
  const CompiledPolicy& policy = program.policies[index];
  if (policy.clauses == 0) return Holds::kYes;
  Evaluation evaluation(program, request, entities);
  switch (evaluation.conditions(policy)) {
    case Evaluation::Outcome::kNo:
      return Holds::kNo;
    case Evaluation::Outcome::kYes:
      return Holds::kYes;
    case Evaluation::Outcome::kFailed:
      break;
  }
  return Holds::kFailed;
}

Explanation explain(const CompiledPolicies& policies, std::size_t index, const Request& request,
                    const EntityReader& entities) {
  using Outcome = Explanation::Outcome;
  const Program& program = policies.program();
  const CompiledPolicy& compiled = program.policies[index];
  const Policy& policy = policies.policy(index);
  const PlainContext context(request.context);
  Evaluation evaluation(program, view_of(request, context), entities);
  Explanation why;
  why.position = policy.position();
  if (!evaluation.covers_principal(compiled)) {
    why.outcome = Outcome::kPrincipal;
    return why;
  }
  if (!evaluation.covers_action(compiled)) {
    why.outcome = Outcome::kAction;
    return why;
  }
  if (!evaluation.covers_resource(compiled)) {
    why.outcome = Outcome::kResource;
    return why;
  }
  for (std::uint32_t i = 0; i < compiled.clauses; ++i) {
    const detail::Clause& clause = program.clauses[compiled.first_clause + i];
    const ValueView v = evaluation.condition(clause.root);
    if (!v.is(Kind::kNone) && v.boolean() != clause.unless) continue;
    const Condition& condition = (*policy.conditions)[i];
    why.condition = i;
    why.text = clause_text(policy, condition);
    if (v.is(Kind::kNone)) {
      why.outcome = Outcome::kError;
      why.position = policy.position(evaluation.problem_at());
      why.message = evaluation.problem();
    } else {
      why.outcome = Outcome::kCondition;
      why.position = policy.position(condition.begin);
    }
    return why;
  }
  return why;
}

Evaluated evaluate(const Expr& expr, const Request& request, const EntityReader& entities) {
  Program program;
  const std::uint32_t root = detail::compile(program, expr);
  const PlainContext context(request.context);
  Evaluation evaluation(program, view_of(request, context), entities);
  const ValueView v = evaluation.value(root);
  if (v.is(Kind::kNone)) return {std::nullopt, evaluation.problem(), evaluation.problem_at()};
  return {Value::of(v), {}, 0};
}

Result<Value> evaluate(std::string_view expression, const Request& request,
                       const EntityReader& entities) {
  TRY(parsed, parse_expr(expression, "expression"));
  Evaluated made = evaluate(parsed.expr, request, entities);
  if (!made.value) return tl::unexpected<Error>(parsed.source->error(made.at, made.problem));
  return std::move(*made.value);
}

}  // namespace writ::cedar
