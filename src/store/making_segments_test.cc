// Making the next segment takes long on a slow disk; appending goes on meanwhile.
#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>
#include <thread>

#include "base/random.h"
#include "store/decision_log.h"
#include "store/faulty_file_system.h"

namespace writ::store {
namespace {

// A disk on which making a spare segment takes until the test says so.
class HeldFileSystem final : public FileSystem {
 public:
  Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override {
    if (mode == OpenMode::kCreateNew && path.ends_with("/spare")) {
      std::unique_lock lock(mutex_);
      is_waiting_ = true;
      changed_.notify_all();
      changed_.wait(lock, [&] { return !is_holding_; });
    }
    return disk_.open(path, mode);
  }
  Status rename(const std::string& from, const std::string& to) override {
    return disk_.rename(from, to);
  }
  Status remove(const std::string& path) override { return disk_.remove(path); }
  bool exists(const std::string& path) override { return disk_.exists(path); }
  Result<std::vector<std::string>> list(const std::string& folder) override {
    return disk_.list(folder);
  }
  Status make_folder(const std::string& path) override { return disk_.make_folder(path); }
  Status sync_folder(const std::string& path) override { return disk_.sync_folder(path); }
  Result<std::unique_ptr<Lock>> lock(const std::string& path) override { return disk_.lock(path); }

  void hold() {
    const std::lock_guard lock(mutex_);
    is_holding_ = true;
    is_waiting_ = false;
  }
  void wait_until_held() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return is_waiting_; });
  }
  void let_go() {
    const std::lock_guard lock(mutex_);
    is_holding_ = false;
    changed_.notify_all();
  }

 private:
  FaultyFileSystem disk_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool is_holding_ = false;  // guarded by mutex_
  bool is_waiting_ = false;  // guarded by mutex_
};

std::vector<Prepared> one(int number) {
  const std::string salt = SeededRandom(static_cast<unsigned>(number)).bytes(tlog::kSaltSize);
  std::vector<Prepared> list;
  list.push_back(*prepare("{\"decision\":" + std::to_string(number) + "}", salt));
  return list;
}

TEST(DecisionLog, AppendsWhileTheNextSegmentIsMade) {
  HeldFileSystem files;
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
  HeldFileSystem files;
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
