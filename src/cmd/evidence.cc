// evidence show, verify, prove, check: what happened, and that it cannot be told otherwise.
#include <algorithm>

#include "base/file.h"
#include "cmd/audit.h"
#include "cmd/client.h"
#include "cmd/story.h"
#include "cmd/text.h"
#include "cmd/verbs.h"
#include "net/http.h"
#include "tlog/commitment.h"
#include "tlog/proof.h"

namespace writ::cmd {
namespace {

std::string log_path(Log log, std::string_view rest) {
  return "/v1/evidence/" + std::string(name_of(log)) + "/" + std::string(rest);
}

Result<int> show(Context& context, const Args& args) {
  TRY(client, client_for(context));
  const std::string& id = args.operand("ID");
  if (args.has("--json")) {
    TRY(answer, client.get("/v1/evidence/story/" + net::percent_encode(id)));
    TRY(entries, member_of(answer, "entries"));
    print_json(context, entries);
    return 0;
  }
  TRY(story, read_story(client, id));
  if (story.empty()) {
    return fail(Code::kNotFound, "there is no evidence about this that you may read", id);
  }
  std::size_t widest = 0;
  for (const Happened& h : story) {
    widest = std::max(widest, h.log.size() + 1 + std::to_string(h.index).size());
  }
  const TableStyle style = context.terminal.style();
  for (const Happened& h : story) {
    std::string entry = printable(h.log) + "/" + std::to_string(h.index);
    entry.append(widest + 2 - std::min(widest, entry.size()), ' ');
    const std::string line = printable(h.line);
    const std::size_t used = width_of(entry);
    const std::size_t left = style.width > used + 30 ? style.width - used : std::string::npos;
    bool first = true;
    for (const std::string& part : wrap(line, left)) {
      context.terminal.out((first ? toned(entry, Tone::kDim, style) : std::string(used, ' ')) +
                           part + "\n");
      first = false;
    }
  }
  return 0;
}

// ---- verify ----

class ServerLogs final : public LogSource {
 public:
  explicit ServerLogs(Client& client) : client_(client) {}
  Result<std::string> checkpoint(Log log) override {
    return client_.fetch(log_path(log, "checkpoint"));
  }
  Result<std::string> bundle(Log log, const tlog::Tile& tile) override {
    return client_.fetch(log_path(log, tlog::tile_path(tile)));
  }

 private:
  Client& client_;
};

// The key under which a log is believed; pinned now if never seen before.
Result<tlog::NoteVerifier> trusted_key(Client& client, Log log) {
  TRY(shown, client.fetch(log_path(log, "key")));
  CHECK_OK(client.home().pin_log_key(log, shown));
  TRY(key, tlog::parse_verifier_key(*client.home().log_key(log)));
  const std::string wanted = client.home().config().trust_domain + "/" + std::string(name_of(log));
  if (key.name != wanted) {
    return fail(Code::kCorrupt,
                "the log's key is named " + printable(key.name) + " and not " + wanted);
  }
  return key;
}

// Opens one decision's payload and holds it against its entry.
Status check_payload(Client& client, std::uint64_t index, const std::string& entry) {
  TRY(answer, client.get(log_path(Log::kDecisions, "payload/" + std::to_string(index))));
  TRY(salt_text, text_of(answer, "salt"));
  TRY(salt, from_base64(salt_text));
  const Json* payload = answer.find("payload");
  if (payload == nullptr) return fail(Code::kCorrupt, "its payload is gone");
  const std::string bytes = payload->as_string() ? *payload->as_string() : canonical(*payload);
  return tlog::verify_commitment(entry, salt, bytes);
}

Status check_decision(const std::string& entry) {
  if (entry.size() == tlog::kCommitmentEntrySize && entry[0] == '\x01') return {};
  return fail(Code::kCorrupt, "this is no commitment to a decision");
}

Result<Audit> audit_one(Context& context, Client& client, Log log, std::vector<Expected> expected,
                        const OnEntry& on_entry) {
  auto key = trusted_key(client, log);
  Audit audit;
  audit.log = log;
  if (!key) {
    if (key.error().code != Code::kCorrupt) return fail(std::move(key));
    audit.faults.push_back(key.error().message);
    return audit;
  }
  TRY(remembered, client.home().remembered(log));
  if (remembered) {
    const auto known = tlog::open_checkpoint(*remembered, *key, key->name);
    if (!known) {
      return fail(
          Code::kCorrupt,
          "the checkpoint that this device remembers does not hold: " + known.error().message,
          client.home().folder() + "/checkpoints/" + std::string(name_of(log)));
    }
    expected.push_back({known->head, "this device"});
  }
  const auto waiting = context.terminal.wait("reading the " + std::string(name_of(log)) + " log");
  ServerLogs source(client);
  auto done = audit_log(source, log, *key, std::move(expected), on_entry);
  if (!done) return done;
  if (!remembered) {
    done->unproven.emplace_back(
        "what was rewritten before now: this device remembers no earlier checkpoint (from now on "
        "it "
        "does)");
  }
  if (done->sound()) CHECK_OK(client.home().remember(log, done->checkpoint));
  return done;
}

Json report_of(const Audit& audit) {
  Json faults = Json::array();
  for (const std::string& fault : audit.faults) faults.push(Json(fault));
  Json unproven = Json::array();
  for (const std::string& what : audit.unproven) unproven.push(Json(what));
  return Json::object({{"log", name_of(audit.log)},
                       {"sound", audit.sound()},
                       {"entries", audit.read},
                       {"size", audit.head.size},
                       {"root", to_base64(as_bytes(audit.head.root))},
                       {"faults", faults},
                       {"unproven", unproven}});
}

void say_audit(Context& context, const Audit& audit) {
  const TableStyle style = context.terminal.style();
  std::string name(name_of(audit.log));
  name.append(11 - std::min<std::size_t>(10, name.size()), ' ');
  std::string line = name + std::to_string(audit.read) + (audit.read == 1 ? " entry" : " entries");
  if (audit.sound()) {
    line += ", root " + to_hex(as_bytes(audit.head.root)).substr(0, 16) +
            "…: " + toned("sound", Tone::kGood, style);
  } else {
    line += ": " + toned("NOT SOUND", Tone::kBad, style);
  }
  context.terminal.out(line + "\n");
  for (const std::string& fault : audit.faults) {
    context.terminal.out("  - " + printable(fault) + "\n");
  }
}

Result<int> verify(Context& context, const Args& args) {
  TRY(client, client_for(context));
  JournalReader journal(client.home().config().trust_domain,
                        client.home().log_key(Log::kJournal).value_or(""));
  if (!client.home().log_key(Log::kJournal)) {
    // The first look: the key is pinned before the entries are held against it.
    TRY(key, trusted_key(client, Log::kJournal));
    journal = JournalReader(client.home().config().trust_domain, tlog::verifier_key_text(key));
  }
  std::vector<Audit> audits;
  TRY(first, audit_one(context, client, Log::kJournal, {},
                       [&journal](std::uint64_t index, const std::string& entry) {
                         return journal.take(index, entry);
                       }));
  audits.push_back(std::move(first));
  const bool payloads = args.has("--payloads");
  TRY(second, audit_one(context, client, Log::kDecisions, journal.anchors(),
                        [&](std::uint64_t index, const std::string& entry) -> Status {
                          CHECK_OK(check_decision(entry));
                          return payloads ? check_payload(client, index, entry) : Status();
                        }));
  if (!payloads && second.read > 0) {
    second.unproven.push_back("what the " + std::to_string(second.read) +
                              " decisions say: their contents were not opened (--payloads opens "
                              "them all)");
  }
  audits.push_back(std::move(second));
  std::vector<std::string> unproven{
      "that others are shown the same log: no witness has signed these checkpoints; compare them "
      "with another device's"};
  for (const Audit& audit : audits) {
    for (const std::string& what : audit.unproven) {
      unproven.push_back(std::string(name_of(audit.log)) + ": " + what);
    }
  }
  const bool sound =
      std::all_of(audits.begin(), audits.end(), [](const Audit& audit) { return audit.sound(); });
  if (args.has("--json")) {
    Json logs = Json::array();
    for (const Audit& audit : audits) logs.push(report_of(audit));
    Json rest = Json::array();
    for (const std::string& what : unproven) rest.push(Json(what));
    print_json(context, Json::object({{"sound", sound}, {"logs", logs}, {"unproven", rest}}));
  } else {
    for (const Audit& audit : audits) say_audit(context, audit);
    context.terminal.out("Not proven by this:\n");
    for (const std::string& what : unproven) context.terminal.out("  - " + what + "\n");
  }
  if (sound) return 0;
  return fail(Code::kCorrupt, "the evidence is not what it should be; keep " +
                                  client.home().folder() + "/checkpoints and tell somebody");
}

// ---- prove and check ----

struct Place {
  Log log = Log::kJournal;
  std::uint64_t index = 0;
};

std::optional<std::uint64_t> number_in(std::string_view text) {
  if (text.empty() || text.size() > 18) return std::nullopt;
  std::uint64_t value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + static_cast<std::uint64_t>(c - '0');
  }
  return value;
}

// "journal/12", "decisions/34", "dec_34", or the id of a decision with one entry of its own.
Result<Place> place_of(Client& client, const std::string& entry) {
  for (const auto& [prefix, log] : {std::pair<std::string_view, Log>{"journal/", Log::kJournal},
                                    {"decisions/", Log::kDecisions},
                                    {"dec_", Log::kDecisions}}) {
    if (!entry.starts_with(prefix)) continue;
    const auto index = number_in(std::string_view(entry).substr(prefix.size()));
    if (index) return Place{log, *index};
    if (prefix != "dec_") {
      return fail(Code::kInvalid, "a number must follow, as in journal/12", entry);
    }
  }
  TRY(story, read_story(client, entry));
  std::vector<Place> places;
  std::string names;
  for (const Happened& h : story) {
    const auto log = from_name<Log>(h.log);
    if (!log || (entry.starts_with("dec_") && *log != Log::kDecisions)) continue;
    places.push_back({*log, static_cast<std::uint64_t>(h.index)});
    if (places.size() <= 12)
      names += (names.empty() ? "" : ", ") + h.log + "/" + std::to_string(h.index);
  }
  if (places.size() == 1) return places[0];
  return fail(Code::kInvalid,
              places.empty()
                  ? "there is no entry about this; name one as journal/12 or decisions/34"
                  : "several entries are about this; name one of " + names,
              entry);
}

Result<int> prove(Context& context, const Args& args) {
  TRY(client, client_for(context));
  TRY(place, place_of(client, args.operand("ENTRY")));
  TRY(key, trusted_key(client, place.log));
  TRY(text, client.fetch(log_path(place.log, "proof/" + std::to_string(place.index))));
  // What does not hold here would hold nowhere else.
  auto checked = tlog::check_proof(text, key, key.name);
  if (!checked) {
    return fail(Code::kCorrupt, "the server's proof does not hold: " + checked.error().message,
                args.operand("ENTRY"));
  }
  if (checked->proof.index != place.index) {
    return fail(Code::kCorrupt, "the server proved another entry", args.operand("ENTRY"));
  }
  context.terminal.out(text);
  return 0;
}

Result<std::vector<tlog::NoteVerifier>> keys_for_check(Context& context, const Args& args) {
  std::vector<tlog::NoteVerifier> keys;
  if (const auto given = args.option("--key")) {
    std::string text = *given;
    if (text.find('+') == std::string::npos) {
      TRY(file, read_file(text, 4096));
      text = file.substr(0, file.find('\n'));
    }
    auto key = tlog::parse_verifier_key(text);
    if (!key) return fail(Code::kInvalid, key.error().message, "--key");
    keys.push_back(std::move(*key));
    return keys;
  }
  const auto home = Home::open(context.home);
  for (const Log log : {Log::kJournal, Log::kDecisions}) {
    if (!home || !home->log_key(log)) continue;
    TRY(key, tlog::parse_verifier_key(*home->log_key(log)));
    keys.push_back(std::move(key));
  }
  if (keys.empty()) {
    return fail(Code::kInvalid, "this device knows no log; say which key to believe", "--key");
  }
  return keys;
}

Result<int> check(Context& context, const Args& args) {
  const std::string& path = args.operand("PROOF");
  TRY(text, read_file(path, tlog::kMostProofBytes));
  TRY(keys, keys_for_check(context, args));
  std::optional<tlog::CheckedProof> checked;
  std::optional<Error> why;
  for (const tlog::NoteVerifier& key : keys) {
    auto result = tlog::check_proof(text, key, key.name);
    if (result) {
      checked = std::move(*result);
    } else if (!why || text.find("\n" + key.name + "\n") != std::string::npos) {
      why = result.error();
    }
  }
  if (!checked) {
    // A signature by a stranger proves as little as a wrong hash.
    const Code code = why->code == Code::kInvalid ? Code::kInvalid : Code::kCorrupt;
    return fail(code, "this proves nothing: " + why->text(), path);
  }
  const std::string& bytes =
      checked->proof.opening ? checked->proof.opening->payload : checked->proof.entry;
  const auto entry = parse_json(bytes);
  const tlog::Checkpoint& checkpoint = checked->checkpoint;
  if (args.has("--json")) {
    Json out = Json::object({{"proven", true},
                             {"log", checkpoint.origin},
                             {"index", checked->proof.index},
                             {"size", checkpoint.head.size},
                             {"root", to_base64(as_bytes(checkpoint.head.root))}});
    out.set("entry", entry ? *entry : Json(to_base64(bytes)));
    print_json(context, out);
    return 0;
  }
  context.terminal.out("Proven: entry " + std::to_string(checked->proof.index) + " of " +
                       printable(checkpoint.origin) + ", in its first " +
                       std::to_string(checkpoint.head.size) + " entries.\n");
  context.terminal.out(entry ? record(*entry, context.terminal.style(), 2)
                             : "  (no JSON, base64) " + to_base64(bytes) + "\n");
  return 0;
}

}  // namespace

std::vector<Verb> evidence_verbs() {
  return {
      {.path = "evidence show",
       .summary = "tell the whole story of a grant, request, change, session or identity, in order",
       .operands = {{"ID", Count::kOne, Words::kGrants}},
       .options = {json_option()},
       .examples = {{"writ evidence show grt_4k2m9x7qv0w3t8ah", ""}},
       .heading = "Proving",
       .run = show},
      {.path = "evidence verify",
       .summary = "verify both logs, from genesis to the last checkpoint",
       .options = {{"--payloads", "", "also open every decision and hold it against its entry"},
                   json_option()},
       .examples = {{"writ evidence verify", "exit status 7 when something does not hold"}},
       .heading = "Proving",
       .run = verify,
       .more = "This reads every entry, computes the tree anew, and compares it with the signed "
               "checkpoint and with the last checkpoint that this device verified. So entries that "
               "were cut off, rewritten or rolled back to an old backup are noticed, even when the "
               "server signs the result again."},
      {.path = "evidence prove",
       .summary = "print a proof of one entry that anyone can check, offline",
       .operands = {{"ENTRY"}},
       .examples = {{"writ evidence prove journal/12 > proof.txt",
                     "an entry, as evidence show names it"},
                    {"writ evidence prove decisions/34 > proof.txt", ""}},
       .heading = "Proving",
       .run = prove},
      {.path = "evidence check",
       .summary = "check a proof offline, with the log's public key alone",
       .operands = {{"PROOF", Count::kOne, Words::kFiles}},
       .options = {{"--key", "KEY",
                    "verifier key (name+hash+base64) or a file that holds it; "
                    "default: those that this device knows",
                    Need::kOptional, Words::kFiles},
                   json_option()},
       .examples = {{"writ evidence check proof.txt", ""}},
       .heading = "Proving",
       .run = check},
  };
}

}  // namespace writ::cmd
