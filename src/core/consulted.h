// Consulted: which policies a question is put to, and with what they are asked. What decide.cc does
// in passing, written out, to explain a decision and to tell when it changes. Internal to the room.
#pragma once

#include <optional>
#include <vector>

#include "core/decide.h"
#include "core/reader.h"

namespace writ::core {

struct Consulted {
  enum class Role {
    kGiver,       // what gave a live grant, with what was recorded then
    kGuardrails,  // forbids of a connect
    kBaseline,    // permits of a connect that needs no asking
    kOffer,       // one offer, as if its terms were met
    kPolicies,    // permits and forbids together
  };
  Role role = Role::kPolicies;
  const Slice* slice = nullptr;
  cedar::Request request;
  const Grant* grant = nullptr;  // of kGiver, and of guardrails that are asked about it
  // Of a request whose context has an mfa_age that grows: when it was nothing.
  std::optional<Time> factor_shown;
};

// Who and what a question names, as policies know it.
struct Parties {
  const cedar::Entity* principal = nullptr;  // null: there is none
  std::optional<cedar::EntityUid> resource;
};
// The reader takes what a door asserts. `question` must outlive both.
Parties parties(const State& state, const Question& question, const StateReader& reader);

enum class Also {
  kNothing,
  kWhatMightGive,  // of a connect without a grant: baselines and offers too
};
// Empty when no policy is asked. For a connect each of its grants, or `grant` alone, if that is not
// empty. All must outlive the answer.
std::vector<Consulted> consulted(const State& state, const Question& question, Time now,
                                 const StateReader& reader, std::string_view grant, Also also);

}  // namespace writ::core
