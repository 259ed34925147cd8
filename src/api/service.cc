#include "api/service.h"

#include "api/context.h"
#include "api/metadata.h"
#include "base/log.h"
#include "net/http_server.h"
#include "net/tls.h"

namespace writ::api {
namespace {

constexpr unsigned kPoolThreads = 2;
// A certificate is renewed when this part of its life is left.
constexpr int kRenewAtFraction = 3;

struct ServerCertificate {
  crypto::TlsIdentity identity;
  Time renew_at;
  Time until;
};

// A fresh key and certificate for the listener; the key never leaves this process.
Result<ServerCertificate> make_certificate(control::Plane& plane, const issue::Authority& authority,
                                           const std::vector<std::string>& hosts) {
  TRY(key, crypto::PrivateKey::generate(crypto::KeyKind::kP256));
  std::string pem;
  Time until;
  CHECK_OK(plane.writer().run(
      {{"server"}, {}}, [&](const core::State& state, Time now) -> Result<core::Outcome> {
        const core::Identity* server = state.identities.find(plane.server_identity());
        if (server == nullptr) return fail(Code::kCorrupt, "this server has no identity");
        TRY(issued, authority.listener(state, *server, "", key.public_key(), hosts, now,
                                       now + issue::longest_life(*server), plane.random()));
        pem = issued.pem;
        until = issued.event.certificate.until;
        return core::Outcome{{issued.event}, {}, {}};
      }));
  const Time now = plane.time().now();
  return ServerCertificate{{pem, key.to_pem()}, until - (until - now) / kRenewAtFraction, until};
}

}  // namespace

struct Service::State {
  State(control::Plane& the_plane, issue::Authority the_authority)
      : plane(the_plane),
        authority(std::move(the_authority)),
        pool(kPoolThreads),
        context{the_plane, authority, pool, metadata, {}, {}} {}

  control::Plane& plane;
  const issue::Authority authority;
  Pool pool;
  Metadata metadata;
  Context context;
  std::vector<std::string> hosts;
  std::shared_ptr<net::TlsServer> tls;
  std::unique_ptr<net::HttpServer> server;
  control::RunOn run_on;  // onto the server's threads
  std::thread renewal;
  std::mutex mutex;
  std::condition_variable wake;
  bool stopping = false;  // guarded by mutex

  // Replaces the listener's certificate in time; on a failure the next try follows in a minute.
  void renew(Time at) {
    for (;;) {
      {
        std::unique_lock lock(mutex);
        while (!stopping && plane.time().now() < at) {
          wake.wait_for(lock, std::chrono::seconds(30));
        }
        if (stopping) return;
      }
      auto fresh = make_certificate(plane, authority, hosts);
      Status done = fresh ? tls->replace(fresh->identity, authority.root_pem()) : fail(fresh);
      if (done) {
        metadata.sign_with(fresh->identity.chain_pem, fresh->identity.key_pem, fresh->until);
        at = fresh->renew_at;
      } else {
        log(Level::kError, "certificate_not_renewed", {{"error", done.error().text()}});
        at = plane.time().now() + std::chrono::minutes(1);
      }
    }
  }
};

Service::Service(std::unique_ptr<State> state) : state_(std::move(state)) {}
Service::~Service() {
  stop();
}

Result<std::unique_ptr<Service>> Service::start(control::Plane& plane,
                                                const ServiceOptions& options) {
  TRY(authority, issue::Authority::open(plane.vault().ca_key(), plane.states().get()->genesis.ca));
  auto state = std::make_unique<State>(plane, std::move(authority));
  state->hosts = options.hosts;
  TRY(certificate, make_certificate(plane, state->authority, options.hosts));
  TRY(tls, net::TlsServer::create(certificate.identity, state->authority.root_pem(),
                                  net::ClientCertificate::kOptional, plane.time()));
  state->tls = tls;
  state->metadata.sign_with(certificate.identity.chain_pem, certificate.identity.key_pem,
                            certificate.until);
  net::HttpServerOptions http;
  http.address = options.address;
  http.port = options.port;
  http.threads = options.threads;
  http.on_turn_end = [&plane, raw = state.get()](unsigned thread) {
    plane.decisions().flush(thread, raw->run_on);
  };
  state->server = std::make_unique<net::HttpServer>(tls, plane.time(), http);
  state->run_on = [server = state->server.get()](unsigned thread, std::function<void()> task) {
    server->post(thread, std::move(task));
  };
  const Context& context = state->context;
  add_enroll_routes(*state->server, context);
  add_command_routes(*state->server, context);
  add_read_routes(*state->server, context);
  add_connect_routes(*state->server, context);
  add_evidence_routes(*state->server, context);
  add_evaluation_routes(*state->server, context);
  add_search_routes(*state->server, context);
  add_metadata_routes(*state->server, context);
  add_door_routes(*state->server, context);
  state->context.programs = options.programs;
  Url& url = state->context.url;
  url.given = options.public_url;
  url.host = options.hosts.empty() ? options.address : options.hosts.front();
  CHECK_OK(state->server->start());
  url.port = state->server->port();
  state->renewal = std::thread([s = state.get(), at = certificate.renew_at] { s->renew(at); });
  return std::unique_ptr<Service>(new Service(std::move(state)));
}

std::uint16_t Service::port() const {
  return state_->server->port();
}

std::string Service::ticket(const std::string& code) const {
  return enrolment_ticket(state_->context, *state_->plane.states().get(), code);
}

void Service::stop() {
  {
    std::lock_guard lock(state_->mutex);
    if (state_->stopping) return;
    state_->stopping = true;
  }
  state_->wake.notify_all();
  if (state_->renewal.joinable()) state_->renewal.join();
  control::Plane& plane = state_->plane;
  plane.waits().stop();
  state_->server->stop();
  state_->pool.stop();
  // What was handed to the writer calls back here: each round lets that finish, and what it began.
  constexpr int kRounds = 4;
  for (int i = 0; i < kRounds; ++i) {
    plane.waits().stop();
    (void)plane.writer().run(
        {{"server"}, {}},
        [](const core::State&, Time) -> Result<core::Outcome> { return core::Outcome{}; });
  }
}

}  // namespace writ::api
