#include "base/clock.h"

#include <gtest/gtest.h>

namespace writ {
namespace {

TEST(Duration, ReadsWhatPeopleType) {
  EXPECT_EQ(*parse_duration("30m"), std::chrono::minutes(30));
  EXPECT_EQ(*parse_duration("1h30m"), std::chrono::minutes(90));
  EXPECT_EQ(*parse_duration("2d"), std::chrono::hours(48));
  EXPECT_EQ(*parse_duration("250ms"), Millis(250));
}

TEST(Duration, RefusesWithAReason) {
  for (auto [text, why] : {std::pair{"30", "unit is missing"},
                           {"-5m", "negative"},
                           {"9999h", "longer than 366 days"},
                           {"", "empty"},
                           {"0m", "zero"},
                           {"5m1h", "in this order"},
                           {"1h1h", "in this order"},
                           {"m", "number is missing"},
                           {"99999999999999999999h", "too large"},
                           {"1.5h", "unit is missing"}}) {
    auto d = parse_duration(text);
    ASSERT_FALSE(d) << text;
    EXPECT_NE(d.error().message.find(why), std::string::npos) << d.error().message;
  }
}

TEST(Duration, PrintsTheShortestExactForm) {
  EXPECT_EQ(to_text(Millis(5'400'000)), "1h30m");
  EXPECT_EQ(to_text(Millis(0)), "0s");
  EXPECT_EQ(to_text(Millis(61'001)), "1m1s1ms");
}

TEST(Time, RoundTripsThroughText) {
  const Time t = from_unix_ms(1'795'253'400'123);
  EXPECT_EQ(*parse_time(to_text(t)), t);
  EXPECT_EQ(to_text(*parse_time("2026-11-21T09:30:00Z")), "2026-11-21T09:30:00.000Z");
  for (const char* text : {"0001-01-01T00:00:00.001Z", "1969-12-31T23:59:59.999Z",
                           "2000-02-29T12:34:56.078Z", "9999-12-31T23:59:59.900Z"}) {
    EXPECT_EQ(to_text(*parse_time(text)), text);
  }
  EXPECT_EQ(to_text(*parse_time("9999-12-31T23:59:59.999Z") + Millis(1)),
            "10000-01-01T00:00:00.000Z");
  for (std::string_view bad : {"2026-02-30T00:00:00Z", "2026-11-21T24:00:00Z", "2026-11-21", "x",
                               "2026-11-21T09:30:00+01:00", "2026-11-21T09:30:00.1234Z"}) {
    EXPECT_FALSE(parse_time(bad)) << bad;
  }
}

}  // namespace
}  // namespace writ
