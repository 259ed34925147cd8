#include "crypto/jws.h"

#include <gtest/gtest.h>

#include <chrono>

#include "crypto/random.h"
#include "crypto/x509.h"

namespace writ::crypto {
namespace {

constexpr Time kStart = Time(Millis(1'800'000'000'000));

struct Signed {
  SystemRandom random;
  PrivateKey root = *PrivateKey::generate(KeyKind::kP256);
  PrivateKey key = *PrivateKey::generate(KeyKind::kP256);
  std::string pem;

  Signed() {
    const auto authority = CertificateAuthority::create(root, "example.org", kStart,
                                                        kStart + std::chrono::hours(2), random);
    CertificateTemplate wanted{key.public_key()};
    wanted.spiffe_id = "spiffe://example.org/server/1";
    wanted.not_before = kStart;
    wanted.not_after = kStart + std::chrono::hours(1);
    pem = authority->issue(wanted, random)->pem();
  }
};

TEST(Jwt, IsSignedByTheKeyOfItsCertificate) {
  Signed s;
  const Json claims = Json::object({{"iss", "https://writ.example"}, {"iat", 1}});
  // Numbers of the signature begin with zeros, or look negative, once in a while.
  for (int i = 0; i < 300; ++i) {
    const auto token = sign_jwt(s.key, s.pem, claims);
    ASSERT_TRUE(token) << token.error().text();
    const auto read = verify_jwt(s.key.public_key(), *token);
    ASSERT_TRUE(read) << read.error().text();
    EXPECT_EQ(*read, claims);
  }
  const auto token = sign_jwt(s.key, s.pem, claims);
  const auto header = parse_json(*from_base64url(token->substr(0, token->find('.'))));
  ASSERT_TRUE(header);
  EXPECT_EQ(*header->find("alg")->as_string(), "ES256");
  const auto& x5c = *header->find("x5c")->as_array();
  ASSERT_EQ(x5c.size(), 1u);
  const auto certificate = Certificate::from_der(*from_base64(*x5c[0].as_string()));
  ASSERT_TRUE(certificate);
  EXPECT_TRUE(certificate->public_key() == s.key.public_key());
}

TEST(Jwt, NothingElseIsAccepted) {
  Signed s;
  const auto token = sign_jwt(s.key, s.pem, Json::object({{"iss", "https://writ.example"}}));
  ASSERT_TRUE(token);
  EXPECT_FALSE(verify_jwt(s.root.public_key(), *token));
  const std::size_t dot = token->find('.');
  const std::size_t last = token->rfind('.');
  const std::string other = to_base64url(R"({"iss":"https://evil.example"})");
  EXPECT_FALSE(
      verify_jwt(s.key.public_key(), token->substr(0, dot + 1) + other + token->substr(last)));
  const std::string none = to_base64url(R"({"alg":"none"})");
  EXPECT_FALSE(verify_jwt(s.key.public_key(), none + token->substr(dot)));
  EXPECT_FALSE(verify_jwt(s.key.public_key(), token->substr(0, last + 1)));
  for (const std::string_view bad : {"", ".", "..", "a.b.c"}) {
    EXPECT_FALSE(verify_jwt(s.key.public_key(), bad)) << bad;
  }
}

TEST(Jwt, KeyAndCertificateBelongTogether) {
  Signed s;
  EXPECT_FALSE(sign_jwt(s.root, s.pem, Json::object()));
  EXPECT_FALSE(sign_jwt(*PrivateKey::generate(KeyKind::kEd25519), s.pem, Json::object()));
  EXPECT_FALSE(sign_jwt(s.key, "", Json::object()));
}

}  // namespace
}  // namespace writ::crypto
