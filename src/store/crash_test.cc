// A process that appends is killed with SIGKILL at a random moment, many times over, on the real
// disk: what it had acknowledged is there.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/random.h"
#include "store/decision_log.h"
#include "store/sqlite/journal.h"
#include "store/temporary_folder.h"

namespace writ::store {
namespace {

std::unique_ptr<Journal> open_journal(FileSystem& files, const std::string& folder) {
  auto opened = open_sqlite_journal(
      files,
      {.path = folder + "/journal.db", .wal_idle_bytes = 8 << 10, .wal_ceiling_bytes = 64 << 10});
  return opened ? std::move(*opened) : nullptr;
}
std::unique_ptr<DecisionLog> open_log(FileSystem& files, const std::string& folder) {
  auto opened = DecisionLog::open(
      files, {.folder = folder + "/log", .origin = "example.org/log", .segment_bytes = 64 << 10});
  return opened ? std::move(*opened) : nullptr;
}

std::string text(std::uint64_t i) {
  return "entry " + std::to_string(i);
}

// Appends without end, and says after each append how much it has.
[[noreturn]] void append_for_ever(const std::string& folder, int out) {
  RealFileSystem files;
  const auto journal = open_journal(files, folder);
  const auto log = open_log(files, folder);
  if (!journal || !log) ::_exit(2);
  for (std::uint64_t round = 0;; ++round) {
    const std::uint64_t seq = journal->head().size;
    const std::uint64_t index = log->size();
    std::vector<Prepared> group;
    for (std::uint64_t i = index; i < index + 20; ++i) {
      group.push_back(*prepare(text(i), SeededRandom(i).bytes(tlog::kSaltSize)));
    }
    if (!journal->append({text(seq), text(seq + 1)}, seq) || !log->append(group)) ::_exit(3);
    const std::uint64_t sizes[] = {seq + 2, index + 20};
    if (::write(out, sizes, sizeof sizes) != sizeof sizes) ::_exit(4);
    if (round % 7 == 0 && (!journal->maintain() || !log->maintain())) ::_exit(5);
  }
}

TEST(Crash, KilledProcessLosesNothingThatItAcknowledged) {
  const TemporaryFolder folder;
  SeededRandom random(11);
  std::uint64_t seq = 0;
  std::uint64_t index = 0;
  for (int life = 0; life < 15; ++life) {
    int pipe_ends[2];
    ASSERT_EQ(::pipe(pipe_ends), 0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      ::close(pipe_ends[0]);
      append_for_ever(folder.path(), pipe_ends[1]);
    }
    ::close(pipe_ends[1]);
    // Kill it after a random number of answers, within what follows the last of them.
    std::uint64_t sizes[2];
    const std::uint64_t answers = 1 + random.below(40);
    for (std::uint64_t i = 0; i < answers; ++i) {
      ASSERT_EQ(::read(pipe_ends[0], sizes, sizeof sizes), ssize_t{sizeof sizes});
      seq = sizes[0], index = sizes[1];
    }
    ASSERT_EQ(::kill(child, SIGKILL), 0);
    while (::read(pipe_ends[0], sizes, sizeof sizes) == ssize_t{sizeof sizes}) {
      seq = sizes[0], index = sizes[1];
    }
    ::close(pipe_ends[0]);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the child ended by itself: " << WEXITSTATUS(status);

    RealFileSystem files;
    const auto journal = open_journal(files, folder.path());
    const auto log = open_log(files, folder.path());
    ASSERT_TRUE(journal && log);
    ASSERT_GE(journal->head().size, seq);
    ASSERT_GE(log->size(), index);
    tlog::Frontier journal_tree, log_tree;
    const auto events = *journal->read(0, 1'000'000);
    for (std::uint64_t i = 0; i < events.size(); ++i) {
      ASSERT_EQ(events[i], text(i));
      journal_tree.append(tlog::leaf_hash(events[i]));
    }
    EXPECT_EQ(journal->head(), journal_tree.head());
    const auto entries = *log->read(0, 1'000'000);
    for (std::uint64_t i = 0; i < entries.size(); ++i) {
      ASSERT_EQ(entries[i].payload, text(i));
      log_tree.append(tlog::leaf_hash(entries[i].entry));
    }
    EXPECT_EQ(log->head(), log_tree.head());
  }
  EXPECT_GT(seq, 30u);
}

}  // namespace
}  // namespace writ::store
