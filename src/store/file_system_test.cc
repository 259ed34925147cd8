// Files: the same behaviour from the real disk and the failing one, and how the latter fails.
#include "store/file_system.h"

#include <gtest/gtest.h>

#include "store/faulty_file_system.h"
#include "store/temporary_folder.h"

namespace writ::store {
namespace {

void behaves_like_posix(FileSystem& files, const std::string& folder) {
  ASSERT_TRUE(files.make_folder(folder + "/a/b"));
  ASSERT_TRUE(files.make_folder(folder + "/a/b"));
  const std::string path = folder + "/a/b/file";
  EXPECT_EQ(files.open(path, OpenMode::kRead).error().code, Code::kNotFound);
  EXPECT_EQ(files.open(folder + "/none/file", OpenMode::kCreate).error().code, Code::kNotFound);
  {
    auto file = *files.open(path, OpenMode::kCreateNew);
    EXPECT_EQ(files.open(path, OpenMode::kCreateNew).error().code, Code::kExists);
    ASSERT_TRUE(file->append("hello "));
    ASSERT_TRUE(file->append("world"));
    ASSERT_TRUE(file->pwrite(0, "J"));
    ASSERT_TRUE(file->pwrite(13, "!"));
    file->expect_sync();
    ASSERT_TRUE(file->sync());
    file->forget_cached();
    EXPECT_EQ(*file->read(0, 14), std::string("Jello world\0\0!", 14));
    EXPECT_EQ(file->read(10, 5).error().code, Code::kCorrupt);
    char buffer[8];
    EXPECT_EQ(*file->pread(12, buffer), 2u);
    EXPECT_EQ(*file->pread(99, buffer), 0u);
    ASSERT_TRUE(file->truncate(5));
    ASSERT_TRUE(file->preallocate(8));
    EXPECT_EQ(*file->read(0, 8), std::string("Jello\0\0\0", 8));
    ASSERT_TRUE(file->preallocate(2));
    EXPECT_EQ(*file->size(), 8u);
  }
  ASSERT_TRUE(files.replace(folder + "/a/whole", "one"));
  ASSERT_TRUE(files.replace(folder + "/a/whole", "two"));
  EXPECT_EQ(*files.read_all(folder + "/a/whole"), "two");
  EXPECT_EQ(files.read_all(folder + "/a/whole", 2).error().code, Code::kInvalid);
  EXPECT_EQ(*files.list(folder + "/a"), (std::vector<std::string>{"b", "whole"}));
  ASSERT_TRUE(files.rename(folder + "/a/whole", folder + "/a/b/moved"));
  EXPECT_FALSE(files.exists(folder + "/a/whole"));
  EXPECT_FALSE(files.remove(folder + "/a/b"));
  ASSERT_TRUE(files.remove(folder + "/a/b/moved"));
  ASSERT_TRUE(files.remove(path));
  ASSERT_TRUE(files.remove(folder + "/a/b"));
  EXPECT_EQ(files.list(folder + "/a/b").error().code, Code::kNotFound);
  EXPECT_EQ(files.remove(path).error().code, Code::kNotFound);
  auto lock = files.lock(folder + "/lock");
  ASSERT_TRUE(lock);
  EXPECT_EQ(files.lock(folder + "/lock").error().code, Code::kConflict);
  lock->reset();
  EXPECT_TRUE(files.lock(folder + "/lock"));
}

TEST(RealFileSystem, BehavesLikePosix) {
  const TemporaryFolder folder;
  RealFileSystem files;
  behaves_like_posix(files, folder.path());
}

TEST(FaultyFileSystem, BehavesLikePosixWithoutFaults) {
  FaultyFileSystem files;
  behaves_like_posix(files, "/data");
}

TEST(FaultyFileSystem, KeepsWhatWasSyncedAndNothingElseForSure) {
  int lost = 0, kept = 0, torn = 0;
  for (unsigned long long seed = 0; seed < 200; ++seed) {
    FaultyFileSystem files(seed);
    ASSERT_TRUE(files.make_folder("/d"));
    auto file = *files.open("/d/f", OpenMode::kCreateNew);
    ASSERT_TRUE(file->pwrite(0, "durable"));
    ASSERT_TRUE(file->sync());
    ASSERT_TRUE(files.sync_folder("/d"));
    ASSERT_TRUE(file->pwrite(7, "unsynced"));
    files.crash(seed);
    EXPECT_FALSE(file->pwrite(0, "dead")) << "a file outlived the crash";
    const std::string bytes = *files.read_all("/d/f");
    ASSERT_EQ(bytes.substr(0, 7), "durable");
    const std::string rest = bytes.substr(7);
    ASSERT_EQ(rest, std::string("unsynced").substr(0, rest.size()));
    lost += rest.empty();
    kept += rest.size() == 8;
    torn += !rest.empty() && rest.size() < 8;
  }
  EXPECT_GT(lost, 20);
  EXPECT_GT(kept, 20);
  EXPECT_GT(torn, 20);
}

TEST(FaultyFileSystem, NamesNeedTheirFolderSynced) {
  int gone = 0;
  for (unsigned long long seed = 0; seed < 50; ++seed) {
    FaultyFileSystem files;
    ASSERT_TRUE(files.make_folder("/d"));
    auto file = *files.open("/d/f", OpenMode::kCreateNew);
    ASSERT_TRUE(file->sync());
    files.crash(seed);
    gone += !files.exists("/d/f");
  }
  EXPECT_GT(gone, 5);
  EXPECT_LT(gone, 45);
}

TEST(FaultyFileSystem, BytesOfAFailedSyncAreReadableButMayBeLost) {
  int lost = 0;
  for (unsigned long long seed = 0; seed < 50; ++seed) {
    FaultyFileSystem files(seed);
    ASSERT_TRUE(files.make_folder("/d"));
    auto file = *files.open("/d/f", OpenMode::kCreateNew);
    ASSERT_TRUE(files.sync_folder("/d"));
    ASSERT_TRUE(file->pwrite(0, "x"));
    files.set_faults({.sync_error = 1'000'000});
    EXPECT_EQ(file->sync().error().code, Code::kUnavailable);
    files.set_faults({});
    EXPECT_TRUE(file->sync()) << "a later sync does not tell";
    EXPECT_EQ(*files.read_all("/d/f"), "x");
    files.crash(seed);
    lost += files.read_all("/d/f")->empty();
  }
  EXPECT_GT(lost, 5);
}

TEST(FaultyFileSystem, RunsOutOfSpace) {
  FaultyFileSystem files;
  ASSERT_TRUE(files.make_folder("/d"));
  auto file = *files.open("/d/f", OpenMode::kCreateNew);
  files.set_faults({.capacity = 10});
  EXPECT_TRUE(file->pwrite(0, "0123456789"));
  EXPECT_EQ(file->append("x").error().code, Code::kExhausted);
  EXPECT_EQ(file->preallocate(11).error().code, Code::kExhausted);
  EXPECT_TRUE(file->pwrite(5, "abcde"));
  EXPECT_EQ(files.faults_injected(), 2u);
}

}  // namespace
}  // namespace writ::store
