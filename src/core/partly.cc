#include "core/partly.h"

#include <memory>
#include <utility>

#include "cedar/search.h"
#include "cedar/tpe_fold.h"

namespace writ::core {
namespace {

using cedar::Expr;
using cedar::Op;

bool is_of_connection(std::string_view name) {
  return name == "auth" || name == "source_ip";
}

Expr literal(cedar::Value value) {
  Expr made;
  made.value = std::move(value);
  return made;
}

// With what is known of the context put in. Partial evaluation takes a context that is known, or
// one that is not.
Expr with_known(const Expr& e, const cedar::Value& context) {
  const bool reads = (e.op == Op::kGet || e.op == Op::kHas) && !e.names.empty() &&
                     e.args.size() == 1 && e.args[0].op == Op::kContext;
  if (reads && !is_of_connection(e.names[0])) {
    const auto found = context.find(e.names[0]);
    if (e.op == Op::kGet && found) return literal(*found);
    if (e.op == Op::kHas && !found) return literal(cedar::Value::boolean(false));
    if (e.op == Op::kHas && e.names.size() == 1) return literal(cedar::Value::boolean(true));
  }
  Expr copy = e;
  for (Expr& arg : copy.args) arg = with_known(arg, context);
  return copy;
}

cedar::PartialUid known(const cedar::EntityUid& uid) {
  return {std::string(uid.type()), std::string(uid.id())};
}

}  // namespace

std::vector<std::string> names_of_connection(std::uint32_t reads) {
  constexpr auto kNames = std::to_array<std::pair<std::uint32_t, std::string_view>>(
      {{part::kSourceIp, "context.source_ip"},
       {part::kMfaAge, "context.auth.mfa_age"},
       {part::kMethod, "context.auth.method"},
       {part::kStrength, "context.auth.strength"},
       {part::kAttestation, "context.auth.attestation"},
       {part::kCredential, "context.auth.credential"},
       {part::kDevice, "context.auth.device"}});
  std::vector<std::string> made;
  for (const auto& [part, name] : kNames) {
    if ((reads & part) != 0) made.emplace_back(name);
  }
  return made;
}

Applies applies(const cedar::Policy& policy, const cedar::Request& request,
                const StateReader& reader) {
  cedar::Policy asked = policy;
  auto conditions = *policy.conditions;
  for (cedar::Condition& each : conditions) each.expr = with_known(each.expr, request.context);
  asked.conditions = std::make_shared<decltype(conditions)>(std::move(conditions));
  const auto expr = cedar::lower(asked);
  if (!expr) return Applies::kSometimes;
  const cedar::PartialRequest part{
      known(request.principal), request.action, known(request.resource), {}};
  const cedar::KnownEntities entities(reader, cedar::Unlisted::kAbsent);
  const cedar::detail::Known all{part, entities};
  cedar::Steps steps(100'000);
  const cedar::Residual left = cedar::detail::Folding(all, steps).fold(*expr, nullptr);
  if (steps.spent()) return Applies::kSometimes;
  switch (left.outcome) {
    case cedar::Residual::Outcome::kTrue:
      return Applies::kAlways;
    case cedar::Residual::Outcome::kFalse:
      return Applies::kNever;
    case cedar::Residual::Outcome::kError:
      return policy.effect == cedar::Effect::kForbid ? Applies::kAlways : Applies::kNever;
    case cedar::Residual::Outcome::kPartial:
      break;
  }
  // What is left may be one that fails, or is false after all.
  const auto found = cedar::lookups(left.expr, cedar::Sought::kResource, reader);
  const bool may = !found || !found->empty() || policy.effect == cedar::Effect::kForbid;
  return may ? Applies::kSometimes : Applies::kNever;
}

}  // namespace writ::core
