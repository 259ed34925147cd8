// approve: a person's signed decision on a pending request or change.
#include <algorithm>

#include "base/secret.h"
#include "core/approval.h"
#include "core/verbs.h"

namespace writ::core {
namespace {

struct Approve {
  std::string id;
  bool approve = false;
  std::string signature;       // base64, over the statement
  std::string statement_hash;  // hex SHA-256 of the statement that was shown
};
template <class V>
void fields(V& v, Approve& a) {
  v("id", a.id);
  v("approve", a.approve);
  v("signature", a.signature);
  v("statement_hash", a.statement_hash);
}

// "group:dba", "identity:idn_…", or the owner of the entitlement's resource.
std::string approvers_of(const State& state, const Request& request) {
  if (request.terms.approvers != "owner" && !request.terms.approvers.empty()) {
    return request.terms.approvers;
  }
  const Entitlement* entitlement = state.entitlements.find(request.entitlement);
  if (entitlement == nullptr) return {};
  const Resource* resource = state.resources.find(entitlement->resource);
  return resource == nullptr ? std::string() : resource->owner;
}

Status is_active_person(const State& state, std::string_view approver) {
  const Identity* identity = state.identities.find(approver);
  if (identity == nullptr || identity->state != IdentityState::kActive) {
    return fail(Code::kDenied, "only an active identity may approve");
  }
  if (!is_person(identity->kind)) {
    return fail(Code::kDenied, "only a person may approve; machines and agents never do");
  }
  return {};
}

Status other_person(const State& state, std::string_view approver, std::string_view than,
                    Time now) {
  if (different_persons({std::string(approver)}, persons_behind(state, than, now))) return {};
  return fail(Code::kDenied,
              "you stand behind this yourself, as who asks, gains or owns; another person must "
              "decide");
}

// The decision of this call, checked: the statement is the one that is pending now, the signature
// is by the sender's own device, and the second factor is fresh. A denial narrows and needs none.
Result<Approval> checked_approval(const Call& call, const Approve& body) {
  TRY(statement,
      approval_statement(call.state, call.sealer(), body.id, call.actor.identity, body.approve));
  Approval approval;
  approval.approver = call.actor.identity;
  approval.approved = body.approve;
  approval.statement_hash = call.outside.sha256_hex(statement);
  approval.time = call.now();
  if (!equal_constant_time(approval.statement_hash, body.statement_hash)) {
    return fail(Code::kConflict, "this has changed since it was shown to you; look at it again",
                "/statement_hash");
  }
  const Device* device = call.state.devices.find(call.actor.device);
  if (device == nullptr || device->identity != call.actor.identity || device->until <= call.now()) {
    return fail(Code::kDenied, "an approval is signed by an enrolled device of your own");
  }
  if (body.signature.size() > 1024 ||
      !call.outside.verify(device->public_key, statement, body.signature)) {
    return fail(Code::kDenied, "the signature is not by this device over what is pending",
                "/signature");
  }
  if (body.approve) CHECK_OK(check_factor(call, kApprovalFactor));
  approval.device = device->id;
  approval.signature = body.signature;
  return approval;
}

// The request, judged again as if it were asked now, with the approvals that it has by then.
Result<Grant> grant_of(const Call& call, const Request& request, int approvals,
                       const std::vector<std::string>& approvers) {
  const Identity* beneficiary = call.state.identities.find(request.beneficiary);
  const Entitlement* entitlement = call.state.entitlements.find(request.entitlement);
  if (beneficiary == nullptr || entitlement == nullptr) {
    return fail(Code::kConflict, "what was asked for is there no longer");
  }
  Grant grant =
      new_grant(call, *beneficiary, *entitlement, Cause::kOffer, request.offer, request.duration);
  grant.request = request.id;
  grant.purpose = request.purpose;
  grant.approvers = approvers;
  const SecondFactor* factor = call.state.second_factors.find(request.requester);
  if (factor != nullptr && factor->fresh) {
    grant.mfa_age_ms = std::max<std::int64_t>(0, (call.now() - *factor->fresh).count());
  }
  if (!still_offered(call.state, grant, call.now())) {
    return fail(Code::kConflict, "the offer \"" + request.offer +
                                     "\" does not match any more; it must be asked for anew");
  }
  for (const Offer& offer :
       offers_for(call.state, beneficiary->id, entitlement->name, call.now())) {
    if (offer.policy != request.offer) continue;
    if (request.duration > offer.terms.max_ttl || offer.terms.approvals > approvals ||
        (offer.terms.approvals > 0 && offer.terms.approvers != request.terms.approvers)) {
      return fail(Code::kConflict, "the terms of the offer \"" + request.offer +
                                       "\" have changed; it must be asked for anew");
    }
  }
  Question question;
  question.subject = beneficiary->id;
  question.action = "request";
  question.resource_type = "entitlement";
  question.resource = entitlement->name;
  question.duration = request.duration;
  question.approvals = approvals;
  if (request.requester != request.beneficiary) question.actors = {request.requester};
  CHECK_OK(as_status(decide(call.state, question, call.now()), "be given this"));
  return grant;
}

Result<Outcome> decide_request(const Call& call, const Request& request, const Approval& approval) {
  const Json closed = Json::object({{"id", request.id}, {"state", "denied"}});
  if (!approval.approved) {
    return Outcome{{RequestClosed{request.id, "denied", approval}}, closed, {}};
  }
  const auto counting = counting_approvals(call.state, request, call.now());
  std::vector<std::string> approvers;
  for (const Approval* earlier : counting) approvers.push_back(earlier->approver);
  if (std::any_of(request.approvals.begin(), request.approvals.end(),
                  [&](const Approval& a) { return a.approver == approval.approver; })) {
    return fail(Code::kConflict, "you have approved this already; another person is needed");
  }
  Question question;
  question.subject = approval.approver;
  question.action = "approve";
  question.resource_type = "entitlement";
  question.resource = request.entitlement;
  question.credential = call.actor.credential;
  question.source_ip = call.actor.source_ip;
  question.duration = request.duration;
  question.approvals = static_cast<int>(approvers.size());
  question.requester = request.requester;
  question.beneficiary = request.beneficiary;
  CHECK_OK(as_status(decide(call.state, question, call.now()), "approve this"));

  approvers.push_back(approval.approver);
  const int given = static_cast<int>(approvers.size());
  Outcome outcome;
  outcome.events.push_back(RequestApproved{request.id, approval});
  if (given < request.terms.approvals) {
    outcome.result = Json::object({{"id", request.id},
                                   {"state", "pending"},
                                   {"approvals", given},
                                   {"needed", request.terms.approvals}});
    return outcome;
  }
  TRY(grant, grant_of(call, request, given, approvers));
  outcome.events.push_back(RequestClosed{request.id, "approved", std::nullopt});
  outcome.events.push_back(GrantCreated{grant});
  outcome.result = Json::object(
      {{"id", request.id}, {"state", "approved"}, {"grant", grant.id}, {"approvals", given}});
  return outcome;
}

}  // namespace

Status may_approve(const State& state, const Request& request, std::string_view approver,
                   Time now) {
  CHECK_OK(is_active_person(state, approver));
  CHECK_OK(other_person(state, approver, request.requester, now));
  CHECK_OK(other_person(state, approver, request.beneficiary, now));
  const std::string wanted = approvers_of(state, request);
  const auto persons = persons_of_owner(state, wanted, now);
  if (std::find(persons.begin(), persons.end(), approver) != persons.end()) return {};
  return fail(Code::kDenied, "this is for " + (wanted.empty() ? "nobody" : wanted) + " to decide");
}

Status may_approve(const State& state, const Change& change, std::string_view approver, Time now) {
  CHECK_OK(is_active_person(state, approver));
  CHECK_OK(other_person(state, approver, change.proposer, now));
  Question question;
  question.subject = approver;
  question.action = "approve";
  question.resource_type = "system";
  question.resource = "writ";
  question.requester = change.proposer;
  return as_status(decide(state, question, now), "approve changes");
}

Status may_approve(const State& state, std::string_view id, std::string_view approver, Time now) {
  const std::string key(id);
  if (const Request* request = state.requests.find(key)) {
    return may_approve(state, *request, approver, now);
  }
  if (const Change* change = state.changes.find(key)) {
    return may_approve(state, *change, approver, now);
  }
  return fail(Code::kNotFound, "no request or change of this id is pending", "/id");
}

std::vector<const Approval*> counting_approvals(const State& state, const Request& request,
                                                Time now) {
  std::vector<const Approval*> counting;
  for (const Approval& approval : request.approvals) {
    if (approval.approved && may_approve(state, request, approval.approver, now)) {
      counting.push_back(&approval);
    }
  }
  return counting;
}

Result<std::string> approval_statement(const State& state, const Sealer& sealer,
                                       std::string_view id, std::string_view approver,
                                       bool approve) {
  Json statement = Json::object({{"statement", "writ approval 1"},
                                 {"trust_domain", state.genesis.trust_domain},
                                 {"approver", approver},
                                 {"decision", approve ? "approve" : "deny"}});
  if (const Request* pending = state.requests.find(id)) {
    if (approve && !sealer.open(pending->purpose)) {
      return fail(Code::kConflict, "the purpose of this request was erased");
    }
    // Without the approvals so far: each person signs the same thing. With what the names stand
    // for, so that nobody approves one thing and another is given.
    Request request = *pending;
    request.approvals.clear();
    statement.set("request", to_json(request));
    if (const Entitlement* entitlement = state.entitlements.find(request.entitlement)) {
      statement.set("entitlement", to_json(*entitlement));
      if (const Resource* resource = state.resources.find(entitlement->resource)) {
        statement.set("resource", to_json(*resource));
      }
    }
  } else if (const Change* change = state.changes.find(id)) {
    statement.set("change", to_json(*change));
    statement.set("policy_version", state.policy_version);
  } else {
    return fail(Code::kNotFound, "no request or change of this id is pending", "/id");
  }
  return canonical(statement);
}

Result<Carried> approve(const Call& call, const Json& json) {
  TRY(body, from_json<Approve>(json));
  const Request* request = call.state.requests.find(body.id);
  const Change* change = call.state.changes.find(body.id);
  if (request == nullptr && change == nullptr) {
    return fail(Code::kNotFound, "no request or change of this id is pending", "/id");
  }
  if (!call.actor.chain.empty()) {
    return fail(Code::kDenied, "a person approves, and nobody on behalf of one");
  }
  if ((request != nullptr ? request->until : change->until) <= call.now()) {
    return fail(Code::kConflict, "this has expired; it must be asked for anew");
  }
  CHECK_OK(request != nullptr ? may_approve(call.state, *request, call.actor.identity, call.now())
                              : may_approve(call.state, *change, call.actor.identity, call.now()));
  TRY(approval, checked_approval(call, body));
  TRY(outcome, request != nullptr ? decide_request(call, *request, approval)
                                  : decide_change(call, *change, approval));
  return Carried{std::move(outcome), Persons::kOne};
}

}  // namespace writ::core
