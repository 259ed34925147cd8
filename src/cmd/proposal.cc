#include "cmd/proposal.h"

#include "cmd/client.h"
#include "cmd/text.h"
#include "cmd/verbs.h"

namespace writ::cmd {

int say_done(Context& context, const Args& args, const Json& result, const std::string& done,
             const std::string& next) {
  if (args.has("--json")) {
    print_json(context, result);
    return 0;
  }
  const std::string change = printable(text_or_empty(result, "change"));
  if (change.empty()) {
    context.terminal.out(printable(done) + "\n");
    if (!next.empty()) context.terminal.out("Next:     " + printable(next) + "\n");
    return 0;
  }
  context.terminal.out("Proposed: " + change + "\n");
  if (const auto until = parse_time(text_or_empty(result, "until"))) {
    context.terminal.out("Pending:  until " + short_time(*until) + " UTC\n");
  }
  context.terminal.out("Next:     a second administrator runs: writ approve " + change + "\n");
  return 0;
}

}  // namespace writ::cmd
