// Folding events of policies, changes, requests, grants and sessions.
#include "core/fold_event.h"
#include "core/policy.h"
#include "core/policy_text.h"

namespace writ::core::folding {

Status Fold::operator()(const PolicyTextRecorded& e) {
  return add_policy_part(s, e);
}

Status Fold::operator()(const PolicyApplied& e) {
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

Status Fold::operator()(const ChangeProposed& e) {
  CHECK_OK(unknown(s.changes, "change", e.change.id));
  CHECK_OK(known(s.identities, "identity", e.change.proposer));
  s.changes.set(e.change.id, e.change);
  s.ends.set("change " + e.change.id, e.change.until);
  if (!policy_list_of(e.change).empty()) drop_unnamed_texts(s);
  return {};
}

Status Fold::operator()(const ChangeClosed& e) {
  CHECK_OK(known(s.changes, "change", e.change));
  const Change& change = *s.changes.find(e.change);
  // Of one that was approved, the next version names them.
  const bool drops = e.outcome != "approved" && !policy_list_of(change).empty();
  s.ends.erase("change " + e.change, change.until);
  s.changes.erase(e.change);
  if (drops) drop_unnamed_texts(s);
  return {};
}

Status Fold::operator()(const RequestOpened& e) {
  const Request& r = e.request;
  CHECK_OK(unknown(s.requests, "request", r.id));
  CHECK_OK(known(s.identities, "identity", r.requester));
  CHECK_OK(known(s.identities, "identity", r.beneficiary));
  CHECK_OK(known(s.entitlements, "entitlement", r.entitlement));
  s.requests.set(r.id, r);
  s.ends.set("request " + r.id, r.until);
  return {};
}

Status Fold::operator()(const RequestApproved& e) {
  CHECK_OK(known(s.requests, "request", e.request));
  for (const Approval& each : s.requests.find(e.request)->approvals) {
    if (each.approver == e.approval.approver) {
      return corrupt("\"" + each.approver + "\" approves the request \"" + e.request + "\" twice");
    }
  }
  s.requests.edit(e.request)->approvals.push_back(e.approval);
  return {};
}

Status Fold::operator()(const RequestClosed& e) {
  CHECK_OK(known(s.requests, "request", e.request));
  s.ends.erase("request " + e.request, s.requests.find(e.request)->until);
  s.requests.erase(e.request);
  return {};
}

Status Fold::operator()(const GrantCreated& e) {
  const Grant& g = e.grant;
  CHECK_OK(unknown(s.grants, "grant", g.id));
  CHECK_OK(known(s.identities, "identity", g.beneficiary));
  CHECK_OK(known(s.entitlements, "entitlement", g.entitlement));
  if (g.state != GrantState::kActivating || g.from || g.until || g.ending || g.failure) {
    return corrupt("the grant \"" + g.id + "\" is created in a later state");
  }
  Grant grant = g;
  take_in(grant, s);
  s.grants.set(g.id, std::move(grant));
  put_grant(g.id);
  return {};
}

Status Fold::operator()(const StepPlanned& e) {
  return known(s.targets, "target", e.target);
}

Status Fold::operator()(const GrantActivated& e) {
  CHECK_OK(known(s.grants, "grant", e.grant));
  if (s.grants.find(e.grant)->state != GrantState::kActivating || e.until < e.from) {
    return corrupt("the grant \"" + e.grant + "\" cannot be activated");
  }
  change_grant(e.grant, [&](Grant& grant) {
    grant.state = GrantState::kActive;
    grant.from = e.from;
    grant.until = e.until;
    grant.failure.reset();
  });
  return {};
}

Status Fold::operator()(const GrantTryFailed& e) {
  CHECK_OK(known(s.grants, "grant", e.grant));
  if (s.grants.find(e.grant)->state == GrantState::kActive) {
    return corrupt("the grant \"" + e.grant + "\" is neither activating nor revoking");
  }
  change_grant(e.grant, [&](Grant& grant) { grant.failure.emplace() = {e.tries, e.error}; });
  return {};
}

Status Fold::operator()(const GrantRevoking& e) {
  CHECK_OK(known(s.grants, "grant", e.grant));
  if (s.grants.find(e.grant)->state == GrantState::kRevoking) {
    return corrupt("the grant \"" + e.grant + "\" is being revoked already");
  }
  change_grant(e.grant, [&](Grant& grant) {
    grant.state = GrantState::kRevoking;
    grant.ending.emplace() = {e.reason, e.by, event.time};
    grant.failure.reset();
  });
  return {};
}

Status Fold::operator()(const GrantCut& e) {
  CHECK_OK(check_door_seq(e.door, e.door_seq));
  for (const std::string& session : e.sessions) drop_session(session);
  take_door_seq(e.door, e.door_seq);
  return {};
}

Status Fold::operator()(const GrantEnded& e) {
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
Status Fold::operator()(const SessionStarted& e) {
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
Status Fold::operator()(const SessionEnded& e) {
  CHECK_OK(check_door_seq(e.door, e.door_seq));
  drop_session(e.session);
  take_door_seq(e.door, e.door_seq);
  return {};
}

Status Fold::operator()(const DecisionsAnchored&) {
  return {};
}

}  // namespace writ::core::folding
