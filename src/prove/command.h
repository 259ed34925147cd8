// `writ cedar symcc`: proofs about plain Cedar, with the flags of the `cedar` command line 4.x.
#pragma once

#include <string>

#include "cedar/command.h"

namespace writ::prove {

// Flags --principal-type, --action, --resource-type (without them: every environment), --schema,
// --schema-format, --cvc5-path, --no-counterexample, -v; then what to prove, with its policies:
// never-errors, always-matches, never-matches, always-allows and always-denies of --policies;
// matches-equivalent, matches-implies and matches-disjoint of --policy1 and --policy2; equivalent,
// implies and disjoint of --policies1 and --policies2. Besides: --time-limit, --missing-entities,
// --exit-code and --json. Answers 0 when it was proved or refuted, as `cedar` does, and 1 for an
// error or when no solver knows; with --exit-code 3 when refuted, 4 when not known. Solvers are
// looked for in `path`, a list as in $PATH.
int run_symcc(const cedar::Words& args, const cedar::Streams& streams, const std::string& path);

}  // namespace writ::prove
