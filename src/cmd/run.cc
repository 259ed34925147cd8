#include <algorithm>

#include "cmd/text.h"
#include "cmd/verbs.h"

namespace writ::cmd {
namespace {

void append(std::vector<Verb>& all, std::vector<Verb> more) {
  for (Verb& verb : more) all.push_back(std::move(verb));
}

int complain(Context& context, const Error& error) {
  context.terminal.note("writ: " + printable_lines(error.text()) + "\n");
  return exit_status(error.code);
}

bool is_help(const std::string& word) {
  return word == "--help" || word == "-h";
}

// Verbs that parse their own words, so that they stay what another program's users know.
bool is_raw(const Verb& verb) {
  return verb.path.starts_with("cedar ");
}

}  // namespace

const std::vector<Verb>& verbs() {
  static const std::vector<Verb> all = [] {
    std::vector<Verb> list;
    append(list, list_verbs());
    append(list, access_verbs());
    append(list, connect_verbs());
    append(list, approve_verbs());
    append(list, finding_verbs());
    append(list, evidence_verbs());
    append(list, device_verbs());
    append(list, identity_verbs());
    append(list, target_verbs());
    append(list, remove_verbs());
    append(list, policy_verbs());
    append(list, prove_verbs());
    append(list, cedar_verbs());
    append(list, server_verbs());
    append(list, door_verbs());
    append(list, shell_verbs());
    return list;
  }();
  return all;
}

void print_json(Context& context, const Json& json) {
  context.terminal.out(pretty(json) + "\n");
}

Error placed(Error error, const std::vector<std::pair<std::string, std::string>>& places) {
  for (const auto& [pointer, option] : places) {
    if (error.where == pointer) error.where = option;
  }
  return error;
}

int run(Context& context, const std::vector<std::string>& words) {
  const TableStyle style = context.terminal.style();
  if (words.empty() || is_help(words[0])) {
    context.terminal.out(overview(verbs(), style));
    return 0;
  }
  if (words[0] == "--version") return run(context, {"version"});
  if (words[0] == "__complete") {
    for (const std::string& line : completions(context, {words.begin() + 1, words.end()})) {
      context.terminal.out(line + "\n");
    }
    return 0;
  }
  const auto found = find_verb(verbs(), words);
  const auto end = std::find(words.begin(), words.end(), "--");
  if (std::any_of(words.begin(), end, is_help)) {
    std::vector<std::string> topic{"help"};
    std::copy_if(words.begin(), end, std::back_inserter(topic),
                 [](const std::string& word) { return !word.starts_with("-"); });
    topic.resize(std::min(topic.size(), (found ? found->words : 1) + 1));
    return run(context, topic);
  }
  if (!found) return complain(context, found.error());
  const std::vector<std::string> own(words.begin() + static_cast<std::ptrdiff_t>(found->words),
                                     words.end());
  std::vector<std::string> parsed = own;
  if (is_raw(*found->verb)) {
    parsed = {"--"};
    parsed.insert(parsed.end(), own.begin(), own.end());
  }
  const auto args = parse_args(*found->verb, parsed);
  if (!args) return complain(context, args.error());
  const auto status = found->verb->run(context, *args);
  return status ? *status : complain(context, status.error());
}

}  // namespace writ::cmd
