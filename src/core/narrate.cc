// narrate: one readable line for each kind of event.
#include <algorithm>

#include "core/views.h"

namespace writ::core {
namespace {

// Text from outside cannot forge a line or a colour on a terminal: control characters, also those
// of two bytes, become question marks.
std::string printable(std::string_view text) {
  std::string out(text.substr(0, 300));
  for (std::size_t i = 0; i < out.size(); ++i) {
    const auto c = static_cast<unsigned char>(out[i]);
    const bool c1 =
        c == 0xc2 && i + 1 < out.size() && static_cast<unsigned char>(out[i + 1]) < 0xa0;
    if (c < 0x20 || c == 0x7f) out[i] = '?';
    if (c1) out[i] = out[i + 1] = '?';
  }
  return out;
}

std::string plural(std::size_t count, std::string_view noun) {
  return std::to_string(count) + " " + std::string(noun) + (count == 1 ? "" : "s");
}

std::string at(Time time) {
  return to_text(time);
}

struct Narrator {
  const State& state;
  const Sealer& sealer;

  std::string name(std::string_view id) const { return printable(display_name(state, sealer, id)); }
  std::string owner(std::string_view owner) const {
    constexpr std::string_view kIdentity = "identity:";
    if (owner.starts_with(kIdentity)) return name(owner.substr(kIdentity.size()));
    return printable(owner);
  }
  std::string words(const Sealed& sealed) const {
    return printable(opened_or_erased(sealer, sealed));
  }
  std::string because(std::string_view reason) const {
    return reason.empty() ? std::string() : ": " + printable(reason);
  }
  std::string because(const std::optional<Sealed>& note) const {
    return note ? ": " + words(*note) : std::string();
  }
  // A grant, and whose it is while it lives.
  std::string grant(const std::string& id) const {
    const Grant* grant = state.grants.find(id);
    if (grant == nullptr) return "grant " + id;
    return "grant " + id + " (" + name(grant->beneficiary) + ", " + grant->entitlement + ")";
  }
  std::string request(const std::string& id) const {
    const Request* request = state.requests.find(id);
    if (request == nullptr) return "request " + id;
    return "request " + id + " (" + name(request->requester) + ", " + request->entitlement + ")";
  }
  std::string finding(const std::string& id) const {
    const Finding* finding = state.findings.find(id);
    if (finding == nullptr) return "finding " + id;
    return "finding " + id + " (" + finding->kind + ", " + printable(finding->about) + ")";
  }

  std::string operator()(const Genesis& e) const {
    return "founded the trust domain " + e.trust_domain +
           (e.solo ? " alone" : " with two administrators");
  }
  std::string operator()(const IdentityAdded& e) const {
    const Identity& i = e.identity;
    const std::string called = i.sealed_name ? words(*i.sealed_name) : printable(i.name);
    return "added the " + std::string(name_of(i.kind)) + " " + called + " (" + i.id + ", tier " +
           std::string(name_of(i.tier)) + (i.owner.empty() ? "" : ", owned by " + owner(i.owner)) +
           ")";
  }
  std::string operator()(const IdentityStateChanged& e) const {
    return "set " + name(e.identity) + " to " + std::string(name_of(e.state)) + because(e.note);
  }
  std::string operator()(const OwnerChanged& e) const {
    return "gave " + owner(e.of) + " to " + owner(e.owner);
  }
  std::string operator()(const GroupAdded& e) const {
    return "added the group " + e.group.name + (e.group.administers ? ", which administers" : "");
  }
  std::string operator()(const MembershipAdded& e) const {
    const Membership& m = e.membership;
    return "put " + name(m.identity) + " in " + m.group + " until " + at(m.until);
  }
  std::string operator()(const MembershipEnded& e) const {
    return "took " + name(e.identity) + " out of " + e.group + because(e.reason) + because(e.note);
  }
  std::string operator()(const EnrollmentOpened& e) const {
    return "opened an enrollment for " + name(e.enrollment.identity) + " until " +
           at(e.enrollment.until);
  }
  std::string operator()(const EnrollmentEnded& e) const {
    return "ended an enrollment that was not used" + because(e.reason);
  }
  std::string operator()(const DeviceEnrolled& e) const {
    return "enrolled the device " + words(e.device.label) + " (" + e.device.id + ") of " +
           name(e.device.identity) + " until " + at(e.device.until);
  }
  std::string operator()(const DeviceRemoved& e) const {
    return "removed the device " + e.device + because(e.reason) + because(e.note);
  }
  std::string operator()(const DeviceConfirmed& e) const {
    const Device* device = state.devices.find(e.device);
    return "confirmed the device " + e.device +
           (device == nullptr ? "" : " of " + name(device->identity));
  }
  std::string operator()(const SecondFactorSet& e) const {
    return "set the second factor of " + name(e.identity);
  }
  std::string operator()(const SecondFactorShown& e) const {
    return "showed a second factor of " + name(e.identity);
  }
  std::string operator()(const SecondFactorFailed& e) const {
    return "showed a wrong code of " + name(e.identity) + " (" +
           plural(static_cast<std::size_t>(std::max(0, e.failures)), "failure") +
           (e.locked_until ? ", locked until " + at(*e.locked_until) : "") + ")";
  }
  std::string operator()(const CertificateIssued& e) const {
    return "issued certificate " + e.certificate.serial + " to " + name(e.certificate.identity) +
           " until " + at(e.certificate.until);
  }
  std::string operator()(const CertificateRevoked& e) const {
    return "revoked certificate " + e.serial + because(e.reason) + because(e.note);
  }
  std::string operator()(const CertificateExpired& e) const {
    return "dropped certificate " + e.serial + ", which has expired";
  }
  std::string operator()(const TargetAdded& e) const {
    return "added the target " + e.target.name + " (" + e.target.kind + " at " +
           printable(e.target.host) + ":" + std::to_string(e.target.port) + ")";
  }
  std::string operator()(const ResourceAdded& e) const {
    return "added the resource " + e.resource.name + " (tier " +
           std::string(name_of(e.resource.tier)) + ", owned by " + owner(e.resource.owner) + ")";
  }
  std::string operator()(const EntitlementAdded& e) const {
    return "added the entitlement " + e.entitlement.name;
  }
  std::string operator()(const DoorAdded& e) const {
    std::string targets;
    for (const std::string& t : e.door.targets) targets += (targets.empty() ? "" : ", ") + t;
    return "put the door " + name(e.door.identity) + " in front of " + targets;
  }
  std::string operator()(const TargetRemoved& e) const { return "removed the target " + e.target; }
  std::string operator()(const ResourceRemoved& e) const {
    return "removed the resource " + e.resource;
  }
  std::string operator()(const EntitlementRemoved& e) const {
    return "removed the entitlement " + e.entitlement;
  }
  std::string operator()(const DoorRemoved& e) const {
    return "took the door " + name(e.door) + " away";
  }
  std::string operator()(const PolicyTextRecorded& e) const {
    return "part " + std::to_string(e.part + 1) + " of " + std::to_string(e.parts) +
           " of the policy text " + e.hash.substr(0, 12) + " was recorded";
  }
  std::string operator()(const PolicyApplied& e) const {
    return "applied policy version " + std::to_string(e.version) + " (" +
           plural(static_cast<std::size_t>(e.files), "file") + ", hash " + e.hash.substr(0, 12) +
           ")";
  }
  std::string operator()(const ChangeProposed& e) const {
    return "proposed " + e.change.verb + " (" + e.change.id + "), which needs a second person by " +
           at(e.change.until);
  }
  std::string operator()(const ChangeClosed& e) const {
    return "closed change " + e.change + ": " + e.outcome +
           (e.approval ? " by " + name(e.approval->approver) : "");
  }
  std::string operator()(const RequestOpened& e) const {
    const Request& r = e.request;
    return "asked for " + r.entitlement + " for " + to_text(r.duration) +
           (r.beneficiary == r.requester ? "" : " for " + name(r.beneficiary)) + " (" + r.id +
           "): " + words(r.purpose);
  }
  std::string operator()(const RequestApproved& e) const {
    return "approved " + request(e.request);
  }
  std::string operator()(const RequestClosed& e) const {
    return "closed " + request(e.request) + ": " + e.outcome +
           (e.approval ? " by " + name(e.approval->approver) : "");
  }
  std::string operator()(const GrantCreated& e) const {
    const Grant& g = e.grant;
    return "granted " + g.entitlement + " to " + name(g.beneficiary) + " for " +
           to_text(g.duration) + " (" + g.id + ", by " + std::string(name_of(g.cause)) + " " +
           printable(g.policy) + ")";
  }
  std::string operator()(const StepPlanned& e) const {
    return "planned to " + std::string(name_of(e.step.kind)) + " " + printable(e.step.login) +
           " in " + e.target + (e.grant.empty() ? "" : " for " + grant(e.grant));
  }
  std::string operator()(const GrantActivated& e) const {
    return "activated " + grant(e.grant) + " until " + at(e.until);
  }
  std::string operator()(const GrantTryFailed& e) const {
    return "failed at try " + std::to_string(e.tries) + " of " + grant(e.grant) + because(e.error);
  }
  std::string operator()(const GrantRevoking& e) const {
    return "is revoking " + grant(e.grant) + " (" + std::string(name_of(e.reason)) + ")" +
           (e.note ? ": " + words(*e.note) : "");
  }
  std::string operator()(const GrantCut& e) const {
    return "cut " + plural(e.sessions.size(), "session") + " of " + grant(e.grant);
  }
  std::string operator()(const GrantEnded& e) const {
    return "ended " + grant(e.grant) + " (" + std::string(name_of(e.reason)) +
           "): the account is gone" +
           (e.observed.sessions_ended > 0
                ? ", " + plural(static_cast<std::size_t>(e.observed.sessions_ended), "session") +
                      " ended in the target"
                : "") +
           (e.observed.quarantined.empty()
                ? ""
                : ", " + plural(e.observed.quarantined.size(), "object") + " quarantined");
  }
  std::string operator()(const SessionStarted& e) const {
    const Session& s = e.session;
    return "let " + name(s.identity) + " in from " + printable(s.source_ip) + " with " +
           (s.application.empty() ? "an unnamed program" : printable(s.application)) + " (" + s.id +
           ") on " + grant(s.grant);
  }
  std::string operator()(const SessionEnded& e) const {
    return "ended session " + e.session + " (" + printable(e.reason) + ", " +
           std::to_string(e.bytes_in) + " bytes in, " + std::to_string(e.bytes_out) + " out)";
  }
  std::string operator()(const HoldingsObserved& e) const {
    return "observed " + plural(e.added.size(), "new holding") + " and " +
           plural(e.removed.size(), "lost holding") + " in " + e.target;
  }
  std::string operator()(const FindingOpened& e) const {
    return "found " + e.finding.kind + " (" + std::string(name_of(e.finding.severity)) + ", " +
           e.finding.id + "): " + printable(e.finding.detail);
  }
  std::string operator()(const FindingClosed& e) const {
    return "closed " + finding(e.finding) + because(e.reason);
  }
  std::string operator()(const DecisionsAnchored& e) const {
    return "anchored the decision log " + printable(e.log) + " at " + std::to_string(e.size) +
           " entries";
  }
  std::string operator()(const SubjectErased& e) const { return "erased " + name(e.subject); }
};

std::string actor_of(const Narrator& narrator, const Event& event) {
  if (event.actors.empty() || event.actors.front() == "server") return "Writ";
  constexpr std::string_view kDoor = "door:";
  std::string text;
  for (const std::string& actor : event.actors) {
    text += text.empty() ? "" : " for ";
    text += actor.starts_with(kDoor) ? "door " + narrator.name(actor.substr(kDoor.size()))
                                     : narrator.name(actor);
  }
  return text;
}

}  // namespace

std::string narrate(const State& state, const Sealer& sealer, const Event& event) {
  std::string when = to_text(event.time).substr(0, 19);  // seconds are enough for people
  std::replace(when.begin(), when.end(), 'T', ' ');
  const Narrator narrator{state, sealer};
  return when + "  " + actor_of(narrator, event) + " " + std::visit(narrator, event.data);
}

}  // namespace writ::core
