#include "core/narrow.h"

#include <algorithm>

#include "core/application.h"
#include "core/consulted.h"

namespace writ::core {
namespace {

using cedar::EntityUid;
using cedar::Lookup;
using Lookups = std::optional<std::vector<Lookup>>;

// The slices whose permits allow an action, or give the grants that do.
std::vector<const Slice*> slices_for(const Policies& policies, const Action& action) {
  if (action.name == "request") return {&policies.requests};
  if (action.name == "connect") return {&policies.requests, &policies.baselines};
  return {&policies.others};
}
// As what a slice is asked.
const EntityUid& action_of(const Policies& policies, const Slice* slice, const Action& action) {
  static const Action& requesting = *action_named("request");
  return slice == &policies.requests ? requesting.entity.uid : action.entity.uid;
}

cedar::PartialUid known(const EntityUid& uid) {
  return {std::string(uid.type()), std::string(uid.id())};
}

Lookups together(Lookups a, Lookups b) {
  if (!a || !b) return std::nullopt;
  a->insert(a->end(), b->begin(), b->end());
  return a;
}

void add_identities(const State& state, const Lookup& lookup, std::string_view type,
                    std::vector<std::string>& names) {
  const auto uid = lookup.value.as_entity();
  switch (lookup.kind) {
    case Lookup::Kind::kIs:
    case Lookup::Kind::kIn:
      if (!uid) return;
      if (uid->type() == type && state.identities.contains(uid->id()))
        names.emplace_back(uid->id());
      if (lookup.kind == Lookup::Kind::kIs || uid->type() != "Writ::Group") return;
      if (const auto own = identity_of_own_group(uid->id())) names.emplace_back(*own);
      if (const std::vector<std::string>* members = state.members.find(uid->id())) {
        names.insert(names.end(), members->begin(), members->end());
      }
      return;
    case Lookup::Kind::kHas:
    case Lookup::Kind::kHolds:
      // Comparing one attribute costs far less than a decision.
      state.entities->subjects().for_each([&](const std::string& id, const Subject& subject) {
        if (subject.entity.uid.type() != type) return;
        const auto value = subject.entity.attrs.find(lookup.attribute);
        if (!value) return;
        const bool is =
            lookup.kind == Lookup::Kind::kHas
                ? *value == lookup.value
                : value->kind() == cedar::Kind::kSet && value->view().contains(lookup.value);
        if (is) names.push_back(id);
      });
  }
}

// False when the index cannot tell.
bool add_entitlements(const State& state, const Lookup& lookup, std::vector<std::string>& names) {
  const EntityIndex& index = *state.entities;
  const auto add = [&](const EntityIndex::Names* found) {
    if (found == nullptr) return;
    found->for_each([&](const std::string& name, bool) { names.push_back(name); });
  };
  const auto uid = lookup.value.as_entity();
  switch (lookup.kind) {
    case Lookup::Kind::kIs:
    case Lookup::Kind::kIn:
      if (!uid) return true;
      if (uid->type() == "Writ::Entitlement" && index.entitlement(uid->id()) != nullptr) {
        names.emplace_back(uid->id());
      }
      if (lookup.kind == Lookup::Kind::kIn) add(index.entitlements_in(*uid));
      return true;
    case Lookup::Kind::kHas: {
      // What these name stands above the entitlement too.
      const bool above = lookup.attribute == "resource" || lookup.attribute == "target" ||
                         lookup.attribute == "tier" || lookup.attribute == "environment";
      if (above && uid) {
        add(index.entitlements_in(*uid));
        return true;
      }
      if (lookup.attribute == "labels" || !EntityIndex::can_look_up(lookup.attribute)) return false;
      add(index.entitlements_with(lookup.attribute, lookup.value));
      return true;
    }
    case Lookup::Kind::kHolds:
      // What is no set holds nothing.
      if (lookup.attribute != "labels")
        return lookup.attribute == "role" || lookup.attribute == "owner";
      add(index.entitlements_with(lookup.attribute, lookup.value));
      return true;
  }
  return false;
}

}  // namespace

std::vector<std::string> sorted_names(std::vector<std::string> names) {
  using Map = CowMap<std::string, bool>;
  std::sort(names.begin(), names.end(),
            [](const auto& a, const auto& b) { return Map::comes_before(a, b); });
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

bool add_entitlements(const State& state, const std::vector<Lookup>& lookups,
                      std::vector<std::string>& names) {
  return std::all_of(lookups.begin(), lookups.end(),
                     [&](const Lookup& each) { return add_entitlements(state, each, names); });
}

Candidates subjects_for(const State& state, const Question& question, Time now) {
  const Action* action = action_named(question.action);
  const auto resource = resource_uid(state, question.resource_type, question.resource);
  if (action == nullptr || !resource) return std::vector<std::string>();
  const StateReader reader(state, now);
  const Policies& policies = *state.policies;
  std::vector<std::string> names;
  for (std::size_t kind = 0; kind < enum_names(IdentityKind{}).size(); ++kind) {
    const std::string type(type_of(static_cast<IdentityKind>(kind)));
    for (const Slice* slice : slices_for(policies, *action)) {
      const Lookups found = cedar::narrow(
          slice->policies,
          {{type, std::nullopt}, action_of(policies, slice, *action), known(*resource), {}},
          cedar::Sought::kPrincipal, reader);
      if (!found) return std::nullopt;
      for (const Lookup& each : *found) add_identities(state, each, type, names);
    }
  }
  return sorted_names(std::move(names));
}

Candidates entitlements_for(const State& state, const Question& question, Time now) {
  const Action* action = action_named(question.action);
  const Subject* subject = state.entities->subject(question.subject);
  if (action == nullptr || subject == nullptr) return std::vector<std::string>();
  const StateReader reader(state, now);
  const Policies& policies = *state.policies;
  const EntityUid& principal = reader.of(*subject).uid;
  Lookups found = std::vector<Lookup>();
  for (const Slice* slice : slices_for(policies, *action)) {
    found = together(std::move(found), cedar::narrow(slice->policies,
                                                     {known(principal),
                                                      action_of(policies, slice, *action),
                                                      {"Writ::Entitlement", std::nullopt},
                                                      {}},
                                                     cedar::Sought::kResource, reader));
  }
  if (!found) return std::nullopt;
  std::vector<std::string> names;
  if (!add_entitlements(state, *found, names)) return std::nullopt;
  return sorted_names(std::move(names));
}

std::optional<std::vector<std::uint32_t>> known_for(const State& state, const Question& question,
                                                    Time now) {
  // What a door asserts of the thing that is sought, it asserts of each.
  const Json* asserted = question.asserted.find("resource");
  if (asserted != nullptr) return std::nullopt;
  const StateReader reader(state, now);
  const Policies& policies = *state.policies;
  Question any = question;
  any.resource.clear();
  const std::vector<Consulted> asked = consulted(state, any, now, reader, {}, Also::kNothing);
  if (asked.size() != 1) return std::nullopt;
  const cedar::Request& request = asked[0].request;
  const Lookups found = cedar::narrow(policies.others.policies,
                                      {known(request.principal),
                                       request.action,
                                       {std::string(request.resource.type()), std::nullopt},
                                       {}},
                                      cedar::Sought::kResource, reader);
  if (!found) return std::nullopt;
  std::vector<std::uint32_t> places;
  for (const Lookup& each : *found) {
    if (!policies.known_index->can(each)) return std::nullopt;
    const auto some = policies.known_index->find(each);
    places.insert(places.end(), some.begin(), some.end());
  }
  std::sort(places.begin(), places.end());
  places.erase(std::unique(places.begin(), places.end()), places.end());
  return places;
}

}  // namespace writ::core
