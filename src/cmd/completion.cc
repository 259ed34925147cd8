// Completion: what may stand in a word's place, from the descriptions of the verbs and, for names,
// from the server. It never asks, never complains and never makes a person wait.
#include <algorithm>

#include "cmd/client.h"
#include "cmd/verbs.h"

namespace writ::cmd {
namespace {

struct Names {
  std::string_view kind;    // of the list
  std::string_view member;  // of a row: the word to offer
  std::string_view about;   // of a row: what it is
};

std::vector<Names> lists_of(Words words) {
  switch (words) {
    case Words::kEntitlements:
      return {{"entitlements", "name", "terms"}};
    case Words::kGrants:
      return {{"grants", "id", "entitlement"}};
    case Words::kPending:
      return {{"requests", "id", "entitlement"}, {"changes", "id", "what"}};
    case Words::kFindings:
      return {{"findings", "id", "about"}};
    case Words::kIdentities:
      return {{"identities", "name", "kind"}};
    case Words::kGroups:
      return {{"groups", "name", "purpose"}};
    case Words::kTargets:
      return {{"targets", "name", "kind"}};
    default:
      return {};
  }
}

std::string offer(std::string_view word, std::string_view about) {
  std::string line(word);
  if (!about.empty()) line += "\t" + std::string(about);
  return line;
}

void add_names(Context& context, Words words, std::vector<std::string>& out) {
  const auto lists = lists_of(words);
  if (lists.empty()) return;
  auto home = Home::open(context.home);
  if (!home) return;
  auto client = Client::open(context, std::move(*home), Patience::kNone);
  if (!client) return;
  for (const Names& names : lists) {
    const auto answer = client->get("/v1/list/" + std::string(names.kind));
    const Json* rows = answer ? answer->find("rows") : nullptr;
    if (rows == nullptr || rows->as_array() == nullptr) continue;
    for (const Json& row : *rows->as_array()) {
      const std::string word = text_or_empty(row, names.member);
      const bool plain = std::all_of(word.begin(), word.end(), [](char c) {
        return static_cast<unsigned char>(c) > 0x20 && c != 0x7f && c != '\'' && c != '"' &&
               c != '\\' && c != '$' && c != '`';
      });
      if (!word.empty() && plain)
        out.push_back(offer(word, cell("", text_or_empty(row, names.about))));
    }
  }
}

void add_words(Context& context, Words words, const std::vector<std::string>& choices,
               std::vector<std::string>& out) {
  out.insert(out.end(), choices.begin(), choices.end());
  if (words == Words::kFiles) out.emplace_back(":files");
  if (words == Words::kHomes) {
    for (const std::string& name : machines_of(context.home)) out.push_back(name);
  }
  if (words == Words::kVerbs) {
    for (const Verb& verb : verbs()) {
      out.emplace_back(verb.path.substr(0, verb.path.find(' ')));
    }
  }
  add_names(context, words, out);
}

void add_verbs(const std::vector<std::string>& words, std::vector<std::string>& out) {
  for (const Verb& verb : verbs()) {
    const std::size_t space = verb.path.find(' ');
    const bool family = space != std::string_view::npos;
    if (words.size() == 1) {
      out.push_back(offer(verb.path.substr(0, space), family ? "" : verb.summary));
    } else if (words.size() == 2 && family && verb.path.substr(0, space) == words[0]) {
      out.push_back(offer(verb.path.substr(space + 1), verb.summary));
    }
  }
}

void add_after(Context& context, const Verb& verb, const std::vector<std::string>& before,
               const std::string& current, std::vector<std::string>& out) {
  const auto find = [&verb](const std::string& word) -> const Option* {
    for (const Option& option : verb.options) {
      if (option.name == word) return &option;
    }
    return nullptr;
  };
  if (!before.empty()) {
    const Option* last = find(before.back());
    if (last != nullptr && !last->value.empty()) {
      return add_words(context, last->words, {}, out);
    }
  }
  if (current.starts_with("-")) {
    for (const Option& option : verb.options) {
      const bool used = std::find(before.begin(), before.end(), option.name) != before.end();
      if (!used || option.need == Need::kRepeated) out.push_back(offer(option.name, option.help));
    }
    return;
  }
  std::size_t place = 0;  // of the current word among the operands
  for (std::size_t i = 0; i < before.size(); ++i) {
    const Option* option = find(before[i]);
    if (option != nullptr) {
      i += option->value.empty() ? 0 : 1;
    } else {
      ++place;
    }
  }
  if (verb.operands.empty()) return;
  if (place >= verb.operands.size()) {
    if (verb.operands.back().count != Count::kMany) return;
    place = verb.operands.size() - 1;
  }
  const Operand& operand = verb.operands[place];
  add_words(context, operand.words, operand.choices, out);
}

constexpr std::string_view kBash = R"(# Completion of writ for bash: source <(writ completion bash)
_writ() {
  local line current="${COMP_WORDS[COMP_CWORD]}"
  COMPREPLY=()
  while IFS= read -r line; do
    if [[ $line == ":files" ]]; then
      compopt -o filenames 2>/dev/null
      while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -f -- "$current")
    else
      COMPREPLY+=("${line%%$'\t'*}")
    fi
  done < <(writ __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F _writ writ
)";

constexpr std::string_view kZsh = R"(#compdef writ
# Completion of writ for zsh: source <(writ completion zsh)
_writ() {
  local line files=0
  local -a words_only shown
  while IFS= read -r line; do
    if [[ $line == ":files" ]]; then
      files=1
    else
      words_only+=("${line%%$'\t'*}")
      shown+=("${line/$'\t'/  -- }")
    fi
  done < <(writ __complete "${(@)words[2,CURRENT]}" 2>/dev/null)
  (( ${#words_only} )) && compadd -d shown -a words_only
  (( files )) && _files
}
if [[ ${funcstack[1]} == _writ ]]; then _writ "$@"; else compdef _writ writ; fi
)";

constexpr std::string_view kFish = R"(# Completion of writ for fish: writ completion fish | source
function __writ_complete
    set -l words (commandline -opc)[2..-1]
    for line in (writ __complete $words (commandline -ct) 2>/dev/null)
        if test "$line" = ":files"
            __fish_complete_path (commandline -ct)
        else
            echo $line
        end
    end
end
complete -c writ -f -a '(__writ_complete)'
)";

}  // namespace

std::vector<std::string> completions(Context& context, const std::vector<std::string>& words) {
  std::vector<std::string> all;
  const std::string current = words.empty() ? "" : words.back();
  const std::vector<std::string> before(words.begin(), words.end() - (words.empty() ? 0 : 1));
  if (std::find(before.begin(), before.end(), "--") != before.end()) return {":files"};
  const auto found = find_verb(verbs(), before);
  if (found) {
    const std::vector<std::string> rest(before.begin() + static_cast<std::ptrdiff_t>(found->words),
                                        before.end());
    add_after(context, *found->verb, rest, current, all);
  } else {
    add_verbs(words.empty() ? std::vector<std::string>{""} : words, all);
  }
  std::vector<std::string> fitting;
  for (std::string& line : all) {
    const bool seen = std::any_of(fitting.begin(), fitting.end(), [&line](const std::string& had) {
      return had.substr(0, had.find('\t')) == line.substr(0, line.find('\t'));
    });
    if (!seen && (line == ":files" || line.starts_with(current)))
      fitting.push_back(std::move(line));
  }
  return fitting;
}

Result<std::string> completion_script(std::string_view shell) {
  if (shell == "bash") return std::string(kBash);
  if (shell == "zsh") return std::string(kZsh);
  if (shell == "fish") return std::string(kFish);
  return fail(Code::kInvalid, "there is completion for bash, zsh and fish", std::string(shell));
}

}  // namespace writ::cmd
