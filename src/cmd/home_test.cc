#include "cmd/home.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/file.h"
#include "cmd/folder_for_test.h"
#include "crypto/random.h"

namespace writ::cmd {
namespace {

constexpr const char* kOneKey = "test/journal+";

struct HomeTest : testing::Test {
  Home made() {
    auto home = Home::create(folder.path + "/home");
    EXPECT_TRUE(home) << home.error().text();
    EXPECT_TRUE(home->save({"https://h:1", "test", "idn_1", "user", "alice",
                            "spiffe://test/user/idn_1", "dev_1", std::nullopt, std::nullopt}));
    return std::move(*home);
  }
  static unsigned mode_of(const std::string& path) {
    struct stat status{};
    EXPECT_EQ(::stat(path.c_str(), &status), 0) << path;
    return status.st_mode & 0777;
  }
  std::string log_key() {
    const auto key = *crypto::PrivateKey::generate(crypto::KeyKind::kEd25519);
    return tlog::verifier_key_text(*tlog::note_verifier("test/journal", key.public_key()));
  }

  TestFolder folder;
  crypto::SystemRandom random;
};

TEST_F(HomeTest, AnEmptyHomeSaysHowToEnrol) {
  const auto home = Home::open(folder.path + "/none");
  ASSERT_FALSE(home);
  EXPECT_EQ(home.error().code, Code::kNotFound);
  EXPECT_NE(home.error().message.find("writ enroll"), std::string::npos);
}

TEST_F(HomeTest, RemembersItsConfiguration) {
  const std::string path = made().folder();
  const auto home = Home::open(path);
  ASSERT_TRUE(home) << home.error().text();
  EXPECT_EQ(home->config().name, "alice");
  EXPECT_TRUE(home->config().is_person());
  EXPECT_EQ(Home::create(path).error().code, Code::kExists);
}

TEST_F(HomeTest, KeepsTheKeySealedAndPrivate) {
  const Home home = made();
  const auto key = *crypto::PrivateKey::generate(crypto::KeyKind::kP256);
  ASSERT_TRUE(home.keep_key(key, random));
  EXPECT_EQ(mode_of(home.folder()), 0700U);
  EXPECT_EQ(mode_of(home.folder() + "/keys/kek"), 0600U);
  EXPECT_EQ(mode_of(home.folder() + "/keys/device"), 0600U);
  const std::string at_rest = *read_file(home.folder() + "/keys/device");
  EXPECT_EQ(at_rest.find("PRIVATE"), std::string::npos);
  const auto again = home.key();
  ASSERT_TRUE(again) << again.error().text();
  EXPECT_EQ(again->public_key(), key.public_key());
}

TEST_F(HomeTest, AKeyDoesNotOpenUnderAnotherKek) {
  const Home home = made();
  ASSERT_TRUE(home.keep_key(*crypto::PrivateKey::generate(crypto::KeyKind::kP256), random));
  ASSERT_TRUE(write_file(home.folder() + "/keys/kek", std::string(64, 'a') + "\n", 0600));
  EXPECT_EQ(home.key().error().code, Code::kCorrupt);
}

TEST_F(HomeTest, RefusesAFolderThatOthersCanEnter) {
  const std::string path = made().folder();
  ASSERT_EQ(::chmod(path.c_str(), 0750), 0);
  const auto home = Home::open(path);
  ASSERT_FALSE(home);
  EXPECT_EQ(home.error().code, Code::kDenied);
  EXPECT_NE(home.error().message.find("chmod 700"), std::string::npos);
}

TEST_F(HomeTest, RefusesAKekThatOthersCanRead) {
  const Home home = made();
  ASSERT_TRUE(home.keep_key(*crypto::PrivateKey::generate(crypto::KeyKind::kP256), random));
  ASSERT_EQ(::chmod((home.folder() + "/keys/kek").c_str(), 0640), 0);
  EXPECT_EQ(home.key().error().code, Code::kDenied);
}

TEST_F(HomeTest, ADamagedConfigurationIsNamed) {
  const std::string path = made().folder();
  ASSERT_TRUE(write_file(path + "/config.json", "{\"server\": 3}"));
  const auto home = Home::open(path);
  ASSERT_FALSE(home);
  EXPECT_EQ(home.error().code, Code::kCorrupt);
  EXPECT_NE(home.error().where.find("config.json"), std::string::npos);
}

TEST_F(HomeTest, PinsALogKeyOnce) {
  Home home = made();
  const std::string first = log_key();
  ASSERT_TRUE(home.pin_log_key(Log::kJournal, first + "\n"));
  EXPECT_TRUE(home.pin_log_key(Log::kJournal, first));
  EXPECT_EQ(home.pin_log_key(Log::kJournal, log_key()).error().code, Code::kCorrupt);
  EXPECT_FALSE(home.pin_log_key(Log::kDecisions, kOneKey));
  EXPECT_EQ(Home::open(home.folder())->log_key(Log::kJournal), first);
}

TEST_F(HomeTest, RemembersCheckpoints) {
  const Home home = made();
  EXPECT_EQ(*home.remembered(Log::kJournal), std::nullopt);
  ASSERT_TRUE(home.remember(Log::kJournal, "note\n"));
  EXPECT_EQ(*home.remembered(Log::kJournal), "note\n");
  EXPECT_EQ(*home.remembered(Log::kDecisions), std::nullopt);
}

TEST_F(HomeTest, MachinesLieBesideThePerson) {
  EXPECT_EQ(*machine_folder("/h", "billing-job"), "/h/identities/billing-job");
  for (const char* name : {"", ".", "..", "../x", "a/b", "a b", ".hidden"}) {
    EXPECT_FALSE(machine_folder("/h", name)) << name;
  }
  const Home home = made();
  ASSERT_TRUE(make_folder(home.folder() + "/identities/job", 0700));
  ASSERT_TRUE(make_folder(home.folder() + "/identities/half", 0700));
  ASSERT_TRUE(write_file(home.folder() + "/identities/job/config.json", "{}"));
  EXPECT_EQ(machines_of(home.folder()), std::vector<std::string>{"job"});
}

}  // namespace
}  // namespace writ::cmd
