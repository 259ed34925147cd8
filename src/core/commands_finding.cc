// remedy: what one command can do about a finding, and first what it would break.
#include "core/call.h"
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
  if (finding->kind == "standing_password") {
    step.kind = StepKind::kDisableSecret;
  } else if (finding->kind == "orphan") {
    step.kind = StepKind::kRetire;
  } else {
    return for_a_person();
  }
  Outcome outcome;
  outcome.result =
      Json::object({{"finding", finding->id},
                    {"target", finding->target},
                    {"login", finding->login},
                    {"would", finding->remedy},
                    {"breaks", breaks(call.state, *finding)},
                    {"last_use", finding->last_use ? to_json(*finding->last_use) : Json()},
                    {"done", body.confirm.value_or(false)}});
  if (body.confirm.value_or(false)) {
    outcome.events.push_back(StepPlanned{finding->target, "", step});
  }
  return Carried{std::move(outcome), Persons::kOne};
}

}  // namespace writ::core
