#include "cedar/extension.h"

#include <endian.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <limits>

namespace writ::cedar {
namespace {

constexpr std::int64_t kDay = 86'400'000;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// Takes exactly `count` digits from the front of `text`.
std::optional<int> take_digits(std::string_view& text, std::size_t count) {
  if (text.size() < count) return std::nullopt;
  int value = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (!is_digit(text[i])) return std::nullopt;
    value = value * 10 + (text[i] - '0');
  }
  text.remove_prefix(count);
  return value;
}

bool take(std::string_view& text, char c) {
  if (!text.starts_with(c)) return false;
  text.remove_prefix(1);
  return true;
}

// Days since 1970-01-01 of a date in the proleptic Gregorian calendar, and back.
std::int64_t days_from_civil(std::int64_t year, std::int64_t month, std::int64_t day) {
  year -= month <= 2 ? 1 : 0;
  const std::int64_t era = (year >= 0 ? year : year - 399) / 400;
  const std::int64_t of_era = year - era * 400;
  const std::int64_t of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
  return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

struct Date {
  std::int64_t year, month, day;
};

Date civil_from_days(std::int64_t days) {
  days += 719468;
  const std::int64_t era = (days >= 0 ? days : days - 146096) / 146097;
  const std::int64_t of_era = days - era * 146097;
  const std::int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
  const std::int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
  const std::int64_t month = (5 * of_year + 2) / 153;
  const std::int64_t day = of_year - (153 * month + 2) / 5 + 1;
  return {year + era * 400 + (month >= 10 ? 1 : 0), month < 10 ? month + 3 : month - 9, day};
}

std::optional<int> month_length(int year, int month) {
  if (month < 1 || month > 12) return std::nullopt;
  constexpr std::array<int, 12> kDays{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return kDays.at(static_cast<std::size_t>(month - 1)) + (leap && month == 2 ? 1 : 0);
}

// IPv4: four decimal numbers, none with a leading zero. Takes them from the text.
bool take_v4(std::string_view& text, IpRange& out) {
  const char* at = text.data();
  const char* const end = at + text.size();
  const auto digit = [&] { return at == end ? 10U : static_cast<unsigned>(*at) - '0'; };
  for (std::size_t i = 0; i < 4; ++i) {
    if (i > 0) {
      if (at == end || *at != '.') return false;
      ++at;
    }
    unsigned value = digit();
    if (value > 9) return false;
    ++at;
    // After a first 0 no other digit may follow; nor may a fourth.
    for (unsigned next; value > 0 && value < 26 && (next = digit()) <= 9; ++at) {
      value = value * 10 + next;
    }
    if (value > 255) return false;
    out.bytes[i] = static_cast<std::uint8_t>(value);
  }
  text.remove_prefix(static_cast<std::size_t>(at - text.data()));
  return true;
}

// IPv6: eight groups of up to four hex digits, one run of them written `::`.
bool parse_v6(std::string_view text, IpRange& out) {
  std::array<std::uint16_t, 8> groups{};
  std::size_t count = 0;
  std::optional<std::size_t> gap;
  if (text.starts_with("::")) {
    gap = 0;
    text.remove_prefix(2);
  }
  while (!text.empty()) {
    if (count == 8) return false;
    std::size_t digits = 0;
    while (digits < text.size() && text[digits] != ':') ++digits;
    if (digits == 0 || digits > 4) return false;
    const auto read = std::from_chars(text.data(), text.data() + digits, groups[count], 16);
    if (read.ec != std::errc() || read.ptr != text.data() + digits) return false;
    ++count;
    text.remove_prefix(digits);
    if (text.empty()) break;
    text.remove_prefix(1);
    if (take(text, ':')) {
      if (gap) return false;
      gap = count;
    } else if (text.empty()) {
      return false;
    }
  }
  if (gap ? count > 7 : count != 8) return false;
  if (gap) {
    const auto from = groups.begin() + static_cast<std::ptrdiff_t>(*gap);
    const auto to = groups.begin() + static_cast<std::ptrdiff_t>(count);
    std::move_backward(from, to, groups.end());
    std::fill(from, groups.end() - (to - from), std::uint16_t{0});
  }
  for (std::size_t i = 0; i < 8; ++i) {
    out.bytes.at(2 * i) = static_cast<std::uint8_t>(groups.at(i) >> 8);
    out.bytes.at(2 * i + 1) = static_cast<std::uint8_t>(groups.at(i) & 0xff);
  }
  return true;
}

// True when the first `bits` bits of both are the same.
bool same_prefix(const IpRange& a, const IpRange& b, unsigned bits) {
  const auto differ = [&](std::size_t from) {
    std::uint64_t mine = 0, theirs = 0;
    std::memcpy(&mine, a.bytes.data() + from, 8);
    std::memcpy(&theirs, b.bytes.data() + from, 8);
    return be64toh(mine ^ theirs);
  };
  if (bits == 0) return true;
  if (bits <= 64) return differ(0) >> (64 - bits) == 0;
  return differ(0) == 0 && differ(8) >> (128 - bits) == 0;
}

std::string padded(std::int64_t value, std::size_t width) {
  std::string digits = std::to_string(value);
  return digits.size() < width ? std::string(width - digits.size(), '0') + digits : digits;
}

}  // namespace

std::optional<IpRange> parse_ip(std::string_view text) {
  constexpr std::size_t kLongest = 43;  // eight full groups and "/128"
  if (text.size() > kLongest) return std::nullopt;
  IpRange range;
  if (!take_v4(text, range)) {
    range = IpRange{};
    range.v6 = true;
    const std::size_t slash = std::min(text.find('/'), text.size());
    if (!parse_v6(text.substr(0, slash), range)) return std::nullopt;
    text.remove_prefix(slash);
  }
  const unsigned most = range.v6 ? 128 : 32;
  unsigned prefix = most;
  if (!text.empty()) {
    if (text[0] != '/') return std::nullopt;
    const std::string_view digits = text.substr(1);
    if (digits.empty() || digits.size() > (range.v6 ? 3U : 2U) ||
        (digits.size() > 1 && digits[0] == '0') ||
        !std::all_of(digits.begin(), digits.end(), is_digit)) {
      return std::nullopt;
    }
    std::from_chars(digits.data(), digits.data() + digits.size(), prefix);
    if (prefix > most) return std::nullopt;
  }
  range.prefix = static_cast<std::uint8_t>(prefix);
  return range;
}

std::optional<std::int64_t> parse_decimal(std::string_view text) {
  const std::size_t dot = text.find('.');
  if (dot == std::string_view::npos) return std::nullopt;
  std::string_view whole = text.substr(0, dot);
  const std::string_view fraction = text.substr(dot + 1);
  const bool negative = take(whole, '-');
  if (whole.empty() || fraction.empty() || fraction.size() > 4 ||
      !std::all_of(whole.begin(), whole.end(), is_digit) ||
      !std::all_of(fraction.begin(), fraction.end(), is_digit)) {
    return std::nullopt;
  }
  std::int64_t value = 0;
  const auto add = [&](int digit) {
    return !__builtin_mul_overflow(value, 10, &value) &&
           !__builtin_add_overflow(value, negative ? -digit : digit, &value);
  };
  for (char c : whole) {
    if (!add(c - '0')) return std::nullopt;
  }
  for (std::size_t i = 0; i < 4; ++i) {
    if (!add(i < fraction.size() ? fraction[i] - '0' : 0)) return std::nullopt;
  }
  return value;
}

std::optional<std::int64_t> parse_datetime(std::string_view text) {
  const auto year = take_digits(text, 4);
  if (!year || !take(text, '-')) return std::nullopt;
  const auto month = take_digits(text, 2);
  if (!month || !take(text, '-')) return std::nullopt;
  const auto day = take_digits(text, 2);
  if (!day) return std::nullopt;
  const auto length = month_length(*year, *month);
  if (!length || *day < 1 || *day > *length) return std::nullopt;
  std::int64_t ms = days_from_civil(*year, *month, *day) * kDay;
  if (text.empty()) return ms;

  if (!take(text, 'T')) return std::nullopt;
  const auto hour = take_digits(text, 2);
  if (!hour || !take(text, ':')) return std::nullopt;
  const auto minute = take_digits(text, 2);
  if (!minute || !take(text, ':')) return std::nullopt;
  const auto second = take_digits(text, 2);
  if (!second || *hour > 23 || *minute > 59 || *second > 59) return std::nullopt;
  ms += ((*hour * 60 + *minute) * 60 + *second) * std::int64_t{1000};
  if (take(text, '.')) {
    const auto fraction = take_digits(text, 3);
    if (!fraction) return std::nullopt;
    ms += *fraction;
  }
  if (text == "Z") return ms;
  const bool east = take(text, '+');
  if (!east && !take(text, '-')) return std::nullopt;
  const auto hours = take_digits(text, 2);
  const auto minutes = hours ? take_digits(text, 2) : std::nullopt;
  if (!minutes || !text.empty() || *hours > 23 || *minutes > 59) return std::nullopt;
  const std::int64_t offset = (*hours * 60 + *minutes) * std::int64_t{60'000};
  return east ? ms - offset : ms + offset;
}

std::optional<std::int64_t> parse_duration(std::string_view text) {
  struct Unit {
    std::string_view name;
    std::int64_t ms;
  };
  constexpr std::array<Unit, 5> kUnits{
      {{"d", kDay}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1000}, {"ms", 1}}};
  const bool negative = take(text, '-');
  if (text.empty()) return std::nullopt;
  std::int64_t total = 0;
  std::size_t next = 0;  // units come in their order, each at most once
  while (!text.empty()) {
    std::size_t digits = 0;
    std::int64_t count = 0;
    for (; digits < text.size() && is_digit(text[digits]); ++digits) {
      const int digit = text[digits] - '0';
      if (__builtin_mul_overflow(count, 10, &count) ||
          __builtin_add_overflow(count, negative ? -digit : digit, &count)) {
        return std::nullopt;
      }
    }
    if (digits == 0) return std::nullopt;
    text.remove_prefix(digits);
    const std::size_t letters = text.starts_with("ms") ? 2 : 1;
    const std::string_view name = text.substr(0, letters);
    while (next < kUnits.size() && kUnits.at(next).name != name) ++next;
    if (next == kUnits.size()) return std::nullopt;
    if (__builtin_mul_overflow(count, kUnits.at(next).ms, &count) ||
        __builtin_add_overflow(total, count, &total)) {
      return std::nullopt;
    }
    ++next;
    text.remove_prefix(letters);
  }
  return total;
}

std::string ip_text(const IpRange& range) {
  std::string out;
  if (!range.v6) {
    for (std::size_t i = 0; i < 4; ++i) {
      out += (i > 0 ? "." : "") + std::to_string(range.bytes.at(i));
    }
    return range.prefix == 32 ? out : out + "/" + std::to_string(range.prefix);
  }
  // RFC 5952: the longest run of two or more zero groups is `::`.
  std::array<unsigned, 8> groups{};
  for (std::size_t i = 0; i < 8; ++i) {
    groups.at(i) = range.bytes.at(2 * i) * 256U + range.bytes.at(2 * i + 1);
  }
  std::size_t gap = 8;
  std::size_t gap_size = 1;
  for (std::size_t i = 0; i < 8; ++i) {
    std::size_t j = i;
    while (j < 8 && groups.at(j) == 0) ++j;
    if (j - i > gap_size) {
      gap = i;
      gap_size = j - i;
    }
  }
  for (std::size_t i = 0; i < 8; ++i) {
    if (i == gap) {
      out += "::";
      i += gap_size - 1;
      continue;
    }
    if (!out.empty() && out.back() != ':') out += ':';
    std::array<char, 4> hex{};
    const auto end = std::to_chars(hex.data(), hex.data() + hex.size(), groups.at(i), 16).ptr;
    out.append(hex.data(), end);
  }
  return range.prefix == 128 ? out : out + "/" + std::to_string(range.prefix);
}

std::string decimal_text(std::int64_t value) {
  const std::uint64_t size =
      value < 0 ? 0 - static_cast<std::uint64_t>(value) : static_cast<std::uint64_t>(value);
  std::string fraction = padded(static_cast<std::int64_t>(size % 10000), 4);
  while (fraction.size() > 1 && fraction.back() == '0') fraction.pop_back();
  return (value < 0 ? "-" : "") + std::to_string(size / 10000) + "." + fraction;
}

bool has_datetime_text(std::int64_t ms) {
  const std::int64_t first = days_from_civil(0, 1, 1) * kDay;
  const std::int64_t end = days_from_civil(10000, 1, 1) * kDay;
  return ms >= first && ms < end;
}

std::string datetime_text(std::int64_t ms) {
  const std::int64_t time = to_time(ms);
  const Date date = civil_from_days((ms - time) / kDay);
  return padded(date.year, 4) + "-" + padded(date.month, 2) + "-" + padded(date.day, 2) + "T" +
         padded(time / 3'600'000, 2) + ":" + padded(time / 60'000 % 60, 2) + ":" +
         padded(time / 1000 % 60, 2) + "." + padded(time % 1000, 3) + "Z";
}

std::string duration_text(std::int64_t ms) {
  return std::to_string(ms) + "ms";
}

bool is_loopback(const IpRange& range) {
  if (!range.v6) return range.bytes[0] == 127 && range.prefix >= 8;
  IpRange loopback;
  loopback.bytes[15] = 1;
  return range.bytes == loopback.bytes && range.prefix == 128;
}

bool is_multicast(const IpRange& range) {
  return range.v6 ? range.bytes[0] == 0xff && range.prefix >= 8
                  : range.bytes[0] >> 4 == 0xe && range.prefix >= 4;
}

bool is_in_range(const IpRange& inner, const IpRange& outer) {
  return inner.v6 == outer.v6 && inner.prefix >= outer.prefix &&
         same_prefix(inner, outer, outer.prefix);
}

std::optional<std::int64_t> to_date(std::int64_t ms) {
  std::int64_t day = 0;
  if (__builtin_sub_overflow(ms, to_time(ms), &day)) return std::nullopt;
  return day;
}

std::int64_t to_time(std::int64_t ms) {
  const std::int64_t rest = ms % kDay;
  return rest < 0 ? rest + kDay : rest;
}

}  // namespace writ::cedar
