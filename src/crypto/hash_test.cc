#include "crypto/hash.h"

#include <gtest/gtest.h>

#include <set>
#include <thread>

#include "base/bytes.h"
#include "crypto/random.h"

namespace writ::crypto {
namespace {

std::string hex(const Hash& hash) {
  return to_hex(as_bytes(hash));
}

TEST(Sha256, MatchesFips180) {
  EXPECT_EQ(hex(sha256("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hex(sha256("")), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(Sha256, InPiecesEqualsAtOnceAndStartsAnew) {
  Sha256 digest;
  EXPECT_EQ(digest.update("a").update("").update("bc").finish(), sha256("abc"));
  EXPECT_EQ(digest.finish(), sha256(""));
}

TEST(Hmac, MatchesRfc4231) {
  EXPECT_EQ(hex(hmac_sha256(std::string(20, '\x0b'), "Hi There")),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(hex(hmac_sha256("Jefe", "what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(hex(hmac_sha256(std::string(131, '\xaa'),
                            "Test Using Larger Than Block-Size Key - Hash Key First")),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST(Pbkdf2, MatchesRfc7914) {
  EXPECT_EQ(to_hex(pbkdf2_sha256("passwd", "salt", 1, 64).reveal()),
            "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc"
            "49ca9cccf179b645991664b39d77ef317c71b845b1e30bd509112041d3a19783");
}

TEST(Hkdf, MatchesRfc5869) {
  EXPECT_EQ(to_hex(hkdf_sha256(std::string(22, '\x0b'), *from_hex("000102030405060708090a0b0c"),
                               *from_hex("f0f1f2f3f4f5f6f7f8f9"), 42)
                       .reveal()),
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
}

TEST(SystemRandom, NeverRepeatsAcrossThreadsAndSizes) {
  SystemRandom random;
  std::set<std::string> seen;
  std::mutex mutex;
  const auto draw = [&] {
    for (int i = 0; i < 2'000; ++i) {
      std::string bytes = random.bytes(16);
      const std::lock_guard lock(mutex);
      EXPECT_TRUE(seen.insert(std::move(bytes)).second);
    }
  };
  std::thread other(draw);
  draw();
  other.join();
  EXPECT_EQ(random.bytes(0), "");
  EXPECT_EQ(random.bytes(100'000).size(), 100'000u);
}

}  // namespace
}  // namespace writ::crypto
