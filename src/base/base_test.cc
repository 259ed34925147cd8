// Result, bytes, secrets, random, published values and files.
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/file.h"
#include "base/published.h"
#include "base/random.h"
#include "base/secret.h"

namespace writ {
namespace {

TEST(Result, TryPassesTheErrorOn) {
  const auto inner = [](bool ok) -> Result<int> {
    if (!ok) return fail(Code::kNotFound, "no such thing", "--name");
    return 4;
  };
  const auto outer = [&](bool ok) -> Result<std::string> {
    TRY(value, inner(ok));
    return std::to_string(value);
  };
  EXPECT_EQ(*outer(true), "4");
  EXPECT_EQ(outer(false).error().text(), "--name: no such thing");
}

TEST(Bytes, EncodingsRoundTripAndRefuseWhatIsNotCanonical) {
  const std::string bytes(
      "\x00\xff\x10"
      "abc\x7f",
      7);
  EXPECT_EQ(*from_hex(to_hex(bytes)), bytes);
  EXPECT_EQ(*from_base64(to_base64(bytes)), bytes);
  EXPECT_EQ(*from_base64url(to_base64url(bytes)), bytes);
  EXPECT_EQ(to_base32("foobar"), "MZXW6YTBOI");
  EXPECT_FALSE(from_base64("QQ"));
  EXPECT_FALSE(from_base64("QR=="));
  EXPECT_FALSE(from_base64("Q=Q="));
  EXPECT_FALSE(from_base64url("QQ=="));
  EXPECT_FALSE(from_hex("abc"));
}

TEST(Bytes, Utf8IsChecked) {
  EXPECT_TRUE(is_utf8("\xe2\x82\xac\xf0\x9f\x98\x80"));
  EXPECT_FALSE(is_utf8("\xc0\x80"));
  EXPECT_FALSE(is_utf8("\xed\xa0\x80"));
  EXPECT_FALSE(is_utf8("\xe2\x82"));
}

TEST(Bytes, EditDistanceCountsEdits) {
  EXPECT_EQ(edit_distance("reader", "raeder"), 2u);
  EXPECT_EQ(edit_distance("", "abc"), 3u);
}

TEST(Secret, MovesAndLeavesNothingBehind) {
  Secret a(std::string("password"));
  Secret b = std::move(a);
  EXPECT_TRUE(a.empty());  // NOLINT(bugprone-use-after-move): the state is documented
  EXPECT_EQ(b.reveal(), "password");
  EXPECT_TRUE(equal_constant_time(b.reveal(), "password"));
  EXPECT_FALSE(equal_constant_time(b.reveal(), "passwore"));
}

TEST(Random, IdsHaveTheirShapeAndDiffer) {
  SeededRandom random(1);
  const std::string id = new_id("grt", random);
  EXPECT_EQ(id.size(), 20u);
  EXPECT_EQ(id.substr(0, 4), "grt_");
  EXPECT_NE(id, new_id("grt", random));
}

TEST(Published, ReaderSeesTheLatestValue) {
  Published<int> value(std::make_shared<int>(1));
  Published<int>::Reader reader(value);
  EXPECT_EQ(*reader.get(), 1);
  std::thread([&] { value.publish(std::make_shared<int>(2)); }).join();
  EXPECT_EQ(*reader.get(), 2);
}

TEST(Published, ReadersSeeWholeValuesInOrderWhileItIsReplaced) {
  using Pair = std::pair<int, int>;
  constexpr int kLast = 2000;
  Published<Pair> value(std::make_shared<Pair>(0, 0));
  std::atomic<int> wrong = 0;
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&] {
      Published<Pair>::Reader reader(value);
      for (int before = 0; before < kLast;) {
        const Pair now = *reader.get();
        if (now.first != now.second || now.first < before) ++wrong;
        before = now.first;
      }
    });
  }
  for (int i = 1; i <= kLast; ++i) value.publish(std::make_shared<Pair>(i, i));
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(wrong, 0);
}

TEST(File, IsReplacedWhole) {
  const std::string folder = testing::TempDir() + "writ_file_test-" + std::to_string(getpid());
  ASSERT_TRUE(make_folder(folder));
  ASSERT_TRUE(write_file(folder + "/a", "one", 0600));
  ASSERT_TRUE(write_file(folder + "/a", "two", 0600));
  EXPECT_EQ(*read_file(folder + "/a"), "two");
  EXPECT_EQ(read_file(folder + "/b").error().code, Code::kNotFound);
  EXPECT_FALSE(read_file(folder + "/a", 2));
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace writ
