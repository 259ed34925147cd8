// Narrow: who, or what, a question can be allowed for at all. Policies are evaluated in part, with
// that side of the question unknown; what is left of them names groups, owners, resources, and
// these are looked up. Each candidate is still to be decided. Invariant: whoever and whatever
// decide would allow is among the candidates.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cedar/search.h"
#include "core/decide.h"
#include "core/reader.h"

namespace writ::core {

// Sorted as CowMap::for_each_after walks, each once. Empty optional: it may be any.
using Candidates = std::optional<std::vector<std::string>>;

std::vector<std::string> sorted_names(std::vector<std::string> names);  // as Candidates are
// Adds the entitlements that lookups find. False when an index cannot tell.
bool add_entitlements(const State& state, const std::vector<cedar::Lookup>& lookups,
                      std::vector<std::string>& names);

// Identities that may do it to the question's resource, one of Writ's own.
Candidates subjects_for(const State& state, const Question& question, Time now);
// Entitlements that the question's subject may connect to or request.
Candidates entitlements_for(const State& state, const Question& question, Time now);
// Places in Policies::known of the things that an application's question may be allowed for.
std::optional<std::vector<std::uint32_t>> known_for(const State& state, const Question& question,
                                                    Time now);

}  // namespace writ::core
