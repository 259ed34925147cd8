// StateReader: what policies may read, straight from a snapshot, and the context of a decision.
// Internal to the room.
//
// Invariant: an entity that `find` gave stays as it is while the reader and the State live.
#pragma once

#include <array>
#include <forward_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cedar/entity.h"
#include "core/entities.h"
#include "core/policy.h"
#include "core/state.h"

namespace writ::core {

class StateReader final : public cedar::EntityReader {
 public:
  StateReader(const State& state, Time now) : state_(state), now_(now) {}
  StateReader(const StateReader&) = delete;
  StateReader& operator=(const StateReader&) = delete;

  const cedar::Entity* find(const cedar::EntityUid& uid) const override;
  // The identity with the groups that it is in now, and no other.
  const cedar::Entity& of(const Subject& subject) const;
  // Makes `find` answer this one at once; it must outlive the reader.
  void pin(const cedar::Entity& entity) const { pinned_[next_pin_++ % pinned_.size()] = &entity; }
  // Keeps an entity that only this decision knows.
  const cedar::Entity& keep(cedar::Entity entity) const {
    made_.push_front(std::move(entity));
    return made_.front();
  }

 private:
  const cedar::Entity* make(const cedar::EntityUid& uid) const;

  const State& state_;
  Time now_;
  mutable std::array<const cedar::Entity*, 3> pinned_{};
  mutable std::size_t next_pin_ = 0;
  mutable std::forward_list<cedar::Entity> made_;
};

// What a resource is called in a Question -> its uid; empty for a type outside Writ.
std::optional<cedar::EntityUid> resource_uid(const State& state, std::string_view type,
                                             std::string_view id);

// What context is made of. Empty fields are left out of it.
struct Facts {
  Time now;
  // Whose second factor counts and from which device it must have come ("" for any); looked up when
  // a policy reads it. Or what was recorded.
  std::string_view factor_of;
  std::string_view device;
  std::optional<Millis> mfa_age;
  std::string_view credential;
  std::string_view source_ip;
  const std::vector<std::string>* actors = nullptr;
  std::string_view grant;
  std::optional<int> approvals;
  std::optional<Millis> duration;
};
// Reads facts.mfa_age, or looks it up.
std::optional<Millis> mfa_age_of(const State& state, const Facts& facts);
cedar::Value context_of(const State& state, const Facts& facts, std::uint32_t reads);

// The facts that a grant recorded: what the conditions of its offer are asked with.
Facts recorded_facts(const Grant& grant, Time now);

// Whether one policy gives this entitlement to this principal.
bool gives(const State& state, const StateReader& reader, const Giver& giver,
           const cedar::Entity& principal, const cedar::Entity& entitlement, const Facts& facts);
// The terms of an offer on an entitlement, defaults filled in, within the tier's ceiling.
Terms terms_of(const State& state, const Giver& giver, const EntitlementEntry& entry);

}  // namespace writ::core
