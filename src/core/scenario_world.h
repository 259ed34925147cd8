// A file of scenarios as it is written (scenario.h has the form), and the world that it describes.
// Internal to the room.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/json_fields.h"
#include "core/policy.h"
#include "core/state.h"

namespace writ::core {

struct SaidIdentity {
  std::optional<IdentityKind> kind;
  std::optional<std::vector<std::string>> groups;
  std::optional<std::string> owner;
  std::optional<Tier> tier;
  std::optional<std::string> environment;
  std::optional<std::string> purpose;
  std::optional<IdentityState> state;
  std::optional<std::string> code;  // how long ago
};
template <class V>
void fields(V& v, SaidIdentity& i) {
  v("kind", i.kind);
  v("groups", i.groups);
  v("owner", i.owner);
  v("tier", i.tier);
  v("environment", i.environment);
  v("purpose", i.purpose);
  v("state", i.state);
  v("code", i.code);
}

struct SaidResource {
  std::optional<Tier> tier;
  std::optional<std::string> environment;
  std::optional<std::string> owner;
  std::optional<std::string> sensitivity;
  std::optional<std::vector<std::string>> labels;
};
template <class V>
void fields(V& v, SaidResource& r) {
  v("tier", r.tier);
  v("environment", r.environment);
  v("owner", r.owner);
  v("sensitivity", r.sensitivity);
  v("labels", r.labels);
}

struct SaidGrant {
  std::string identity;
  std::string entitlement;
  std::string policy;
  std::optional<std::string> duration;
  std::optional<std::string> since;
  std::optional<std::string> code;  // how long before it was given
  std::optional<std::vector<std::string>> approvers;
};
template <class V>
void fields(V& v, SaidGrant& g) {
  v("identity", g.identity);
  v("entitlement", g.entitlement);
  v("policy", g.policy);
  v("for", g.duration);
  v("since", g.since);
  v("code", g.code);
  v("approvers", g.approvers);
}

enum class Expected { kAllow, kDeny };
constexpr auto enum_names(Expected) {
  return std::to_array<std::string_view>({"allow", "deny"});
}

struct Scenario {
  std::string name;
  std::optional<std::string> identity;
  std::optional<Json> subject;
  Json action;
  Json resource;
  std::optional<Json> context;
  std::optional<std::string> door;
  std::optional<std::string> from;
  std::optional<std::string> duration;
  std::optional<int> approvals;
  std::optional<std::string> requester;
  std::optional<std::string> beneficiary;
  std::optional<Time> at;
  Expected expect = Expected::kDeny;
  std::optional<std::vector<std::string>> policies;
  std::optional<std::vector<std::string>> needs;
  std::optional<std::vector<std::string>> terms;
};
template <class V>
void fields(V& v, Scenario& s) {
  v("name", s.name);
  v("identity", s.identity);
  v("subject", s.subject);
  v("action", s.action);
  v("resource", s.resource);
  v("context", s.context);
  v("door", s.door);
  v("from", s.from);
  v("for", s.duration);
  v("approvals", s.approvals);
  v("requester", s.requester);
  v("beneficiary", s.beneficiary);
  v("at", s.at);
  v("expect", s.expect);
  v("policies", s.policies);
  v("needs", s.needs);
  v("terms", s.terms);
}

struct ScenarioFile {
  std::optional<Time> now;
  std::optional<std::map<std::string, SaidIdentity>> identities;
  std::optional<std::map<std::string, SaidResource>> resources;
  std::optional<std::vector<std::string>> entitlements;
  std::optional<std::vector<SaidGrant>> grants;
  std::vector<Scenario> scenarios;
};
template <class V>
void fields(V& v, ScenarioFile& f) {
  v("now", f.now);
  v("identities", f.identities);
  v("resources", f.resources);
  v("entitlements", f.entitlements);
  v("grants", f.grants);
  v("scenarios", f.scenarios);
}

// A duration as people write it; kInvalid at the pointer.
Result<std::optional<Millis>> duration_at(const std::optional<std::string>& text,
                                          const std::string& pointer);

// When the questions are asked that say no time of their own.
Time now_of(const ScenarioFile& file);
// The state, made of events as any other. Errors have a pointer into the file.
Result<State> world_of(const ScenarioFile& file, const std::shared_ptr<const Policies>& policies);

}  // namespace writ::core
