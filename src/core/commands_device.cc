// open_enrollment, remove_device, revoke_certificate.
#include "base/bytes.h"
#include "core/call.h"
#include "core/names.h"
#include "core/verbs.h"

namespace writ::core {
namespace {

struct OpenEnrollment {
  std::string identity;
};
template <class V>
void fields(V& v, OpenEnrollment& o) {
  v("identity", o.identity);
}

struct ConfirmDevice {
  std::string device;
};
template <class V>
void fields(V& v, ConfirmDevice& c) {
  v("device", c.device);
}

struct RemoveDevice {
  std::string device;
  Json reason;
};
template <class V>
void fields(V& v, RemoveDevice& r) {
  v("device", r.device);
  v("reason", r.reason);
}

struct RevokeCertificate {
  std::string serial;
  Json reason;
};
template <class V>
void fields(V& v, RevokeCertificate& r) {
  v("serial", r.serial);
  v("reason", r.reason);
}

}  // namespace

OpenedEnrollment new_enrollment(std::string_view identity, std::string_view opened_by,
                                const Outside& outside) {
  OpenedEnrollment opened;
  const std::string code = to_base32(outside.random.bytes(16));
  for (std::size_t i = 0; i < code.size(); ++i) {
    if (i > 0 && i % 5 == 0 && i + 1 < code.size()) opened.code.push_back('-');
    opened.code.push_back(code[i]);
  }
  opened.enrollment.id = new_id("enr", outside.random);
  opened.enrollment.identity = identity;
  opened.enrollment.code_hash = enrollment_code_hash(opened.code, outside.sha256_hex);
  opened.enrollment.until = outside.now + kEnrollmentOpen;
  opened.enrollment.opened_by = opened_by;
  return opened;
}

Result<Carried> open_enrollment(const Call& call, const Json& json) {
  TRY(body, from_json<OpenEnrollment>(json));
  // Without permission, who exists stays unknown.
  const Identity* identity = find_identity(call.state, call.sealer(), body.identity);
  CHECK_OK(identity == nullptr ? may_administer(call, "open_enrollment")
                               : allowed(call, "open_enrollment", "identity", identity->id));
  if (identity == nullptr) return fail(identity_named(call, body.identity, "/identity"));
  if (identity->state != IdentityState::kActive) {
    return fail(Code::kConflict, "only an active identity enrols devices", "/identity");
  }
  // One code at a time: an older one that was mislaid is good for nothing.
  Outcome outcome;
  call.state.enrollments.for_each([&](const std::string& hash, const Enrollment& enrollment) {
    if (enrollment.identity == identity->id) {
      outcome.events.push_back(EnrollmentEnded{hash, "superseded"});
    }
  });
  const OpenedEnrollment opened = new_enrollment(identity->id, call.actor.identity, call.outside);
  outcome.events.push_back(EnrollmentOpened{opened.enrollment});
  outcome.result = Json::object({{"enrollment", opened.enrollment.id},
                                 {"identity", identity->id},
                                 {"code", opened.code},
                                 {"until", to_json(opened.enrollment.until)}});
  return Carried{std::move(outcome), Persons::kOne};
}

// Whoever opens an enrolment sees its code, and could use it before the person does. So the first
// device of a person lets nobody in until somebody else has made sure whose it is.
Result<Carried> confirm_device(const Call& call, const Json& json) {
  TRY(body, from_json<ConfirmDevice>(json));
  CHECK_OK(may_administer(call, "confirm_device"));
  if (!call.actor.chain.empty()) {
    return fail(Code::kDenied, "a person confirms devices, and nobody on behalf of one");
  }
  const Device* device = call.state.devices.find(body.device);
  if (device == nullptr) return fail(Code::kNotFound, "there is no device of this id", "/device");
  const Json result = Json::object({{"device", device->id}, {"identity", device->identity}});
  if (device->opened_by.empty()) return Carried{Outcome{{}, result, {}}, Persons::kOne};
  const auto sender = persons_behind(call.state, call.actor.identity, call.now());
  const auto opener = persons_behind(call.state, device->opened_by, call.now());
  const auto holder = persons_behind(call.state, device->identity, call.now());
  if (!different_persons(sender, opener) || !different_persons(sender, holder)) {
    return fail(Code::kDenied,
                "a device is confirmed by an administrator who is neither its holder nor the one "
                "who opened its enrolment");
  }
  CHECK_OK(check_factor(call, kApprovalFactor));
  return Carried{Outcome{{DeviceConfirmed{device->id}}, result, {}}, Persons::kOne};
}

void end_device(const Call& call, const std::string& device, std::optional<Sealed> note,
                std::vector<EventData>& events) {
  events.push_back(DeviceRemoved{device, "removed", std::move(note)});
  const std::vector<std::string>* serials = call.state.certificates_of.find(device);
  if (serials == nullptr) return;
  for (const std::string& serial : *serials) {
    if (call.state.certificates.find(serial)->revoked) continue;
    events.push_back(CertificateRevoked{serial, "its device was removed", std::nullopt});
  }
}

Result<Carried> remove_device(const Call& call, const Json& json) {
  TRY(body, from_json<RemoveDevice>(json));
  CHECK_OK(check_words(call, body.reason, "/reason"));
  const Device* device = call.state.devices.find(body.device);
  const bool own =
      device != nullptr && answers_for(call, principal_of(call.actor), device->identity);
  if (!own) CHECK_OK(may_administer(call, "remove_device"));
  if (device == nullptr) return fail(Code::kNotFound, "there is no device of this id", "/device");
  Outcome outcome;
  TRY(note, sealed_words(call, body.reason, "/reason", device->identity));
  end_device(call, device->id, note, outcome.events);
  outcome.result = Json::object({{"device", device->id}, {"identity", device->identity}});
  return Carried{std::move(outcome), Persons::kOne};
}

Result<Carried> revoke_certificate(const Call& call, const Json& json) {
  TRY(body, from_json<RevokeCertificate>(json));
  CHECK_OK(check_words(call, body.reason, "/reason"));
  const Certificate* certificate = call.state.certificates.find(body.serial);
  const bool own =
      certificate != nullptr && answers_for(call, principal_of(call.actor), certificate->identity);
  if (!own) CHECK_OK(may_administer(call, "revoke_certificate"));
  if (certificate == nullptr) {
    return fail(Code::kNotFound, "there is no live certificate of this serial", "/serial");
  }
  Outcome outcome;
  outcome.result =
      Json::object({{"serial", certificate->serial}, {"identity", certificate->identity}});
  if (!certificate->revoked) {
    TRY(note, sealed_words(call, body.reason, "/reason", certificate->identity));
    outcome.events.push_back(CertificateRevoked{certificate->serial, "by command", note});
  }
  return Carried{std::move(outcome), Persons::kOne};
}

}  // namespace writ::core
