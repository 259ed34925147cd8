#include "control/answers.h"

#include <gtest/gtest.h>

#include "store/file_system.h"
#include "store/sqlite/journal.h"
#include "store/temporary_folder.h"

namespace writ::control {
namespace {

constexpr Time kStart = Time(Millis(1'800'000'000'000));

struct Answers : testing::Test {
  Answers() {
    store::SqliteJournalOptions options;
    options.path = folder.path() + "/journal.db";
    auto opened = store::open_sqlite_journal(files, options);
    EXPECT_TRUE(opened);
    journal = std::move(*opened);
  }
  void keep(const std::string& key, Time at, const std::string& digest = "d") {
    store::AppendBatch batch;
    batch.puts = kept_answer(key, {digest, at, Json::object({{"n", 1}})});
    ASSERT_TRUE(journal->append(batch, 0));
  }
  std::size_t prune(Time now, std::size_t beyond = 0) {
    const auto old = old_answers(*journal, now, beyond);
    EXPECT_TRUE(old);
    store::AppendBatch batch;
    batch.erases = old->rows;
    EXPECT_TRUE(journal->append(batch, 0));
    return old->answers;
  }
  store::RealFileSystem files;
  store::TemporaryFolder folder;
  std::unique_ptr<store::Journal> journal;
};

TEST_F(Answers, TheSameCommandAnswersTheSame) {
  keep("idn_a/1", kStart);
  const auto known = answer_of(*journal, "idn_a/1", kStart);
  ASSERT_TRUE(known && *known);
  EXPECT_EQ(canonical(*same_answer(**known, "d")), R"({"n":1})");
  EXPECT_FALSE(*answer_of(*journal, "idn_b/1", kStart));
}

TEST_F(Answers, AnotherCommandUnderTheSameIdIsRefused) {
  keep("idn_a/1", kStart);
  const auto refused = same_answer(**answer_of(*journal, "idn_a/1", kStart), "another");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kConflict);
  EXPECT_EQ(refused.error().where, "/command_id");
}

TEST_F(Answers, AreKeptForADayAndThenGone) {
  keep("idn_a/1", kStart);
  keep("idn_a/2", kStart + std::chrono::hours(1));
  const Time later = kStart + kAnswersKept;
  EXPECT_FALSE(*answer_of(*journal, "idn_a/1", later));
  EXPECT_EQ(prune(later - Millis(1)), 0u);
  EXPECT_EQ(prune(later), 1u);
  EXPECT_FALSE(*journal->get("command", "idn_a/1"));
  EXPECT_TRUE(*journal->get("command", "idn_a/2"));
  EXPECT_EQ(*count_answers(*journal), 1u);
}

TEST_F(Answers, TheOldestGoWhenThereAreTooMany) {
  for (int i = 0; i < 5; ++i) keep("idn_a/" + std::to_string(i), kStart + Millis(i));
  EXPECT_EQ(prune(kStart + Millis(9), 2), 2u);
  EXPECT_FALSE(*journal->get("command", "idn_a/1"));
  EXPECT_TRUE(*journal->get("command", "idn_a/2"));
}

TEST_F(Answers, AnIdThatIsUsedAgainKeepsItsNewAnswer) {
  keep("idn_a/1", kStart);
  keep("idn_a/1", kStart + kAnswersKept);
  EXPECT_EQ(prune(kStart + kAnswersKept), 1u);
  EXPECT_TRUE(*answer_of(*journal, "idn_a/1", kStart + kAnswersKept));
}

}  // namespace
}  // namespace writ::control
