#include "door/postgres/spool.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <condition_variable>
#include <filesystem>
#include <mutex>

#include "base/file.h"
#include "door/postgres/spool_writer.h"

namespace writ::door::postgres {
namespace {

// Runs what the spool posts on the test's thread, until a condition holds.
class Owner {
 public:
  Spool::Post post() {
    return [this](std::function<void()> task) {
      {
        std::lock_guard lock(mutex_);
        tasks_.push_back(std::move(task));
      }
      wake_.notify_one();
    };
  }
  void run_until(const std::function<bool()>& condition) {
    while (!condition()) {
      std::unique_lock lock(mutex_);
      ASSERT_TRUE(
          wake_.wait_for(lock, std::chrono::seconds(20), [this] { return !tasks_.empty(); }));
      auto tasks = std::exchange(tasks_, {});
      lock.unlock();
      for (auto& task : tasks) task();
    }
  }

 private:
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<std::function<void()>> tasks_;
};

class SpoolTest : public testing::Test {
 protected:
  SpoolTest() {
    std::string pattern = std::filesystem::temp_directory_path() / "writ-spool-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
  }
  ~SpoolTest() override {
    spool_.reset();
    std::filesystem::remove_all(folder_);
  }
  void open(std::size_t rewrite_after = 1 << 20) {
    spool_.reset();
    auto opened = Spool::open(folder_, rewrite_after, clock_, owner_.post());
    ASSERT_TRUE(opened) << opened.error().text();
    spool_ = std::move(*opened);
  }
  void start(const std::string& session) {
    bool durable = false;
    spool_->started({.session = session, .grant = "grt_1", .subject = "spiffe://t/user/1"},
                    [&] { durable = true; });
    EXPECT_FALSE(durable);
    owner_.run_until([&] { return durable; });
  }
  std::vector<std::string> lines() const {
    std::vector<std::string> out;
    for (const auto& pending : spool_->pending()) out.push_back(pending.line);
    return out;
  }
  std::string path() const { return folder_ + "/spool"; }

  std::string folder_;
  SystemClock clock_;
  Owner owner_;
  std::unique_ptr<Spool> spool_;
};

TEST_F(SpoolTest, NumbersReportsFromOneAndKeepsThemUntilAcknowledged) {
  open();
  start("ses_a");
  start("ses_b");
  spool_->ended({.session = "ses_a", .grant = "grt_1", .reason = "client"});
  owner_.run_until([&] { return spool_->durable_seq() == 3; });
  ASSERT_EQ(spool_->pending().size(), 3u);
  EXPECT_EQ(spool_->pending()[2].seq, 3);
  EXPECT_NE(lines()[2].find("\"session_ended\",\"seq\":3"), std::string::npos) << lines()[2];
  EXPECT_TRUE(spool_->acknowledge(2));
  ASSERT_EQ(spool_->pending().size(), 1u);
  EXPECT_EQ(spool_->acknowledge(4).error().code, Code::kCorrupt);
}

TEST_F(SpoolTest, ReportsAfterARestartWhatWasOpen) {
  open();
  start("ses_a");
  start("ses_b");
  spool_->ended({.session = "ses_a", .grant = "grt_1", .reason = "client"});
  owner_.run_until([&] { return spool_->durable_seq() == 3; });
  ASSERT_TRUE(spool_->acknowledge(1));
  open();
  ASSERT_EQ(lines().size(), 3u);
  EXPECT_NE(lines()[2].find("ses_b"), std::string::npos);
  EXPECT_NE(lines()[2].find("lost_door"), std::string::npos);
  EXPECT_EQ(spool_->next_seq(), 5);
  open();  // nothing is open any more
  EXPECT_EQ(spool_->next_seq(), 5);
}

TEST_F(SpoolTest, NeverGivesADecisionNumberTwice) {
  open();
  std::set<std::int64_t> seen;
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 3000; ++i) {
      auto number = spool_->take_door_seq();
      if (!number) {
        owner_.run_until([&] {
          number = spool_->take_door_seq();
          return number.has_value();
        });
      }
      EXPECT_TRUE(seen.insert(*number).second) << *number;
    }
    open();
  }
}

TEST_F(SpoolTest, SurvivesBeingKilled) {
  const pid_t child = ::fork();
  if (child == 0) {
    Owner owner;
    auto spool = Spool::open(folder_, 1 << 20, clock_, owner.post());
    if (!spool) ::_exit(1);
    bool durable = false;
    (*spool)->started({.session = "ses_a", .grant = "grt_1", .subject = "s"},
                      [&] { durable = true; });
    owner.run_until([&] { return durable; });
    ::kill(::getpid(), SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
  open();
  ASSERT_EQ(lines().size(), 2u);
  EXPECT_NE(lines()[0].find("session_started"), std::string::npos);
  EXPECT_NE(lines()[1].find("lost_door"), std::string::npos);
}

// Wherever the machine dies while a frame is written, everything before it is kept and numbers go
// on.
TEST_F(SpoolTest, DropsATornLastFrame) {
  open();
  start("ses_a");
  const std::string before = *read_file(path());
  spool_->ended({.session = "ses_a", .grant = "grt_1"});
  owner_.run_until([&] { return spool_->durable_seq() == 2; });
  spool_.reset();
  const std::string after = *read_file(path());
  ASSERT_TRUE(after.starts_with(before));
  ASSERT_GT(after.size(), before.size());
  for (std::size_t size = before.size(); size < after.size();
       size += size + 5 < after.size() ? 5 : 1) {
    ASSERT_TRUE(write_file(path(), after.substr(0, size)));
    open();
    ASSERT_EQ(lines().size(), 2u) << size;
    EXPECT_NE(lines()[1].find("lost_door"), std::string::npos) << size;
    spool_.reset();
  }
}

TEST_F(SpoolTest, RefusesDamageBeforeTheEnd) {
  open();
  start("ses_a");
  spool_.reset();
  std::string bytes = *read_file(path());
  bytes[kSpoolHead.size() + 30] ^= 1;
  ASSERT_TRUE(write_file(path(), bytes));
  const auto opened = Spool::open(folder_, 1 << 20, clock_, owner_.post());
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Code::kCorrupt);
  EXPECT_NE(opened.error().where.find("spool:2"), std::string::npos) << opened.error().where;
}

TEST_F(SpoolTest, BelongsToOneDoor) {
  open();
  const auto second = Spool::open(folder_, 1 << 20, clock_, owner_.post());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::kConflict);
}

TEST_F(SpoolTest, StaysSmallWhileItIsAcknowledged) {
  open(20'000);
  for (int i = 1; i <= 400; ++i) {
    start("ses_" + std::to_string(i));
    spool_->ended({.session = "ses_" + std::to_string(i), .grant = "grt_1"});
    ASSERT_TRUE(spool_->acknowledge(2 * i));
  }
  owner_.run_until([&] { return spool_->durable_seq() == 800; });
  spool_.reset();
  EXPECT_LT(std::filesystem::file_size(path()), 80'000u);
  open();
  EXPECT_EQ(spool_->next_seq(), 801);
  EXPECT_TRUE(spool_->pending().empty());
}

// A file that cannot be written (here: replaced by a folder) refuses new sessions, loses nothing,
// and is written anew once that works.
TEST_F(SpoolTest, ComesBackWhenTheDiskDoes) {
  open(1);  // every record asks for a rewrite, which needs the path
  std::filesystem::remove(path());
  std::filesystem::create_directory(path());
  std::filesystem::create_directory(path() + "/full");
  bool first = false;
  bool second = false;
  spool_->started({.session = "ses_a", .grant = "g", .subject = "s"}, [&] { first = true; });
  owner_.run_until([&] { return !spool_->healthy(); });
  spool_->started({.session = "ses_b", .grant = "g", .subject = "s"}, [&] { second = true; });
  std::filesystem::remove_all(path());
  owner_.run_until([&] { return first && second && spool_->healthy(); });
  spool_.reset();
  open();
  EXPECT_EQ(lines().size(), 4u);  // two starts, two ends with lost_door
}

}  // namespace
}  // namespace writ::door::postgres
