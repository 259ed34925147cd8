#include "core/genesis.h"

#include <algorithm>

#include "core/call.h"
#include "core/names.h"
#include "core/policy_check.h"
#include "core/verbs.h"

namespace writ::core {
namespace {

// A DNS name in lower case: labels of a-z 0-9 and -, 255 bytes in all.
Status check_trust_domain(std::string_view name) {
  bool good = !name.empty() && name.size() <= 255 && name.front() != '.' && name.back() != '.' &&
              name.find("..") == std::string_view::npos;
  for (char c : name) {
    good = good && ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.');
  }
  if (good) return {};
  return fail(Code::kInvalid, "a trust domain is a DNS name in lower case, like example.org",
              "/trust_domain");
}

Finding solo_finding(const Outside& outside) {
  Finding finding;
  finding.id = new_id("fnd", outside.random);
  finding.kind = "solo_administration";
  finding.about = "writ: administrators";
  finding.severity = Severity::kHigh;
  finding.detail =
      "this trust domain was founded by one person alone: what needs two persons elsewhere needs "
      "one here";
  finding.since = outside.now;
  return finding;
}

}  // namespace

Result<Outcome> found(const Founding& founding, const Outside& outside) {
  CHECK_OK(check_trust_domain(founding.trust_domain));
  const auto& names = founding.administrators;
  if (names.empty() || names.size() > 2) {
    return fail(Code::kInvalid, "name two administrators, or one alone", "/administrators");
  }
  CHECK_OK(check_policy_files(founding.policies));
  CHECK_OK(check_policies(founding.policies));
  Outcome outcome;
  auto& events = outcome.events;
  const bool solo = names.size() == 1;
  events.push_back(Genesis{founding.trust_domain, founding.engine, founding.constitution, solo,
                           founding.journal_key, founding.ca});
  const std::string group(kAdministrators);
  events.push_back(GroupAdded{Group{group, "change Writ itself", true}});
  Json codes = Json::object(), ids = Json::object();
  std::vector<EventData> enrollments;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const std::string pointer = "/administrators/" + std::to_string(i);
    CHECK_OK(check_identity_name(names[i], pointer));
    if (i > 0 && names[i] == names[0]) {
      return fail(Code::kInvalid, "two administrators are two persons", pointer);
    }
    Identity identity;
    identity.id = new_id("idn", outside.random);
    identity.kind = IdentityKind::kUser;
    TRY(sealed, outside.sealer.seal(identity.id, names[i]));
    identity.sealed_name = std::move(sealed);
    identity.name_digest = outside.sealer.digest(names[i]);
    identity.tier = Tier::kHigh;
    identity.since = outside.now;
    events.push_back(IdentityAdded{identity});
    events.push_back(MembershipAdded{
        Membership{group, identity.id, outside.now + limits_of(identity.tier).review}});
    OpenedEnrollment opened = new_enrollment(identity.id, kFoundersTickets, outside);
    codes.set(names[i], opened.code);
    ids.set(names[i], identity.id);
    enrollments.push_back(EnrollmentOpened{std::move(opened.enrollment)});
  }
  for (EventData& data : apply_files(State(), founding.policies, outside.sha256_hex)) {
    events.push_back(std::move(data));
  }
  events.insert(events.end(), enrollments.begin(), enrollments.end());
  if (solo) events.push_back(FindingOpened{solo_finding(outside)});
  outcome.result = Json::object({{"codes", codes}, {"identities", ids}});

  State state;
  for (const EventData& data : events) {
    const Event event{state.next_seq, outside.now, founding.trust_domain, {"server"}, data};
    CHECK_OK(fold(state, event, outside.sealer));
  }
  if (administrators_of(state, outside.now, outside.sealer) < static_cast<int>(names.size())) {
    return fail(Code::kInvalid, "these policies would not let the founders change them",
                "/policies");
  }
  return outcome;
}

Result<Outcome> reopen_tickets(const State& state, const Outside& outside) {
  const std::vector<std::string>* members = state.members.find(kAdministrators);
  const int wanted = state.genesis.solo ? 1 : 2;
  int enrolled = 0;
  std::vector<std::string> without;
  for (const std::string& id : members == nullptr ? std::vector<std::string>() : *members) {
    const Identity* identity = state.identities.find(id);
    if (identity == nullptr || !is_person(identity->kind) ||
        identity->state != IdentityState::kActive ||
        !is_member(state, id, kAdministrators, outside.now)) {
      continue;
    }
    const SecondFactor* factor = state.second_factors.find(id);
    if (factor != nullptr && factor->awaits.empty()) {
      ++enrolled;
    } else {
      without.push_back(id);
    }
  }
  if (enrolled >= wanted || without.empty()) {
    return fail(Code::kConflict,
                "the administrators have devices of their own; they open enrolments with: writ "
                "identity enroll NAME");
  }
  Outcome outcome;
  Json codes = Json::object();
  state.enrollments.for_each([&](const std::string& hash, const Enrollment& enrollment) {
    if (std::find(without.begin(), without.end(), enrollment.identity) != without.end()) {
      outcome.events.push_back(EnrollmentEnded{hash, "superseded"});
    }
  });
  for (const std::string& id : without) {
    OpenedEnrollment opened = new_enrollment(id, kFoundersTickets, outside);
    codes.set(display_name(state, outside.sealer, id), opened.code);
    outcome.events.push_back(EnrollmentOpened{std::move(opened.enrollment)});
  }
  outcome.result = Json::object({{"codes", codes}});
  return outcome;
}

}  // namespace writ::core
