#include "store/snapshots.h"

#include <gtest/gtest.h>

#include "store/faulty_file_system.h"

namespace writ::store {
namespace {

Head at(std::uint64_t size) {
  return {size, tlog::leaf_hash(std::to_string(size))};
}
bool is_ours(const Head& head) {
  return head == at(head.size);
}
bool is_nobodys(const Head&) {
  return false;
}

class SnapshotFiles : public ::testing::Test {
 protected:
  std::vector<std::string> names() { return *files.list("/data/s"); }
  void flip(const std::string& name, std::uint64_t offset) {
    auto file = *files.open("/data/s/" + name, OpenMode::kReadWrite);
    const std::string byte = *file->read(offset, 1);
    ASSERT_TRUE(file->pwrite(offset, std::string(1, static_cast<char>(byte[0] ^ 1))));
  }

  FaultyFileSystem files{1};
  Snapshots snapshots{files, "/data/s"};
};

TEST_F(SnapshotFiles, TheNewestTwoStay) {
  EXPECT_FALSE(snapshots.newest(is_ours)->has_value());
  for (const std::uint64_t seq : {1u, 20u, 300u}) {
    ASSERT_TRUE(snapshots.put(at(seq), "state " + std::to_string(seq), is_ours));
  }
  EXPECT_EQ(names(), (std::vector<std::string>{"00000000000000000020", "00000000000000000300"}));
  const auto newest = *snapshots.newest(is_ours);
  ASSERT_TRUE(newest);
  EXPECT_EQ(newest->seq, 300u);
  EXPECT_EQ(newest->bytes, "state 300");
  EXPECT_EQ(snapshots.put(at(299), "older", is_ours).error().code, Code::kInvalid);
  ASSERT_TRUE(snapshots.put(at(300), "again", is_ours));
  EXPECT_EQ((*snapshots.newest(is_ours))->bytes, "again");
}

TEST_F(SnapshotFiles, AnyDamageGivesWayToTheOneBefore) {
  ASSERT_TRUE(snapshots.put(at(1), "one", is_ours));
  ASSERT_TRUE(snapshots.put(at(2), "two", is_ours));
  const std::string last = names().back();
  const std::uint64_t size = *(*files.open("/data/s/" + last, OpenMode::kRead))->size();
  for (std::uint64_t offset = 0; offset < size; ++offset) {
    flip(last, offset);
    const auto newest = *snapshots.newest(is_ours);
    ASSERT_TRUE(newest) << offset;
    EXPECT_EQ(newest->bytes, "one") << offset;
    flip(last, offset);
  }
  for (std::uint64_t left = 0; left < size; ++left) {
    ASSERT_TRUE((*files.open("/data/s/" + last, OpenMode::kReadWrite))->truncate(left));
    EXPECT_EQ((*snapshots.newest(is_ours))->bytes, "one") << left;
    ASSERT_TRUE(snapshots.put(at(2), "two", is_ours));
  }
}

TEST_F(SnapshotFiles, AnotherJournalsArePassedOverAndGo) {
  ASSERT_TRUE(snapshots.put(at(7), "of another", is_ours));
  EXPECT_FALSE(snapshots.newest(is_nobodys)->has_value());
  ASSERT_TRUE(snapshots.put({3, tlog::leaf_hash("mine")}, "mine", is_nobodys));
  EXPECT_EQ(names(), std::vector<std::string>{"00000000000000000003"});
}

TEST_F(SnapshotFiles, LargeOnesAreWhole) {
  std::string large(9'000'000, 'x');
  for (std::size_t i = 0; i < large.size(); i += 1000) large[i] = static_cast<char>(i / 1000);
  ASSERT_TRUE(snapshots.put(at(1), large, is_ours));
  EXPECT_TRUE((*snapshots.newest(is_ours))->bytes == large);
}

TEST_F(SnapshotFiles, WhatIsNoSnapshotIsPassedOver) {
  ASSERT_TRUE(snapshots.put(at(5), "five", is_ours));
  for (const char* name : {"9", "000000000000000000009", "0000000000000000000x", "unfinished"}) {
    ASSERT_TRUE(files.replace("/data/s/" + std::string(name), "something"));
  }
  EXPECT_EQ((*snapshots.newest(is_ours))->bytes, "five");
}

TEST_F(SnapshotFiles, WhatCannotBeReadIsPassedOverAndReplaced) {
  ASSERT_TRUE(snapshots.put(at(1), "one", is_ours));
  files.set_faults({.read_error = 1'000'000});
  const auto none = snapshots.newest(is_ours);
  ASSERT_TRUE(none) << none.error().text();
  EXPECT_FALSE(none->has_value());
  ASSERT_TRUE(snapshots.put(at(2), "two", is_ours));
  files.set_faults({});
  EXPECT_EQ((*snapshots.newest(is_ours))->bytes, "two");
}

TEST_F(SnapshotFiles, AFullDiskLeavesTheOneBefore) {
  ASSERT_TRUE(snapshots.put(at(1), "one", is_ours));
  files.set_faults({.capacity = 1000});
  const std::string large(5'000'000, 'x');
  EXPECT_EQ(snapshots.put(at(2), large, is_ours).error().code, Code::kExhausted);
  files.set_faults({});
  EXPECT_EQ((*snapshots.newest(is_ours))->bytes, "one");
  EXPECT_EQ(names(), std::vector<std::string>{"00000000000000000001"}) << "nothing unfinished";
}

}  // namespace
}  // namespace writ::store
