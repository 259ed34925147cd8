// request_access, withdraw, revoke, open_baseline: how one comes to hold an entitlement, and
// ceases.
#include <algorithm>

#include "core/call.h"
#include "core/grants.h"
#include "core/names.h"
#include "core/policy.h"
#include "core/verbs.h"

namespace writ::core {
namespace {

struct RequestAccess {
  std::string entitlement;
  std::string purpose;
  std::optional<std::string> beneficiary;
  std::optional<Millis> duration;
  std::optional<std::string> offer;
};
template <class V>
void fields(V& v, RequestAccess& r) {
  v("entitlement", r.entitlement);
  v("purpose", r.purpose);
  v("beneficiary", r.beneficiary);
  v("duration_ms", r.duration);
  v("offer", r.offer);
}

struct Withdraw {
  std::string id;
};
template <class V>
void fields(V& v, Withdraw& w) {
  v("id", w.id);
}

struct Revoke {
  std::string grant;
  Json reason;
};
template <class V>
void fields(V& v, Revoke& r) {
  v("grant", r.grant);
  v("reason", r.reason);
}

struct OpenBaseline {
  std::string subject;  // identity id, SPIFFE id or name
  std::string entitlement;
  std::optional<std::string> credential;  // that the door saw
  std::optional<std::string> source_ip;
};
template <class V>
void fields(V& v, OpenBaseline& b) {
  v("subject", b.subject);
  v("entitlement", b.entitlement);
  v("credential", b.credential);
  v("source_ip", b.source_ip);
}

// The sender itself, or a machine that it answers for.
Result<const Identity*> beneficiary_of(const Call& call, const RequestAccess& body) {
  const std::string_view sender = principal_of(call.actor);
  const Identity* self = call.state.identities.find(sender);
  if (!body.beneficiary) return self;
  const Identity* wanted = find_identity(call.state, call.sealer(), *body.beneficiary);
  if (wanted != nullptr && answers_for(call, sender, wanted->id)) return wanted;
  std::vector<std::string> own;
  call.state.identities.for_each([&](const std::string& id, const Identity& identity) {
    if (is_person(identity.kind)) return;
    if (answers_for(call, sender, id)) own.push_back(identity.name);
  });
  return fail(Code::kNotFound,
              "you own no identity \"" + body.beneficiary->substr(0, 200) + "\"." +
                  did_you_mean(*body.beneficiary, own),
              "/beneficiary");
}

// Names of the entitlements that an identity may ask for.
std::vector<std::string> offered_names(const Call& call, std::string_view identity) {
  std::vector<std::string> names;
  call.state.entitlements.for_each([&](const std::string& name, const Entitlement&) {
    if (!offers_for(call.state, identity, name, call.now()).empty()) names.push_back(name);
  });
  return names;
}

std::string list_of(const std::vector<Offer>& offers) {
  std::string text;
  for (const Offer& offer : offers) {
    text += (text.empty() ? "" : "; ") + offer.policy + ": " + describe(offer.terms);
  }
  return text;
}

Result<Offer> chosen_offer(const std::vector<Offer>& offers,
                           const std::optional<std::string>& wanted) {
  if (wanted) {
    for (const Offer& offer : offers) {
      if (offer.policy == *wanted) return offer;
    }
    return fail(Code::kNotFound,
                "no offer \"" + wanted->substr(0, 200) +
                    "\" is open to you here; these are: " + list_of(offers),
                "/offer");
  }
  if (offers.size() == 1) return offers.front();
  return fail(Code::kConflict, "several offers match; name one of them: " + list_of(offers),
              "/offer");
}

bool same_purpose(const Call& call, const Sealed& sealed, std::string_view purpose) {
  const auto opened = call.sealer().open(sealed);
  return opened && *opened == purpose;
}

// A live grant that gives what is asked for. One with less than half of the asked time left does
// not: asking again is then an extension, and is evaluated like a new request.
const Grant* equal_grant(const Call& call, const Identity& beneficiary,
                         const Entitlement& entitlement, std::string_view purpose,
                         Millis duration) {
  for (const Grant* grant : grants_of(call.state, beneficiary.id, entitlement.name)) {
    if (grant->state == GrantState::kRevoking || grant->cause != Cause::kOffer) continue;
    if (grant->duration < duration || !grant->purpose) continue;
    if (grant->until && *grant->until - call.now() < duration / 2) continue;
    if (same_purpose(call, *grant->purpose, purpose)) return grant;
  }
  return nullptr;
}

Json grant_result(const Grant& grant, bool reused) {
  Json result = Json::object({{"grant", grant.id},
                              {"state", name_of(grant.state)},
                              {"entitlement", grant.entitlement},
                              {"duration_ms", to_json(grant.duration)},
                              {"reused", reused}});
  if (grant.until) result.set("until", to_json(*grant.until));
  if (!grant.request.empty()) result.set("request", grant.request);
  return result;
}

Json request_result(const Request& request, bool reused) {
  return Json::object({{"request", request.id},
                       {"state", "pending"},
                       {"entitlement", request.entitlement},
                       {"duration_ms", to_json(request.duration)},
                       {"offer", request.offer},
                       {"terms", describe(request.terms)},
                       {"approvers", request.terms.approvers},
                       {"until", to_json(request.until)},
                       {"reused", reused}});
}

Result<Millis> duration_within(const std::optional<Millis>& wanted, const Terms& terms, Tier tier) {
  const Millis most = std::min(terms.max_ttl, limits_of(tier).max_ttl);
  const Millis duration = wanted.value_or(std::min<Millis>(std::chrono::hours(1), most));
  if (duration < std::chrono::seconds(1)) {
    return fail(Code::kInvalid, "a duration is at least 1s", "/duration_ms");
  }
  if (duration > most) {
    return fail(Code::kInvalid, too_long(duration, most), "/duration_ms");
  }
  return duration;
}

struct Pending {
  std::size_t count = 0;
  const Request* equal = nullptr;
};
Pending pending_of(const Call& call, std::string_view requester, const Request& like,
                   std::string_view purpose) {
  Pending pending;
  call.state.requests.for_each([&](const std::string&, const Request& request) {
    if (request.requester != requester) return;
    ++pending.count;
    if (request.beneficiary == like.beneficiary && request.entitlement == like.entitlement &&
        request.duration == like.duration && request.offer == like.offer &&
        request.until > call.now() && same_purpose(call, request.purpose, purpose)) {
      pending.equal = &request;
    }
  });
  return pending;
}

Carried carried(std::vector<EventData> events, Json result) {
  return Carried{Outcome{std::move(events), std::move(result), {}}, Persons::kOne};
}

}  // namespace

Result<Carried> request_access(const Call& call, const Json& json) {
  TRY(body, from_json<RequestAccess>(json));
  CHECK_OK(check_text(body.purpose, "/purpose"));
  const std::string purpose = trimmed(body.purpose);
  TRY(beneficiary, beneficiary_of(call, body));

  // What exists and what is not offered get the same answer: neither is for this sender to know.
  const Entitlement* entitlement = call.state.entitlements.find(body.entitlement);
  std::vector<Offer> offers;
  if (entitlement != nullptr) {
    offers = offers_for(call.state, beneficiary->id, entitlement->name, call.now());
  }
  if (offers.empty()) {
    return fail(Code::kNotFound,
                "there is no entitlement \"" + body.entitlement.substr(0, 200) +
                    "\" that may be asked for here." +
                    did_you_mean(body.entitlement, offered_names(call, beneficiary->id)),
                "/entitlement");
  }
  TRY(offer, chosen_offer(offers, body.offer));
  TRY(duration, duration_within(body.duration, offer.terms, tier_of(call.state, *entitlement)));
  if (const Grant* grant = equal_grant(call, *beneficiary, *entitlement, purpose, duration)) {
    return carried({}, grant_result(*grant, true));
  }

  Request request;
  request.requester = principal_of(call.actor);
  request.beneficiary = beneficiary->id;
  request.entitlement = entitlement->name;
  request.duration = duration;
  request.offer = offer.policy;
  request.terms = offer.terms;
  request.opened = call.now();
  request.until = call.now() + kRequestPending;
  const Pending pending = pending_of(call, request.requester, request, purpose);
  if (pending.equal != nullptr) return carried({}, request_result(*pending.equal, true));
  if (offer.terms.step_up) CHECK_OK(check_factor(call, *offer.terms.step_up));

  Question question;
  question.subject = beneficiary->id;
  question.action = "request";
  question.resource_type = "entitlement";
  question.resource = entitlement->name;
  question.source_ip = call.actor.source_ip;
  question.duration = duration;
  question.approvals = offer.terms.approvals;  // what it will have before anything is given
  question.actors = links_of(call.actor);
  if (beneficiary->id == principal_of(call.actor)) {
    question.credential = call.actor.credential;
  } else {
    question.actors.push_back(request.requester);
  }
  CHECK_OK(as_status(decide(call.state, question, call.now()), "ask for this"));

  // Another offer may have let this pass. The one that was chosen must give it by itself, with the
  // approvals that it will have.
  Grant grant = new_grant(call, *beneficiary, *entitlement, Cause::kOffer, offer.policy, duration);
  for (int i = 0; i < offer.terms.approvals; ++i) grant.approvers.push_back("");
  if (const auto age = factor_age(call)) grant.mfa_age_ms = age->count();
  if (!still_offered(call.state, grant, call.now())) {
    return fail(Code::kDenied, "the offer \"" + offer.policy + "\" does not give this for " +
                                   to_text(duration) + ", or not to you now");
  }

  if (pending.count >= kMostPending) {
    return fail(Code::kExhausted, "you have " + std::to_string(pending.count) +
                                      " pending requests, and no more are taken; withdraw one, or "
                                      "wait until one is decided");
  }
  if (grants_of(call.state, beneficiary->id).size() >= kMostLiveGrants) {
    return fail(Code::kExhausted, "this identity holds as many grants as anyone may; revoke some");
  }
  do {
    request.id = new_id("req", call.outside.random);
  } while (call.state.requests.contains(request.id));
  TRY(sealed, call.outside.sealer.seal(request.requester, purpose));
  request.purpose = std::move(sealed);

  std::vector<EventData> events{RequestOpened{request}};
  if (offer.terms.approvals > 0) return carried(std::move(events), request_result(request, false));

  grant.request = request.id;
  grant.purpose = request.purpose;
  events.push_back(RequestClosed{request.id, "approved", std::nullopt});
  events.push_back(GrantCreated{grant});
  return carried(std::move(events), grant_result(grant, false));
}

Result<Carried> withdraw(const Call& call, const Json& json) {
  TRY(body, from_json<Withdraw>(json));
  const std::string_view sender = principal_of(call.actor);
  const Json result = Json::object({{"id", body.id}, {"state", "withdrawn"}});
  if (const Request* request = call.state.requests.find(body.id)) {
    if (answers_for(call, sender, request->requester) ||
        answers_for(call, sender, request->beneficiary)) {
      return carried({RequestClosed{request->id, "withdrawn", std::nullopt}}, result);
    }
  } else if (const Change* change = call.state.changes.find(body.id)) {
    if (sender == change->proposer) {
      return carried({ChangeClosed{change->id, "withdrawn", std::nullopt}}, result);
    }
  }
  return fail(Code::kNotFound, "nothing of yours with this id is pending", "/id");
}

Result<Carried> revoke(const Call& call, const Json& json) {
  TRY(body, from_json<Revoke>(json));
  CHECK_OK(check_words(call, body.reason, "/reason"));
  const Grant* grant = call.state.grants.find(body.grant);
  if (grant == nullptr) return fail(Code::kNotFound, "there is no live grant of this id", "/grant");

  // Narrowing: who holds it, who owns the thing, and whoever policy says.
  const std::string_view sender = principal_of(call.actor);
  bool may = answers_for(call, sender, grant->beneficiary);
  if (const Entitlement* entitlement = call.state.entitlements.find(grant->entitlement)) {
    const Resource* resource = call.state.resources.find(entitlement->resource);
    while (!may && resource != nullptr) {  // the owner of a resource, and of what it lies in
      const auto owners = persons_of_owner(call.state, resource->owner, call.now());
      may = std::find(owners.begin(), owners.end(), sender) != owners.end();
      resource = resource->parent.empty() ? nullptr : call.state.resources.find(resource->parent);
    }
  }
  if (!may) CHECK_OK(allowed(call, "revoke", "grant", grant->id));

  const Json result = Json::object({{"grant", grant->id}, {"state", "revoking"}});
  if (grant->state == GrantState::kRevoking) return carried({}, result);
  TRY(note, sealed_words(call, body.reason, "/reason", call.actor.identity));
  return carried({GrantRevoking{grant->id, EndReason::kRevoked, call.actor.identity, note}},
                 result);
}

Result<Carried> open_baseline(const Call& call, const Json& json) {
  TRY(body, from_json<OpenBaseline>(json));
  std::string id = body.subject;
  if (id.starts_with("spiffe://")) {
    TRY(known, identity_of_spiffe(call.state, body.subject));
    id = std::move(known);
  }
  const Identity* subject = find_identity(call.state, call.sealer(), id);
  const Entitlement* entitlement = call.state.entitlements.find(body.entitlement);
  const Resource* resource =
      entitlement == nullptr ? nullptr : call.state.resources.find(entitlement->resource);
  const Door* door = call.state.doors.find(call.actor.identity);
  const bool by_door = door != nullptr && resource != nullptr && call.actor.chain.empty() &&
                       std::find(door->targets.begin(), door->targets.end(), resource->target) !=
                           door->targets.end();
  const bool by_itself = subject != nullptr && subject->id == principal_of(call.actor);
  if (!by_door && !by_itself) {
    return fail(Code::kDenied,
                "only a door of this entitlement's target, or the identity itself, may open this");
  }
  if (subject == nullptr) {
    return fail(Code::kNotFound, "there is no such identity", "/subject");
  }
  if (entitlement == nullptr) {
    return fail(Code::kNotFound, "there is no such entitlement", "/entitlement");
  }

  Question question;
  question.subject = subject->id;
  question.action = "connect";
  question.resource_type = "entitlement";
  question.resource = entitlement->name;
  if (by_door && !by_itself) {
    question.door = door->identity;
    question.credential = body.credential.value_or("");
    question.source_ip = body.source_ip.value_or("");
  } else {
    question.credential = call.actor.credential;
    question.source_ip = call.actor.source_ip;
    question.actors = links_of(call.actor);
  }
  const Decision decision = decide(call.state, question, call.now());
  const auto reuse = [&](const Grant& grant) { return carried({}, grant_result(grant, true)); };
  if (decision.allow) {
    if (const Grant* held = call.state.grants.find(decision.grant)) return reuse(*held);
    return fail(Code::kConflict, "this identity may connect already");
  }
  const auto needs = [&](std::string_view what) {
    return std::find(decision.needs.begin(), decision.needs.end(), what) != decision.needs.end();
  };
  // One that is still being set up is the answer as well; a guardrail's denial is not.
  if (needs("grant") || needs("baseline_grant")) {
    for (const Grant* grant : grants_of(call.state, subject->id, entitlement->name)) {
      if (grant->cause != Cause::kBaseline || grant->state == GrantState::kRevoking) continue;
      if (!grant->until || *grant->until > call.now()) return reuse(*grant);
    }
  }
  if (!needs("baseline_grant")) return fail(as_status(decision, "connect without asking"));
  if (grants_of(call.state, subject->id).size() >= kMostLiveGrants) {
    return fail(Code::kExhausted, "this identity holds as many grants as anyone may; revoke some");
  }
  const std::string policy(decision.policies.empty() ? "" : decision.policies.front());
  const Grant grant =
      new_grant(call, *subject, *entitlement, Cause::kBaseline, policy, kBaselineGrant);
  return carried({GrantCreated{grant}}, grant_result(grant, false));
}

}  // namespace writ::core
