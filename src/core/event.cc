#include "core/event.h"

#include <algorithm>
#include <utility>

namespace writ::core {

EventData::EventData() = default;
template <class Kind>
  requires requires { Kind::kKind; }
EventData::EventData(Kind kind) : EventKinds(std::in_place_type<Kind>, std::move(kind)) {}
EventData::EventData(const EventData& other) = default;
EventData::EventData(EventData&& other) noexcept = default;
EventData& EventData::operator=(const EventData& other) = default;
EventData& EventData::operator=(EventData&& other) noexcept = default;
EventData::~EventData() = default;

template EventData::EventData(Genesis);
template EventData::EventData(IdentityAdded);
template EventData::EventData(IdentityStateChanged);
template EventData::EventData(OwnerChanged);
template EventData::EventData(GroupAdded);
template EventData::EventData(MembershipAdded);
template EventData::EventData(MembershipEnded);
template EventData::EventData(EnrollmentOpened);
template EventData::EventData(EnrollmentEnded);
template EventData::EventData(DeviceEnrolled);
template EventData::EventData(DeviceRemoved);
template EventData::EventData(DeviceConfirmed);
template EventData::EventData(SecondFactorSet);
template EventData::EventData(SecondFactorShown);
template EventData::EventData(SecondFactorFailed);
template EventData::EventData(CertificateIssued);
template EventData::EventData(CertificateRevoked);
template EventData::EventData(CertificateExpired);
template EventData::EventData(TargetAdded);
template EventData::EventData(ResourceAdded);
template EventData::EventData(EntitlementAdded);
template EventData::EventData(DoorAdded);
template EventData::EventData(TargetRemoved);
template EventData::EventData(ResourceRemoved);
template EventData::EventData(EntitlementRemoved);
template EventData::EventData(DoorRemoved);
template EventData::EventData(PolicyTextRecorded);
template EventData::EventData(PolicyApplied);
template EventData::EventData(ChangeProposed);
template EventData::EventData(ChangeClosed);
template EventData::EventData(RequestOpened);
template EventData::EventData(RequestApproved);
template EventData::EventData(RequestClosed);
template EventData::EventData(GrantCreated);
template EventData::EventData(StepPlanned);
template EventData::EventData(GrantActivated);
template EventData::EventData(GrantTryFailed);
template EventData::EventData(GrantRevoking);
template EventData::EventData(GrantCut);
template EventData::EventData(GrantEnded);
template EventData::EventData(SessionStarted);
template EventData::EventData(SessionEnded);
template EventData::EventData(HoldingsObserved);
template EventData::EventData(FindingOpened);
template EventData::EventData(FindingClosed);
template EventData::EventData(DecisionsAnchored);
template EventData::EventData(SubjectErased);

namespace {

// Collects the names, each once, without empty ones.
class Subjects {
 public:
  template <class... Names>
  Subjects& add(const Names&... names) {
    (add_one(names), ...);
    return *this;
  }
  std::vector<std::string> take() { return std::move(names_); }

 private:
  void add_one(const std::string& name) {
    if (!name.empty() && std::find(names_.begin(), names_.end(), name) == names_.end()) {
      names_.push_back(name);
    }
  }
  void add_one(const std::vector<std::string>& names) {
    for (const std::string& name : names) add_one(name);
  }
  std::vector<std::string> names_;
};

// "identity:idn_…" and "group:NAME" without what stands before the colon.
std::string bare(const std::string& named) {
  return named.substr(named.find(':') + 1);
}

struct CollectSubjects {
  Subjects& out;
  void operator()(const Genesis& e) { out.add(e.trust_domain); }
  void operator()(const IdentityAdded& e) { out.add(e.identity.id, e.identity.name); }
  void operator()(const IdentityStateChanged& e) { out.add(e.identity); }
  void operator()(const OwnerChanged& e) { out.add(bare(e.of), bare(e.owner)); }
  void operator()(const GroupAdded& e) { out.add(e.group.name); }
  void operator()(const MembershipAdded& e) { out.add(e.membership.identity, e.membership.group); }
  void operator()(const MembershipEnded& e) { out.add(e.identity, e.group); }
  void operator()(const EnrollmentOpened& e) { out.add(e.enrollment.id, e.enrollment.identity); }
  void operator()(const EnrollmentEnded& e) { out.add(e.code_hash); }
  void operator()(const DeviceEnrolled& e) {
    out.add(e.device.id, e.device.identity, e.enrollment);
  }
  void operator()(const DeviceRemoved& e) { out.add(e.device); }
  void operator()(const DeviceConfirmed& e) { out.add(e.device); }
  void operator()(const SecondFactorSet& e) { out.add(e.identity); }
  void operator()(const SecondFactorShown& e) { out.add(e.identity, e.device); }
  void operator()(const SecondFactorFailed& e) { out.add(e.identity); }
  void operator()(const CertificateIssued& e) {
    out.add(e.certificate.serial, e.certificate.identity, e.certificate.device);
  }
  void operator()(const CertificateRevoked& e) { out.add(e.serial); }
  void operator()(const CertificateExpired& e) { out.add(e.serial); }
  void operator()(const TargetAdded& e) { out.add(e.target.name); }
  void operator()(const ResourceAdded& e) { out.add(e.resource.name, e.resource.target); }
  void operator()(const EntitlementAdded& e) {
    out.add(e.entitlement.name, e.entitlement.resource);
  }
  void operator()(const DoorAdded& e) { out.add(e.door.identity, e.door.targets); }
  void operator()(const TargetRemoved& e) { out.add(e.target); }
  void operator()(const ResourceRemoved& e) { out.add(e.resource); }
  void operator()(const EntitlementRemoved& e) { out.add(e.entitlement); }
  void operator()(const DoorRemoved& e) { out.add(e.door); }
  void operator()(const PolicyTextRecorded& e) { out.add(e.hash); }
  void operator()(const PolicyApplied& e) {
    out.add(e.hash, "policy " + std::to_string(e.version));
  }
  void operator()(const ChangeProposed& e) { out.add(e.change.id, e.change.proposer); }
  void operator()(const ChangeClosed& e) {
    out.add(e.change);
    if (e.approval) out.add(e.approval->approver);
  }
  void operator()(const RequestOpened& e) {
    out.add(e.request.id, e.request.requester, e.request.beneficiary, e.request.entitlement);
  }
  void operator()(const RequestApproved& e) { out.add(e.request, e.approval.approver); }
  void operator()(const RequestClosed& e) {
    out.add(e.request);
    if (e.approval) out.add(e.approval->approver);
  }
  void operator()(const GrantCreated& e) {
    out.add(e.grant.id, e.grant.request, e.grant.beneficiary, e.grant.entitlement);
  }
  void operator()(const StepPlanned& e) { out.add(e.grant, e.target, e.step.login); }
  void operator()(const GrantActivated& e) { out.add(e.grant); }
  void operator()(const GrantTryFailed& e) { out.add(e.grant); }
  void operator()(const GrantRevoking& e) { out.add(e.grant); }
  void operator()(const GrantCut& e) { out.add(e.grant, e.door, e.sessions); }
  void operator()(const GrantEnded& e) { out.add(e.grant); }
  void operator()(const SessionStarted& e) {
    out.add(e.session.id, e.session.grant, e.session.identity, e.session.door);
  }
  void operator()(const SessionEnded& e) { out.add(e.session, e.grant, e.door); }
  void operator()(const HoldingsObserved& e) { out.add(e.target); }
  void operator()(const FindingOpened& e) {
    out.add(e.finding.id, e.finding.target, e.finding.login);
  }
  void operator()(const FindingClosed& e) { out.add(e.finding); }
  void operator()(const DecisionsAnchored& e) { out.add(e.log); }
  void operator()(const SubjectErased& e) { out.add(e.subject); }
};

}  // namespace

std::string_view kind_of(const EventData& data) {
  return std::visit([](const auto& e) { return std::decay_t<decltype(e)>::kKind; }, data);
}

std::vector<std::string> subjects_of(const EventData& data) {
  Subjects subjects;
  std::visit(CollectSubjects{subjects}, data);
  return subjects.take();
}

}  // namespace writ::core
