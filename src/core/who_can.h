// Who can do something to a thing, and what an identity can do: for each how, so that a person sees
// where access comes from.
//
//   grant           a live grant that would let a connect through
//   baseline        a permit of connecting without asking
//   offer           may be asked for, on these terms
//   approval        may decide on requests of it, under an offer on these terms
//   administration  a permit of an action other than these
//
// Candidates come from narrow.h, and each is decided as usual. What a guardrail, or a baseline
// permit itself, reads of a connection (its address, certificate, second factor) is not known: such
// a way is shown with what it depends on.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/decide.h"
#include "core/narrow.h"

namespace writ::core {

enum class How { kGrant, kBaseline, kOffer, kApproval, kAdministration };
constexpr auto enum_names(How) {
  return std::to_array<std::string_view>(
      {"grant", "baseline", "offer", "approval", "administration"});
}

struct Way {
  How how = How::kAdministration;
  std::string policy;          // that permits it; empty when a fresh code is wanted first
  std::string grant;           // of kGrant
  std::optional<Time> until;   // of kGrant
  std::optional<Terms> terms;  // of kOffer
  // Ids of guardrails; of a baseline permit also what it reads of the connection, as in
  // "context.source_ip"; or "mfa": a fresh one-time code.
  std::vector<std::string> depends;
};

// How an identity can do this; none: it cannot. Of the question subject, action and resource count.
std::vector<Way> ways(const State& state, const Question& question, Time now);

struct Can {
  std::string subject;
  std::string action;
  std::string resource_type;
  std::string resource;
  std::vector<Way> ways;
};
struct CanPage {
  std::vector<Can> found;
  std::string last;       // where the next page goes on from
  bool more = false;      // there may be more behind it
  std::size_t steps = 0;  // candidates looked at
};
struct CanBounds {
  std::optional<std::string> after;  // empty: from the start
  std::size_t results = 100;         // at least 1, like steps
  std::size_t steps = 20'000;
  // Asked behind each candidate: true ends the page there.
  std::function<bool()> is_late = [] { return false; };
};

// Who can do the question's action to its resource. `after` is an identity.
CanPage who_can(const State& state, const Question& question, const CanBounds& bounds, Time now);
// What the identity can administer, which entitlements it can use, and of which it can approve
// requests. `after` is an entitlement as found; administration comes with the first page.
CanPage what_can(const State& state, std::string_view identity, const CanBounds& bounds, Time now);

}  // namespace writ::core
