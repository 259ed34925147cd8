// PolicyScope: whom and what a policy's scope covers, asked with what Writ knows of both anyway:
// the kind of an identity tells its type, so nothing is loaded to compare names.
//
// Invariant: covers what cedar's own test of the scope covers, of requests whose principal is an
// identity and whose resource is an entitlement. The action is not asked about.
#pragma once

#include <cstdint>
#include <optional>

#include "cedar/entity.h"
#include "cedar/policy.h"
#include "core/domain.h"

namespace writ::core {

class PolicyScope {
 public:
  explicit PolicyScope(const cedar::Policy& policy);

  // `kind` is the principal's. The resource is asked first: it tells most policies apart.
  bool covers(IdentityKind kind, const cedar::Entity& principal,
              const cedar::Entity& entitlement) const {
    return resource_.covers(entitlement) && (kinds_ >> static_cast<unsigned>(kind) & 1) != 0 &&
           principal_.covers(principal);
  }
  // Whether it covers this entitlement for some principal.
  bool covers(const cedar::Entity& entitlement) const {
    return kinds_ != 0 && resource_.covers(entitlement);
  }
  // Whether the policy has no conditions: then it applies to all that it covers.
  bool is_all() const { return is_all_; }

 private:
  struct Part {
    std::optional<cedar::EntityUid> uid;  // the entity, or what it lies in; empty for any
    bool itself = false;                  // `==`
    bool covers(const cedar::Entity& entity) const {
      if (!uid) return true;
      return entity.uid == *uid || (!itself && entity.ancestors.contains(*uid));
    }
  };
  static Part part_of(const cedar::Constraint& constraint);

  Part resource_;
  Part principal_;
  bool is_all_ = false;
  std::uint16_t kinds_ = 0;  // a bit for each IdentityKind; none when no entitlement is covered
};

}  // namespace writ::core
