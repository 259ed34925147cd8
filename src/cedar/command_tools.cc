// validate, check-parse, format, translate-policy, translate-schema and link.
#include <ostream>

#include "base/file.h"
#include "base/json_pointer.h"
#include "cedar/command.h"
#include "cedar/command_flags.h"
#include "cedar/command_input.h"
#include "cedar/format.h"
#include "cedar/policy_json.h"
#include "cedar/schema_syntax.h"
#include "cedar/validate.h"

namespace writ::cedar {
namespace {

void print_findings(const Command& command, const std::vector<Finding>& findings,
                    std::string_view severity, const Streams& streams) {
  for (const Finding& each : findings) {
    if (command.reports_json()) {
      Error named = each.error;
      named.message = "for policy `" + each.policy + "`: " + named.message;
      command.report(streams, named, severity);
    } else {
      streams.out << severity << ": for policy `" << each.policy << "`: " << each.error.text()
                  << "\n";
    }
  }
}

// In the order of templates, then policies, as Cedar text.
Result<std::string> cedar_text(const PolicySet& policies) {
  std::string made;
  for (const Policy& each : policies.templates()) made += (made.empty() ? "" : "\n") + print(each);
  for (const Policy& each : policies.policies()) {
    if (!each.template_id.empty()) {
      return fail(Code::kInvalid,
                  "Cedar text cannot hold the template-linked policy `" + each.id + "`");
    }
    made += (made.empty() ? "" : "\n") + print(each);
  }
  return made;
}

Result<std::string> translate_schema(const std::string& direction, const std::string& file,
                                     const std::string& text) {
  const bool json = direction == "json-to-cedar";
  const Result<SchemaSyntax> read = json ? parse_schema_json(text, file) : parse_schema(text, file);
  if (!read) {
    return tl::unexpected<Error>(
        in_form(read.error(), json ? Form::kJson : Form::kCedar, text,
                json ? "--direction cedar-to-json" : "--direction json-to-cedar"));
  }
  const SchemaSyntax& schema = *read;
  if (json) return print(schema);
  if (direction == "cedar-to-json") return compact(to_json(schema)) + "\n";
  TRY(resolved, with_resolved_types(schema));
  return pretty(to_json(resolved)) + "\n";
}

}  // namespace

int run_validate(const Words& args, const Streams& streams) {
  Command command("validate", "Validate policies against a schema: exit status 0 valid, 3 not.");
  PolicyFlags policy_flags;
  SchemaFlags schema_flags;
  bool deny_warnings = false;
  std::string mode = "strict";
  ValidationOptions options;
  schema_flags.add_to(command.flags(), Presence::kRequired);
  policy_flags.add_to(command.flags());
  command.flags().add_flag("--deny-warnings", deny_warnings, "a warning is a failure");
  command.flags()
      .add_option("--validation-mode", mode, "strict or permissive")
      .one_of({"strict", "permissive"});
  command.flags().add_option("--level", options.level, "how many entities deep policies may read");
  if (const std::optional<int> status = command.parse(args, streams)) return *status;
  if (mode == "permissive") options.mode = ValidationMode::kPermissive;
  const auto validation = [&]() -> Result<Validation> {
    TRY(policies, read_policies(policy_flags, streams.in));
    TRY(schema, read_schema(schema_flags));
    return validate(*schema, policies, options);
  }();
  if (!validation) return command.report(streams, validation.error());
  const bool passed = validation->passed() && !(deny_warnings && !validation->warnings.empty());
  streams.out << "policy set validation " << (passed ? "passed" : "failed") << "\n";
  print_findings(command, validation->errors, "error", streams);
  print_findings(command, validation->warnings, "warning", streams);
  return passed ? kDone : kNotValid;
}

int run_check_parse(const Words& args, const Streams& streams) {
  Command command("check-parse",
                  "Check that policies, an expression, a schema and entities parse.");
  PolicyFlags policy_flags;
  SchemaFlags schema_flags;
  std::string entities_file;
  std::optional<std::string> expression;
  policy_flags.add_to(command.flags());
  schema_flags.add_to(command.flags(), Presence::kOptional);
  command.flags().add_option("--expression", expression, "an expression");
  command.flags().add_option("--entities", entities_file, "JSON file of entities");
  if (const std::optional<int> status = command.parse(args, streams)) return *status;
  int status = kDone;
  const auto check = [&](const auto& result) {
    if (!result) status = command.report(streams, result.error());
  };
  const bool from_input = policy_flags.file.empty() && schema_flags.file.empty() &&
                          entities_file.empty() && !expression;
  if (from_input || !policy_flags.file.empty()) check(read_policies(policy_flags, streams.in));
  if (expression) check(parse_expr(*expression, "--expression"));
  const Result<std::optional<Schema>> schema = read_schema(schema_flags);
  check(schema);
  if (!entities_file.empty()) {
    check(read_entities(entities_file, schema ? *schema : std::optional<Schema>()));
  }
  return status;
}

int run_format(const Words& args, const Streams& streams) {
  Command command("format", "Format policies.");
  std::string file;
  FormatOptions options;
  bool write = false;
  bool check = false;
  const Flag policies =
      command.flags().add_option("-p,--policies", file, "file of policies; else standard input");
  command.flags().add_option("-l,--line-width", options.line_width, "longest line, 80 at first");
  command.flags().add_option("-i,--indent-width", options.indent_width, "2 at first").at_most(100);
  const Flag write_flag =
      command.flags().add_flag("-w,--write", write, "write the file anew").needs(policies);
  command.flags()
      .add_flag("-c,--check", check, "fail when formatting would change the policies")
      .excludes(write_flag);
  if (const std::optional<int> status = command.parse(args, streams)) return *status;
  const Result<std::string> text = read_input(file, streams.in);
  if (!text) return command.report(streams, text.error());
  const Result<std::string> formatted = format(*text, file, options);
  if (!formatted) return command.report(streams, formatted.error());
  if (!write) {
    streams.out << *formatted;
    return check && *formatted != *text ? kFailure : kDone;
  }
  if (*formatted == *text) return kDone;
  const Status written = write_in_place(file, *formatted);
  return written ? kDone : command.report(streams, written.error());
}

int run_translate_policy(const Words& args, const Streams& streams) {
  Command command("translate-policy", "Translate policies between Cedar syntax and JSON.");
  std::string direction;
  std::string file;
  command.flags()
      .add_option("--direction", direction, "cedar-to-json or json-to-cedar")
      .required()
      .one_of({"cedar-to-json", "json-to-cedar"});
  command.flags().add_option("-p,--policies", file, "file of policies; else standard input");
  if (const std::optional<int> status = command.parse(args, streams)) return *status;
  const bool to_cedar = direction == "json-to-cedar";
  const auto made = [&]() -> Result<std::string> {
    TRY(policies, read_policy_file(file, to_cedar ? "json" : "cedar", streams.in));
    if (to_cedar) return cedar_text(policies);
    TRY(json, to_json(policies));
    return compact(json) + "\n";
  }();
  if (!made) return command.report(streams, made.error());
  streams.out << *made;
  return kDone;
}

int run_translate_schema(const Words& args, const Streams& streams) {
  Command command("translate-schema", "Translate a schema between Cedar syntax and JSON.");
  std::string direction;
  std::string file;
  command.flags()
      .add_option("--direction", direction,
                  "json-to-cedar, cedar-to-json or cedar-to-json-with-resolved-types")
      .required()
      .one_of({"json-to-cedar", "cedar-to-json", "cedar-to-json-with-resolved-types"});
  command.flags().add_option("-s,--schema", file, "file of the schema; else standard input");
  if (const std::optional<int> status = command.parse(args, streams)) return *status;
  const Result<std::string> text = read_input(file, streams.in);
  if (!text) return command.report(streams, text.error());
  const Result<std::string> made = translate_schema(direction, file, *text);
  if (!made) return command.report(streams, made.error());
  streams.out << *made;
  return kDone;
}

int run_link(const Words& args, const Streams& streams) {
  Command command("link", "Link a template.");
  PolicyFlags policy_flags;
  TemplateLink link;
  std::string arguments;
  policy_flags.add_to(command.flags());
  command.flags().add_option("--template-id", link.template_id, "of the template").required();
  command.flags().add_option("-n,--new-id", link.link_id, "for the linked policy").required();
  command.flags()
      .add_option("-a,--arguments", arguments,
                  "what fills the slots, as JSON: {\"?principal\": \"User::\\\"alice\\\"\"}")
      .required();
  if (const std::optional<int> status = command.parse(args, streams)) return *status;
  const std::string place = place_in_json("--arguments");
  const auto read_arguments = [&]() -> Status {
    TRY(json, parse_json(arguments, {}, "--arguments"));
    TRY(values, (from_json<std::map<std::string, std::string>>(json, place)));
    link.args = std::move(values);
    return check_slots(link, place);
  };
  if (const Status read = read_arguments(); !read) {
    command.report(streams, read.error());
    return kWrongFlags;
  }
  const auto made = [&]() -> Result<std::string> {
    TRY(policies, read_policies(policy_flags, streams.in, MissingLinks::kNone));
    CHECK_OK(add_link(policies, link, {"--template-id", "--new-id", place}));
    if (!policy_flags.links.empty()) {
      TRY(links, read_links(policy_flags.links, MissingLinks::kNone));
      links.push_back(link);
      CHECK_OK(write_in_place(policy_flags.links, compact(writ::to_json(links)) + "\n"));
    }
    return "Template-linked policy added: " + print(*policies.find(link.link_id));
  }();
  if (!made) return command.report(streams, made.error());
  streams.out << *made;
  return kDone;
}

}  // namespace writ::cedar
