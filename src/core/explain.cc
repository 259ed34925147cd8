// explain: what decided, and what nearly did, in lines for people.
#include <algorithm>

#include "core/asking.h"
#include "core/grants.h"

namespace writ::core {
namespace {

// One policy on one question.
std::string line_of(const Slice& slice, std::size_t index, const cedar::Request& request,
                    const StateReader& reader) {
  using Outcome = cedar::Explanation::Outcome;
  const cedar::Explanation why = cedar::explain(slice.policies, index, request, reader);
  const bool forbids = slice.policies.effect(index) == cedar::Effect::kForbid;
  const std::string name = std::string(forbids ? "forbid" : "permit") + " \"" +
                           slice.policies.id(index) + "\" (" +
                           slice.policies.policy(index).position().text() + "): ";
  switch (why.outcome) {
    case Outcome::kSatisfied:
      return name + (forbids ? "forbids this" : "permits this");
    case Outcome::kPrincipal:
      return name + "does not apply: it is for other principals";
    case Outcome::kAction:
      return {};
    case Outcome::kResource:
      return name + "does not apply: it is for other resources";
    case Outcome::kCondition:
      return name + "does not apply: not satisfied at " + why.position.text() + ": " + why.text;
    case Outcome::kError:
      return name + "could not be evaluated at " + why.position.text() + ": " + why.message;
  }
  return {};
}

void add_lines(const State& state, const Slice& slice, const cedar::EntityUid& principal,
               const cedar::EntityUid& action, const cedar::EntityUid& resource, const Facts& facts,
               const StateReader& reader, std::vector<std::string>& lines) {
  const cedar::Request request{principal, action, resource, context_of(state, facts)};
  for (std::size_t i = 0; i < slice.policies.size(); ++i) {
    std::string line = line_of(slice, i, request, reader);
    if (!line.empty()) lines.push_back(std::move(line));
  }
}

std::string line_of(const State& state, const Grant& grant, Time now) {
  std::string line = "grant " + grant.id + ": ";
  if (grant.state == GrantState::kActivating) return line + "its account is being set up";
  if (grant.state == GrantState::kRevoking) {
    return line + "is being taken back (" + std::string(name_of(grant.ending->reason)) + ")";
  }
  if (!grant.until || now >= *grant.until) return line + "is over";
  line += "live until " + to_text(*grant.until) + ", given by the policy \"" + grant.policy + "\"";
  return still_offered(state, grant, now) ? line : line + ", which gives it no more";
}

}  // namespace

Explanation explain(const State& state, const Question& question, Time now) {
  Explanation out;
  out.decision = decide(state, question, now);
  if (state.policies == nullptr || state.entities == nullptr) return out;
  std::vector<std::string>& lines = out.lines;
  lines.push_back(std::string(out.decision.allow ? "allowed" : "denied") +
                  (out.decision.message.empty() ? "" : ": " + out.decision.message));
  const Subject* subject = state.entities->subject(question.subject);
  const Action* action = action_named(question.action);
  const auto resource = resource_uid(state, question.resource_type, question.resource);
  if (subject == nullptr || action == nullptr || !resource || now < state.time) return out;

  const StateReader reader(state, now);
  const cedar::Entity& principal = reader.of(*subject);
  std::string groups;
  for (const cedar::EntityUid& group : principal.ancestors) {
    if (is_own_group(group.id())) continue;
    groups += (groups.empty() ? "" : ", ") + std::string(group.id());
  }
  lines.push_back("principal: " + principal.uid.print() + (groups.empty() ? "" : " in " + groups));
  lines.push_back("resource: " + resource->print());
  Facts facts;
  facts.now = now;
  facts.factor_of = question.actors.empty() ? question.subject : question.actors.front();
  if (const Certificate* c = state.certificates.find(question.credential)) {
    facts.device = c->device;
    facts.credential = c->serial;
  }
  facts.source_ip = question.source_ip;
  facts.actors = &question.actors;
  facts.approvals = question.approvals;
  facts.duration = question.duration;

  const Policies& policies = *state.policies;
  const auto add = [&](const Slice& slice) {
    add_lines(state, slice, principal.uid, action->entity.uid, *resource, facts, reader, lines);
  };
  if (action->name == "connect") {
    for (const Grant* grant : grants_of(state, question.subject, question.resource)) {
      lines.push_back(line_of(state, *grant, now));
      if (grant->id != out.decision.grant && !out.decision.grant.empty()) continue;
      facts.grant = grant;
      facts.approvals.reset();  // its own count
      facts.duration.reset();
    }
    add(policies.guardrails);
    if (!out.decision.allow) add(policies.baselines);
  } else {
    add(action->name == "request" ? policies.requests : policies.others);
  }
  if (!out.decision.allow && (action->name == "connect" || action->name == "request")) {
    for (const Offer& offer : offers_for(state, question.subject, question.resource, now)) {
      lines.push_back("offer \"" + offer.policy + "\" may be taken up: " + describe(offer.terms));
    }
  }
  return out;
}

}  // namespace writ::core
