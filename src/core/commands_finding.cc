// remedy: what one command can do about a finding, and first what it would break.
#include "core/call.h"
#include "core/dormant.h"
#include "core/grants.h"
#include "core/verbs.h"

namespace writ::core {
namespace {

struct Remedy {
  std::string finding;
  std::optional<bool> confirm;
};
template <class V>
void fields(V& v, Remedy& r) {
  v("finding", r.finding);
  v("confirm", r.confirm);
}

std::string breaks(const State& state, const Finding& finding) {
  if (const std::string id = watched_by(finding); !id.empty()) {
    if (state.devices.contains(id)) return "nobody logs in from this device any more";
    const std::size_t grants = grants_of(state, id).size();
    return std::to_string(grants) +
           (grants == 1 ? " live grant of it ends" : " live grants of it end");
  }
  std::string text;
  std::size_t things = 0;
  if (const auto* holdings = state.holdings.find(finding.target)) {
    for (const Holding& holding : *holdings) things += holding.login == finding.login ? 1 : 0;
  }
  if (finding.last_use) {
    text = finding.login + " was last seen in use at " + to_text(*finding.last_use);
  } else {
    text = finding.target + " does not tell when " + finding.login + " was last used";
  }
  text += "; what logs in with it loses access";
  if (things > 0)
    text += " (" + std::to_string(things) + (things == 1 ? " privilege)" : " privileges)");
  return text + " until it connects through a door instead";
}

// An identity is quarantined, a device ended.
std::vector<EventData> retire(const Call& call, const std::string& id) {
  std::vector<EventData> events;
  if (call.state.devices.contains(id)) {
    end_device(call, id, std::nullopt, events);
  } else if (call.state.identities.contains(id)) {
    events.push_back(IdentityStateChanged{id, IdentityState::kQuarantined, std::nullopt});
    revoke_all(call, id, EndReason::kSignal, events);
  }
  return events;
}

}  // namespace

Result<Carried> remedy(const Call& call, const Json& json) {
  TRY(body, from_json<Remedy>(json));
  const Finding* finding = call.state.findings.find(body.finding);
  CHECK_OK(finding == nullptr ? may_administer(call, "remedy")
                              : allowed(call, "remedy", "finding", finding->id));
  if (finding == nullptr) {
    return fail(Code::kNotFound, "there is no open finding of this id", "/finding");
  }
  const auto for_a_person = [&] {
    return fail(Code::kConflict, "no command can remedy this; a person has to: " + finding->detail);
  };
  if (finding->remedy.empty()) return for_a_person();
  Step step;
  step.login = finding->login;
  const std::string subject = watched_by(*finding);
  if (finding->kind == "standing_password" || (finding->kind == kDormant && subject.empty())) {
    step.kind = StepKind::kDisableSecret;
  } else if (finding->kind == "orphan") {
    step.kind = StepKind::kRetire;
  } else if (subject.empty()) {
    return for_a_person();
  }
  Outcome outcome;
  outcome.result =
      Json::object({{"finding", finding->id},
                    {"about", finding->about},
                    {"target", finding->target},
                    {"login", finding->login},
                    {"would", finding->remedy},
                    {"breaks", breaks(call.state, *finding)},
                    {"last_use", finding->last_use ? to_json(*finding->last_use) : Json()},
                    {"done", body.confirm.value_or(false)}});
  if (body.confirm.value_or(false)) {
    if (subject.empty()) {
      outcome.events.push_back(StepPlanned{finding->target, "", step});
    } else {
      outcome.events = retire(call, subject);
    }
  }
  return Carried{std::move(outcome), Persons::kOne};
}

}  // namespace writ::core
