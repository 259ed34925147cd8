// Power losses, torn writes, EIO and ENOSPC, a thousand seeds each, under the journal and under the
// decision log: what was acknowledged is there after every crash, under the same root, and what was
// not acknowledged is there whole, in order, or not at all.
#include <gtest/gtest.h>

#include "base/log.h"
#include "base/random.h"
#include "base/sanitizer_for_test.h"
#include "store/decision_log.h"
#include "store/faulty_file_system.h"
#include "store/sqlite/journal.h"
#include "store/verify.h"

namespace writ::store {
namespace {

constexpr unsigned long long kSeeds = rounds(1'000U);
constexpr int kLives = 3;  // of the process, a crash after each
constexpr int kSteps = 12;

Faults random_faults(SeededRandom& random) {
  Faults faults;
  faults.power_loss = static_cast<unsigned>(random.below(3) * 20'000);
  if (random.below(3) == 0) faults.write_error = 10'000;
  if (random.below(3) == 0) faults.sync_error = 10'000;
  if (random.below(3) == 0) faults.no_space = 20'000;
  return faults;
}

Head head_of(const std::vector<std::string>& entries) {
  tlog::Frontier tree;
  for (const std::string& entry : entries) tree.append(tlog::leaf_hash(entry));
  return tree.head();
}

// What the caller knows: acknowledged entries, and those of appends that failed.
struct Known {
  std::vector<std::string> acknowledged;
  std::vector<std::string> unknown;

  // Holds what was found against it and takes it over. `whole`: batches are atomic.
  void compare(const std::vector<std::string>& found, bool whole) {
    ASSERT_GE(found.size(), acknowledged.size()) << "acknowledged entries are lost";
    std::vector<std::string> possible = acknowledged;
    possible.insert(possible.end(), unknown.begin(), unknown.end());
    ASSERT_LE(found.size(), possible.size()) << "entries came from nowhere";
    if (whole) {
      ASSERT_TRUE(found.size() == acknowledged.size() || found.size() == possible.size())
          << "half a batch";
    }
    for (std::size_t i = 0; i < found.size(); ++i)
      ASSERT_EQ(found[i], possible[i]) << "entry " << i;
    acknowledged = found;
    unknown.clear();
  }
};

// The process dies with the machine, or sometimes alone, when the kernel keeps what it had.
template <class Open>
void die(FaultyFileSystem& files, SeededRandom& random, Open& open) {
  const bool alone = random.below(4) == 0 && !files.lost_power();
  files.lose_power();
  open.reset();
  if (alone) {
    files.restart();
  } else {
    files.crash(random.next());
  }
}

void journal_survives(unsigned long long seed, std::uint64_t& faults) {
  SeededRandom random(seed);
  FaultyFileSystem files(seed);
  const SqliteJournalOptions options{
      .path = "/data/journal.db", .wal_idle_bytes = 16 << 10, .wal_ceiling_bytes = 64 << 10};
  Known known;
  std::uint64_t snapshot_seq = 0;  // of the last acknowledged one
  for (int life = 0; life <= kLives; ++life) {
    // The last opening is without faults.
    files.set_faults(life < kLives ? random_faults(random) : Faults{});
    auto opened = open_sqlite_journal(files, options);
    if (!opened) {
      ASSERT_NE(opened.error().code, Code::kCorrupt) << opened.error().text();
      ASSERT_LT(life, kLives) << opened.error().text();
      files.crash(random.next());
      continue;
    }
    auto journal = std::move(*opened);
    const auto found = journal->read(0, 1'000'000);
    ASSERT_TRUE(found) << found.error().text();
    known.compare(*found, true);
    if (testing::Test::HasFatalFailure()) return;
    ASSERT_EQ(journal->head(), head_of(*found));
    // A side value is there exactly when the event of its transaction is.
    const auto side = journal->list("side", {}, 1'000'000);
    ASSERT_TRUE(side);
    std::size_t with_side = 0;
    for (const std::string& event : *found) with_side += event.back() == '+';
    ASSERT_EQ(side->size(), with_side);
    // The last snapshot that was acknowledged, or one whose acknowledgement was lost.
    const auto snapshot = journal->snapshot_get();
    if (snapshot || life == kLives) {
      ASSERT_TRUE(snapshot) << snapshot.error().text();
      const std::uint64_t seq = *snapshot ? (*snapshot)->seq : 0;
      ASSERT_GE(seq, snapshot_seq);
      ASSERT_LE(seq, found->size());
      ASSERT_EQ(*snapshot ? (*snapshot)->bytes : "state 0", "state " + std::to_string(seq));
    }

    for (int step = 0; step < kSteps && known.unknown.empty(); ++step) {
      if (random.below(6) == 0) {
        (void)journal->maintain();
        continue;
      }
      const std::uint64_t size = known.acknowledged.size();
      if (random.below(6) == 0) {
        if (journal->snapshot_put(size, "state " + std::to_string(size))) snapshot_seq = size;
        continue;
      }
      AppendBatch batch;
      for (std::uint64_t i = 0; i <= random.below(4); ++i) {
        batch.events.push_back(std::to_string(size + i) + ":" +
                               std::string(random.below(2000), 'e') + "-");
      }
      if (random.below(2) == 0) {
        batch.events.back().back() = '+';
        batch.puts.push_back({"side", std::to_string(size), "value"});
      }
      const auto head = journal->append(batch, size);
      if (head) {
        known.acknowledged.insert(known.acknowledged.end(), batch.events.begin(),
                                  batch.events.end());
        ASSERT_EQ(*head, head_of(known.acknowledged));
      } else if (head.error().code != Code::kExhausted) {
        ASSERT_EQ(head.error().code, Code::kUnavailable) << head.error().text();
        known.unknown = batch.events;
      }
    }
    die(files, random, journal);
  }
  faults += files.faults_injected();
}

TEST(PowerLoss, JournalKeepsWhatItAcknowledged) {
  set_log_level(Level::kError);  // failing housekeeping is what this is about
  std::uint64_t faults = 0;
  for (unsigned long long seed = 1; seed <= kSeeds; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    journal_survives(seed, faults);
    if (HasFatalFailure()) return;
  }
  set_log_level(Level::kInfo);
  EXPECT_GT(faults, kSeeds) << "the faults hardly ever struck";
}

void decision_log_survives(unsigned long long seed, const tlog::NoteSigner& signer,
                           std::uint64_t& faults) {
  SeededRandom random(seed);
  FaultyFileSystem files(seed);
  const DecisionLogOptions options{.folder = "/log",
                                   .origin = "example.org/log",
                                   .verifiers = {signer.verifier()},
                                   .segment_bytes = 16 << 10};
  Known known;
  std::optional<std::string> remembered;
  for (int life = 0; life <= kLives; ++life) {
    files.set_faults(life < kLives ? random_faults(random) : Faults{});
    auto opened = DecisionLog::open(files, options);
    if (!opened) {
      ASSERT_NE(opened.error().code, Code::kCorrupt) << opened.error().text();
      ASSERT_LT(life, kLives) << opened.error().text();
      files.crash(random.next());
      continue;
    }
    auto log = std::move(*opened);
    const auto entries = log->read(0, 1'000'000);
    ASSERT_TRUE(entries) << entries.error().text();
    std::vector<std::string> found;
    std::vector<std::string> leaves;
    for (const DecisionEntry& entry : *entries) {
      found.push_back(entry.payload);
      leaves.push_back(entry.entry);
      ASSERT_TRUE(tlog::verify_commitment(entry.entry, entry.salt, entry.payload));
    }
    known.compare(found, false);
    if (testing::Test::HasFatalFailure()) return;
    ASSERT_EQ(log->head(), head_of(leaves));
    ASSERT_EQ(log->checkpoint().has_value() || !remembered, true) << "the checkpoint is lost";

    for (int step = 0; step < kSteps && known.unknown.empty(); ++step) {
      const auto what = random.below(8);
      if (what == 0) {
        (void)log->maintain();
        continue;
      }
      if (what == 1) {
        if (const auto note = log->write_checkpoint(signer)) remembered = *note;
        continue;
      }
      std::vector<Prepared> group;
      std::vector<std::string> payloads;
      const std::uint64_t size = known.acknowledged.size();
      const std::uint64_t count = 1 + random.below(random.below(4) == 0 ? 120 : 8);
      for (std::uint64_t i = 0; i < count; ++i) {
        payloads.push_back(std::to_string(size + i) + ":" + std::string(random.below(400), 'p'));
        group.push_back(*prepare(payloads.back(), random.bytes(tlog::kSaltSize)));
      }
      const auto first = what == 2 ? log->append_reserved(group) : log->append(group);
      if (first) {
        ASSERT_EQ(*first, size);
        known.acknowledged.insert(known.acknowledged.end(), payloads.begin(), payloads.end());
      } else if (first.error().code != Code::kExhausted) {
        ASSERT_EQ(first.error().code, Code::kUnavailable) << first.error().text();
        known.unknown = payloads;
      }
    }
    die(files, random, log);
  }
  const auto verified = verify_decision_log(
      files, "/log",
      {.origin = "example.org/log", .verifiers = {signer.verifier()}, .remembered = remembered});
  ASSERT_TRUE(verified) << verified.error().text();
  ASSERT_TRUE(verified->sound()) << pretty(to_json(*verified));
  faults += files.faults_injected();
}

TEST(PowerLoss, DecisionLogKeepsWhatItAcknowledged) {
  const auto key = *crypto::PrivateKey::generate(crypto::KeyKind::kEd25519);
  const auto signer = *tlog::NoteSigner::over("example.org/log", key);
  std::uint64_t faults = 0;
  for (unsigned long long seed = 1; seed <= kSeeds; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    decision_log_survives(seed, signer, faults);
    if (HasFatalFailure()) return;
  }
  EXPECT_GT(faults, kSeeds) << "the faults hardly ever struck";
}

}  // namespace
}  // namespace writ::store
