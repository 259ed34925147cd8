// From a solver's model to a request and entities that people and the ordinary evaluator can read.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "cedar/authorize.h"
#include "prove/world.h"

namespace writ::prove {

// The entities are all that matter, and valid under the schema; the actions of the schema among
// them.
struct Counterexample {
  cedar::Request request;
  std::map<cedar::EntityUid, cedar::Entity> entities;
  std::map<std::string, std::int64_t> unknowns;  // numbers beside the request, by name
  // Which members of the context and attributes of entities the proof speaks of. Any other is there
  // only because the schema wants it.
  std::set<std::string, std::less<>> context_read;
  std::map<cedar::EntityUid, std::set<std::string, std::less<>>> attributes_read;
};

class CounterexampleEntities final : public cedar::EntityReader {
 public:
  explicit CounterexampleEntities(const Counterexample& of) : of_(of) {}
  const cedar::Entity* find(const cedar::EntityUid& uid) const override {
    const auto at = of_.entities.find(uid);
    return at == of_.entities.end() ? nullptr : &at->second;
  }

 private:
  const Counterexample& of_;
};

// What to ask a solver about a claim, so that decode() can answer.
std::vector<TermId> questions(World& world, TermId claim);
// `values` is what the solver wrote, for these questions.
Result<Counterexample> decode(World& world, const std::vector<TermId>& questions,
                              const std::string& values);

// {"request": …, "entities": […]}, in Cedar's JSON forms; without the actions.
Json to_json(const Counterexample& counterexample);
// For people, some lines: what the proof speaks of.
std::string describe(const Counterexample& counterexample);

}  // namespace writ::prove
