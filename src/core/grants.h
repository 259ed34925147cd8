// GrantIndex: the live grants of each beneficiary, where a decision finds them in one step.
//
// Invariant: holds exactly the grants of State, each list by (created, id); a list that became
// empty leaves.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "core/state.h"

namespace writ::core {

struct Held {
  CowMap<std::string, Grant>::Handle grant;
  std::uint32_t entitlement = 0;  // its number in EntityIndex
};

class GrantIndex {
 public:
  // Adds the grant, or takes its newer version.
  void put(CowMap<std::string, Grant>::Handle grant, std::uint32_t entitlement);
  void drop(const Grant& grant);
  // Null when the beneficiary has none.
  const std::vector<Held>* of(std::string_view beneficiary) const {
    return lists_.find(beneficiary);
  }
  std::size_t size() const { return lists_.size(); }

 private:
  CowMap<std::string, std::vector<Held>> lists_;  // by beneficiary
};

// The live grants of a beneficiary, oldest first; of one entitlement, or all. They live as long as
// the State.
std::vector<const Grant*> grants_of(const State& state, std::string_view beneficiary);
std::vector<const Grant*> grants_of(const State& state, std::string_view beneficiary,
                                    std::string_view entitlement);

}  // namespace writ::core
