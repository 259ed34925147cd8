#include "base/text.h"

#include <gtest/gtest.h>

#include "base/json_fields.h"
#include "base/slim.h"

namespace writ {
namespace {

TEST(SharedText, CopiesShareTheBytes) {
  const SharedText text("idn_1");
  const SharedText copy = text;
  EXPECT_EQ(copy, "idn_1");
  EXPECT_TRUE(copy.shares(text));
  EXPECT_FALSE(SharedText("idn_1").shares(text));
  EXPECT_EQ(SharedText("idn_1"), text);
  EXPECT_LT(SharedText("a"), SharedText("b"));
  EXPECT_EQ("of " + text + "!", "of idn_1!");
  EXPECT_EQ(sizeof(text), sizeof(void*));
}

TEST(SharedText, TheEmptyOneOwnsNothing) {
  EXPECT_TRUE(SharedText("").shares(SharedText()));
  EXPECT_EQ(SharedText().view(), "");
}

TEST(SharedText, OutlivesWhatItWasCopiedFrom) {
  auto first = std::make_unique<SharedText>(std::string(100, 'x'));
  SharedText copy = *first;
  first.reset();
  EXPECT_EQ(copy, std::string(100, 'x'));
  SharedText moved = std::move(copy);
  copy = "another";
  EXPECT_EQ(moved.size(), 100u);
  EXPECT_EQ(copy, "another");
}

TEST(SharedTexts, AreAListWhoseOnlyItemCostsNothing) {
  SharedTexts texts;
  EXPECT_TRUE(texts.empty());
  const SharedText one("idn_1");
  texts.push_back(one);
  ASSERT_EQ(texts.size(), 1u);
  EXPECT_TRUE(texts.begin()->shares(one));
  for (int more = 2; more <= 4; ++more) texts.push_back("idn_" + std::to_string(more));
  const SharedTexts copy = texts;
  texts.clear();
  EXPECT_TRUE(texts.empty());
  std::string all;
  for (const SharedText& text : copy) all += text;
  EXPECT_EQ(all, "idn_1idn_2idn_3idn_4");
  EXPECT_EQ(sizeof(texts), sizeof(void*));
}

TEST(SharedTexts, TellAnEmptyItemFromNone) {
  SharedTexts texts;
  texts.push_back("");
  EXPECT_FALSE(texts.empty());
  EXPECT_EQ(texts.size(), 1u);
  texts.push_back("b");
  texts = SharedTexts(texts);
  EXPECT_EQ(texts.size(), 2u);
  SharedTexts moved = std::move(texts);
  EXPECT_EQ(moved.begin()[1], "b");
}

TEST(InlineText, HoldsAnyTextAndShortOnesItself) {
  for (const std::size_t size : {0u, 1u, 22u, 23u, 24u, 126u, 127u, 1000u}) {
    const std::string text(size, 'x');
    const InlineText made(text);
    InlineText copy = made;
    InlineText moved = std::move(copy);
    copy = made;
    EXPECT_EQ(moved, text);
    EXPECT_EQ(copy, text);
    EXPECT_EQ(moved.size(), size);
    EXPECT_EQ(moved.empty(), size == 0);
    const char* at = moved.view().data();
    const bool within = at >= reinterpret_cast<const char*>(&moved) &&
                        at < reinterpret_cast<const char*>(&moved + 1);
    EXPECT_EQ(within, size <= 23);
  }
  EXPECT_EQ(sizeof(InlineText), 24u);
}

struct Ticket {
  InlineText id;
  SharedText holder;
  SharedTexts seats;
  Slim<Time> until;
};
template <class V>
void fields(V& v, Ticket& t) {
  v("id", t.id);
  v("holder", t.holder);
  v("seats", t.seats);
  v("until", t.until);
}

TEST(CompactTexts, StandInJsonAsOthersDo) {
  const std::string text =
      R"({"id":"t1","holder":"ann","seats":["3b","4"],"until":"2026-11-21T09:30:00.000Z"})";
  const auto ticket = from_json<Ticket>(*parse_json(text));
  ASSERT_TRUE(ticket) << ticket.error().text();
  EXPECT_EQ(compact(to_json(*ticket)), text);
  EXPECT_EQ(compact(to_json(Ticket{"t2", "", {}, {}})), R"({"id":"t2","holder":"","seats":[]})");
  EXPECT_EQ(from_json<Ticket>(*parse_json(R"({"id":1,"holder":"","seats":[]})")).error().text(),
            "/id: a string is wanted here, not an integer");
}

TEST(Slim, IsAnOptionalOfTheValuesSize) {
  Slim<Time> time;
  EXPECT_FALSE(time);
  EXPECT_EQ(time.value_or(from_unix_ms(7)), from_unix_ms(7));
  time = from_unix_ms(0);
  ASSERT_TRUE(time);
  EXPECT_EQ(*time, from_unix_ms(0));
  EXPECT_EQ(std::optional<Time>(time), from_unix_ms(0));
  time.reset();
  EXPECT_EQ(std::optional<Time>(time), std::nullopt);
  EXPECT_EQ(sizeof(time), sizeof(Time));
}

}  // namespace
}  // namespace writ
