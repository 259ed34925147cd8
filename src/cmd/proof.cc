#include "cmd/proof.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>

#include "base/clock.h"
#include "cmd/text.h"

namespace writ::cmd {
namespace {

Result<Millis> time_limit(const Args& args) {
  auto limit = parse_duration(args.option_or("--time-limit", "60s"));
  if (!limit) return fail(Code::kInvalid, limit.error().message, "--time-limit");
  return limit;
}

std::string show(const prove::Difference& of, const TableStyle& style) {
  std::string made = of.more ? " now possible, and not before: " : " no longer possible: ";
  made += of.action.id();
  for (const std::string& each : of.also) {
    const auto uid = cedar::EntityUid::parse(each);
    made += ", " + (uid ? std::string(uid->id()) : each);
  }
  for (std::size_t i = 0; i < of.cause.size(); ++i) {
    made += (i == 0 ? "; by " : ", ") + of.cause[i];
  }
  made += "\n" + indented(describe(of.counterexample)) + indented(of.before, "before: ") +
          indented(of.after, "after:  ");
  return (of.more ? toned("+", Tone::kWarn, style) : toned("-", Tone::kGood, style)) +
         printable_lines(made);
}

}  // namespace

Result<prove::Means> proof_means(const Args& args) {
  const char* path = std::getenv("PATH");
  prove::Means means;
  TRY(limit, time_limit(args));
  TRY(solvers, prove::find_solvers(path == nullptr ? "" : path));
  means.solvers = std::move(solvers);
  means.until = std::chrono::steady_clock::now() + limit;
  return means;
}

Option time_limit_option() {
  return {"--time-limit", "60s", "for all proofs together; what is left then is not known"};
}

Status check_time_limit(const Args& args) {
  TRY(limit, time_limit(args));
  static_cast<void>(limit);
  return {};
}

Result<prove::Diff> prove_differences(const std::vector<core::PolicyFile>& before,
                                      const std::vector<core::PolicyFile>& after,
                                      const Args& args) {
  TRY(later, prove::WritPolicies::of(after));
  TRY(earlier, prove::WritPolicies::of(before, &later.subject().schema()));
  TRY(means, proof_means(args));
  return prove::diff(earlier, later, means);
}

std::string show(const prove::Diff& diff, const TableStyle& style) {
  if (diff.same()) return "Both do the same, for every request.\n";
  std::string text;
  for (const auto& each : diff.differences) text += show(each, style);
  for (const std::string& each : diff.notes) {
    text += toned("!", Tone::kWarn, style) + " " + printable_lines(each) + "\n";
  }
  for (const std::string& each : diff.unknown) {
    text += toned("?", Tone::kWarn, style) + " " + printable_lines(each) + "\n";
  }
  return text;
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

}  // namespace writ::cmd
