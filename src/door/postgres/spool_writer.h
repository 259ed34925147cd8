// The thread that writes the spool file, in the order of the jobs, one sync for all that came
// meanwhile.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/result.h"
#include "door/postgres/spool.h"

namespace writ::door::postgres {

inline constexpr std::string_view kSpoolHead = "writ-door-spool 1\n";
// One frame: checksum, records, newline. `records` are joined with commas already.
std::string spool_frame(std::string_view records);

class Spool::Writer {
 public:
  // Takes `lock` and `file` (open for appending) over.
  Writer(std::string path, int lock, int file, Post post, std::function<void()> failed);
  ~Writer();

  // `done` runs on the owner's thread after the sync. An empty `done`: this record waits for the
  // next that has one (or for the end), and is not synced by itself.
  void append(std::string record, std::function<void()> done);
  // Replaces the file; everything appended before must be in `whole`.
  void rewrite(std::string whole, std::function<void()> done);

 private:
  struct Job {
    std::string record;
    std::string whole;
    std::function<void()> done;
  };
  void run();
  bool write_frame(std::string_view frame);
  bool replace(const std::string& whole);
  void finish(std::vector<std::function<void()>> done);

  const std::string path_;
  const Post post_;
  const std::function<void()> failed_;
  // Of the writing thread.
  int lock_ = -1;
  int file_ = -1;
  bool broken_ = false;                         // appending makes no sense until a rewrite worked
  std::vector<std::function<void()>> waiting_;  // for that rewrite

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Job> jobs_;  // guarded by mutex_
  bool urgent_ = false;   // guarded by mutex_: a job wants its sync
  bool stop_ = false;     // guarded by mutex_
  std::thread thread_;
};

}  // namespace writ::door::postgres
