#include "cedar/authorize.h"

#include <algorithm>

#include "cedar/evaluation.h"
#include "cedar/program.h"

namespace writ::cedar {
namespace {

using detail::CompiledPolicy;
using detail::Evaluation;
using detail::Program;
using detail::Shelf;

using Indices = boost::container::small_vector<std::uint32_t, 8>;

// One decision in the making.
class Authorization {
 public:
  Authorization(const Program& program, const Request& request, const EntityReader& entities)
      : program_(program), request_(request), evaluation_(program, request, entities) {}

  Response decide() {
    visit(program_.any_action);
    if (!program_.by_action.empty()) {
      visit_action(request_.action);
      if (const Entity* action = evaluation_.action()) {
        for (const EntityUid& above : action->ancestors) visit_action(above);
      }
    }
    tidy(permits_);
    tidy(forbids_);
    Response response;
    response.errors = std::move(errors_);
    // A policy under several actions may have been visited twice.
    const auto by_policy = [](const PolicyError& a, const PolicyError& b) {
      return a.policy < b.policy;
    };
    std::sort(response.errors.begin(), response.errors.end(), by_policy);
    response.errors.erase(
        std::unique(response.errors.begin(), response.errors.end(),
                    [](const auto& a, const auto& b) { return a.policy == b.policy; }),
        response.errors.end());
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
  static void tidy(Indices& indices) {
    std::sort(indices.begin(), indices.end());
    indices.erase(std::unique(indices.begin(), indices.end()), indices.end());
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
    if (!evaluation_.covers(policy.action, request_.action) ||
        !evaluation_.covers(policy.principal, request_.principal) ||
        !evaluation_.covers(policy.resource, request_.resource)) {
      return;
    }
    for (std::uint32_t i = 0; i < policy.clauses; ++i) {
      const detail::Clause& clause = program_.clauses[policy.first_clause + i];
      const ValueView v = evaluation_.condition(clause.root);
      if (v.is(Kind::kNone)) {
        fail(index);
        return;
      }
      if (v.boolean() == clause.unless) return;
    }
    (policy.effect == Effect::kPermit ? permits_ : forbids_).push_back(index);
  }

  void fail(std::uint32_t index) {
    const Policy& policy = program_.set.policies()[index];
    errors_.push_back({index,
                       {Code::kInvalid, evaluation_.problem(),
                        policy.position(evaluation_.problem_at()).text()}});
  }

  const Program& program_;
  const Request& request_;
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

Response authorize(const CompiledPolicies& policies, const Request& request,
                   const EntityReader& entities) {
  return Authorization(policies.program(), request, entities).decide();
}

Explanation explain(const CompiledPolicies& policies, std::size_t index, const Request& request,
                    const EntityReader& entities) {
  using Outcome = Explanation::Outcome;
  const Program& program = policies.program();
  const CompiledPolicy& compiled = program.policies[index];
  const Policy& policy = policies.policy(index);
  Evaluation evaluation(program, request, entities);
  Explanation why;
  why.position = policy.position();
  if (!evaluation.covers(compiled.principal, request.principal)) {
    why.outcome = Outcome::kPrincipal;
    return why;
  }
  if (!evaluation.covers(compiled.action, request.action)) {
    why.outcome = Outcome::kAction;
    return why;
  }
  if (!evaluation.covers(compiled.resource, request.resource)) {
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
  Evaluation evaluation(program, request, entities);
  const ValueView v = evaluation.value(root);
  if (v.is(Kind::kNone)) {
    return tl::unexpected<Error>(
        parsed.source->error(evaluation.problem_at(), evaluation.problem()));
  }
  return Value::of(v);
}

}  // namespace writ::cedar
