// What this machine takes for a load from memory and for asking the clock: what is measured in
// nanoseconds is told beside the first and without the second.
#pragma once

#include <cstddef>
#include <cstdint>
#include <numeric>
#include <utility>
#include <vector>

#include "base/random.h"
#include "figures.h"

namespace writ::bench {

// One load from a random place of 256 MB on small pages, each waiting for the last one.
inline double load_ns() {
  constexpr std::size_t kLine = 64, kLines = (std::size_t{256} << 20) / kLine, kLoads = 2'000'000;
  struct alignas(kLine) Line {
    std::uint32_t next;
  };
  std::vector<std::uint32_t> order(kLines);
  std::iota(order.begin(), order.end(), 0u);
  SeededRandom random(7);
  for (std::size_t i = kLines; i > 1; --i) std::swap(order[i - 1], order[random.below(i)]);
  std::vector<Line> lines(kLines);
  for (std::size_t i = 0; i < kLines; ++i) lines[order[i]].next = order[(i + 1) % kLines];
  std::uint32_t at = 0;
  const auto from = Wall::now();
  for (std::size_t i = 0; i < kLoads; ++i) at = lines[at].next;
  const double ns = ns_between(from, Wall::now()) / kLoads;
  return at == kLines ? 0 : ns;  // the chain is read to its end
}

// Asking the clock once.
inline double clock_ns() {
  std::vector<double> nothing;
  for (int i = 0; i < 20'000; ++i) {
    const auto from = Wall::now();
    nothing.push_back(ns_between(from, Wall::now()));
  }
  return percentile(std::move(nothing), 0.5);
}

}  // namespace writ::bench
