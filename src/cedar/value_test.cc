#include "cedar/value.h"

#include <gtest/gtest.h>

#include <limits>

#include "cedar/sharing.h"
#include "cedar/text.h"
#include "cedar/uids_for_test.h"

namespace writ::cedar {
namespace {

Value read(std::string_view text) {
  const Result<Json> json = parse_json(text);
  EXPECT_TRUE(json) << text;
  const Result<Value> value = value_from_json(*json);
  EXPECT_TRUE(value) << text << ": " << value.error().text();
  return *value;
}

std::string refusal(std::string_view text) {
  const Result<Json> json = parse_json(text);
  EXPECT_TRUE(json) << text;
  const Result<Value> value = value_from_json(*json);
  return value ? "accepted" : value.error().text();
}

TEST(Value, SetsHaveNoOrderAndNoDuplicates) {
  EXPECT_EQ(read("[3, 1, 2, 1]"), read("[1, 2, 3]"));
  EXPECT_EQ(read("[[2, 1], [1, 2]]").view().items().size(), 1U);
  EXPECT_NE(read("[1, 2]"), read("[1, 2, 3]"));
}

TEST(Value, RecordsAreEqualByContent) {
  EXPECT_EQ(read(R"({"a": 1, "b": {"c": [true]}})"), read(R"({"b": {"c": [true]}, "a": 1})"));
  EXPECT_NE(read(R"({"a": 1})"), read(R"({"a": 2})"));
  EXPECT_NE(read(R"({"a": 1})"), read(R"({"b": 1})"));
}

TEST(Value, KindsNeverEqualEachOther) {
  EXPECT_NE(read("1"), read("true"));
  EXPECT_NE(read("\"1\""), read("1"));
  EXPECT_NE(Value::datetime(1), Value::duration(1));
  EXPECT_NE(Value::decimal(1), Value::integer(1));
}

TEST(Value, FindsFieldsInSmallAndLargeRecords) {
  for (const int count : {3, 200}) {
    std::vector<Field> fields;
    for (int i = 0; i < count; ++i) {
      fields.emplace_back("name" + std::to_string(i), Value::integer(i));
    }
    const Value record = Value::record(std::move(fields));
    for (int i = 0; i < count; ++i) {
      const String name("name" + std::to_string(i));
      EXPECT_EQ(record.view().find(name.text()).integer(), i);
    }
    EXPECT_FALSE(record.find("name"));
  }
}

TEST(Value, CompareIsATotalOrder) {
  const std::vector<Value> values{read("false"), read("true"),       read("-5"),       read("7"),
                                  read("\"\""),  read("\"b\""),      read("[]"),       read("[1]"),
                                  read("{}"),    read(R"({"a":1})"), Value::decimal(1)};
  for (std::size_t i = 0; i < values.size(); ++i) {
    for (std::size_t j = 0; j < values.size(); ++j) {
      EXPECT_EQ(values[i] == values[j], i == j);
      EXPECT_EQ((values[i] <=> values[j]) == 0, i == j);
      EXPECT_EQ((values[i] <=> values[j]) < 0, (values[j] <=> values[i]) > 0);
    }
  }
}

TEST(ValueJson, IntegersAreExact) {
  EXPECT_EQ(read("9223372036854775807").as_int(), std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(read("-9223372036854775808").as_int(), std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(read("9007199254740993").as_int(), 9007199254740993);
}

TEST(ValueJson, RefusesWhatCedarHasNoValueFor) {
  EXPECT_EQ(refusal(R"({"a": [1, null]})"), "/a/1: Cedar has no value for null");
  EXPECT_EQ(refusal("1.5"), "Cedar has no value for a number");
}

TEST(ValueJson, EscapesMakeEntitiesAndExtensions) {
  EXPECT_EQ(read(R"({"__entity": {"type": "A::B", "id": "x"}})").as_entity(),
            EntityUid("A::B", "x"));
  EXPECT_EQ(read(R"({"__extn": {"fn": "decimal", "arg": "1.5"}})"), Value::decimal(15000));
  EXPECT_EQ(read(R"({"__extn": {"fn": "datetime", "arg": "1970-01-02"}})"),
            Value::datetime(86'400'000));
}

TEST(ValueJson, ExtensionCallsNest) {
  EXPECT_EQ(read(R"({"__extn": {"fn": "offset", "args": [
                     {"__extn": {"fn": "datetime", "arg": "1970-01-01"}},
                     {"__extn": {"fn": "duration", "arg": "-1s"}}]}})"),
            Value::datetime(-1000));
}

TEST(ValueJson, RefusesWrongEscapesWithTheirPlace) {
  EXPECT_EQ(refusal(R"({"a": {"__extn": {"fn": "nope", "arg": "1"}}})"),
            "/a/__extn/fn: there is no extension function `nope`");
  EXPECT_EQ(refusal(R"({"__extn": {"fn": "ip", "arg": "1.2.3"}})"), "/__extn: \"1.2.3\" is no ip");
  EXPECT_EQ(refusal(R"({"__entity": {"type": "A"}})"),
            "/__entity: an entity is {\"type\": TEXT, \"id\": TEXT}");
  EXPECT_EQ(refusal(R"({"__entity": {"type": "if", "id": ""}})"),
            "/__entity/type: `if` is no entity type");
  EXPECT_EQ(refusal(R"({"__entity": {"type": "A", "id": "b"}, "x": 1})"),
            "/__entity: `__entity` cannot be the name of an attribute");
}

TEST(ValueJson, LongNamesAreNotCopiedForEachValueBelowThem) {
  // With the place of each value written out, this would take minutes.
  const std::string name(4 << 20, 'k');
  JsonArray items;
  for (std::int64_t i = 0; i < 100'000; ++i) items.push_back(Json(i));
  items.push_back(Json());
  JsonObject object;
  object.emplace_back(name, Json(std::move(items)));
  const Result<Value> value = value_from_json(Json(std::move(object)), "f#");
  ASSERT_FALSE(value);
  EXPECT_TRUE(value.error().where == "f#/" + name + "/100000");
}

TEST(ValueJson, WritesWhatItReads) {
  for (const std::string_view text :
       {R"([1,"a",{"__entity":{"type":"A","id":"b"}}])", R"({"a":{"b":[]},"c":true})",
        R"({"__extn":{"fn":"ip","arg":"10.0.0.0/8"}})",
        R"({"__extn":{"fn":"ip","arg":"fe80::1:0:0:1"}})",
        R"({"__extn":{"fn":"decimal","arg":"-0.0001"}})",
        R"({"__extn":{"fn":"datetime","arg":"2024-10-15T11:35:00.123Z"}})",
        R"({"__extn":{"fn":"duration","arg":"-5ms"}})"}) {
    EXPECT_EQ(compact(to_json(read(text).view())), text);
  }
}

TEST(ValueJson, WritesDatetimesThatHaveNoText) {
  for (const std::int64_t ms :
       {std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()}) {
    const Value far = Value::datetime(ms);
    EXPECT_EQ(*value_from_json(to_json(far.view())), far);
  }
}

TEST(EntityUid, ParsesAsPoliciesWriteIt) {
  EXPECT_EQ(*EntityUid::parse(R"(A::B::"x\"\u{41}")"), EntityUid("A::B", "x\"A"));
  EXPECT_EQ(EntityUid("A", "x\"\n").print(), R"(A::"x\"\n")");
  EXPECT_FALSE(EntityUid::parse("A"));
  EXPECT_FALSE(EntityUid::parse(R"("x")"));
  EXPECT_FALSE(EntityUid::parse(R"(A::"x" )"
                                "b"));
  EXPECT_FALSE(EntityUid::parse(R"(in::"x")"));
}

TEST(EntityUid, TypeAndIdDoNotRunTogether) {
  EXPECT_NE(EntityUid("A", "bc"), EntityUid("Ab", "c"));
  EXPECT_NE(EntityUid("A", "").hash(), EntityUid("", "A").hash());
}

TEST(UidSet, ContainsInSmallAndLargeSets) {
  for (const int count : {0, 1, 7, 8, 9, 64, 65, 1000}) {
    std::vector<EntityUid> uids;
    for (int i = 0; i < count; ++i) uids.emplace_back("T", std::to_string(i));
    const UidSet set(uids);
    EXPECT_EQ(set.size(), static_cast<std::size_t>(count));
    for (const EntityUid& uid : uids) EXPECT_TRUE(set.contains(uid));
    EXPECT_FALSE(set.contains(EntityUid("T", "x")));
  }
}

TEST(UidSet, TellsUidsOfOneHashApart) {
  const std::vector<EntityUid> uids = uids_of_one_hash(80);
  for (const EntityUid& uid : uids) ASSERT_EQ(uid.hash(), uids.front().hash());
  for (const std::size_t count : {40U, 79U}) {
    const UidSet set(std::vector(uids.begin(), uids.begin() + static_cast<std::ptrdiff_t>(count)));
    EXPECT_EQ(set.size(), count);
    for (std::size_t i = 0; i < uids.size(); ++i) EXPECT_EQ(set.contains(uids[i]), i < count);
  }
}

TEST(UidSet, CopiesAndMovesHoldTheSame) {
  const EntityUid a("T", "a");
  UidSet set({a});
  const UidSet copy = set;
  UidSet moved = std::move(set);
  EXPECT_TRUE(copy.contains(a));
  EXPECT_TRUE(moved.contains(a));
  EXPECT_FALSE(set.contains(a));  // NOLINT(bugprone-use-after-move): it is empty now
  set = copy;
  moved = UidSet();
  EXPECT_TRUE(set.contains(a));
  EXPECT_FALSE(moved.contains(a));
}

TEST(Value, FindsInSmallAndLargeSetsAndRecords) {
  for (const int count : {0, 1, 2, 5, 8, 9, 14, 15, 16, 17, 64, 65, 500}) {
    std::vector<Value> items;
    std::vector<Field> fields;
    for (int i = 0; i < count; ++i) {
      items.push_back(Value::string(std::to_string(i)));
      fields.emplace_back(String(std::to_string(i)), Value::integer(i));
    }
    const Value set = Value::set(std::move(items));
    const Value record = Value::record(std::move(fields));
    for (int i = 0; i < count; ++i) {
      EXPECT_TRUE(set.view().contains(Value::string(std::to_string(i))));
      EXPECT_EQ(record.view().find(String(std::to_string(i)).text()).integer(), i);
    }
    EXPECT_FALSE(set.view().contains(Value::string("x")));
    EXPECT_FALSE(set.view().contains(Value::integer(0)));
    for (int i = count; i < 2 * count + 100; ++i) {
      EXPECT_FALSE(set.view().contains(Value::string(std::to_string(i))));
      EXPECT_TRUE(record.view().find(String(std::to_string(i)).text()).is(Kind::kNone));
    }
  }
}

TEST(EntityUid, ComparesEveryByte) {
  for (std::size_t size = 0; size < 50; ++size) {
    const std::string id(size, 'a');
    for (std::size_t i = 0; i < size; ++i) {
      std::string other = id;
      other[i] = 'b';
      EXPECT_FALSE(same_text(id, other)) << size << " " << i;
      EXPECT_NE(hash_bytes(id), hash_bytes(other)) << size << " " << i;
    }
    EXPECT_TRUE(same_text(id, std::string(id)));
    EXPECT_EQ(hash_bytes(id), hash_bytes(std::string(id)));
    EXPECT_FALSE(same_text(id, id + "a"));
    EXPECT_NE(hash_bytes(id), hash_bytes(id + "a"));
  }
}

TEST(Sharing, AnswersWhatItAnsweredBefore) {
  Sharing sharing(3);
  const EntityUid given("User", "alice");
  EXPECT_EQ(sharing.shared(given).text(), given.text());
  EXPECT_EQ(sharing.uid("User", "alice").text(), given.text());
  EXPECT_NE(sharing.uid("Us", "eralice").text(), given.text());
  const String name("name");
  EXPECT_EQ(sharing.shared(name).text(), name.text());
  EXPECT_EQ(sharing.name("name").text(), name.text());
}

TEST(Sharing, TellsApartWhatHasOnePlace) {
  Sharing sharing(1);
  for (const EntityUid& uid : uids_of_one_hash(100)) {
    EXPECT_EQ(sharing.uid(uid.type(), uid.id()), uid);
    EXPECT_EQ(sharing.name(uid.id()).view(), uid.id());
  }
}

TEST(Like, MatchesPieces) {
  EXPECT_TRUE(matches("abc", {"abc"}));
  EXPECT_FALSE(matches("abcd", {"abc"}));
  EXPECT_TRUE(matches("", {"", ""}));
  EXPECT_TRUE(matches("a.b.c", {"a", "c"}));
  EXPECT_FALSE(matches("aba", {"aba", "aba"}));  // pieces do not overlap
  EXPECT_TRUE(matches("xaxbx", {"x", "a", "b", "x"}));
  EXPECT_FALSE(matches("xbxax", {"x", "a", "b", "x"}));
}

TEST(Like, TakesPolynomialTime) {
  const std::string text(20'000, 'a');
  std::vector<std::string> pieces(500, "a");
  pieces.back() = "b";
  EXPECT_FALSE(matches(text, pieces));
}

TEST(Text, ResolvesEscapes) {
  EXPECT_EQ(unescape(R"(\n\t\r\\\0\'\"\x41\u{1F600}\u{4_1})").text,
            std::string("\n\t\r\\\0'\"A\U0001F600A", 13));
  for (const std::string_view wrong :
       {R"(\x80)", R"(\x4)", R"(\u{})", R"(\u{_1})", R"(\u{1234567})", R"(\u{d800})",
        R"(\u{110000})", R"(\a)", R"(\*)", "\r", R"(\u{)", R"(\u)", R"(\)"}) {
    EXPECT_FALSE(unescape(wrong).text) << wrong;
  }
}

TEST(Text, APatternsStarIsAWildcardHoweverItIsWritten) {
  EXPECT_EQ(unescape_pattern(R"(a\**b\u{2a}c\x2ad)").pieces,
            (std::vector<std::string>{"a*", "b", "c", "d"}));
}

}  // namespace
}  // namespace writ::cedar
