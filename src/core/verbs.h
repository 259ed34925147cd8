// The handlers of all verbs, by the file that holds them. Internal to the room.
#pragma once

#include "core/call.h"

namespace writ::core {

// commands_access.cc
Result<Carried> request_access(const Call& call, const Json& body);
Result<Carried> withdraw(const Call& call, const Json& body);
Result<Carried> revoke(const Call& call, const Json& body);
Result<Carried> open_baseline(const Call& call, const Json& body);
// commands_approve.cc
Result<Carried> approve(const Call& call, const Json& body);
// commands_identity.cc
Result<Carried> add_identity(const Call& call, const Json& body);
Result<Carried> set_identity_state(const Call& call, const Json& body);
Result<Carried> erase_subject(const Call& call, const Json& body);
// commands_group.cc
Result<Carried> add_group(const Call& call, const Json& body);
Result<Carried> add_member(const Call& call, const Json& body);
Result<Carried> remove_member(const Call& call, const Json& body);
// commands_device.cc
Result<Carried> open_enrollment(const Call& call, const Json& body);
Result<Carried> confirm_device(const Call& call, const Json& body);
Result<Carried> remove_device(const Call& call, const Json& body);
Result<Carried> revoke_certificate(const Call& call, const Json& body);
// commands_target.cc
Result<Carried> add_target(const Call& call, const Json& body);
Result<Carried> add_resource(const Call& call, const Json& body);
Result<Carried> add_entitlement(const Call& call, const Json& body);
Result<Carried> add_door(const Call& call, const Json& body);
// commands_remove.cc
Result<Carried> remove_target(const Call& call, const Json& body);
Result<Carried> remove_resource(const Call& call, const Json& body);
Result<Carried> remove_entitlement(const Call& call, const Json& body);
Result<Carried> remove_door(const Call& call, const Json& body);
// commands_policy.cc
Result<Carried> apply_policy(const Call& call, const Json& body);
// commands_finding.cc
Result<Carried> remedy(const Call& call, const Json& body);

// change.cc: commands of two persons.
Result<Outcome> propose(const Call& call, std::string_view verb, const Json& body,
                        std::optional<Kept> kept);
Result<Outcome> decide_change(const Call& call, const Change& change, const Approval& approval);
// The handler of a verb, or null.
Handler handler_of(std::string_view verb);

// A fresh one-time code, and the enrollment that it opens.
struct OpenedEnrollment {
  std::string code;  // grouped for people
  Enrollment enrollment;
};
OpenedEnrollment new_enrollment(std::string_view identity, std::string_view opened_by,
                                const Outside& outside);

}  // namespace writ::core
