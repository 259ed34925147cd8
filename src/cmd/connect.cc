// connect, run: using a grant. The key and certificate of one connection lie in memory and end with
// it; no password exists.
#include "cmd/child.h"
#include "cmd/client.h"
#include "cmd/private_folder.h"
#include "cmd/text.h"
#include "cmd/verbs.h"

namespace writ::cmd {
namespace {

struct Ready {
  PrivateFolder folder;
  std::vector<Setting> settings;  // for libpq
  std::string grant;
  Time until;
};

Result<Ready> make_ready(Context& context, Client& client, const std::string& entitlement,
                         const std::string& grant) {
  sweep(context.runtime_folder, context.clock.now());
  TRY(key, crypto::PrivateKey::generate(crypto::KeyKind::kP256));
  TRY(csr, crypto::CertificateRequest::create(key));
  Json body = Json::object({{"entitlement", entitlement}, {"csr", csr.pem()}});
  if (!grant.empty()) body.set("grant", Json(grant));
  TRY(answer, client.post("/v1/connect", body));
  TRY(given, text_of(answer, "grant"));
  TRY(certificate, text_of(answer, "certificate"));
  TRY(roots, text_of(answer, "roots"));
  TRY(until_text, text_of(answer, "until"));
  TRY(until, parse_time(until_text));
  TRY(door, member_of(answer, "door"));
  TRY(host, text_of(door, "host"));
  TRY(port, member_of(door, "port"));
  if (port.as_int() == nullptr) return fail(Code::kCorrupt, "the door's port is no number");

  TRY(folder, PrivateFolder::make(context.runtime_folder, until));
  TRY(key_path, folder.put("client.key", key.to_pem().reveal()));
  TRY(certificate_path, folder.put("client.crt", certificate));
  TRY(roots_path, folder.put("root.crt", roots));
  std::vector<Setting> settings{{"PGHOST", host},
                                {"PGPORT", std::to_string(*port.as_int())},
                                {"PGDATABASE", entitlement},
                                {"PGUSER", client.home().config().name},
                                {"PGSSLMODE", "verify-full"},
                                {"PGSSLCERT", certificate_path},
                                {"PGSSLKEY", key_path},
                                {"PGSSLROOTCERT", roots_path},
                                {"PGGSSENCMODE", "disable"}};
  return Ready{std::move(folder), std::move(settings), std::move(given), until};
}

std::string quoted(std::string_view value) {
  std::string out = "'";
  for (const char c : value) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

// The settings for other clients; the files stay until the grant's end.
Result<int> hand_out(Context& context, Ready ready, bool json) {
  const std::string folder = ready.folder.path();
  CHECK_OK(ready.folder.keep());
  if (json) {
    Json out = Json::object({{"grant", ready.grant},
                             {"until", to_text(ready.until)},
                             {"folder", folder},
                             {"environment", Json::object()}});
    Json environment = Json::object();
    for (const auto& [name, value] : ready.settings) environment.set(name, Json(value));
    out.set("environment", environment);
    print_json(context, out);
    return 0;
  }
  for (const auto& [name, value] : ready.settings) {
    context.terminal.out("export " + name + "=" + quoted(value) + "\n");
  }
  context.terminal.out("# " + printable(ready.grant) + ", until " + short_time(ready.until) +
                       " UTC; until then the key lies in " + folder + "\n");
  return 0;
}

Result<int> connect(Context& context, const Args& args) {
  if (args.has("--env") && args.has("--json")) {
    return fail(Code::kInvalid, "--env and --json are two forms of the same; take one", "--json");
  }
  const bool hands_out = args.has("--env") || args.has("--json");
  if (hands_out && !args.rest().empty()) {
    return fail(Code::kInvalid, "psql does not run with --env or --json, so it takes no arguments",
                "--");
  }
  TRY(client, client_for(context, args.option_or("--as", "")));
  TRY(ready,
      make_ready(context, client, args.operand("ENTITLEMENT"), args.option_or("--grant", "")));
  if (hands_out) return hand_out(context, std::move(ready), args.has("--json"));
  if (context.terminal.interactive() && args.rest().empty()) {
    context.terminal.note("Connected until " + short_time(ready.until) + " UTC (" +
                          printable(ready.grant) + ").\n");
  }
  std::vector<std::string> words{context.psql};
  words.insert(words.end(), args.rest().begin(), args.rest().end());
  auto status = run_child(words, ready.settings);
  if (!status && status.error().code == Code::kNotFound) {
    return fail(Code::kNotFound,
                "psql is not installed here; for other clients: writ connect --env " +
                    args.operand("ENTITLEMENT"),
                words[0]);
  }
  return status;
}

Result<int> run_as(Context& context, const Args& args) {
  if (args.rest().empty()) {
    return fail(Code::kInvalid, "say what to run, as in -- psql -c 'select 1'", "--");
  }
  TRY(client, client_for(context, args.option_or("--as", "")));
  TRY(ready,
      make_ready(context, client, args.operand("ENTITLEMENT"), args.option_or("--grant", "")));
  return run_child(args.rest(), ready.settings);
}

}  // namespace

std::vector<Verb> connect_verbs() {
  const Operand entitlement{"ENTITLEMENT", Count::kOne, Words::kEntitlements};
  const Option grant{"--grant", "GRANT", "use this grant, where several are live", Need::kOptional,
                     Words::kGrants};
  return {
      {.path = "connect",
       .summary = "open psql through the door, on a live grant",
       .operands = {entitlement},
       .options = {{"--env", "", "print the settings for other clients instead"},
                   {"--json", "", "the same as one JSON value"},
                   grant,
                   {"--as", "MACHINE", "as a machine that is enrolled here", Need::kOptional,
                    Words::kHomes}},
       .rest = "psql arguments",
       .examples = {{"writ connect pg-main/orders/reader", ""},
                    {"writ connect pg-main/orders/reader -- -c 'select count(*) from orders'", ""},
                    {"eval \"$(writ connect pg-main/orders/reader --env)\"",
                     "for any libpq client"}},
       .heading = "Getting access",
       .run = connect,
       .more =
           "The certificate is made for this connection and ends with the grant. With --env and "
           "--json its key stays in a private folder in memory until then; a later writ connect "
           "removes it."},
      {.path = "run",
       .summary = "run a program as a machine: short-lived identity, no password",
       .operands = {entitlement},
       .options = {{"--as", "MACHINE", "whose identity; see: writ help enroll", Need::kRequired,
                    Words::kHomes},
                   grant},
       .rest = "COMMAND…",
       .examples = {{"writ run --as billing-job pg-main/orders/reader -- psql -c 'select 1'", ""},
                    {"writ enroll --as billing-job", "once, before; asks for the ticket"}},
       .heading = "Getting access",
       .run = run_as,
       .more = "The program finds the connection in its environment (PGHOST, PGDATABASE, "
               "PGSSLCERT, …), which every libpq client reads. Its exit status is writ's."},
  };
}

}  // namespace writ::cmd
