// EntityIndex: Cedar's view of the state, built when facts change, so that a decision only reads.
//
// writ_schema.h has all types with their attributes. An identity is Writ::User::"idn_…" (or
// ThirdParty, Workload, ServiceAccount, Runner, Agent, Device, Door, Connector, Server), with its
// groups above it, and among them its own, Writ::Group::"identity:idn_…", in which nobody else is:
// that group stands wherever an attribute names an identity, whatever its type. Groups, targets,
// resources and entitlements are known by their names. Above an entitlement stand its resource,
// what that lies in, the target, and one environment and one tier: those of its resource, or, for
// an environment that it does not name, of the nearest resource above. Resources have environment
// and tier as attributes, not as parents: else what lies in staging would be in production too
// because its target is.
//
// Grants, requests, changes and findings have entities while someone asks about them (reader.h).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cedar/entity.h"
#include "core/state.h"

namespace writ::core {

struct Subject {
  IdentityKind kind = IdentityKind::kUser;
  IdentityState state = IdentityState::kActive;
  std::uint32_t number = 0;         // counts identities; never changes
  Time groups_until = Time::max();  // the first end among its memberships
  std::string login_stem;           // what the logins of its grants begin with (login.h)
  cedar::Entity entity;             // with every group that it is in, whatever the time
  SharedText id;                    // what others that name it share
};

// The active doors that stand before a target, by id. Its entitlements share it.
using Doors = std::shared_ptr<const std::vector<std::string>>;

struct EntitlementEntry {
  std::uint32_t number = 0;  // counts entitlements; never changes
  Tier tier = Tier::kHigh;
  Doors doors;
  std::string database;
  cedar::Entity entity;
  std::string target;
  SharedText name;  // what others that name it share
};

class EntityIndex {
 public:
  const CowMap<std::string, Subject>& subjects() const { return subjects_; }  // by id
  const CowMap<std::string, EntitlementEntry>& entitlements() const { return entitlements_; }
  const Subject* subject(std::string_view id) const { return subjects_.find(id); }
  const EntitlementEntry* entitlement(std::string_view name) const {
    return entitlements_.find(name);
  }
  const cedar::Entity* group(std::string_view name) const { return groups_.find(name); }
  const cedar::Entity* resource(std::string_view name) const { return resources_.find(name); }
  const cedar::Entity* target(std::string_view name) const { return targets_.find(name); }
  // Entitlements by what stands above them (a resource, target, environment or tier), and by the
  // value of an attribute: role, owner, one of the labels. Null when there is none.
  using Names = CowMap<std::string, bool>;
  const Names* entitlements_in(const cedar::EntityUid& above) const {
    return entitlements_by_.find(key_of(above));
  }
  const Names* entitlements_with(std::string_view attribute, cedar::ValueView value) const {
    return entitlements_by_.find(key_of(attribute, value));
  }
  // Whether entitlements_with knows the attribute.
  static bool can_look_up(std::string_view attribute);
  // The door that a namespace of applications belongs to; null when nobody's.
  const std::string* door_of_namespace(std::string_view name) const {
    return namespaces_.find(name);
  }

  const CowMap<std::string, std::string>& namespaces() const { return namespaces_; }
  void give_namespace(std::string_view name, std::string_view door) {
    namespaces_.set(name, std::string(door));
  }

  // Each takes over what the state says now. Errors are the sealer's, but not that a name is
  // erased.
  Status put_identity(const State& state, std::string_view id, const Sealer& sealer);
  void put_state(const State& state, std::string_view id);
  void put_memberships(const State& state, std::string_view id);
  void put_group(const State& state, std::string_view name);
  void put_target(const State& state, std::string_view name);
  // The doors before a target; costs what all entitlements do.
  void put_doors(const State& state, std::string_view target);
  // The resource and its entitlements.
  void put_resource(const State& state, std::string_view name);
  void put_entitlement(const State& state, std::string_view name);
  // What nothing holds and nothing lies in any more.
  void drop_target(std::string_view name) {
    targets_.erase(name);
    doors_.erase(name);
  }
  void drop_resource(std::string_view name) { resources_.erase(name); }
  void drop_entitlement(std::string_view name);

 private:
  static std::string key_of(const cedar::EntityUid& above);
  static std::string key_of(std::string_view attribute, cedar::ValueView value);
  // All keys under which an entitlement is found.
  static std::vector<std::string> keys_of(const cedar::Entity& entitlement);
  // Moves an entitlement from the keys that it had, sorted, to those that it has.
  void move(std::string_view name, const std::vector<std::string>& had,
            const std::vector<std::string>& has);

  std::uint32_t next_number_ = 0;  // of entitlements
  CowMap<std::string, Subject> subjects_;
  CowMap<std::string, EntitlementEntry> entitlements_;
  CowMap<std::string, Names> entitlements_by_;  // none is empty
  CowMap<std::string, cedar::Entity> groups_;
  CowMap<std::string, cedar::Entity> resources_;
  CowMap<std::string, cedar::Entity> targets_;
  CowMap<std::string, Doors> doors_;             // by target
  CowMap<std::string, std::string> namespaces_;  // -> identity id of the door; first come
};

// "Writ::User", … and back: which type an identity's kind has.
std::string_view type_of(IdentityKind kind);
// Writ::Action::"name" and the like.
cedar::EntityUid writ_uid(std::string_view type, std::string_view id);
// The group of one identity alone.
cedar::EntityUid own_group(std::string_view identity);
bool is_own_group(std::string_view group);
std::optional<std::string_view> identity_of_own_group(std::string_view group);
// "identity:idn_…" or "group:NAME" as a group; of an unknown identity none.
std::optional<cedar::EntityUid> owner_uid(const State& state, std::string_view owner);
// The groups that an identity is in at `now`, its own among them, as ancestors.
cedar::UidSet groups_at(const State& state, std::string_view identity, Time now);
// The environment of a resource: its own, or that of the nearest one above that names one.
std::string environment_of(const State& state, const Resource& resource);

// The namespace in which a door of that name speaks for its application: the words of the name,
// split at every character but letters and digits, each with a capital, joined; "todo-app" is
// TodoApp. Empty when that is no namespace of its own: it begins with a digit, or is Writ's or
// Cedar's.
std::string namespace_of(std::string_view door_name);

}  // namespace writ::core
