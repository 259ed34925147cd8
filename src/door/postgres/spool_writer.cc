#include "door/postgres/spool_writer.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/bytes.h"
#include "base/file.h"
#include "base/log.h"
#include "crypto/hash.h"

namespace writ::door::postgres {
namespace {

constexpr std::chrono::milliseconds kPauseAfterFailure{200};

}  // namespace

std::string spool_frame(std::string_view records) {
  const std::string text = "[" + std::string(records) + "]";
  return to_hex(as_bytes(crypto::sha256(text)).substr(0, 8)) + " " + text + "\n";
}

Spool::Writer::Writer(std::string path, int lock, int file, Post post, std::function<void()> failed)
    : path_(std::move(path)),
      post_(std::move(post)),
      failed_(std::move(failed)),
      lock_(lock),
      file_(file),
      thread_([this] { run(); }) {}

Spool::Writer::~Writer() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_one();
  thread_.join();
  if (file_ >= 0) ::close(file_);
  if (lock_ >= 0) ::close(lock_);
}

void Spool::Writer::append(std::string record, std::function<void()> done) {
  bool wake = false;
  {
    std::lock_guard lock(mutex_);
    wake = done != nullptr && !urgent_;
    urgent_ = urgent_ || done != nullptr;
    jobs_.push_back({std::move(record), {}, std::move(done)});
  }
  if (wake) wake_.notify_one();
}

void Spool::Writer::rewrite(std::string whole, std::function<void()> done) {
  {
    std::lock_guard lock(mutex_);
    urgent_ = true;
    jobs_.push_back({{}, std::move(whole), std::move(done)});
  }
  wake_.notify_one();
}

void Spool::Writer::finish(std::vector<std::function<void()>> done) {
  std::erase(done, nullptr);
  if (done.empty()) return;
  post_([done = std::move(done)] {
    for (const auto& call : done) call();
  });
}

bool Spool::Writer::write_frame(std::string_view frame) {
  while (!frame.empty()) {
    const ssize_t n = ::write(file_, frame.data(), frame.size());
    if (n < 0) {
      if (errno == EINTR) continue;
      return false;
    }
    frame.remove_prefix(static_cast<std::size_t>(n));
  }
  return ::fdatasync(file_) == 0;
}

bool Spool::Writer::replace(const std::string& whole) {
  const auto written = write_file(path_, whole, 0600);
  if (!written) {
    log(Level::kError, "door_spool_failed", {{"message", written.error().text()}});
    return false;
  }
  const int file = ::open(path_.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
  if (file < 0) {
    log(Level::kError, "door_spool_failed", {{"message", std::strerror(errno)}});
    return false;
  }
  if (file_ >= 0) ::close(file_);
  file_ = file;
  return true;
}

void Spool::Writer::run() {
  while (true) {
    std::deque<Job> jobs;
    bool stop = false;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stop_ || urgent_; });
      jobs.swap(jobs_);
      urgent_ = false;
      stop = stop_;
    }
    bool failed = false;
    std::string records;
    std::vector<std::function<void()>> done;
    const auto write_records = [&] {
      if (!records.empty() && !broken_ && !write_frame(spool_frame(records))) {
        log(Level::kError, "door_spool_failed", {{"message", std::strerror(errno)}});
        broken_ = failed = true;
      }
      records.clear();
      if (broken_) {
        for (auto& call : done) waiting_.push_back(std::move(call));
      } else {
        finish(std::move(done));
      }
      done.clear();
    };
    for (Job& job : jobs) {
      if (job.whole.empty()) {
        if (!records.empty()) records.push_back(',');
        records += job.record;
        done.push_back(std::move(job.done));
        continue;
      }
      write_records();
      waiting_.push_back(std::move(job.done));
      broken_ = !replace(job.whole);
      failed = broken_;
      if (!broken_) finish(std::exchange(waiting_, {}));
    }
    write_records();
    if (stop) return;
    if (failed) {
      // The owner answers with a rewrite; a full disk is not asked without pause.
      std::unique_lock lock(mutex_);
      wake_.wait_for(lock, kPauseAfterFailure, [this] { return stop_; });
      if (!stop_) post_(failed_);
    }
  }
}

}  // namespace writ::door::postgres
