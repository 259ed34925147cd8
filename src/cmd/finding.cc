// remedy: carrying out what a finding proposes, after saying what that would break.
#include "cmd/client.h"
#include "cmd/proposal.h"
#include "cmd/text.h"
#include "cmd/verbs.h"

namespace writ::cmd {
namespace {

void say(Context& context, std::string_view name, const std::string& text) {
  if (text.empty()) return;
  std::string line(name);
  line.append(10 - std::min<std::size_t>(10, line.size()), ' ');
  context.terminal.out(line + printable(text) + "\n");
}

// Every use that was observed, where the server tells.
void say_uses(Context& context, const Json& preview) {
  const Json* uses = preview.find("uses");
  if (uses == nullptr || uses->as_array() == nullptr || uses->as_array()->empty()) return;
  context.terminal.out("Used by:\n" + table(*uses->as_array(), context.terminal.style()));
}

Result<int> remedy(Context& context, const Args& args) {
  const std::string& finding = args.operand("FINDING");
  TRY(client, client_for(context));
  TRY(preview, client.command("remedy", Json::object({{"finding", finding}, {"confirm", false}})));
  if (!args.has("--json")) {
    say(context, "Would:", text_or_empty(preview, "would"));
    say(context, "About:",
        text_or_empty(preview, "target").empty() ? text_or_empty(preview, "about") : std::string());
    say(context, "Target:", text_or_empty(preview, "target"));
    say(context, "Login:", text_or_empty(preview, "login"));
    if (const auto last = parse_time(text_or_empty(preview, "last_use"))) {
      say(context, "Last use:", short_time(*last) + " UTC");
    }
    say_uses(context, preview);
    say(context, "Breaks:", text_or_empty(preview, "breaks"));
  }
  if (args.has("--dry-run")) {
    if (args.has("--json")) print_json(context, preview);
    return 0;
  }
  if (!args.has("--yes")) {
    TRY(sure, confirm(context.terminal, "Carry this out?"));
    if (!sure) {
      context.terminal.note("Nothing was changed.\n");
      return 0;
    }
  }
  TRY(done, client.command("remedy", Json::object({{"finding", finding}, {"confirm", true}})));
  return say_done(context, args, done,
                  text_or_empty(preview, "target").empty()
                      ? "Done:     the finding closes by itself: writ list findings --all"
                      : "Done:     the finding closes when the target was observed again: "
                        "writ list findings --all",
                  "");
}

}  // namespace

std::vector<Verb> finding_verbs() {
  return {{.path = "remedy",
           .summary = "carry out what a finding proposes, after saying what it would break",
           .operands = {{"FINDING", Count::kOne, Words::kFindings}},
           .options = {{"--yes", "", "do not ask"},
                       {"--dry-run", "", "only say what it would do and break"},
                       json_option()},
           .examples = {{"writ list findings", "what should not be, and its id"},
                        {"writ remedy fnd_4k2m9x7qv0w3t8ah", ""}},
           .heading = "Deciding",
           .run = remedy}};
}

}  // namespace writ::cmd
