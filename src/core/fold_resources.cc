// Folding events of targets, what lies in them, their doors, and what was seen there.
#include <tuple>

#include "core/fold_event.h"

namespace writ::core::folding {

Status Fold::operator()(const TargetAdded& e) {
  CHECK_OK(unknown(s.targets, "target", e.target.name));
  CHECK_OK(unused(e.target.name));
  s.targets.set(e.target.name, e.target);
  entities([&](EntityIndex& index) { index.put_target(s, e.target.name); });
  return {};
}

Status Fold::operator()(const ResourceAdded& e) {
  const Resource& r = e.resource;
  CHECK_OK(unknown(s.resources, "resource", r.name));
  CHECK_OK(unused(r.name));
  CHECK_OK(known(s.targets, "target", r.target));
  CHECK_OK(owner_known(r.owner));
  if (r.parent.empty() && r.name != r.target) {
    return corrupt("the resource \"" + r.name + "\" has no parent and is no target");
  }
  if (!r.parent.empty()) {
    CHECK_OK(known(s.resources, "resource", r.parent));
    if (s.resources.find(r.parent)->target != r.target) {
      return corrupt("the resource \"" + r.name + "\" lies in another target than its parent");
    }
    constexpr std::size_t kMostAbove = 32;
    if (s.entities->resource(r.parent)->ancestors.size() >= kMostAbove) {
      return corrupt("the resource \"" + r.name + "\" lies too deep");
    }
  }
  s.resources.set(r.name, r);
  entities([&](EntityIndex& index) { index.put_resource(s, r.name); });
  return {};
}

Status Fold::operator()(const EntitlementAdded& e) {
  CHECK_OK(unknown(s.entitlements, "entitlement", e.entitlement.name));
  CHECK_OK(unused(e.entitlement.name));
  CHECK_OK(known(s.resources, "resource", e.entitlement.resource));
  s.entitlements.set(e.entitlement.name, e.entitlement);
  entities([&](EntityIndex& index) { index.put_entitlement(s, e.entitlement.name); });
  return {};
}

Status Fold::operator()(const DoorAdded& e) {
  const Door& d = e.door;
  const Identity* identity = s.identities.find(d.identity);
  if (identity == nullptr || identity->kind != IdentityKind::kDoor) {
    return corrupt("the identity \"" + d.identity + "\" is no door");
  }
  for (const std::string& target : d.targets) CHECK_OK(known(s.targets, "target", target));
  std::vector<std::string> targets = d.targets;
  if (const Door* before = s.doors.find(d.identity)) {
    targets.insert(targets.end(), before->targets.begin(), before->targets.end());
  }
  s.doors.set(d.identity, d);
  for (const std::string& target : d.targets) s.targets.edit(target)->door = d.identity;
  put_doors(targets);
  return {};
}

void Fold::put_doors(const std::vector<std::string>& targets) {
  entities([&](EntityIndex& index) {
    for (const std::string& target : targets) index.put_doors(s, target);
  });
}

Status Fold::unused(const std::string& name) const {
  if (!s.removed.contains(name)) return {};
  return corrupt("the name \"" + name + "\" was used before");
}

Status Fold::operator()(const EntitlementRemoved& e) {
  CHECK_OK(known(s.entitlements, "entitlement", e.entitlement));
  bool used = false;
  s.grants.for_each(
      [&](const std::string&, const Grant& g) { used = used || g.entitlement == e.entitlement; });
  s.requests.for_each(
      [&](const std::string&, const Request& r) { used = used || r.entitlement == e.entitlement; });
  if (used) return corrupt("the entitlement \"" + e.entitlement + "\" is in use");
  s.entitlements.erase(e.entitlement);
  s.removed.set(e.entitlement, true);
  entities([&](EntityIndex& index) { index.drop_entitlement(e.entitlement); });
  return {};
}

Status Fold::operator()(const ResourceRemoved& e) {
  CHECK_OK(known(s.resources, "resource", e.resource));
  bool used = false;
  s.resources.for_each(
      [&](const std::string&, const Resource& r) { used = used || r.parent == e.resource; });
  s.entitlements.for_each(
      [&](const std::string&, const Entitlement& x) { used = used || x.resource == e.resource; });
  if (used) return corrupt("something lies in the resource \"" + e.resource + "\"");
  s.resources.erase(e.resource);
  s.removed.set(e.resource, true);
  entities([&](EntityIndex& index) { index.drop_resource(e.resource); });
  return {};
}

Status Fold::operator()(const TargetRemoved& e) {
  CHECK_OK(known(s.targets, "target", e.target));
  bool used = false;
  s.resources.for_each(
      [&](const std::string&, const Resource& r) { used = used || r.target == e.target; });
  if (used) return corrupt("something lies in the target \"" + e.target + "\"");
  const std::string door = s.targets.find(e.target)->door;
  if (Door* before = s.doors.edit(door)) std::erase(before->targets, e.target);
  s.targets.erase(e.target);
  s.removed.set(e.target, true);
  s.holdings.erase(e.target);
  entities([&](EntityIndex& index) { index.drop_target(e.target); });
  return {};
}

Status Fold::operator()(const DoorRemoved& e) {
  CHECK_OK(known(s.doors, "door", e.door));
  const std::vector<std::string> targets = s.doors.find(e.door)->targets;
  for (const std::string& name : targets) {
    if (TargetSystem* target = s.targets.edit(name)) target->door.clear();
  }
  s.doors.erase(e.door);
  put_doors(targets);
  return {};
}

Status Fold::operator()(const HoldingsObserved& e) {
  CHECK_OK(known(s.targets, "target", e.target));
  const auto less = [](const Holding& a, const Holding& b) {
    return std::tie(a.login, a.what, a.resource, a.grant) <
           std::tie(b.login, b.what, b.resource, b.grant);
  };
  std::vector<Holding> list;
  if (const auto* before = s.holdings.find(e.target)) list = *before;
  for (const Holding& each : e.removed) {
    const auto at = std::lower_bound(list.begin(), list.end(), each, less);
    if (at == list.end() || less(each, *at)) {
      return corrupt("the holding of \"" + each.login + "\" that went was not there");
    }
    list.erase(at);
  }
  for (const Holding& each : e.added) {
    if (each.target != e.target) return corrupt("a holding lies in another target");
    const auto at = std::lower_bound(list.begin(), list.end(), each, less);
    if (at != list.end() && !less(each, *at)) {
      return corrupt("the holding of \"" + each.login + "\" that came was there already");
    }
    list.insert(at, each);
  }
  if (list.empty()) {
    s.holdings.erase(e.target);
  } else {
    s.holdings.set(e.target, std::move(list));
  }
  return {};
}

// A finding of a known id is renewed.
Status Fold::operator()(const FindingOpened& e) {
  const std::string key = e.finding.kind + "\n" + e.finding.about;
  if (e.finding.id.empty()) return corrupt("a finding has no id");
  const std::string* same = s.finding_ids.find(key);
  if (same != nullptr && *same != e.finding.id) {
    return corrupt("a finding about \"" + e.finding.about + "\" is open already");
  }
  if (const Finding* before = s.findings.find(e.finding.id)) {
    s.finding_ids.erase(before->kind + "\n" + before->about);
  }
  s.findings.set(e.finding.id, e.finding);
  s.finding_ids.set(key, e.finding.id);
  return {};
}

Status Fold::operator()(const FindingClosed& e) {
  CHECK_OK(known(s.findings, "finding", e.finding));
  const Finding& finding = *s.findings.find(e.finding);
  s.finding_ids.erase(finding.kind + "\n" + finding.about);
  s.findings.erase(e.finding);
  return {};
}

}  // namespace writ::core::folding
