// Rows of what there is: identities, groups, targets, doors, policies, and what was observed.
#include <algorithm>

#include "core/decide.h"
#include "core/grants.h"
#include "core/login.h"
#include "core/policy.h"
#include "core/rows.h"

namespace writ::core {
namespace {

constexpr std::size_t kMostNamed = 20;

// True when the asker may come to use something there.
bool reaches(const Viewer& viewer, std::string_view target) {
  if (viewer.scope == Scope::kAll) return true;
  bool found = false;
  viewer.state.entitlements.for_each([&](const std::string& name, const Entitlement& e) {
    if (found) return;
    const Resource* resource = viewer.state.resources.find(e.resource);
    if (resource == nullptr || resource->target != target) return;
    found = viewer.owned(resource->owner) || !grants_of(viewer.state, viewer.asker, name).empty() ||
            !offers_for(viewer.state, viewer.asker, name, viewer.now).empty();
  });
  return found;
}

std::string_view owner_of(const Viewer& viewer, std::string_view resource) {
  const Resource* found = viewer.state.resources.find(resource);
  return found == nullptr ? std::string_view() : std::string_view(found->owner);
}

}  // namespace

void holding_rows(const Viewer& viewer, JsonArray& rows) {
  viewer.state.holdings.for_each([&](const std::string&, const std::vector<Holding>& holdings) {
    for (const Holding& h : holdings) {
      const Grant* grant = viewer.state.grants.find(h.grant);
      const bool mine = grant != nullptr && viewer.concerns(grant->beneficiary);
      if (!mine && !viewer.owned(owner_of(viewer, h.resource))) continue;
      rows.push_back(
          Json::object({{"target", h.target},
                        {"login", grant == nullptr ? h.login : login_of(viewer.state, *grant)},
                        {"what", h.what},
                        {"resource", h.resource},
                        {"explained_by", h.grant}}));
    }
  });
}

void identity_rows(const Viewer& viewer, JsonArray& rows) {
  viewer.state.identities.for_each([&](const std::string& id, const Identity& i) {
    if (!viewer.concerns(id)) return;
    std::string groups;
    if (const auto* memberships = viewer.state.memberships.find(id)) {
      for (const Membership& m : *memberships) {
        if (m.until > viewer.now) groups += (groups.empty() ? "" : ", ") + m.group;
      }
    }
    rows.push_back(Json::object({{"name", viewer.name(id)},
                                 {"kind", name_of(i.kind)},
                                 {"state", name_of(i.state)},
                                 {"tier", name_of(i.tier)},
                                 {"owner", viewer.owner(i.owner)},
                                 {"groups", groups},
                                 {"environment", i.environment},
                                 {"purpose", i.purpose},
                                 {"since", to_text(i.since)},
                                 {"id", id}}));
  });
}

void group_rows(const Viewer& viewer, JsonArray& rows) {
  viewer.state.groups.for_each([&](const std::string& name, const Group& group) {
    std::string members, until;
    std::size_t count = 0;
    if (const auto* ids = viewer.state.members.find(name)) {
      for (const std::string& id : *ids) {
        const auto* memberships = viewer.state.memberships.find(id);
        if (memberships == nullptr) continue;
        for (const Membership& m : *memberships) {
          if (m.group != name || m.until <= viewer.now) continue;
          if (++count <= kMostNamed) members += (members.empty() ? "" : ", ") + viewer.name(id);
          if (id == viewer.asker) until = to_text(m.until);
        }
      }
    }
    if (viewer.scope == Scope::kOwn && until.empty()) return;
    if (count > kMostNamed) members += " and " + std::to_string(count - kMostNamed) + " more";
    rows.push_back(Json::object({{"name", name},
                                 {"members", members},
                                 {"count", static_cast<std::int64_t>(count)},
                                 {"administers", group.administers},
                                 {"you_until", until},
                                 {"purpose", group.purpose}}));
  });
}

void device_rows(const Viewer& viewer, JsonArray& rows) {
  viewer.state.devices.for_each([&](const std::string& id, const Device& d) {
    if (!viewer.concerns(d.identity)) return;
    rows.push_back(Json::object({{"id", id},
                                 {"identity", viewer.name(d.identity)},
                                 {"label", opened_or_erased(viewer.sealer, d.label)},
                                 {"state", d.opened_by.empty() ? "enrolled" : "unconfirmed"},
                                 {"until", to_text(d.until)}}));
  });
}

// With the name of the identity that it is about.
std::string about_of(const Viewer& viewer, const Finding& finding) {
  constexpr std::string_view kIdentity = "identity: ", kDevice = "device: ";
  const std::string& about = finding.about;
  if (about.starts_with(kIdentity)) {
    return std::string(kIdentity) + viewer.name(about.substr(kIdentity.size()));
  }
  const Device* device = about.starts_with(kDevice)
                             ? viewer.state.devices.find(about.substr(kDevice.size()))
                             : nullptr;
  return device == nullptr ? about : about + " of " + viewer.name(device->identity);
}

void finding_rows(const Viewer& viewer, JsonArray& rows) {
  viewer.state.findings.for_each([&](const std::string& id, const Finding& f) {
    if (!viewer.owned(f.owner)) return;
    rows.push_back(Json::object({{"id", id},
                                 {"severity", name_of(f.severity)},
                                 {"kind", f.kind},
                                 {"about", about_of(viewer, f)},
                                 {"detail", f.detail},
                                 {"remedy", f.remedy},
                                 {"last_use", text_of(f.last_use)},
                                 {"owner", viewer.owner(f.owner)},
                                 {"since", to_text(f.since)}}));
  });
}

void target_rows(const Viewer& viewer, JsonArray& rows) {
  viewer.state.targets.for_each([&](const std::string& name, const TargetSystem& t) {
    if (!viewer.owned(owner_of(viewer, name)) && !reaches(viewer, name)) return;
    std::string databases;
    for (const std::string& d : t.databases) databases += (databases.empty() ? "" : ", ") + d;
    const bool inside = viewer.owned(owner_of(viewer, name));  // where it is, is for its owners
    rows.push_back(Json::object({{"name", name},
                                 {"kind", t.kind},
                                 {"databases", databases},
                                 {"door", viewer.name(t.door)},
                                 {"host", inside ? t.host : ""},
                                 {"port", inside ? Json(t.port) : Json()},
                                 {"tls", inside ? t.tls : ""},
                                 {"owner", viewer.owner(owner_of(viewer, name))}}));
  });
}

void door_rows(const Viewer& viewer, JsonArray& rows) {
  viewer.state.doors.for_each([&](const std::string& id, const Door& door) {
    const bool shown = viewer.concerns(id) ||
                       std::any_of(door.targets.begin(), door.targets.end(),
                                   [&](const std::string& t) { return reaches(viewer, t); });
    if (!shown) return;
    std::string targets;
    for (const std::string& t : door.targets) targets += (targets.empty() ? "" : ", ") + t;
    rows.push_back(Json::object({{"name", viewer.name(id)},
                                 {"kind", door.kind},
                                 {"host", door.host},
                                 {"port", door.port},
                                 {"targets", targets},
                                 {"id", id}}));
  });
}

void policy_rows(const Viewer& viewer, JsonArray& rows) {
  if (viewer.scope == Scope::kOwn || viewer.state.policies == nullptr) return;
  const auto list = policy_list(viewer.state, viewer.state.policy_hash);
  if (!list) return;
  for (const NamedText& named : *list) {
    auto text = policy_text(viewer.state, named.hash);
    if (!text) continue;
    rows.push_back(Json::object({{"file", named.name},
                                 {"version", viewer.state.policy_version},
                                 {"bytes", static_cast<std::int64_t>(text->size())},
                                 {"hash", named.hash},
                                 {"text", std::move(*text)}}));
  }
}

}  // namespace writ::core
