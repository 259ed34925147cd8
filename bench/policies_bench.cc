// How long a set of 10,000 policies takes from its texts until decisions can use it: offers,
// guardrails, and permits of an application, each with a condition, in a hundred files. Prints
// {"policies_ms":…}, the median of a few times.
//
//   policies_bench [POLICIES]
#include <string>
#include <vector>

#include "core/policy.h"
#include "figures.h"

namespace writ::bench {
namespace {

using namespace writ::core;

std::string policy(int i) {
  const std::string n = std::to_string(i);
  switch (i % 4) {
    case 0:
    case 1:
      return "@id(\"offer-" + n +
             "\") @max_ttl(\"4h\") @approval(\"1 of owner\")\n"
             "permit (principal in Writ::Group::\"team-" +
             std::to_string(i % 100) +
             "\", action == Writ::Action::\"request\", resource == "
             "Writ::Entitlement::\"pg-main/db-" +
             n +
             "/reader\")\nwhen { context.duration <= duration(\"1h\") || context.approvals >= 2 "
             "};\n";
    case 2:
      return "@id(\"guard-" + n +
             "\")\nforbid (principal, action == Writ::Action::\"connect\", resource in "
             "Writ::Resource::\"pg-main/db-" +
             n + "\")\nunless { context.source_ip.isInRange(ip(\"10." + std::to_string(i % 250) +
             ".0.0/16\")) };\n";
    default:
      return "@id(\"list-" + n + "\")\npermit (principal in Writ::Group::\"team-" +
             std::to_string(i % 100) +
             "\", action in [TodoApp::Action::\"read\", TodoApp::Action::\"share\"], resource in "
             "TodoApp::List::\"list-" +
             n + "\")\nwhen { resource.owner == principal || resource.kind like \"open*\" };\n";
  }
}

int run(int count) {
  constexpr int kFiles = 100, kTimes = 7;
  std::vector<PolicyFile> files;
  for (int i = 0; i < kFiles; ++i) files.push_back({"part-" + std::to_string(i) + ".cedar", ""});
  for (int i = 0; i < count; ++i) {
    files[static_cast<std::size_t>(i * kFiles / count)].text += policy(i);
  }
  std::vector<double> ms;
  for (int i = 0; i < kTimes; ++i) {
    const auto from = Wall::now();
    const auto made = compile_policies(files);
    ms.push_back(ms_between(from, Wall::now()));
    if (!made) die(made.error().text());
  }
  print({{"policies_ms", percentile(ms, 0.5)}});
  return 0;
}

}  // namespace
}  // namespace writ::bench

int main(int argc, char** argv) {
  return writ::bench::run(argc > 1 ? std::atoi(argv[1]) : 10'000);
}
