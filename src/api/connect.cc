// POST /v1/connect, POST /v1/baseline: from "I may" to an active grant and a way in.
#include "api/context.h"
#include "core/grants.h"
#include "crypto/x509.h"

namespace writ::api {
namespace {

constexpr Millis kActivation = std::chrono::seconds(30);

struct Connect {
  std::string entitlement;
  std::optional<std::string> grant;
  std::string csr;
};
template <class V>
void fields(V& v, Connect& c) {
  v("entitlement", c.entitlement);
  v("grant", c.grant);
  v("csr", c.csr);
}

struct Baseline {
  std::string subject;
  std::string entitlement;
  std::string credential;
  std::string source_ip;
};
template <class V>
void fields(V& v, Baseline& b) {
  v("subject", b.subject);
  v("entitlement", b.entitlement);
  v("credential", b.credential);
  v("source_ip", b.source_ip);
}

using GrantCallback = std::function<void(Result<core::Grant>)>;

// Calls back with the grant once it is active.
void when_active(const Context& context, const std::string& id, GrantCallback then) {
  context.plane.waits().add(
      id, *context.plane.states().get(), kActivation,
      [id](const core::State& state) {
        const core::Grant* grant = state.grants.find(id);
        return grant == nullptr || grant->state != core::GrantState::kActivating;
      },
      [&context, id, then = std::move(then)](bool over) {
        const auto state = context.plane.states().get();
        const core::Grant* grant = state->grants.find(id);
        if (over && grant != nullptr && grant->state == core::GrantState::kActive) {
          return then(*grant);
        }
        if (grant == nullptr || grant->state == core::GrantState::kRevoking) {
          return then(fail(Code::kConflict, "the grant " + id + " ended before it was used"));
        }
        then(fail(Code::kUnavailable,
                  "the grant " + id + " is not active yet" +
                      (grant->failure ? ": " + grant->failure->error : "") +
                      "; it is tried again by itself, try to connect again in a moment"));
      });
}

bool is_over(const core::Grant& grant, Time now) {
  return grant.state == core::GrantState::kRevoking || (grant.until && *grant.until <= now);
}

// The best live grant of an identity on an entitlement: an active one before one that activates.
const core::Grant* live_grant(const core::State& state, const std::string& identity,
                              const std::string& entitlement,
                              const std::optional<std::string>& wanted, Time now) {
  if (wanted) {
    const core::Grant* grant = state.grants.find(*wanted);
    return grant != nullptr && grant->beneficiary == identity &&
                   grant->entitlement == entitlement && !is_over(*grant, now)
               ? grant
               : nullptr;
  }
  const core::Grant* best = nullptr;
  for (const core::Grant* grant : core::grants_of(state, identity, entitlement)) {
    if (is_over(*grant, now)) continue;
    if (best == nullptr || (best->state == core::GrantState::kActivating &&
                            grant->state == core::GrantState::kActive)) {
      best = grant;
    }
  }
  return best;
}

// A live grant, or a fresh baseline one, which `opening` (the body of open_baseline) asks for.
void find_or_open(const Context& context, const core::Actor& actor, const std::string& subject,
                  const std::string& entitlement, const std::optional<std::string>& wanted,
                  Json opening, GrantCallback then) {
  const auto state = context.plane.states().get();
  const core::Grant* live =
      live_grant(*state, subject, entitlement, wanted, context.plane.time().now());
  if (live != nullptr) return when_active(context, live->id, std::move(then));
  if (wanted) {
    return then(fail(Code::kNotFound, "there is no live grant " + *wanted + " for " + entitlement));
  }
  context.plane.writer().submit(
      {{actor.identity}, {}},
      [&context, actor, opening = std::move(opening)](const core::State& now_state, Time now) {
        return core::run_command(now_state, actor, "open_baseline", opening, outside(context, now));
      },
      [&context, then = std::move(then)](const Result<control::Done>& done) {
        if (!done) return then(fail(done));
        const Json* grant = done->result.find("grant");
        if (grant == nullptr || grant->as_string() == nullptr) {
          return then(fail(Code::kInternal, "the baseline grant has no id"));
        }
        when_active(context, *grant->as_string(), then);
      });
}

// Where clients find the door of an entitlement's target.
Result<core::Door> door_of(const core::State& state, const std::string& entitlement_name) {
  const core::Entitlement* entitlement = state.entitlements.find(entitlement_name);
  const core::Resource* resource =
      entitlement == nullptr ? nullptr : state.resources.find(entitlement->resource);
  const core::TargetSystem* target =
      resource == nullptr ? nullptr : state.targets.find(resource->target);
  const core::Door* door =
      target == nullptr || target->door.empty() ? nullptr : state.doors.find(target->door);
  if (door == nullptr) {
    return fail(Code::kConflict, "no door stands before " + entitlement_name +
                                     "; an administrator adds one with: writ door add");
  }
  return *door;
}

// The certificate for one use: it ends with the grant, and with the certificate that asked for it.
void give_way_in(const Context& context, const Caller& caller, const crypto::PublicKey& key,
                 const core::Grant& grant, const std::shared_ptr<net::Responder>& responder) {
  context.plane.writer().submit(
      {{caller.actor.identity}, {}},
      [&context, caller, key, grant](const core::State& state, Time now) -> Result<core::Outcome> {
        TRY(door, door_of(state, grant.entitlement));
        const core::Grant* live = state.grants.find(grant.id);
        if (live == nullptr || live->state != core::GrantState::kActive || !live->until ||
            now >= *live->until) {
          return fail(Code::kConflict, "the grant " + grant.id + " ended before it was used");
        }
        const core::Identity* identity = state.identities.find(caller.actor.identity);
        const core::Certificate* asking = state.certificates.find(caller.actor.credential);
        if (identity == nullptr || asking == nullptr || asking->revoked || !grant.until) {
          return fail(Code::kDenied, "the certificate that asked is not valid any more");
        }
        const Time until = std::min(*grant.until, asking->until);
        TRY(issued, context.authority.client(state, *identity, caller.actor.device, key, now, until,
                                             context.plane.random()));
        issued.event.certificate.grant = grant.id;
        core::Outcome outcome;
        outcome.result =
            Json::object({{"grant", grant.id},
                          {"entitlement", grant.entitlement},
                          {"until", to_text(*grant.until)},
                          {"door", Json::object({{"host", door.host}, {"port", door.port}})},
                          {"database", grant.entitlement},
                          {"certificate", issued.pem},
                          {"certificate_until", to_text(issued.event.certificate.until)},
                          {"roots", state.genesis.ca}});
        outcome.events.push_back(std::move(issued.event));
        return outcome;
      },
      [responder](const Result<control::Done>& done) {
        done ? responder->send(net::json_response(done->result))
             : responder->send_error(done.error());
      });
}

}  // namespace

void add_connect_routes(net::HttpServer& server, const Context& context) {
  server.route(
      "POST", "/v1/connect", [&context](const net::Request& request, net::Responder responder) {
        const auto state = context.plane.states().get();
        auto caller = authenticate(context, request, *state);
        if (!caller) return responder.send_error(caller.error());
        auto body = read_body<Connect>(request);
        if (!body) return responder.send_error(body.error());
        auto csr = crypto::CertificateRequest::from_pem(body->csr);
        if (!csr) return responder.send_error({csr.error().code, csr.error().message, "/csr"});
        auto shared = std::make_shared<net::Responder>(std::move(responder));
        find_or_open(
            context, caller->actor, caller->actor.identity, body->entitlement, body->grant,
            Json::object({{"subject", caller->actor.identity}, {"entitlement", body->entitlement}}),
            [&context, caller = *caller, key = csr->public_key(),
             shared](const Result<core::Grant>& grant) {
              if (!grant) return shared->send_error(grant.error());
              give_way_in(context, caller, key, *grant, shared);
            });
      });

  server.route(
      "POST", "/v1/baseline", [&context](const net::Request& request, net::Responder responder) {
        const auto state = context.plane.states().get();
        auto caller = authenticate(context, request, *state);
        if (!caller) return responder.send_error(caller.error());
        if (caller->kind != core::IdentityKind::kDoor) {
          return responder.send_error({Code::kDenied, "only doors ask this", {}});
        }
        auto body = read_body<Baseline>(request);
        if (!body) return responder.send_error(body.error());
        auto subject = core::identity_of_spiffe(*state, body->subject);
        if (!subject) return responder.send_error(subject.error());
        // Of other targets a door learns nothing.
        const auto door = door_of(*state, body->entitlement);
        if (!door || door->identity != caller->actor.identity) {
          return responder.send_error(
              {Code::kDenied, "this door does not stand before such an entitlement", {}});
        }
        auto shared = std::make_shared<net::Responder>(std::move(responder));
        find_or_open(context, caller->actor, *subject, body->entitlement, std::nullopt,
                     Json::object({{"subject", *subject},
                                   {"entitlement", body->entitlement},
                                   {"credential", body->credential},
                                   {"source_ip", body->source_ip}}),
                     [shared](const Result<core::Grant>& grant) {
                       grant
                           ? shared->send(net::json_response(Json::object({{"grant", grant->id}})))
                           : shared->send_error(grant.error());
                     });
      });
}

}  // namespace writ::api
