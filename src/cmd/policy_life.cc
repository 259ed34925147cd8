// policy plan, history, show, rollback: what a change would do, what there was, and back to it.
#include <algorithm>
#include <charconv>
#include <filesystem>

#include "base/file.h"
#include "cmd/client.h"
#include "cmd/policy_files.h"
#include "cmd/proof.h"
#include "cmd/proposal.h"
#include "cmd/statement.h"
#include "cmd/text.h"
#include "cmd/verbs.h"
#include "core/policy_check.h"

namespace writ::cmd {
namespace {

const JsonArray& list_of(const Json& json, std::string_view name) {
  static const JsonArray kNone;
  const Json* member = json.find(name);
  return member == nullptr || member->as_array() == nullptr ? kNone : *member->as_array();
}

std::int64_t number_of(const Json& json, std::string_view name) {
  const Json* member = json.find(name);
  return member == nullptr || member->as_int() == nullptr ? 0 : *member->as_int();
}

void show_table(Context& context, std::string_view title, const JsonArray& rows) {
  if (rows.empty()) return;
  context.terminal.out("\n" + std::string(title) + "\n" + table(rows, context.terminal.style()));
}

// ---- plan ----

// The files that differ, line by line.
void show_files(Context& context, const Json& plan, const std::vector<core::PolicyFile>& files,
                const Json& in_force) {
  std::map<std::string, std::string> before, after;
  for (const core::PolicyFile& file : files) after[file.name] = file.text;
  for (const Json& file : list_of(in_force, "files")) {
    before[text_or_empty(file, "name")] = text_or_empty(file, "text");
  }
  std::size_t same = 0;
  std::string diffs;
  for (const Json& file : list_of(plan, "files")) {
    const std::string name = text_or_empty(file, "name");
    const std::string change = text_or_empty(file, "change");
    if (change == "same") {
      ++same;
      continue;
    }
    context.terminal.out("  " + printable(change) + "  " + printable(name) + "\n");
    if (change == "changed") diffs += unified_diff(before[name], after[name], name);
  }
  if (same > 0) context.terminal.out("  " + std::to_string(same) + " as they are in force\n");
  if (!diffs.empty()) context.terminal.out("\n" + printable_lines(diffs));
}

void show_replay(Context& context, const Json& replay) {
  const auto count = [&](std::string_view name) { return std::to_string(number_of(replay, name)); };
  std::string text = "\nReplayed since " + printable(text_or_empty(replay, "since")) + ": " +
                     count("replayed") + " of " + count("decisions") + " decisions\n";
  text += "  " + count("to_deny") + " that are allowed now would be denied\n";
  text += "  " + count("to_allow") + " that are denied now would be allowed\n";
  if (number_of(replay, "changed_before") > 0) {
    text += "  " + count("changed_before") + " had changed already: by the set in force\n";
  }
  if (number_of(replay, "erased") > 0) {
    text += "  " + count("erased") + " rest on erased persons, and cannot be asked again\n";
  }
  if (number_of(replay, "unlike") > 0) {
    text += "  " + count("unlike") + " were decided by more than policy, and say nothing\n";
  }
  if (number_of(replay, "other_entries") > 0) {
    text += "  " + count("other_entries") + " entries hold no question\n";
  }
  text += "  " + count("commands_not_asked") +
          " commands that were allowed (requests, approvals, administration) are not asked again\n";
  const Json* complete = replay.find("complete");
  if (complete != nullptr && complete->as_bool() != nullptr && !*complete->as_bool()) {
    text += "  not all of them: the limit was reached; ask for a shorter time\n";
  }
  context.terminal.out(text);
  show_table(context, "Would flip:", list_of(replay, "flips"));
}

// ---- What apply would refuse ----

void show_refusal(Context& context, const Json& refusal) {
  const std::string where = text_or_empty(refusal, "where");
  context.terminal.out(
      "\nwrit policy apply would refuse these: " + (where.empty() ? "" : printable(where) + ": ") +
      printable_lines(text_or_empty(refusal, "message")) + "\n");
}

// As policy test and policy prove end: 2 where the set is not as it should be, else 6, where that
// is not known.
int status_of(const JsonArray& refused) {
  int status = 0;
  for (const Json& each : refused) {
    const Code code = code_from_name(text_or_empty(each, "code"));
    if (code == Code::kConflict) return exit_status(Code::kInvalid);
    status = exit_status(code);
  }
  return status;
}

// By proof, on this host. What is in the way makes it unknown, and the rest of a plan stands.
prove::Diff differences(Context& context, const Args& args, const Json& in_force,
                        const std::vector<core::PolicyFile>& files) {
  const auto wait = context.terminal.wait("proving what the change would do");
  std::vector<core::PolicyFile> before;
  for (const Json& file : list_of(in_force, "files")) {
    before.push_back({text_or_empty(file, "name"), text_or_empty(file, "text")});
  }
  auto found = prove_differences(before, files, args);
  if (found) return std::move(*found);
  prove::Diff none;
  none.unknown.push_back("it is not known what the change would let happen or stop: " +
                         found.error().text());
  return none;
}

Result<int> plan(Context& context, const Args& args) {
  TRY(read, read_policies(args.operands("FILE")));
  TRY(checked, core::check_policies(read.files));
  CHECK_OK(check_time_limit(args));
  Json body = Json::object({{"files", to_json(read.files)}});
  if (const auto since = args.option("--since")) {
    auto duration = parse_duration(*since);
    if (!duration) return fail(Code::kInvalid, duration.error().message, "--since");
    body.set("since_ms", to_json(*duration));
  }
  TRY(client, client_for(context));
  Json answer;
  {
    const auto wait = context.terminal.wait("asking past decisions again");
    TRY(got, client.post("/v1/policies/plan", body));
    answer = std::move(got);
  }
  const std::string version = std::to_string(number_of(answer, "version"));
  TRY(in_force, client.get("/v1/policies/" + version));
  const prove::Diff proved = differences(context, args, in_force, read.files);
  const JsonArray& refused = list_of(answer, "refused");
  const int status = status_of(refused);
  if (args.has("--json")) {
    answer.set("proof", prove::to_json(proved));
    print_json(context, answer);
    return status;
  }
  context.terminal.out("Against version " + version + ", which is in force:\n");
  show_files(context, answer, read.files, in_force);
  for (const std::string& warning : checked.warnings) {
    context.terminal.note("warning: " + printable_lines(warning) + "\n");
  }
  show_table(context, "Policies:", list_of(answer, "policies"));
  context.terminal.out("\nBy proof, for every request:\n" + show(proved, context.terminal.style()));
  context.terminal.out("\nLive grants that would be lost: " +
                       std::to_string(number_of(answer, "grants_lost")) + "\n");
  if (!list_of(answer, "grants").empty()) {
    context.terminal.out(table(list_of(answer, "grants"), context.terminal.style()));
  }
  if (const Json* replay = answer.find("replay")) show_replay(context, *replay);
  for (const Json& each : refused) show_refusal(context, each);
  return status;
}

// ---- history ----

std::string files_changed(const Json& version) {
  std::string text;
  for (const Json& file : list_of(version, "files")) {
    const std::string change = text_or_empty(file, "change");
    if (change == "same") continue;
    const char mark = change == "added" ? '+' : change == "removed" ? '-' : '~';
    text += (text.empty() ? "" : ", ") + (mark + text_or_empty(file, "name"));
  }
  return text;
}

Result<int> history(Context& context, const Args& args) {
  TRY(client, client_for(context));
  std::string target = "/v1/policies/history";
  if (const auto before = args.option("--before")) target += "?before=" + *before;
  TRY(answer, client.get(target));
  if (args.has("--json")) {
    print_json(context, answer);
    return 0;
  }
  JsonArray rows;
  for (const Json& version : list_of(answer, "versions")) {
    Json row = Json::object({{"version", number_of(version, "version")}});
    for (const std::string_view name : {"time", "proposed_by", "approved_by", "change"}) {
      row.set(name, text_or_empty(version, name));
    }
    row.set("files", files_changed(version));
    row.set("hash", text_or_empty(version, "hash").substr(0, 12));
    rows.push_back(std::move(row));
  }
  context.terminal.out(table(rows, context.terminal.style()));
  return 0;
}

// ---- show, rollback ----

Result<Json> version_of(Client& client, const std::string& word) {
  std::int64_t number = 0;
  const auto [end, bad] = std::from_chars(word.data(), word.data() + word.size(), number);
  if (bad != std::errc() || end != word.data() + word.size() || number < 1) {
    return fail(Code::kInvalid, "a version is a number from 1 on; see: writ policy history", word);
  }
  return client.get("/v1/policies/" + word);
}

// A name from the journal becomes a path: of one file in the folder, and nothing else.
Result<std::string> path_in(const std::string& folder, const std::string& name) {
  if (name.empty() || name == "." || name == ".." || name.find('/') != std::string::npos) {
    return fail(Code::kCorrupt, "this name of a policy file is no file's name", printable(name));
  }
  return folder + "/" + name;
}

// That the folder stands for this version and nothing else once its files are written there.
Status check_folder(const std::string& folder, const Json& version) {
  std::vector<std::string> others;
  std::error_code error;
  for (std::filesystem::directory_iterator at(folder, error), end; !error && at != end;
       at.increment(error)) {
    const std::string name = at->path().filename().string();
    const JsonArray& files = list_of(version, "files");
    const bool known = std::any_of(files.begin(), files.end(), [&](const Json& file) {
      return text_or_empty(file, "name") == name;
    });
    if (!known && core::is_policy_file_name(name)) others.push_back(printable(name));
  }
  if (error) return fail(Code::kUnavailable, error.message(), folder);
  if (others.empty()) return {};
  std::sort(others.begin(), others.end());
  constexpr std::size_t kMostNamed = 10;
  std::string names;
  for (std::size_t i = 0; i < others.size() && i < kMostNamed; ++i) {
    names += (i == 0 ? "" : ", ") + others[i];
  }
  if (others.size() > kMostNamed) {
    names += " and " + std::to_string(others.size() - kMostNamed) + " more";
  }
  return fail(Code::kExists,
              "this folder holds policy files that are not of version " +
                  std::to_string(number_of(version, "version")) + ": " + names +
                  "; name an empty or a new folder, or move them away",
              folder);
}

Result<int> show(Context& context, const Args& args) {
  TRY(client, client_for(context));
  TRY(version, version_of(client, args.operand("VERSION")));
  if (args.has("--json")) {
    print_json(context, version);
    return 0;
  }
  const auto folder = args.option("--into");
  if (folder) {
    std::error_code error;
    std::filesystem::create_directories(*folder, error);
    if (error) return fail(Code::kUnavailable, error.message(), *folder);
    CHECK_OK(check_folder(*folder, version));
  }
  for (const Json& file : list_of(version, "files")) {
    const std::string name = text_or_empty(file, "name");
    const std::string text = text_or_empty(file, "text");
    if (folder) {
      TRY(path, path_in(*folder, name));
      CHECK_OK(write_file(path, text));
      context.terminal.out(printable(path) + "\n");
    } else {
      context.terminal.out("// ---- " + printable(name) + "\n" + printable_lines(text) +
                           (text.ends_with('\n') ? "" : "\n"));
    }
  }
  return 0;
}

Result<int> rollback(Context& context, const Args& args) {
  TRY(client, client_for(context));
  const std::string& word = args.operand("VERSION");
  TRY(version, version_of(client, word));
  if (number_of(version, "version") == number_of(version, "in_force")) {
    return fail(Code::kConflict, "this version is in force already", word);
  }
  Json files = Json(list_of(version, "files"));
  TRY(result, client.command("apply_policy", Json::object({{"files", std::move(files)}})));
  return say_done(context, args, result, "Applied:  the files of version " + word, "");
}

}  // namespace

std::vector<Verb> policy_life_verbs() {
  const Operand files{"FILE", Count::kMany, Words::kFiles};
  return {
      {.path = "policy plan",
       .summary = "show what these files would change, and which past decisions would flip",
       .operands = {files},
       .options = {{"--since", "30d", "ask the decisions of this time again"},
                   time_limit_option(),
                   json_option()},
       .examples = {{"writ policy plan policies --since 30d", "before writ policy apply"}},
       .heading = "Administering",
       .run = plan,
       .more =
           "What only one of the two sets lets happen is found by proof, as by writ policy diff, "
           "with cvc5 or z3 on this host. Each recorded decision is asked again on the state of "
           "its moment, under the set in force and under these files: at most the newest 50,000, "
           "for at "
           "most 20 seconds. What apply would refuse is said: 2 where the set breaks an invariant, "
           "or "
           "too few could still change policies; 6 where an invariant is not proved."},
      {.path = "policy history",
       .summary = "list the versions of the policy: when, by whom, which files changed",
       .options = {{"--before", "VERSION", "those before it; 200 are shown at once"},
                   json_option()},
       .examples = {{"writ policy history", "the newest first; + added, ~ changed, - removed"}},
       .heading = "Administering",
       .run = history},
      {.path = "policy show",
       .summary = "print the files of a version",
       .operands = {{"VERSION"}},
       .options = {{"--into", "FOLDER", "write them there"}, json_option()},
       .examples = {{"writ policy show 3 --into old", "as they were recorded"}},
       .heading = "Administering",
       .run = show},
      {.path = "policy rollback",
       .summary = "propose the files of an earlier version again; a second person approves",
       .operands = {{"VERSION"}},
       .options = {json_option()},
       .examples = {{"writ policy rollback 3", "it becomes a new version"}},
       .heading = "Administering",
       .run = rollback},
  };
}

}  // namespace writ::cmd
