// cedar …: the policy language alone, with the flags of the `cedar` program.
#include <cstdlib>
#include <iostream>
#include <sstream>

#include "cedar/command.h"
#include "cmd/verbs.h"
#include "prove/command.h"

namespace writ::cmd {
namespace {

template <int (*command)(const cedar::Words&, const cedar::Streams&)>
Result<int> run_cedar(Context& context, const Args& args) {
  std::ostringstream out;
  std::ostringstream err;
  const int status = command(args.rest(), {std::cin, out, err});
  context.terminal.out(out.str());
  context.terminal.note(err.str());
  return status;
}

int run_symcc(const cedar::Words& args, const cedar::Streams& streams) {
  const char* path = std::getenv("PATH");
  return prove::run_symcc(args, streams, path == nullptr ? "" : path);
}

constexpr std::string_view kHeading = "Running and testing";

Verb verb(std::string_view path, std::string_view summary, std::string_view rest, Example example,
          std::string_view flags, Result<int> (*run)(Context&, const Args&)) {
  Verb made;
  made.path = path;
  made.summary = summary;
  made.rest = rest;
  made.examples = {example};
  made.heading = kHeading;
  made.run = run;
  made.more = flags;
  return made;
}

}  // namespace

std::vector<Verb> cedar_verbs() {
  return {
      verb(
          "cedar authorize", "answer one request with Cedar policies from files",
          "flags of `cedar authorize`, and --json",
          {"writ cedar authorize --policies p.cedar --entities e.json --request-json r.json",
           "0 allow, 2 deny, 1 error"},
          "Flags, without -- before them: --policies FILE, --policy-format cedar or json, "
          "--entities FILE, --template-linked FILE, --schema FILE, --schema-format cedar or json, "
          "--request-json FILE, or --principal, --action, --resource and --context; "
          "--request-validation false; -v; -t; --json prints {\"decision\",\"reason\",\"errors\"}.",
          run_cedar<cedar::run_authorize>),
      verb("cedar tpe", "evaluate policies where parts of a request are unknown",
           "flags of `cedar tpe`, and --json",
           {"writ cedar tpe -s s.cedarschema -p p.cedar --entities e.json --principal-type User "
            "--principal-eid alice -a 'Action::\"view\"' --resource-type Doc",
            "0 allow, 2 deny, 4 not known yet: prints what is left of each policy"},
           "Flags, without -- before them: --schema FILE, --schema-format, --policies FILE, "
           "--policy-format, --template-linked FILE, --entities FILE, --request-json FILE, or "
           "--principal-type, --principal-eid, --action, --resource-type, --resource-eid and "
           "--context FILE; -t; --json prints {\"decision\",\"reason\",\"policies\","
           "\"residuals\"}.",
           run_cedar<cedar::run_tpe>),
      verb("cedar evaluate", "evaluate a Cedar expression",
           "EXPRESSION and flags of `cedar evaluate`",
           {"writ cedar evaluate -l 'User::\"a\"' -a 'Action::\"b\"' -r 'Doc::\"c\"' '1 + 1'",
            "prints the value"},
           "Flags, without -- before them: the request's, the schema's and --entities as of cedar "
           "authorize.",
           run_cedar<cedar::run_evaluate>),
      verb("cedar validate", "validate policies against a schema", "flags of `cedar validate`",
           {"writ cedar validate --schema s.cedarschema --policies p.cedar",
            "0 valid, 3 not valid, 1 error"},
           "Flags, without -- before them: --schema FILE, --schema-format, --policies FILE, "
           "--policy-format, --template-linked FILE, --deny-warnings, --validation-mode strict or "
           "permissive, --level N.",
           run_cedar<cedar::run_validate>),
      verb("cedar check-parse", "check that policies, schema and entities parse",
           "flags of `cedar check-parse`",
           {"writ cedar check-parse --policies p.cedar --schema s.cedarschema", "0 when all parse"},
           "Flags, without -- before them: --policies FILE, --policy-format, --template-linked "
           "FILE, "
           "--expression TEXT, --schema FILE, --schema-format, --entities FILE; none: policies on "
           "standard input.",
           run_cedar<cedar::run_check_parse>),
      verb("cedar format", "format policies", "flags of `cedar format`",
           {"writ cedar format --write --policies p.cedar", "keeps every comment"},
           "Flags, without -- before them: --policies FILE, --line-width N, --indent-width N, "
           "--write, --check.",
           run_cedar<cedar::run_format>),
      verb("cedar translate-policy", "translate policies between Cedar syntax and JSON",
           "flags of `cedar translate-policy`",
           {"writ cedar translate-policy --direction cedar-to-json --policies p.cedar",
            "prints a policy set in JSON"},
           "Flags, without -- before them: --direction cedar-to-json or json-to-cedar, --policies "
           "FILE.",
           run_cedar<cedar::run_translate_policy>),
      verb("cedar translate-schema", "translate a schema between Cedar syntax and JSON",
           "flags of `cedar translate-schema`",
           {"writ cedar translate-schema --direction json-to-cedar --schema s.json",
            "prints the schema in Cedar syntax"},
           "Flags, without -- before them: --direction json-to-cedar, cedar-to-json or "
           "cedar-to-json-with-resolved-types, --schema FILE.",
           run_cedar<cedar::run_translate_schema>),
      verb("cedar link", "link a policy template", "flags of `cedar link`",
           {"writ cedar link -p p.cedar -k links.json --template-id t -n new -a "
            "'{\"?principal\": \"User::\\\"a\\\"\"}'",
            "adds the link to the file"},
           "Flags, without -- before them: --policies FILE, --policy-format, --template-linked "
           "FILE, "
           "--template-id ID, --new-id ID, --arguments JSON.",
           run_cedar<cedar::run_link>),
      verb("cedar symcc", "prove properties of policies, or find what breaks them",
           "flags of `cedar symcc`, what to prove, and its policies",
           {"writ cedar symcc -s s.cedarschema always-denies -p p.cedar",
            "proved for every request, or a request for which it is not so"},
           "Flags, without -- before them: --schema FILE, --schema-format; --principal-type, "
           "--action and --resource-type (without them: all); --cvc5-path FILE, "
           "--no-counterexample, --verbose; --time-limit SECONDS, --missing-entities, --exit-code, "
           "--json. Of --policies FILE: never-errors, always-matches, never-matches, "
           "always-allows, always-denies; of --policy1 and --policy2: matches-equivalent, "
           "matches-implies, matches-disjoint; of --policies1 and --policies2: equivalent, "
           "implies, disjoint.",
           run_cedar<run_symcc>),
      verb("cedar conform", "run a folder of Cedar integration tests", "DIR and --validate",
           {"writ cedar conform --validate tests/", "prints each failure; N passed, N failed"},
           "--validate, without -- before it, checks validation too.",
           run_cedar<cedar::run_conform>),
  };
}

}  // namespace writ::cmd
