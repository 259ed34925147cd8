#include "base/clock.h"

#include <time.h>

#include <array>
#include <charconv>

#include "base/time_text.h"

namespace writ {
namespace {

using std::chrono::days;
using std::chrono::floor;

struct Unit {
  std::string_view name;
  std::int64_t ms;
};
constexpr std::array kUnits{Unit{"d", 86'400'000}, Unit{"h", 3'600'000}, Unit{"m", 60'000},
                            Unit{"s", 1'000}, Unit{"ms", 1}};
constexpr std::int64_t kLongest = 366 * kUnits[0].ms;

// Reads exactly `width` digits.
bool digits(std::string_view text, std::size_t at, std::size_t width, int* value) {
  if (at + width > text.size()) return false;
  int v = 0;
  for (std::size_t i = at; i < at + width; ++i) {
    if (text[i] < '0' || text[i] > '9') return false;
    v = v * 10 + (text[i] - '0');
  }
  *value = v;
  return true;
}

}  // namespace

char* put_text(char* to, Time time) {
  const auto day = floor<days>(time);
  const std::chrono::year_month_day date(day);
  const auto ms = static_cast<unsigned>((time - day).count());  // fewer than 2^27
  const int year = static_cast<int>(date.year());
  const bool fits = year >= 0 && year <= 9999;
  // Written by hand: every decision carries several, and snprintf costs more than deciding.
  const auto put_two = [&to](unsigned value, char behind) {
    *to++ = static_cast<char>('0' + value / 10);
    *to++ = static_cast<char>('0' + value % 10);
    if (behind != '\0') *to++ = behind;
  };
  if (fits) {
    put_two(static_cast<unsigned>(year) / 100, '\0');
    put_two(static_cast<unsigned>(year) % 100, '-');
  } else {
    to = std::to_chars(to, to + 12, year).ptr;
    *to++ = '-';
  }
  put_two(static_cast<unsigned>(date.month()), '-');
  put_two(static_cast<unsigned>(date.day()), 'T');
  put_two(ms / 3'600'000, ':');
  put_two(ms / 60'000 % 60, ':');
  put_two(ms / 1000 % 60, '.');
  *to++ = static_cast<char>('0' + ms % 1000 / 100);
  put_two(ms % 100, 'Z');
  return to;
}

std::string to_text(Time time) {
  std::array<char, kMostTimeText> text;
  return {text.data(), put_text(text.data(), time)};
}

Result<Time> parse_time(std::string_view text) {
  const auto bad = [&] {
    return fail(Code::kInvalid,
                "\"" + std::string(text) + "\" is no time; write it like 2026-11-21T09:30:00Z");
  };
  int year, month, day, hour, minute, second;
  if (text.size() < 20 || text[4] != '-' || text[7] != '-' || text[10] != 'T' || text[13] != ':' ||
      text[16] != ':' || text.back() != 'Z' || !digits(text, 0, 4, &year) ||
      !digits(text, 5, 2, &month) || !digits(text, 8, 2, &day) || !digits(text, 11, 2, &hour) ||
      !digits(text, 14, 2, &minute) || !digits(text, 17, 2, &second)) {
    return bad();
  }
  int ms = 0;
  if (text.size() > 20) {
    const std::size_t width = text.size() - 21;
    if (text[19] != '.' || width < 1 || width > 3 || !digits(text, 20, width, &ms)) return bad();
    for (std::size_t i = width; i < 3; ++i) ms *= 10;
  }
  const std::chrono::year_month_day date{std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok() || hour > 23 || minute > 59 || second > 59) return bad();
  return Time(std::chrono::sys_days(date)) +
         Millis(((hour * 60 + minute) * 60 + second) * 1000LL + ms);
}

std::string to_text(Millis duration) {
  std::int64_t left = duration.count();
  if (left == 0) return "0s";
  std::string out = left < 0 ? "-" : "";
  if (left < 0) left = -left;
  for (const Unit& unit : kUnits) {
    if (left < unit.ms) continue;
    out += std::to_string(left / unit.ms) + std::string(unit.name);
    left %= unit.ms;
  }
  return out;
}

Result<Millis> parse_duration(std::string_view text) {
  const auto bad = [&](std::string_view why) {
    return fail(Code::kInvalid, "\"" + std::string(text) + "\" is no duration: " +
                                    std::string(why) + "; write it like 45s, 30m or 1h30m");
  };
  if (text.empty()) return bad("it is empty");
  if (text[0] == '-') return bad("it is negative");
  std::int64_t total = 0;
  std::size_t next_unit = 0;
  std::string_view rest = text;
  while (!rest.empty()) {
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), value);
    if (error == std::errc::result_out_of_range) return bad("the number is too large");
    if (error != std::errc() || value < 0) return bad("a number is missing");
    rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
    std::size_t width = 0;
    while (width < rest.size() && rest[width] >= 'a' && rest[width] <= 'z') ++width;
    if (width == 0) return bad("a unit is missing (d, h, m, s or ms)");
    std::size_t unit = next_unit;
    while (unit < kUnits.size() && kUnits[unit].name != rest.substr(0, width)) ++unit;
    if (unit == kUnits.size()) return bad("its units are d, h, m, s and ms, in this order");
    if (value > kLongest / kUnits[unit].ms) return bad("it is longer than 366 days");
    total += value * kUnits[unit].ms;
    next_unit = unit + 1;
    rest.remove_prefix(width);
  }
  if (total == 0) return bad("it is zero");
  if (total > kLongest) return bad("it is longer than 366 days");
  return Millis(total);
}

Time SystemClock::now() const {
  return std::chrono::time_point_cast<Millis>(std::chrono::system_clock::now());
}

Millis SystemClock::steady() const {
  timespec t;
  clock_gettime(CLOCK_BOOTTIME, &t);
  return Millis(static_cast<std::int64_t>(t.tv_sec) * 1000 + t.tv_nsec / 1'000'000);
}

}  // namespace writ
