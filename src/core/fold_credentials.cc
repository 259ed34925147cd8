// Folding events of what identities prove themselves with: devices, second factors, certificates.
#include "core/fold_event.h"

namespace writ::core::folding {

Status Fold::operator()(const EnrollmentOpened& e) {
  CHECK_OK(known(s.identities, "identity", e.enrollment.identity));
  CHECK_OK(unknown(s.enrollments, "enrollment with code hash", e.enrollment.code_hash));
  s.enrollments.set(e.enrollment.code_hash, e.enrollment);
  s.ends.set("enrollment " + e.enrollment.code_hash, e.enrollment.until);
  return {};
}

void Fold::drop_enrollment(const Enrollment& enrollment) {
  const std::string code_hash = enrollment.code_hash;
  s.ends.erase("enrollment " + code_hash, enrollment.until);
  s.enrollments.erase(code_hash);
}

Status Fold::operator()(const EnrollmentEnded& e) {
  CHECK_OK(known(s.enrollments, "enrollment with code hash", e.code_hash));
  drop_enrollment(*s.enrollments.find(e.code_hash));
  return {};
}

Status Fold::operator()(const DeviceEnrolled& e) {
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

void Fold::tell_certificates(const std::string& device) {
  const std::vector<std::string>* serials = s.certificates_of.find(device);
  if (serials == nullptr) return;
  for (const std::string& serial : *serials) tell_certificate(serial);
}

void Fold::tell_certificate(const std::string& serial) {
  Certificate* certificate = s.certificates.edit(serial);
  certificate->good_until = good_until(s, *certificate);
}

Status Fold::operator()(const DeviceRemoved& e) {
  CHECK_OK(known(s.devices, "device", e.device));
  const Device device = *s.devices.find(e.device);
  s.ends.erase("device " + device.id, device.until);
  remove_from(s.devices_of, device.identity, device.id);
  s.devices.erase(device.id);
  tell_certificates(device.id);
  return {};
}

Status Fold::operator()(const DeviceConfirmed& e) {
  CHECK_OK(known(s.devices, "device", e.device));
  Device* device = s.devices.edit(e.device);
  device->opened_by.clear();
  const SecondFactor* factor = s.second_factors.find(device->identity);
  if (factor != nullptr && factor->awaits == e.device) {
    s.second_factors.edit(device->identity)->awaits.clear();
  }
  return {};
}

Status Fold::operator()(const SecondFactorSet& e) {
  CHECK_OK(known(s.identities, "identity", e.identity));
  SecondFactor factor;
  factor.identity = e.identity;
  factor.seed = e.seed;
  factor.awaits = e.awaits;
  s.second_factors.set(e.identity, std::move(factor));
  return {};
}

Status Fold::operator()(const SecondFactorShown& e) {
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

Status Fold::operator()(const SecondFactorFailed& e) {
  CHECK_OK(known(s.second_factors, "second factor of", e.identity));
  SecondFactor* factor = s.second_factors.edit(e.identity);
  factor->failures = e.failures;
  factor->locked_until = e.locked_until;
  return {};
}

Status Fold::operator()(const CertificateIssued& e) {
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

Status Fold::operator()(const CertificateRevoked& e) {
  CHECK_OK(known(s.certificates, "certificate", e.serial));
  s.certificates.edit(e.serial)->revoked = e.reason;
  tell_certificate(e.serial);
  return {};
}

Status Fold::operator()(const CertificateExpired& e) {
  CHECK_OK(known(s.certificates, "certificate", e.serial));
  const Certificate& certificate = *s.certificates.find(e.serial);
  s.ends.erase("certificate " + e.serial, certificate.until);
  remove_from(s.certificates_of, std::string(certificate.device), e.serial);
  s.certificates.erase(e.serial);
  return {};
}

}  // namespace writ::core::folding
