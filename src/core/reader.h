// StateReader: what policies may read, straight from a snapshot, and the context of a decision.
// Internal to the room.
//
// Invariant: an entity that `find` gave stays as it is while the reader and the State live.
#pragma once

#include <forward_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cedar/authorize.h"
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
  // Keeps an entity that only this decision knows.
  const cedar::Entity& keep(cedar::Entity entity) const {
    made_.push_front(std::move(entity));
    return made_.front();
  }

 private:
  const cedar::Entity* make(const cedar::EntityUid& uid) const;
  const cedar::Entity* group(const cedar::EntityUid& uid) const;

  const State& state_;
  Time now_;
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
  const cedar::detail::IpBox* address = nullptr;  // source_ip, where that is known to be one
  const std::vector<std::string>* actors = nullptr;
  // The grant that is asked about. Its approvals and duration count where none are said here.
  const Grant* grant = nullptr;
  // As the grant recorded them: then it is not itself in the context, its mfa_age is.
  bool recorded = false;
  std::optional<int> approvals;
  std::optional<Millis> duration;
  // Of an approval: whose request it is, and who would get access by it.
  std::string_view requester;
  std::string_view beneficiary;
};
// Reads facts.mfa_age, or looks it up.
std::optional<Millis> mfa_age_of(const State& state, const Facts& facts);
// The context as one record. `asserted` is what a door says about its own application.
cedar::Value context_of(const State& state, const Facts& facts,
                        std::span<const cedar::Field> asserted = {});

// The same, with each part made when a policy reads it.
class Context final : public cedar::ContextReader {
 public:
  // All must outlive it.
  Context(const State& state, const Facts& facts, std::span<const cedar::Field> asserted = {})
      : state_(state), facts_(facts), asserted_(asserted) {}

  std::optional<cedar::ValueView> find(std::span<const cedar::String> path) const override;
  cedar::ValueView whole() const override;

 private:
  std::optional<cedar::ValueView> auth(const cedar::String& name) const;
  cedar::ValueView source_ip() const;

  const State& state_;
  const Facts& facts_;
  std::span<const cedar::Field> asserted_;
  mutable enum class Address { kUnread, kRead, kNone } address_ = Address::kUnread;
  mutable cedar::detail::IpBox ip_;
  mutable std::optional<cedar::Value> whole_;
};

// The facts that a grant recorded: what the conditions of its offer are asked with.
Facts recorded_facts(const Grant& grant, Time now);

// Whether one policy gives this entitlement to this principal, which is an identity of that kind.
bool gives(const State& state, const StateReader& reader, const Giver& giver, IdentityKind kind,
           const cedar::Entity& principal, const cedar::Entity& entitlement, const Facts& facts);
// The terms of an offer on an entitlement, defaults filled in, within the tier's ceiling.
Terms terms_of(const State& state, const Giver& giver, const EntitlementEntry& entry);

}  // namespace writ::core
