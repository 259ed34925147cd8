// identity, group: who there is, and who belongs where.
#include "cmd/client.h"
#include "cmd/proposal.h"
#include "cmd/text.h"
#include "cmd/verbs.h"

namespace writ::cmd {
namespace {

void set_if(Json& body, std::string_view member, const std::optional<std::string>& value) {
  if (value) body.set(member, Json(*value));
}

Result<int> add_identity(Context& context, const Args& args) {
  Json body =
      Json::object({{"kind", args.option_or("--kind", "user")}, {"name", args.operand("NAME")}});
  set_if(body, "tier", args.option("--tier"));
  set_if(body, "owner", args.option("--owner"));
  set_if(body, "purpose", args.option("--purpose"));
  set_if(body, "environment", args.option("--environment"));
  TRY(client, client_for(context));
  auto result = client.command("add_identity", std::move(body));
  if (!result) {
    return tl::unexpected<Error>(placed(result.error(), {{"/kind", "--kind"},
                                                         {"/name", args.operand("NAME")},
                                                         {"/tier", "--tier"},
                                                         {"/owner", "--owner"},
                                                         {"/purpose", "--purpose"},
                                                         {"/environment", "--environment"}}));
  }
  return say_done(context, args, *result, "Added:    " + args.operand("NAME"),
                  "writ identity enroll " + args.operand("NAME"));
}

Result<int> set_state(Context& context, const Args& args, std::string_view state,
                      std::string_view said) {
  const std::string& name = args.operand("IDENTITY");
  Json body =
      Json::object({{"identity", name}, {"state", state}, {"reason", *args.option("--reason")}});
  if (state == "offboarded") set_if(body, "reassign_to", args.option("--reassign-to"));
  TRY(client, client_for(context));
  auto result = client.command("set_identity_state", std::move(body));
  if (!result) {
    return tl::unexpected<Error>(
        placed(result.error(),
               {{"/identity", name}, {"/reason", "--reason"}, {"/reassign_to", "--reassign-to"}}));
  }
  return say_done(context, args, *result, std::string(said) + name, "");
}

Result<int> quarantine(Context& context, const Args& args) {
  return set_state(context, args, "quarantined", "Quarantined: ");
}
Result<int> lift(Context& context, const Args& args) {
  return set_state(context, args, "active", "Lifted:   ");
}
Result<int> offboard(Context& context, const Args& args) {
  return set_state(context, args, "offboarded", "Offboarded: ");
}

Result<int> open_enrollment(Context& context, const Args& args) {
  const std::string& name = args.operand("IDENTITY");
  TRY(client, client_for(context));
  auto result = client.command("open_enrollment", Json::object({{"identity", name}}));
  if (!result) return tl::unexpected<Error>(placed(result.error(), {{"/identity", name}}));
  if (args.has("--json")) {
    print_json(context, *result);
    return 0;
  }
  TRY(ticket, text_of(*result, "ticket"));
  // The ticket alone on standard output, so that it can be piped to where it is needed.
  context.terminal.out(ticket + "\n");
  if (const auto until = parse_time(text_or_empty(*result, "until"))) {
    context.terminal.note("Give this ticket to " + printable(name) +
                          " alone; it enrols one device, until " + short_time(*until) +
                          " UTC. There: writ enroll\n");
  }
  return 0;
}

Result<int> add_group(Context& context, const Args& args) {
  Json body =
      Json::object({{"name", args.operand("NAME")}, {"purpose", *args.option("--purpose")}});
  if (args.has("--administers")) body.set("administers", Json(true));
  TRY(client, client_for(context));
  auto result = client.command("add_group", std::move(body));
  if (!result) {
    return tl::unexpected<Error>(
        placed(result.error(), {{"/name", args.operand("NAME")}, {"/purpose", "--purpose"}}));
  }
  return say_done(context, args, *result, "Added:    " + args.operand("NAME"),
                  "writ group add-member " + args.operand("NAME") + " IDENTITY");
}

Result<int> add_member(Context& context, const Args& args) {
  Json body =
      Json::object({{"group", args.operand("GROUP")}, {"identity", args.operand("IDENTITY")}});
  if (const auto text = args.option("--for")) {
    const auto duration = parse_duration(*text);
    if (!duration) return fail(Code::kInvalid, duration.error().message, "--for");
    body.set("for_ms", Json(duration->count()));
  }
  set_if(body, "until", args.option("--until"));
  TRY(client, client_for(context));
  auto result = client.command("add_member", std::move(body));
  if (!result) {
    return tl::unexpected<Error>(placed(result.error(), {{"/group", args.operand("GROUP")},
                                                         {"/identity", args.operand("IDENTITY")},
                                                         {"/for_ms", "--for"},
                                                         {"/until", "--until"}}));
  }
  std::string said = "Added:    " + args.operand("IDENTITY") + " to " + args.operand("GROUP");
  if (const auto until = parse_time(text_or_empty(*result, "until"));
      until && text_or_empty(*result, "change").empty()) {
    said += " until " + short_time(*until) + " UTC";
  }
  return say_done(context, args, *result, said, "");
}

Result<int> remove_member(Context& context, const Args& args) {
  TRY(client, client_for(context));
  auto result =
      client.command("remove_member", Json::object({{"group", args.operand("GROUP")},
                                                    {"identity", args.operand("IDENTITY")},
                                                    {"reason", *args.option("--reason")}}));
  if (!result) {
    return tl::unexpected<Error>(placed(result.error(), {{"/group", args.operand("GROUP")},
                                                         {"/identity", args.operand("IDENTITY")},
                                                         {"/reason", "--reason"}}));
  }
  return say_done(context, args, *result,
                  "Removed:  " + args.operand("IDENTITY") + " from " + args.operand("GROUP"), "");
}

std::vector<Verb> group_verbs() {
  const Operand group{"GROUP", Count::kOne, Words::kGroups};
  const Operand identity{"IDENTITY", Count::kOne, Words::kIdentities};
  const Option reason{"--reason", "TEXT", "why", Need::kRequired};
  return {
      {.path = "group add",
       .summary = "add a group",
       .operands = {{"NAME"}},
       .options = {{"--purpose", "TEXT", "what it is for", Need::kRequired},
                   {"--administers", "", "its members may change Writ itself; needs two persons"},
                   json_option()},
       .examples = {{"writ group add dba --purpose \"operates the databases\"", ""}},
       .heading = "Administering",
       .run = add_group},
      {.path = "group add-member",
       .summary = "put an identity in a group, for a time",
       .operands = {group, identity},
       .options = {{"--for", "30d", "how long; default: until the next review of its tier"},
                   {"--until", "TIME", "or until when, as 2027-01-31T00:00:00Z"},
                   json_option()},
       .examples = {{"writ group add-member oncall alice --for 7d", ""}},
       .heading = "Administering",
       .run = add_member},
      {.path = "group remove-member",
       .summary = "take an identity out of a group; grants that rest on that end",
       .operands = {group, identity},
       .options = {reason, json_option()},
       .examples = {{"writ group remove-member oncall alice --reason \"rota ended\"", ""}},
       .heading = "Administering",
       .run = remove_member},
  };
}

}  // namespace

std::vector<Verb> identity_verbs() {
  const Operand identity{"IDENTITY", Count::kOne, Words::kIdentities};
  const Option reason{"--reason", "TEXT", "why", Need::kRequired};
  std::vector<Verb> verbs{
      {.path = "identity add",
       .summary = "add a person or a machine",
       .operands = {{"NAME"}},
       .options = {{"--kind", "KIND",
                    "user (default), third_party, service_account, workload, runner, agent, door"},
                   {"--tier", "TIER",
                    "critical, high, medium or legacy: how much harm it could do"},
                   {"--owner", "OWNER", "of a machine: identity:NAME or group:NAME",
                    Need::kOptional},
                   {"--purpose", "TEXT", "of a machine: what it does"},
                   {"--environment", "NAME", "where it runs, as production"},
                   json_option()},
       .examples = {{"writ identity add alice", ""},
                    {"writ identity add billing-job --kind service_account --owner group:billing "
                     "--purpose \"nightly invoices\"",
                     ""}},
       .heading = "Administering",
       .run = add_identity},
      {.path = "identity enroll",
       .summary = "print a one-time ticket with which an identity enrols one device",
       .operands = {identity},
       .options = {json_option()},
       .examples = {{"writ identity enroll alice", "the ticket holds for 15 minutes"}},
       .heading = "Administering",
       .run = open_enrollment},
      {.path = "identity quarantine",
       .summary = "deny an identity everything, at once",
       .operands = {identity},
       .options = {reason, json_option()},
       .examples = {{"writ identity quarantine alice --reason \"laptop stolen\"", ""}},
       .heading = "Administering",
       .run = quarantine},
      {.path = "identity lift",
       .summary = "lift a quarantine",
       .operands = {identity},
       .options = {reason, json_option()},
       .examples = {{"writ identity lift alice --reason \"laptop found\"", ""}},
       .heading = "Administering",
       .run = lift},
      {.path = "identity offboard",
       .summary = "end an identity: its grants, credentials and sessions",
       .operands = {identity},
       .options = {reason,
                   {"--reassign-to", "OWNER",
                    "who takes over what it owns: identity:NAME or group:NAME"},
                   json_option()},
       .examples = {{"writ identity offboard alice --reason \"left\" --reassign-to group:billing",
                     ""}},
       .heading = "Administering",
       .run = offboard},
  };
  for (Verb& verb : group_verbs()) verbs.push_back(std::move(verb));
  return verbs;
}

}  // namespace writ::cmd
