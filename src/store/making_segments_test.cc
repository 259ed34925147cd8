// Making the next segment takes long on a slow disk; appending goes on meanwhile.
#include <gtest/gtest.h>

#include <thread>

#include "base/random.h"
#include "store/decision_log.h"
#include "store/held_file_system.h"

namespace writ::store {
namespace {

std::vector<Prepared> one(int number) {
  const std::string salt = SeededRandom(static_cast<unsigned>(number)).bytes(tlog::kSaltSize);
  std::vector<Prepared> list;
  list.push_back(*prepare("{\"decision\":" + std::to_string(number) + "}", salt));
  return list;
}

TEST(DecisionLog, AppendsWhileTheNextSegmentIsMade) {
  HeldFileSystem files("/spare");
  auto log = *DecisionLog::open(files, {.folder = "/log",
                                        .origin = "example.org/decisions",
                                        .verifiers = {},
                                        .segment_bytes = 8192});
  ASSERT_EQ(*log->append(one(0)), 0U);
  files.hold();
  std::thread house([&] { EXPECT_TRUE(log->make_ready()); });
  files.wait_until_held();
  EXPECT_EQ(*log->append(one(1)), 1U);
  files.let_go();
  house.join();
  EXPECT_EQ(log->size(), 2U);
}

// The writer that needs it waits for it, and does not make a second one.
TEST(DecisionLog, WaitsForTheSegmentThatItNeeds) {
  HeldFileSystem files("/spare");
  auto log = *DecisionLog::open(files, {.folder = "/log",
                                        .origin = "example.org/decisions",
                                        .verifiers = {},
                                        .segment_bytes = 4096});
  ASSERT_TRUE(log->append(one(0)));
  files.hold();
  std::thread house([&] { EXPECT_TRUE(log->make_ready()); });
  files.wait_until_held();
  std::thread writer([&] {
    for (int i = 1; i < 100; ++i) ASSERT_EQ(*log->append(one(i)), static_cast<std::uint64_t>(i));
  });
  files.let_go();
  house.join();
  writer.join();
  EXPECT_EQ(log->size(), 100U);
}

}  // namespace
}  // namespace writ::store
