#include "core/state.h"

#include <algorithm>

namespace writ::core {

State::State() = default;
State::State(const State& other) = default;
State::State(State&& other) noexcept = default;
State& State::operator=(const State& other) = default;
State& State::operator=(State&& other) noexcept = default;
State::~State() = default;

const Identity* find_identity(const State& state, const Sealer& sealer,
                              std::string_view name_or_id) {
  if (const Identity* identity = state.identities.find(name_or_id)) return identity;
  const std::string* id = state.identity_ids.find(sealer.digest(name_or_id));
  return id == nullptr ? nullptr : state.identities.find(*id);
}

std::string display_name(const State& state, const Sealer& sealer, std::string_view identity_id) {
  const Identity* identity = state.identities.find(identity_id);
  if (identity == nullptr) return std::string(identity_id);
  if (identity->sealed_name) return opened_or_erased(sealer, *identity->sealed_name);
  return identity->name;
}

std::string spiffe_id(const State& state, const Identity& identity) {
  return "spiffe://" + state.genesis.trust_domain + "/" + std::string(name_of(identity.kind)) +
         "/" + identity.id;
}

Result<std::string> identity_of_spiffe(const State& state, std::string_view spiffe) {
  const auto refuse = [&] {
    return fail(Code::kInvalid, "\"" + std::string(spiffe.substr(0, 300)) +
                                    "\" is no identity of the trust domain \"" +
                                    state.genesis.trust_domain + "\"");
  };
  std::string_view rest = spiffe;
  const std::string_view trust_domain = state.genesis.trust_domain;
  for (const std::string_view part : {std::string_view("spiffe://"), trust_domain, {"/"}}) {
    if (!rest.starts_with(part)) return refuse();
    rest.remove_prefix(part.size());
  }
  const auto slash = rest.find('/');
  if (slash == std::string_view::npos) return refuse();
  const Identity* identity = state.identities.find(rest.substr(slash + 1));
  if (identity == nullptr || name_of(identity->kind) != rest.substr(0, slash)) return refuse();
  return identity->id;
}

bool is_member(const State& state, std::string_view identity, std::string_view group, Time now) {
  const std::vector<Membership>* list = state.memberships.find(identity);
  if (list == nullptr) return false;
  return std::any_of(list->begin(), list->end(),
                     [&](const Membership& m) { return m.group == group && now < m.until; });
}

namespace {

void add_persons(const State& state, std::string_view identity, Time now, int depth,
                 std::vector<std::string>& persons);

void add_persons_of_owner(const State& state, std::string_view owner, Time now, int depth,
                          std::vector<std::string>& persons) {
  constexpr std::string_view kGroup = "group:", kIdentity = "identity:";
  if (owner.starts_with(kIdentity)) {
    add_persons(state, owner.substr(kIdentity.size()), now, depth, persons);
  } else if (owner.starts_with(kGroup)) {
    const std::string_view group = owner.substr(kGroup.size());
    const std::vector<std::string>* members = state.members.find(group);
    if (members == nullptr) return;
    for (const std::string& member : *members) {
      if (is_member(state, member, group, now)) add_persons(state, member, now, depth, persons);
    }
  }
}

void add_persons(const State& state, std::string_view identity, Time now, int depth,
                 std::vector<std::string>& persons) {
  constexpr int kMostDepth = 8;  // machines that own machines; owners may form a circle
  const Identity* found = state.identities.find(identity);
  if (found == nullptr || depth > kMostDepth) return;
  if (is_person(found->kind)) {
    if (std::find(persons.begin(), persons.end(), found->id) == persons.end()) {
      persons.push_back(found->id);
    }
    return;
  }
  add_persons_of_owner(state, found->owner, now, depth + 1, persons);
}

}  // namespace

std::vector<std::string> persons_behind(const State& state, std::string_view identity, Time now) {
  std::vector<std::string> persons;
  add_persons(state, identity, now, 0, persons);
  return persons;
}

bool has_lost_credential(const State& state, const Session& session) {
  const Certificate* certificate = state.certificates.find(session.credential);
  if (certificate != nullptr && certificate->revoked) return true;
  const std::string& device = certificate != nullptr ? certificate->device : session.device;
  return !device.empty() && !state.devices.contains(device);
}

Time enrolled_until(const State& state, std::string_view device) {
  if (device.empty()) return Time::max();
  const Device* found = state.devices.find(device);
  return found == nullptr ? Time::min() : found->until;
}

Time good_until(const State& state, const Certificate& certificate) {
  if (certificate.revoked) return Time::min();
  return std::min(certificate.until, enrolled_until(state, certificate.device));
}

Tier tier_of(const State& state, const Entitlement& entitlement) {
  const Resource* resource = state.resources.find(entitlement.resource);
  return resource == nullptr ? Tier::kCritical : resource->tier;
}

}  // namespace writ::core
