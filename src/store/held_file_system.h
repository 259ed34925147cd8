// A disk in memory on which making one file takes until the test says so. For tests only.
#pragma once

#include <condition_variable>
#include <mutex>
#include <string>
#include <utility>

#include "store/faulty_file_system.h"

namespace writ::store {

class HeldFileSystem final : public FileSystem {
 public:
  // `held` is how the path of the file ends.
  explicit HeldFileSystem(std::string held) : held_(std::move(held)) {}

  Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override {
    if (mode >= OpenMode::kCreate && path.ends_with(held_)) {
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

  // Who makes that file from now on waits.
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
  const std::string held_;
  FaultyFileSystem disk_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool is_holding_ = false;  // guarded by mutex_
  bool is_waiting_ = false;  // guarded by mutex_
};

}  // namespace writ::store
