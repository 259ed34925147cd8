// Writ's own Cedar engine in the scenarios of scenarios.py, which states what is measured and how.
//
//   writ_runner POLICIES HIERARCHIES SCENARIO    bench/peers/gdrive.cedar OUT/gdrive.jsonl gdrive
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "../figures.h"
#include "base/file.h"
#include "base/json.h"
#include "cedar/authorize.h"

namespace writ::bench {
namespace {

using Asked = std::array<std::string, 6>;  // type and id of principal, action, resource

template <class T>
T must(Result<T> result) {
  if (!result) die(result.error().text());
  return std::move(*result);
}

double ns_between(Wall::time_point from, Wall::time_point to) {
  return std::chrono::duration<double, std::nano>(to - from).count();
}

// What reading the clock twice costs, with nothing between.
double clock_cost() {
  std::vector<double> costs;
  for (int i = 0; i < 100'000; ++i) {
    const auto from = Wall::now();
    costs.push_back(ns_between(from, Wall::now()));
  }
  return percentile(std::move(costs), 0.5);
}

Asked asked_of(const Json& request) {
  const JsonArray& parts = *request.as_array();
  if (parts.size() != 6) die("a request has six strings");
  Asked asked;
  for (std::size_t i = 0; i < 6; ++i) asked[i] = *parts[i].as_string();
  return asked;
}

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
  const double clock = clock_cost();
  std::ifstream lines(hierarchies);
  std::vector<double> times;
  std::uint64_t decisions = 0xcbf29ce484222325;
  std::size_t allows = 0;
  for (std::string line; std::getline(lines, line);) {
    const Json hierarchy = must(parse_json(line, JsonLimits{64 << 20, 64, 8'000'000}));
    const auto entities = must(cedar::Entities::from_json(*hierarchy.find("entities")));
    std::vector<Asked> requests;
    for (const Json& each : *hierarchy.find("requests")->as_array()) {
      requests.push_back(asked_of(each));
    }
    for (const Asked& asked : requests) {
      const bool allowed =
          decide(policies, entities, asked, context).decision == cedar::Decision::kAllow;
      allows += allowed;
      decisions = (decisions ^ (allowed ? '1' : '0')) * 0x100000001b3;
    }
    for (const Asked& asked : requests) {
      const auto from = Wall::now();
      const cedar::Response response = decide(policies, entities, asked, context);
      const auto to = Wall::now();
      asm volatile("" : : "g"(&response) : "memory");  // it was wanted
      times.push_back(std::max(0.0, ns_between(from, to) - clock));
    }
  }
  if (times.empty()) die("no requests in " + hierarchies);
  std::printf(
      "{\"scenario\":\"%s\",\"engine\":\"writ\",\"median_ns\":%.6g,\"p99_ns\":%.6g,"
      "\"requests\":%zu,\"allows\":%zu,\"decisions\":\"%016llx\"}\n",
      scenario, percentile(times, 0.5), percentile(times, 0.99), times.size(), allows,
      static_cast<unsigned long long>(decisions));
  return 0;
}

}  // namespace
}  // namespace writ::bench

int main(int argc, char** argv) {
  if (argc != 4) writ::bench::die("usage: writ_runner POLICIES HIERARCHIES SCENARIO");
  return writ::bench::run(argv[1], argv[2], argv[3]);
}
