// whoami, list, explain: looking at what is.
#include "cmd/client.h"
#include "cmd/text.h"
#include "cmd/verbs.h"
#include "net/http.h"

namespace writ::cmd {
namespace {

const std::vector<std::string> kKinds{
    "entitlements", "requests", "grants",  "changes", "sessions", "holdings", "identities",
    "groups",       "findings", "targets", "doors",   "policies", "devices"};

Result<int> whoami(Context& context, const Args& args) {
  TRY(client, client_for(context, args.option_or("--as", "")));
  TRY(answer, client.get("/v1/whoami"));
  if (args.has("--json")) {
    print_json(context, answer);
  } else {
    context.terminal.out(record(answer, context.terminal.style()));
  }
  return 0;
}

std::string when_empty(std::string_view kind, bool all) {
  if (kind == "entitlements") return "There is nothing that you may ask for.\n";
  const std::string text = "There are no " + std::string(kind) + " that concern you.";
  return all ? "There are no " + std::string(kind) + ".\n"
             : text + " All of them: writ list " + std::string(kind) + " --all\n";
}

Result<int> list(Context& context, const Args& args) {
  const std::string& kind = args.operand("KIND");
  const bool all = args.has("--all");
  TRY(client, client_for(context, args.option_or("--as", "")));
  TRY(answer, client.get("/v1/list/" + kind + "?scope=" + (all ? "all" : "own")));
  TRY(rows, member_of(answer, "rows"));
  if (rows.as_array() == nullptr) {
    return fail(Code::kCorrupt, "the server's answer holds no rows");
  }
  if (args.has("--json")) {
    print_json(context, rows);
  } else if (rows.as_array()->empty()) {
    context.terminal.note(when_empty(kind, all));
  } else {
    for (Json& row : *rows.as_array()) {  // whole texts and their hashes are for programs
      if (row.as_object() == nullptr) continue;
      std::erase_if(*row.as_object(),
                    [](const JsonMember& m) { return m.first == "text" || m.first == "hash"; });
    }
    context.terminal.out(table(*rows.as_array(), context.terminal.style()));
  }
  return 0;
}

Result<int> explain(Context& context, const Args& args) {
  TRY(client, client_for(context));
  TRY(answer, client.get("/v1/explain/" + net::percent_encode(args.operand("ID"))));
  if (args.has("--json")) {
    print_json(context, answer);
    return 0;
  }
  TRY(lines, member_of(answer, "lines"));
  if (lines.as_array() == nullptr) return fail(Code::kCorrupt, "the answer holds no lines");
  for (const Json& line : *lines.as_array()) {
    if (line.as_string() != nullptr) {
      context.terminal.out(printable_lines(*line.as_string()) + "\n");
    }
  }
  return 0;
}

}  // namespace

std::vector<Verb> list_verbs() {
  const Option as{"--as", "MACHINE", "as a machine that is enrolled here", Need::kOptional,
                  Words::kHomes};
  return {
      {.path = "whoami",
       .summary = "say who you are to Writ, on which device, and for how long",
       .options = {as, json_option()},
       .examples = {{"writ whoami", ""},
                    {"writ whoami --as billing-job", "a machine of this host"}},
       .heading = "Looking",
       .run = whoami},
      {.path = "list",
       .summary = "list what there is: entitlements, requests, grants, sessions, findings, …",
       .operands = {{"KIND", Count::kOne, Words::kChoices, kKinds}},
       .options = {{"--all", "", "everybody's, not just your own (where you may)"},
                   as,
                   json_option()},
       .examples = {{"writ list entitlements", "what you may ask for, and on which terms"},
                    {"writ list requests --all", "what waits for a decision"},
                    {"writ list grants --json", "for programs"}},
       .heading = "Looking",
       .run = list},
      {.path = "explain",
       .summary = "say which policy decided, on which facts, and what would change it",
       .operands = {{"ID", Count::kOne, Words::kGrants}},
       .options = {json_option()},
       .examples = {{"writ explain dec_4k2m9x7qv0w3t8ah", "a decision, as a denial names it"},
                    {"writ explain req_4k2m9x7qv0w3t8ah", "a request"}},
       .heading = "Looking",
       .run = explain},
  };
}

}  // namespace writ::cmd
