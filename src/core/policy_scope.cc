#include "core/policy_scope.h"

#include "core/entities.h"

namespace writ::core {

PolicyScope::Part PolicyScope::part_of(const cedar::Constraint& constraint) {
  using Shape = cedar::Constraint::Shape;
  Part part;
  if (!constraint.uids.empty()) part.uid = constraint.uids.front();
  part.itself = constraint.shape == Shape::kEq;
  return part;
}

PolicyScope::PolicyScope(const cedar::Policy& policy)
    : resource_(part_of(policy.resource)),
      principal_(part_of(policy.principal)),
      is_all_(policy.conditions->empty()) {
  if (!policy.resource.type.empty() && policy.resource.type != "Writ::Entitlement") return;
  for (std::size_t kind = 0; kind < enum_names(IdentityKind{}).size(); ++kind) {
    const std::string& type = policy.principal.type;
    if (type.empty() || type == type_of(static_cast<IdentityKind>(kind))) {
      kinds_ = static_cast<std::uint16_t>(kinds_ | 1u << kind);
    }
  }
}

}  // namespace writ::core
