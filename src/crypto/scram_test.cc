#include "crypto/scram.h"

#include <gtest/gtest.h>

#include "base/bytes.h"
#include "crypto/hash.h"
#include "crypto/random.h"

namespace writ::crypto {
namespace {

// RFC 7677 section 3.
constexpr std::string_view kNonce = "rOprNGfwEbeRWgbNEkqO";
constexpr std::string_view kServerFirst =
    "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
constexpr std::string_view kServerFinal = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";
constexpr std::string_view kClientFinal =
    "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
    "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";

class RfcNonce final : public Random {
 public:
  std::string bytes(std::size_t) override { return *from_base64(kNonce); }
};

Secret pencil() {
  return Secret(std::string_view("pencil"));
}

TEST(Scram, HoldsTheConversationOfRfc7677) {
  RfcNonce nonce;
  ScramClient client(pencil(), nonce);
  EXPECT_EQ(client.mechanism(), "SCRAM-SHA-256");
  EXPECT_EQ(*client.client_first("user"), "n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
  EXPECT_EQ(*client.client_final(kServerFirst), kClientFinal);
  EXPECT_TRUE(client.verify(kServerFinal));
}

TEST(Scram, NeedsNoPasswordWithPrecomputedKeys) {
  RfcNonce nonce;
  ScramClient client(*scram_keys(pencil(), *from_base64("W22ZaJ0SNY7soEsUEjb6gQ=="), 4096), nonce);
  ASSERT_TRUE(client.client_first("user"));
  EXPECT_EQ(*client.client_final(kServerFirst), kClientFinal);
  EXPECT_TRUE(client.verify(kServerFinal));
}

TEST(Scram, RefusesAServerThatDoesNotKnowTheVerifier) {
  RfcNonce nonce;
  for (const std::string_view last :
       {std::string_view("v=6rriTRBi23WpRmQ5gJhbJhTvAvNBOqGUjvjLz3TrF9g="),
        std::string_view("e=invalid-proof"), std::string_view("v="), std::string_view("")}) {
    ScramClient client(pencil(), nonce);
    ASSERT_TRUE(client.client_first("user"));
    ASSERT_TRUE(client.client_final(kServerFirst));
    EXPECT_FALSE(client.verify(last));
    EXPECT_FALSE(client.verify(kServerFinal));  // there is no second chance
  }
}

TEST(Scram, RefusesMalformedChallenges) {
  RfcNonce nonce;
  for (const std::string_view first :
       {std::string_view("r=other,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"),
        std::string_view("r=rOprNGfwEbeRWgbNEkqO,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"),
        std::string_view("r=rOprNGfwEbeRWgbNEkqOx,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=1"),
        std::string_view("r=rOprNGfwEbeRWgbNEkqOx,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=99999999999"),
        std::string_view("r=rOprNGfwEbeRWgbNEkqOx,s=***,i=4096"),
        std::string_view("m=ext,r=rOprNGfwEbeRWgbNEkqOx,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"),
        std::string_view("")}) {
    ScramClient client(pencil(), nonce);
    ASSERT_TRUE(client.client_first());
    EXPECT_EQ(client.client_final(first).error().code, Code::kInvalid) << first;
  }
}

// The server's side of RFC 5802 section 3, from the verifier text alone.
bool server_accepts(const std::string& verifier, const std::string& client_first_bare,
                    const std::string& server_first, const std::string& client_final) {
  const std::size_t colon = verifier.rfind(':');
  const std::size_t dollar = verifier.rfind('$');
  const std::string stored = *from_base64(verifier.substr(dollar + 1, colon - dollar - 1));
  const std::size_t proof_at = client_final.rfind(",p=");
  std::string key = *from_base64(client_final.substr(proof_at + 3));
  const Hash signature = hmac_sha256(
      stored, client_first_bare + "," + server_first + "," + client_final.substr(0, proof_at));
  for (std::size_t i = 0; i < key.size(); ++i) {
    key[i] = static_cast<char>(key[i] ^ static_cast<char>(signature[i]));
  }
  return as_bytes(sha256(key)) == stored;
}

TEST(Scram, BindsToTheChannel) {
  RfcNonce nonce;
  ScramClient client(pencil(), nonce);
  const std::string end_point(32, 'h');
  client.bind_channel(end_point);
  EXPECT_EQ(client.mechanism(), "SCRAM-SHA-256-PLUS");
  const std::string header = "p=tls-server-end-point,,";
  const std::string first = *client.client_first();
  ASSERT_TRUE(first.starts_with(header));
  const std::string last = *client.client_final(kServerFirst);
  EXPECT_TRUE(last.starts_with("c=" + to_base64(header + end_point) + ",r="));
  const std::string verifier =
      *scram_verifier(pencil(), *from_base64("W22ZaJ0SNY7soEsUEjb6gQ=="), 4096);
  EXPECT_TRUE(
      server_accepts(verifier, first.substr(header.size()), std::string(kServerFirst), last));
}

TEST(Scram, SaysThatTheServerLacksBinding) {
  RfcNonce nonce;
  ScramClient client(pencil(), nonce);
  client.server_lacks_binding();
  EXPECT_TRUE(client.client_first()->starts_with("y,,"));
  EXPECT_TRUE(client.client_final(kServerFirst)->starts_with("c=eSws,"));
}

TEST(Scram, VerifierTextHasPostgresForm) {
  EXPECT_EQ(
      *scram_verifier(pencil(), *from_base64("W22ZaJ0SNY7soEsUEjb6gQ=="), 4096),
      "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$"
      "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=");
  EXPECT_FALSE(scram_verifier(Secret(std::string("p\xc3\xa4ss")), "salt", 4096));
  EXPECT_FALSE(scram_verifier(Secret(), "salt", 4096));
  EXPECT_FALSE(scram_verifier(pencil(), "salt", 1));
}

}  // namespace
}  // namespace writ::crypto
