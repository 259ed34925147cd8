// The SQLite journal: the contract on real files, and what is its own.
#include "store/sqlite/journal.h"

#include <sqlite3.h>

#include <thread>

#include "store/faulty_file_system.h"
#include "store/held_file_system.h"
#include "store/journal_contract.h"
#include "store/temporary_folder.h"

namespace writ::store {
namespace {

class RealPlace final : public JournalPlace {
 public:
  Result<std::unique_ptr<Journal>> open() override {
    return open_sqlite_journal(files_, {.path = folder_.path() + "/journal.db"});
  }

 private:
  TemporaryFolder folder_;
  RealFileSystem files_;
};

class FaultyPlace final : public JournalPlace {
 public:
  Result<std::unique_ptr<Journal>> open() override {
    return open_sqlite_journal(files_, {.path = "/data/journal.db", .wal_ceiling_bytes = 1 << 16});
  }

 private:
  FaultyFileSystem files_;
};

std::unique_ptr<JournalPlace> real_place() {
  return std::make_unique<RealPlace>();
}
std::unique_ptr<JournalPlace> faulty_place() {
  return std::make_unique<FaultyPlace>();
}

INSTANTIATE_TEST_SUITE_P(SqliteOnDisk, JournalContract, testing::Values(real_place));
INSTANTIATE_TEST_SUITE_P(SqliteInMemory, JournalContract, testing::Values(faulty_place));

TEST(SqliteJournal, IsOpenedByOneOnly) {
  const TemporaryFolder folder;
  RealFileSystem files;
  const SqliteJournalOptions options{.path = folder.path() + "/journal.db"};
  auto first = open_sqlite_journal(files, options);
  ASSERT_TRUE(first) << first.error().text();
  const auto second = open_sqlite_journal(files, options);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::kConflict);
  first->reset();
  EXPECT_TRUE(open_sqlite_journal(files, options));
}

// Runs SQL on the closed database, past Writ.
void tamper(const std::string& path, const std::string& sql) {
  sqlite3* database = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &database), SQLITE_OK);
  EXPECT_EQ(sqlite3_exec(database, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK)
      << sqlite3_errmsg(database);
  sqlite3_close(database);
}

TEST(SqliteJournal, NewerFormatIsRefusedWithBothVersions) {
  const TemporaryFolder folder;
  RealFileSystem files;
  const SqliteJournalOptions options{.path = folder.path() + "/journal.db"};
  ASSERT_TRUE(open_sqlite_journal(files, options));
  tamper(options.path, "PRAGMA user_version=7");
  const auto opened = open_sqlite_journal(files, options);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Code::kConflict);
  EXPECT_NE(opened.error().message.find("format 7"), std::string::npos);
  EXPECT_NE(opened.error().message.find("newer version"), std::string::npos);
}

TEST(SqliteJournal, OtherDatabasesAndOtherFilesAreRefused) {
  const TemporaryFolder folder;
  RealFileSystem files;
  const SqliteJournalOptions options{.path = folder.path() + "/journal.db"};
  tamper(options.path, "CREATE TABLE other(x)");
  EXPECT_EQ(open_sqlite_journal(files, options).error().code, Code::kCorrupt);
  ASSERT_TRUE(files.replace(options.path, std::string(8192, 'x')));
  EXPECT_EQ(open_sqlite_journal(files, options).error().code, Code::kCorrupt);
}

TEST(SqliteJournal, TruncationAndRewritingBehindTheCheckpointAreSeenOnOpening) {
  const auto key = *crypto::PrivateKey::generate(crypto::KeyKind::kEd25519);
  const auto signer = *tlog::NoteSigner::over("example.org/journal", key);
  for (const auto& [sql, word] :
       {std::pair("DELETE FROM event WHERE seq = 9", "truncated"),
        std::pair("UPDATE event SET nodes = zeroblob(length(nodes)) WHERE seq = 9", "rewritten")}) {
    const TemporaryFolder folder;
    RealFileSystem files;
    const SqliteJournalOptions options{.path = folder.path() + "/journal.db"};
    {
      auto journal = open_sqlite_journal(files, options);
      ASSERT_TRUE(journal);
      ASSERT_TRUE((*journal)->append(std::vector<std::string>(10, "event"), 0));
      ASSERT_TRUE((*journal)->checkpoint_put(
          *tlog::sign_checkpoint({"example.org/journal", (*journal)->head(), {}}, signer)));
    }
    tamper(options.path, sql);
    const auto opened = open_sqlite_journal(files, options);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, Code::kCorrupt);
    EXPECT_NE(opened.error().message.find(word), std::string::npos) << opened.error().text();
  }
}

TEST(SqliteJournal, SnapshotsOfAnotherHistoryArePassedOver) {
  const TemporaryFolder folder;
  RealFileSystem files;
  const SqliteJournalOptions options{.path = folder.path() + "/journal.db"};
  const auto journal_of = [&](const std::string& event) {
    auto journal = *open_sqlite_journal(files, options);
    EXPECT_TRUE(journal->append(std::vector<std::string>(10, event), 0));
    return journal;
  };
  ASSERT_TRUE(journal_of("event")->snapshot_put(9, "state"));
  EXPECT_EQ((*(*open_sqlite_journal(files, options))->snapshot_get())->seq, 9u);
  ASSERT_TRUE(files.remove(options.path));
  auto journal = journal_of("another");
  EXPECT_FALSE(journal->snapshot_get()->has_value());
  // Nor are they in the way.
  ASSERT_TRUE(journal->snapshot_put(3, "another state"));
  EXPECT_EQ((*journal->snapshot_get())->bytes, "another state");
}

TEST(SqliteJournal, AppendsWhileASnapshotIsWritten) {
  HeldFileSystem files("/unfinished");
  auto journal = *open_sqlite_journal(files, {.path = "/data/journal.db"});
  ASSERT_TRUE(journal->append({"one"}, 0));
  files.hold();
  std::thread house([&] { EXPECT_TRUE(journal->snapshot_put(1, "state")); });
  files.wait_until_held();
  EXPECT_EQ(journal->append({"two"}, 1)->size, 2u);
  EXPECT_EQ(journal->read(0, 10)->size(), 2u);
  EXPECT_FALSE(journal->snapshot_get()->has_value());
  files.let_go();
  house.join();
  EXPECT_EQ((*journal->snapshot_get())->seq, 1u);
}

TEST(SqliteJournal, FormatOneKeepsItsEventsAndLosesItsSnapshots) {
  const TemporaryFolder folder;
  RealFileSystem files;
  const SqliteJournalOptions options{.path = folder.path() + "/journal.db"};
  ASSERT_TRUE((*open_sqlite_journal(files, options))->append({"event"}, 0));
  tamper(options.path,
         "CREATE TABLE snapshot(seq INTEGER PRIMARY KEY, sum BLOB NOT NULL, bytes BLOB NOT NULL);"
         "INSERT INTO snapshot VALUES (1, 'sum', 'state'); PRAGMA user_version=1");
  for (int times = 0; times < 2; ++times) {
    const auto journal = open_sqlite_journal(files, options);
    ASSERT_TRUE(journal) << journal.error().text();
    EXPECT_EQ(*(*journal)->read(0, 10), std::vector<std::string>{"event"});
    EXPECT_FALSE((*journal)->snapshot_get()->has_value());
  }
  tamper(options.path, "CREATE TABLE snapshot(x)");  // there is none any more
}

TEST(SqliteJournal, ErasedValuesLeaveTheFiles) {
  const TemporaryFolder folder;
  RealFileSystem files;
  const SqliteJournalOptions options{.path = folder.path() + "/journal.db"};
  auto journal = *open_sqlite_journal(files, options);
  const std::string secret = "sealed-key-of-somebody";
  std::string large;
  while (large.size() < 100'000) large += secret;
  ASSERT_TRUE(journal->put("subject_keys", "usr_1", large));
  ASSERT_TRUE(journal->maintain());
  const auto on_disk = [&] {
    std::string all;
    const std::vector<std::string> names = *files.list(folder.path());
    for (const std::string& name : names) {
      all += *files.read_all(folder.path() + "/" + name);
    }
    return all;
  };
  EXPECT_NE(on_disk().find(secret), std::string::npos);
  ASSERT_TRUE(journal->erase("subject_keys", "usr_1"));
  ASSERT_TRUE(journal->maintain());
  EXPECT_EQ(on_disk().find(secret), std::string::npos);
}

TEST(SqliteJournal, WriteAheadLogStaysBelowItsCeiling) {
  FaultyFileSystem files;
  const SqliteJournalOptions options{
      .path = "/data/journal.db", .wal_idle_bytes = 64 << 10, .wal_ceiling_bytes = 256 << 10};
  auto journal = *open_sqlite_journal(files, options);
  std::uint64_t seq = 0;
  for (int i = 0; i < 300; ++i) {
    seq = journal->append(std::vector<std::string>(10, std::string(500, 'e')), seq)->size;
    ASSERT_LE(files.read_all("/data/journal.db-wal")->size(), 512u << 10);
  }
  ASSERT_TRUE(journal->maintain());
  EXPECT_LE(files.read_all("/data/journal.db-wal")->size(), 64u << 10);
}

TEST(SqliteJournal, FullDiskRefusesAndRecovers) {
  FaultyFileSystem files;
  auto journal = *open_sqlite_journal(files, {.path = "/data/journal.db"});
  ASSERT_TRUE(journal->append({"before"}, 0));
  files.set_faults({.capacity = 0});
  EXPECT_EQ(journal->append({std::string(50'000, 'x')}, 1).error().code, Code::kExhausted);
  EXPECT_EQ(journal->head().size, 1u);
  EXPECT_EQ(*journal->read(0, 10), std::vector<std::string>{"before"});
  files.set_faults({});
  ASSERT_TRUE(journal->append({"after"}, 1));
  EXPECT_EQ(*journal->read(0, 10), (std::vector<std::string>{"before", "after"}));
}

TEST(SqliteJournal, AfterAFailedSyncNothingIsWrittenUntilOpenedAgain) {
  FaultyFileSystem files;
  auto journal = *open_sqlite_journal(files, {.path = "/data/journal.db"});
  ASSERT_TRUE(journal->append({"acknowledged"}, 0));
  files.set_faults({.sync_error = 1'000'000});
  EXPECT_EQ(journal->append({"unknown"}, 1).error().code, Code::kUnavailable);
  files.set_faults({});
  EXPECT_EQ(journal->append({"refused"}, 1).error().code, Code::kUnavailable);
  EXPECT_EQ(*journal->read(0, 1), std::vector<std::string>{"acknowledged"});
  journal.reset();
  journal = *open_sqlite_journal(files, {.path = "/data/journal.db"});
  const std::uint64_t size = journal->head().size;
  ASSERT_TRUE(size == 1 || size == 2);
  ASSERT_TRUE(journal->append({"again"}, size));
  // What opening showed is durable, whatever the failed sync lost.
  files.lose_power();
  journal.reset();
  files.crash(1);
  journal = *open_sqlite_journal(files, {.path = "/data/journal.db"});
  EXPECT_EQ(journal->head().size, size + 1);
}

}  // namespace
}  // namespace writ::store
