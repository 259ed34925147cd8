// policy prove, policy diff: what policy files do, and what a change of them would, by proof and
// without a server.
#include <chrono>
#include <cstdlib>

#include "base/clock.h"
#include "base/file.h"
#include "cedar/schema_syntax.h"
#include "cmd/policy_files.h"
#include "cmd/verbs.h"
#include "core/writ_schema.h"
#include "prove/analysis.h"

namespace writ::cmd {
namespace {

constexpr int kBroken = 2;
constexpr int kNotKnown = 6;
constexpr std::size_t kMostSchemaBytes = 1 << 20;

// Writ's own schema, and those of applications.
Result<cedar::Schema> schema_of(const Args& args) {
  std::vector<cedar::SchemaSyntax> parts;
  TRY(own, cedar::parse_schema(core::writ_schema_text(), core::kWritSchemaFile));
  parts.push_back(std::move(own));
  for (const std::string& file : args.all("--schema")) {
    TRY(text, read_file(file, kMostSchemaBytes));
    TRY(part, file.ends_with(".json") ? cedar::parse_schema_json(text, file)
                                      : cedar::parse_schema(text, file));
    parts.push_back(std::move(part));
  }
  return cedar::Schema::resolve(parts);
}

Result<prove::Means> means_of(const Args& args) {
  const char* path = std::getenv("PATH");
  prove::Means means;
  TRY(solvers, prove::find_solvers(path == nullptr ? "" : path));
  means.solvers = std::move(solvers);
  const auto limit = parse_duration(args.option_or("--time-limit", "60s"));
  if (!limit) return fail(Code::kInvalid, limit.error().message, "--time-limit");
  means.until = std::chrono::steady_clock::now() + *limit;
  return means;
}

std::string indented(std::string_view text) {
  std::string made;
  for (std::size_t start = 0; start < text.size();) {
    const std::size_t end = std::min(text.find('\n', start), text.size());
    made += "    " + std::string(text.substr(start, end - start)) + "\n";
    start = end + 1;
  }
  return made;
}
std::string indented(const std::vector<std::string>& lines, std::string_view first) {
  std::string made;
  for (const std::string& line : lines) {
    made +=
        "    " + std::string(made.empty() ? first : std::string(first.size(), ' ')) + line + "\n";
  }
  return made;
}

// ---- policy prove ----

std::string show(const prove::InvariantVerdict& of, const TableStyle& style) {
  using Kind = prove::Verdict::Kind;
  const std::string place = "  " + toned(of.place.text(), Tone::kDim, style) + "\n";
  switch (of.verdict.kind) {
    case Kind::kHolds:
      return toned("✓", Tone::kGood, style) + " " + of.text + place;
    case Kind::kUnknown:
      return toned("?", Tone::kWarn, style) + " " + of.text + place + indented(of.verdict.why);
    case Kind::kFails:
      break;
  }
  return toned("✗", Tone::kBad, style) + " " + of.text + place +
         indented(describe(*of.verdict.counterexample)) + indented(of.reasons, "→ ");
}

std::string show(const prove::Remark& of, const TableStyle& style) {
  const std::string place = "  " + toned(of.place.text(), Tone::kDim, style) + "\n";
  const std::string start = toned("!", Tone::kWarn, style) + " " + of.policy;
  switch (of.kind) {
    case prove::Remark::Kind::kNeverApplies:
      return start + " never applies" + place;
    case prove::Remark::Kind::kRedundant: {
      std::string made = start + " changes nothing";
      for (std::size_t i = 0; i < of.covered_by.size(); ++i) {
        made += (i == 0 ? ": it is covered by " : ", by ") + of.covered_by[i];
      }
      return made + place;
    }
    case prove::Remark::Kind::kCanFail:
      break;
  }
  return start + " can fail" + place + indented(describe(*of.counterexample));
}

struct Counts {
  std::size_t hold = 0, broken = 0, unknown = 0;
};
Counts count(const std::vector<prove::InvariantVerdict>& verdicts) {
  Counts made;
  for (const auto& each : verdicts) {
    if (each.verdict.kind == prove::Verdict::Kind::kHolds) ++made.hold;
    if (each.verdict.kind == prove::Verdict::Kind::kFails) ++made.broken;
    if (each.verdict.kind == prove::Verdict::Kind::kUnknown) ++made.unknown;
  }
  return made;
}

Json strings(const std::vector<std::string>& of) {
  Json made = Json::array();
  for (const std::string& each : of) made.push(Json(each));
  return made;
}

template <class T>
Json list(const std::vector<T>& of) {
  Json made = Json::array();
  for (const T& each : of) made.push(prove::to_json(each));
  return made;
}

Result<int> prove(Context& context, const Args& args) {
  TRY(files, read_policies(args.operands("FILE")));
  TRY(schema, schema_of(args));
  TRY(policies, prove::WritPolicies::of(files, schema));
  TRY(means, means_of(args));
  const auto wait = context.terminal.wait("proving");
  TRY(verdicts, prove::prove_invariants(policies, means));
  TRY(found, prove::remarks(policies, means));
  const Counts counts = count(verdicts);
  const int status = counts.broken > 0                              ? kBroken
                     : counts.unknown > 0 || !found.unknown.empty() ? kNotKnown
                                                                    : 0;
  if (args.has("--json")) {
    Json json = Json::object({});
    json.set("invariants", list(verdicts));
    json.set("remarks", list(found.list));
    json.set("unknown", strings(found.unknown));
    print_json(context, json);
    return status;
  }
  const TableStyle style = context.terminal.style();
  std::string text;
  for (const auto& each : verdicts) text += show(each, style);
  for (const auto& each : found.list) text += show(each, style);
  for (const std::string& each : found.unknown) {
    text += toned("?", Tone::kWarn, style) + " not known " + each + "\n";
  }
  const auto number = [](std::size_t n, std::string_view one, std::string_view many) {
    return std::to_string(n) + " " + std::string(n == 1 ? one : many);
  };
  text += number(counts.hold, "invariant holds", "invariants hold");
  if (counts.broken > 0) text += ", " + number(counts.broken, "is broken", "are broken");
  if (counts.unknown > 0) text += ", " + number(counts.unknown, "is not known", "are not known");
  context.terminal.out(text + ".\n");
  return status;
}

// ---- policy diff ----

std::string show(const prove::Difference& of, const TableStyle& style) {
  std::string made = of.more ? toned("+", Tone::kWarn, style) + " now possible, and not before: "
                             : toned("-", Tone::kGood, style) + " no longer possible: ";
  made += std::string(of.action.id());
  for (const std::string& each : of.also) {
    const auto uid = cedar::EntityUid::parse(each);
    made += ", " + (uid ? std::string(uid->id()) : each);
  }
  for (std::size_t i = 0; i < of.cause.size(); ++i) {
    made += (i == 0 ? "; by " : ", ") + of.cause[i];
  }
  return made + "\n" + indented(describe(of.counterexample)) + indented(of.before, "before: ") +
         indented(of.after, "after:  ");
}

Result<int> diff(Context& context, const Args& args) {
  TRY(old_files, read_policies({args.operand("OLD")}));
  TRY(new_files, read_policies({args.operand("NEW")}));
  TRY(schema, schema_of(args));
  TRY(before, prove::WritPolicies::of(old_files, schema));
  TRY(after, prove::WritPolicies::of(new_files, schema));
  TRY(means, means_of(args));
  const auto wait = context.terminal.wait("proving");
  TRY(found, prove::diff(before, after, means));
  const bool exit_code = args.has("--exit-code");
  const int status = !found.unknown.empty() ? kNotKnown : exit_code && !found.same() ? kBroken : 0;
  if (args.has("--json")) {
    Json json = Json::object({{"same", Json(found.same())}});
    json.set("differences", list(found.differences));
    json.set("notes", strings(found.notes));
    json.set("unknown", strings(found.unknown));
    print_json(context, json);
    return status;
  }
  const TableStyle style = context.terminal.style();
  std::string text;
  for (const auto& each : found.differences) text += show(each, style);
  for (const std::string& each : found.notes) {
    text += toned("!", Tone::kWarn, style) + " " + each + "\n";
  }
  for (const std::string& each : found.unknown) {
    text += toned("?", Tone::kWarn, style) + " " + each + "\n";
  }
  if (found.same()) text = "Both do the same, for every request.\n";
  context.terminal.out(text);
  return status;
}

constexpr std::string_view kAbout =
    "Proofs are about what Writ does: a forbid that fails denies, and the terms of offers are part "
    "of what they say. Policies must be valid under the schema of `writ policy schema`, with those "
    "of applications by --schema. They need cvc5 or z3 on this host.";

std::vector<Option> options() {
  return {{"--schema", "FILE", "schema of an application", Need::kRepeated, Words::kFiles},
          {"--time-limit", "60s", "for all proofs together; what is left then is not known"},
          json_option()};
}

}  // namespace

std::vector<Verb> prove_verbs() {
  std::vector<Option> diff_options = options();
  diff_options.push_back({"--exit-code", "", "exit with 2 when there are differences"});
  return {
      {.path = "policy prove",
       .summary = "prove invariants of policy files, and find policies that do nothing or can fail",
       .operands = {{"FILE", Count::kMany, Words::kFiles}},
       .options = options(),
       .examples =
           {{"writ policy prove policies",
             "its *.invariants.cedar against its policies; 0 all hold, 2 broken, 6 unknown"}},
       .heading = "Administering",
       .run = prove,
       .more = kAbout},
      {.path = "policy diff",
       .summary = "show what could happen with NEW policies and not with OLD ones, and the reverse",
       .operands = {{"OLD", Count::kOne, Words::kFiles}, {"NEW", Count::kOne, Words::kFiles}},
       .options = std::move(diff_options),
       .examples = {{"writ policy diff policies-in-force policies",
                     "each difference with a request for which they differ"}},
       .heading = "Administering",
       .run = diff,
       .more = kAbout},
  };
}

}  // namespace writ::cmd
