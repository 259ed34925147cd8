#include "base/json_text.h"

#include <gtest/gtest.h>

#include <random>

namespace writ {
namespace {

TEST(JsonText, WritesMembersAndLeavesOutWhatIsEmpty) {
  JsonText text;
  text.raw("{\"first\":").string("a");
  text.member("second", "b");
  text.member("none", "");
  text.member("count", std::int64_t{-7});
  text.member("at", from_unix_ms(1'763'000'000'123));
  text.member("far", from_unix_ms(253'402'300'800'000));
  text.member("list", std::vector<std::string>{"x", "y\"z"});
  text.member("nothing", std::vector<std::string>{});
  text.raw("}");
  EXPECT_EQ(text.view(), R"({"first":"a","second":"b","count":-7,"at":"2025-11-13T02:13:20.123Z",)"
                         R"("far":"10000-01-01T00:00:00.000Z","list":["x","y\"z"]})");
}

TEST(JsonText, BeginsAnewAndKeepsNothing) {
  JsonText text;
  text.raw(std::string(10'000, 'x'));
  EXPECT_EQ(text.view(), std::string(10'000, 'x'));
  text.clear();
  EXPECT_EQ(text.view(), "");
  EXPECT_EQ(text.number(0).view(), "0");
}

// Whatever the bytes and wherever they stand, as the other writer of JSON writes them.
TEST(JsonText, EscapesAsAppendJsonStringDoes) {
  std::mt19937 random(1);
  const std::string kinds = "abcdefgh \"\\\n\t\x01\x1f\x20\x7f\xc3\xa9";
  for (int i = 0; i < 5'000; ++i) {
    std::string value(random() % 40, 'a');
    for (std::size_t n = random() % 4; n > 0 && !value.empty(); --n) {
      value[random() % value.size()] = kinds[random() % kinds.size()];
    }
    std::string wanted;
    append_json_string(wanted, value);
    JsonText text;
    ASSERT_EQ(text.string(value).view(), wanted);
  }
}

}  // namespace
}  // namespace writ
