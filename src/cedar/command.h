// The verbs of `writ cedar`, with the flags and exit statuses of the `cedar` command line 4.x. They
// read files, and standard input where a file may be left out.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

namespace writ::cedar {

struct Streams {
  std::istream& in;
  std::ostream& out;
  std::ostream& err;
};

using Words = std::vector<std::string>;

// Each answers the exit status: 0 done (or allowed, or valid), 1 an error, 2 denied, 3 not valid, 4
// a decision that depends on what is unknown.
// Every verb takes `-f, --error-format` of human, plain or json.

// -p --policies, --policy-format, -k --template-linked; -s --schema, --schema-format; --entities;
// --request-json, or -l --principal, -a --action, -r --resource, -c --context;
// --request-validation; -v; -t; and --json for {"decision","reason","errors"}.
int run_authorize(const Words& args, const Streams& streams);
// Flags for policies and schema; --entities, of which parts may be unknown; --request-json, or
// --principal-type, --principal-eid, -a --action, --resource-type, --resource-eid, -c --context;
// -t; and --json for {"decision","reason","policies","residuals"}.
int run_tpe(const Words& args, const Streams& streams);
// EXPRESSION, with flags for request, schema and entities as above.
int run_evaluate(const Words& args, const Streams& streams);
// Flags for policies and schema, --deny-warnings, --validation-mode strict or permissive, --level.
int run_validate(const Words& args, const Streams& streams);
// Any of policies, --expression, schema and entities.
int run_check_parse(const Words& args, const Streams& streams);
// -p --policies, -l --line-width, -i --indent-width, -w --write, -c --check.
int run_format(const Words& args, const Streams& streams);
// --direction cedar-to-json or json-to-cedar, -p --policies.
int run_translate_policy(const Words& args, const Streams& streams);
// --direction json-to-cedar, cedar-to-json or cedar-to-json-with-resolved-types, -s --schema.
int run_translate_schema(const Words& args, const Streams& streams);
// Flags for policies, --template-id, -n --new-id, -a --arguments '{"?principal": "User::\"a\""}'.
int run_link(const Words& args, const Streams& streams);
// One argument, a folder, and --validate to check validation too. Prints each failure; the last
// line is "N passed, N failed". Answers 0 when none failed, else 1.
int run_conform(const Words& args, const Streams& streams);

}  // namespace writ::cedar
