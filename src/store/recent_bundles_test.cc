#include "store/recent_bundles.h"

#include <gtest/gtest.h>

#include <vector>

#include "tlog/tile.h"

namespace writ::store {
namespace {

std::vector<std::string> entries(std::uint64_t from, std::uint64_t to) {
  std::vector<std::string> made;
  for (std::uint64_t i = from; i < to; ++i) made.push_back("entry " + std::to_string(i));
  return made;
}

void append(RecentBundles& recent, std::uint64_t from, std::uint64_t to) {
  const std::vector<std::string> made = entries(from, to);
  recent.append(std::vector<std::string_view>(made.begin(), made.end()));
}

TEST(RecentBundles, AreWhatTheEntriesGiveHoweverTheyCame) {
  RecentBundles recent;
  recent.begin_at(512);
  append(recent, 512, 520);
  EXPECT_EQ(recent.full(2), std::nullopt);
  append(recent, 520, 1100);
  EXPECT_EQ(recent.full(1), std::nullopt);
  EXPECT_EQ(recent.full(2), *tlog::entry_bundle(entries(512, 768)));
  EXPECT_EQ(recent.full(3), *tlog::entry_bundle(entries(768, 1024)));
  EXPECT_EQ(recent.full(4), std::nullopt);
}

TEST(RecentBundles, ForgetsWhatIsOnDiskAndGoesOn) {
  RecentBundles recent;
  append(recent, 0, 600);
  recent.forget(256);
  EXPECT_EQ(recent.full(0), std::nullopt);
  EXPECT_EQ(recent.full(1), *tlog::entry_bundle(entries(256, 512)));
  recent.forget(512);
  append(recent, 600, 768);
  EXPECT_EQ(recent.full(2), *tlog::entry_bundle(entries(512, 768)));
  recent.forget(768);
  append(recent, 768, 1024);
  EXPECT_EQ(recent.full(3), *tlog::entry_bundle(entries(768, 1024)));
}

}  // namespace
}  // namespace writ::store
