#include "crypto/seal.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "base/bytes.h"
#include "base/file.h"
#include "crypto/random.h"

namespace writ::crypto {
namespace {

class OneNonce final : public Random {
 public:
  std::string bytes(std::size_t) override { return *from_hex("cafebabefacedbaddecaf888"); }
};

class Folder {
 public:
  Folder() {
    char name[] = "/tmp/writ-seal-XXXXXX";
    path = ::mkdtemp(name);
  }
  ~Folder() { std::filesystem::remove_all(path); }
  std::string path;
};

TEST(Seal, MatchesTheGcmSpecificationsTestCase16) {
  OneNonce nonce;
  const Secret key(*from_hex("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308"));
  const std::string text = *from_hex(
      "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6"
      "b525b16aedf5aa0de657ba637b39");
  const std::string label = *from_hex("feedfacedeadbeeffeedfacedeadbeefabaddad2");
  const auto sealed = seal(key, text, label, nonce);
  EXPECT_EQ(
      to_hex(*sealed),
      "cafebabefacedbaddecaf888"
      "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b10"
      "56828838c5f61e6393ba7a0abcc9f662"
      "76fc6ece0f4e1768cddf8853bb2d551b");
  EXPECT_EQ(open(key, *sealed, label)->reveal(), text);
}

TEST(Seal, RefusesEveryChange) {
  SystemRandom random;
  const Secret key = new_data_key(random);
  const std::string sealed = *seal(key, "secret", "for alice", random);
  EXPECT_EQ(open(key, sealed, "for alice")->reveal(), "secret");
  for (std::size_t i = 0; i < sealed.size(); ++i) {
    std::string changed = sealed;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    EXPECT_EQ(open(key, changed, "for alice").error().code, Code::kCorrupt);
  }
  EXPECT_FALSE(open(key, sealed, "for bob"));
  EXPECT_FALSE(open(new_data_key(random), sealed, "for alice"));
  EXPECT_FALSE(open(key, sealed.substr(0, 20), "for alice"));
  EXPECT_FALSE(open(Secret(std::string("short")), sealed, "for alice"));
  EXPECT_EQ(open(key, *seal(key, "", "", random), "")->reveal(), "");
}

TEST(KeyEncryptionKey, WrapsUnderANameAndOutlivesAReload) {
  const Folder folder;
  SystemRandom random;
  const std::string path = folder.path + "/kek";
  const auto created = KeyEncryptionKey::create(path, random);
  ASSERT_TRUE(created) << created.error().text();
  struct stat status{};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777u, 0600u);
  const Secret data_key = new_data_key(random);
  const std::string wrapped = *created->wrap(data_key, "subject/1", random);
  const auto loaded = KeyEncryptionKey::load(path);
  EXPECT_EQ(loaded->unwrap(wrapped, "subject/1")->reveal(), data_key.reveal());
  EXPECT_EQ(loaded->unwrap(wrapped, "subject/2").error().code, Code::kCorrupt);
  EXPECT_EQ(KeyEncryptionKey::create(path, random).error().code, Code::kExists);
}

TEST(KeyEncryptionKey, RefusesFilesThatOthersMayReadOrThatAreMalformed) {
  const Folder folder;
  SystemRandom random;
  const std::string path = folder.path + "/kek";
  ASSERT_TRUE(KeyEncryptionKey::create(path, random));
  for (const mode_t mode : {0640U, 0604U, 0620U, 0601U}) {
    ASSERT_EQ(::chmod(path.c_str(), mode), 0);
    EXPECT_EQ(KeyEncryptionKey::load(path).error().code, Code::kDenied);
  }
  ASSERT_TRUE(write_file(path, "abcd\n", 0600));
  EXPECT_EQ(KeyEncryptionKey::load(path).error().code, Code::kCorrupt);
  EXPECT_EQ(KeyEncryptionKey::load(folder.path + "/none").error().code, Code::kNotFound);
}

}  // namespace
}  // namespace writ::crypto
