// Changes: commands that need two persons. The first proposes; a second who could have proposed the
// same approves, and it runs again against the state of that moment.
#include <algorithm>

#include "core/verbs.h"

namespace writ::core {
namespace {

Actor proposer_of(const Change& change) {
  Actor actor;
  actor.identity = change.proposer;
  return actor;
}

}  // namespace

Result<Outcome> propose(const Call& call, std::string_view verb, const Json& body) {
  std::size_t pending = 0;
  const Change* equal = nullptr;
  call.state.changes.for_each([&](const std::string&, const Change& change) {
    if (change.proposer != call.actor.identity) return;
    ++pending;
    if (change.verb == verb && canonical(change.body) == canonical(body) &&
        change.until > call.now()) {
      equal = &change;
    }
  });
  const auto result_of = [](const Change& change, bool reused) {
    return Json::object({{"change", change.id},
                         {"state", "pending"},
                         {"verb", change.verb},
                         {"until", to_json(change.until)},
                         {"reused", reused}});
  };
  if (equal != nullptr) return Outcome{{}, result_of(*equal, true), {}};
  if (pending >= kMostPending) {
    return fail(Code::kExhausted,
                "you have " + std::to_string(pending) +
                    " pending changes, and no more are taken; withdraw one first");
  }
  Change change;
  do {
    change.id = new_id("chg", call.outside.random);
  } while (call.state.changes.contains(change.id));
  change.proposer = call.actor.identity;
  change.verb = verb;
  change.body = body;
  change.opened = call.now();
  change.until = call.now() + kChangePending;
  return Outcome{{ChangeProposed{change}}, result_of(change, false), {}};
}

Result<Outcome> decide_change(const Call& call, const Change& change, const Approval& approval) {
  if (!approval.approved) {
    return Outcome{{ChangeClosed{change.id, "denied", approval}},
                   Json::object({{"id", change.id}, {"state", "denied"}}),
                   {}};
  }
  // The second person is as able as the first, judged with all that is known of this call.
  CHECK_OK(allowed(call, "approve", "system", "writ"));
  CHECK_OK(may_administer(call, change.verb));
  const Handler handler = handler_of(change.verb);
  if (handler == nullptr) return fail(Code::kInternal, "a change of an unknown verb is pending");
  const Actor proposer = proposer_of(change);
  TRY(carried, handler(Call{call.state, proposer, call.outside}, change.body));
  Outcome outcome = std::move(carried.outcome);
  outcome.events.insert(outcome.events.begin(), ChangeClosed{change.id, "approved", approval});
  outcome.result = Json::object({{"id", change.id},
                                 {"state", "approved"},
                                 {"verb", change.verb},
                                 {"result", outcome.result}});
  return outcome;
}

}  // namespace writ::core
