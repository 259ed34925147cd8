// cedar authorize, cedar conform: the policy language alone, with the flags of the `cedar` program.
#include <sstream>

#include "cedar/command.h"
#include "cmd/verbs.h"

namespace writ::cmd {
namespace {

Result<int> run_cedar(Context& context, const Args& args,
                      int (*command)(const std::vector<std::string>&, std::ostream&,
                                     std::ostream&)) {
  std::ostringstream out;
  std::ostringstream err;
  const int status = command(args.rest(), out, err);
  context.terminal.out(out.str());
  context.terminal.note(err.str());
  return status;
}

Result<int> authorize(Context& context, const Args& args) {
  return run_cedar(context, args, cedar::run_authorize);
}
Result<int> conform(Context& context, const Args& args) {
  return run_cedar(context, args, cedar::run_conform);
}

}  // namespace

std::vector<Verb> cedar_verbs() {
  return {
      {.path = "cedar authorize",
       .summary = "answer one request with Cedar policies from files",
       .rest = "flags of `cedar authorize`, and --json",
       .examples =
           {{"writ cedar authorize --policies p.cedar --entities e.json --request-json r.json",
             "0 allow, 2 deny, 1 error"}},
       .heading = "Running and testing",
       .run = authorize,
       .more = "Flags, without -- before them: --policies FILE, --entities FILE, --template-linked "
               "FILE, --request-json FILE, or --principal, --action, --resource and --context; -v; "
               "--json prints {\"decision\",\"reason\",\"errors\"}."},
      {.path = "cedar conform",
       .summary = "run a folder of Cedar integration tests",
       .rest = "DIR",
       .examples = {{"writ cedar conform tests/", "prints each failure; N passed, N failed"}},
       .heading = "Running and testing",
       .run = conform},
  };
}

}  // namespace writ::cmd
