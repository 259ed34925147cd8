// POST /v1/enroll, POST /v1/login, POST /v1/step-up, GET /v1/info.
#include "api/context.h"
#include "api/second_factor.h"
#include "base/log.h"
#include "core/genesis.h"
#include "crypto/totp.h"

namespace writ::api {
namespace {

constexpr Millis kDeviceLife = std::chrono::hours(24 * 90);
constexpr net::RouteLimits kSmall{32 * 1024};

struct Enroll {
  std::string code;
  std::string csr;
  std::string label;
};
template <class V>
void fields(V& v, Enroll& e) {
  v("code", e.code);
  v("csr", e.csr);
  v("label", e.label);
}

struct Login {
  std::string device;
  std::string csr;
  std::optional<std::string> code;
};
template <class V>
void fields(V& v, Login& l) {
  v("device", l.device);
  v("csr", l.csr);
  v("code", l.code);
}

struct StepUp {
  std::string code;
};
template <class V>
void fields(V& v, StepUp& s) {
  v("code", s.code);
}

// A command may record events (a wrong code) and still answer an error: it travels in the result.
constexpr std::string_view kRefused = "refused";

core::Outcome refused(std::vector<core::EventData> events, const Error& error) {
  return {std::move(events),
          Json::object({{kRefused.data(), Json::object({{"code", code_name(error.code)},
                                                        {"message", error.message},
                                                        {"where", error.where}})}}),
          {}};
}

void answer(net::Responder responder, const Result<control::Done>& done) {
  if (!done) return responder.send_error(done.error());
  if (const Json* error = done->result.find(kRefused)) {
    return responder.send_error({code_from_name(*error->find("code")->as_string()),
                                 *error->find("message")->as_string(),
                                 *error->find("where")->as_string()});
  }
  responder.send(net::json_response(done->result));
}

std::shared_ptr<net::Responder> shared(net::Responder responder) {
  return std::make_shared<net::Responder>(std::move(responder));
}

// A certificate for an enrolled device's key, as long as the identity may have one. Listeners
// (doors) get the names under which they are known.
Result<issue::Issued> certificate_for(const Context& context, const core::State& state,
                                      const core::Identity& identity, const std::string& device,
                                      const crypto::PublicKey& key, Time now) {
  const Time until = now + issue::longest_life(identity);
  if (identity.kind != core::IdentityKind::kDoor) {
    return context.authority.client(state, identity, device, key, now, until,
                                    context.plane.random());
  }
  std::vector<std::string> hosts;
  if (const core::Door* door = state.doors.find(identity.id)) hosts.push_back(door->host);
  return context.authority.listener(state, identity, device, key, hosts, now, until,
                                    context.plane.random());
}

// Asked on the I/O thread too: what nobody with a code or a device sent must not fill the writer's
// queue.
Result<const core::Enrollment*> enrollment_of(const core::State& state, const std::string& code,
                                              Time now) {
  const core::Enrollment* found =
      state.enrollments.find(core::enrollment_code_hash(code, sha256_hex));
  if (found != nullptr && now < found->until) return found;
  return fail(Code::kUnauthenticated,
              "this code is unknown, used or older than 15 minutes; ask for a new one");
}

// One answer for all that is wrong: who asks without the key learns nothing.
Result<const core::Device*> device_of(const core::State& state, const std::string& id,
                                      const crypto::PublicKey& key, Time now) {
  const core::Device* device = state.devices.find(id);
  if (device != nullptr && now < device->until && device->public_key == to_base64(key.der())) {
    return device;
  }
  return fail(Code::kUnauthenticated,
              "this device is not enrolled, or the request is signed by another key");
}

Result<core::Outcome> enroll(const Context& context, const Enroll& body,
                             const crypto::PublicKey& key, const core::State& state, Time now) {
  TRY(enrollment, enrollment_of(state, body.code, now));
  const core::Identity* identity = state.identities.find(enrollment->identity);
  if (identity == nullptr || identity->state != core::IdentityState::kActive) {
    return fail(Code::kDenied, "this identity is not active");
  }
  core::Device device;
  device.id = new_id("dev", context.plane.random());
  device.identity = identity->id;
  // People call their devices after themselves.
  TRY(label, context.plane.vault().seal(identity->id, body.label));
  device.label = std::move(label);
  device.public_key = to_base64(key.der());
  device.until = now + kDeviceLife;
  // Until somebody vouched for a person's first device, there is no second factor to go by.
  const core::SecondFactor* factor = state.second_factors.find(identity->id);
  const bool fresh_factor =
      core::is_person(identity->kind) && (factor == nullptr || !factor->awaits.empty());
  const bool confirmed =
      !fresh_factor || state.genesis.solo || enrollment->opened_by == core::kFoundersTickets;
  if (!confirmed) device.opened_by = enrollment->opened_by;
  core::Outcome outcome;
  outcome.events.push_back(core::DeviceEnrolled{device, enrollment->id});
  const std::string name = core::display_name(state, context.plane.vault(), identity->id);
  outcome.result = Json::object({{"identity", identity->id},
                                 {"kind", name_of(identity->kind)},
                                 {"name", name},
                                 {"spiffe_id", core::spiffe_id(state, *identity)},
                                 {"trust_domain", state.genesis.trust_domain},
                                 {"device", device.id},
                                 {"roots", state.genesis.ca}});
  if (core::is_person(identity->kind)) {
    outcome.result.set("confirmed", confirmed);
    if (fresh_factor) {
      const Secret seed = crypto::new_totp_key(context.plane.random());
      std::string encoded = to_base64(seed.reveal());
      auto sealed = context.plane.vault().seal(identity->id, encoded);
      zero(encoded.data(), encoded.size());
      if (!sealed) return fail(std::move(sealed));
      outcome.events.push_back(
          core::SecondFactorSet{identity->id, *sealed, confirmed ? "" : device.id});
      outcome.result.set("totp_uri",
                         crypto::totp_uri(seed, state.genesis.trust_domain, name).reveal());
    }
  } else {
    TRY(issued, certificate_for(context, state, *identity, device.id, key, now));
    if (identity->kind == core::IdentityKind::kDoor) {
      const core::Door* door = state.doors.find(identity->id);
      outcome.result.set("host", door == nullptr ? "" : door->host);
    }
    outcome.result.set("certificate", issued.pem);
    outcome.result.set("until", to_text(issued.event.certificate.until));
    outcome.events.push_back(std::move(issued.event));
  }
  return outcome;
}

Result<core::Outcome> login(const Context& context, const Login& body, const crypto::PublicKey& key,
                            const core::State& state, Time now) {
  TRY(device, device_of(state, body.device, key, now));
  const core::Identity* identity = state.identities.find(device->identity);
  if (identity == nullptr || identity->state != core::IdentityState::kActive) {
    return fail(Code::kDenied, "this identity is not active");
  }
  if (!device->opened_by.empty()) {
    return fail(Code::kDenied,
                "this is your first device, and nobody has confirmed yet that it is yours; an "
                "administrator other than the one who gave you the ticket does that with: writ "
                "device confirm " +
                    device->id);
  }
  core::Outcome outcome;
  if (core::is_person(identity->kind)) {
    if (!body.code) return fail(Code::kUnauthenticated, "the current code is missing", "/code");
    CodeCheck check =
        check_code(state, context.plane.vault(), identity->id, device->id, *body.code, now);
    if (check.refused) return refused(std::move(check.events), *check.refused);
    outcome.events = std::move(check.events);
  }
  TRY(issued, certificate_for(context, state, *identity, device->id, key, now));
  outcome.result = Json::object(
      {{"certificate", issued.pem}, {"until", to_text(issued.event.certificate.until)}});
  outcome.events.push_back(std::move(issued.event));
  return outcome;
}

}  // namespace

void add_enroll_routes(net::HttpServer& server, const Context& context) {
  server.route("GET", "/v1/info", [&context](const net::Request&, net::Responder responder) {
    responder.send(net::json_response(
        Json::object({{"trust_domain", context.plane.states().get()->genesis.trust_domain},
                      {"version", control::kEngineVersion},
                      {"time", to_text(context.plane.time().now())}})));
  });

  server.route(
      "POST", "/v1/enroll",
      [&context](const net::Request& request, net::Responder responder) {
        auto body = read_body<Enroll>(request);
        if (!body) return responder.send_error(body.error());
        if (body->label.size() > 64 || !is_utf8(body->label)) {
          return responder.send_error({Code::kInvalid, "a label has at most 64 bytes", "/label"});
        }
        const auto known =
            enrollment_of(*context.plane.states().get(), body->code, context.plane.time().now());
        if (!known) return responder.send_error(known.error());
        auto csr = crypto::CertificateRequest::from_pem(body->csr);
        if (!csr) return responder.send_error({csr.error().code, csr.error().message, "/csr"});
        auto shared_responder = shared(std::move(responder));
        context.plane.writer().submit(
            {{"enrolment"}, {}},
            [&context, body = *body, key = csr->public_key()](const core::State& state, Time now) {
              return enroll(context, body, key, state, now);
            },
            [shared_responder](const Result<control::Done>& done) {
              answer(std::move(*shared_responder), done);
            });
      },
      kSmall);

  server.route(
      "POST", "/v1/login",
      [&context](const net::Request& request, net::Responder responder) {
        auto body = read_body<Login>(request);
        if (!body) return responder.send_error(body.error());
        auto csr = crypto::CertificateRequest::from_pem(body->csr);
        if (!csr) return responder.send_error({csr.error().code, csr.error().message, "/csr"});
        const auto state = context.plane.states().get();
        const auto device =
            device_of(*state, body->device, csr->public_key(), context.plane.time().now());
        if (!device) return responder.send_error(device.error());
        auto shared_responder = shared(std::move(responder));
        context.plane.writer().submit(
            {{(*device)->identity}, {}},
            [&context, body = *body, key = csr->public_key()](const core::State& now_state,
                                                              Time now) {
              return login(context, body, key, now_state, now);
            },
            [shared_responder](const Result<control::Done>& done) {
              answer(std::move(*shared_responder), done);
            });
      },
      kSmall);

  server.route(
      "POST", "/v1/step-up",
      [&context](const net::Request& request, net::Responder responder) {
        const auto state = context.plane.states().get();
        auto caller = authenticate(context, request, *state);
        if (!caller) return responder.send_error(caller.error());
        auto body = read_body<StepUp>(request);
        if (!body) return responder.send_error(body.error());
        auto shared_responder = shared(std::move(responder));
        context.plane.writer().submit(
            {{caller->actor.identity}, {}},
            [&context, actor = caller->actor, code = body->code](
                const core::State& now_state, Time now) -> Result<core::Outcome> {
              CodeCheck check = check_code(now_state, context.plane.vault(), actor.identity,
                                           actor.device, code, now);
              if (check.refused) return refused(std::move(check.events), *check.refused);
              return core::Outcome{
                  std::move(check.events), Json::object({{"fresh", to_text(now)}}), {}};
            },
            [shared_responder](const Result<control::Done>& done) {
              answer(std::move(*shared_responder), done);
            });
      },
      kSmall);
}

}  // namespace writ::api
