#include "core/grants.h"

#include <algorithm>
#include <cstddef>
#include <tuple>

#include "core/entities.h"
#include "core/policy.h"

namespace writ::core {
namespace {

bool before(const Grant* a, const Grant* b) {
  return std::tie(a->created, a->id) < std::tie(b->created, b->id);
}

std::uint64_t pair_of(const Grant& grant) {
  return pair_hash(cow_hash(grant.beneficiary), cow_hash(grant.entitlement));
}

// Begins to load what a connect reads of it. Its entry takes whole lines of the processor's cache,
// and so begins at one.
static_assert((sizeof(detail::CowEntry<std::string, Grant>) + 15) / 16 * 16 % detail::kCacheLine ==
              0);
void prefetch_hot(const Grant& grant) {
  __builtin_prefetch(&grant);
}

bool same_pair(const Grant& a, const Grant& b) {
  return a.beneficiary_number == b.beneficiary_number &&
         a.entitlement_number == b.entitlement_number;
}

}  // namespace

bool take_in(Grant& grant, const State& state) {
  const Subject* beneficiary = state.entities->subject(grant.beneficiary);
  const EntitlementEntry* entitlement = state.entities->entitlement(grant.entitlement);
  if (beneficiary == nullptr || entitlement == nullptr) return false;
  grant.beneficiary_number = beneficiary->number;
  grant.entitlement_number = entitlement->number;
  grant.policy_hash = cow_hash(grant.policy);
  grant.beneficiary = beneficiary->id;
  grant.entitlement = entitlement->name;
  const Giver* giver =
      state.policies == nullptr ? nullptr : state.policies->giver(grant.policy, grant.policy_hash);
  if (giver != nullptr) grant.policy = giver->id;
  const auto shared = [&](const SharedText& id) {
    if (id == grant.beneficiary) return grant.beneficiary;
    const Subject* subject = state.entities->subject(id);
    return subject == nullptr ? id : subject->id;
  };
  SharedTexts approvers;
  for (const SharedText& id : grant.approvers) approvers.push_back(shared(id));
  grant.approvers = std::move(approvers);
  if (grant.purpose) grant.purpose = Sealed{shared(grant.purpose->subject), grant.purpose->box};
  return true;
}

// Grants lie in memory as if at random, so each step loads ahead of what it does.
GrantIndex::GrantIndex(const CowMap<std::string, Grant>& grants) {
  struct Beneficiary {
    std::uint64_t hash = 0;
    std::vector<const Grant*> list;
  };
  std::vector<Beneficiary> beneficiaries;   // by number
  std::vector<std::uint64_t> entitlements;  // hashes, by number
  const auto at = [](auto& numbered, std::uint32_t number) -> auto& {
    if (number >= numbered.size()) numbered.resize(std::size_t{number} + 1);
    return numbered[number];
  };
  std::vector<std::pair<const Grant*, std::uint64_t>> all;  // with the hash of the pair
  std::vector<Time> ends;
  all.reserve(grants.size());
  ends.reserve(grants.size());
  grants.for_each([&](const std::string&, const Grant& grant) {
    Beneficiary& beneficiary = at(beneficiaries, grant.beneficiary_number);
    std::uint64_t& entitlement = at(entitlements, grant.entitlement_number);
    if (beneficiary.list.empty()) beneficiary.hash = cow_hash(grant.beneficiary);
    if (entitlement == 0) entitlement = cow_hash(grant.entitlement);
    beneficiary.list.push_back(&grant);
    all.emplace_back(&grant, pair_hash(beneficiary.hash, entitlement));
    if (!grant.ending) ends.push_back(end_of(grant));
  });
  pairs_.reserve(all.size());
  ends_.reserve(std::move(ends));
  constexpr std::size_t kAhead = 8;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (i + 2 * kAhead < all.size()) begin(all[i + 2 * kAhead].second);
    if (i + kAhead < all.size()) {
      Place place = begin(all[i + kAhead].second);
      load_shard(place);
      prefetch_hot(*all[i + kAhead].first);
    }
    enter(*all[i].first, all[i].second);
  }
  for (Beneficiary& beneficiary : beneficiaries) {
    std::vector<const Grant*>& list = beneficiary.list;
    if (list.empty()) continue;
    for (const Grant* grant : list) detail::prefetch_bytes<sizeof(Grant)>(grant);
    std::sort(list.begin(), list.end(), before);
    list.shrink_to_fit();
    const std::string_view id = list.front()->beneficiary;
    lists_.set(id, std::move(list));
  }
}

void GrantIndex::put(const Grant& grant) {
  std::vector<const Grant*>& list = lists_[grant.beneficiary];
  list.insert(std::lower_bound(list.begin(), list.end(), &grant, before), &grant);
  enter(grant, pair_of(grant));
}

void GrantIndex::enter(const Grant& grant, std::uint64_t pair) {
  if (!grant.ending) ends_.set(address_of(grant), end_of(grant));
  Held& held = pairs_[pair];
  const std::uint64_t count = std::min(held.count() + 1, Held::kMany);
  const Grant* best = held.best();
  if (best != nullptr && !same_pair(*best, grant)) {
    best = nullptr;
  } else if (count == 1 || (best != nullptr && lasts_longer(grant, *best))) {
    best = &grant;
  }
  held = Held(best, count);
}

void GrantIndex::drop(const Grant& grant) {
  std::vector<const Grant*>* list = lists_.edit(grant.beneficiary);
  Held* held = pairs_.edit(pair_of(grant));
  if (list == nullptr || held == nullptr) return;
  if (!grant.ending) ends_.erase(address_of(grant), end_of(grant));
  std::erase(*list, &grant);
  if (list->empty()) lists_.erase(grant.beneficiary);
  const std::uint64_t count = held->count();
  if (count == 1) return pairs_.erase(pair_of(grant));
  if (held->best() != nullptr && held->best() != &grant) {
    *held = Held(held->best(), count == Held::kMany ? count : count - 1);
    return;
  }
  const bool several = held->best() == nullptr;  // pairs, of which one is looked at
  if (several && count == Held::kMany) return;
  const Grants left = of(grant.beneficiary, grant.entitlement);
  const std::uint64_t counted =
      several ? count - 1 : std::min<std::uint64_t>(left.size(), Held::kMany);
  if (counted == 0) return pairs_.erase(pair_of(grant));
  const auto longest =
      std::min_element(left.begin(), left.end(),
                       [](const Grant* a, const Grant* b) { return lasts_longer(*a, *b); });
  *held = Held(several && left.size() != counted ? nullptr : *longest, counted);
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

const GrantIndex::Held* GrantIndex::load_entry(std::uint64_t hash, const Place& place) const {
  const Held* held = pairs_.find(hash, place);
  if (held == nullptr || held->best() == nullptr) return held;
  prefetch_hot(*held->best());
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
