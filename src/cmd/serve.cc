// server, init: a trust domain's beginning, and the process that runs it.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <mutex>

#include "api/service.h"
#include "base/file.h"
#include "cmd/client.h"
#include "cmd/config.h"
#include "cmd/open_target.h"
#include "cmd/policy_files.h"
#include "cmd/signals.h"
#include "cmd/text.h"
#include "cmd/verbs.h"
#include "control/plane.h"
#include "core/policy.h"
#include "prove/analysis.h"

namespace writ::cmd {
namespace {

// The first thing that makes it impossible to go on, from any thread.
class Fatal {
 public:
  void tell(const Error& error) {
    {
      std::lock_guard lock(mutex_);
      if (!error_) error_ = error;
    }
    EndSignals::raise();
  }
  std::optional<Error> error() {
    std::lock_guard lock(mutex_);
    return error_;
  }

 private:
  std::mutex mutex_;
  std::optional<Error> error_;  // guarded by mutex_
};

control::PlaneOptions plane_options(const ServerConfig& config) {
  control::PlaneOptions options;
  options.data_folder = config.data_folder;
  options.kek_file = config.kek_file;
  options.threads = config.threads;
  return options;
}

Result<int> server(Context& context, const Args& args) {
  TRY(config, read_server_config(*args.option("--config")));
  set_log_level(config.log);
  EndSignals end;
  Fatal fatal;
  store::RealFileSystem files;
  const std::string authorities = config.data_folder + "/targets";
  TRY(plane, control::Plane::open(
                 plane_options(config), files, context.clock, context.random,
                 [authorities](const core::TargetSystem& target, Secret password) {
                   return open_target(target, std::move(password), authorities);
                 },
                 [&fatal](const Error& error) { fatal.tell(error); }));
  plane->start();
  api::ServiceOptions options;
  options.address = config.listen.host;
  options.port = config.listen.port;
  options.threads = config.threads;
  if (!config.names.empty()) options.hosts = config.names;
  if (const char* programs = std::getenv("PATH")) options.programs = programs;
  auto service = api::Service::start(*plane, options);
  if (!service) {
    plane->stop();
    return fail(std::move(service));
  }
  log(Level::kInfo, "server_ready",
      {{"address", config.listen.host}, {"port", int((*service)->port())}});
  while (!end.wait(std::chrono::hours(1))) {
  }
  log(Level::kInfo, "server_stops");
  (*service)->stop();
  plane->stop();
  if (const auto error = fatal.error()) return tl::unexpected<Error>(*error);
  return 0;
}

std::string toml_string(std::string_view text) {
  std::string out;
  append_json_string(out, text);  // JSON's escapes are TOML's
  return out;
}

Result<std::string> write_config(const std::string& folder, const Args& args,
                                 const net::Endpoint& listen) {
  std::string names;
  for (const std::string& name : args.all("--name")) {
    names += (names.empty() ? "" : ", ") + toml_string(name);
  }
  if (names.empty()) names = toml_string(listen.host);
  std::string path = folder + "/server.toml";
  CHECK_OK(write_file(path,
                      "data = \"data\"\n"
                      "kek = \"keys/kek\"  # better on another disk\n"
                      "listen = " +
                          toml_string(net::to_text(listen)) +
                          "\n"
                          "names = [" +
                          names + "]  # under which clients reach it\n",
                      0600));
  return path;
}

// As an enrolment ticket (docs/api.md), before there is a server to ask for one.
std::string ticket_of(const std::string& url, const std::string& code, const std::string& ca,
                      const std::string& trust_domain) {
  return "writ1." +
         to_base64url(canonical(Json::object(
             {{"server", url}, {"code", code}, {"ca", ca}, {"trust_domain", trust_domain}})));
}

Json tickets_of(const control::Founded& founded, const std::string& url) {
  Json tickets = Json::object();
  for (const auto& [name, code] : founded.codes) {
    tickets.set(name, Json(ticket_of(url, code, founded.ca_pem, founded.trust_domain)));
  }
  return tickets;
}

void say_tickets(Context& context, const Json& tickets) {
  for (const JsonMember& ticket : *tickets.as_object()) {
    context.terminal.out("Ticket for " + printable(ticket.first) + ":\n" +
                         *ticket.second.as_string() + "\n\n");
  }
}

Result<int> reopen(Context& context, const Args& args) {
  TRY(config, read_server_config(*args.option("--config")));
  store::RealFileSystem files;
  TRY(founded,
      control::Plane::reopen_tickets(plane_options(config), files, context.clock, context.random));
  const std::string host = config.names.empty() ? config.listen.host : config.names[0];
  const Json tickets = tickets_of(founded, "https://" + net::to_text({host, config.listen.port}));
  if (args.has("--json")) {
    print_json(context, Json::object({{"tickets", tickets}}));
    return 0;
  }
  say_tickets(context, tickets);
  context.terminal.out("They hold for 15 minutes. Next: start the server, and: writ enroll\n");
  return 0;
}

Result<int> rotate(Context& context, const Args& args) {
  TRY(config, read_server_config(*args.option("--config")));
  store::RealFileSystem files;
  TRY(count, control::Plane::rotate_keys(plane_options(config), files, context.random));
  if (args.has("--json")) {
    print_json(context, Json::object({{"kek", config.kek_file},
                                      {"keys", static_cast<std::int64_t>(count)}}));
    return 0;
  }
  context.terminal.out("Rotated:  " + printable(config.kek_file) + ", which now wraps " +
                       std::to_string(count) + " keys\n");
  context.terminal.note(
      "Back the new file up. Backups of the data folder from before open with the old key alone; "
      "destroy that key when they are gone.\n");
  return 0;
}

// That the first policies keep the invariants that stand among them, as the server wants of every
// later set. The default policies bring none, so without any there is nothing to prove. A server's
// first host may have no solver yet: then it is said that nothing was proved.
Status keep_invariants(Context& context, std::vector<core::PolicyFile> files) {
  const auto is_invariants = [](const core::PolicyFile& file) {
    return core::kind_of(file) == core::PolicyFileKind::kInvariants;
  };
  if (std::none_of(files.begin(), files.end(), is_invariants)) return {};
  files.insert(files.begin(), {"default.cedar", core::default_policies()});
  const char* path = std::getenv("PATH");
  Status holds =
      prove::check_invariants(files, path == nullptr ? "" : path, prove::kInvariantsTime);
  if (holds || holds.error().code != Code::kUnavailable) return holds;
  context.terminal.note("The invariants of these policies are not proved: " +
                        printable_lines(holds.error().message) + "\n");
  return {};
}

Result<int> init(Context& context, const Args& args) {
  std::string folder = args.operand("DIR");
  while (folder.size() > 1 && folder.back() == '/') folder.pop_back();
  const auto listen = net::parse_endpoint(args.option_or("--listen", "127.0.0.1:8443"));
  if (!listen) return fail(Code::kInvalid, listen.error().message, "--listen");
  control::Founders founders;
  founders.trust_domain = *args.option("--trust-domain");
  founders.administrators = args.all("--administrator");
  const std::size_t wanted = args.has("--solo") ? 1 : 2;
  if (founders.administrators.size() != wanted) {
    return fail(Code::kInvalid,
                wanted == 2 ? "name two administrators, who check each other (or one, with --solo)"
                            : "name one administrator with --solo",
                "--administrator");
  }
  if (!args.all("--policy").empty()) {
    TRY(read, read_policies(args.all("--policy")));
    founders.policies = std::move(read.files);
  }
  CHECK_OK(keep_invariants(context, founders.policies));
  CHECK_OK(make_folder(folder, 0700));
  CHECK_OK(make_folder(folder + "/keys", 0700));
  ServerConfig config;
  config.data_folder = folder + "/data";
  config.kek_file = folder + "/keys/kek";
  store::RealFileSystem files;
  auto made =
      control::Plane::found(plane_options(config), founders, files, context.clock, context.random);
  if (!made) {
    return tl::unexpected<Error>(placed(made.error(), {{"/trust_domain", "--trust-domain"},
                                                       {"/administrators/0", "--administrator"},
                                                       {"/administrators/1", "--administrator"},
                                                       {"/policies", "--policy"}}));
  }
  const control::Founded founded = std::move(*made);
  TRY(path, write_config(folder, args, *listen));
  const std::string host = args.all("--name").empty() ? listen->host : args.all("--name")[0];
  const Json tickets = tickets_of(founded, "https://" + net::to_text({host, listen->port}));
  if (args.has("--json")) {
    print_json(context, Json::object({{"config", path}, {"tickets", tickets}}));
    return 0;
  }
  context.terminal.out("Founded " + printable(founders.trust_domain) + " in " + folder + ".\n\n");
  say_tickets(context, tickets);
  context.terminal.out("Next, within 15 minutes, while the tickets hold:\n  writ server --config " +
                       path +
                       "\n  and each administrator, on a device of their own: writ enroll\n");
  return 0;
}

}  // namespace

std::vector<Verb> server_verbs() {
  return {
      {.path = "init",
       .summary = "found a trust domain in a new folder: keys, journal, configuration",
       .operands = {{"DIR", Count::kOne, Words::kFiles}},
       .options = {{"--trust-domain", "NAME", "a DNS name of yours, as example.org",
                    Need::kRequired},
                   {"--administrator", "NAME", "who may change Writ itself; two of them",
                    Need::kRepeated},
                   {"--solo", "", "one administrator alone: a finding for as long as it lasts"},
                   {"--listen", "HOST:PORT", "default 127.0.0.1:8443"},
                   {"--name", "HOST", "under which clients reach the server", Need::kRepeated},
                   {"--policy", "FILE", "first policies, beside the default ones; or their folder",
                    Need::kRepeated, Words::kFiles},
                   json_option()},
       .examples = {{"writ init /var/lib/writ --trust-domain example.org --administrator alice "
                     "--administrator bob",
                     ""}},
       .heading = "Running and testing",
       .run = init},
      {.path = "key rotate",
       .summary = "replace the key-encryption key; the server must be stopped",
       .options = {{"--config", "FILE", "as writ init writes it", Need::kRequired, Words::kFiles},
                   json_option()},
       .examples = {{"writ key rotate --config /var/lib/writ/server.toml", ""}},
       .heading = "Running and testing",
       .run = rotate,
       .more = "Every key that the server holds is wrapped anew, in one transaction. The keys "
               "themselves stay: the certificate authority, the checkpoint key and the targets' "
               "keys are not replaced, since certificates, checkpoints and logins rest on them. "
               "Interrupted, it goes on when it is run again."},
      {.path = "server tickets",
       .summary = "new tickets for founders whose first ones are over; the server must be stopped",
       .options = {{"--config", "FILE", "as writ init writes it", Need::kRequired, Words::kFiles},
                   json_option()},
       .examples = {{"writ server tickets --config /var/lib/writ/server.toml", ""}},
       .heading = "Running and testing",
       .run = reopen,
       .more = "Only for administrators who have no device yet, and only until two of them have: "
               "from then on they open enrolments, and confirm each other's."},
      {.path = "server",
       .summary = "run the server",
       .options = {{"--config", "FILE", "as writ init writes it", Need::kRequired, Words::kFiles}},
       .examples = {{"writ server --config /var/lib/writ/server.toml", "until SIGTERM or Ctrl-C"}},
       .heading = "Running and testing",
       .run = server,
       .more = "In the file: data, kek, listen, names, threads, log."},
  };
}

}  // namespace writ::cmd
