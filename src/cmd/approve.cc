// approve, deny: a person's signed decision on exactly what was shown.
#include "cmd/client.h"
#include "cmd/statement.h"
#include "cmd/text.h"
#include "cmd/verbs.h"
#include "core/policy_text.h"
#include "crypto/hash.h"
#include "net/http.h"

namespace writ::cmd {
namespace {

// Rows of a list; none when they may not be read. What they say is shown, never signed.
JsonArray rows_of(Client& client, std::string_view kind, std::string_view scope) {
  const auto answer = client.get("/v1/list/" + std::string(kind) + "?scope=" + std::string(scope));
  const Json* rows = answer ? answer->find("rows") : nullptr;
  return rows != nullptr && rows->as_array() != nullptr ? *rows->as_array() : JsonArray();
}

Told told_by(Client& client, const Json& answer, const Json& statement) {
  Told told;
  if (const Json* words = answer.find("words"); words != nullptr && words->as_object() != nullptr) {
    for (const JsonMember& each : *words->as_object()) {
      if (each.second.as_string() != nullptr) told.words[each.first] = *each.second.as_string();
    }
  }
  for (const Json& row : rows_of(client, "identities", "all")) {
    told.names[text_or_empty(row, "id")] = text_or_empty(row, "name");
  }
  told.names[client.home().config().identity] = client.home().config().name;
  if (const Json* request = statement.find("request")) {
    const std::string id = text_or_empty(*request, "id");
    for (const Json& row : rows_of(client, "requests", "own")) {
      if (text_or_empty(row, "id") != id) continue;
      told.purpose = text_or_empty(row, "purpose");
      // Whoever may not list identities still reads who asks.
      for (const auto& [member, who] :
           {std::pair{"requester", "requester"}, std::pair{"identity", "beneficiary"}}) {
        const std::string name = text_or_empty(row, member);
        const std::string who_id = text_or_empty(*request, who);
        if (!name.empty() && !told.names.contains(who_id)) told.names[who_id] = name;
      }
    }
  }
  const Json* change = statement.find("change");
  if (change != nullptr && text_or_empty(*change, "verb") == "apply_policy") {
    for (const Json& row : rows_of(client, "policies", "all")) {
      const std::string text = text_or_empty(row, "text");
      const std::string name = text_or_empty(row, "file");
      if (!text.empty() && !name.empty()) told.policies[name] = text;
    }
  }
  return told;
}

// The files that a change of policy would put in force. What is in force already is not fetched.
// Each text is what the hash in the statement stands for: nobody signs one policy and gets another.
Status add_files(Client& client, const std::string& id, const std::string& list_hash, Told& told) {
  const auto hash_of = [](std::string_view text) { return to_hex(as_bytes(crypto::sha256(text))); };
  const auto fetch = [&](const std::string& hash) -> Result<std::string> {
    TRY(text, client.fetch("/v1/approvals/" + net::percent_encode(id) + "/texts/" +
                           net::percent_encode(hash)));
    if (hash_of(text) == hash) return text;
    return fail(Code::kCorrupt, "the server shows other policies than are to be signed", id);
  };
  std::map<std::string, std::string> known;
  for (const auto& [name, text] : told.policies) known.emplace(hash_of(text), text);
  TRY(list_text, fetch(list_hash));
  TRY(list_json, parse_json(list_text, {.bytes = 64 << 20}));
  TRY(list, from_json<std::vector<core::NamedText>>(list_json));
  for (core::NamedText& named : list) {
    auto found = known.find(named.hash);
    if (found == known.end()) {
      TRY(text, fetch(named.hash));
      found = known.emplace(named.hash, std::move(text)).first;
    }
    told.files.emplace_back(std::move(named.name), found->second);
  }
  return {};
}

// The statement must be about what was asked for, by this person: a signature is given away for
// nothing else, whatever the server says.
Status check_statement(const Json& statement, const HomeConfig& config, const std::string& id,
                       std::string_view decision) {
  const Json* about = statement.find("request");
  if (about == nullptr) about = statement.find("change");
  const bool right = about != nullptr && text_or_empty(*about, "id") == id &&
                     text_or_empty(statement, "approver") == config.identity &&
                     text_or_empty(statement, "trust_domain") == config.trust_domain &&
                     text_or_empty(statement, "decision") == decision;
  if (right) return {};
  return fail(Code::kCorrupt, "the server wants a signature for something else; nothing is signed",
              id);
}

void say_result(Context& context, const Json& result, const std::string& id) {
  const std::string state = text_or_empty(result, "state");
  const std::string grant = text_or_empty(result, "grant");
  context.terminal.out((state == "denied"    ? "Denied:   "
                        : state == "pending" ? "Signed:   "
                                             : "Approved: ") +
                       id + (state == "pending" ? " (more approvals are needed)" : "") + "\n");
  if (!grant.empty()) context.terminal.out("Grant:    " + printable(grant) + "\n");
  if (const Json* made = result.find("result"); made != nullptr && made->as_object() != nullptr) {
    context.terminal.out(record(*made, context.terminal.style(), 2));
  }
}

Result<int> decide(Context& context, const Args& args, bool approves) {
  const std::string& id = args.operand("ID");
  const std::string decision = approves ? "approve" : "deny";
  TRY(client, client_for(context));
  TRY(answer, client.get("/v1/approvals/" + net::percent_encode(id) + "?decision=" + decision));
  TRY(text, text_of(answer, "statement"));
  JsonLimits limits;
  limits.bytes = 4 << 20;
  auto statement = parse_json(text, limits);
  if (!statement) return fail(Code::kCorrupt, "the statement is no JSON", id);
  CHECK_OK(check_statement(*statement, client.home().config(), id, decision));
  const bool json = args.has("--json");
  if (!json || !args.has("--yes")) {
    Told told = told_by(client, answer, *statement);
    const Json* change = statement->find("change");
    if (change != nullptr && text_or_empty(*change, "verb") == "apply_policy") {
      const Json* body = change->find("body");
      CHECK_OK(add_files(client, id, body == nullptr ? "" : text_or_empty(*body, "hash"), told));
    }
    const std::string shown = show_statement(*statement, told, context.terminal.style());
    json ? context.terminal.note(shown) : context.terminal.out(shown);
  }
  if (!args.has("--yes")) {
    TRY(sure, confirm(context.terminal, approves ? "Approve exactly this?" : "Deny this?"));
    if (!sure) {
      context.terminal.note("Nothing was signed.\n");
      return 0;
    }
  }
  TRY(key, client.home().key());
  TRY(signature, key.sign(text));
  TRY(result,
      client.command("approve",
                     Json::object({{"id", id},
                                   {"approve", approves},
                                   {"signature", to_base64(signature)},
                                   {"statement_hash", to_hex(as_bytes(crypto::sha256(text)))}})));
  if (json) {
    print_json(context, result);
  } else {
    say_result(context, result, id);
  }
  return 0;
}

Result<int> approve(Context& context, const Args& args) {
  return decide(context, args, true);
}
Result<int> deny(Context& context, const Args& args) {
  return decide(context, args, false);
}

}  // namespace

std::vector<Verb> approve_verbs() {
  const std::vector<Option> options{{"--yes", "", "do not ask; it is shown all the same"},
                                    json_option()};
  return {
      {.path = "approve",
       .summary = "approve a request or change: shows exactly what, then signs it",
       .operands = {{"ID", Count::kOne, Words::kPending}},
       .options = options,
       .examples = {{"writ list requests --all", "what waits for a decision"},
                    {"writ approve req_4k2m9x7qv0w3t8ah", ""},
                    {"writ approve chg_4k2m9x7qv0w3t8ah", "a change of policy, targets, …"}},
       .heading = "Deciding",
       .run = approve,
       .more = "The signature is by this device's key over the whole statement. If what is asked "
               "for changes in the meantime, nothing is approved."},
      {.path = "deny",
       .summary = "deny a request or change",
       .operands = {{"ID", Count::kOne, Words::kPending}},
       .options = options,
       .examples = {{"writ deny req_4k2m9x7qv0w3t8ah", ""}},
       .heading = "Deciding",
       .run = deny},
  };
}

}  // namespace writ::cmd
