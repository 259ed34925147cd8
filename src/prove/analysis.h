// What is said of a policy set as Writ uses it, and of a change from one to another.
#pragma once

#include <string>
#include <vector>

#include "core/invariant.h"
#include "prove/writ_policies.h"

namespace writ::prove {

// ---- Invariants ----

struct InvariantVerdict {
  std::string text;       // what should be true
  cedar::Position place;  // of the statement
  Verdict verdict;
  std::vector<std::string> reasons;    // what the policies say of the counterexample
  bool covers_nothing = false;         // known to cover no request (mark_idle)
  std::string why_not_known_to_cover;  // of one that holds: whether it covers any is not known
};

// Each invariant that stands in the files, in their order. kInvalid where one does not pass strict
// validation.
Result<std::vector<InvariantVerdict>> prove_invariants(const WritPolicies& policies,
                                                       const Means& means);
// Marks those of these verdicts that hold whatever the policies say, because their invariants cover
// no request, and those of which that is not known.
Status mark_idle(const WritPolicies& policies, const Means& means,
                 std::vector<InvariantVerdict>& verdicts);

// All that the invariants of a set may take before it takes effect.
inline constexpr std::chrono::seconds kInvariantsTime{20};

// Whether a set may take effect: all its invariants hold. A set without invariants needs no solver.
// kConflict names the first that is broken with what breaks it; kExhausted one that is not known;
// kUnavailable when there is no solver. Solvers are looked for in `path`, as in $PATH.
Status check_invariants(const std::vector<core::PolicyFile>& files, const std::string& path,
                        std::chrono::milliseconds time);

// ---- Policies that do not do what they seem to ----

struct Remark {
  enum class Kind : std::uint8_t {
    kNeverApplies,
    kRedundant,  // without it Writ does the same
    kCanFail,    // and then, as a forbid, denies
  };
  Kind kind = Kind::kNeverApplies;
  std::string policy;  // its id
  cedar::Position place;
  std::optional<Counterexample> counterexample;  // of kCanFail
  // Of kRedundant, each alone makes it so: policies that do all that it does, an offer on terms
  // that are no harder; and of a permit, forbids of all that it lets.
  std::vector<std::string> covered_by;
  std::vector<std::string> forbidden_by;
};
struct Remarks {
  std::vector<Remark> list;
  std::vector<std::string> unknown;  // what could not be found out, and why
};
Result<Remarks> remarks(const WritPolicies& policies, const Means& means);

// ---- Changes ----

struct Difference {
  bool more = false;               // it can happen after the change, and not before; else reversed
  cedar::EntityUid action;         // in whose requests
  std::vector<std::string> also;   // other actions for the same cause
  std::vector<std::string> cause;  // the ids of changed policies that make it
  Counterexample counterexample;
  std::vector<std::string> before;  // what each set says of it
  std::vector<std::string> after;
};
struct Diff {
  std::vector<Difference> differences;
  std::vector<std::string> notes;    // changes that no decision shows
  std::vector<std::string> unknown;  // environments for which it is not known
  bool same() const { return differences.empty() && notes.empty() && unknown.empty(); }
};
// Both under one schema.
Result<Diff> diff(const WritPolicies& before, const WritPolicies& after, const Means& means);

Json to_json(const InvariantVerdict& verdict);
Json to_json(const Remark& remark);
Json to_json(const Difference& difference);
// {"same", "differences", "notes", "unknown"}; `same` is null where it is not known.
Json to_json(const Diff& diff);

}  // namespace writ::prove
