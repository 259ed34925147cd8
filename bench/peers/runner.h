// What Writ's runners share: reading the hierarchies, and the line that scenarios.py reads.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "../figures.h"
#include "base/json.h"

namespace writ::bench {

using Asked = std::array<std::string, 6>;  // type and id of principal, action, resource

template <class T>
T must(Result<T> result) {
  if (!result) die(result.error().text());
  return std::move(*result);
}

// What reading the clock twice costs, with nothing between.
inline double clock_cost() {
  std::vector<double> costs;
  for (int i = 0; i < 100'000; ++i) {
    const auto from = Wall::now();
    costs.push_back(ns_between(from, Wall::now()));
  }
  return percentile(std::move(costs), 0.5);
}

class Tally {
 public:
  // Decides all requests of a hierarchy twice: for what comes out, then for the time of each.
  // `decide` is timed; `allows` says whether its answer is an allow.
  template <class Decide, class Allows>
  void take(const Json& hierarchy, Decide decide, Allows allows) {
    std::vector<Asked> requests;
    for (const Json& each : *hierarchy.find("requests")->as_array()) {
      requests.push_back(asked_of(each));
    }
    for (const Asked& asked : requests) {
      const bool allowed = allows(decide(asked));
      allows_ += allowed ? 1 : 0;
      decisions_ = (decisions_ ^ (allowed ? '1' : '0')) * 0x100000001b3;
    }
    for (const Asked& asked : requests) {
      const auto from = Wall::now();
      const auto answer = decide(asked);
      const auto to = Wall::now();
      asm volatile("" : : "g"(&answer) : "memory");  // it was wanted
      times_.push_back(std::max(0.0, ns_between(from, to) - clock_));
    }
  }

  void print(const char* scenario) const {
    if (times_.empty()) die("no requests");
    std::printf(
        "{\"scenario\":\"%s\",\"engine\":\"writ\",\"median_ns\":%.6g,\"p99_ns\":%.6g,"
        "\"requests\":%zu,\"allows\":%zu,\"decisions\":\"%016llx\"}\n",
        scenario, percentile(times_, 0.5), percentile(times_, 0.99), times_.size(), allows_,
        static_cast<unsigned long long>(decisions_));
  }

 private:
  static Asked asked_of(const Json& request) {
    const JsonArray& parts = *request.as_array();
    if (parts.size() != 6) die("a request has six strings");
    Asked asked;
    for (std::size_t i = 0; i < 6; ++i) asked[i] = *parts[i].as_string();
    return asked;
  }

  const double clock_ = clock_cost();
  std::vector<double> times_;
  std::uint64_t decisions_ = 0xcbf29ce484222325;
  std::size_t allows_ = 0;
};

// Calls `take` with each line of a file of hierarchies.
template <class Take>
void for_each_hierarchy(const std::string& path, Take take) {
  std::ifstream lines(path);
  for (std::string line; std::getline(lines, line);) {
    const Json hierarchy = must(parse_json(line, JsonLimits{256 << 20, 64, 16'000'000}));
    take(hierarchy);
  }
}

}  // namespace writ::bench
