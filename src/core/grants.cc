#include "core/grants.h"

#include <algorithm>
#include <tuple>

namespace writ::core {
namespace {

bool before(const Grant& a, const Grant& b) {
  return std::tie(a.created, a.id) < std::tie(b.created, b.id);
}

}  // namespace

void GrantIndex::put(CowMap<std::string, Grant>::Handle grant, std::uint32_t entitlement) {
  std::vector<Held>& list = lists_[grant->beneficiary];
  const auto at =
      std::lower_bound(list.begin(), list.end(), *grant,
                       [](const Held& a, const Grant& b) { return before(*a.grant, b); });
  if (at != list.end() && at->grant->id == grant->id) {
    at->grant = std::move(grant);
  } else {
    list.insert(at, Held{std::move(grant), entitlement});
  }
}

void GrantIndex::drop(const Grant& grant) {
  std::vector<Held>* list = lists_.edit(grant.beneficiary);
  if (list == nullptr) return;
  std::erase_if(*list, [&](const Held& held) { return held.grant->id == grant.id; });
  if (list->empty()) lists_.erase(grant.beneficiary);
}

std::vector<const Grant*> grants_of(const State& state, std::string_view beneficiary) {
  std::vector<const Grant*> grants;
  if (state.grant_index == nullptr) return grants;
  if (const std::vector<Held>* list = state.grant_index->of(beneficiary)) {
    for (const Held& held : *list) grants.push_back(&*held.grant);
  }
  return grants;
}

std::vector<const Grant*> grants_of(const State& state, std::string_view beneficiary,
                                    std::string_view entitlement) {
  std::vector<const Grant*> grants = grants_of(state, beneficiary);
  std::erase_if(grants, [&](const Grant* grant) { return grant->entitlement != entitlement; });
  return grants;
}

}  // namespace writ::core
