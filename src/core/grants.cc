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

std::uint64_t pair_of(const Grant& grant) {
  return pair_hash(cow_hash(grant.beneficiary), cow_hash(grant.entitlement));
}

bool same_pair(const Grant& a, const Grant& b) {
  return a.beneficiary_number == b.beneficiary_number &&
         a.entitlement_number == b.entitlement_number;
}

}  // namespace

void GrantIndex::put(const Grant& grant) {
  std::vector<const Grant*>& list = lists_[grant.beneficiary];
  list.insert(std::lower_bound(list.begin(), list.end(), &grant, before), &grant);
  Held& held = pairs_[pair_of(grant)];
  if (held.count++ == 0) {
    held.best = &grant;
  } else if (held.best != nullptr && !same_pair(*held.best, grant)) {
    held.best = nullptr;
  } else if (held.best != nullptr && lasts_longer(grant, *held.best)) {
    held.best = &grant;
  }
}

void GrantIndex::drop(const Grant& grant) {
  std::vector<const Grant*>* list = lists_.edit(grant.beneficiary);
  Held* held = pairs_.edit(pair_of(grant));
  if (list == nullptr || held == nullptr) return;
  std::erase(*list, &grant);
  if (list->empty()) lists_.erase(grant.beneficiary);
  if (--held->count == 0) {
    pairs_.erase(pair_of(grant));
  } else if (held->best == &grant || held->best == nullptr) {
    const Grants left = of(grant.beneficiary, grant.entitlement);
    const auto longest =
        std::min_element(left.begin(), left.end(),
                         [](const Grant* a, const Grant* b) { return lasts_longer(*a, *b); });
    held->best = left.size() == held->count ? *longest : nullptr;
  }
}

GrantIndex::Grants GrantIndex::of(std::string_view beneficiary,
                                  std::string_view entitlement) const {
  Grants grants;
  if (const std::vector<const Grant*>* list = lists_.find(beneficiary)) {
    for (const Grant* grant : *list) {
      if (grant->entitlement == entitlement) grants.push_back(grant);
    }
  }
  return grants;
}

const GrantIndex::Held* GrantIndex::approach(std::uint64_t hash, Place& place) const {
  pairs_.approach(place);
  const Held* held = pairs_.find(hash, place);
  if (held == nullptr || held->best == nullptr) return held;
  constexpr std::ptrdiff_t kLine = 64;
  const auto* const end = reinterpret_cast<const char*>(&held->best->beneficiary);
  for (auto at = reinterpret_cast<const char*>(held->best); at < end; at += kLine) {
    __builtin_prefetch(at);
  }
  return held;
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
