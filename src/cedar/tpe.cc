#include "cedar/tpe.h"

#include <algorithm>

#include "cedar/tpe_fold.h"
#include "cedar/validate.h"

namespace writ::cedar {
namespace {

// Everything that the policy names must exist, even where it cannot matter.
Status names_are_known(const Schema& schema, const Policy& policy, const CoreExpr& expr) {
  const auto refuse = [&](const CoreNode& node, const std::string& message) {
    return tl::unexpected<Error>(policy.source->error(node.begin, message));
  };
  for (const CoreNode& node : expr.nodes) {
    if (node.op == Op::kIs && !schema.knows_type(node.names[0])) {
      return refuse(node, "the schema has no entity type `" + node.names[0] + "`");
    }
    const std::optional<EntityUid> uid =
        node.op == Op::kLiteral && !node.slot ? node.value.as_entity() : std::nullopt;
    if (!uid) continue;
    if (is_action_type(uid->type()) && schema.action(*uid) == nullptr) {
      return refuse(node, "the schema has no action " + uid->print());
    }
    if (is_action_type(uid->type())) continue;
    const Status known = validate_uid(schema, *uid, "");
    if (!known) return refuse(node, known.error().message);
  }
  return {};
}

Error in_policy(Error error, const Policy& policy) {
  error.message = "for policy `" + policy.id + "`: " + error.message;
  return error;
}

tl::unexpected<Error> spent(std::string_view what) {
  return fail(Code::kExhausted, std::string(what) + " takes too many steps");
}

// The decision that the residuals settle.
void conclude(const PolicySet& policies, PartialResponse& response) {
  using Outcome = Residual::Outcome;
  bool open_permit = false;
  bool open_forbid = false;
  std::vector<std::uint32_t> permits;
  std::vector<std::uint32_t> forbids;
  for (std::uint32_t i = 0; i < response.residuals.size(); ++i) {
    const Residual& residual = response.residuals[i];
    const bool forbid = policies.policies()[i].effect == Effect::kForbid;
    switch (residual.outcome) {
      case Outcome::kTrue:
        (forbid ? forbids : permits).push_back(i);
        break;
      case Outcome::kFalse:
        break;
      case Outcome::kError:
        response.forbid_failed = response.forbid_failed || forbid;
        break;
      case Outcome::kPartial:
        (forbid ? open_forbid : open_permit) = true;
        response.forbid_may_fail = response.forbid_may_fail || (forbid && residual.may_fail);
    }
  }
  response.forbid_may_fail = response.forbid_may_fail || response.forbid_failed;
  if (!forbids.empty()) {
    response.decision = Decision::kDeny;
    response.reasons = std::move(forbids);
  } else if (permits.empty() && !open_permit) {
    response.decision = Decision::kDeny;
  } else if (!open_forbid && !permits.empty()) {
    response.decision = Decision::kAllow;
    response.reasons = std::move(permits);
  }
}

Status disagrees(const std::string& what, const std::string& where) {
  return fail(Code::kInvalid, what, where);
}

Status check_agrees(const PartialUid& known, const EntityUid& uid, const std::string& where) {
  if (known.type == uid.type() && (!known.id || *known.id == uid.id())) return {};
  const std::optional<EntityUid> before = known.uid();
  return disagrees("it was known to be " + (before ? before->print() : "a `" + known.type + "`") +
                       ", and is " + uid.print(),
                   where);
}

}  // namespace

struct TypedPolicies::Typed {
  PolicySet set;
  const Schema& schema;
  Environment environment;
  TpeOptions options;
  std::vector<CoreExpr> exprs;
  std::vector<Typing> typings;
};

Result<TypedPolicies> TypedPolicies::of(PolicySet policies, const Schema& schema,
                                        const Environment& environment, const TpeOptions& options) {
  const Schema::Action* action = schema.action(environment.action);
  if (action == nullptr || !action->principals.contains(environment.principal) ||
      !action->resources.contains(environment.resource)) {
    return fail(Code::kInvalid, "the schema has no action " + environment.action.print() +
                                    " of a `" + environment.principal + "` on a `" +
                                    environment.resource + "`");
  }
  auto typed =
      std::make_shared<Typed>(Typed{std::move(policies), schema, environment, options, {}, {}});
  Steps steps(options.steps);
  for (const Policy& policy : typed->set.policies()) {
    Result<CoreExpr> expr = lower(policy);
    if (!expr) return tl::unexpected<Error>(in_policy(expr.error(), policy));
    const Status named = names_are_known(schema, policy, *expr);
    if (!named) return tl::unexpected<Error>(in_policy(named.error(), policy));
    Typing typing = typecheck(schema, *expr, environment, options.mode, steps);
    if (steps.spent()) return spent("typing the policies");
    if (!typing.problems.empty()) {
      const TypeProblem& first = typing.problems.front();
      return tl::unexpected<Error>(
          in_policy(policy.source->error(first.begin, first.message), policy));
    }
    if (!typing.ok || typing.type == nullptr) {
      return tl::unexpected<Error>(
          in_policy(policy.source->error(policy.begin, "the policy is not valid"), policy));
    }
    typed->exprs.push_back(std::move(*expr));
    typed->typings.push_back(std::move(typing));
  }
  TypedPolicies made;
  made.typed_ = std::move(typed);
  return made;
}

const PolicySet& TypedPolicies::set() const {
  return typed_->set;
}
const Schema& TypedPolicies::schema() const {
  return typed_->schema;
}
const Environment& TypedPolicies::environment() const {
  return typed_->environment;
}
const TpeOptions& TypedPolicies::options() const {
  return typed_->options;
}
const CoreExpr& TypedPolicies::expr(std::size_t policy) const {
  return typed_->exprs[policy];
}
const Typing& TypedPolicies::typing(std::size_t policy) const {
  return typed_->typings[policy];
}

Result<PartialResponse> tpe(const TypedPolicies& policies, const PartialRequest& request,
                            const PartialReader& entities) {
  const Environment& environment = policies.environment();
  if (request.principal.type != environment.principal || !(request.action == environment.action) ||
      request.resource.type != environment.resource) {
    return fail(Code::kInvalid, "the request is not of the types that the policies were typed for");
  }
  Steps steps(policies.options().steps);
  const detail::Known known{request, entities, &policies.schema()};
  detail::Folding folding(known, steps);
  PartialResponse response;
  response.residuals.reserve(policies.set().policies().size());
  for (std::size_t i = 0; i < policies.set().policies().size(); ++i) {
    response.residuals.push_back(folding.fold(policies.expr(i), &policies.typing(i)));
    if (steps.spent()) return spent("partial evaluation");
  }
  conclude(policies.set(), response);
  return response;
}

Result<PartialResponse> tpe(const PolicySet& policies, const PartialRequest& request,
                            const PartialReader& entities, const Schema& schema,
                            const TpeOptions& options) {
  CHECK_OK(validate(schema, request));
  const Environment environment{request.principal.type, request.action, request.resource.type};
  TRY(typed, TypedPolicies::of(policies, schema, environment, options));
  return tpe(typed, request, entities);
}

Result<PolicySet> residual_policies(const PolicySet& policies, const PartialResponse& response,
                                    Which which) {
  PolicySet made;
  for (std::size_t i = 0; i < response.residuals.size(); ++i) {
    const Residual& residual = response.residuals[i];
    if (which == Which::kPartial && residual.outcome != Residual::Outcome::kPartial) continue;
    const Policy& of = policies.policies()[i];
    Policy policy;
    policy.id = of.id;
    policy.effect = of.effect;
    policy.annotations = of.annotations;
    policy.source = of.source;
    policy.begin = of.begin;
    policy.end = of.end;
    std::vector<Condition> conditions;
    Result<Expr> tree = tree_of(residual.expr);
    if (!tree) return tl::unexpected<Error>(in_policy(tree.error(), of));
    conditions.push_back({false, std::move(*tree), of.begin, of.end});
    policy.conditions = std::make_shared<const std::vector<Condition>>(std::move(conditions));
    CHECK_OK(made.add(std::move(policy)));
  }
  return made;
}

Status check_agrees(const PartialRequest& known, const Request& request) {
  CHECK_OK(check_agrees(known.principal, request.principal, "principal"));
  CHECK_OK(check_agrees(known.resource, request.resource, "resource"));
  if (!(known.action == request.action)) {
    return disagrees("it was known to be " + known.action.print(), "action");
  }
  if (known.context && !(*known.context == request.context)) {
    return disagrees("it is not what was known", "context");
  }
  return {};
}

Status check_agrees(const PartialEntities& known, const Entities& entities) {
  for (const auto& [uid, entity] : known) {
    const Entity* now = entities.find(uid);
    if (now == nullptr) return disagrees("it was known, and is missing", uid.print());
    if (entity.attrs && !(*entity.attrs == now->attrs)) {
      return disagrees("they are not what was known", uid.print() + "/attrs");
    }
    if (entity.tags && !(*entity.tags == now->tags)) {
      return disagrees("they are not what was known", uid.print() + "/tags");
    }
    if (entity.ancestors && !(*entity.ancestors == now->ancestors)) {
      return disagrees("they are not what was known", uid.print() + "/parents");
    }
  }
  return {};
}

Result<Response> reauthorize(const PolicySet& policies, const PartialResponse& response,
                             const KnownSoFar& known, const Request& request,
                             const Entities& entities) {
  CHECK_OK(validate(known.schema, request));
  CHECK_OK(validate(known.schema, entities));
  CHECK_OK(check_agrees(known.request, request));
  CHECK_OK(check_agrees(known.entities, entities));
  for (const auto& [uid, action] : known.schema.actions()) {
    if (!action.ancestors.empty() && entities.find(uid) == nullptr) {
      return fail(Code::kInvalid, "this action of the schema is missing among the entities",
                  uid.print());
    }
  }
  TRY(residuals, residual_policies(policies, response, Which::kAll));
  return authorize(CompiledPolicies(std::move(residuals)), request, entities);
}

}  // namespace writ::cedar
