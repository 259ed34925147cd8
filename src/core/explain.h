// explain: why a decision was what it was. Which policies decided, what each of their parts saw,
// the permit that came nearest, and when the decision changes by itself.
//
// Nearest is the permit for the action whose scope covers most of principal and resource, of these
// the one with the fewest conditions that do not hold, then with the most that do, then the first
// (cedar::is_nearer).
//
// A reader who may read its own alone learns no value of what is not: of others' attributes and
// places it reads "(not shown to you)", and of a thing that it may not know to exist nothing beyond
// the decision's own words. What was erased reads "(erased)".
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/next_change.h"

namespace writ::core {

enum class Sees { kOwn, kAll };
struct Reader {
  std::string identity;
  Sees sees = Sees::kOwn;
};

struct ExplainedPart {
  std::string position;  // file:line:column
  std::string text;      // as written
  bool holds = false;
  struct Saw {
    std::string what;   // as Cedar writes it: `context.auth.mfa_age`
    std::string value;  // likewise; "(none)", "(erased)", "(not shown to you)"
  };
  std::vector<Saw> saw;
};

struct ExplainedPolicy {
  std::string id;
  bool forbids = false;
  std::string position;
  std::string grant;                 // the live grant that it gave; or empty
  std::vector<ExplainedPart> parts;  // up to the first that does not hold
  // Because of which expression it does not apply; empty when it does.
  struct Failed {
    std::string position;
    std::string text;
    std::string because;  // "is false", "holds", or what went wrong
  };
  std::optional<Failed> failed;
};

struct Explanation {
  Decision decision;
  std::vector<std::string> lines;        // all of it for people
  std::vector<ExplainedPolicy> decided;  // permits or forbids that decided
  std::optional<ExplainedPolicy> nearest;
  NextChange change;
};

// `now` as in decide: of a past decision its time, on the state that it was made of.
Explanation explain(const State& state, const Question& question, const Reader& reader, Time now);

// "changes by itself at …: denied from then on"; empty when nothing is known.
std::string describe(const NextChange& change);

}  // namespace writ::core
