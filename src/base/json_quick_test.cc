#include "base/json_quick.h"

#include <gtest/gtest.h>

#include <random>

namespace writ {
namespace {

// Behind so much white space the strict reader alone takes it.
Result<Json> read_strictly(std::string text, const JsonLimits& limits) {
  return parse_json(text.append(10'000, ' '), limits);
}

void expect_the_same(const std::string& text, const JsonLimits& limits = {}) {
  const auto quick = read_quickly(text, limits);
  if (!quick) return;
  const auto strict = read_strictly(text, limits);
  ASSERT_TRUE(strict) << text << ": " << strict.error().text();
  ASSERT_EQ(*quick, *strict) << text;
  ASSERT_EQ(compact(*quick), compact(*strict)) << text;
}

TEST(JsonQuick, TakesWhatAsksForADecision) {
  constexpr std::string_view kAsked =
      R"({"subject":{"type":"identity","id":"spiffe://example.org/user/idn_1"}, "action" :{"name":)"
      R"("connect"},"resource":{"type":"entitlement","id":"pg/orders"},"context":{"door_seq":-12,)"
      R"("flags":[true,false,null,[],{}],"zero":0}})";
  const auto read = read_quickly(kAsked, {});
  ASSERT_TRUE(read);
  EXPECT_EQ(*read->find("subject")->find("id")->as_string(), "spiffe://example.org/user/idn_1");
  EXPECT_EQ(*read->find("context")->find("door_seq")->as_int(), -12);
  EXPECT_EQ(read->find("context")->find("flags")->as_array()->size(), 5U);
  expect_the_same(std::string(kAsked));
}

TEST(JsonQuick, LeavesTheRestToTheStrictReader) {
  for (const char* text : {"",
                           " ",
                           "{",
                           "[1,]",
                           "{\"a\":1,}",
                           "{\"a\":1,\"a\":2}",
                           "01",
                           "-0",
                           "-",
                           "+1",
                           "1.0",
                           "1e3",
                           "9223372036854775808",
                           "\"\\n\"",
                           "\"\xc3\xa9\"",
                           "\"\x01\"",
                           "\"a",
                           "tru",
                           "nulll",
                           "{a:1}",
                           "1 2",
                           "[1 2]",
                           "{\"a\" 1}",
                           "\xef\xbb\xbf{}",
                           "[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]"}) {
    EXPECT_FALSE(read_quickly(text, {})) << text;
  }
  EXPECT_FALSE(read_quickly("[[1]]", {.depth = 1}));
  EXPECT_FALSE(read_quickly("[1,2]", {.items = 2}));
  EXPECT_FALSE(read_quickly("[1,2]", {.bytes = 4}));
  EXPECT_TRUE(read_quickly("[[1]]", {.bytes = 5, .depth = 2, .items = 3}));
}

// Texts of the right letters, and right texts with a letter changed.
TEST(JsonQuick, SaysOfEveryTextWhatTheStrictReaderSays) {
  std::mt19937 random(7);
  const std::string letters = "{}[]\",:0123456789-.eE truefalsn\\u\n\xc3\xa9";
  const std::string whole =
      R"({"a":[1,-2,{"b":"text of more than eight"}],"c":true,"d":null,"e":{"f":123456789012345678}})";
  for (int i = 0; i < 100'000; ++i) {
    std::string text = whole;
    if (i % 2 == 0) {
      text.assign(random() % 8, ' ');
      for (char& c : text) c = letters[random() % letters.size()];
    }
    for (std::size_t n = random() % 3; n > 0 && !text.empty(); --n) {
      const std::size_t at = random() % text.size();
      if (random() % 2 == 0) {
        text.erase(at, 1);
      } else {
        text[at] = letters[random() % letters.size()];
      }
    }
    const JsonLimits limits{
        .bytes = 1 << 20, .depth = 1 + random() % 4, .items = 1 + random() % 12};
    ASSERT_NO_FATAL_FAILURE(expect_the_same(text, limits));
  }
}

}  // namespace
}  // namespace writ
