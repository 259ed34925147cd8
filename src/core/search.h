// search: for which subjects, resources or actions a question would be answered with an allow. Each
// candidate is decided like a question of its own, on the same state and time; which candidates
// these are, policies tell by partial evaluation (narrow.h) where they can, else all are tried.
//
// Candidates are what Writ knows: of its own types what is in the state; of an application's types
// and actions the entities that the policy files speak of. "connect" of one identity walks its
// live grants alone. What depends on facts that only a real question has (the certificate that was
// shown, its address) is asked without them, unless the question has them: a condition on them does
// not hold, so that a search finds rather too little.
//
// A search by a door about entitlements finds only what the door stands before.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/decide.h"
#include "core/narrow.h"

namespace writ::core {

enum class Sought { kSubjects, kResources, kActions };
constexpr auto enum_names(Sought) {
  return std::to_array<std::string_view>({"subjects", "resources", "actions"});
}

struct Search {
  Sought sought = Sought::kSubjects;
  // The member that is sought (subject, resource, action) is ignored; its type counts.
  Question question;
};

struct SearchPage {
  std::vector<std::string> found;  // ids; of actions their names
  std::string last;                // candidate that was looked at
  bool more = false;               // there may be more behind it
  std::size_t steps = 0;           // candidates looked at
};

// Where policies name what can be found, only that is tried. Answers are the same without.
struct Narrowed {
  Candidates names;                                  // identities or entitlements
  std::optional<std::vector<std::uint32_t>> places;  // in Policies::known
};
Narrowed narrowed(const State& state, const Search& search, Time now);

// kInvalid, with the JSON pointer, for what the door asserts and may not, whichever candidate it is
// asserted of: a decision about any would deny for that, so a search would find nothing.
Status check_asserted(const State& state, const Search& search);

// From behind the candidate `after` (empty: from the start), at most `results` of at most `steps`
// candidates. The order is the same as long as candidates stay; `now` as in decide.
SearchPage search(const State& state, const Search& search, const Narrowed& narrowed,
                  const std::optional<std::string>& after, std::size_t results, std::size_t steps,
                  Time now);

}  // namespace writ::core
