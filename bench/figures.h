// What the programs that measure share: clocks, percentiles, and one JSON object a line as output.
#pragma once

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

namespace writ::bench {

using Wall = std::chrono::steady_clock;

inline double ms_between(Wall::time_point from, Wall::time_point to) {
  return std::chrono::duration<double, std::milli>(to - from).count();
}

inline double ns_between(Wall::time_point from, Wall::time_point to) {
  return std::chrono::duration<double, std::nano>(to - from).count();
}

// The smallest value that at least `share` of the values do not exceed; 0 when there are none.
inline double percentile(std::vector<double> values, double share) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const auto rank = static_cast<std::size_t>(share * static_cast<double>(values.size()) + 0.999999);
  return values[std::min(values.size(), std::max<std::size_t>(rank, 1)) - 1];
}

// Resident memory of this process.
inline double resident_mb() {
  std::ifstream statm("/proc/self/statm");
  double size = 0, resident = 0;
  statm >> size >> resident;
  return resident * static_cast<double>(sysconf(_SC_PAGESIZE)) / 1e6;
}

inline void print(std::initializer_list<std::pair<const char*, double>> figures) {
  const char* before = "{";
  for (const auto& [name, value] : figures) {
    std::printf("%s\"%s\":%.6g", std::exchange(before, ","), name, value);
  }
  std::printf("}\n");
  std::fflush(stdout);
}

[[noreturn]] inline void die(const std::string& why) {
  std::fprintf(stderr, "%s\n", why.c_str());
  std::exit(1);
}

}  // namespace writ::bench
