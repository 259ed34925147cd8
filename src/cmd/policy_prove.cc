// policy prove, policy diff: what policy files do, and what a change of them would, by proof and
// without a server.
#include "cmd/policy_files.h"
#include "cmd/proof.h"
#include "cmd/verbs.h"

namespace writ::cmd {
namespace {

constexpr int kBroken = 2;
constexpr int kNotKnown = 6;

// ---- policy prove ----

std::string show(const prove::InvariantVerdict& of, const TableStyle& style) {
  using Kind = prove::Verdict::Kind;
  const std::string place = "  " + toned(of.place.text(), Tone::kDim, style) + "\n";
  switch (of.verdict.kind) {
    case Kind::kHolds:
      if (of.covers_nothing) {
        return toned("!", Tone::kWarn, style) + " " + of.text + place +
               indented("it covers no request, so it holds whatever the policies say");
      }
      if (!of.why_not_known_to_cover.empty()) {
        return toned("?", Tone::kWarn, style) + " " + of.text + place +
               indented("it holds, but it is not known whether it covers any request: " +
                        of.why_not_known_to_cover);
      }
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
      for (std::size_t i = 0; i < of.forbidden_by.size(); ++i) {
        made += (i == 0 ? ": all of it is forbidden by " : ", by ") + of.forbidden_by[i];
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
  std::size_t idle = 0;  // of those that hold
};
Counts count(const std::vector<prove::InvariantVerdict>& verdicts) {
  Counts made;
  for (const auto& each : verdicts) {
    if (each.verdict.kind == prove::Verdict::Kind::kHolds) ++made.hold;
    if (each.covers_nothing) ++made.idle;
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

std::vector<std::string> not_known_to_cover(const std::vector<prove::InvariantVerdict>& verdicts) {
  std::vector<std::string> made;
  for (const auto& each : verdicts) {
    if (each.why_not_known_to_cover.empty()) continue;
    made.push_back("whether the invariant \"" + each.text +
                   "\" covers any request: " + each.why_not_known_to_cover);
  }
  return made;
}

template <class T>
Json list(const std::vector<T>& of) {
  Json made = Json::array();
  for (const T& each : of) made.push(prove::to_json(each));
  return made;
}

Result<int> prove(Context& context, const Args& args) {
  TRY(read, read_policies(args.operands("FILE")));
  TRY(policies, prove::WritPolicies::of(read.files));
  TRY(means, proof_means(args));
  const auto wait = context.terminal.wait("proving");
  TRY(verdicts, prove::prove_invariants(policies, means));
  TRY(found, prove::remarks(policies, means));
  CHECK_OK(prove::mark_idle(policies, means, verdicts));  // last: with the time that is left
  const Counts counts = count(verdicts);
  const std::vector<std::string> idle_unknown = not_known_to_cover(verdicts);
  const bool all_known = counts.unknown == 0 && found.unknown.empty() && idle_unknown.empty();
  const int status = counts.broken > 0 ? kBroken : all_known ? 0 : kNotKnown;
  if (args.has("--json")) {
    Json json = Json::object({});
    json.set("invariants", list(verdicts));
    json.set("remarks", list(found.list));
    std::vector<std::string> unknown = found.unknown;
    unknown.insert(unknown.end(), idle_unknown.begin(), idle_unknown.end());
    json.set("unknown", strings(unknown));
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
  if (counts.idle > 0) text += " (" + number(counts.idle, "covers", "cover") + " no request)";
  if (counts.broken > 0) text += ", " + number(counts.broken, "is broken", "are broken");
  if (counts.unknown > 0) text += ", " + number(counts.unknown, "is not known", "are not known");
  context.terminal.out(text + ".\n");
  return status;
}

// ---- policy diff ----

Result<int> diff(Context& context, const Args& args) {
  TRY(old_set, read_policies({args.operand("OLD")}));
  TRY(new_set, read_policies({args.operand("NEW")}));
  const auto wait = context.terminal.wait("proving");
  TRY(found, prove_differences(old_set.files, new_set.files, args));
  if (args.has("--json")) {
    print_json(context, prove::to_json(found));
  } else {
    context.terminal.out(show(found, context.terminal.style()));
  }
  if (!found.unknown.empty()) return kNotKnown;
  return args.has("--exit-code") && !found.same() ? kBroken : 0;
}

constexpr std::string_view kAbout =
    "Proofs are about what Writ does: a forbid that fails denies, and the terms of offers are part "
    "of what they say. Policies must be valid under the schema of `writ policy schema`, and under "
    "those of applications in *.cedarschema files beside them. They need cvc5 or z3 on this host.";

std::vector<Option> options() {
  return {time_limit_option(), json_option()};
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
