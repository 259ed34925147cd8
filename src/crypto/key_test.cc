#include "crypto/key.h"

#include <gtest/gtest.h>

namespace writ::crypto {
namespace {

class EveryKind : public testing::TestWithParam<KeyKind> {};
INSTANTIATE_TEST_SUITE_P(Kinds, EveryKind, testing::Values(KeyKind::kEd25519, KeyKind::kP256));

TEST_P(EveryKind, VerifiesItsOwnSignatureAndNoOther) {
  const auto key = PrivateKey::generate(GetParam());
  const auto other = PrivateKey::generate(GetParam());
  const std::string signature = *key->sign("pay 10");
  EXPECT_TRUE(key->public_key().verify("pay 10", signature));
  EXPECT_EQ(key->public_key().verify("pay 11", signature).error().code, Code::kUnauthenticated);
  EXPECT_FALSE(other->public_key().verify("pay 10", signature));
  EXPECT_FALSE(key->public_key().verify("pay 10", signature.substr(1)));
  EXPECT_FALSE(key->public_key().verify("pay 10", ""));
}

TEST_P(EveryKind, SurvivesItsTextForms) {
  const auto key = PrivateKey::generate(GetParam());
  const auto again = PrivateKey::from_pem(key->to_pem());
  ASSERT_TRUE(again) << again.error().text();
  EXPECT_EQ(again->public_key(), key->public_key());
  EXPECT_TRUE(key->public_key().verify("m", *again->sign("m")));
  EXPECT_EQ(*PublicKey::from_pem(key->public_key().pem()), key->public_key());
  EXPECT_EQ(PublicKey::from_der(key->public_key().der())->kind(), GetParam());
}

TEST_P(EveryKind, RefusesBrokenText) {
  const auto key = PrivateKey::generate(GetParam());
  EXPECT_FALSE(PublicKey::from_der(key->public_key().der() + "x"));
  EXPECT_FALSE(PublicKey::from_der(key->public_key().der().substr(1)));
  EXPECT_FALSE(PublicKey::from_pem(key->public_key().pem() + "more"));
  EXPECT_FALSE(PublicKey::from_pem(key->to_pem().reveal()));
  EXPECT_FALSE(PrivateKey::from_pem(Secret(std::string_view(key->public_key().pem()))));
}

TEST(PublicKey, VerifiesRfc8032Test2) {
  const auto key = PublicKey::from_ed25519(
      *from_hex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"));
  ASSERT_TRUE(key);
  EXPECT_TRUE(key->verify(
      "\x72", *from_hex("92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
                        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00")));
  EXPECT_EQ(PublicKey::from_ed25519(*key->ed25519())->der(), key->der());
}

TEST(PublicKey, RefusesPointsOffTheCurveAndOtherKinds) {
  std::string der = PrivateKey::generate(KeyKind::kP256)->public_key().der();
  der.back() = static_cast<char>(der.back() ^ 1);
  EXPECT_EQ(PublicKey::from_der(der).error().code, Code::kInvalid);
  EXPECT_FALSE(PublicKey::from_ed25519("short"));
  EXPECT_FALSE(PrivateKey::generate(KeyKind::kP256)->public_key().ed25519());
}

}  // namespace
}  // namespace writ::crypto
