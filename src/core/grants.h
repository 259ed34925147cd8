// GrantIndex: the live grants of each beneficiary, and of each pair of beneficiary and entitlement.
//
// Invariant: holds exactly the grants of State; points into State.grants of the same State, so a
// grant is dropped from here before it changes or ends there, and put again after.
#pragma once

#include <boost/container/small_vector.hpp>
#include <cstdint>
#include <string_view>
#include <vector>

#include "core/state.h"

namespace writ::core {

// A beneficiary and an entitlement: their names, and their numbers in EntityIndex.
struct Pair {
  std::string_view beneficiary;
  std::string_view entitlement;
  std::uint32_t subject_number = 0;
  std::uint32_t entitlement_number = 0;
  std::uint64_t hash = 0;  // pair_hash
};
inline std::uint64_t pair_hash(std::uint64_t beneficiary_hash, std::uint64_t entitlement_hash) {
  return cow_hash(beneficiary_hash + (entitlement_hash << 1 | entitlement_hash >> 63));
}

// A grant as far as a connect must know it to see whether it gives anything.
struct LiveGrant {
  const Grant* grant = nullptr;
  Time until = Time::min();       // its end while it is active
  std::uint64_t policy_hash = 0;  // cow_hash of its policy's id
};
inline LiveGrant live(const Grant& grant) {
  const bool active = grant.state == GrantState::kActive && grant.until;
  return {&grant, active ? *grant.until : Time::min(), cow_hash(grant.policy)};
}

class GrantIndex {
 public:
  using Grants = boost::container::small_vector<LiveGrant, 2>;

  void put(const Grant& grant, const Pair& pair);
  void drop(const Grant& grant, const Pair& pair);

  // Oldest first. Null when the beneficiary has none.
  const std::vector<const Grant*>* of(std::string_view beneficiary) const {
    return lists_.find(beneficiary);
  }
  std::size_t size() const { return lists_.size(); }  // beneficiaries

  // What is held under the hash of a pair. Looking it up in steps lets its loads overlap with
  // others', as in CowMap: begin, approach, of.
  struct Held {
    LiveGrant only;  // its grant is null when there are several: the list tells
    std::uint32_t subject_number = 0;
    std::uint32_t entitlement_number = 0;
    std::uint32_t count = 0;  // of grants under this hash
  };
  using Place = CowMap<std::uint64_t, Held>::Place;
  Place begin(std::uint64_t hash) const { return pairs_.begin(cow_hash(hash)); }
  // Begins to load the grant, too.
  const Held* approach(std::uint64_t hash, Place& place) const;
  // The grants of the pair; costs as much with one grant of the beneficiary as with many.
  Grants of(const Pair& pair, const Held* held) const;

 private:
  // The grants of the pair in its beneficiary's list.
  Grants listed(const Pair& pair) const;

  CowMap<std::string, std::vector<const Grant*>> lists_;  // by beneficiary; none is empty
  CowMap<std::uint64_t, Held> pairs_;                     // by hash
};

// The pair of a grant, as the State knows its two ends.
Pair pair_of(const State& state, const Grant& grant);

// The live grants of a beneficiary, oldest first; of one entitlement, or all. They live as long as
// the State, until it changes.
std::vector<const Grant*> grants_of(const State& state, std::string_view beneficiary);
std::vector<const Grant*> grants_of(const State& state, std::string_view beneficiary,
                                    std::string_view entitlement);

}  // namespace writ::core
