#include "cmd/args.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "cmd/text.h"

namespace writ::cmd {
namespace {

const std::vector<std::string> kNoWords;
const std::string kNoWord;

const Option* find_option(const Verb& verb, std::string_view name) {
  for (const Option& option : verb.options) {
    if (option.name == name) return &option;
  }
  return nullptr;
}

void must_exist(const Verb& verb, std::string_view name) {
  const bool known = find_option(verb, name) != nullptr ||
                     std::any_of(verb.operands.begin(), verb.operands.end(),
                                 [name](const Operand& operand) { return operand.name == name; });
  if (known) return;
  std::fprintf(stderr, "writ: defect: %.*s has no %.*s\n", static_cast<int>(verb.path.size()),
               verb.path.data(), static_cast<int>(name.size()), name.data());
  std::abort();
}

std::string quoted(std::string_view verb) {
  return "`writ " + std::string(verb) + "`";
}

tl::unexpected<Error> no_such_option(const Verb& verb, const std::string& name) {
  std::vector<std::string> names{"--help"};
  for (const Option& option : verb.options) names.emplace_back(option.name);
  const std::string near = nearest(name, names);
  const std::string help = "see: writ help " + std::string(verb.path);
  return fail(Code::kInvalid,
              quoted(verb.path) + " has no such option; " +
                  (near.empty() ? help : "did you mean " + near + "?"),
              printable(name));
}

Status check_choice(const Operand& operand, const std::string& word) {
  if (operand.choices.empty()) return {};
  if (std::find(operand.choices.begin(), operand.choices.end(), word) != operand.choices.end()) {
    return {};
  }
  const std::string near = nearest(word, operand.choices);
  std::string message;
  if (!near.empty()) {
    message = "did you mean " + near + "?";
  } else {
    for (const std::string& choice : operand.choices) {
      message += (message.empty() ? "this must be one of " : ", ") + choice;
    }
  }
  return fail(Code::kInvalid, message, printable(word));
}

}  // namespace

const std::string& Args::operand(std::string_view name) const {
  const auto& words = operands(name);
  return words.empty() ? kNoWord : words.front();
}

const std::vector<std::string>& Args::operands(std::string_view name) const {
  must_exist(*verb_, name);
  const auto at = values_.find(name);
  return at == values_.end() ? kNoWords : at->second;
}

bool Args::has(std::string_view option) const {
  return !operands(option).empty();
}

std::optional<std::string> Args::option(std::string_view name) const {
  const auto& words = operands(name);
  if (words.empty()) return std::nullopt;
  return words.back();
}

std::string Args::option_or(std::string_view name, std::string_view otherwise) const {
  return option(name).value_or(std::string(otherwise));
}

const std::vector<std::string>& Args::all(std::string_view name) const {
  return operands(name);
}

Result<Args> parse_args(const Verb& verb, const std::vector<std::string>& words) {
  Args args(verb);
  std::vector<std::string> plain;
  std::size_t i = 0;
  for (; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (word == "--") break;
    if (!word.starts_with("-") || word == "-") {
      plain.push_back(word);
      continue;
    }
    const std::size_t equals = word.find('=');
    const std::string name = word.substr(0, equals);
    const Option* option = find_option(verb, name);
    if (option == nullptr) return no_such_option(verb, name);
    auto& values = args.values_[name];
    if (option->value.empty()) {
      if (equals != std::string::npos) {
        return fail(Code::kInvalid, "this option takes no value", name);
      }
      values = {"yes"};
      continue;
    }
    if (!values.empty() && option->need != Need::kRepeated) {
      return fail(Code::kInvalid, "this option is given twice", name);
    }
    if (equals != std::string::npos) {
      values.push_back(word.substr(equals + 1));
    } else if (i + 1 < words.size() && words[i + 1] != "--" &&
               find_option(verb, words[i + 1]) == nullptr) {
      values.push_back(words[++i]);
    } else {
      return fail(Code::kInvalid,
                  "a value must follow, as in " + name + " " + std::string(option->value), name);
    }
  }
  if (i < words.size()) {  // at "--"
    if (verb.rest.empty()) {
      return fail(Code::kInvalid, quoted(verb.path) + " takes nothing after --", "--");
    }
    args.rest_.assign(words.begin() + static_cast<std::ptrdiff_t>(i) + 1, words.end());
  }
  std::size_t next = 0;
  for (const Operand& operand : verb.operands) {
    auto& values = args.values_[std::string(operand.name)];
    const std::size_t most = operand.count == Count::kMany ? plain.size() : next + 1;
    while (next < plain.size() && next < most) {
      CHECK_OK(check_choice(operand, plain[next]));
      values.push_back(plain[next++]);
    }
    if (values.empty() && operand.count != Count::kOptional) {
      return fail(
          Code::kInvalid,
          std::string(operand.name) + " is missing; see: writ help " + std::string(verb.path),
          std::string(verb.path));
    }
  }
  if (next < plain.size()) {
    return fail(Code::kInvalid,
                "this is one word too many for " + quoted(verb.path) +
                    (verb.rest.empty() ? "" : "; " + std::string(verb.rest) + " follow after --"),
                printable(plain[next]));
  }
  for (const Option& option : verb.options) {
    if (option.need == Need::kRequired && !args.has(option.name)) {
      return fail(Code::kInvalid,
                  "this option is needed, as in " + std::string(option.name) + " " +
                      std::string(option.value),
                  std::string(option.name));
    }
  }
  return args;
}

Result<Found> find_verb(const std::vector<Verb>& verbs, const std::vector<std::string>& words) {
  Found found;
  std::vector<std::string> first;   // first words of all verbs
  std::vector<std::string> second;  // second words of the family that words[0] names
  for (const Verb& verb : verbs) {
    const std::size_t space = verb.path.find(' ');
    const std::string head(verb.path.substr(0, space));
    if (std::find(first.begin(), first.end(), head) == first.end()) first.push_back(head);
    if (words.empty() || head != words[0]) continue;
    if (space == std::string_view::npos) {
      if (found.words < 1) found = {&verb, 1};
      continue;
    }
    const std::string tail(verb.path.substr(space + 1));
    second.push_back(tail);
    if (words.size() > 1 && words[1] == tail) found = {&verb, 2};
  }
  if (found.verb != nullptr) return found;
  if (words.empty()) return fail(Code::kInvalid, "say what to do; see: writ help");
  if (!second.empty() && (words.size() == 1 || words[1].starts_with("-"))) {
    std::string list;
    for (const std::string& tail : second) list += (list.empty() ? "" : ", ") + tail;
    return fail(Code::kInvalid, "say what to do: " + list + "; see: writ help " + words[0],
                words[0]);
  }
  const std::string& wrong = second.empty() ? words[0] : words[1];
  const std::string near = nearest(wrong, second.empty() ? first : second);
  const std::string family = second.empty() ? "" : words[0] + " ";
  return fail(Code::kInvalid,
              near.empty() ? "there is no such command; see: writ help" +
                                 (second.empty() ? "" : " " + words[0])
                           : "there is no such command; did you mean `writ " + family + near + "`?",
              printable(family + wrong));
}

}  // namespace writ::cmd
