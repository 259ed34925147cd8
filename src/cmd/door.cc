// door postgres: the process that stands before databases.
#include "door/postgres/door.h"

#include "base/log.h"
#include "cmd/client.h"
#include "cmd/config.h"
#include "cmd/signals.h"
#include "cmd/verbs.h"

namespace writ::cmd {
namespace {

constexpr Millis kLook = std::chrono::seconds(10);

// What a door shows: a certificate that names it, from a login of this moment if there is one.
struct Shown {
  crypto::TlsIdentity identity;
  std::string roots;
  Time renew_at;
};

Result<Shown> show(Context& context, Home& home) {
  const auto renewed = log_in(context, home, Secret());
  TRY(chain, home.certificate());
  TRY(certificates, crypto::Certificate::chain_from_pem(chain));
  const crypto::Certificate& leaf = certificates.front();
  // An older certificate will do while the server is away.
  if (!renewed && leaf.not_after() <= context.clock.now()) return fail(renewed);
  if (!renewed) log(Level::kWarn, "certificate_not_renewed", {{"error", renewed.error().text()}});
  TRY(key, home.key());
  TRY(roots, home.roots());
  const Time middle = leaf.not_before() + (leaf.not_after() - leaf.not_before()) / 2;
  const Time soon = context.clock.now() + std::chrono::minutes(1);
  return Shown{{std::move(chain), key.to_pem()}, std::move(roots), renewed ? middle : soon};
}

// Pins the logs' keys when the server can be asked; a door that knows them checks every checkpoint.
void pin_keys(Context& context, Home& home) {
  auto client = Client::open(context, home);
  if (!client) return;
  for (const Log which : {Log::kJournal, Log::kDecisions}) {
    const auto key = client->fetch("/v1/evidence/" + std::string(name_of(which)) + "/key");
    if (!key) continue;
    if (const Status pinned = home.pin_log_key(which, *key); !pinned) {
      log(Level::kError, "log_key_changed", {{"error", pinned.error().text()}});
    }
  }
}

Result<int> run_door(Context& context, const Args& args) {
  TRY(config, read_door_config(*args.option("--config")));
  set_log_level(config.log);
  TRY(home, Home::open(config.home));
  if (home.config().kind != "door") {
    return fail(Code::kInvalid,
                "this home is enrolled for a " + home.config().kind + ", not a door", config.home);
  }
  EndSignals end;
  TRY(shown, show(context, home));
  pin_keys(context, home);
  door::postgres::DoorConfig options;
  options.address = config.listen.host;
  options.port = config.listen.port;
  options.identity = {shown.identity.chain_pem, shown.identity.key_pem.clone()};
  options.roots_pem = shown.roots;
  TRY(server, net::parse_endpoint(home.config().server));
  options.server = server;
  options.expected_server =
      crypto::ExpectSpiffePrefix{"spiffe://" + home.config().trust_domain + "/server/"};
  options.state_folder = config.state_folder;
  for (const Log which : {Log::kJournal, Log::kDecisions}) {
    if (home.log_key(which)) options.log_keys.push_back(*home.log_key(which));
  }
  options.limits.connections = config.connections;
  options.limits.per_identity = config.per_identity;
  TRY(door, door::postgres::Door::start(std::move(options), context.clock, context.random));
  log(Level::kInfo, "door_ready", {{"address", config.listen.host}, {"port", int(door->port())}});
  Time renew_at = shown.renew_at;
  while (!end.wait(kLook)) {
    if (context.clock.now() < renew_at) continue;
    auto next = show(context, home);
    const Status done = next ? door->reload(next->identity, next->roots) : fail(next);
    renew_at = done ? next->renew_at : context.clock.now() + std::chrono::minutes(1);
    if (!done) log(Level::kError, "certificate_not_renewed", {{"error", done.error().text()}});
  }
  log(Level::kInfo, "door_stops");
  return 0;
}

}  // namespace

std::vector<Verb> door_verbs() {
  return {
      {.path = "door postgres",
       .summary = "run a PostgreSQL door",
       .options = {{"--config", "FILE", "its configuration", Need::kRequired, Words::kFiles}},
       .examples = {{"WRIT_HOME=/var/lib/writ-door/home writ enroll --ticket-file ticket",
                     "once, as the door's identity"},
                    {"writ door postgres --config /etc/writ/door.toml", "until SIGTERM or Ctrl-C"}},
       .heading = "Running and testing",
       .run = run_door,
       .more = "In the file: home (where it was enrolled), state, listen, connections, "
               "per_identity, log."}};
}

}  // namespace writ::cmd
