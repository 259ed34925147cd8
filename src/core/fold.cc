// fold: one event at a time, each checked before anything changes.
#include <algorithm>
#include <tuple>

#include "core/dormant.h"
#include "core/entities.h"
#include "core/grants.h"
#include "core/policy.h"
#include "core/policy_text.h"
#include "core/state.h"

namespace writ::core {
namespace {

tl::unexpected<Error> corrupt(std::string message) {
  return fail(Code::kCorrupt, std::move(message));
}

template <class Map>
Status known(const Map& map, std::string_view what, const std::string& key) {
  if (map.contains(key)) return {};
  return corrupt("there is no " + std::string(what) + " \"" + key + "\"");
}
template <class Map>
Status unknown(const Map& map, std::string_view what, const std::string& key) {
  if (key.empty()) return corrupt("a " + std::string(what) + " has no name");
  if (!map.contains(key)) return {};
  return corrupt("the " + std::string(what) + " \"" + key + "\" is there already");
}

void insert_sorted(std::vector<std::string>& list, const std::string& item) {
  const auto at = std::lower_bound(list.begin(), list.end(), item);
  if (at == list.end() || *at != item) list.insert(at, item);
}

// Lists that became empty leave the map.
void remove_from(CowMap<std::string, std::vector<std::string>>& map, const std::string& key,
                 const std::string& item) {
  std::vector<std::string>* list = map.edit(key);
  if (list == nullptr) return;
  std::erase(*list, item);
  if (list->empty()) map.erase(key);
}

std::string membership_key(const Membership& m) {
  return "membership " + m.identity + " " + m.group;
}

// Calls change(index) on a copy that nobody else sees; what it shares is cheap to share. The old
// one goes first, so that only what published snapshots hold must be copied in turn.
template <class Index, class Change>
void change_index(std::shared_ptr<const Index>& index, Change change) {
  auto next = index == nullptr ? std::make_shared<Index>() : std::make_shared<Index>(*index);
  index.reset();
  change(*next);
  index = std::move(next);
}

struct Fold {
  State& s;
  const Event& event;
  const Sealer& sealer;

  template <class Change>
  void entities(Change change) {
    change_index(s.entities, change);
  }
  // The identity's entity, from the state as it is now.
  Status put_identity(const std::string& id) {
    Status status;
    entities([&](EntityIndex& index) { status = index.put_identity(s, id, sealer); });
    return status;
  }
  void put_memberships(const std::string& id) {
    entities([&](EntityIndex& index) { index.put_memberships(s, id); });
  }
  void put_grant(const std::string& id) {
    change_index(s.grant_index, [&](GrantIndex& index) { index.put(*s.grants.find(id)); });
  }
  void drop_grant(const std::string& id) {
    change_index(s.grant_index, [&](GrantIndex& index) { index.drop(*s.grants.find(id)); });
  }
  // What points to a grant lets go of it while it changes: it may move.
  template <class Change>
  void change_grant(const std::string& id, Change change) {
    drop_grant(id);
    change(*s.grants.edit(id));
    put_grant(id);
  }

  Status owner_known(const std::string& owner) const {
    if (owner.empty()) return {};
    if (owner.starts_with("identity:")) return known(s.identities, "identity", owner.substr(9));
    if (owner.starts_with("group:")) return known(s.groups, "group", owner.substr(6));
    return corrupt("the owner \"" + owner + "\" is neither identity:… nor group:…");
  }

  // Doors count what they report; a report is not taken twice. 0 is Writ's own report about a door.
  Status check_door_seq(const std::string& door, std::int64_t seq) const {
    CHECK_OK(known(s.identities, "door", door));
    const std::int64_t* last = s.door_seqs.find(door);
    if (seq < 0 || (seq > 0 && last != nullptr && seq <= *last)) {
      return corrupt("report " + std::to_string(seq) + " of door \"" + door + "\" is out of order");
    }
    return {};
  }
  void take_door_seq(const std::string& door, std::int64_t seq) {
    if (seq > 0) s.door_seqs.set(door, seq);
  }

  void drop_session(const std::string& id) {
    const Session* session = s.sessions.find(id);
    if (session == nullptr) return;
    remove_from(s.sessions_of, std::string(session->grant), id);
    std::int64_t* count = s.sessions_at.edit(session->door);
    if (count != nullptr && --*count <= 0) s.sessions_at.erase(session->door);
    s.sessions.erase(id);
  }

  Status operator()(const Genesis& e) {
    if (e.trust_domain.empty()) return corrupt("the trust domain has no name");
    s.genesis = e;
    s.entities = std::make_shared<EntityIndex>();
    s.grant_index = std::make_shared<GrantIndex>();
    s.policies = *compile_policies({});
    return {};
  }

  Status operator()(const IdentityAdded& e) {
    const Identity& i = e.identity;
    CHECK_OK(unknown(s.identities, "identity", i.id));
    CHECK_OK(unknown(s.identity_ids, "name with digest", i.name_digest));
    CHECK_OK(owner_known(i.owner));
    if (is_person(i.kind) ? !i.sealed_name || !i.name.empty() : i.sealed_name || i.name.empty()) {
      return corrupt("the name of a person is sealed, of a machine it is not: \"" + i.id + "\"");
    }
    s.identities.set(i.id, i);
    s.identity_ids.set(i.name_digest, i.id);
    if (auto status = put_identity(i.id); !status) {
      s.identities.erase(i.id);
      s.identity_ids.erase(i.name_digest);
      return status;
    }
    return {};
  }

  Status operator()(const IdentityStateChanged& e) {
    CHECK_OK(known(s.identities, "identity", e.identity));
    if (s.identities.find(e.identity)->state == IdentityState::kOffboarded) {
      return corrupt("the identity \"" + e.identity + "\" is offboarded, which is final");
    }
    Identity* identity = s.identities.edit(e.identity);
    identity->state = e.state;
    identity->since = event.time;
    entities([&](EntityIndex& index) { index.put_state(s, e.identity); });
    return {};
  }

  Status operator()(const OwnerChanged& e) {
    CHECK_OK(owner_known(e.owner));
    if (e.owner.empty()) return corrupt("a new owner has no name");
    if (e.of.starts_with("identity:")) {
      CHECK_OK(known(s.identities, "identity", e.of.substr(9)));
      s.identities.edit(e.of.substr(9))->owner = e.owner;
      return put_identity(e.of.substr(9));
    }
    if (!e.of.starts_with("resource:")) return corrupt("\"" + e.of + "\" cannot be owned");
    CHECK_OK(known(s.resources, "resource", e.of.substr(9)));
    s.resources.edit(e.of.substr(9))->owner = e.owner;
    entities([&](EntityIndex& index) { index.put_resource(s, e.of.substr(9)); });
    return {};
  }

  Status operator()(const GroupAdded& e) {
    CHECK_OK(unknown(s.groups, "group", e.group.name));
    s.groups.set(e.group.name, e.group);
    entities([&](EntityIndex& index) { index.put_group(s, e.group.name); });
    return {};
  }

  Status operator()(const MembershipAdded& e) {
    const Membership& m = e.membership;
    CHECK_OK(known(s.identities, "identity", m.identity));
    CHECK_OK(known(s.groups, "group", m.group));
    auto& list = s.memberships[m.identity];
    const auto at = std::lower_bound(list.begin(), list.end(), m, [](const auto& a, const auto& b) {
      return a.group < b.group;
    });
    if (at != list.end() && at->group == m.group) {
      s.ends.erase(membership_key(*at), at->until);
      *at = m;
    } else {
      list.insert(at, m);
      insert_sorted(s.members[m.group], m.identity);
    }
    s.ends.set(membership_key(m), m.until);
    put_memberships(m.identity);
    return {};
  }

  Status operator()(const MembershipEnded& e) {
    const auto* list = s.memberships.find(e.identity);
    const auto is_it = [&](const Membership& m) { return m.group == e.group; };
    if (list == nullptr || std::none_of(list->begin(), list->end(), is_it)) {
      return corrupt("\"" + e.identity + "\" is no member of \"" + e.group + "\"");
    }
    auto* mine = s.memberships.edit(e.identity);
    const auto at = std::find_if(mine->begin(), mine->end(), is_it);
    s.ends.erase(membership_key(*at), at->until);
    mine->erase(at);
    if (mine->empty()) s.memberships.erase(e.identity);
    remove_from(s.members, e.group, e.identity);
    put_memberships(e.identity);
    return {};
  }

  Status operator()(const EnrollmentOpened& e) {
    CHECK_OK(known(s.identities, "identity", e.enrollment.identity));
    CHECK_OK(unknown(s.enrollments, "enrollment with code hash", e.enrollment.code_hash));
    s.enrollments.set(e.enrollment.code_hash, e.enrollment);
    s.ends.set("enrollment " + e.enrollment.code_hash, e.enrollment.until);
    return {};
  }

  void drop_enrollment(const Enrollment& enrollment) {
    const std::string code_hash = enrollment.code_hash;
    s.ends.erase("enrollment " + code_hash, enrollment.until);
    s.enrollments.erase(code_hash);
  }

  Status operator()(const EnrollmentEnded& e) {
    CHECK_OK(known(s.enrollments, "enrollment with code hash", e.code_hash));
    drop_enrollment(*s.enrollments.find(e.code_hash));
    return {};
  }

  Status operator()(const DeviceEnrolled& e) {
    const Device& d = e.device;
    CHECK_OK(known(s.identities, "identity", d.identity));
    CHECK_OK(unknown(s.devices, "device", d.id));
    std::optional<Enrollment> used;
    s.enrollments.for_each([&](const std::string&, const Enrollment& each) {
      if (each.id == e.enrollment) used = each;
    });
    if (!used || used->identity != d.identity) {
      return corrupt("no enrollment \"" + e.enrollment + "\" is open for \"" + d.identity + "\"");
    }
    drop_enrollment(*used);
    s.devices.set(d.id, d);
    insert_sorted(s.devices_of[d.identity], d.id);
    s.ends.set("device " + d.id, d.until);
    tell_certificates(d.id);
    return {};
  }

  // Its certificates know until when a device is enrolled.
  void tell_certificates(const std::string& device) {
    const std::vector<std::string>* serials = s.certificates_of.find(device);
    if (serials == nullptr) return;
    for (const std::string& serial : *serials) tell_certificate(serial);
  }
  void tell_certificate(const std::string& serial) {
    Certificate* certificate = s.certificates.edit(serial);
    certificate->good_until = good_until(s, *certificate);
  }

  Status operator()(const DeviceRemoved& e) {
    CHECK_OK(known(s.devices, "device", e.device));
    const Device device = *s.devices.find(e.device);
    s.ends.erase("device " + device.id, device.until);
    remove_from(s.devices_of, device.identity, device.id);
    s.devices.erase(device.id);
    tell_certificates(device.id);
    return {};
  }

  Status operator()(const DeviceConfirmed& e) {
    CHECK_OK(known(s.devices, "device", e.device));
    Device* device = s.devices.edit(e.device);
    device->opened_by.clear();
    const SecondFactor* factor = s.second_factors.find(device->identity);
    if (factor != nullptr && factor->awaits == e.device) {
      s.second_factors.edit(device->identity)->awaits.clear();
    }
    return {};
  }

  Status operator()(const SecondFactorSet& e) {
    CHECK_OK(known(s.identities, "identity", e.identity));
    SecondFactor factor;
    factor.identity = e.identity;
    factor.seed = e.seed;
    factor.awaits = e.awaits;
    s.second_factors.set(e.identity, std::move(factor));
    return {};
  }

  Status operator()(const SecondFactorShown& e) {
    CHECK_OK(known(s.second_factors, "second factor of", e.identity));
    if (e.step <= s.second_factors.find(e.identity)->last_step) {
      return corrupt("a code of \"" + e.identity + "\" is shown twice");
    }
    SecondFactor* factor = s.second_factors.edit(e.identity);
    factor->last_step = e.step;
    factor->failures = 0;
    factor->locked_until.reset();
    factor->fresh = event.time;
    factor->fresh_device = e.device;
    return {};
  }

  Status operator()(const SecondFactorFailed& e) {
    CHECK_OK(known(s.second_factors, "second factor of", e.identity));
    SecondFactor* factor = s.second_factors.edit(e.identity);
    factor->failures = e.failures;
    factor->locked_until = e.locked_until;
    return {};
  }

  Status operator()(const CertificateIssued& e) {
    const Certificate& c = e.certificate;
    CHECK_OK(known(s.identities, "identity", c.identity));
    CHECK_OK(unknown(s.certificates, "certificate", c.serial));
    Certificate certificate = c;
    certificate.good_until = good_until(s, c);
    certificate.holder = s.entities->subject(c.identity)->number;
    s.certificates.set(c.serial, std::move(certificate));
    if (!c.device.empty()) insert_sorted(s.certificates_of[c.device], c.serial);
    s.ends.set("certificate " + c.serial, c.until);
    return {};
  }

  Status operator()(const CertificateRevoked& e) {
    CHECK_OK(known(s.certificates, "certificate", e.serial));
    s.certificates.edit(e.serial)->revoked = e.reason;
    tell_certificate(e.serial);
    return {};
  }

  Status operator()(const CertificateExpired& e) {
    CHECK_OK(known(s.certificates, "certificate", e.serial));
    const Certificate& certificate = *s.certificates.find(e.serial);
    s.ends.erase("certificate " + e.serial, certificate.until);
    remove_from(s.certificates_of, std::string(certificate.device), e.serial);
    s.certificates.erase(e.serial);
    return {};
  }

  Status operator()(const TargetAdded& e) {
    CHECK_OK(unknown(s.targets, "target", e.target.name));
    CHECK_OK(unused(e.target.name));
    s.targets.set(e.target.name, e.target);
    entities([&](EntityIndex& index) { index.put_target(s, e.target.name); });
    return {};
  }

  Status operator()(const ResourceAdded& e) {
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

  Status operator()(const EntitlementAdded& e) {
    CHECK_OK(unknown(s.entitlements, "entitlement", e.entitlement.name));
    CHECK_OK(unused(e.entitlement.name));
    CHECK_OK(known(s.resources, "resource", e.entitlement.resource));
    s.entitlements.set(e.entitlement.name, e.entitlement);
    entities([&](EntityIndex& index) { index.put_entitlement(s, e.entitlement.name); });
    return {};
  }

  Status operator()(const DoorAdded& e) {
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
  void put_doors(const std::vector<std::string>& targets) {
    entities([&](EntityIndex& index) {
      for (const std::string& target : targets) index.put_doors(s, target);
    });
  }

  // A name is there once; what was removed leaves its name behind.
  Status unused(const std::string& name) const {
    if (!s.removed.contains(name)) return {};
    return corrupt("the name \"" + name + "\" was used before");
  }

  Status operator()(const EntitlementRemoved& e) {
    CHECK_OK(known(s.entitlements, "entitlement", e.entitlement));
    bool used = false;
    s.grants.for_each(
        [&](const std::string&, const Grant& g) { used = used || g.entitlement == e.entitlement; });
    s.requests.for_each([&](const std::string&, const Request& r) {
      used = used || r.entitlement == e.entitlement;
    });
    if (used) return corrupt("the entitlement \"" + e.entitlement + "\" is in use");
    s.entitlements.erase(e.entitlement);
    s.removed.set(e.entitlement, true);
    entities([&](EntityIndex& index) { index.drop_entitlement(e.entitlement); });
    return {};
  }

  Status operator()(const ResourceRemoved& e) {
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

  Status operator()(const TargetRemoved& e) {
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

  Status operator()(const DoorRemoved& e) {
    CHECK_OK(known(s.doors, "door", e.door));
    const std::vector<std::string> targets = s.doors.find(e.door)->targets;
    for (const std::string& name : targets) {
      if (TargetSystem* target = s.targets.edit(name)) target->door.clear();
    }
    s.doors.erase(e.door);
    put_doors(targets);
    return {};
  }

  Status operator()(const PolicyTextRecorded& e) { return add_policy_part(s, e); }

  Status operator()(const PolicyApplied& e) {
    if (e.version != s.policy_version + 1) {
      return corrupt("policy version " + std::to_string(e.version) + " follows version " +
                     std::to_string(s.policy_version));
    }
    const auto files = policy_files(s, e.hash);
    if (!files) return corrupt("it names what is not recorded: " + files.error().text());
    if (static_cast<std::int64_t>(files->size()) != e.files) return corrupt("its files miscount");
    std::shared_ptr<const Policies> policies = e.compiled;
    if (policies == nullptr || policies->hash != e.hash) {
      auto compiled = compile_policies(*files, e.hash);
      if (!compiled) return corrupt("its policies are not in order: " + compiled.error().text());
      policies = std::move(*compiled);
    }
    s.policies = std::move(policies);
    s.policy_version = e.version;
    s.policy_hash = e.hash;
    drop_unnamed_texts(s);
    return {};
  }

  Status operator()(const ChangeProposed& e) {
    CHECK_OK(unknown(s.changes, "change", e.change.id));
    CHECK_OK(known(s.identities, "identity", e.change.proposer));
    s.changes.set(e.change.id, e.change);
    s.ends.set("change " + e.change.id, e.change.until);
    if (!policy_list_of(e.change).empty()) drop_unnamed_texts(s);
    return {};
  }

  Status operator()(const ChangeClosed& e) {
    CHECK_OK(known(s.changes, "change", e.change));
    const Change& change = *s.changes.find(e.change);
    // Of one that was approved, the next version names them.
    const bool drops = e.outcome != "approved" && !policy_list_of(change).empty();
    s.ends.erase("change " + e.change, change.until);
    s.changes.erase(e.change);
    if (drops) drop_unnamed_texts(s);
    return {};
  }

  Status operator()(const RequestOpened& e) {
    const Request& r = e.request;
    CHECK_OK(unknown(s.requests, "request", r.id));
    CHECK_OK(known(s.identities, "identity", r.requester));
    CHECK_OK(known(s.identities, "identity", r.beneficiary));
    CHECK_OK(known(s.entitlements, "entitlement", r.entitlement));
    s.requests.set(r.id, r);
    s.ends.set("request " + r.id, r.until);
    return {};
  }

  Status operator()(const RequestApproved& e) {
    CHECK_OK(known(s.requests, "request", e.request));
    for (const Approval& each : s.requests.find(e.request)->approvals) {
      if (each.approver == e.approval.approver) {
        return corrupt("\"" + each.approver + "\" approves the request \"" + e.request +
                       "\" twice");
      }
    }
    s.requests.edit(e.request)->approvals.push_back(e.approval);
    return {};
  }

  Status operator()(const RequestClosed& e) {
    CHECK_OK(known(s.requests, "request", e.request));
    s.ends.erase("request " + e.request, s.requests.find(e.request)->until);
    s.requests.erase(e.request);
    return {};
  }

  Status operator()(const GrantCreated& e) {
    const Grant& g = e.grant;
    CHECK_OK(unknown(s.grants, "grant", g.id));
    CHECK_OK(known(s.identities, "identity", g.beneficiary));
    CHECK_OK(known(s.entitlements, "entitlement", g.entitlement));
    if (g.state != GrantState::kActivating || g.from || g.until || g.ending || g.failure) {
      return corrupt("the grant \"" + g.id + "\" is created in a later state");
    }
    Grant grant = g;
    grant.beneficiary_number = s.entities->subject(g.beneficiary)->number;
    grant.entitlement_number = s.entities->entitlement(g.entitlement)->number;
    s.grants.set(g.id, std::move(grant));
    s.ends.set("grant " + g.id, end_of(g));
    put_grant(g.id);
    return {};
  }

  Status operator()(const StepPlanned& e) { return known(s.targets, "target", e.target); }

  Status operator()(const GrantActivated& e) {
    CHECK_OK(known(s.grants, "grant", e.grant));
    if (s.grants.find(e.grant)->state != GrantState::kActivating || e.until < e.from) {
      return corrupt("the grant \"" + e.grant + "\" cannot be activated");
    }
    change_grant(e.grant, [&](Grant& grant) {
      s.ends.erase("grant " + e.grant, end_of(grant));
      grant.state = GrantState::kActive;
      grant.from = e.from;
      grant.until = e.until;
      grant.failure.reset();
      s.ends.set("grant " + e.grant, e.until);
    });
    return {};
  }

  Status operator()(const GrantTryFailed& e) {
    CHECK_OK(known(s.grants, "grant", e.grant));
    if (s.grants.find(e.grant)->state == GrantState::kActive) {
      return corrupt("the grant \"" + e.grant + "\" is neither activating nor revoking");
    }
    change_grant(e.grant, [&](Grant& grant) { grant.failure.emplace() = {e.tries, e.error}; });
    return {};
  }

  Status operator()(const GrantRevoking& e) {
    CHECK_OK(known(s.grants, "grant", e.grant));
    const Grant& before = *s.grants.find(e.grant);
    if (before.state == GrantState::kRevoking) {
      return corrupt("the grant \"" + e.grant + "\" is being revoked already");
    }
    s.ends.erase("grant " + e.grant, end_of(before));
    change_grant(e.grant, [&](Grant& grant) {
      grant.state = GrantState::kRevoking;
      grant.ending.emplace() = {e.reason, e.by, event.time};
      grant.failure.reset();
    });
    return {};
  }

  Status operator()(const GrantCut& e) {
    CHECK_OK(check_door_seq(e.door, e.door_seq));
    for (const std::string& session : e.sessions) drop_session(session);
    take_door_seq(e.door, e.door_seq);
    return {};
  }

  Status operator()(const GrantEnded& e) {
    CHECK_OK(known(s.grants, "grant", e.grant));
    if (s.grants.find(e.grant)->state != GrantState::kRevoking) {
      return corrupt("the grant \"" + e.grant + "\" ends without having been revoked");
    }
    if (const auto* open = s.sessions_of.find(e.grant)) {
      // The target was read back: none of them can live.
      for (const std::string& session : std::vector<std::string>(*open)) drop_session(session);
    }
    drop_grant(e.grant);
    s.grants.erase(e.grant);
    return {};
  }

  // A door may report late, when the grant has ended already.
  Status operator()(const SessionStarted& e) {
    const Session& session = e.session;
    CHECK_OK(check_door_seq(session.door, e.door_seq));
    CHECK_OK(unknown(s.sessions, "session", session.id));
    s.sessions.set(session.id, session);
    insert_sorted(s.sessions_of[session.grant], session.id);
    ++s.sessions_at[session.door];
    take_door_seq(session.door, e.door_seq);
    return {};
  }

  // A session that was cut, or whose grant has ended, is not here any more.
  Status operator()(const SessionEnded& e) {
    CHECK_OK(check_door_seq(e.door, e.door_seq));
    drop_session(e.session);
    take_door_seq(e.door, e.door_seq);
    return {};
  }

  Status operator()(const HoldingsObserved& e) {
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
  Status operator()(const FindingOpened& e) {
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

  Status operator()(const FindingClosed& e) {
    CHECK_OK(known(s.findings, "finding", e.finding));
    const Finding& finding = *s.findings.find(e.finding);
    s.finding_ids.erase(finding.kind + "\n" + finding.about);
    s.findings.erase(e.finding);
    return {};
  }

  Status operator()(const DecisionsAnchored&) { return {}; }

  Status operator()(const SubjectErased& e) {
    CHECK_OK(known(s.identities, "identity", e.subject));
    Identity* identity = s.identities.edit(e.subject);
    // Whether the key is gone yet or not, from here on nobody reads the name.
    if (identity->sealed_name) identity->sealed_name->box.clear();
    return put_identity(e.subject);
  }
};

}  // namespace

Status fold(State& state, const Event& event, const Sealer& sealer) {
  const auto where = [&](Error error) {
    error.where =
        "event " + std::to_string(event.seq) + " (" + std::string(kind_of(event.data)) + ")";
    return tl::unexpected<Error>(std::move(error));
  };
  const auto refuse = [&](std::string message) {
    return where(Error{Code::kCorrupt, std::move(message), {}});
  };
  if (event.seq != state.next_seq) {
    return refuse("event " + std::to_string(state.next_seq) + " comes next");
  }
  const bool genesis = std::holds_alternative<Genesis>(event.data);
  if (genesis != (event.seq == 0)) return refuse("genesis is the first event, and only that");
  if (!genesis && event.time < state.time) return refuse("time runs back");
  const std::string& domain =
      genesis ? std::get<Genesis>(event.data).trust_domain : state.genesis.trust_domain;
  if (event.trust_domain != domain) {
    return refuse("it belongs to the trust domain \"" + event.trust_domain + "\"");
  }
  const DormancyWatch dormancy(state, event.data);
  if (auto status = std::visit(Fold{state, event, sealer}, event.data); !status) {
    return where(status.error());
  }
  dormancy.finish(state, event.time);
  state.next_seq = event.seq + 1;
  state.time = event.time;
  return {};
}

}  // namespace writ::core
