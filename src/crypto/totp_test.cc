#include "crypto/totp.h"

#include <gtest/gtest.h>

#include "crypto/random.h"

namespace writ::crypto {
namespace {

const Secret kKey(std::string_view("12345678901234567890"));

Time at(std::int64_t seconds) {
  return from_unix_ms(seconds * 1000);
}

TEST(Totp, MatchesRfc6238) {
  const std::pair<std::int64_t, std::string_view> rows[] = {
      {59, "287082"},         {1111111109, "081804"}, {1111111111, "050471"},
      {1234567890, "005924"}, {2000000000, "279037"}, {20000000000, "353130"}};
  for (const auto& [seconds, code] : rows) {
    EXPECT_EQ(totp_code(kKey, totp_step(at(seconds))).reveal(), code);
    EXPECT_EQ(verify_totp(kKey, code, at(seconds)), totp_step(at(seconds)));
  }
}

TEST(Totp, AcceptsOneStepEachWayAndSaysWhich) {
  EXPECT_EQ(verify_totp(kKey, "287082", at(60)), 1);
  EXPECT_EQ(verify_totp(kKey, "287082", at(29)), 1);
  EXPECT_EQ(verify_totp(kKey, "287082", at(90)), std::nullopt);
  EXPECT_EQ(verify_totp(kKey, "287083", at(59)), std::nullopt);
  EXPECT_EQ(verify_totp(kKey, "28708", at(59)), std::nullopt);
  EXPECT_EQ(verify_totp(kKey, "", at(59)), std::nullopt);
}

TEST(Totp, UriIsWhatAuthenticatorsRead) {
  EXPECT_EQ(totp_uri(kKey, "Writ example", "alice@x").reveal(),
            "otpauth://totp/Writ%20example:alice%40x?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
            "&issuer=Writ%20example&algorithm=SHA1&digits=6&period=30");
  SystemRandom random;
  EXPECT_EQ(new_totp_key(random).reveal().size(), 20u);
}

}  // namespace
}  // namespace writ::crypto
