// GrantIndex: the live grants of each beneficiary, of each pair of beneficiary and entitlement, and
// by when they end.
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

// Under this stands what a beneficiary holds of an entitlement; of cow_hash of their names.
inline std::uint64_t pair_hash(std::uint64_t beneficiary_hash, std::uint64_t entitlement_hash) {
  return cow_hash(beneficiary_hash + (entitlement_hash << 1 | entitlement_hash >> 63));
}

// Until when a grant gives something; Time::min() when it is not active.
inline Time live_until(const Grant& grant) {
  return grant.state == GrantState::kActive && grant.until ? *grant.until : Time::min();
}
// The order in which a connect tries them: the longest first.
inline bool lasts_longer(const Grant& a, const Grant& b) {
  const Time until_a = live_until(a), until_b = live_until(b);
  return until_a != until_b ? until_a > until_b : a.id < b.id;
}

// What State alone knows of a grant that begins to stand in it, and the texts that it has in common
// with others. False: its beneficiary or entitlement is unknown.
bool take_in(Grant& grant, const State& state);

class GrantIndex {
 public:
  using Grants = boost::container::small_vector<const Grant*, 4>;

  GrantIndex() = default;
  // Of all of them, quicker than one after the other.
  explicit GrantIndex(const CowMap<std::string, Grant>& grants);

  void put(const Grant& grant);
  void drop(const Grant& grant);

  // Oldest first. Null when the beneficiary has none.
  const std::vector<const Grant*>* of(std::string_view beneficiary) const {
    return lists_.find(beneficiary);
  }
  std::size_t size() const { return lists_.size(); }  // beneficiaries

  // What is held under the hash of a pair, in as little memory as an address takes: so few lines of
  // the cache hold the many that there are.
  class Held {
   public:
    Held() = default;
    Held(const Grant* best, std::uint64_t count)
        : bits_(reinterpret_cast<std::uint64_t>(best) | count << kAddress) {}
    // That lasts longest; null when two pairs have this hash, or had it not long ago.
    const Grant* best() const {
      return reinterpret_cast<const Grant*>(bits_ & ((std::uint64_t{1} << kAddress) - 1));
    }
    // Of grants under this hash; kMany stands for as many and more.
    std::uint64_t count() const { return bits_ >> kAddress; }
    static constexpr std::uint64_t kMany = 0xffff;

   private:
    static constexpr unsigned kAddress = 48;  // bits that an address of a process has
    std::uint64_t bits_ = 0;
  };
  // Looking it up in steps lets its loads overlap with others', as in CowMap; load_entry begins to
  // load the best grant.
  using Place = CowMap<std::uint64_t, Held>::Place;
  Place begin(std::uint64_t hash) const { return pairs_.begin(cow_hash(hash)); }
  void load_tags(Place& place) const { pairs_.load_tags(place); }
  void load_shard(Place& place) const { pairs_.load_shard(place); }
  void load_slot(Place& place) const { pairs_.load_slot(place); }
  const Held* load_entry(std::uint64_t hash, const Place& place) const;
  // All grants of a pair, oldest first. Costs what the beneficiary has.
  Grants of(std::string_view beneficiary, std::string_view entitlement) const;

  // The first end_of of those that are not revoking. Costs as Ends does.
  std::optional<Time> next_end() const { return ends_.next(); }
  // f(grant, end) for each of them at or before `now`, in no order.
  template <class Visit>
  void for_each_due(Time now, Visit f) const {
    ends_.for_each_due(now, [&](std::uint64_t address, Time end) {
      f(*reinterpret_cast<const Grant*>(address), end);
    });
  }

 private:
  // All but the list. `pair` is the hash of its pair.
  void enter(const Grant& grant, std::uint64_t pair);
  static std::uint64_t address_of(const Grant& grant) {
    return reinterpret_cast<std::uint64_t>(&grant);
  }
  CowMap<std::string, std::vector<const Grant*>> lists_;  // by beneficiary; none is empty
  CowMap<std::uint64_t, Held> pairs_;                     // by hash
  EndsOf<std::uint64_t> ends_;                            // by address; none is revoking
};

// The live grants of a beneficiary, oldest first; of one entitlement, or all. They live as long as
// the State, until it changes.
std::vector<const Grant*> grants_of(const State& state, std::string_view beneficiary);
std::vector<const Grant*> grants_of(const State& state, std::string_view beneficiary,
                                    std::string_view entitlement);

}  // namespace writ::core
