#include "cedar/authorize.h"

#include <algorithm>
#include <functional>

#include "cedar/evaluation.h"
#include "cedar/program.h"

namespace writ::cedar {
namespace {

using detail::CompiledPolicy;
using detail::Evaluation;
using detail::PlainContext;
using detail::Program;
using detail::Shelf;
using detail::view_of;

using Indices = boost::container::small_vector<std::uint32_t, 8>;

// One decision in the making.
class Authorization {
 public:
  Authorization(const Program& program, const RequestView& request, const EntityReader& entities)
      : program_(program), request_(request), evaluation_(program, request, entities) {}

  Response decide() {
    // Looking at a few policies is cheaper than looking for them.
    constexpr std::size_t kFew = 12;
    if (program_.policies.size() <= kFew) {
      for (std::uint32_t i = 0; i < program_.policies.size(); ++i) visit(i);
    } else {
      visit(program_.any_action);
      visit_action(request_.action);
      const Entity* action = program_.by_action.empty() ? nullptr : evaluation_.action();
      if (action != nullptr) {
        for (const EntityUid& above : action->ancestors) visit_action(above);
      }
    }
    tidy(permits_, std::less<>());
    tidy(forbids_, std::less<>());
    tidy(errors_, [](const auto& a, const auto& b) { return a.policy < b.policy; });
    Response response;
    response.errors = std::move(errors_);
    for (const PolicyError& error : response.errors) {
      if (program_.policies[error.policy].effect == Effect::kForbid) response.forbid_failed = true;
    }
    response.decision = forbids_.empty() && !permits_.empty() ? Decision::kAllow : Decision::kDeny;
    if (!forbids_.empty()) {
      response.reasons = std::move(forbids_);
    } else {
      response.reasons = std::move(permits_);
    }
    return response;
  }

 private:
  // A policy under several actions may have been visited twice.
  static void tidy(auto& found, auto less) {
    if (found.size() < 2) return;
    std::sort(found.begin(), found.end(), less);
    const auto same = [&](const auto& a, const auto& b) { return !less(a, b) && !less(b, a); };
    found.erase(std::unique(found.begin(), found.end(), same), found.end());
  }

  void visit_action(const EntityUid& action) {
    const auto shelf = program_.by_action.find(action);
    if (shelf != program_.by_action.end()) visit(shelf->second);
  }

  void visit(const Shelf& shelf) {
    for (std::uint32_t index : shelf.rest) visit(index);
    if (!shelf.by_resource.empty()) {
      visit(shelf.by_resource, request_.resource, evaluation_.resource());
    }
    if (!shelf.by_principal.empty()) {
      visit(shelf.by_principal, request_.principal, evaluation_.principal());
    }
  }

  void visit(const Shelf::ByUid& shelf, const EntityUid& uid, const Entity* entity) {
    const auto visit_uid = [&](const EntityUid& key) {
      const auto at = shelf.find(key);
      if (at == shelf.end()) return;
      for (std::uint32_t index : at->second) visit(index);
    };
    visit_uid(uid);
    if (entity == nullptr) return;
    for (const EntityUid& above : entity->ancestors) visit_uid(above);
  }

  void visit(std::uint32_t index) {
    const CompiledPolicy& policy = program_.policies[index];
    if (!evaluation_.covers(policy)) return;
    switch (evaluation_.conditions(policy)) {
      case Evaluation::Outcome::kNo:
        break;
      case Evaluation::Outcome::kYes:
        (policy.effect == Effect::kPermit ? permits_ : forbids_).push_back(index);
        break;
      case Evaluation::Outcome::kFailed:
        fail(index);
    }
  }

  void fail(std::uint32_t index) {
    const Policy& policy = program_.set.policies()[index];
    errors_.push_back({index,
                       {Code::kInvalid, evaluation_.problem(),
                        policy.position(evaluation_.problem_at()).text()}});
  }

  const Program& program_;
  const RequestView& request_;
  Evaluation evaluation_;
  Indices permits_;
  Indices forbids_;
  std::vector<PolicyError> errors_;
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

Response authorize(const CompiledPolicies& policies, const RequestView& request,
                   const EntityReader& entities) {
  return Authorization(policies.program(), request, entities).decide();
}

Response authorize(const CompiledPolicies& policies, const Request& request,
                   const EntityReader& entities) {
  const PlainContext context(request.context);
  return authorize(policies, view_of(request, context), entities);
}

bool satisfied(const CompiledPolicies& policies, std::size_t index, const RequestView& request,
               const EntityReader& entities) {
  const Program& program = policies.program();
  const CompiledPolicy& policy = program.policies[index];
  Evaluation evaluation(program, request, entities);
  return evaluation.covers(policy) && evaluation.conditions(policy) == Evaluation::Outcome::kYes;
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

Result<Value> evaluate(std::string_view expression, const Request& request,
                       const EntityReader& entities) {
  TRY(parsed, parse_expr(expression, "expression"));
  Program program;
  const std::uint32_t root = detail::compile(program, parsed.expr);
  const PlainContext context(request.context);
  Evaluation evaluation(program, view_of(request, context), entities);
  const ValueView v = evaluation.value(root);
  if (v.is(Kind::kNone)) {
    return tl::unexpected<Error>(
        parsed.source->error(evaluation.problem_at(), evaluation.problem()));
  }
  return Value::of(v);
}

}  // namespace writ::cedar
