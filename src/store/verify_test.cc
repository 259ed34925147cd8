// What verification detects, and how it names it: truncation, a rewritten entry, a log signed again
// after it was cut, an old backup.
#include "store/verify.h"

#include <gtest/gtest.h>

#include "base/random.h"
#include "store/faulty_file_system.h"
#include "store/record.h"
#include "store/segments.h"
#include "store/sqlite/journal.h"
#include "tlog/tile.h"

namespace writ::store {
namespace {

struct Key {
  crypto::PrivateKey key = *crypto::PrivateKey::generate(crypto::KeyKind::kEd25519);
  tlog::NoteSigner signer = *tlog::NoteSigner::over("example.org/log", key);
};

const std::string kSegment = "/log/segments/" + segment_name(0);

// A decision log of which each test makes its own, and what a client remembers of it.
class VerifyDecisionLog : public testing::Test {
 protected:
  Prepared entry(std::uint64_t i) {
    return *prepare("payload " + std::to_string(i), SeededRandom(i).bytes(tlog::kSaltSize));
  }
  std::unique_ptr<DecisionLog> open() {
    return *DecisionLog::open(files, {.folder = "/log", .origin = "example.org/log"});
  }
  // Appends up to `size` entries, one group each, and signs.
  std::string grow(std::uint64_t size) {
    const auto log = open();
    for (std::uint64_t i = log->size(); i < size; ++i) {
      const Prepared one = entry(i);
      EXPECT_TRUE(log->append(std::span(&one, 1)));
    }
    return *log->write_checkpoint(key.signer);
  }
  Verification verify(std::optional<std::string> remembered = {}) {
    auto done = verify_decision_log(files, "/log",
                                    {.origin = "example.org/log",
                                     .verifiers = {key.signer.verifier()},
                                     .remembered = std::move(remembered)});
    EXPECT_TRUE(done) << done.error().text();
    return std::move(*done);
  }
  static bool found(const Verification& verification, Doubt doubt) {
    for (const Unproven& u : verification.unproven) {
      if (u.doubt == doubt) return true;
    }
    return false;
  }

  Key key;
  FaultyFileSystem files;
};

TEST_F(VerifyDecisionLog, WholeLogIsProven) {
  const std::string first = grow(300);
  grow(700);
  const Verification done = verify(first);
  EXPECT_TRUE(done.unproven.empty()) << pretty(to_json(done));
  EXPECT_EQ(done.entries, 700u);
  EXPECT_EQ(done.proven, 700u);
  EXPECT_EQ(done.root, open()->head().root);
}

TEST_F(VerifyDecisionLog, EntriesAfterTheCheckpointAreNamedAsUnsigned) {
  grow(10);
  {
    const auto log = open();
    const Prepared one = entry(10);
    ASSERT_TRUE(log->append(std::span(&one, 1)));
  }
  const Verification done = verify();
  EXPECT_TRUE(done.sound());
  EXPECT_EQ(done.proven, 10u);
  ASSERT_EQ(done.unproven.size(), 1u);
  EXPECT_EQ(done.unproven[0].doubt, Doubt::kUnsigned);
  EXPECT_EQ(done.unproven[0].from, 10u);
  EXPECT_EQ(done.unproven[0].to, 11u);
}

TEST_F(VerifyDecisionLog, TruncationIsNamed) {
  grow(20);
  std::string bytes = *files.read_all(kSegment);
  // The last record goes.
  std::uint64_t cut = 0;
  {
    const auto file = *files.open(kSegment, OpenMode::kRead);
    RecordCursor cursor(*file, 0, 0);
    while (*cursor.next() == RecordCursor::Step::kRecord) cut = cursor.record_offset();
  }
  const std::size_t size = bytes.size();
  bytes.resize(cut);
  bytes.resize(size, '\0');
  ASSERT_TRUE(files.replace(kSegment, bytes));
  const Verification done = verify();
  EXPECT_FALSE(done.sound());
  EXPECT_TRUE(found(done, Doubt::kTruncated)) << pretty(to_json(done));
  EXPECT_EQ(done.entries, 19u);
  EXPECT_EQ(done.proven, 0u);
}

TEST_F(VerifyDecisionLog, RewrittenEntryIsNamedWithItsIndex) {
  grow(20);
  std::string forged;
  for (std::uint64_t i = 0; i < 20; ++i) {
    const Prepared one =
        i == 7 ? *prepare("forged", SeededRandom(7).bytes(tlog::kSaltSize)) : entry(i);
    append_stamped(forged, one.record, i, i);
  }
  forged.resize(files.read_all(kSegment)->size());
  ASSERT_TRUE(files.replace(kSegment, forged));
  const Verification done = verify();
  EXPECT_TRUE(found(done, Doubt::kRewritten)) << pretty(to_json(done));
  bool named = false;
  for (const Unproven& u : done.unproven) {
    named = named || (u.doubt == Doubt::kDamaged && u.from == 7 && u.to == 8);
  }
  EXPECT_TRUE(named) << pretty(to_json(done));
}

TEST_F(VerifyDecisionLog, ExchangedPayloadIsNamedWithItsIndex) {
  grow(5);
  // The record of entry 3 keeps its entry, but holds another payload.
  const std::string kept = *tlog::commit(SeededRandom(3).bytes(tlog::kSaltSize), "payload 3");
  std::string forged;
  for (std::uint64_t i = 0; i < 5; ++i) {
    const std::string record =
        i == 3 ? make_record(kept, SeededRandom(3).bytes(tlog::kSaltSize), "payload X")
               : entry(i).record;
    append_stamped(forged, record, i, i);
  }
  forged.resize(files.read_all(kSegment)->size());
  ASSERT_TRUE(files.replace(kSegment, forged));
  const Verification done = verify();
  ASSERT_EQ(done.unproven.size(), 1u) << pretty(to_json(done));
  EXPECT_EQ(done.unproven[0].doubt, Doubt::kDamaged);
  EXPECT_EQ(done.unproven[0].from, 3u);
}

TEST_F(VerifyDecisionLog, ShorterLogThatIsSignedAgainIsSeenByWhoRemembers) {
  const std::string remembered = grow(30);
  // The owner makes the log anew with fewer entries and signs that.
  FaultyFileSystem fresh;
  const auto log = *DecisionLog::open(fresh, {.folder = "/log", .origin = "example.org/log"});
  for (std::uint64_t i = 0; i < 20; ++i) {
    const Prepared one = entry(i);
    ASSERT_TRUE(log->append(std::span(&one, 1)));
  }
  ASSERT_TRUE(log->write_checkpoint(key.signer));
  const auto alone = verify_decision_log(fresh, "/log", {.verifiers = {key.signer.verifier()}});
  EXPECT_TRUE(alone->sound()) << "without memory it cannot be told";
  const auto done = verify_decision_log(
      fresh, "/log", {.verifiers = {key.signer.verifier()}, .remembered = remembered});
  EXPECT_TRUE(found(*done, Doubt::kTruncated)) << pretty(to_json(*done));
}

TEST_F(VerifyDecisionLog, LogThatForkedIsSeenByWhoRemembers) {
  const std::string remembered = grow(30);
  FaultyFileSystem fresh;
  const auto log = *DecisionLog::open(fresh, {.folder = "/log", .origin = "example.org/log"});
  for (std::uint64_t i = 0; i < 40; ++i) {
    const Prepared one = entry(i == 12 ? 1000 : i);
    ASSERT_TRUE(log->append(std::span(&one, 1)));
  }
  ASSERT_TRUE(log->write_checkpoint(key.signer));
  const auto done = verify_decision_log(
      fresh, "/log", {.verifiers = {key.signer.verifier()}, .remembered = remembered});
  EXPECT_TRUE(found(*done, Doubt::kRewritten)) << pretty(to_json(*done));
}

TEST_F(VerifyDecisionLog, ForeignSignatureIsNamed) {
  grow(3);
  const Key other;
  const auto done = verify_decision_log(files, "/log", {.verifiers = {other.signer.verifier()}});
  EXPECT_TRUE(found(*done, Doubt::kBadSignature));
  EXPECT_EQ(done->proven, 0u);
}

TEST_F(VerifyDecisionLog, ChangedTileIsNamed) {
  grow(600);
  std::string tile = *files.read_all("/log/tile/0/001");
  tile[40] ^= 1;
  ASSERT_TRUE(files.replace("/log/tile/0/001", tile));
  const Verification done = verify();
  ASSERT_EQ(done.unproven.size(), 1u) << pretty(to_json(done));
  EXPECT_EQ(done.unproven[0].from, 257u);
}

class VerifyJournal : public VerifyDecisionLog {
 protected:
  std::unique_ptr<Journal> journal(FileSystem& disk) {
    return *open_sqlite_journal(disk, {.path = "/data/journal.db"});
  }
  // Events "event 0" … up to `size`, with `changed` in place of one of them; signed.
  std::string fill(Journal& into, std::uint64_t size, std::optional<std::uint64_t> changed = {}) {
    for (std::uint64_t i = into.head().size; i < size; ++i) {
      EXPECT_TRUE(into.append({i == changed ? "forged" : "event " + std::to_string(i)}, i));
    }
    const std::string note =
        *tlog::sign_checkpoint({"example.org/log", into.head(), {}}, key.signer);
    EXPECT_TRUE(into.checkpoint_put(note));
    return note;
  }
  Verification verify(const Journal& of, std::optional<std::string> remembered = {}) {
    return *verify_journal(of, {.origin = "example.org/log",
                                .verifiers = {key.signer.verifier()},
                                .remembered = std::move(remembered)});
  }
};

TEST_F(VerifyJournal, WholeJournalIsProven) {
  const auto whole = journal(files);
  const std::string first = fill(*whole, 5);
  fill(*whole, 2500);
  const Verification done = verify(*whole, first);
  EXPECT_TRUE(done.unproven.empty()) << pretty(to_json(done));
  EXPECT_EQ(done.proven, 2500u);
  EXPECT_EQ(done.root, whole->head().root);
}

TEST_F(VerifyJournal, RestoredBackupAndRewrittenEventAreSeenByWhoRemembers) {
  const std::string remembered = fill(*journal(files), 30);
  FaultyFileSystem backup;
  const auto older = journal(backup);
  fill(*older, 20);
  EXPECT_TRUE(verify(*older).sound());
  EXPECT_TRUE(found(verify(*older, remembered), Doubt::kTruncated));
  FaultyFileSystem other;
  const auto rewritten = journal(other);
  fill(*rewritten, 40, 12);
  EXPECT_TRUE(verify(*rewritten).sound());
  EXPECT_TRUE(found(verify(*rewritten, remembered), Doubt::kRewritten));
}

TEST_F(VerifyJournal, JournalWithoutCheckpointProvesNothingAndSaysSo) {
  const auto unsigned_one = journal(files);
  ASSERT_TRUE(unsigned_one->append({"event"}, 0));
  const Verification done = verify(*unsigned_one);
  EXPECT_TRUE(done.sound());
  EXPECT_EQ(done.proven, 0u);
  EXPECT_TRUE(found(done, Doubt::kNoCheckpoint));
  EXPECT_TRUE(found(done, Doubt::kUnsigned));
}

}  // namespace
}  // namespace writ::store
