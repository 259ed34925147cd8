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

constexpr std::int64_t kVersion = 1;
constexpr JsonLimits kLimits{.bytes = 1 << 20, .depth = 48, .items = 100'000};

struct Envelope {
  std::int64_t v = kVersion;
  std::uint64_t seq = 0;
  Time time;
  std::string trust_domain;
  std::vector<std::string> actors;
  std::string kind;
  Json data;
};
template <class V>
void fields(V& v, Envelope& e) {
  v("v", e.v);
  v("seq", e.seq);
  v("time", e.time);
  v("trust_domain", e.trust_domain);
  v("actors", e.actors);
  v("kind", e.kind);
  v("data", e.data);
}

tl::unexpected<Error> corrupt(std::string message, std::string where = {}) {
  return fail(Code::kCorrupt, "this is no event: " + std::move(message), std::move(where));
}

template <class Kind>
Result<EventData> data_from(const Json& json) {
  TRY(data, from_json<Kind>(json, "/data"));
  return EventData(std::move(data));
}

template <std::size_t... I>
Result<EventData> data_of_kind(std::string_view kind, const Json& json, std::index_sequence<I...>) {
  Result<EventData> result = corrupt("its kind \"" + std::string(kind) + "\" is unknown", "/kind");
  (void)((std::variant_alternative_t<I, EventKinds>::kKind == kind &&
          (result = data_from<std::variant_alternative_t<I, EventKinds>>(json), true)) ||
         ...);
  return result;
}

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

std::string encode(const Event& event) {
  Envelope envelope;
  envelope.seq = event.seq;
  envelope.time = event.time;
  envelope.trust_domain = event.trust_domain;
  envelope.actors = event.actors;
  envelope.kind = kind_of(event.data);
  envelope.data = std::visit([](const auto& e) { return to_json(e); }, event.data);
  return canonical(to_json(envelope));
}

Result<Event> decode_event(std::string_view bytes) {
  auto json = parse_json(bytes, kLimits);
  if (!json) return corrupt(json.error().message, json.error().where);
  auto envelope = from_json<Envelope>(*json);
  if (!envelope) return corrupt(envelope.error().message, envelope.error().where);
  if (envelope->v != kVersion) {
    return corrupt("version " + std::to_string(envelope->v) + " of \"" + envelope->kind +
                       "\" is not known to this program; a newer one may read it",
                   "/v");
  }
  auto data = data_of_kind(envelope->kind, envelope->data,
                           std::make_index_sequence<std::variant_size_v<EventKinds>>());
  if (!data) return corrupt(data.error().message, data.error().where);
  Event event{envelope->seq, envelope->time, std::move(envelope->trust_domain),
              std::move(envelope->actors), std::move(*data)};
  // One event has one form: the bytes are hashed.
  if (encode(event) != bytes) return corrupt("its JSON is not in canonical form");
  return event;
}

std::vector<std::string> subjects_of(const EventData& data) {
  Subjects subjects;
  std::visit(CollectSubjects{subjects}, data);
  return subjects.take();
}

}  // namespace writ::core
