#include "crypto/totp.h"

#include <openssl/hmac.h>

#include <array>

#include "base/bytes.h"
#include "crypto/openssl.h"

namespace writ::crypto {
namespace {

constexpr std::int64_t kStepMs = 30'000;

std::string escaped(std::string_view text) {
  std::string out;
  for (char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '.' || c == '_' || c == '~';
    if (plain) {
      out += c;
    } else {
      out += '%' + to_hex({&c, 1});
    }
  }
  return out;
}

}  // namespace

Secret new_totp_key(Random& random) {
  return Secret(random.bytes(20));
}

std::int64_t totp_step(Time now) {
  return unix_ms(now) / kStepMs;
}

// RFC 4226 section 5.3.
Secret totp_code(const Secret& key, std::int64_t step) {
  std::string message;
  put_u64(message, static_cast<std::uint64_t>(step));
  std::array<unsigned char, 20> mac{};
  unsigned size = 0;
  const std::string_view k = key.reveal();
  must(HMAC(EVP_sha1(), k.data(), static_cast<int>(k.size()), bytes_of(message), message.size(),
            mac.data(), &size) != nullptr,
       "computing a one-time code");
  const std::size_t offset = mac[19] & 15u;
  const std::uint32_t number =
      get_u32(reinterpret_cast<const char*>(mac.data()) + offset) & 0x7fffffffu;
  std::string digits = std::to_string(number % 1'000'000);
  digits.insert(0, 6 - digits.size(), '0');
  zero(mac.data(), mac.size());
  return Secret(std::move(digits));
}

std::optional<std::int64_t> verify_totp(const Secret& key, std::string_view code, Time now) {
  // All three are always computed, so that time does not tell which one was near.
  std::optional<std::int64_t> matched;
  const std::int64_t current = totp_step(now);
  for (std::int64_t step = current - 1; step <= current + 1; ++step) {
    if (equal_constant_time(totp_code(key, step).reveal(), code)) matched = step;
  }
  return matched;
}

Secret totp_uri(const Secret& key, std::string_view issuer, std::string_view account) {
  std::string secret = to_base32(key.reveal());
  std::string uri = "otpauth://totp/" + escaped(issuer) + ":" + escaped(account) +
                    "?secret=" + secret + "&issuer=" + escaped(issuer) +
                    "&algorithm=SHA1&digits=6&period=30";
  zero(secret.data(), secret.size());
  return Secret(std::move(uri));
}

}  // namespace writ::crypto
