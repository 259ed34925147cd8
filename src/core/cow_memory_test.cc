#include "core/cow_memory.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <map>
#include <random>
#include <thread>
#include <vector>

#include "base/sanitizer_for_test.h"

namespace writ::core::detail {
namespace {

TEST(CowMemory, NodesNeverOverlap) {
  std::mt19937 random(1);
  std::map<char*, std::size_t> held;
  for (int i = 0; i < 20'000; ++i) {
    if (held.size() < 500 || random() % 2 == 0) {
      const std::size_t size = 1 + random() % (i % 7 == 0 ? 9000 : 300);
      auto* node = static_cast<char*>(take_node(size));
      const bool lines = kMeasured && size <= 4096 && (size + 15) / 16 * 16 % kCacheLine == 0;
      ASSERT_EQ(reinterpret_cast<std::uintptr_t>(node) % (lines ? kCacheLine : 16), 0U);
      const auto next = held.lower_bound(node);
      ASSERT_TRUE(next == held.end() || node + size <= next->first);
      ASSERT_TRUE(next == held.begin() || std::prev(next)->first + std::prev(next)->second <= node);
      std::memset(node, 0xaa, size);
      held.emplace(node, size);
    } else {
      auto at = held.begin();
      std::advance(at, random() % 50);
      give_node(at->first, at->second);
      held.erase(at);
    }
  }
  for (const auto& [node, size] : held) give_node(node, size);
}

TEST(CowMemory, WhatWasGivenBackIsTakenAgain) {
  if (!kMeasured) GTEST_SKIP() << "under the address sanitizer nodes come from the heap";
  void* node = take_node(72);
  give_node(node, 72);
  EXPECT_EQ(take_node(80), node);  // 72 and 80 bytes are one size
  give_node(node, 80);
}

TEST(CowMemory, ThreadsShareIt) {
  const auto work = [](unsigned char mark) {
    std::vector<unsigned char*> nodes;
    for (int i = 0; i < 5'000; ++i) {
      nodes.push_back(static_cast<unsigned char*>(take_node(48)));
      std::memset(nodes.back(), mark, 48);
      if (i % 3 == 0) {
        give_node(nodes.back(), 48);
        nodes.pop_back();
      }
    }
    std::size_t wrong = 0;
    for (unsigned char* node : nodes) {
      for (int b = 0; b < 48; ++b) wrong += node[b] == mark ? 0U : 1U;
      give_node(node, 48);
    }
    EXPECT_EQ(wrong, 0U);
  };
  std::vector<std::thread> threads;
  for (unsigned char mark = 1; mark <= 4; ++mark) threads.emplace_back(work, mark);
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace writ::core::detail
