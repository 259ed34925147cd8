// add_identity, set_identity_state, erase_subject.
#include <algorithm>

#include "core/call.h"
#include "core/grants.h"
#include "core/names.h"
#include "core/verbs.h"

namespace writ::core {
namespace {

struct AddIdentity {
  IdentityKind kind = IdentityKind::kUser;
  Json name;
  std::optional<Tier> tier;
  std::optional<std::string> owner;
  std::optional<std::string> purpose;
  std::optional<std::string> environment;
};
template <class V>
void fields(V& v, AddIdentity& a) {
  v("kind", a.kind);
  v("name", a.name);
  v("tier", a.tier);
  v("owner", a.owner);
  v("purpose", a.purpose);
  v("environment", a.environment);
}

struct SetIdentityState {
  std::string identity;
  IdentityState state = IdentityState::kActive;
  Json reason;
  std::optional<std::string> reassign_to;  // for offboarded: who takes over what it owns
};
template <class V>
void fields(V& v, SetIdentityState& s) {
  v("identity", s.identity);
  v("state", s.state);
  v("reason", s.reason);
  v("reassign_to", s.reassign_to);
}

struct EraseSubject {
  std::string identity;
};
template <class V>
void fields(V& v, EraseSubject& e) {
  v("identity", e.identity);
}

// What an identity answers for alone, as OwnerChanged names it.
std::vector<std::string> owned_by(const State& state, const Identity& identity) {
  const std::string owner = "identity:" + identity.id;
  std::vector<std::string> owned;
  state.identities.for_each([&](const std::string& id, const Identity& other) {
    if (other.owner == owner && other.state != IdentityState::kOffboarded) {
      owned.push_back("identity:" + id);
    }
  });
  state.resources.for_each([&](const std::string& name, const Resource& resource) {
    if (resource.owner == owner) owned.push_back("resource:" + name);
  });
  std::sort(owned.begin(), owned.end());
  return owned;
}

std::string readable(const Call& call, const std::string& owned) {
  constexpr std::string_view kIdentity = "identity:";
  if (!owned.starts_with(kIdentity)) return owned;
  return display_name(call.state, call.sealer(), owned.substr(kIdentity.size()));
}

Status hand_over(const Call& call, const Identity& identity,
                 const std::optional<std::string>& reassign_to, std::vector<EventData>& events) {
  const std::vector<std::string> owned = owned_by(call.state, identity);
  if (owned.empty()) return {};
  if (!reassign_to) {
    std::string names;
    for (std::size_t i = 0; i < owned.size() && i < 5; ++i) {
      names += (i > 0 ? ", " : "") + readable(call, owned[i]);
    }
    return fail(Code::kConflict,
                "it still answers for " + names + (owned.size() > 5 ? " and more" : "") +
                    "; say who takes over with reassign_to",
                "/reassign_to");
  }
  TRY(owner, owner_named(call, *reassign_to, "/reassign_to"));
  if (owner == "identity:" + identity.id) {
    return fail(Code::kInvalid, "it cannot take over from itself", "/reassign_to");
  }
  for (const std::string& of : owned) events.push_back(OwnerChanged{of, owner});
  return {};
}

// Everything that an identity has, goes. What it holds in targets goes by its grants.
void strip(const Call& call, const Identity& identity, std::vector<EventData>& events) {
  const State& state = call.state;
  revoke_all(call, identity.id, EndReason::kOffboarded, events);
  state.requests.for_each([&](const std::string& id, const Request& request) {
    if (request.requester == identity.id || request.beneficiary == identity.id) {
      events.push_back(RequestClosed{id, "withdrawn", std::nullopt});
    }
  });
  state.changes.for_each([&](const std::string& id, const Change& change) {
    if (change.proposer == identity.id) {
      events.push_back(ChangeClosed{id, "withdrawn", std::nullopt});
    }
  });
  if (const auto* memberships = state.memberships.find(identity.id)) {
    for (const Membership& m : *memberships) {
      events.push_back(MembershipEnded{m.group, m.identity, "offboarded", std::nullopt});
    }
  }
  state.certificates.for_each([&](const std::string& serial, const Certificate& certificate) {
    if (certificate.identity == identity.id && !certificate.revoked) {
      events.push_back(CertificateRevoked{serial, "offboarded", std::nullopt});
    }
  });
  if (const auto* devices = state.devices_of.find(identity.id)) {
    for (const std::string& id : *devices)
      events.push_back(DeviceRemoved{id, "offboarded", std::nullopt});
  }
  state.enrollments.for_each([&](const std::string& hash, const Enrollment& enrollment) {
    if (enrollment.identity == identity.id) {
      events.push_back(EnrollmentEnded{hash, "offboarded"});
    }
  });
}

}  // namespace

Result<Carried> add_identity(const Call& call, const Json& json) {
  TRY(body, from_json<AddIdentity>(json));
  CHECK_OK(may_administer(call, "add_identity"));
  TRY(name, words_of(call, body.name, "/name"));
  CHECK_OK(check_identity_name(name, "/name"));
  if (body.kind == IdentityKind::kServer) {
    return fail(Code::kInvalid, "servers are not added by command", "/kind");
  }
  Identity identity;
  identity.kind = body.kind;
  identity.tier = body.tier.value_or(Tier::kMedium);
  identity.state = IdentityState::kActive;
  identity.since = call.now();
  identity.environment = body.environment.value_or("");
  if (!identity.environment.empty()) {
    CHECK_OK(check_simple_name(identity.environment, "/environment"));
  }
  identity.name_digest = call.sealer().digest(name);
  if (call.state.identity_ids.contains(identity.name_digest)) {
    return fail(Code::kExists, "the name is taken, or was once; names are never used again",
                "/name");
  }
  if (is_person(body.kind)) {
    if (body.owner) return fail(Code::kInvalid, "people have no owner", "/owner");
  } else {
    if (!body.owner) {
      return fail(Code::kInvalid, "a machine needs an owner: a person or a group", "/owner");
    }
    TRY(owner, owner_named(call, *body.owner, "/owner"));
    identity.owner = std::move(owner);
  }
  if (body.purpose) {
    CHECK_OK(check_text(*body.purpose, "/purpose"));
    // People have none: it would be personal, and this field is not sealed.
    if (is_person(body.kind)) return fail(Code::kInvalid, "people have no purpose", "/purpose");
    identity.purpose = trimmed(*body.purpose);
  }
  if (const Json* subject = body.name.find("subject")) {
    identity.id = *subject->as_string();  // of a change: made when it was proposed
  } else {
    identity.id = fresh_identity(call);
  }
  if (is_person(body.kind)) {
    TRY(sealed, call.outside.sealer.seal(identity.id, name));
    identity.sealed_name = std::move(sealed);
  } else {
    identity.name = name;
  }
  // Without the name: answers are kept for a while, and the sender knows it.
  const Json result =
      Json::object({{"identity", identity.id}, {"spiffe", spiffe_id(call.state, identity)}});
  return Carried{Outcome{{IdentityAdded{identity}}, result, {}}, Persons::kOne};
}

Result<Carried> set_identity_state(const Call& call, const Json& json) {
  TRY(body, from_json<SetIdentityState>(json));
  CHECK_OK(may_administer(call, "set_identity_state"));
  CHECK_OK(check_words(call, body.reason, "/reason"));
  TRY(identity, identity_named(call, body.identity, "/identity"));
  const Json result = Json::object({{"identity", identity->id}, {"state", name_of(body.state)}});
  if (body.reassign_to && body.state != IdentityState::kOffboarded) {
    return fail(Code::kInvalid, "only who is offboarded hands over", "/reassign_to");
  }
  if (body.state == identity->state) return Carried{Outcome{{}, result, {}}, Persons::kOne};
  if (identity->state == IdentityState::kOffboarded) {
    return fail(Code::kConflict, "it is offboarded, and does not come back; add a new identity");
  }
  if (body.state == IdentityState::kProposed) {
    return fail(Code::kInvalid, "nothing becomes proposed again", "/state");
  }
  std::vector<EventData> events;
  if (body.state == IdentityState::kOffboarded) {
    CHECK_OK(hand_over(call, *identity, body.reassign_to, events));
  }
  TRY(note, sealed_words(call, body.reason, "/reason", identity->id));
  events.push_back(IdentityStateChanged{identity->id, body.state, note});
  if (body.state == IdentityState::kQuarantined) {
    revoke_all(call, identity->id, EndReason::kSignal, events);
  }
  if (body.state == IdentityState::kOffboarded) strip(call, *identity, events);
  return Carried{Outcome{std::move(events), result, {}}, Persons::kOne};
}

Result<Carried> erase_subject(const Call& call, const Json& json) {
  TRY(body, from_json<EraseSubject>(json));
  CHECK_OK(may_administer(call, "erase_subject"));
  TRY(identity, identity_named(call, body.identity, "/identity"));
  if (identity->state != IdentityState::kOffboarded) {
    return fail(Code::kConflict, "only who is offboarded can be erased; offboard it first");
  }
  if (!grants_of(call.state, identity->id).empty()) {
    return fail(Code::kConflict, "its access is not yet observed gone; try again when it is");
  }
  const Json result = Json::object({{"identity", identity->id}, {"erased", true}});
  return Carried{Outcome{{SubjectErased{identity->id}}, result, {identity->id}}, Persons::kOne};
}

}  // namespace writ::core
