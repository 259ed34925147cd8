// Writ's own Cedar engine in the scenarios of scenarios.py, which states what is measured and how.
//
//   writ_runner POLICIES HIERARCHIES SCENARIO    bench/peers/gdrive.cedar OUT/gdrive.jsonl gdrive
#include <string>
#include <utility>

#include "base/file.h"
#include "cedar/authorize.h"
#include "runner.h"

namespace writ::bench {
namespace {

cedar::Response decide(const cedar::CompiledPolicies& policies, const cedar::Entities& entities,
                       const Asked& asked, const cedar::Value& context) {
  return cedar::authorize(
      policies,
      cedar::RequestText{{asked[0], asked[1]}, {asked[2], asked[3]}, {asked[4], asked[5]}, context},
      entities);
}

int run(const std::string& policy_path, const std::string& hierarchies, const char* scenario) {
  auto parsed =
      cedar::PolicySet::parse(must(read_file(policy_path)), policy_path, {cedar::Ids::kAnnotation});
  const cedar::CompiledPolicies policies(must(std::move(parsed)));
  const cedar::Value context = cedar::Value::record();
  Tally tally;
  for_each_hierarchy(hierarchies, [&](const Json& hierarchy) {
    const auto entities =
        must(cedar::Entities::from_json(*hierarchy.find("entities"), {}, {}, &policies));
    tally.take(
        hierarchy, [&](const Asked& asked) { return decide(policies, entities, asked, context); },
        [](const cedar::Response& response) {
          return response.decision == cedar::Decision::kAllow;
        });
  });
  tally.print(scenario);
  return 0;
}

}  // namespace
}  // namespace writ::bench

int main(int argc, char** argv) {
  if (argc != 4) writ::bench::die("usage: writ_runner POLICIES HIERARCHIES SCENARIO");
  return writ::bench::run(argv[1], argv[2], argv[3]);
}
