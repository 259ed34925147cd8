// `writ evidence verify`, `prove` and `check` against servers that are honest, and that are not.
#include <gtest/gtest.h>

#include <map>

#include "base/file.h"
#include "cmd/audit.h"
#include "cmd/client.h"
#include "cmd/fake_server_for_test.h"
#include "tlog/commitment.h"
#include "tlog/proof.h"

namespace writ::cmd {
namespace {

// One log as a server keeps it: entries, and the key that signs over them.
struct FakeLog final : tlog::NodeReader {
  explicit FakeLog(std::string name)
      : origin("test/" + name), key(*crypto::PrivateKey::generate(crypto::KeyKind::kEd25519)) {}

  tlog::NoteSigner signer() const { return *tlog::NoteSigner::over(origin, key); }
  std::string key_text() const { return tlog::verifier_key_text(signer().verifier()); }

  tlog::Head head() const {
    tlog::Frontier frontier;
    for (const std::string& entry : entries) frontier.append(tlog::leaf_hash(entry));
    return frontier.head();
  }
  std::string checkpoint() const { return *tlog::sign_checkpoint({origin, head(), {}}, signer()); }
  Result<std::vector<Hash>> nodes(std::span<const tlog::NodeId> ids) const override {
    tlog::Frontier frontier;
    std::map<std::pair<unsigned, std::uint64_t>, Hash> all;
    for (const std::string& entry : entries) {
      const std::uint64_t leaf = frontier.size();
      frontier.append(tlog::leaf_hash(entry));
      unsigned level = 0;
      for (const Hash& hash : frontier.completed()) {
        all[{level, leaf >> level}] = hash;
        ++level;
      }
    }
    std::vector<Hash> out;
    for (const tlog::NodeId& id : ids) out.push_back(all.at({id.level, id.index}));
    return out;
  }
  net::Response bundle(std::string_view path) const {
    const auto tile = tlog::parse_tile_path(path);
    if (!tile) return net::error_response({Code::kInvalid, "no tile", ""});
    const std::size_t from = tile->index * 256;
    if (from + tile->width > entries.size()) {
      return net::error_response({Code::kNotFound, "no such bundle", ""});
    }
    const std::vector<std::string> part(
        entries.begin() + static_cast<std::ptrdiff_t>(from),
        entries.begin() + static_cast<std::ptrdiff_t>(from + tile->width));
    return text(*tlog::entry_bundle(part));
  }
  static net::Response text(std::string body) {
    net::Response response;
    response.body = std::move(body);
    response.content_type = "text/plain";
    return response;
  }

  std::string origin;
  crypto::PrivateKey key;
  std::vector<std::string> entries;
};

struct Evidence : testing::Test {
  Evidence() : server(clock), desk(clock), journal("journal"), decisions("decisions") {
    server.enrolled(desk.context.home);
    core::Genesis genesis;
    genesis.trust_domain = "test";
    genesis.journal_key = journal.key_text();
    add(genesis);
    for (int i = 0; i < 300; ++i) add(core::GroupAdded{{"g" + std::to_string(i), "tests", false}});
    for (int i = 0; i < 40; ++i) decide(i);
    anchor();
    for (const auto& [name, log] :
         {std::pair<std::string, FakeLog*>{"journal", &journal}, {"decisions", &decisions}}) {
      const std::string root = "/v1/evidence/" + name + "/";
      FakeLog* served = log;
      server.on("GET " + root + "checkpoint",
                [served](const Call&) { return FakeLog::text(served->checkpoint()); });
      server.on("GET " + root + "key",
                [served](const Call&) { return FakeLog::text(served->key_text() + "\n"); });
      server.on("GET " + root + "tile", [served, root](const Call& call) {
        return served->bundle(call.target.substr(root.size()));
      });
      server.on("GET " + root + "proof", [this, served, root](const Call& call) {
        return FakeLog::text(proof(*served, std::stoul(call.target.substr(root.size() + 6))));
      });
    }
    server.on("GET /v1/evidence/decisions/payload", [this](const Call& call) {
      const std::size_t i = std::stoul(call.target.substr(call.target.rfind('/') + 1));
      return net::json_response(
          Json::object({{"salt", to_base64(salts.at(i))}, {"payload", payloads.at(i)}}));
    });
  }

  void add(core::EventData data) {
    core::Event event;
    event.seq = journal.entries.size();
    event.time = clock.now() + Millis(static_cast<std::int64_t>(event.seq));
    event.trust_domain = "test";
    event.actors = {"server"};
    event.data = std::move(data);
    journal.entries.push_back(core::encode(event));
  }
  void decide(int number) {
    salts.push_back(std::string(16, static_cast<char>('a' + number % 26)));
    payloads.push_back("{\"decision\":" + std::to_string(number) + "}");
    decisions.entries.push_back(*tlog::commit(salts.back(), payloads.back()));
  }
  void anchor() {
    const tlog::Head head = decisions.head();
    add(core::DecisionsAnchored{"decisions", static_cast<std::int64_t>(head.size), head.root});
  }
  std::string proof(const FakeLog& log, std::size_t index) {
    tlog::EntryProof out;
    out.entry = log.entries.at(index);
    if (&log == &decisions) out.opening = tlog::Opening{salts[index], payloads[index]};
    out.index = index;
    out.inclusion = *tlog::inclusion_proof(index, log.entries.size(), log);
    out.checkpoint = log.checkpoint();
    return tlog::proof_text(out);
  }

  int verify() { return desk.run({"evidence", "verify"}); }
  bool says(std::string_view text) const {
    return desk.terminal.output.find(text) != std::string::npos;
  }
  std::string remembered(const std::string& log) {
    return read_file(desk.context.home + "/checkpoints/" + log).value_or("");
  }

  net::MovableClock clock;
  FakeServer server;
  Desk desk;
  FakeLog journal;
  FakeLog decisions;
  std::vector<std::string> salts;
  std::vector<std::string> payloads;
};

TEST_F(Evidence, AnHonestLogIsSoundAndRemembered) {
  ASSERT_EQ(verify(), 0) << desk.terminal.notes << desk.terminal.output;
  EXPECT_TRUE(says("302 entries"));
  EXPECT_TRUE(says("40 entries"));
  EXPECT_TRUE(says("remembers no earlier checkpoint"));
  EXPECT_TRUE(says("no witness"));
  EXPECT_EQ(remembered("journal"), journal.checkpoint());
  decide(40);
  anchor();
  add(core::GroupAdded{{"later", "tests", false}});
  ASSERT_EQ(verify(), 0) << desk.terminal.notes << desk.terminal.output;
  EXPECT_FALSE(says("remembers no earlier checkpoint"));
  EXPECT_EQ(remembered("journal"), journal.checkpoint());
}

TEST_F(Evidence, PayloadsAreHeldAgainstTheirEntriesWhenAsked) {
  ASSERT_EQ(verify(), 0);
  EXPECT_TRUE(says("contents were not opened"));
  ASSERT_EQ(desk.run({"evidence", "verify", "--payloads"}), 0) << desk.terminal.output;
  EXPECT_FALSE(says("contents were not opened"));
  payloads[7] = "{\"decision\":8}";
  EXPECT_EQ(desk.run({"evidence", "verify", "--payloads"}), 7);
  EXPECT_TRUE(says("entry 7: ")) << desk.terminal.output;
}

TEST_F(Evidence, AShorterLogSignedAgainIsNoticed) {
  ASSERT_EQ(verify(), 0);
  const std::string before = remembered("journal");
  journal.entries.resize(250);
  EXPECT_EQ(verify(), 7);
  EXPECT_TRUE(says("the log ends after 250 entries, but this device saw 302"))
      << desk.terminal.output;
  EXPECT_EQ(remembered("journal"), before);  // what it knows is not overwritten
}

TEST_F(Evidence, ARestoredOldBackupIsNoticedEvenAfterItGrewAgain) {
  const auto backup = journal.entries;
  add(core::GroupAdded{{"after the backup", "tests", false}});
  ASSERT_EQ(verify(), 0);
  journal.entries = backup;
  for (int i = 0; i < 5; ++i) add(core::GroupAdded{{"other" + std::to_string(i), "tests", false}});
  EXPECT_EQ(verify(), 7);
  EXPECT_TRUE(says("not those that this device saw")) << desk.terminal.output;
}

TEST_F(Evidence, ARewrittenEntrySignedAgainIsNoticed) {
  ASSERT_EQ(verify(), 0);
  core::Event event = *core::decode_event(journal.entries[12]);
  std::get<core::GroupAdded>(event.data).group.purpose = "something else";
  journal.entries[12] = core::encode(event);
  EXPECT_EQ(verify(), 7);
  EXPECT_TRUE(says("not those that this device saw"));
}

TEST_F(Evidence, EntriesThatTheCheckpointDoesNotSignAreNoticed) {
  const std::string honest = journal.checkpoint();
  server.on("GET /v1/evidence/journal/checkpoint",
            [honest](const Call&) { return FakeLog::text(honest); });
  std::swap(journal.entries[20], journal.entries[21]);
  EXPECT_EQ(verify(), 7);
  EXPECT_TRUE(says("do not give the root")) << desk.terminal.output;
  EXPECT_TRUE(says("entry 20: it says that it is another entry"));
  EXPECT_EQ(remembered("journal"), "");
}

TEST_F(Evidence, MissingEntriesAreNoticed) {
  const std::string honest = journal.checkpoint();
  server.on("GET /v1/evidence/journal/checkpoint",
            [honest](const Call&) { return FakeLog::text(honest); });
  journal.entries.resize(280);
  EXPECT_EQ(verify(), 7);
  EXPECT_TRUE(says("from 256 on cannot be read")) << desk.terminal.output;
}

TEST_F(Evidence, AnotherSigningKeyIsNoticed) {
  ASSERT_EQ(verify(), 0);
  decisions.key = *crypto::PrivateKey::generate(crypto::KeyKind::kEd25519);
  EXPECT_EQ(verify(), 7);
  EXPECT_TRUE(says("another signing key")) << desk.terminal.output;
}

TEST_F(Evidence, ACheckpointOfAStrangerIsNoticed) {
  FakeLog stranger("journal");
  stranger.entries = journal.entries;
  const std::string forged = stranger.checkpoint();
  server.on("GET /v1/evidence/journal/checkpoint",
            [forged](const Call&) { return FakeLog::text(forged); });
  EXPECT_EQ(verify(), 7);
  EXPECT_TRUE(says("does not hold under the key")) << desk.terminal.output;
}

TEST_F(Evidence, ADecisionLogThatLostWhatTheJournalAnchoredIsNoticed) {
  decisions.entries.resize(30);  // this device never saw it longer
  EXPECT_EQ(verify(), 7);
  EXPECT_TRUE(says("but the journal's entry 301 saw 40 entries")) << desk.terminal.output;
}

TEST_F(Evidence, ADecisionLogRewrittenBelowAnAnchorIsNoticed) {
  decisions.entries[3] = *tlog::commit(salts[3], "{\"decision\":\"another\"}");
  EXPECT_EQ(verify(), 7);
  EXPECT_TRUE(says("not those that the journal's entry 301 saw")) << desk.terminal.output;
}

TEST_F(Evidence, AGenesisWithAnotherKeyIsNoticed) {
  core::Event genesis = *core::decode_event(journal.entries[0]);
  std::get<core::Genesis>(genesis.data).journal_key = FakeLog("journal").key_text();
  journal.entries[0] = core::encode(genesis);
  EXPECT_EQ(verify(), 7);
  EXPECT_TRUE(says("genesis names another journal key")) << desk.terminal.output;
}

TEST_F(Evidence, JsonSaysTheSame) {
  journal.entries[12] = "not an event";
  EXPECT_EQ(desk.run({"evidence", "verify", "--json"}), 7);
  const auto report = parse_json(desk.terminal.output);
  ASSERT_TRUE(report);
  EXPECT_FALSE(*report->find("sound")->as_bool());
  EXPECT_EQ(report->find("logs")->as_array()->size(), 2U);
}

TEST_F(Evidence, AServerThatIsDownIsNoFault) {
  server.on("GET /v1/evidence/journal/tile", [](const Call&) {
    return net::error_response({Code::kUnavailable, "the disk is away", ""});
  });
  EXPECT_EQ(verify(), 6);
}

// ---- proofs ----

TEST_F(Evidence, AProofHoldsOfflineWithTheKeyAlone) {
  ASSERT_EQ(desk.run({"evidence", "prove", "journal/12"}), 0) << desk.terminal.notes;
  const std::string path = desk.folder.path + "/proof.txt";
  ASSERT_TRUE(write_file(path, desk.terminal.output));
  Desk elsewhere(clock);  // without a home
  EXPECT_EQ(elsewhere.run({"evidence", "check", path}), 2);
  ASSERT_EQ(elsewhere.run({"evidence", "check", path, "--key", journal.key_text()}), 0)
      << elsewhere.terminal.notes;
  EXPECT_NE(elsewhere.terminal.output.find("entry 12 of test/journal"), std::string::npos);
  EXPECT_NE(elsewhere.terminal.output.find("g11"), std::string::npos);
  ASSERT_TRUE(write_file(desk.folder.path + "/key", journal.key_text() + "\n"));
  EXPECT_EQ(elsewhere.run({"evidence", "check", path, "--key", desk.folder.path + "/key"}), 0);
  EXPECT_EQ(elsewhere.run({"evidence", "check", path, "--key", decisions.key_text()}), 7);
}

TEST_F(Evidence, AProofOfADecisionShowsItsContents) {
  ASSERT_EQ(desk.run({"evidence", "prove", "dec_34"}), 0) << desk.terminal.notes;
  const std::string path = desk.folder.path + "/proof.txt";
  ASSERT_TRUE(write_file(path, desk.terminal.output));
  ASSERT_EQ(desk.run({"evidence", "check", path, "--json"}), 0) << desk.terminal.notes;
  const Json checked = *parse_json(desk.terminal.output);
  EXPECT_EQ(*checked.find("entry")->find("decision")->as_int(), 34);
  EXPECT_EQ(text_or_empty(checked, "log"), "test/decisions");
}

TEST_F(Evidence, AnAlteredProofProvesNothing) {
  ASSERT_EQ(desk.run({"evidence", "prove", "journal/12"}), 0);
  const std::string good = desk.terminal.output;
  const std::string path = desk.folder.path + "/proof.txt";
  std::string wrong = good;
  wrong.replace(wrong.find("index 12"), 8, "index 13");
  ASSERT_TRUE(write_file(path, wrong));
  EXPECT_EQ(desk.run({"evidence", "check", path}), 7);
  ASSERT_TRUE(write_file(path, good.substr(0, good.size() / 2)));
  EXPECT_NE(desk.run({"evidence", "check", path}), 0);
  ASSERT_TRUE(write_file(path, ""));
  EXPECT_EQ(desk.run({"evidence", "check", path}), 2);
}

TEST_F(Evidence, AServersWrongProofIsNotPassedOn) {
  const std::string other = proof(journal, 13);
  server.on("GET /v1/evidence/journal/proof",
            [other](const Call&) { return FakeLog::text(other); });
  EXPECT_EQ(desk.run({"evidence", "prove", "journal/12"}), 7);
  EXPECT_EQ(desk.terminal.output, "");
}

TEST_F(Evidence, ShowTellsTheStoryInOrder) {
  server.on("GET /v1/evidence/story/grt_1", *parse_json(R"({"entries":[
      {"log":"journal","index":8,"time":"2026-11-21T09:30:00.000Z","line":"alice asked","entry":{}},
      {"log":"decisions","index":34,"time":"2026-11-21T09:30:01.000Z","line":"allowed","entry":{}}]})"));
  ASSERT_EQ(desk.run({"evidence", "show", "grt_1"}), 0);
  EXPECT_EQ(desk.terminal.output, "journal/8     alice asked\ndecisions/34  allowed\n");
  EXPECT_EQ(desk.run({"evidence", "prove", "grt_1"}), 2);
  EXPECT_NE(desk.terminal.notes.find("name one of journal/8, decisions/34"), std::string::npos);
}

}  // namespace
}  // namespace writ::cmd
