#include "core/grants.h"

#include <algorithm>
#include <cstddef>
#include <tuple>

#include "core/entities.h"

namespace writ::core {
namespace {

bool before(const Grant* a, const Grant* b) {
  return std::tie(a->created, a->id) < std::tie(b->created, b->id);
}

}  // namespace

void GrantIndex::put(const Grant& grant, const Pair& pair) {
  std::vector<const Grant*>& list = lists_[pair.beneficiary];
  list.insert(std::lower_bound(list.begin(), list.end(), &grant, before), &grant);
  Held& held = pairs_[pair.hash];
  held = {held.count == 0 ? live(grant) : LiveGrant(), pair.subject_number, pair.entitlement_number,
          held.count + 1};
}

void GrantIndex::drop(const Grant& grant, const Pair& pair) {
  std::vector<const Grant*>* list = lists_.edit(pair.beneficiary);
  Held* held = pairs_.edit(pair.hash);
  if (list == nullptr || held == nullptr) return;
  std::erase(*list, &grant);
  if (list->empty()) lists_.erase(pair.beneficiary);
  if (--held->count == 0) {
    pairs_.erase(pair.hash);
  } else if (held->count == 1) {
    const Grants left = listed(pair);
    if (left.size() == 1) {
      *held = {left.front(), pair.subject_number, pair.entitlement_number, 1};
    }
  }
}

GrantIndex::Grants GrantIndex::listed(const Pair& pair) const {
  Grants grants;
  if (const std::vector<const Grant*>* list = lists_.find(pair.beneficiary)) {
    for (const Grant* grant : *list) {
      if (grant->entitlement == pair.entitlement) grants.push_back(live(*grant));
    }
  }
  return grants;
}

GrantIndex::Grants GrantIndex::of(const Pair& pair, const Held* held) const {
  if (held == nullptr) return {};
  if (held->only.grant == nullptr) return listed(pair);
  Grants grants;
  if (held->subject_number == pair.subject_number &&
      held->entitlement_number == pair.entitlement_number) {
    grants.push_back(held->only);
  }
  return grants;
}

const GrantIndex::Held* GrantIndex::approach(std::uint64_t hash, Place& place) const {
  pairs_.approach(place);
  const Held* held = pairs_.find(hash, place);
  if (held == nullptr || held->only.grant == nullptr) return held;
  constexpr std::ptrdiff_t kLine = 64;
  const Grant& grant = *held->only.grant;
  const auto* const end = reinterpret_cast<const char*>(&grant.beneficiary);
  for (auto at = reinterpret_cast<const char*>(&grant); at < end; at += kLine) {
    __builtin_prefetch(at);
  }
  return held;
}

Pair pair_of(const State& state, const Grant& grant) {
  return {grant.beneficiary, grant.entitlement, state.entities->subject(grant.beneficiary)->number,
          state.entities->entitlement(grant.entitlement)->number,
          pair_hash(cow_hash(grant.beneficiary), cow_hash(grant.entitlement))};
}

std::vector<const Grant*> grants_of(const State& state, std::string_view beneficiary) {
  if (state.grant_index == nullptr) return {};
  const std::vector<const Grant*>* list = state.grant_index->of(beneficiary);
  return list == nullptr ? std::vector<const Grant*>() : *list;
}

std::vector<const Grant*> grants_of(const State& state, std::string_view beneficiary,
                                    std::string_view entitlement) {
  std::vector<const Grant*> grants = grants_of(state, beneficiary);
  std::erase_if(grants, [&](const Grant* grant) { return grant->entitlement != entitlement; });
  return grants;
}

}  // namespace writ::core
