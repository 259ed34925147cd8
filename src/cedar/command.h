// The verbs `writ cedar authorize` and `writ cedar conform`, as the `cedar` command line has them.
// They read files.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

namespace writ::cedar {

// Flags of `cedar authorize`: --policies, --template-linked, --entities, --request-json, or
// --principal --action --resource --context; -v; and --json for {"decision","reason","errors"}.
// Answers the exit status: 0 allow, 2 deny, 1 error.
int run_authorize(const std::vector<std::string>& args, std::ostream& out, std::ostream& err);

// One argument, a folder, and --validate to check validation too. Prints each failure; the last
// line is "N passed, N failed". Answers 0 when none failed, else 1.
int run_conform(const std::vector<std::string>& args, std::ostream& out, std::ostream& err);

}  // namespace writ::cedar
