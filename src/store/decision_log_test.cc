// The decision log: appending, reading, recovery, tiles, the reserve.
#include "store/decision_log.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "base/random.h"
#include "store/faulty_file_system.h"
#include "store/record.h"
#include "store/segments.h"
#include "store/temporary_folder.h"
#include "tlog/tile.h"

namespace writ::store {
namespace {

struct Key {
  crypto::PrivateKey key = *crypto::PrivateKey::generate(crypto::KeyKind::kEd25519);
  tlog::NoteSigner signer = *tlog::NoteSigner::over("example.org/decisions", key);
};

DecisionLogOptions options(std::uint64_t segment_bytes = 8192) {
  return {.folder = "/log",
          .origin = "example.org/decisions",
          .verifiers = {},
          .segment_bytes = segment_bytes};
}

std::string payload(std::uint64_t i) {
  return "{\"decision\":" + std::to_string(i) + "}";
}
std::string salt(std::uint64_t i) {
  return SeededRandom(i).bytes(tlog::kSaltSize);
}

std::vector<Prepared> group(std::uint64_t from, std::size_t count) {
  std::vector<Prepared> list;
  for (std::uint64_t i = from; i < from + count; ++i) list.push_back(*prepare(payload(i), salt(i)));
  return list;
}

Hash expected_root(std::uint64_t size) {
  tlog::Frontier tree;
  for (std::uint64_t i = 0; i < size; ++i) {
    tree.append(tlog::leaf_hash(*tlog::commit(salt(i), payload(i))));
  }
  return tree.root();
}

TEST(Crc32c, HasThePublishedValues) {
  EXPECT_EQ(crc32c("123456789"), 0xe3069283u);
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8a9136aau);
  EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62a8ab43u);
}

TEST(Crc32c, IsTheRemainderOfThePolynomialAtEveryLength) {
  const std::string bytes = SeededRandom(7).bytes(100);
  std::uint32_t rest = 0xffffffffu;
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    ASSERT_EQ(crc32c(std::string_view(bytes).substr(0, size)), ~rest) << size;
    rest ^= static_cast<unsigned char>(bytes[size]);
    for (int bit = 0; bit < 8; ++bit) rest = (rest >> 1) ^ ((rest & 1) != 0 ? 0x82f63b78u : 0u);
  }
}

TEST(DecisionLog, EntriesComeBackAlsoAfterOpeningAgain) {
  FaultyFileSystem files;
  {
    auto log = *DecisionLog::open(files, options());
    EXPECT_EQ(log->head(), Head{});
    EXPECT_EQ(*log->append(group(0, 3)), 0u);
    EXPECT_EQ(*log->append(group(3, 400)), 3u);
    EXPECT_EQ(*log->append({}), 403u);
  }
  auto log = *DecisionLog::open(files, options());
  EXPECT_EQ(log->size(), 403u);
  EXPECT_EQ(log->head().root, expected_root(403));
  const auto all = *log->read(0, 1000);
  ASSERT_EQ(all.size(), 403u);
  for (std::uint64_t i = 0; i < all.size(); ++i) {
    ASSERT_EQ(all[i].index, i);
    ASSERT_EQ(all[i].payload, payload(i));
    ASSERT_TRUE(tlog::verify_commitment(all[i].entry, salt(i), payload(i)));
  }
  EXPECT_EQ(log->read(77)->payload, payload(77));
  EXPECT_EQ(log->read(403).error().code, Code::kNotFound);
  EXPECT_EQ(*log->append(group(403, 1)), 403u);
}

TEST(DecisionLog, GroupsLargerThanASegmentAreSplit) {
  FaultyFileSystem files;
  auto log = *DecisionLog::open(files, options(4096));
  ASSERT_TRUE(log->append(group(0, 300)));
  EXPECT_GT(list_segments(files, "/log/segments")->size(), 5u);
  EXPECT_EQ(log->head().root, expected_root(300));
  log.reset();
  log = *DecisionLog::open(files, options(4096));
  EXPECT_EQ(log->head().root, expected_root(300));
  EXPECT_EQ(log->read(0, 300)->size(), 300u);
}

TEST(DecisionLog, LimitsAreHeld) {
  FaultyFileSystem files;
  auto log = *DecisionLog::open(files, options());
  EXPECT_EQ(prepare("payload", "short salt").error().code, Code::kInvalid);
  EXPECT_EQ(prepare(std::string(kMostDecisionPayload + 1, 'x'), salt(0)).error().code,
            Code::kInvalid);
  std::vector<Prepared> large;
  large.push_back(*prepare(std::string(9000, 'x'), salt(0)));
  EXPECT_EQ(log->append(large).error().code, Code::kInvalid);
  EXPECT_EQ(log->size(), 0u);
}

TEST(DecisionLog, IsOpenedByOneOnlyAndNotFromANewerVersion) {
  FaultyFileSystem files;
  auto log = DecisionLog::open(files, options());
  EXPECT_EQ(DecisionLog::open(files, options()).error().code, Code::kConflict);
  log->reset();
  ASSERT_TRUE(files.replace("/log/format", "writ decision log 2\n"));
  const auto opened = DecisionLog::open(files, options());
  EXPECT_EQ(opened.error().code, Code::kConflict);
  EXPECT_NE(opened.error().message.find("newer version"), std::string::npos);
}

TEST(DecisionLog, ProofsHoldAtEverySizeBeforeAndAfterTiling) {
  FaultyFileSystem files;
  auto log = *DecisionLog::open(files, options(1 << 16));
  std::vector<Head> heads = {log->head()};
  for (std::uint64_t i = 0; i < 1200; ++i) {
    ASSERT_TRUE(log->append(group(i, 1)));
    heads.push_back(log->head());
    if (i % 331 == 0) {
      ASSERT_TRUE(log->maintain());
    }
  }
  SeededRandom random(5);
  const auto check = [&] {
    for (int round = 0; round < 200; ++round) {
      const std::uint64_t n = 1 + random.below(1200);
      const std::uint64_t m = random.below(n);
      ASSERT_EQ(*log->root_at(n), heads[n].root);
      const Hash leaf = tlog::leaf_hash(*tlog::commit(salt(m), payload(m)));
      ASSERT_TRUE(tlog::verify_inclusion(leaf, m, heads[n], *log->inclusion_proof(m, n)));
      ASSERT_TRUE(tlog::verify_consistency(heads[m], heads[n], *log->consistency_proof(m, n)));
    }
  };
  check();
  ASSERT_TRUE(log->maintain());
  check();
  log.reset();
  log = *DecisionLog::open(files, options(1 << 16));
  check();
  EXPECT_EQ(log->root_at(1201).error().code, Code::kInvalid);
}

TEST(DecisionLog, CheckpointsCoverTilesThatAreThere) {
  const Key key;
  FaultyFileSystem files;
  DecisionLogOptions with_key = options(1 << 16);
  with_key.verifiers = {key.signer.verifier()};
  auto log = *DecisionLog::open(files, with_key);
  std::uint64_t size = 0;
  for (const std::size_t count : {5u, 250u, 1u, 300u}) {
    ASSERT_TRUE(log->append(group(size, count)));
    size += count;
    const auto note = log->write_checkpoint(key.signer);
    ASSERT_TRUE(note) << note.error().text();
    EXPECT_EQ(*files.read_all("/log/checkpoint"), *note);
    const auto opened =
        tlog::open_checkpoint(*note, key.signer.verifier(), "example.org/decisions");
    EXPECT_EQ(opened->head, log->head());
    for (const tlog::Tile& tile : tlog::new_tiles(0, size)) {
      EXPECT_EQ(files.read_all("/log/" + tlog::tile_path(tile))->size(), tile.width * 32u);
    }
    EXPECT_EQ(*log->write_checkpoint(key.signer), *note) << "an unchanged log is not signed again";
  }
  EXPECT_FALSE(files.exists("/log/tile/0/000.p/5")) << "a full tile replaces its partial ones";
  const auto text = tlog::proof_text(*log->prove(300));
  const auto checked = tlog::check_proof(text, key.signer.verifier(), "example.org/decisions");
  ASSERT_TRUE(checked) << checked.error().text();
  EXPECT_EQ(checked->proof.opening->payload, payload(300));
  ASSERT_TRUE(log->append(group(size, 1)));
  EXPECT_EQ(log->prove(size).error().code, Code::kConflict);
  log.reset();
  log = *DecisionLog::open(files, with_key);
  EXPECT_TRUE(log->checkpoint().has_value());
}

// The bytes of the only segment, changed by `change`.
template <class Change>
void tamper(FileSystem& files, const std::string& name, Change&& change) {
  std::string bytes = *files.read_all(name);
  change(bytes);
  ASSERT_TRUE(files.replace(name, bytes));
}

const std::string kFirstSegment = "/log/segments/" + segment_name(0);

TEST(DecisionLog, TornTailIsCutOffAndOverwritten) {
  FaultyFileSystem files;
  std::size_t end = 0;
  {
    auto log = *DecisionLog::open(files, options());
    ASSERT_TRUE(log->append(group(0, 10)));
    end = files.read_all(kFirstSegment)->find_last_not_of('\0') + 1;
    ASSERT_TRUE(log->append(group(10, 3)));
  }
  // The first record of the last group is torn; the other two arrived.
  tamper(files, kFirstSegment, [&](std::string& bytes) { bytes[end + 30] ^= 1; });
  auto log = *DecisionLog::open(files, options());
  EXPECT_EQ(log->size(), 10u);
  EXPECT_EQ(files.read_all(kFirstSegment)->find_last_not_of('\0') + 1, end);
  ASSERT_TRUE(log->append(group(10, 1)));
  log.reset();
  log = *DecisionLog::open(files, options());
  EXPECT_EQ(log->head().root, expected_root(11));
}

TEST(DecisionLog, DamageBeforeTheTailIsNoTornTail) {
  FaultyFileSystem files;
  {
    auto log = *DecisionLog::open(files, options());
    for (std::uint64_t i = 0; i < 10; ++i) ASSERT_TRUE(log->append(group(i, 1)));
  }
  tamper(files, kFirstSegment, [](std::string& bytes) { bytes[400] ^= 1; });
  const auto opened = DecisionLog::open(files, options());
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Code::kCorrupt);
}

TEST(DecisionLog, TruncationAndRewritingBehindTheCheckpointAreSeenOnOpening) {
  const Key key;
  for (const bool rewrite : {false, true}) {
    FaultyFileSystem files;
    {
      auto log = *DecisionLog::open(files, options());
      ASSERT_TRUE(log->append(group(0, 20)));
      ASSERT_TRUE(log->write_checkpoint(key.signer));
    }
    std::string forged;
    for (std::uint64_t i = 0; i < (rewrite ? 20u : 19u); ++i) {
      const Prepared entry = *prepare(i == 7 && rewrite ? "forged" : payload(i), salt(i));
      append_stamped(forged, entry.record, i, 0);
    }
    tamper(files, kFirstSegment, [&](std::string& bytes) {
      forged.resize(bytes.size());
      bytes = forged;
    });
    const auto opened = DecisionLog::open(files, options());
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, Code::kCorrupt);
    EXPECT_NE(opened.error().message.find(rewrite ? "rewritten" : "truncated"), std::string::npos)
        << opened.error().text();
  }
}

TEST(DecisionLog, CheckpointOfAnotherKeyIsNotBelieved) {
  const Key key, other;
  FaultyFileSystem files;
  {
    auto log = *DecisionLog::open(files, options());
    ASSERT_TRUE(log->append(group(0, 2)));
    ASSERT_TRUE(log->write_checkpoint(other.signer));
  }
  DecisionLogOptions with_key = options();
  with_key.verifiers = {key.signer.verifier()};
  EXPECT_EQ(DecisionLog::open(files, with_key).error().code, Code::kCorrupt);
}

TEST(DecisionLog, FullDiskStopsOrdinaryEntriesButNotReservedOnes) {
  FaultyFileSystem files;
  auto log = *DecisionLog::open(files, options(4096));
  ASSERT_TRUE(log->maintain());
  files.set_faults({.capacity = 0});
  // The active segment and the spare are there; then ordinary entries end.
  std::uint64_t size = 0;
  for (;; ++size) {
    const auto done = log->append(group(size, 1));
    if (done) continue;
    ASSERT_EQ(done.error().code, Code::kExhausted);
    break;
  }
  EXPECT_GT(size, 30u);
  EXPECT_EQ(log->size(), size);
  // The reserve carries on.
  for (int i = 0; i < 20; ++i, ++size) ASSERT_TRUE(log->append_reserved(group(size, 1)));
  EXPECT_EQ(log->append(group(size, 1)).error().code, Code::kExhausted);
  // A log on a full disk opens, and still takes what must be recorded.
  log.reset();
  auto opened = DecisionLog::open(files, options(4096));
  ASSERT_TRUE(opened) << opened.error().text();
  log = std::move(*opened);
  ASSERT_TRUE(log->append_reserved(group(size++, 1)));
  EXPECT_EQ(log->append(group(size, 1)).error().code, Code::kExhausted);
  // With space again everything goes on.
  files.set_faults({});
  ASSERT_TRUE(log->maintain());
  ASSERT_TRUE(log->append(group(size++, 1)));
  EXPECT_EQ(log->head().root, expected_root(size));
}

TEST(DecisionLog, AfterAFailedSyncNothingIsWrittenUntilOpenedAgain) {
  FaultyFileSystem files;
  auto log = *DecisionLog::open(files, options());
  ASSERT_TRUE(log->append(group(0, 5)));
  files.set_faults({.sync_error = 1'000'000});
  EXPECT_EQ(log->append(group(5, 2)).error().code, Code::kUnavailable);
  files.set_faults({});
  EXPECT_EQ(log->append(group(5, 2)).error().code, Code::kUnavailable);
  EXPECT_EQ(log->size(), 5u);
  log.reset();
  log = *DecisionLog::open(files, options());
  const std::uint64_t size = log->size();
  // What opening showed is durable, whatever the failed sync lost.
  files.lose_power();
  log.reset();
  files.crash(3);
  log = *DecisionLog::open(files, options());
  EXPECT_EQ(log->size(), size);
  EXPECT_EQ(log->head().root, expected_root(size));
}

TEST(DecisionLog, ReadersAndMaintenanceRunBesideTheWriter) {
  const Key key;
  const TemporaryFolder folder;
  RealFileSystem files;
  DecisionLogOptions real = options(1 << 17);
  real.folder = folder.path() + "/log";
  auto log = *DecisionLog::open(files, real);
  constexpr std::uint64_t kEntries = 6000;
  std::atomic<bool> done = false;
  std::atomic<int> wrong = 0;
  std::thread reader([&] {
    SeededRandom random(1);
    while (!done) {
      const Head head = log->head();
      if (head.size == 0) continue;
      const std::uint64_t index = random.below(head.size);
      const auto entry = log->read(index);
      const auto proof = log->inclusion_proof(index, head.size);
      if (!entry || entry->payload != payload(index) || !proof ||
          !tlog::verify_inclusion(tlog::leaf_hash(entry->entry), index, head, *proof)) {
        ++wrong;
      }
    }
  });
  std::thread keeper([&] {
    while (!done) {
      if (!log->maintain() || !log->write_checkpoint(key.signer)) ++wrong;
    }
  });
  for (std::uint64_t i = 0; i < kEntries; i += 50) {
    if (!log->append(group(i, 50))) ++wrong;
  }
  done = true;
  reader.join();
  keeper.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(log->head().root, expected_root(kEntries));
}

}  // namespace
}  // namespace writ::store
