// Help, written from the descriptions of the verbs.
#include <algorithm>

#include "cmd/text.h"
#include "cmd/verbs.h"

namespace writ::cmd {
namespace {

constexpr std::string_view kHeadings[] = {
    "Getting access", "Deciding",           "Looking", "Proving", "This device",
    "Administering",  "Running and testing"};

std::size_t text_width(const TableStyle& style) {
  return style.width == 0 ? 100 : std::clamp<std::size_t>(style.width, 40, 100);
}

std::string usage(const Verb& verb) {
  std::string line = "writ " + std::string(verb.path);
  for (const Operand& operand : verb.operands) {
    const std::string name(operand.name);
    line += operand.count == Count::kOne        ? " " + name
            : operand.count == Count::kOptional ? " [" + name + "]"
                                                : " " + name + "…";
  }
  for (const Option& option : verb.options) {
    std::string text(option.name);
    if (!option.value.empty()) text += " " + std::string(option.value);
    line += option.need == Need::kRequired ? " " + text : " [" + text + "]";
    if (option.need == Need::kRepeated) line += "…";
  }
  if (!verb.rest.empty()) line += " [-- " + std::string(verb.rest) + "]";
  return line;
}

// Two columns, the second one wrapped.
std::string pairs(const std::vector<std::pair<std::string, std::string>>& rows,
                  const TableStyle& style, std::size_t widest) {
  std::size_t first = 0;
  for (const auto& [left, right] : rows) first = std::max(first, width_of(left));
  first = std::min(first, widest);
  std::string out;
  for (const auto& [left, right] : rows) {
    std::string line = "  " + left;
    const std::size_t column = first + 4;
    if (width_of(left) > first) {
      out += line + "\n";
      line.clear();
    }
    const std::size_t total = text_width(style);
    for (const std::string& part : wrap(right, total > column + 20 ? total - column : 20)) {
      const std::size_t has = width_of(line);
      if (!part.empty()) line += std::string(column - std::min(column, has), ' ') + part;
      out += line + "\n";
      line.clear();
    }
  }
  return out;
}

std::string paragraphs(std::string_view text, const TableStyle& style) {
  std::string out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    if (line.starts_with(" ")) {
      out += std::string(line) + "\n";  // as written: a listing
    } else {
      for (const std::string& part : wrap(line, text_width(style))) out += part + "\n";
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

std::string hanging(const std::string& line, const TableStyle& style) {
  std::string out;
  bool first = true;
  for (const std::string& part : wrap(line, text_width(style) - 4)) {
    out += (first ? "  " : "      ") + part + "\n";
    first = false;
  }
  return out;
}

Result<int> print_help(Context& context, const Args& args) {
  const TableStyle style = context.terminal.style();
  std::vector<std::string> topic = args.operands("COMMAND");
  if (args.has("MORE")) topic.push_back(args.operand("MORE"));
  if (topic.empty()) {
    context.terminal.out(overview(verbs(), style));
    return 0;
  }
  std::vector<Verb> family;
  for (const Verb& verb : verbs()) {
    if (verb.path == topic[0]) {
      context.terminal.out(help_of(verb, style));
      return 0;
    }
    if (verb.path.starts_with(topic[0] + " ")) family.push_back(verb);
  }
  if (topic.size() > 1 || family.empty()) {
    TRY(found, find_verb(verbs(), topic));
    context.terminal.out(help_of(*found.verb, style));
    return 0;
  }
  context.terminal.out(overview(family, style));
  return 0;
}

Result<int> print_version(Context& context, const Args&) {
  context.terminal.out("writ " + std::string(kVersion) + "\n");
  return 0;
}

Result<int> print_completion(Context& context, const Args& args) {
  TRY(script, completion_script(args.operand("SHELL")));
  context.terminal.out(script);
  return 0;
}

}  // namespace

std::string overview(const std::vector<Verb>& all, const TableStyle& style) {
  std::string out;
  if (all.size() == verbs().size()) {
    out += "writ gives access for a purpose and a time, takes it away, and proves both.\n";
  }
  std::size_t widest = 0;
  for (const Verb& verb : all) widest = std::max(widest, width_of(verb.path));
  for (const std::string_view heading : kHeadings) {
    std::vector<std::pair<std::string, std::string>> rows;
    for (const Verb& verb : all) {
      if (verb.heading != heading) continue;
      std::string path(verb.path);
      path.append(widest - width_of(path), ' ');
      rows.emplace_back(std::move(path), std::string(verb.summary));
    }
    if (rows.empty()) continue;
    out += (out.empty() ? "" : "\n") + toned(heading, Tone::kBold, style) + "\n";
    out += pairs(rows, style, 30);
  }
  out += "\nwrit help COMMAND says more, with examples.\n";
  return out;
}

std::string help_of(const Verb& verb, const TableStyle& style) {
  std::string summary(verb.summary);
  if (!summary.empty() && summary[0] >= 'a' && summary[0] <= 'z') {
    summary[0] = static_cast<char>(summary[0] - 'a' + 'A');
  }
  std::string out = summary + ".\n\n" + hanging(usage(verb), style);
  std::vector<std::pair<std::string, std::string>> rows;
  for (const Operand& operand : verb.operands) {
    std::string choices;
    for (const std::string& choice : operand.choices) {
      choices += (choices.empty() ? "one of " : ", ") + choice;
    }
    if (!choices.empty()) rows.emplace_back(std::string(operand.name), choices);
  }
  for (const Option& option : verb.options) {
    std::string name(option.name);
    if (!option.value.empty()) name += " " + std::string(option.value);
    std::string text(option.help);
    if (option.need == Need::kRepeated) text += "; may be repeated";
    rows.emplace_back(std::move(name), std::move(text));
  }
  if (!rows.empty()) out += "\n" + pairs(rows, style, 32);
  if (!verb.more.empty()) out += "\n" + paragraphs(verb.more, style);
  if (!verb.examples.empty()) {
    out += "\n" + toned("Examples", Tone::kBold, style) + "\n";
    std::size_t longest = 0;
    for (const Example& e : verb.examples) longest = std::max(longest, width_of(e.line));
    const bool beside = longest + 28 < text_width(style);
    for (const Example& e : verb.examples) {
      std::string line = "  " + std::string(e.line);
      if (!e.what.empty() && beside) {
        line.append(longest + 4 - std::min(longest + 2, width_of(line)), ' ');
        line += toned("# " + std::string(e.what), Tone::kDim, style);
      } else if (!e.what.empty()) {
        out += toned("  # " + std::string(e.what), Tone::kDim, style) + "\n";
      }
      out += line + "\n";
    }
  }
  return out;
}

std::vector<Verb> shell_verbs() {
  return {
      {.path = "completion",
       .summary = "print the script that teaches a shell to complete writ's words",
       .operands = {{"SHELL", Count::kOne, Words::kChoices, {"bash", "zsh", "fish"}}},
       .examples = {{"source <(writ completion bash)", "in ~/.bashrc; the same for zsh"},
                    {"writ completion fish | source", "in ~/.config/fish/config.fish"}},
       .heading = "Running and testing",
       .run = print_completion},
      {.path = "version",
       .summary = "print the version",
       .heading = "Running and testing",
       .run = print_version},
      {.path = "help",
       .summary = "say what there is, or how one command is used",
       .operands = {{"COMMAND", Count::kOptional, Words::kVerbs}, {"MORE", Count::kOptional}},
       .examples = {{"writ help request", ""}, {"writ help evidence verify", ""}},
       .heading = "Running and testing",
       .run = print_help},
  };
}

}  // namespace writ::cmd
