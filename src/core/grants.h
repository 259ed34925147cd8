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

class GrantIndex {
 public:
  using Grants = boost::container::small_vector<const Grant*, 4>;

  void put(const Grant& grant, const Pair& pair);
  void drop(const Grant& grant, const Pair& pair);

  // Oldest first. Null when the beneficiary has none.
  const std::vector<const Grant*>* of(std::string_view beneficiary) const {
    return lists_.find(beneficiary);
  }
  // The same, of one entitlement; costs as much with one grant of the beneficiary as with many.
  Grants of(const Pair& pair) const;

  std::size_t size() const { return lists_.size(); }  // beneficiaries

  // Begin to load what `of` a pair reads: first where the grant is, then the grant.
  void prefetch(std::uint64_t hash) const { pairs_.prefetch(cow_hash(hash)); }
  void prefetch_grant(std::uint64_t hash) const;

 private:
  struct Held {
    const Grant* grant = nullptr;  // the only one; null when there are several: the list tells
    std::uint32_t subject_number = 0;
    std::uint32_t entitlement_number = 0;
    std::uint32_t count = 0;  // of grants under this hash
  };
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
