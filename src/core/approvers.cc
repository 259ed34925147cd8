#include "core/approvers.h"

#include <algorithm>
#include <map>
#include <set>

#include "cedar/search.h"
#include "core/call.h"

namespace writ::core {
namespace {

constexpr std::string_view kGroup = "group:", kIdentity = "identity:";

// Whether the person is one of those behind "identity:idn_…" or "group:NAME".
bool is_one_of(const State& state, std::string_view owner, std::string_view person, Time now) {
  if (owner.starts_with(kGroup)) {
    return is_member(state, person, owner.substr(kGroup.size()), now);
  }
  if (!owner.starts_with(kIdentity)) return false;
  const auto behind = persons_behind(state, owner.substr(kIdentity.size()), now);
  return std::find(behind.begin(), behind.end(), person) != behind.end();
}

// Lookups of what one offer can be of, whoever asks.
using Lookups = std::optional<std::vector<cedar::Lookup>>;
Lookups covered_by(const Giver& offer, const cedar::PartialUid& resource, cedar::Sought sought,
                   const StateReader& reader) {
  const cedar::EntityUid& requesting = action_named("request")->entity.uid;
  std::vector<cedar::Lookup> made;
  for (std::size_t kind = 0; kind < enum_names(IdentityKind{}).size(); ++kind) {
    const std::string type(type_of(static_cast<IdentityKind>(kind)));
    const Lookups some = cedar::narrow(
        offer.alone().policies, {{type, std::nullopt}, requesting, resource, {}}, sought, reader);
    if (!some) return std::nullopt;
    made.insert(made.end(), some->begin(), some->end());
  }
  return made;
}

// What stands above the things of owners for whom this person answers: their own, and what lies in
// them.
std::vector<cedar::Lookup> owned_by(const State& state, std::string_view person, Time now) {
  std::map<std::string, bool> answers;  // by owner
  std::vector<cedar::Lookup> made;
  state.resources.for_each([&](const std::string& name, const Resource& resource) {
    if (resource.owner.empty()) return;
    const auto [at, is_new] = answers.try_emplace(resource.owner, false);
    if (is_new) at->second = is_one_of(state, resource.owner, person, now);
    if (!at->second) return;
    made.push_back({cedar::Lookup::Kind::kIn,
                    {},
                    cedar::Value::entity(cedar::EntityUid("Writ::Resource", name))});
  });
  return made;
}

// Whether an offer can be of this entitlement for somebody.
bool may_be_of(const Giver& offer, const cedar::Entity& entitlement, const StateReader& reader) {
  if (!offer.scope.covers(entitlement)) return false;
  if (offer.scope.is_all()) return true;
  const cedar::PartialUid resource{std::string(entitlement.uid.type()),
                                   std::string(entitlement.uid.id())};
  const Lookups whom = covered_by(offer, resource, cedar::Sought::kPrincipal, reader);
  return !whom || !whom->empty();
}

// The offers of an entitlement, to whomever, that want approvals, on such terms.
std::vector<Offer> offers_of(const State& state, std::string_view entitlement, Time now,
                             auto&& wanted) {
  std::vector<Offer> made;
  const EntitlementEntry* entry = state.entities->entitlement(entitlement);
  if (entry == nullptr) return made;
  const StateReader reader(state, now);
  for (const Giver& giver : state.policies->givers) {
    if (!giver.offer || giver.approvals == 0) continue;
    Terms terms = terms_of(state, giver, *entry);
    if (!wanted(terms) || !may_be_of(giver, entry->entity, reader)) continue;
    made.push_back({giver.id.str(), std::move(terms)});
  }
  return made;
}

}  // namespace

std::vector<Offer> offers_to_approve(const State& state, std::string_view entitlement,
                                     std::string_view person, Time now) {
  return offers_of(state, entitlement, now, [&](const Terms& terms) {
    return is_one_of(state, terms.approvers, person, now);
  });
}

std::vector<std::string> deciders_of(const State& state, std::string_view entitlement, Time now) {
  std::set<std::string> named;  // of many offers there are few approvers
  for (const Offer& offer : offers_of(state, entitlement, now, [](const Terms&) { return true; })) {
    named.insert(offer.terms.approvers);
  }
  std::vector<std::string> made;
  for (const std::string& whom : named) {
    for (std::string& each : persons_of_owner(state, whom, now)) made.push_back(std::move(each));
  }
  return sorted_names(std::move(made));
}

Candidates decided_by(const State& state, std::string_view identity, Time now) {
  std::vector<std::string> names;
  const Identity* found = state.identities.find(identity);
  if (found == nullptr || !is_person(found->kind)) return names;
  const StateReader reader(state, now);
  bool owners = false;  // decide under some offer
  for (const Giver& giver : state.policies->givers) {
    if (!giver.offer || giver.approvals == 0) continue;
    if (giver.approvers == "owner") {
      owners = true;
      continue;
    }
    if (!is_one_of(state, giver.approvers, identity, now)) continue;
    const Lookups some =
        covered_by(giver, {"Writ::Entitlement", std::nullopt}, cedar::Sought::kResource, reader);
    if (!some || !add_entitlements(state, *some, names)) return std::nullopt;
  }
  if (owners && !add_entitlements(state, owned_by(state, identity, now), names)) {
    return std::nullopt;
  }
  return sorted_names(std::move(names));
}

}  // namespace writ::core
