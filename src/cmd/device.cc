// enroll, login: making this device known, and getting a certificate for it.
#include "base/file.h"
#include "cmd/client.h"
#include "cmd/proposal.h"
#include "cmd/text.h"
#include "cmd/verbs.h"

namespace writ::cmd {
namespace {

// What an enrolment ticket holds.
struct Ticket {
  std::string server;
  std::string code;
  std::string ca;
  std::string trust_domain;
};
template <class V>
void fields(V& v, Ticket& t) {
  v("server", t.server);
  v("code", t.code);
  v("ca", t.ca);
  v("trust_domain", t.trust_domain);
}

Result<Ticket> parse_ticket(const Secret& text) {
  constexpr std::string_view kPrefix = "writ1.";
  const auto wrong = [] {
    return fail(Code::kInvalid,
                "this is no enrolment ticket; it begins with writ1. and is one long word");
  };
  std::string_view rest = text.reveal();
  while (!rest.empty() && (rest.back() == ' ' || rest.back() == '\t')) rest.remove_suffix(1);
  while (!rest.empty() && (rest.front() == ' ' || rest.front() == '\t')) rest.remove_prefix(1);
  if (!rest.starts_with(kPrefix)) return wrong();
  const auto bytes = from_base64url(rest.substr(kPrefix.size()));
  if (!bytes) return wrong();
  const auto json = parse_json(*bytes);
  if (!json) return wrong();
  auto ticket = from_json<Ticket>(*json);
  if (!ticket) return wrong();
  return ticket;
}

std::string host_name() {
  const auto name = read_file("/proc/sys/kernel/hostname", 256);
  if (!name) return "device";
  return name->substr(0, name->find('\n'));
}

// The keys of both logs, as the server shows them to whoever it let in. One that differs from what
// this device knows is an error; one that may not be read now is pinned by `evidence verify`.
Status pin_log_keys(Client& client) {
  for (const Log log : {Log::kJournal, Log::kDecisions}) {
    const auto key = client.fetch("/v1/evidence/" + std::string(name_of(log)) + "/key");
    if (key) CHECK_OK(client.home().pin_log_key(log, *key));
  }
  return {};
}

void say_logged_in(Context& context, const Home& home, Time until) {
  context.terminal.out("Logged in as " + printable(home.config().name) + " until " +
                       short_time(until) + " UTC.\n");
}

Status log_in_with(Context& context, Home& home, const Secret& code) {
  TRY(until, log_in(context, home, code));
  TRY(client, Client::open(context, home));
  CHECK_OK(pin_log_keys(client));
  home = client.home();
  say_logged_in(context, home, until);
  return {};
}

Status first_login(Context& context, Home& home, const Json& answer) {
  Terminal& terminal = context.terminal;
  const std::string uri = text_or_empty(answer, "totp_uri");
  if (!uri.empty()) {
    terminal.out("Add this to your authenticator application; it is shown only once:\n\n  " +
                 printable(uri) + "\n\n");
  }
  if (const Json* confirmed = answer.find("confirmed");
      confirmed != nullptr && confirmed->as_bool() != nullptr && !*confirmed->as_bool()) {
    terminal.out(
        "This is your first device: an administrator confirms that it is yours, another one "
        "than gave you\nthe ticket. Tell them its id, " +
        printable(home.config().device) + "; they run\n\n  writ device confirm " +
        printable(home.config().device) + "\n\n");
    terminal.note("Next, when that is done: writ login\n");
    return {};
  }
  const auto code = terminal.read_secret("Code from your authenticator: ");
  if (!code) {
    terminal.note("Next: writ login\n");
    return {};
  }
  const auto done = log_in_with(context, home, *code);
  if (!done) terminal.note("The device is enrolled, but the login failed. Next: writ login\n");
  return done;
}

Result<HomeConfig> config_of(const Json& answer, const std::string& server) {
  HomeConfig config;
  config.server = server;
  const std::pair<std::string_view, std::string*> members[] = {
      {"identity", &config.identity}, {"kind", &config.kind},
      {"name", &config.name},         {"spiffe_id", &config.spiffe_id},
      {"device", &config.device},     {"trust_domain", &config.trust_domain}};
  for (const auto& [member, text] : members) {
    TRY(value, text_of(answer, member));
    *text = std::move(value);
  }
  return config;
}

Result<int> enroll(Context& context, const Args& args) {
  const std::string machine = args.option_or("--as", "");
  std::string folder = context.home;
  if (!machine.empty()) {
    TRY(below, machine_folder(context.home, machine));
    folder = below;
    CHECK_OK(make_folder(context.home, 0700));
  }
  TRY(home, Home::create(folder));
  TRY(text,
      secret_from(context.terminal, args.option_or("--ticket-file", ""), "Enrolment ticket: "));
  TRY(ticket, parse_ticket(text));
  TRY(key, crypto::PrivateKey::generate(crypto::KeyKind::kP256));
  TRY(csr, crypto::CertificateRequest::create(key));
  TRY(client, Client::anonymous(context, ticket.server, ticket.ca, ticket.trust_domain));
  // The key rests safely before the server hears of it: a ticket works once.
  CHECK_OK(home.keep_key(key, context.random));
  TRY(answer,
      client.post("/v1/enroll", Json::object({{"code", ticket.code},
                                              {"csr", csr.pem()},
                                              {"label", args.option_or("--label", host_name())}})));
  TRY(config, config_of(answer, ticket.server));
  TRY(roots, text_of(answer, "roots"));
  if (config.trust_domain != ticket.trust_domain) {
    return fail(Code::kCorrupt, "the server speaks for another trust domain than the ticket");
  }
  CHECK_OK(home.keep_roots(roots));
  const bool person = config.is_person();
  CHECK_OK(home.save(std::move(config)));
  context.terminal.out("Enrolled this device for " + printable(home.config().name) + " (" +
                       home.config().kind + ").\n");
  if (person) {
    CHECK_OK(first_login(context, home, answer));
    return 0;
  }
  TRY(chain, text_of(answer, "certificate"));
  CHECK_OK(home.keep_certificate(chain));
  TRY(own, Client::open(context, home));
  CHECK_OK(pin_log_keys(own));
  if (own.home().config().kind == "door" && text_or_empty(answer, "host").empty()) {
    context.terminal.note(
        "This door stands before no target yet, so its certificate names no host. When `writ door "
        "add` is approved, run `writ login` here, and then start the door.\n");
  }
  if (!machine.empty() && machine != own.home().config().name) {
    context.terminal.note("Note: this host knows it as " + machine + ", Writ as " +
                          printable(own.home().config().name) + ".\n");
  }
  return 0;
}

Result<int> login(Context& context, const Args& args) {
  TRY(home, home_for(context, args.option_or("--as", "")));
  Secret code;
  if (home.config().is_person()) {
    TRY(typed, context.terminal.read_secret("Code from your authenticator: "));
    code = std::move(typed);
  }
  CHECK_OK(log_in_with(context, home, code));
  return 0;
}

Result<int> confirm_device(Context& context, const Args& args) {
  const std::string& device = args.operand("DEVICE");
  TRY(client, client_for(context));
  auto result = client.command("confirm_device", Json::object({{"device", device}}));
  if (!result) return tl::unexpected<Error>(placed(result.error(), {{"/device", device}}));
  return say_done(context, args, *result, "Confirmed: " + device, "");
}

Result<int> remove_device(Context& context, const Args& args) {
  const std::string& device = args.operand("DEVICE");
  TRY(client, client_for(context));
  auto result = client.command(
      "remove_device", Json::object({{"device", device}, {"reason", *args.option("--reason")}}));
  if (!result) {
    return tl::unexpected<Error>(
        placed(result.error(), {{"/device", device}, {"/reason", "--reason"}}));
  }
  return say_done(context, args, *result, "Removed:  " + device + ", and its certificates", "");
}

Result<int> revoke_certificate(Context& context, const Args& args) {
  const std::string& serial = args.operand("SERIAL");
  TRY(client, client_for(context));
  auto result =
      client.command("revoke_certificate",
                     Json::object({{"serial", serial}, {"reason", *args.option("--reason")}}));
  if (!result) {
    return tl::unexpected<Error>(
        placed(result.error(), {{"/serial", serial}, {"/reason", "--reason"}}));
  }
  return say_done(context, args, *result, "Revoked:  " + serial, "");
}

}  // namespace

std::vector<Verb> device_verbs() {
  const Option reason{"--reason", "TEXT", "why", Need::kRequired};
  return {
      {.path = "enroll",
       .summary = "make this device yours, with the one-time ticket that you were given",
       .options = {{"--ticket-file", "FILE", "read the ticket from a file", Need::kOptional,
                    Words::kFiles},
                   {"--label", "NAME", "what to call this device; default: the host's name"},
                   {"--as", "MACHINE", "enrol a machine's identity on this host, beside your own"}},
       .examples = {{"writ enroll", "asks for the ticket, then for a first code"},
                    {"writ enroll --as billing-job < ticket",
                     "a machine; then: writ run --as billing-job …"}},
       .heading = "This device",
       .run = enroll,
       .more =
           "The ticket is never an argument, where other users of this host could read it: it "
           "comes from the prompt, from standard input or from a file. The device's key is made "
           "here and never leaves."},
      {.path = "login",
       .summary = "get a certificate for this device, with a code of your authenticator",
       .options = {{"--as", "MACHINE", "for a machine that is enrolled here", Need::kOptional,
                    Words::kHomes}},
       .examples = {{"writ login", "asks for the code"}},
       .heading = "This device",
       .run = login,
       .more = "A login lasts at most 12 hours. Machines need none: their certificates renew by "
               "themselves."},
      {.path = "device confirm",
       .summary = "vouch that a person's first device is theirs, so that it may log in",
       .operands = {{"DEVICE", Count::kOne}},
       .options = {json_option()},
       .examples = {{"writ device confirm dev_4k2m9x7qv0w3t8ah",
                     "the id that they read out to you"}},
       .heading = "Administering",
       .run = confirm_device,
       .more =
           "Whoever opened the enrolment has seen its ticket and could have used it. So another "
           "administrator confirms: ask the person, by a way that you trust, for the id that "
           "their own device shows."},
      {.path = "device remove",
       .summary = "end an enrolled device and its certificates, at once",
       .operands = {{"DEVICE", Count::kOne}},
       .options = {reason, json_option()},
       .examples = {{"writ device remove dev_4k2m9x7qv0w3t8ah --reason \"lost\"", ""},
                    {"writ list devices", "which there are"}},
       .heading = "Administering",
       .run = remove_device},
      {.path = "certificate revoke",
       .summary = "end one certificate, at once",
       .operands = {{"SERIAL", Count::kOne}},
       .options = {reason, json_option()},
       .examples = {{"writ certificate revoke 2f9a… --reason \"key seen in a log\"",
                     "the serial stands in: writ whoami, writ evidence show"}},
       .heading = "Administering",
       .run = revoke_certificate},
  };
}

}  // namespace writ::cmd
