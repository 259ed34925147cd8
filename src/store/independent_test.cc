// Go's own implementation of transparent logs and signed notes reads what Writ wrote: the decision
// log's folder, the journal's tiles, checkpoints and proof files (tests/independent/read_log.go).
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdio>

#include "base/file.h"
#include "base/random.h"
#include "store/decision_log.h"
#include "store/sqlite/journal.h"
#include "store/temporary_folder.h"
#include "tlog/tile.h"

namespace writ::store {
namespace {

constexpr const char* kPackage = "/usr/share/gocode/src/golang.org/x/mod/sumdb/tlog/tile.go";

struct Ran {
  int status = -1;
  std::string output;  // both streams
};

Ran run(const std::string& command) {
  Ran ran;
  FILE* pipe = ::popen((command + " 2>&1").c_str(), "r");
  if (pipe == nullptr) return ran;
  char buffer[4096];
  for (std::size_t n; (n = ::fread(buffer, 1, sizeof buffer, pipe)) > 0;)
    ran.output.append(buffer, n);
  const int status = ::pclose(pipe);
  ran.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return ran;
}

class IndependentReader : public testing::Test {
 protected:
  void SetUp() override {
    if (run("go version").status != 0) GTEST_SKIP() << "go is not installed";
    if (!std::filesystem::exists(kPackage)) {
      GTEST_SKIP() << "the package golang-golang-x-mod-dev is not installed";
    }
    reader = folder.path() + "/read_log";
    // Go needs a cache; without a home folder it gets one of its own.
    const std::string cache =
        std::getenv("HOME") == nullptr ? " GOCACHE=" + folder.path() + "/cache" : "";
    const Ran built =
        run("GO111MODULE=off GOFLAGS= GOPATH=/usr/share/gocode" + cache + " go build -o " + reader +
            " " + WRIT_SOURCE_DIR + "/tests/independent/read_log.go");
    ASSERT_EQ(built.status, 0) << built.output;
  }
  Ran read(const std::string& log, const std::string& more = {}) {
    return run(reader + " " + log + " '" + tlog::verifier_key_text(signer.verifier()) +
               "' example.org/log " + more);
  }
  static std::string expected(const Head& head) {
    return "size " + std::to_string(head.size) + " root " + to_base64(as_bytes(head.root)) + "\n";
  }

  TemporaryFolder folder;
  RealFileSystem files;
  std::string reader;
  crypto::PrivateKey key = *crypto::PrivateKey::generate(crypto::KeyKind::kEd25519);
  tlog::NoteSigner signer = *tlog::NoteSigner::over("example.org/log", key);
};

TEST_F(IndependentReader, AgreesOnDecisionLogJournalAndProofs) {
  const std::string path = folder.path() + "/log";
  const std::string old_checkpoint = folder.path() + "/old";
  const std::string proof = folder.path() + "/proof.txt";
  auto log = *DecisionLog::open(
      files, {.folder = path, .origin = "example.org/log", .segment_bytes = 1 << 20});
  std::uint64_t size = 0;
  for (const std::uint64_t more : {1u, 255u, 1u, 700u, 66'000u, 13u}) {
    std::vector<Prepared> group;
    for (std::uint64_t i = 0; i < more; ++i) {
      group.push_back(*prepare("{\"decision\":" + std::to_string(size + i) + "}",
                               SeededRandom(size + i).bytes(tlog::kSaltSize)));
    }
    ASSERT_TRUE(log->append(group));
    size += more;
    if (log->checkpoint()) {
      ASSERT_TRUE(write_file(old_checkpoint, *log->checkpoint()));
    }
    ASSERT_TRUE(log->write_checkpoint(signer));
    if (size == 1) continue;
    ASSERT_TRUE(write_file(proof, tlog::proof_text(*log->prove(size / 3))));
    const Ran ran = read(path, old_checkpoint + " " + proof);
    ASSERT_EQ(ran.output, expected(log->head()));
    ASSERT_EQ(ran.status, 0);
  }

  // It is no yes-man: one changed byte in a tile, a bundle or the proof, and it refuses.
  const std::string good = *read_file(proof);
  std::string bad = good;
  bad[40] = bad[40] == 'A' ? 'B' : 'A';
  ASSERT_TRUE(write_file(proof, bad));
  EXPECT_NE(read(path, old_checkpoint + " " + proof).status, 0);
  for (const char* name : {"/tile/0/001", "/tile/entries/001", "/tile/1/000"}) {
    std::string bytes = *read_file(path + name);
    bytes[100] ^= 1;
    ASSERT_TRUE(write_file(path + name, bytes));
    EXPECT_NE(read(path).status, 0) << name;
    bytes[100] ^= 1;
    ASSERT_TRUE(write_file(path + name, bytes));
  }
  EXPECT_EQ(read(path).status, 0);

  // The journal's tiles, as a server would serve them.
  const std::string tiles = folder.path() + "/journal";
  const auto journal = *open_sqlite_journal(files, {.path = folder.path() + "/journal.db"});
  std::vector<std::string> events;
  for (int i = 0; i < 1000; ++i) events.push_back("{\"event\":" + std::to_string(i) + "}");
  const Head head = *journal->append(events, 0);
  for (const auto& list : {tlog::new_tiles(0, head.size), tlog::new_bundles(0, head.size)}) {
    for (const tlog::Tile& tile : list) {
      const std::string name = tiles + "/" + tlog::tile_path(tile);
      ASSERT_TRUE(files.make_folder(parent_folder(name)));
      ASSERT_TRUE(write_file(name, *journal->tile(tile)));
    }
  }
  ASSERT_TRUE(write_file(tiles + "/checkpoint",
                         *tlog::sign_checkpoint({"example.org/log", head, {}}, signer)));
  EXPECT_EQ(read(tiles).output, expected(head));
}

}  // namespace
}  // namespace writ::store
