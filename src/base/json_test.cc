#include "base/json.h"

#include <gtest/gtest.h>

namespace writ {
namespace {

std::string error_of(std::string_view text, JsonLimits limits = {}) {
  auto json = parse_json(text, limits, "in.json");
  return json ? "parsed" : json.error().text();
}

TEST(Json, KeepsEvery64BitIntegerExactly) {
  auto json = parse_json("[9223372036854775807,-9223372036854775808,9007199254740993]");
  ASSERT_TRUE(json);
  EXPECT_EQ(compact(*json), "[9223372036854775807,-9223372036854775808,9007199254740993]");
}

TEST(Json, RefusesWhatStrictJsonForbidsAndSaysWhere) {
  EXPECT_EQ(error_of("{\"a\":1,\n \"a\":2}").substr(0, 10), "in.json:2:");
  EXPECT_NE(error_of("{\"a\":1,\"a\":2}").find("twice"), std::string::npos);
  EXPECT_NE(error_of("9223372036854775808").find("64 signed bits"), std::string::npos);
  EXPECT_NE(error_of("-9223372036854775809").find("64 signed bits"), std::string::npos);
  EXPECT_NE(error_of("123456789012345678901234567890").find("64 signed bits"), std::string::npos);
  EXPECT_EQ(error_of("\"\\ud800\""), "in.json:1:8: this is not JSON");
  EXPECT_NE(error_of("4e20").find("64 signed bits"), std::string::npos);
  EXPECT_EQ(error_of("1e21"), "parsed");
  EXPECT_NE(error_of("\"\\udc00\"").find("surrogate"), std::string::npos);
  EXPECT_NE(error_of("\"\\ud800\\u0041\"").find("surrogate"), std::string::npos);
  EXPECT_NE(error_of("\"\xff\"").find("UTF-8"), std::string::npos);
  EXPECT_NE(error_of("1 2").find("after the value"), std::string::npos);
  EXPECT_NE(error_of("[1,").find("ends in the middle"), std::string::npos);
  EXPECT_NE(error_of("1e999").find("out of the range"), std::string::npos);
  EXPECT_NE(error_of("").find("ends"), std::string::npos);
}

TEST(Json, FindsTwinKeysInLargeObjects) {
  std::string text = "{";
  for (int i = 0; i < 100; ++i) text += "\"k" + std::to_string(i) + "\":0,";
  EXPECT_NE(error_of(text + "\"k7\":1}").find("\"k7\" stands twice"), std::string::npos);
  EXPECT_EQ(error_of(text + "\"other\":1}"), "parsed");
}

TEST(Json, HoldsItsLimits) {
  EXPECT_NE(error_of(std::string(40, '[') + std::string(40, ']')).find("nested more than 32"),
            std::string::npos);
  EXPECT_EQ(error_of(std::string(32, '[') + std::string(32, ']')), "parsed");
  EXPECT_NE(error_of("[1,2,3]", {.items = 3}).find("more than 3 values"), std::string::npos);
  EXPECT_NE(error_of("[1,2,3]", {.bytes = 3}).find("7 bytes long"), std::string::npos);
}

// The examples of RFC 8785, sections 3.2.2 and 3.2.3, and appendix B.
TEST(Json, CanonicalFormFollowsRfc8785) {
  auto json =
      parse_json(R"({"numbers":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001],
    "string":"\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/","literals":[null,true,false]})");
  ASSERT_TRUE(json);
  EXPECT_EQ(canonical(*json),
            "{\"literals\":[null,true,false],\"numbers\":[333333333.3333333,1e+30,4.5,0.002,1e-27],"
            "\"string\":\"\xe2\x82\xac$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}");
  auto keys =
      parse_json(R"({"\u20ac":1,"\r":2,"\ufb33":3,"1":4,"\ud83d\ude00":5,"\u0080":6,"\u00f6":7})");
  ASSERT_TRUE(keys);
  EXPECT_EQ(canonical(*keys),
            "{\"\\r\":2,\"1\":4,\"\xc2\x80\":6,\"\xc3\xb6\":7,\"\xe2\x82\xac\":1,"
            "\"\xf0\x9f\x98\x80\":5,\"\xef\xac\xb3\":3}");
  EXPECT_EQ(canonical(Json(1e21)), "1e+21");
  EXPECT_EQ(canonical(Json(123456789012345680000.0)), "123456789012345680000");
  EXPECT_EQ(canonical(Json(-0.0)), "0");
  EXPECT_EQ(canonical(Json(5e-324)), "5e-324");
}

TEST(Json, EscapesEachByteThatNeedsItWhereverItStands) {
  for (int byte = 0; byte < 0x80; ++byte) {
    const char c = static_cast<char>(byte);
    const std::string alone = compact(Json(std::string(1, c)));
    const std::string inner = alone.substr(1, alone.size() - 2);
    EXPECT_EQ(inner == std::string(1, c), byte >= 0x20 && c != '"' && c != '\\') << byte;
    for (std::size_t before = 0; before < 17; ++before) {
      for (const std::size_t after : {0U, 1U, 9U}) {
        const std::string text = std::string(before, 'a') + c + std::string(after, '\xc3');
        EXPECT_EQ(compact(Json(text)),
                  '"' + std::string(before, 'a') + inner + std::string(after, '\xc3') + '"')
            << byte << " after " << before;
      }
    }
  }
}

TEST(Json, CanonicalTextReadsBackToTheSameValue) {
  auto json = parse_json(R"({"b":[1,{"z":"é\n","a":null}],"a":-2.5})");
  ASSERT_TRUE(json);
  EXPECT_EQ(canonical(*parse_json(canonical(*json))), canonical(*json));
}

}  // namespace
}  // namespace writ
