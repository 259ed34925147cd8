// whoami, list, explain, who-can, what-can: looking at what is.
#include <algorithm>

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

// Columns in which nothing stands are left out.
JsonArray without_empty_columns(const JsonArray& rows) {
  std::vector<std::string> used;
  for (const Json& row : rows) {
    if (row.as_object() == nullptr) continue;
    for (const auto& [name, value] : *row.as_object()) {
      const bool empty = value.as_string() != nullptr && value.as_string()->empty();
      if (!empty && std::find(used.begin(), used.end(), name) == used.end()) used.push_back(name);
    }
  }
  JsonArray made = rows;
  for (Json& row : made) {
    if (row.as_object() == nullptr) continue;
    std::erase_if(*row.as_object(), [&](const JsonMember& m) {
      return std::find(used.begin(), used.end(), m.first) == used.end();
    });
  }
  return made;
}

// What /v1/who-can and /v1/what-can answer; `narrower` is what to ask when it is not all.
Result<int> show_ways(Context& context, const Args& args, std::string target,
                      std::string_view nobody, std::string_view narrower) {
  TRY(client, client_for(context));
  if (args.has("--limit")) {
    target += "&limit=" + net::percent_encode(args.option_or("--limit", ""));
  }
  if (args.has("--page")) target += "&page=" + net::percent_encode(args.option_or("--page", ""));
  TRY(answer, client.get(target));
  if (args.has("--json")) {
    print_json(context, answer);
    return 0;
  }
  TRY(rows, member_of(answer, "rows"));
  if (rows.as_array() == nullptr) return fail(Code::kCorrupt, "the answer holds no rows");
  const Json* next = answer.find("next");
  if (!rows.as_array()->empty()) {
    context.terminal.out(table(without_empty_columns(*rows.as_array()), context.terminal.style()));
  } else if (next == nullptr) {
    context.terminal.note(std::string(nobody) + "\n");
  }
  if (next != nullptr && next->as_string() != nullptr) {
    context.terminal.note("More may exist. Go on with: --page " + printable(*next->as_string()) +
                          "\nor ask less: " + std::string(narrower) + "\n");
  }
  return 0;
}

Result<int> who_can(Context& context, const Args& args) {
  const std::string& resource = args.operand("RESOURCE");
  return show_ways(context, args,
                   "/v1/who-can?action=" + net::percent_encode(args.operand("ACTION")) +
                       "&resource=" + net::percent_encode(resource.empty() ? "system" : resource),
                   "Nobody can.", "writ what-can IDENTITY");
}

Result<int> what_can(Context& context, const Args& args) {
  return show_ways(context, args,
                   "/v1/what-can?identity=" + net::percent_encode(args.operand("IDENTITY")),
                   "Nothing.", "writ who-can ACTION RESOURCE");
}

}  // namespace

std::vector<Verb> list_verbs() {
  const Option limit{"--limit", "N", "most people or things of one answer (100)"};
  const Option page{"--page", "TOKEN", "go on where an answer ended"};
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
      {.path = "who-can",
       .summary = "say who can do something to a thing, and how: grant, baseline, offer, policy",
       .operands = {{"ACTION", Count::kOne}, {"RESOURCE", Count::kOptional, Words::kEntitlements}},
       .options = {limit, page, json_option()},
       .examples = {{"writ who-can connect pg-main/orders/reader", "who gets in, and on what"},
                    {"writ who-can request pg-main/orders/reader", "who may ask, on which terms"},
                    {"writ who-can approve pg-main/orders/writer", "who may decide on requests"},
                    {"writ who-can apply_policy", "who administers; RESOURCE is then the system"}},
       .heading = "Looking",
       .run = who_can,
       .more = "RESOURCE is an entitlement, \"system\" (when it is left out), or a type and a "
               "name, as in group:dba. A way that depends on a guardrail, or on context.source_ip "
               "and the like, opens once the connection shows what that policy wants to see."},
      {.path = "what-can",
       .summary = "say what an identity can use, approve and administer, and how",
       .operands = {{"IDENTITY", Count::kOne, Words::kIdentities}},
       .options = {limit, page, json_option()},
       .examples = {{"writ what-can alice@example.org", "a person"},
                    {"writ what-can billing-job --json", "a machine, for programs"}},
       .heading = "Looking",
       .run = what_can},
  };
}

}  // namespace writ::cmd
