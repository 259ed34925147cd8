#include "core/scenario.h"

#include <algorithm>
#include <utility>

#include "base/json_pointer.h"
#include "cedar/extension.h"
#include "core/decide.h"
#include "core/entities.h"
#include "core/reader.h"
#include "core/scenario_world.h"

namespace writ::core {
namespace {

// A thing as AuthZEN writes it: {"type", "id" or "name", "properties"}.
struct Thing {
  std::string type, id;
  std::optional<Json> properties;
};
Result<Thing> thing_of(const Json& json, std::string_view id_member, const std::string& at) {
  Thing thing;
  const JsonObject* object = json.as_object();
  if (object == nullptr) return fail(Code::kInvalid, "an object is wanted here", at);
  for (const auto& [name, value] : *object) {
    const std::string* text = value.as_string();
    if (name == "properties" && value.as_object() != nullptr) {
      thing.properties = value;
    } else if (name == "type" && id_member == "id" && text != nullptr) {
      thing.type = *text;
    } else if (name == id_member && text != nullptr) {
      thing.id = *text;
    } else {
      return fail(Code::kInvalid, "this member has no place here, or another type",
                  at + step_to_member(name));
    }
  }
  return thing;
}

Result<Question> question_of(const Scenario& s, const std::string& at) {
  Question question;
  Json asserted = Json::object();
  const auto properties = [&](std::string_view of, const std::optional<Json>& values) {
    if (values) asserted.set(of, *values);
  };
  if (s.identity.has_value() == s.subject.has_value()) {
    return fail(Code::kInvalid, "who asks is either an \"identity\" or a \"subject\"", at);
  }
  if (s.identity) {
    question.subject = *s.identity;
  } else {
    TRY(subject, thing_of(*s.subject, "id", at + "/subject"));
    question.subject = subject.id;
    question.subject_type = subject.type;
    properties("subject", subject.properties);
  }
  if (s.action.as_string() != nullptr) {
    question.action = *s.action.as_string();
  } else {
    TRY(action, thing_of(s.action, "name", at + "/action"));
    question.action = action.id;
    properties("action", action.properties);
  }
  if (s.resource.as_string() != nullptr) {
    question.resource = *s.resource.as_string();
    question.resource_type = "entitlement";
  } else {
    TRY(resource, thing_of(s.resource, "id", at + "/resource"));
    question.resource = resource.id;
    question.resource_type = resource.type;
    properties("resource", resource.properties);
  }
  properties("context", s.context);
  if (!asserted.as_object()->empty()) question.asserted = std::move(asserted);
  question.door = s.door.value_or("");
  question.source_ip = s.from.value_or("");
  question.approvals = s.approvals.value_or(0);
  if ((s.requester || s.beneficiary) && question.action != "approve") {
    return fail(Code::kInvalid, "an approval alone has a requester and a beneficiary", at);
  }
  question.requester = s.requester.value_or("");
  question.beneficiary = s.beneficiary.value_or("");
  TRY(duration, duration_at(s.duration, at + "/for"));
  question.duration = duration;
  return question;
}

// That the file has what the scenario names: else a denial would be expected of nothing at all.
Status check_names(const Scenario& s, const Question& question, const State& state,
                   const std::string& at) {
  const auto quoted = [](std::string_view text) {
    return "\"" + std::string(text.substr(0, 100)) + "\"";
  };
  for (const auto& [name, member] : {std::pair(&s.identity, "/identity"),
                                     {&s.door, "/door"},
                                     {&s.requester, "/requester"},
                                     {&s.beneficiary, "/beneficiary"}}) {
    if (*name && !state.identities.contains(**name)) {
      return fail(Code::kInvalid, "no identity " + quoted(**name) + " stands under \"identities\"",
                  at + member);
    }
  }
  if (s.from && !cedar::parse_ip(*s.from)) {
    return fail(Code::kInvalid, quoted(*s.from) + " is no IP address", at + "/from");
  }
  if (question.approvals < 0) {
    return fail(Code::kInvalid, "a count of approvals is not negative", at + "/approvals");
  }
  const bool entitlement = question.resource_type == "entitlement";
  if (entitlement && state.entities->entitlement(question.resource) == nullptr) {
    return fail(Code::kInvalid,
                "no entitlement " + quoted(question.resource) + " stands under \"entitlements\"",
                at + "/resource");
  }
  if (!entitlement && !resource_uid(state, question.resource_type, question.resource)) {
    if (s.door) return {};  // of an application, whose types decide knows
    return fail(Code::kInvalid,
                "Writ has no resource of the type " + quoted(question.resource_type),
                at + "/resource/type");
  }
  if (action_named(question.action) == nullptr) {
    return fail(Code::kInvalid, "Writ has no action " + quoted(question.action), at + "/action");
  }
  return {};
}

// Why no offer gives what a request asks for as long as it asks; empty where one does. As the
// command would say it: policies alone do not compare the duration with an offer's terms.
std::string why_too_long(const State& state, const Question& question, Time now) {
  if (question.action != "request" || !question.duration) return {};
  Millis most{0};
  for (const Offer& offer : offers_for(state, question.subject, question.resource, now)) {
    most = std::max(most, offer.terms.max_ttl);
  }
  if (*question.duration <= most) return {};
  return too_long(*question.duration, most);
}

std::string listed(std::vector<std::string> items) {
  std::sort(items.begin(), items.end());
  std::string text;
  for (const std::string& item : items) text += (text.empty() ? "" : ", ") + item;
  return text.empty() ? "none" : text;
}

// What differs; empty where nothing does.
std::string compare(const Scenario& s, const State& state, const Question& question, Time now) {
  Decision decision = decide(state, question, now);
  if (decision.allow) {
    decision.message = why_too_long(state, question, now);
    decision.allow = decision.message.empty();
  }
  std::string difference;
  const auto differs = [&](std::string_view what, const std::string& is,
                           const std::string& expected) {
    if (is == expected) return;
    difference += (difference.empty() ? "" : "; ") + std::string(what) + " " + expected +
                  " expected, and it is " + is;
  };
  differs("the answer", decision.allow ? "allow" : "deny", std::string(name_of(s.expect)));
  if (!difference.empty() && !decision.message.empty()) difference += " (" + decision.message + ")";
  if (s.policies) {
    differs("the policies", listed({decision.policies.begin(), decision.policies.end()}),
            listed(*s.policies));
  }
  if (s.needs) differs("the needs", listed(decision.needs), listed(*s.needs));
  if (s.terms) {
    std::vector<std::string> terms;
    for (const Offer& offer : offers_for(state, question.subject, question.resource, now)) {
      terms.push_back(describe(offer.terms));
    }
    differs("the terms", listed(std::move(terms)), listed(*s.terms));
  }
  return difference;
}

}  // namespace

Result<std::vector<ScenarioResult>> run_scenarios(const PolicyFile& file,
                                                  const std::shared_ptr<const Policies>& policies) {
  const auto placed = [&](Error error) {
    error.where = place_in_json(file.name, error.where);
    error.code = Code::kInvalid;
    return tl::unexpected<Error>(std::move(error));
  };
  TRY(json, parse_json(file.text, {.bytes = kMostPolicyFileBytes, .items = 1'000'000}, file.name));
  auto read = from_json<ScenarioFile>(json);
  if (!read) return placed(read.error());
  if (read->scenarios.size() > kMostScenarios) {
    return placed({Code::kInvalid,
                   "a file has at most " + std::to_string(kMostScenarios) + " scenarios",
                   "/scenarios"});
  }
  const auto state = world_of(*read, policies);
  if (!state) return placed(state.error());
  std::vector<ScenarioResult> results;
  for (std::size_t i = 0; i < read->scenarios.size(); ++i) {
    const Scenario& scenario = read->scenarios[i];
    const std::string at = "/scenarios/" + std::to_string(i);
    const auto question = question_of(scenario, at);
    if (!question) return placed(question.error());
    if (const Status known = check_names(scenario, *question, *state, at); !known) {
      return placed(known.error());
    }
    const Time when = scenario.at.value_or(now_of(*read));
    if (when < state->time) {
      return placed({Code::kInvalid, "this is before what the file says happened", at + "/at"});
    }
    results.push_back(
        {scenario.name, place_in_json(file.name, at), compare(scenario, *state, *question, when)});
  }
  return results;
}

}  // namespace writ::core
