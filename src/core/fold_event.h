// What each event changes, checked before anything does. Internal to fold*.cc.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/entities.h"
#include "core/grants.h"
#include "core/state.h"

namespace writ::core::folding {

inline tl::unexpected<Error> corrupt(std::string message) {
  return fail(Code::kCorrupt, std::move(message));
}

template <class Map>
Status known(const Map& map, std::string_view what, std::string_view key) {
  if (map.contains(key)) return {};
  return corrupt("there is no " + std::string(what) + " \"" + std::string(key) + "\"");
}
template <class Map>
Status unknown(const Map& map, std::string_view what, std::string_view key) {
  if (key.empty()) return corrupt("a " + std::string(what) + " has no name");
  if (!map.contains(key)) return {};
  return corrupt("the " + std::string(what) + " \"" + std::string(key) + "\" is there already");
}

inline void insert_sorted(std::vector<std::string>& list, const std::string& item) {
  const auto at = std::lower_bound(list.begin(), list.end(), item);
  if (at == list.end() || *at != item) list.insert(at, item);
}

// Lists that became empty leave the map.
inline void remove_from(CowMap<std::string, std::vector<std::string>>& map, const std::string& key,
                        const std::string& item) {
  std::vector<std::string>* list = map.edit(key);
  if (list == nullptr) return;
  std::erase(*list, item);
  if (list->empty()) map.erase(key);
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

  // fold_identities.cc
  Status operator()(const Genesis& e);
  Status operator()(const IdentityAdded& e);
  Status operator()(const IdentityStateChanged& e);
  Status operator()(const OwnerChanged& e);
  Status operator()(const GroupAdded& e);
  Status operator()(const MembershipAdded& e);
  Status operator()(const MembershipEnded& e);
  Status operator()(const SubjectErased& e);

  // fold_credentials.cc
  Status operator()(const EnrollmentOpened& e);
  Status operator()(const EnrollmentEnded& e);
  Status operator()(const DeviceEnrolled& e);
  Status operator()(const DeviceRemoved& e);
  Status operator()(const DeviceConfirmed& e);
  Status operator()(const SecondFactorSet& e);
  Status operator()(const SecondFactorShown& e);
  Status operator()(const SecondFactorFailed& e);
  Status operator()(const CertificateIssued& e);
  Status operator()(const CertificateRevoked& e);
  Status operator()(const CertificateExpired& e);
  void drop_enrollment(const Enrollment& enrollment);
  // Its certificates know until when a device is enrolled.
  void tell_certificates(const std::string& device);
  void tell_certificate(const std::string& serial);

  // fold_resources.cc
  Status operator()(const TargetAdded& e);
  Status operator()(const ResourceAdded& e);
  Status operator()(const EntitlementAdded& e);
  Status operator()(const DoorAdded& e);
  Status operator()(const EntitlementRemoved& e);
  Status operator()(const ResourceRemoved& e);
  Status operator()(const TargetRemoved& e);
  Status operator()(const DoorRemoved& e);
  Status operator()(const HoldingsObserved& e);
  Status operator()(const FindingOpened& e);
  Status operator()(const FindingClosed& e);
  void put_doors(const std::vector<std::string>& targets);
  // A name is there once; what was removed leaves its name behind.
  Status unused(const std::string& name) const;

  // fold_access.cc
  Status operator()(const PolicyTextRecorded& e);
  Status operator()(const PolicyApplied& e);
  Status operator()(const ChangeProposed& e);
  Status operator()(const ChangeClosed& e);
  Status operator()(const RequestOpened& e);
  Status operator()(const RequestApproved& e);
  Status operator()(const RequestClosed& e);
  Status operator()(const GrantCreated& e);
  Status operator()(const StepPlanned& e);
  Status operator()(const GrantActivated& e);
  Status operator()(const GrantTryFailed& e);
  Status operator()(const GrantRevoking& e);
  Status operator()(const GrantCut& e);
  Status operator()(const GrantEnded& e);
  Status operator()(const SessionStarted& e);
  Status operator()(const SessionEnded& e);
  Status operator()(const DecisionsAnchored& e);

  // Shared by them.
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
  void put_grant(std::string_view id) {
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
  Status owner_known(const std::string& owner) const;
  // Doors count what they report; a report is not taken twice. 0 is Writ's own report about a door.
  Status check_door_seq(const std::string& door, std::int64_t seq) const;
  void take_door_seq(const std::string& door, std::int64_t seq) {
    if (seq > 0) s.door_seqs.set(door, seq);
  }
  void drop_session(const std::string& id);
};

}  // namespace writ::core::folding
