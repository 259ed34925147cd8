// Signed notes, checkpoints, commitments and offline proofs.
#include "tlog/note.h"

#include <gtest/gtest.h>

#include "tlog/checkpoint.h"
#include "tlog/commitment.h"
#include "tlog/proof.h"

namespace writ::tlog {
namespace {

// The example of golang.org/x/mod/sumdb/note.
constexpr std::string_view kKey =
    "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
constexpr std::string_view kText =
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n";
constexpr std::string_view kSignature =
    "\xe2\x80\x94 PeterNeumann "
    "x08go/ZJkuBS9UG/"
    "SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

std::string example_note() {
  return std::string(kText) + "\n" + std::string(kSignature);
}

struct Key {
  explicit Key(std::string name = "example.org/log")
      : key(*crypto::PrivateKey::generate(crypto::KeyKind::kEd25519)),
        signer(*NoteSigner::over(std::move(name), key)) {}
  crypto::PrivateKey key;
  NoteSigner signer;
};

TEST(Note, PublishedExampleOpens) {
  const auto key = parse_verifier_key(kKey);
  ASSERT_TRUE(key) << key.error().text();
  EXPECT_EQ(verifier_key_text(*key), kKey);
  const auto opened = open_note(example_note(), *key);
  ASSERT_TRUE(opened) << opened.error().text();
  EXPECT_EQ(opened->text, kText);
  EXPECT_EQ(opened->signed_by, std::vector<std::string>{"PeterNeumann"});
}

TEST(Note, MalformedVerifierKeysAreRefused) {
  for (const char* text :
       {"", "PeterNeumann", "PeterNeumann+c74f20a3",
        "PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "Peter Neumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY=="}) {
    EXPECT_FALSE(parse_verifier_key(text)) << text;
  }
}

TEST(Note, ChangedTextIsRefused) {
  std::string note = example_note();
  note[0] = 'O';
  EXPECT_EQ(open_note(note, *parse_verifier_key(kKey)).error().code, Code::kUnauthenticated);
}

TEST(Note, UnknownSignersAreIgnoredAndKnownOnesMustHold) {
  const Key one("one"), two("two"), other("one");
  const NoteSigner* both[] = {&one.signer, &two.signer};
  const std::string note = *sign_note("text\n\nmore\n", both);
  EXPECT_EQ(open_note(note, two.signer.verifier())->text, "text\n\nmore\n");
  const NoteVerifier known[] = {one.signer.verifier(), two.signer.verifier()};
  EXPECT_EQ(open_note(note, known)->signed_by.size(), 2u);
  // The same name with another key is another key.
  EXPECT_EQ(open_note(note, other.signer.verifier()).error().code, Code::kUnauthenticated);
  // A line by a known key that does not hold spoils the note, whoever else signed.
  const std::string foreign = *sign_note("other text\n", one.signer);
  const std::string spoiled =
      *sign_note("text\n", two.signer) + foreign.substr(foreign.find("\n\n") + 2);
  EXPECT_TRUE(open_note(spoiled, two.signer.verifier()));
  EXPECT_FALSE(open_note(spoiled, known));
}

TEST(Note, MalformedNotesAreRefused) {
  const auto key = *parse_verifier_key(kKey);
  const std::string signature(kSignature);
  const std::string text(kText);
  for (const std::string& note :
       {std::string(), text, text + "\n", text + signature, text + "\n" + signature + "x",
        text + "\n" + signature.substr(0, signature.size() - 1), text + "\n" + signature + "\n",
        text + "\n- PeterNeumann AAAAAAAA\n", text + "\n\xe2\x80\x94 PeterNeumann\n",
        text + "\n\xe2\x80\x94 PeterNeumann AAAA\n",
        text + "\n\xe2\x80\x94 Peter+Neumann AAAAAAAA\n", "\x01" + text + "\n" + signature,
        "\xff" + text + "\n" + signature, text + "\n" + std::string(kMostNoteBytes, 'x') + "\n"}) {
    EXPECT_EQ(open_note(note, key).error().code, Code::kInvalid) << note;
  }
  std::string many = text + "\n";
  for (std::size_t i = 0; i <= kMostNoteSignatures; ++i) many += "\xe2\x80\x94 other AAAAAAAA\n";
  EXPECT_EQ(open_note(many, key).error().code, Code::kInvalid);
}

TEST(Note, BadNamesAndTextsCannotBeSigned) {
  const Key key;
  EXPECT_FALSE(NoteSigner::over("two words", key.key));
  EXPECT_FALSE(NoteSigner::over("a+b", key.key));
  EXPECT_FALSE(NoteSigner::over("", key.key));
  EXPECT_FALSE(NoteSigner::over("no\xe2\x80\x83space", key.key));
  const auto p256 = *crypto::PrivateKey::generate(crypto::KeyKind::kP256);
  EXPECT_FALSE(NoteSigner::over("p256", p256));
  EXPECT_FALSE(sign_note("no newline", key.signer));
  EXPECT_FALSE(sign_note("", key.signer));
  EXPECT_FALSE(sign_note("tab\t\n", key.signer));
}

TEST(Checkpoint, RoundTripsExactly) {
  const Checkpoint checkpoint{"example.org/log", {20852163, leaf_hash("x")}, {"extension one"}};
  const std::string text = *checkpoint_text(checkpoint);
  EXPECT_EQ(text.substr(0, 25), "example.org/log\n20852163\n");
  EXPECT_EQ(*parse_checkpoint_text(text), checkpoint);
  EXPECT_FALSE(checkpoint_text({"two\nlines", {}, {}}));
  EXPECT_FALSE(checkpoint_text({"", {}, {}}));
  EXPECT_FALSE(checkpoint_text({"origin", {}, {""}}));
}

TEST(Checkpoint, OtherTextsAreRefused) {
  const std::string root = to_base64(as_bytes(leaf_hash("x")));
  for (const std::string& text :
       {std::string(), std::string("origin\n1\n"), "origin\n01\n" + root + "\n",
        "origin\n-1\n" + root + "\n", "origin\n1\n" + root, "origin\n1\n" + root + "\n\n",
        "\n1\n" + root + "\n", "origin\n99999999999999999999\n" + root + "\n",
        std::string("origin\n1\nAAAA\n")}) {
    EXPECT_FALSE(parse_checkpoint_text(text)) << text;
  }
}

TEST(Checkpoint, OriginMustBeTheExpectedOne) {
  const Key key;
  const std::string note = *sign_checkpoint({"example.org/log", {}, {}}, key.signer);
  EXPECT_TRUE(open_checkpoint(note, key.signer.verifier(), "example.org/log"));
  EXPECT_EQ(open_checkpoint(note, key.signer.verifier(), "example.org/other").error().code,
            Code::kUnauthenticated);
}

TEST(Commitment, OpensOnlyToItsPayload) {
  const std::string salt(kSaltSize, 's');
  const std::string entry = *commit(salt, "payload");
  EXPECT_EQ(entry.size(), kCommitmentEntrySize);
  EXPECT_TRUE(verify_commitment(entry, salt, "payload"));
  EXPECT_FALSE(verify_commitment(entry, salt, "Payload"));
  EXPECT_FALSE(verify_commitment(entry, std::string(kSaltSize, 't'), "payload"));
  // The border between salt and payload cannot be moved.
  EXPECT_FALSE(verify_commitment(entry, salt + "p", "ayload"));
  EXPECT_FALSE(commit("short", "payload"));
  EXPECT_FALSE(verify_commitment("\x02" + entry.substr(1), salt, "payload"));
}

struct ProofCase {
  Key key;
  std::string salt = std::string(kSaltSize, 's');
  std::string text;
  ProofCase() {
    // A log of two entries; the second is proven.
    const Hash first = leaf_hash("first");
    const std::string entry = *commit(salt, "{\"decision\":\"allow\"}");
    const Head head{2, node_hash(first, leaf_hash(entry))};
    text = proof_text({entry,
                       Opening{salt, "{\"decision\":\"allow\"}"},
                       1,
                       {first},
                       *sign_checkpoint({"example.org/log", head, {}}, key.signer)});
  }
};

TEST(Proof, IsCheckedWithThePublicKeyAlone) {
  const ProofCase c;
  EXPECT_EQ(c.text.substr(0, 29), "c2sp.org/tlog-proof@v1\nextra ");
  const auto key = parse_verifier_key(verifier_key_text(c.key.signer.verifier()));
  const auto checked = check_proof(c.text, *key, "example.org/log");
  ASSERT_TRUE(checked) << checked.error().text();
  EXPECT_EQ(checked->proof.index, 1u);
  EXPECT_EQ(checked->proof.opening->payload, "{\"decision\":\"allow\"}");
  EXPECT_EQ(checked->checkpoint.head.size, 2u);
  EXPECT_EQ(proof_text(*parse_proof(c.text)), c.text);
}

TEST(Proof, EveryChangedByteIsNoticed) {
  const ProofCase c;
  for (std::size_t i = 0; i < c.text.size(); ++i) {
    std::string changed = c.text;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    if (changed == c.text) continue;
    EXPECT_FALSE(check_proof(changed, c.key.signer.verifier())) << "byte " << i;
  }
  for (std::size_t size = 0; size < c.text.size(); ++size) {
    EXPECT_FALSE(check_proof(c.text.substr(0, size), c.key.signer.verifier())) << "cut at " << size;
  }
}

TEST(Proof, AnotherPayloadOrKeyIsRefused) {
  const ProofCase c;
  EntryProof proof = *parse_proof(c.text);
  proof.opening->payload = "{\"decision\":\"deny\"}";
  EXPECT_EQ(check_proof(proof_text(proof), c.key.signer.verifier()).error().code, Code::kCorrupt);
  const Key other;
  EXPECT_EQ(check_proof(c.text, other.signer.verifier()).error().code, Code::kUnauthenticated);
}

}  // namespace
}  // namespace writ::tlog
