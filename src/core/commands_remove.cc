// remove_target, remove_resource, remove_entitlement, remove_door. Two persons; refused while
// somebody still uses what would go. Names never come back.
#include <algorithm>

#include "core/call.h"
#include "core/names.h"
#include "core/verbs.h"

namespace writ::core {
namespace {

struct Remove {
  std::string name;
};
template <class V>
void fields(V& v, Remove& r) {
  v("name", r.name);
}

constexpr std::size_t kMostNamed = 5;

std::string some_of(std::vector<std::string> items) {
  std::sort(items.begin(), items.end());
  std::string text;
  for (std::size_t i = 0; i < items.size() && i < kMostNamed; ++i) {
    text += (i > 0 ? ", " : "") + items[i];
  }
  if (items.size() > kMostNamed) {
    text += " and " + std::to_string(items.size() - kMostNamed) + " more";
  }
  return text;
}

Status refuse_while(const std::vector<std::string>& items, std::string_view what) {
  if (items.empty()) return {};
  return fail(Code::kConflict, std::string(what) + ": " + some_of(items), "/name");
}

// Requests for an entitlement that goes are over, and so is the entitlement.
void end_entitlement(const State& state, const std::string& name, std::vector<EventData>& events) {
  std::vector<std::string> pending;
  state.requests.for_each([&](const std::string& id, const Request& request) {
    if (request.entitlement == name) pending.push_back(id);
  });
  std::sort(pending.begin(), pending.end());
  for (const std::string& id : pending) {
    events.push_back(RequestClosed{id, "withdrawn", std::nullopt});
  }
  events.push_back(EntitlementRemoved{name});
}

std::vector<std::string> live_grants(const State& state, auto&& concerns) {
  std::vector<std::string> grants;
  state.grants.for_each([&](const std::string& id, const Grant& grant) {
    if (concerns(grant.entitlement)) grants.push_back(id);
  });
  return grants;
}

Carried two_persons(std::vector<EventData> events, Json result) {
  return Carried{Outcome{std::move(events), std::move(result), {}}, Persons::kTwo};
}

constexpr std::string_view kLive =
    "there are live grants; revoke them, and try again when they have ended";

}  // namespace

Result<Carried> remove_entitlement(const Call& call, const Json& json) {
  TRY(body, from_json<Remove>(json));
  CHECK_OK(may_administer(call, "remove_entitlement"));
  const Entitlement* entitlement = call.state.entitlements.find(body.name);
  if (entitlement == nullptr) {
    return fail(Code::kNotFound,
                "there is no entitlement \"" + body.name.substr(0, 200) + "\"." +
                    did_you_mean(body.name, names_in(call.state.entitlements)),
                "/name");
  }
  CHECK_OK(refuse_while(
      live_grants(call.state, [&](const std::string& e) { return e == body.name; }), kLive));
  std::vector<EventData> events;
  end_entitlement(call.state, body.name, events);
  return two_persons(std::move(events), Json::object({{"entitlement", body.name}}));
}

Result<Carried> remove_resource(const Call& call, const Json& json) {
  TRY(body, from_json<Remove>(json));
  CHECK_OK(may_administer(call, "remove_resource"));
  const Resource* resource = call.state.resources.find(body.name);
  if (resource == nullptr) {
    return fail(Code::kNotFound,
                "there is no resource \"" + body.name.substr(0, 200) + "\"." +
                    did_you_mean(body.name, names_in(call.state.resources)),
                "/name");
  }
  if (resource->parent.empty()) {
    return fail(Code::kInvalid, "this is a target; it goes with remove_target", "/name");
  }
  std::vector<std::string> inside;
  call.state.resources.for_each([&](const std::string& name, const Resource& other) {
    if (other.parent == body.name) inside.push_back(name);
  });
  call.state.entitlements.for_each([&](const std::string& name, const Entitlement& entitlement) {
    if (entitlement.resource == body.name) inside.push_back(name);
  });
  CHECK_OK(refuse_while(inside, "something still lies in it; remove that first"));
  return two_persons({ResourceRemoved{body.name}}, Json::object({{"resource", body.name}}));
}

// With all that lies in it.
Result<Carried> remove_target(const Call& call, const Json& json) {
  TRY(body, from_json<Remove>(json));
  CHECK_OK(may_administer(call, "remove_target"));
  TRY(target, target_named(call, body.name, "/name"));
  const State& state = call.state;
  const auto lies_there = [&](const std::string& name) {
    const Entitlement* entitlement = state.entitlements.find(name);
    const Resource* resource =
        entitlement == nullptr ? nullptr : state.resources.find(entitlement->resource);
    return resource != nullptr && resource->target == target->name;
  };
  CHECK_OK(refuse_while(live_grants(state, lies_there), kLive));
  std::vector<EventData> events;
  std::vector<std::string> entitlements, resources, findings;
  state.entitlements.for_each([&](const std::string& name, const Entitlement&) {
    if (lies_there(name)) entitlements.push_back(name);
  });
  state.resources.for_each([&](const std::string& name, const Resource& resource) {
    if (resource.target == target->name) resources.push_back(name);
  });
  state.findings.for_each([&](const std::string& id, const Finding& finding) {
    if (finding.target == target->name) findings.push_back(id);
  });
  std::sort(entitlements.begin(), entitlements.end());
  std::sort(findings.begin(), findings.end());
  // A longer name lies deeper: what lies in something goes before it.
  std::sort(resources.begin(), resources.end(), [](const std::string& a, const std::string& b) {
    return a.size() != b.size() ? a.size() > b.size() : a < b;
  });
  for (const std::string& name : entitlements) end_entitlement(state, name, events);
  for (const std::string& id : findings) events.push_back(FindingClosed{id, "gone"});
  for (const std::string& name : resources) events.push_back(ResourceRemoved{name});
  events.push_back(TargetRemoved{target->name});
  Carried carried = two_persons(std::move(events), Json::object({{"target", target->name}}));
  // Its connector's password and the key of its logins.
  carried.outcome.erase_subjects.push_back("target:" + target->name);
  return carried;
}

Result<Carried> remove_door(const Call& call, const Json& json) {
  TRY(body, from_json<Remove>(json));
  CHECK_OK(may_administer(call, "remove_door"));
  TRY(identity, identity_named(call, body.name, "/name"));
  if (!call.state.doors.contains(identity->id)) {
    return fail(Code::kNotFound, "this is no door that stands before a target", "/name");
  }
  std::vector<std::string> open;
  call.state.sessions.for_each([&](const std::string& id, const Session& session) {
    if (session.door == identity->id) open.push_back(id);
  });
  CHECK_OK(refuse_while(open, "sessions are open through it; revoke their grants first"));
  return two_persons({DoorRemoved{identity->id}}, Json::object({{"door", identity->id}}));
}

}  // namespace writ::core
