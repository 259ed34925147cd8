#include "core/entities.h"

#include <algorithm>
#include <array>

#include "cedar/text.h"
#include "core/login.h"

namespace writ::core {
namespace {

using cedar::EntityUid;
using cedar::Field;
using cedar::String;
using cedar::Value;

// Attribute names and common values, shared by all entities.
struct Shared {
  String name{"name"}, kind{"kind"}, tier{"tier"}, environment{"environment"}, owner{"owner"},
      purpose{"purpose"}, administers{"administers"}, sensitivity{"sensitivity"}, labels{"labels"},
      role{"role"}, resource{"resource"}, target{"target"}, database{"database"};
  Value empty = Value::record();
  std::array<EntityUid, 4> tiers{EntityUid("Writ::Tier", "critical"),
                                 EntityUid("Writ::Tier", "high"), EntityUid("Writ::Tier", "medium"),
                                 EntityUid("Writ::Tier", "legacy")};
};
const Shared& shared() {
  static const Shared kShared;
  return kShared;
}

const EntityUid& tier_uid(Tier tier) {
  return shared().tiers.at(static_cast<std::size_t>(tier));
}

Value text(std::string_view t) {
  return Value::string(String(t));
}

Value kind_value(IdentityKind kind) {
  static const std::vector<Value> kValues = [] {
    std::vector<Value> values;
    for (std::string_view name : enum_names(IdentityKind{})) values.push_back(text(name));
    return values;
  }();
  return kValues.at(static_cast<std::size_t>(kind));
}

Value set_of(const std::vector<std::string>& items) {
  std::vector<Value> values;
  values.reserve(items.size());
  for (const std::string& item : items) values.push_back(text(item));
  return Value::set(std::move(values));
}

cedar::Entity entity(EntityUid uid, std::vector<Field> attrs, std::vector<EntityUid> above) {
  return cedar::Entity{std::move(uid), Value::record(std::move(attrs)), shared().empty,
                       cedar::UidSet(std::move(above))};
}

// The name as it is read; none of whoever is erased.
Result<std::optional<std::string>> name_of(const Identity& identity, const Sealer& sealer) {
  if (!identity.sealed_name) return std::optional(identity.name);
  if (identity.sealed_name->box.empty()) return std::optional<std::string>();
  auto name = sealer.open(*identity.sealed_name);
  if (name) return std::optional(std::move(*name));
  if (name.error().code != Code::kNotFound) return fail(name);
  return std::optional<std::string>();
}

}  // namespace

std::string_view type_of(IdentityKind kind) {
  static constexpr std::array<std::string_view, 10> kTypes{
      "Writ::User",      "Writ::Workload",   "Writ::ServiceAccount", "Writ::Runner",
      "Writ::Agent",     "Writ::ThirdParty", "Writ::Device",         "Writ::Door",
      "Writ::Connector", "Writ::Server"};
  return kTypes.at(static_cast<std::size_t>(kind));
}

EntityUid writ_uid(std::string_view type, std::string_view id) {
  return EntityUid("Writ::" + std::string(type), id);
}

// No group that is made has such a name (check_simple_name).
constexpr std::string_view kOwnGroup = "identity:";

EntityUid own_group(std::string_view identity) {
  return EntityUid("Writ::Group", std::string(kOwnGroup).append(identity));
}

bool is_own_group(std::string_view group) {
  return group.starts_with(kOwnGroup);
}

std::optional<std::string_view> identity_of_own_group(std::string_view group) {
  if (!is_own_group(group)) return std::nullopt;
  return group.substr(kOwnGroup.size());
}

std::optional<EntityUid> owner_uid(const State& state, std::string_view owner) {
  constexpr std::string_view kGroup = "group:", kIdentity = "identity:";
  if (owner.starts_with(kGroup)) return EntityUid("Writ::Group", owner.substr(kGroup.size()));
  if (!owner.starts_with(kIdentity)) return std::nullopt;
  owner.remove_prefix(kIdentity.size());
  if (!state.identities.contains(owner)) return std::nullopt;
  return own_group(owner);
}

cedar::UidSet groups_at(const State& state, std::string_view identity, Time now) {
  std::vector<EntityUid> groups{own_group(identity)};
  if (const std::vector<Membership>* list = state.memberships.find(identity)) {
    for (const Membership& m : *list) {
      if (now >= m.until) continue;
      const cedar::Entity* group = state.entities ? state.entities->group(m.group) : nullptr;
      groups.push_back(group != nullptr ? group->uid : EntityUid("Writ::Group", m.group));
    }
  }
  return cedar::UidSet(std::move(groups));
}

std::string environment_of(const State& state, const Resource& resource) {
  const Resource* at = &resource;
  while (at != nullptr && at->environment.empty()) {
    at = at->parent.empty() ? nullptr : state.resources.find(at->parent);
  }
  return at == nullptr ? std::string() : at->environment;
}

std::string namespace_of(std::string_view door_name) {
  std::string name;
  bool start = true;
  for (char c : door_name) {
    const bool lower = c >= 'a' && c <= 'z', upper = c >= 'A' && c <= 'Z';
    if (!lower && !upper && !(c >= '0' && c <= '9')) {
      start = true;
      continue;
    }
    name.push_back(start && lower ? static_cast<char>(c - 'a' + 'A') : c);
    start = false;
  }
  if (!cedar::is_type_name(name) || name == "Writ") return {};
  return name;
}

Status EntityIndex::put_identity(const State& state, std::string_view id, const Sealer& sealer) {
  const Identity& identity = *state.identities.find(id);
  const Shared& s = shared();
  std::vector<Field> attrs{{s.kind, kind_value(identity.kind)},
                           {s.tier, Value::entity(tier_uid(identity.tier))}};
  TRY(name, name_of(identity, sealer));
  if (name) attrs.emplace_back(s.name, text(*name));
  if (!identity.purpose.empty()) attrs.emplace_back(s.purpose, text(identity.purpose));
  if (!identity.environment.empty()) {
    attrs.emplace_back(s.environment,
                       Value::entity(EntityUid("Writ::Environment", identity.environment)));
  }
  if (const auto owner = owner_uid(state, identity.owner)) {
    attrs.emplace_back(s.owner, Value::entity(*owner));
  }
  Subject subject{identity.kind,
                  identity.state,
                  static_cast<std::uint32_t>(subjects_.size()),
                  Time::max(),
                  login_stem(name.value_or("erased")),
                  entity(EntityUid(type_of(identity.kind), id), std::move(attrs), {own_group(id)}),
                  {}};
  const Subject* before = subjects_.find(id);
  subject.id = before != nullptr ? before->id : SharedText(id);
  if (before != nullptr) {
    subject.entity.ancestors = before->entity.ancestors;
    subject.groups_until = before->groups_until;
    subject.number = before->number;
  } else if (identity.kind == IdentityKind::kDoor) {
    const std::string space = namespace_of(identity.name);
    if (!space.empty() && !namespaces_.contains(space)) namespaces_.set(space, std::string(id));
  }
  subjects_.set(id, std::move(subject));
  return {};
}

void EntityIndex::put_state(const State& state, std::string_view id) {
  Subject* subject = subjects_.edit(id);
  if (subject == nullptr) return;
  subject->state = state.identities.find(id)->state;
  if (const Door* door = state.doors.find(id)) {
    for (const std::string& target : door->targets) put_doors(state, target);
  }
}

void EntityIndex::put_memberships(const State& state, std::string_view id) {
  Subject* subject = subjects_.edit(id);
  if (subject == nullptr) return;
  subject->groups_until = Time::max();
  std::vector<EntityUid> groups{own_group(id)};
  if (const std::vector<Membership>* list = state.memberships.find(id)) {
    for (const Membership& m : *list) {
      const cedar::Entity* group = groups_.find(m.group);
      groups.push_back(group != nullptr ? group->uid : EntityUid("Writ::Group", m.group));
      subject->groups_until = std::min(subject->groups_until, m.until);
    }
  }
  subject->entity.ancestors = cedar::UidSet(std::move(groups));
}

void EntityIndex::put_group(const State& state, std::string_view name) {
  const Group& group = *state.groups.find(name);
  const Shared& s = shared();
  groups_.set(name, entity(EntityUid("Writ::Group", name),
                           {{s.name, text(name)},
                            {s.purpose, text(group.purpose)},
                            {s.administers, Value::boolean(group.administers)}},
                           {}));
}

void EntityIndex::put_target(const State& state, std::string_view name) {
  targets_.set(name, entity(EntityUid("Writ::Target", name), {{shared().name, text(name)}}, {}));
  put_doors(state, name);
}

void EntityIndex::put_doors(const State& state, std::string_view target) {
  std::vector<std::string> ids;
  state.doors.for_each([&](const std::string& id, const Door& door) {
    const Subject* subject = subjects_.find(id);
    if (std::find(door.targets.begin(), door.targets.end(), target) != door.targets.end() &&
        subject != nullptr && subject->state == IdentityState::kActive &&
        subject->kind == IdentityKind::kDoor) {
      ids.push_back(id);
    }
  });
  const auto doors = std::make_shared<const std::vector<std::string>>(std::move(ids));
  doors_.set(target, doors);
  std::vector<std::string> names;
  entitlements_.for_each([&](const std::string& name, const EntitlementEntry& entry) {
    if (entry.target == target) names.push_back(name);
  });
  for (const std::string& name : names) entitlements_.edit(name)->doors = doors;
}

void EntityIndex::put_resource(const State& state, std::string_view name) {
  const Resource& r = *state.resources.find(name);
  const Shared& s = shared();
  std::vector<Field> attrs{{s.name, text(name)},
                           {s.tier, Value::entity(tier_uid(r.tier))},
                           {s.sensitivity, text(r.sensitivity)},
                           {s.labels, set_of(r.labels)}};
  if (const std::string environment = environment_of(state, r); !environment.empty()) {
    attrs.emplace_back(s.environment, Value::entity(EntityUid("Writ::Environment", environment)));
  }
  if (const auto owner = owner_uid(state, r.owner)) {
    attrs.emplace_back(s.owner, Value::entity(*owner));
  }
  std::vector<EntityUid> above{EntityUid("Writ::Target", r.target)};
  if (const cedar::Entity* parent = resources_.find(r.parent)) {
    above.push_back(parent->uid);
    above.insert(above.end(), parent->ancestors.begin(), parent->ancestors.end());
  }
  resources_.set(name,
                 entity(EntityUid("Writ::Resource", name), std::move(attrs), std::move(above)));
  std::vector<std::string> entitlements;
  state.entitlements.for_each([&](const std::string& each, const Entitlement& e) {
    if (e.resource == name) entitlements.push_back(each);
  });
  for (const std::string& each : entitlements) put_entitlement(state, each);
}

void EntityIndex::put_entitlement(const State& state, std::string_view name) {
  const Entitlement& e = *state.entitlements.find(name);
  const Resource& r = *state.resources.find(e.resource);
  const cedar::Entity& resource = *resources_.find(e.resource);
  const Shared& s = shared();
  std::vector<Field> attrs{{s.name, text(name)},
                           {s.role, text(e.role)},
                           {s.database, text(e.database)},
                           {s.resource, Value::entity(resource.uid)},
                           {s.target, Value::entity(EntityUid("Writ::Target", r.target))},
                           {s.tier, Value::entity(tier_uid(r.tier))},
                           {s.sensitivity, text(r.sensitivity)},
                           {s.labels, set_of(r.labels)}};
  if (const auto owner = owner_uid(state, r.owner)) {
    attrs.emplace_back(s.owner, Value::entity(*owner));
  }
  std::vector<EntityUid> above{resource.uid, tier_uid(r.tier)};
  above.insert(above.end(), resource.ancestors.begin(), resource.ancestors.end());
  if (const std::string environment = environment_of(state, r); !environment.empty()) {
    const EntityUid uid("Writ::Environment", environment);
    attrs.emplace_back(s.environment, Value::entity(uid));
    above.push_back(uid);
  }
  const EntitlementEntry* before = entitlements_.find(name);
  const std::uint32_t number = before != nullptr ? before->number : next_number_++;
  EntitlementEntry entry{
      number,
      r.tier,
      *doors_.find(r.target),
      e.database,
      entity(EntityUid("Writ::Entitlement", name), std::move(attrs), std::move(above)),
      r.target,
      before != nullptr ? before->name : SharedText(name)};
  move(name, before == nullptr ? std::vector<std::string>() : keys_of(before->entity),
       keys_of(entry.entity));
  entitlements_.set(name, std::move(entry));
}

void EntityIndex::drop_entitlement(std::string_view name) {
  const EntitlementEntry* before = entitlements_.find(name);
  if (before == nullptr) return;
  move(name, keys_of(before->entity), {});
  entitlements_.erase(name);
}

bool EntityIndex::can_look_up(std::string_view attribute) {
  return attribute == "role" || attribute == "owner" || attribute == "labels";
}

std::string EntityIndex::key_of(const EntityUid& above) {
  return std::string(above.type()) + "\n" + std::string(above.id());
}

std::string EntityIndex::key_of(std::string_view attribute, cedar::ValueView value) {
  return std::string(attribute) + "\n" + cedar::print(value);
}

std::vector<std::string> EntityIndex::keys_of(const cedar::Entity& entitlement) {
  std::vector<std::string> keys;
  for (const EntityUid& above : entitlement.ancestors) keys.push_back(key_of(above));
  for (const char* attribute : {"role", "owner"}) {
    if (const auto value = entitlement.attrs.find(attribute)) {
      keys.push_back(key_of(attribute, *value));
    }
  }
  if (const auto labels = entitlement.attrs.find("labels")) {
    for (const Value& label : labels->view().items()) keys.push_back(key_of("labels", label));
  }
  std::sort(keys.begin(), keys.end());
  return keys;
}

void EntityIndex::move(std::string_view name, const std::vector<std::string>& had,
                       const std::vector<std::string>& has) {
  for (const std::string& key : had) {
    if (std::binary_search(has.begin(), has.end(), key)) continue;
    Names* names = entitlements_by_.edit(key);
    if (names == nullptr) continue;
    names->erase(name);
    if (names->size() == 0) entitlements_by_.erase(key);
  }
  for (const std::string& key : has) {
    if (!std::binary_search(had.begin(), had.end(), key)) entitlements_by_[key].set(name, true);
  }
}

}  // namespace writ::core
