#include "cmd/table.h"

#include <gtest/gtest.h>

#include "cmd/text.h"

namespace writ::cmd {
namespace {

JsonArray rows(std::string_view text) {
  auto json = parse_json(text);
  return *json->as_array();
}

TEST(Text, WidthCountsColumnsAndNotBytes) {
  EXPECT_EQ(width_of("abc"), 3U);
  EXPECT_EQ(width_of("äöü"), 3U);
  EXPECT_EQ(width_of("日本"), 4U);
  EXPECT_EQ(width_of("e\xcc\x81"), 1U);  // e and a combining accent
  EXPECT_EQ(width_of("\xff"), 1U);
}

TEST(Text, PrintableHidesNothing) {
  EXPECT_EQ(printable("a\x1b[2Jb"), "a\\u{1b}[2Jb");
  EXPECT_EQ(printable("x\ny\tz"), "x\\ny\\tz");
  EXPECT_EQ(printable("\xe2\x80\xae"
                      "evil"),
            "\\u{202e}evil");                           // right-to-left override
  EXPECT_EQ(printable("\xe2\x80\x8bq"), "\\u{200b}q");  // zero width space
  EXPECT_EQ(printable("\xc2\x9b"
                      "1m"),
            "\\u{9b}1m");  // a control character of two bytes
  EXPECT_EQ(printable("\xff\xfe"), "\\xff\\xfe");
  EXPECT_EQ(printable("naïve 日本"), "naïve 日本");
  EXPECT_EQ(printable_lines("a\nb\x07"), "a\nb\\u{7}");
}

TEST(Text, NearestIsNearEnoughOrNothing) {
  EXPECT_EQ(nearest("requst", {"revoke", "request"}), "request");
  EXPECT_EQ(nearest("req", {"revoke", "request"}), "request");
  EXPECT_EQ(nearest("zebra", {"revoke", "request"}), "");
}

TEST(Table, AlignsByWidth) {
  EXPECT_EQ(table(rows(R"([{"name":"日本","kind":"user"},{"name":"a","kind":"door"}])"), {}),
            "NAME  KIND\n"
            "日本  user\n"
            "a     door\n");
}

TEST(Table, LeavesOutEmptyColumnsAndReadsMembers) {
  EXPECT_EQ(table(rows(R"([{"id":"g","empty":"","until":"2026-11-21T09:30:00.000Z",
                           "max_ttl_ms":1800000,"yes":true,"list":["a","b"],"none":null}])"),
                  {}),
            "ID  UNTIL                MAX TTL  YES  LIST\n"
            "g   2026-11-21 09:30:00  30m      yes  a, b\n");
}

TEST(Table, WrapsBetweenWordsToFit) {
  const auto some =
      rows(R"([{"id":"req_0123456789abcdef","purpose":"a long reason with many words in it"}])");
  EXPECT_EQ(table(some, {44, false}),
            "ID                    PURPOSE\n"
            "req_0123456789abcdef  a long reason with\n"
            "                      many words in it\n");
}

TEST(Table, WritesBlocksWhenNothingElseFits) {
  const auto some = rows(R"([{"id":"req_0123456789abcdef","what":"abcdefghijklmnopqrstuvwxyz"},
                            {"id":"req_1","what":"b"}])");
  EXPECT_EQ(table(some, {30, false}),
            "id    req_0123456789abcdef\n"
            "what  abcdefghijklmnopqrstuvwxyz\n"
            "\n"
            "id    req_1\n"
            "what  b\n");
}

TEST(Table, ShowsNoControlCharacters) {
  const std::string shown = table(rows(R"([{"purpose":"x\u001b[31m\ny"}])"), {80, true});
  EXPECT_EQ(shown.find("\x1b[31m\n"), std::string::npos);
  EXPECT_NE(shown.find("\\u{1b}[31m\\ny"), std::string::npos);
}

TEST(Table, ColoursOnlyWhenAsked) {
  const auto some = rows(R"([{"state":"active"}])");
  EXPECT_EQ(table(some, {80, false}), "STATE\nactive\n");
  EXPECT_NE(table(some, {80, true}).find("\x1b[32mactive\x1b[0m"), std::string::npos);
}

TEST(Record, ShowsEverythingNested) {
  const auto json = *parse_json(R"({"name":"alice","groups":[{"group":"dba","until":"x"}],
                                    "device":{"id":"dev_1","label":""},"text":"a\nb"})");
  EXPECT_EQ(record(json, {}),
            "name    alice\n"
            "groups\n"
            "  group  dba\n"
            "  until  x\n"
            "device\n"
            "  id     dev_1\n"
            "  label  (none)\n"
            "text\n"
            "  a\n"
            "  b\n");
}

}  // namespace
}  // namespace writ::cmd
