// The contract of a journal, as tests that every backend must pass. A backend's test includes this
// and instantiates it:
//
//   INSTANTIATE_TEST_SUITE_P(Sqlite, JournalContract, testing::Values(make_place));
//
// A place is somewhere a journal lives: opening it again, after the last one was destroyed, finds
// what was there.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <thread>

#include "store/journal.h"
#include "tlog/checkpoint.h"

namespace writ::store {

class JournalPlace {
 public:
  virtual ~JournalPlace() = default;
  virtual Result<std::unique_ptr<Journal>> open() = 0;
};
using MakeJournalPlace = std::unique_ptr<JournalPlace> (*)();

class JournalContract : public testing::TestWithParam<MakeJournalPlace> {
 protected:
  void SetUp() override {
    place = GetParam()();
    reopen();
  }
  void reopen() {
    journal.reset();
    auto opened = place->open();
    ASSERT_TRUE(opened) << opened.error().text();
    journal = std::move(*opened);
  }
  static std::vector<std::string> events(std::size_t count, std::size_t from = 0) {
    std::vector<std::string> list;
    for (std::size_t i = from; i < from + count; ++i) {
      list.push_back("{\"seq\":" + std::to_string(i) + "}");
    }
    return list;
  }

  std::unique_ptr<JournalPlace> place;
  std::unique_ptr<Journal> journal;
};

TEST_P(JournalContract, BeginsEmptyAndFirstEventHasSeqZero) {
  EXPECT_EQ(journal->head(), Head{});
  const auto head = journal->append({"first"}, 0);
  ASSERT_TRUE(head) << head.error().text();
  EXPECT_EQ(head->size, 1u);
  EXPECT_EQ(head->root, tlog::leaf_hash("first"));
  EXPECT_EQ(*journal->read(0, 10), std::vector<std::string>{"first"});
}

TEST_P(JournalContract, EventsComeBackInOrderAlsoAfterOpeningAgain) {
  ASSERT_TRUE(journal->append(events(3), 0));
  ASSERT_TRUE(journal->append(events(500, 3), 3));
  const Head head = journal->head();
  reopen();
  EXPECT_EQ(journal->head(), head);
  EXPECT_EQ(*journal->read(0, 1000), events(503));
  EXPECT_EQ(*journal->read(100, 3), events(3, 100));
  EXPECT_TRUE(journal->read(503, 1)->empty());
  EXPECT_EQ(journal->read(504, 1).error().code, Code::kInvalid);
}

TEST_P(JournalContract, AnyBytesAreKept) {
  std::string all;
  for (int i = 0; i < 256; ++i) all.push_back(static_cast<char>(i));
  const std::vector<std::string> list = {all, std::string(1, '\0'),
                                         std::string(kMostEventBytes, 'x')};
  ASSERT_TRUE(journal->append(list, 0));
  EXPECT_EQ(*journal->read(0, 10), list);
}

TEST_P(JournalContract, WrongExpectedSeqIsAConflictAndChangesNothing) {
  ASSERT_TRUE(journal->append(events(2), 0));
  const Head head = journal->head();
  for (const std::uint64_t seq : {0u, 1u, 3u}) {
    EXPECT_EQ(journal->append({"other"}, seq).error().code, Code::kConflict);
  }
  EXPECT_EQ(journal->head(), head);
  EXPECT_EQ(*journal->read(0, 10), events(2));
}

TEST_P(JournalContract, LimitsAreHeldAndNothingOfTheBatchCounts) {
  for (const std::string& event : {std::string(), std::string(kMostEventBytes + 1, 'x')}) {
    EXPECT_EQ(journal->append({"fine", event}, 0).error().code, Code::kInvalid);
  }
  EXPECT_EQ(journal->append(std::vector<std::string>(kMostBatchEvents + 1, "e"), 0).error().code,
            Code::kInvalid);
  AppendBatch batch{{"fine"}, {{"table", "", "value"}}, {}};
  EXPECT_EQ(journal->append(batch, 0).error().code, Code::kInvalid);
  batch.puts = {{"table", "key", std::string(kMostSideBytes + 1, 'x')}};
  EXPECT_EQ(journal->append(batch, 0).error().code, Code::kInvalid);
  EXPECT_EQ(journal->head().size, 0u);
}

TEST_P(JournalContract, RootAndProofsAreThoseOfTheTree) {
  tlog::Frontier tree;
  std::vector<Head> heads = {tree.head()};
  for (std::size_t size = 0; size < 300;) {
    const std::size_t count = 1 + size % 7;
    ASSERT_TRUE(journal->append(events(count, size), size));
    for (std::size_t i = 0; i < count; ++i) {
      tree.append(tlog::leaf_hash(events(1, size + i)[0]));
      heads.push_back(tree.head());
    }
    size += count;
    ASSERT_EQ(journal->head(), tree.head());
  }
  reopen();
  const Head head = journal->head();
  for (std::size_t size = 0; size < heads.size(); ++size) {
    ASSERT_EQ(*journal->root_at(size), heads[size].root);
    const auto consistency = journal->consistency_proof(size, head.size);
    ASSERT_TRUE(tlog::verify_consistency(heads[size], head, *consistency));
    if (size == head.size) break;
    const auto inclusion = journal->inclusion_proof(size, head.size);
    ASSERT_TRUE(
        tlog::verify_inclusion(tlog::leaf_hash(events(1, size)[0]), size, head, *inclusion));
  }
  EXPECT_EQ(journal->root_at(head.size + 1).error().code, Code::kInvalid);
  EXPECT_EQ(journal->inclusion_proof(0, head.size + 1).error().code, Code::kInvalid);
}

TEST_P(JournalContract, TilesAndBundlesAreThoseOfTheTree) {
  ASSERT_TRUE(journal->append(events(600), 0));
  const auto full = journal->tile({tlog::TileKind::kHashes, 0, 1, 256});
  ASSERT_TRUE(full);
  EXPECT_EQ(full->substr(0, 32), as_bytes(tlog::leaf_hash(events(1, 256)[0])));
  EXPECT_EQ(journal->tile({tlog::TileKind::kHashes, 1, 0, 2})->size(), 64u);
  const auto bundle = journal->tile({tlog::TileKind::kEntries, 0, 2, 88});
  ASSERT_TRUE(bundle);
  EXPECT_EQ(*tlog::parse_entry_bundle(*bundle, 88), events(88, 512));
  EXPECT_EQ(journal->tile({tlog::TileKind::kHashes, 0, 2, 89}).error().code, Code::kInvalid);
}

TEST_P(JournalContract, EventAndSideValueAreOneTransaction) {
  AppendBatch batch{{"user_enrolled"}, {{"subject_keys", "usr_1", "sealed"}}, {}};
  ASSERT_TRUE(journal->append(batch, 0));
  EXPECT_EQ(
      journal->append(AppendBatch{{"x"}, {{"subject_keys", "usr_2", "v"}}, {}}, 0).error().code,
      Code::kConflict);
  reopen();
  EXPECT_EQ(*journal->get("subject_keys", "usr_1"), "sealed");
  EXPECT_FALSE(journal->get("subject_keys", "usr_2")->has_value());
  ASSERT_TRUE(journal->append(AppendBatch{{"user_erased"}, {}, {{"subject_keys", "usr_1"}}}, 1));
  EXPECT_FALSE(journal->get("subject_keys", "usr_1")->has_value());
  EXPECT_EQ(journal->head().size, 2u);
}

TEST_P(JournalContract, SideTableIsKeyedByTableAndKey) {
  ASSERT_TRUE(journal->put("a", "1", "one"));
  ASSERT_TRUE(journal->put("a", "2", ""));
  ASSERT_TRUE(journal->put("b", "1", "other"));
  ASSERT_TRUE(journal->put("a", "1", "uno"));
  EXPECT_EQ(*journal->get("a", "1"), "uno");
  EXPECT_EQ(*journal->get("a", "2"), "");
  using Rows = std::vector<std::pair<std::string, std::string>>;
  EXPECT_EQ(*journal->list("a"), (Rows{{"1", "uno"}, {"2", ""}}));
  EXPECT_EQ(*journal->list("a", "1"), (Rows{{"2", ""}}));
  EXPECT_EQ(*journal->list("a", "", 1), (Rows{{"1", "uno"}}));
  ASSERT_TRUE(journal->erase("a", "1"));
  ASSERT_TRUE(journal->erase("a", "never there"));
  reopen();
  EXPECT_EQ(*journal->list("a"), (Rows{{"2", ""}}));
  EXPECT_EQ(*journal->get("b", "1"), "other");
  EXPECT_EQ(journal->head().size, 0u);
}

TEST_P(JournalContract, TheNewestOfTwoSnapshotsIsKept) {
  EXPECT_FALSE(journal->snapshot_get()->has_value());
  ASSERT_TRUE(journal->append(events(10), 0));
  EXPECT_EQ(journal->snapshot_put(11, "too far").error().code, Code::kInvalid);
  for (const std::uint64_t seq : {2u, 5u, 9u}) {
    ASSERT_TRUE(journal->snapshot_put(seq, "state " + std::to_string(seq)));
  }
  EXPECT_EQ(journal->snapshot_put(5, "older").error().code, Code::kInvalid);
  ASSERT_TRUE(journal->snapshot_put(9, std::string(3 << 20, 's')));
  reopen();
  const auto snapshot = journal->snapshot_get();
  ASSERT_TRUE(snapshot && *snapshot);
  EXPECT_EQ((*snapshot)->seq, 9u);
  EXPECT_EQ((*snapshot)->bytes, std::string(3 << 20, 's'));
}

TEST_P(JournalContract, OnlyCheckpointsOfThisJournalAreKept) {
  const auto key = *crypto::PrivateKey::generate(crypto::KeyKind::kEd25519);
  const auto signer = *tlog::NoteSigner::over("example.org/journal", key);
  const auto note = [&](const Head& head) {
    return *tlog::sign_checkpoint({"example.org/journal", head, {}}, signer);
  };
  EXPECT_FALSE(journal->checkpoint_get()->has_value());
  ASSERT_TRUE(journal->append(events(5), 0));
  const Head five = journal->head();
  ASSERT_TRUE(journal->append(events(5, 5), 5));
  ASSERT_TRUE(journal->checkpoint_put(note(five)));
  ASSERT_TRUE(journal->checkpoint_put(note(journal->head())));
  EXPECT_EQ(journal->checkpoint_put(note(five)).error().code, Code::kConflict);
  Head wrong = journal->head();
  wrong.root[0] ^= 1;
  EXPECT_EQ(journal->checkpoint_put(note(wrong)).error().code, Code::kConflict);
  wrong = journal->head();
  ++wrong.size;
  EXPECT_EQ(journal->checkpoint_put(note(wrong)).error().code, Code::kConflict);
  EXPECT_EQ(journal->checkpoint_put("no note").error().code, Code::kInvalid);
  reopen();
  EXPECT_EQ(*journal->checkpoint_get(), note(journal->head()));
}

TEST_P(JournalContract, SubscribersHearOfEveryAppendUntilTheyLeave) {
  std::vector<std::uint64_t> heard;
  auto subscription = journal->subscribe([&](const Head& head) {
    heard.push_back(head.size);
    // What was announced can be read at once.
    EXPECT_EQ(journal->head(), head);
    EXPECT_TRUE(journal->read(head.size - 1, 1));
  });
  ASSERT_TRUE(journal->append(events(2), 0));
  ASSERT_TRUE(journal->append(events(1, 2), 2));
  EXPECT_FALSE(journal->append(events(1), 0));
  subscription.reset();
  ASSERT_TRUE(journal->append(events(1, 3), 3));
  EXPECT_EQ(heard, (std::vector<std::uint64_t>{2, 3}));
}

TEST_P(JournalContract, ReadersMayRunBesideTheWriter) {
  constexpr std::size_t kEvents = 400;
  std::atomic<bool> done = false;
  std::atomic<int> wrong = 0;
  std::thread reader([&] {
    while (!done) {
      const Head head = journal->head();
      const auto read = journal->read(0, head.size);
      if (!read || read->size() != head.size) ++wrong;
      if (head.size == 0) continue;
      const auto proof = journal->inclusion_proof(head.size - 1, head.size);
      const Hash leaf = tlog::leaf_hash(read->back());
      if (!proof || !tlog::verify_inclusion(leaf, head.size - 1, head, *proof)) ++wrong;
    }
  });
  for (std::size_t i = 0; i < kEvents; i += 4) EXPECT_TRUE(journal->append(events(4, i), i));
  done = true;
  reader.join();
  EXPECT_EQ(wrong, 0);
}

TEST_P(JournalContract, MaintenanceChangesNothingThatIsRead) {
  ASSERT_TRUE(journal->append(AppendBatch{events(50), {{"t", "k", "v"}}, {}}, 0));
  const Head head = journal->head();
  ASSERT_TRUE(journal->maintain());
  ASSERT_TRUE(journal->maintain());
  EXPECT_EQ(journal->head(), head);
  EXPECT_EQ(*journal->read(0, 100), events(50));
  ASSERT_TRUE(journal->append(events(1, 50), 50));
  reopen();
  EXPECT_EQ(journal->head().size, 51u);
  EXPECT_EQ(*journal->get("t", "k"), "v");
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(JournalContract);

}  // namespace writ::store
