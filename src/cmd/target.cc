// target, door: the systems behind Writ, and the doors in front of them.
#include <algorithm>

#include "base/file.h"
#include "cmd/client.h"
#include "cmd/proposal.h"
#include "cmd/text.h"
#include "cmd/verbs.h"
#include "core/domain.h"
#include "crypto/scram.h"
#include "target/postgres/bootstrap.h"

namespace writ::cmd {
namespace {

namespace pg = target::postgres;

struct NamedRole {
  std::string database;
  std::string role;
  std::string value;
};

// "orders/reader=orders_reader", or "reader=orders_reader" where there is one database.
Result<NamedRole> parse_role(const std::string& text, const std::vector<std::string>& databases,
                             const std::string& option) {
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0 || equals + 1 == text.size()) {
    return fail(Code::kInvalid,
                option == "--role" ? "this is DATABASE/NAME=ROLE, as orders/reader=orders_reader"
                                   : "this is DATABASE/NAME=PRIVILEGE, as orders/writer=INSERT ON "
                                     "TABLE public.orders",
                option);
  }
  NamedRole named;
  named.role = text.substr(0, equals);
  named.value = text.substr(equals + 1);
  if (const std::size_t slash = named.role.find('/'); slash != std::string::npos) {
    named.database = named.role.substr(0, slash);
    named.role = named.role.substr(slash + 1);
  } else if (databases.size() == 1) {
    named.database = databases[0];
  } else {
    return fail(Code::kInvalid, "say in which database, as DATABASE/" + named.role, option);
  }
  if (std::find(databases.begin(), databases.end(), named.database) == databases.end()) {
    const std::string near = nearest(named.database, databases);
    return fail(Code::kInvalid,
                "the database " + printable(named.database) + " is not among those of --database" +
                    (near.empty() ? "" : "; did you mean " + near + "?"),
                option);
  }
  return named;
}

// What the options of `target add` and `target sql` describe.
struct Described {
  std::string name;
  std::vector<std::string> databases;
  std::vector<core::Entitlement> entitlements;
};

Result<Described> described_by(const Args& args) {
  Described described;
  described.name = args.operand("NAME");
  described.databases = args.all("--database");
  if (described.databases.empty()) {
    return fail(Code::kInvalid, "name the databases that Writ controls, as --database orders",
                "--database");
  }
  for (const std::string option : {"--role", "--privilege"}) {
    for (const std::string& text : args.all(option)) {
      TRY(named, parse_role(text, described.databases, option));
      const std::string name = described.name + "/" + named.database + "/" + named.role;
      auto at = std::find_if(described.entitlements.begin(), described.entitlements.end(),
                             [&name](const core::Entitlement& e) { return e.name == name; });
      if (at == described.entitlements.end()) {
        core::Entitlement entitlement;
        entitlement.name = name;
        entitlement.resource = described.name + "/" + named.database;
        entitlement.role = named.role;
        entitlement.database = named.database;
        described.entitlements.push_back(std::move(entitlement));
        at = described.entitlements.end() - 1;
      }
      (option == "--role" ? at->membership : at->privileges).push_back(named.value);
      if (!at->membership.empty() && !at->privileges.empty()) {
        return fail(Code::kInvalid, name + " is either roles or privileges, not both", option);
      }
    }
  }
  if (described.entitlements.empty()) {
    return fail(Code::kInvalid, "say what can be asked for, as --role orders/reader=orders_reader",
                "--role");
  }
  return described;
}

Result<Secret> connector_password(Context& context, const Args& args) {
  TRY(password,
      secret_from(context.terminal, args.option_or("--password-file", ""),
                  "Password for " + args.option_or("--connector", "writ_connector") + ": "));
  if (password.reveal().size() < 12) {
    return fail(Code::kInvalid, "the connector's password has at least 12 characters",
                "--password-file");
  }
  return password;
}

Result<int> sql(Context& context, const Args& args) {
  TRY(described, described_by(args));
  pg::Bootstrap options;
  options.connector = args.option_or("--connector", "writ_connector");
  options.main_database = args.option_or("--main-database", "postgres");
  for (const std::string& database : described.databases) {
    if (database != options.main_database) options.databases.push_back(database);
  }
  for (const core::Entitlement& e : described.entitlements) {
    options.entitlements.push_back({e.name, e.database, e.membership, e.privileges});
  }
  options.protected_logins = args.all("--protect");
  options.door_addresses = args.all("--door-address");
  options.server_addresses = args.all("--server-address");
  if (args.has("--password-file")) {
    TRY(password, connector_password(context, args));
    TRY(verifier, crypto::scram_verifier(password, context.random.bytes(16), 4096));
    options.connector_verifier = verifier;
  }
  auto text = pg::bootstrap_sql(options);
  if (!text) return fail(std::move(text));
  context.terminal.out(*text);
  if (!text->ends_with("\n")) context.terminal.out("\n");
  context.terminal.note("Run this once, as a superuser: psql -v ON_ERROR_STOP=1 -f FILE\n");
  if (!args.has("--password-file")) {
    context.terminal.note("Then set the connector's password: \\password " + options.connector +
                          " (or give it here with --password-file)\n");
  }
  return 0;
}

Result<int> port_of(const Args& args, std::string_view otherwise) {
  const std::string text = args.option_or("--port", otherwise);
  int port = 0;
  for (const char c : text) {
    port = c >= '0' && c <= '9' && port < 100'000 ? port * 10 + (c - '0') : 1'000'000;
  }
  if (text.empty() || port < 1 || port > 65'535) {
    return fail(Code::kInvalid, "a port is a number from 1 to 65535", "--port");
  }
  return port;
}

// The target and each database are resources; the entitlements lie on the databases.
Json resources_of(const Described& described, const Args& args) {
  Json resources = Json::array();
  const auto add = [&](const std::string& name, const std::string& parent) {
    core::Resource resource;
    resource.name = name;
    resource.parent = parent;
    resource.target = described.name;
    resource.owner = *args.option("--owner");
    resource.environment = args.option_or("--environment", "");
    Json json = to_json(resource);
    json.set("tier", Json(args.option_or("--tier", "high")));
    resources.push(std::move(json));
  };
  add(described.name, "");
  for (const std::string& database : described.databases) {
    add(described.name + "/" + database, described.name);
  }
  return resources;
}

Result<int> add_target(Context& context, const Args& args) {
  TRY(described, described_by(args));
  TRY(port, port_of(args, "5432"));
  const std::string ca_file = args.option_or("--ca", "");
  std::string ca;
  if (!ca_file.empty()) {
    TRY(pem, read_file(ca_file, 1 << 20));
    ca = pem;
  }
  if (context.terminal.interactive()) {
    context.terminal.note(
        "An administrator of the cluster runs the output of `writ target sql "
        "postgres " +
        printable(described.name) + " …` (same options) there once.\n");
  }
  TRY(password, connector_password(context, args));
  // The server seals the password when it arrives; it is in no log and in no change.
  Json target = Json::object({{"name", described.name},
                              {"kind", args.operand("KIND")},
                              {"host", *args.option("--host")},
                              {"port", port},
                              {"tls", args.option_or("--tls", "verify-full")},
                              {"ca", ca},
                              {"connector", args.option_or("--connector", "writ_connector")},
                              {"password", password.reveal()},
                              {"databases", to_json(described.databases)}});
  TRY(client, client_for(context));
  auto result = client.command("add_target",
                               Json::object({{"target", std::move(target)},
                                             {"resources", resources_of(described, args)},
                                             {"entitlements", to_json(described.entitlements)}}));
  if (!result) {
    return tl::unexpected<Error>(
        placed(result.error(), {{"/target/name", described.name},
                                {"/target/host", "--host"},
                                {"/target/port", "--port"},
                                {"/target/tls", "--tls"},
                                {"/target/ca", "--ca"},
                                {"/target/connector", "--connector"},
                                {"/resources/0/owner", "--owner"},
                                {"/resources/0/tier", "--tier"},
                                {"/resources/0/environment", "--environment"}}));
  }
  return say_done(context, args, *result, "Added:    " + described.name,
                  "writ door add postgres NAME --host HOST --port PORT --target " + described.name);
}

Result<int> add_door(Context& context, const Args& args) {
  TRY(port, port_of(args, ""));
  Json door = Json::object({{"identity", args.operand("NAME")},
                            {"kind", args.operand("KIND")},
                            {"host", *args.option("--host")},
                            {"port", port},
                            {"targets", to_json(args.all("--target"))}});
  TRY(client, client_for(context));
  auto result = client.command("add_door", Json::object({{"door", std::move(door)}}));
  if (!result) {
    return tl::unexpected<Error>(placed(result.error(), {{"/door/identity", args.operand("NAME")},
                                                         {"/door/host", "--host"},
                                                         {"/door/port", "--port"},
                                                         {"/door/targets", "--target"},
                                                         {"/door/targets/0", "--target"}}));
  }
  return say_done(context, args, *result, "Added:    " + args.operand("NAME"),
                  "writ identity enroll " + args.operand("NAME"));
}

}  // namespace

std::vector<Verb> target_verbs() {
  const Operand kind{"KIND", Count::kOne, Words::kChoices, {"postgres"}};
  const std::vector<Option> described{
      {"--database", "NAME", "a database that Writ controls", Need::kRepeated},
      {"--role", "DATABASE/NAME=ROLE", "an entitlement: membership in a role of the cluster",
       Need::kRepeated},
      {"--privilege", "DATABASE/NAME=PRIVILEGE",
       "an entitlement: a privilege, from which Writ makes a role", Need::kRepeated},
      {"--connector", "ROLE", "Writ's own role there; default writ_connector"},
      {"--password-file", "FILE",
       "its password from a file; default: the prompt, or standard input", Need::kOptional,
       Words::kFiles},
  };
  std::vector<Option> add{
      {"--host", "HOST", "where the cluster listens", Need::kRequired},
      {"--port", "PORT", "default 5432"},
      {"--owner", "OWNER", "who answers for it: identity:NAME or group:NAME", Need::kRequired},
      {"--tier", "TIER", "critical, high (default), medium or legacy"},
      {"--environment", "NAME", "as production"},
      {"--tls", "MODE", "verify-full (default), require, or disable (this host only)"},
      {"--ca", "FILE", "certificate authority of the cluster; needed with TLS", Need::kOptional,
       Words::kFiles}};
  add.insert(add.end(), described.begin(), described.end());
  add.push_back(json_option());
  std::vector<Option> sql_options = described;
  sql_options[4].help = "put its password's verifier into the SQL";
  sql_options.push_back(
      {"--main-database", "NAME", "which holds Writ's functions; default postgres"});
  sql_options.push_back(
      {"--door-address", "ADDRESS", "from where doors come, as 10.0.0.7/32", Need::kRepeated});
  sql_options.push_back(
      {"--server-address", "ADDRESS", "from where the server comes", Need::kRepeated});
  sql_options.push_back(
      {"--protect", "ROLE", "a login whose password Writ never removes", Need::kRepeated});
  return {
      {.path = "target sql",
       .summary = "print the SQL that an administrator of the cluster runs once",
       .operands = {kind, {"NAME"}},
       .options = sql_options,
       .examples = {{"writ target sql postgres pg-main --database orders --role "
                     "orders/reader=orders_reader > writ.sql",
                     ""}},
       .heading = "Administering",
       .run = sql,
       .more = "The connector's role is no superuser: it may run a fixed set of checked functions, "
               "and hand out what is listed here, nothing else."},
      {.path = "target add",
       .summary = "add a system that Writ controls; needs two persons",
       .operands = {kind, {"NAME"}},
       .options = add,
       .examples = {{"writ target add postgres pg-main --host db.example.org --ca ca.pem --owner "
                     "group:dba --database orders --role orders/reader=orders_reader",
                     ""}},
       .heading = "Administering",
       .run = add_target,
       .more = "First run the output of `writ target sql`, with the same options, in the cluster."},
      {.path = "door add",
       .summary = "put a door in front of targets; needs two persons",
       .operands = {kind, {"NAME", Count::kOne, Words::kIdentities}},
       .options = {{"--host", "HOST", "what clients connect to", Need::kRequired},
                   {"--port", "PORT", "and its port", Need::kRequired},
                   {"--target", "TARGET", "what lies behind it", Need::kRepeated, Words::kTargets},
                   json_option()},
       .examples =
           {{"writ identity add pg-door --kind door --owner group:dba --purpose \"door of "
             "pg-main\"",
             "first"},
            {"writ door add postgres pg-door --host db-door.example.org --port 6432 --target "
             "pg-main",
             ""}},
       .heading = "Administering",
       .run = add_door,
       .more =
           "The target must be there, approved. Start the door after this is approved, too: its "
           "certificate gets the host's name then."},
  };
}

}  // namespace writ::cmd
