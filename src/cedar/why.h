// Why a policy holds for a request, or does not: which of its parts decided, what each read, and
// where it first failed. For people; it walks the policy's trees, so it costs far more than a
// decision.
// Invariant: the outcome is that of the authorizer; what a part read is what evaluation reads of
// it, in that order and no more.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cedar/authorize.h"
#include "cedar/policy.h"

namespace writ::cedar {

// An attribute, a tag, a member of the context, or whether something is there or in something.
struct Fact {
  std::string text;             // as Cedar prints it: `context.now`, `principal in Group::"staff"`
  std::optional<Value> value;   // empty: there is none
  std::optional<EntityUid> of;  // whose attribute, tag or place it is; empty for the context
  std::string attribute;        // of that entity; empty for tags and places
};

enum class Truth : std::uint8_t { kFalse, kTrue, kError };

// One part of the scope that is not open, or one condition.
struct Part {
  bool holds = false;     // of `unless`: that its expression does not
  Position position;      // file:line:column
  std::string text;       // as written
  std::vector<Fact> saw;  // each once, at most kMostFacts
};
inline constexpr std::size_t kMostFacts = 100;

// The innermost expression because of which the policy does not hold.
struct Failure {
  Truth is = Truth::kFalse;  // kTrue: it holds, and must not (below `unless` or `!`)
  Position position;
  std::string text;     // as written
  std::string message;  // of kError
};

struct Why {
  Truth outcome = Truth::kTrue;  // kFalse: it does not apply
  bool covers_action = true;
  int scope = 0;            // parts of the scope, of three, that cover the request
  int conditions = 0;       // operands of the `&&` of all conditions
  int held = 0;             // of these, each asked alone
  std::vector<Part> parts;  // up to the first that fails
  std::optional<Failure> failure;
};

Why why(const Policy& policy, const Request& request, const EntityReader& entities);

// Whether `a` came nearer to holding than `b`: its scope covers the action where the other's does
// not; else it covers more of principal and resource; else fewer of its conditions do not hold;
// else more of them do.
bool is_nearer(const Why& a, const Why& b);

}  // namespace writ::cedar
