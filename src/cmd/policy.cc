// policy check, format, test, schema, apply: policies are files; they come into force by a change
// of two persons.
#include <filesystem>

#include "base/file.h"
#include "cedar/format.h"
#include "cmd/client.h"
#include "cmd/policy_files.h"
#include "cmd/proposal.h"
#include "cmd/text.h"
#include "cmd/verbs.h"
#include "core/policy_check.h"
#include "core/scenario.h"

namespace writ::cmd {
namespace {

constexpr int kDiffers = 2;  // exit status: the input is not as it should be

std::string counted(std::size_t count, std::string_view one, std::string_view many) {
  return std::to_string(count) + " " + std::string(count == 1 ? one : many);
}

void show_warnings(Context& context, const std::vector<std::string>& warnings) {
  for (const std::string& warning : warnings) {
    context.terminal.note("warning: " + printable_lines(warning) + "\n");
  }
}

Json json_of(const std::vector<core::PolicyFinding>& findings) {
  Json made = Json::array();
  for (const core::PolicyFinding& each : findings) {
    made.push(Json::object(
        {{"kind", each.kind}, {"where", each.error.where}, {"message", each.error.message}}));
  }
  return made;
}

int check_as_json(Context& context, const std::vector<core::PolicyFile>& files) {
  const core::PolicyFindings found = core::find_in_policies(files);
  print_json(context, Json::object({{"files", static_cast<std::int64_t>(files.size())},
                                    {"errors", json_of(found.errors)},
                                    {"warnings", json_of(found.warnings)}}));
  return found.errors.empty() ? 0 : exit_status(found.errors.front().error.code);
}

Result<int> check(Context& context, const Args& args) {
  TRY(read, read_policies(args.operands("FILE")));
  if (args.has("--json")) return check_as_json(context, read.files);
  TRY(checked, core::check_policies(read.files));
  show_warnings(context, checked.warnings);
  context.terminal.out(
      counted(read.files.size(), "file is", "files are") + " in order" +
      (checked.warnings.empty()
           ? ".\n"
           : ", with " + counted(checked.warnings.size(), "warning", "warnings") + ".\n"));
  return 0;
}

unsigned mode_of(const std::string& path) {
  std::error_code error;
  const auto permissions = std::filesystem::status(path, error).permissions();
  return error ? 0644U : static_cast<unsigned>(permissions) & 0777U;
}

Result<int> format(Context& context, const Args& args) {
  const bool checks = args.has("--check"), writes = args.has("--write");
  if (checks && writes) {
    return fail(Code::kInvalid, "either it is checked or written", "--check");
  }
  TRY(read, read_policies(args.operands("FILE")));
  // All of them before anything is written or said, so that one that does not parse changes
  // nothing.
  struct Formatted {
    const std::string& path;
    const std::string& was;
    std::string is;
  };
  std::vector<Formatted> all;
  for (const core::PolicyFile& file : read.files) {
    const core::PolicyFileKind kind = core::kind_of(file);
    if (kind != core::PolicyFileKind::kPolicies && kind != core::PolicyFileKind::kInvariants) {
      continue;
    }
    const std::string& path = read.paths.at(file.name);
    TRY(formatted, cedar::format(file.text, path));
    all.push_back({path, file.text, std::move(formatted)});
  }
  bool differ = false;
  for (const Formatted& each : all) {
    if (!checks && !writes) {
      context.terminal.out(each.is);
      continue;
    }
    if (each.is == each.was) continue;
    differ = true;
    if (writes) CHECK_OK(write_file(each.path, each.is, mode_of(each.path)));
    context.terminal.out(printable(each.path) + "\n");
  }
  return checks && differ ? kDiffers : 0;
}

Result<int> test(Context& context, const Args& args) {
  TRY(read, read_policies(args.operands("FILE")));
  TRY(checked, core::validate_policies(read.files));
  show_warnings(context, checked.warnings);
  std::size_t passed = 0, failed = 0;
  Json rows = Json::array();
  for (const core::PolicyFile& file : read.files) {
    if (core::kind_of(file) != core::PolicyFileKind::kScenarios) continue;
    TRY(results, core::run_scenarios(file, checked.policies));
    for (const core::ScenarioResult& result : results) {
      const bool good = result.failure.empty();
      ++(good ? passed : failed);
      if (args.has("--json")) {
        rows.push(Json::object({{"place", result.place},
                                {"name", result.name},
                                {"passed", good},
                                {"failure", result.failure}}));
        continue;
      }
      context.terminal.out(std::string(good ? "ok    " : "FAIL  ") + printable(result.place) +
                           "  " + printable(result.name) +
                           (good ? "" : ": " + printable(result.failure)) + "\n");
    }
  }
  if (passed + failed == 0) {
    return fail(Code::kNotFound,
                "there are no scenarios in these files; they stand in *.scenarios.json");
  }
  if (args.has("--json")) {
    print_json(context, rows);
  } else {
    context.terminal.out(std::to_string(passed) + " passed, " + std::to_string(failed) +
                         " failed\n");
  }
  return failed == 0 ? 0 : kDiffers;
}

Result<int> schema(Context& context, const Args& args) {
  std::string text(core::writ_schema_text());
  if (const std::string& of = args.operand("FILE"); !of.empty()) {
    TRY(read, read_policies({of}));
    CHECK_OK(core::application_schema(read.files));
    for (const core::PolicyFile& file : read.files) {
      if (core::kind_of(file) != core::PolicyFileKind::kSchema) continue;
      TRY(printed, core::print_application_schema(file));
      text += "\n// " + file.name + "\n" + printed;
    }
  }
  context.terminal.out(text);
  return 0;
}

Result<int> apply(Context& context, const Args& args) {
  TRY(read, read_policies(args.operands("FILE")));
  // What cannot be applied needs no server to say so.
  TRY(checked, core::check_policies(read.files));
  show_warnings(context, checked.warnings);
  TRY(client, client_for(context));
  TRY(result, client.command("apply_policy", Json::object({{"files", to_json(read.files)}})));
  return say_done(context, args, result, "Applied:  in force from now on", "");
}

}  // namespace

std::vector<Verb> policy_verbs() {
  const Operand files{"FILE", Count::kMany, Words::kFiles};
  return {
      {.path = "policy check",
       .summary = "check policy files against their schema and scenarios, without a server",
       .operands = {files},
       .options = {json_option()},
       .examples = {{"writ policy check policies", "all the files of a folder"}},
       .heading = "Administering",
       .run = check,
       .more = kPolicyFiles},
      {.path = "policy format",
       .summary = "lay policies out in the usual way; every comment stays",
       .operands = {files},
       .options = {{"--check", "", "only name the files that would change; 2 when there are some"},
                   {"--write", "", "change the files, and name them"}},
       .examples = {{"writ policy format --check policies", "before a commit"},
                    {"writ policy format orders.cedar", "prints it"}},
       .heading = "Administering",
       .run = format,
       .more = kPolicyFiles},
      {.path = "policy test",
       .summary = "decide the scenarios of policy files, without a server",
       .operands = {files},
       .options = {json_option()},
       .examples = {{"writ policy test policies", "0 when all pass, 2 when some fail"}},
       .heading = "Administering",
       .run = test,
       .more = "Scenarios stand in *.scenarios.json files: docs/policies.md has their form. A set "
               "whose scenarios fail cannot be applied."},
      {.path = "policy schema",
       .summary = "print what policies may speak of, as a Cedar schema",
       .operands = {{"FILE", Count::kOptional, Words::kFiles}},
       .examples = {{"writ policy schema > writ.cedarschema", "for an editor, or another tool"},
                    {"writ policy schema policies", "with the applications' own"}},
       .heading = "Administering",
       .run = schema,
       .more = kPolicyFiles},
      {.path = "policy apply",
       .summary = "propose these files as the whole policy; a second person approves",
       .operands = {files},
       .options = {json_option()},
       .examples = {{"writ policy apply policies", "all of them: what is not named goes"}},
       .heading = "Administering",
       .run = apply,
       .more = kPolicyFiles},
  };
}

}  // namespace writ::cmd
