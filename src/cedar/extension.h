// The text forms and arithmetic of ipaddr, decimal, datetime and duration.
// https://docs.cedarpolicy.com/policies/syntax-datatypes.html
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "cedar/value.h"

namespace writ::cedar {

// Empty for text that is not in the form, or out of range.
std::optional<IpRange> parse_ip(std::string_view text);             // address, or address/prefix
std::optional<std::int64_t> parse_decimal(std::string_view text);   // -12.3456, in 1/10000
std::optional<std::int64_t> parse_datetime(std::string_view text);  // 2024-10-15T11:35:00.000+0100
std::optional<std::int64_t> parse_duration(std::string_view text);  // -1d2h3m4s5ms

std::string ip_text(const IpRange& range);
std::string decimal_text(std::int64_t ten_thousandths);
// 2024-10-15T11:35:00.000Z; only for years 0 to 9999, others have no such form.
std::string datetime_text(std::int64_t ms);
bool has_datetime_text(std::int64_t ms);
std::string duration_text(std::int64_t ms);

bool is_loopback(const IpRange& range);
bool is_multicast(const IpRange& range);
bool is_in_range(const IpRange& inner, const IpRange& outer);

std::optional<std::int64_t> to_date(std::int64_t ms);  // the day's start; empty on overflow
std::int64_t to_time(std::int64_t ms);                 // since the day's start

}  // namespace writ::cedar
