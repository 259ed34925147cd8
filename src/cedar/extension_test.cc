#include "cedar/extension.h"

#include <gtest/gtest.h>

#include <limits>

namespace writ::cedar {
namespace {

constexpr std::int64_t kLeast = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();

TEST(Decimal, HasOneToFourDigitsBehindThePoint) {
  EXPECT_EQ(parse_decimal("1.0"), 10000);
  EXPECT_EQ(parse_decimal("-0.0001"), -1);
  EXPECT_EQ(parse_decimal("00012.34"), 123400);
  EXPECT_EQ(parse_decimal("922337203685477.5807"), kMost);
  EXPECT_EQ(parse_decimal("-922337203685477.5808"), kLeast);
  for (const std::string_view wrong :
       {"", "1", "1.", ".5", "-.5", "1.00000", "+1.0", "1.0 ", " 1.0", "1.-1", "--1.0", "1e1.0",
        "922337203685477.5808", "-922337203685477.5809", "1.0.0"}) {
    EXPECT_FALSE(parse_decimal(wrong)) << wrong;
  }
}

TEST(Decimal, PrintsWhatItParses) {
  for (const std::int64_t v :
       {std::int64_t{0}, std::int64_t{-1}, std::int64_t{120000}, kMost, kLeast}) {
    EXPECT_EQ(parse_decimal(decimal_text(v)), v);
  }
  EXPECT_EQ(decimal_text(12000), "1.2");
}

TEST(Ip, ReadsAddressesAndRanges) {
  for (const std::string_view right :
       {"127.0.0.1", "0.0.0.0/0", "10.1.2.3/32", "::", "::1", "1::", "1:2:3:4:5:6:7:8", "::/0",
        "ABCD:EF01:2345:6789:ABCD:EF01:2345:6789/128", "1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8"}) {
    EXPECT_TRUE(parse_ip(right)) << right;
  }
  for (const std::string_view wrong : {"",
                                       "1.2.3",
                                       "1.2.3.4.5",
                                       "256.0.0.1",
                                       "01.2.3.4",
                                       "1.2.3.4/",
                                       "1.2.3.4/33",
                                       "1.2.3.4/08",
                                       "1.2.3.4/+8",
                                       "1.2.3.4 ",
                                       "::ffff:1.2.3.4",
                                       ":::",
                                       "1::2::3",
                                       "1:2:3:4:5:6:7",
                                       "1:2:3:4:5:6:7:8:9",
                                       "12345::",
                                       "::/129",
                                       "::/001",
                                       "g::",
                                       "1:",
                                       ":1",
                                       "1.2.3.4/8/8",
                                       "1:2:3:4:5:6:7:8::"}) {
    EXPECT_FALSE(parse_ip(wrong)) << wrong;
  }
}

TEST(Ip, KnowsLoopbackAndMulticastRanges) {
  EXPECT_TRUE(is_loopback(*parse_ip("127.255.0.1")));
  EXPECT_TRUE(is_loopback(*parse_ip("127.0.0.0/8")));
  EXPECT_FALSE(is_loopback(*parse_ip("127.0.0.0/7")));
  EXPECT_TRUE(is_loopback(*parse_ip("::1")));
  EXPECT_FALSE(is_loopback(*parse_ip("::1/127")));
  EXPECT_TRUE(is_multicast(*parse_ip("224.0.0.0/4")));
  EXPECT_FALSE(is_multicast(*parse_ip("224.0.0.0/3")));
  EXPECT_TRUE(is_multicast(*parse_ip("ff02::1")));
  EXPECT_FALSE(is_multicast(*parse_ip("ff00::/7")));
}

TEST(Ip, RangesContainEqualAndSmallerOnesOfTheirVersion) {
  EXPECT_TRUE(is_in_range(*parse_ip("10.1.2.3"), *parse_ip("10.9.9.9/8")));
  EXPECT_TRUE(is_in_range(*parse_ip("10.0.0.0/8"), *parse_ip("10.0.0.0/8")));
  EXPECT_FALSE(is_in_range(*parse_ip("10.0.0.0/7"), *parse_ip("10.0.0.0/8")));
  EXPECT_FALSE(is_in_range(*parse_ip("10.128.0.0"), *parse_ip("10.0.0.0/9")));
  EXPECT_FALSE(is_in_range(*parse_ip("::a00:1"), *parse_ip("0.0.0.0/0")));
  EXPECT_TRUE(is_in_range(*parse_ip("1.2.3.4"), *parse_ip("0.0.0.0/0")));
  EXPECT_TRUE(is_in_range(*parse_ip("fe80::1"), *parse_ip("fe80::/10")));
}

TEST(Ip, ARangeIsAsLongAsItsPrefix) {
  for (const char* text : {"10.20.30.40", "fe80:1:2:3:4:5:6:7"}) {
    const IpRange address = *parse_ip(text);
    for (unsigned prefix = 0; prefix <= address.prefix; ++prefix) {
      IpRange range = address;
      range.prefix = static_cast<std::uint8_t>(prefix);
      for (unsigned bit = 0; bit < address.prefix; ++bit) {
        IpRange other = address;
        other.bytes.at(bit / 8) ^= static_cast<std::uint8_t>(0x80 >> bit % 8);
        EXPECT_EQ(is_in_range(other, range), bit >= prefix) << text << "/" << prefix << " " << bit;
      }
    }
  }
}

TEST(Ip, PrintsTheShortForm) {
  EXPECT_EQ(ip_text(*parse_ip("1:0:0:2:0:0:0:3")), "1:0:0:2::3");
  EXPECT_EQ(ip_text(*parse_ip("0:0:0:0:0:0:0:0")), "::");
  EXPECT_EQ(ip_text(*parse_ip("1:0:2:3:4:5:6:7/64")), "1:0:2:3:4:5:6:7/64");
  EXPECT_EQ(ip_text(*parse_ip("1::/16")), "1::/16");
}

TEST(Datetime, ReadsDatesTimesFractionsAndOffsets) {
  EXPECT_EQ(parse_datetime("1970-01-01"), 0);
  EXPECT_EQ(parse_datetime("2024-10-15T11:35:00Z"), 1728992100000);
  EXPECT_EQ(parse_datetime("2024-10-15T11:35:00.001Z"), 1728992100001);
  EXPECT_EQ(parse_datetime("2024-10-15T11:35:00+0100"), 1728988500000);
  EXPECT_EQ(parse_datetime("2024-10-15T11:35:00.000-2359"), 1729078440000);
  EXPECT_EQ(parse_datetime("2024-02-29"), 1709164800000);
  EXPECT_EQ(parse_datetime("0000-02-29"), -62162121600000);
  for (const std::string_view wrong : {"",
                                       "2023-02-29",
                                       "2024-13-01",
                                       "2024-00-01",
                                       "2024-01-00",
                                       "1900-02-29",
                                       "2024-1-1",
                                       "2024-01-01T",
                                       "2024-01-01T00:00Z",
                                       "2024-01-01T24:00:00Z",
                                       "2024-01-01T00:60:00Z",
                                       "2024-01-01T00:00:60Z",
                                       "2024-01-01T00:00:00",
                                       "2024-01-01T00:00:00.0Z",
                                       "2024-01-01T00:00:00+2400",
                                       "2024-01-01T00:00:00+0060",
                                       "2024-01-01T00:00:00+01:00",
                                       "2024-01-01T00:00:00z",
                                       "2024-01-01 00:00:00Z",
                                       "2024-01-01Z",
                                       "2024-01-01T00:00:00ZZ"}) {
    EXPECT_FALSE(parse_datetime(wrong)) << wrong;
  }
}

TEST(Datetime, PrintsWhatItParses) {
  for (const std::string_view text : {"0000-01-01T00:00:00.000Z", "1969-12-31T23:59:59.999Z",
                                      "2000-02-29T12:00:00.000Z", "9999-12-31T23:59:59.999Z"}) {
    const auto ms = parse_datetime(text);
    ASSERT_TRUE(ms) << text;
    EXPECT_TRUE(has_datetime_text(*ms));
    EXPECT_EQ(datetime_text(*ms), text);
  }
  EXPECT_FALSE(has_datetime_text(*parse_datetime("9999-12-31T23:59:59.999Z") + 1));
  EXPECT_FALSE(has_datetime_text(*parse_datetime("0000-01-01") - 1));
}

TEST(Datetime, SplitsIntoDateAndTimeBeforeTheEpochToo) {
  EXPECT_EQ(to_date(-1), -86'400'000);
  EXPECT_EQ(to_time(-1), 86'399'999);
  EXPECT_EQ(to_date(86'400'000), 86'400'000);
  EXPECT_EQ(to_time(-86'400'000), 0);
  EXPECT_FALSE(to_date(kLeast));
  EXPECT_GE(to_time(kLeast), 0);
}

TEST(Duration, ReadsUnitsInTheirOrder) {
  EXPECT_EQ(parse_duration("1d2h3m4s5ms"), 93'784'005);
  EXPECT_EQ(parse_duration("-1m1ms"), -60'001);
  EXPECT_EQ(parse_duration("0ms"), 0);
  EXPECT_EQ(parse_duration("-9223372036854775808ms"), kLeast);
  EXPECT_EQ(parse_duration("9223372036854775807ms"), kMost);
  for (const std::string_view wrong :
       {"", "-", "1", "d", "1h1d", "1d1d", "1ms1s", "+1h", "1.5h", "1 h", "1H", "--1h", "1h-1m",
        "9223372036854775808ms", "106751991168d", "99999999999999999999s"}) {
    EXPECT_FALSE(parse_duration(wrong)) << wrong;
  }
}

}  // namespace
}  // namespace writ::cedar
