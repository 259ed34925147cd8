#include "crypto/x509.h"

#include <gtest/gtest.h>

#include "crypto/random.h"

namespace writ::crypto {
namespace {

using std::chrono::hours;

const Time kNow = from_unix_ms(1'763'000'000'000);

struct Ca {
  explicit Ca(std::string_view domain = "example.org", KeyKind kind = KeyKind::kP256)
      : key(*PrivateKey::generate(kind)),
        authority(*CertificateAuthority::create(key, domain, kNow - hours(1), kNow + hours(1000),
                                                random)) {}
  SystemRandom random;
  PrivateKey key;
  CertificateAuthority authority;
};

const PrivateKey& device_key() {
  static const PrivateKey key = *PrivateKey::generate(KeyKind::kEd25519);
  return key;
}

CertificateTemplate alice() {
  return {.public_key = device_key().public_key(),
          .spiffe_id = "spiffe://example.org/user/alice",
          .common_name = "Alice",
          .dns_names = {},
          .ip_addresses = {},
          .not_before = kNow,
          .not_after = kNow + hours(12),
          .usage = CertificateUsage::kClient};
}

TEST(CertificateAuthority, IssuesWhatTheTemplateSays) {
  Ca ca;
  CertificateTemplate wanted = alice();
  wanted.dns_names = {"db.example.org"};
  wanted.ip_addresses = {"127.0.0.1", "::1"};
  wanted.usage = CertificateUsage::kBoth;
  const auto issued = ca.authority.issue(wanted, ca.random);
  ASSERT_TRUE(issued) << issued.error().text();
  const auto read = Certificate::from_pem(issued->pem());
  ASSERT_TRUE(read);
  EXPECT_EQ(read->spiffe_id(), "spiffe://example.org/user/alice");
  EXPECT_EQ(read->dns_names(), wanted.dns_names);
  EXPECT_EQ(read->ip_addresses(), wanted.ip_addresses);
  EXPECT_EQ(read->subject(), "Alice");
  EXPECT_EQ(read->not_before(), kNow);
  EXPECT_EQ(read->not_after(), kNow + hours(12));
  EXPECT_EQ(read->public_key(), wanted.public_key);
  EXPECT_EQ(read->serial().size(), 32u);
  EXPECT_NE(read->serial(), ca.authority.issue(wanted, ca.random)->serial());
  EXPECT_FALSE(read->is_authority());
  EXPECT_TRUE(ca.authority.root().is_authority());
  EXPECT_TRUE(verify({*read}, {ca.authority.root()}, kNow, CertificateUsage::kBoth));
}

TEST(CertificateAuthority, SignsWithEitherKindOfKey) {
  Ca ca("example.org", KeyKind::kEd25519);
  const auto issued = ca.authority.issue(alice(), ca.random);
  EXPECT_TRUE(verify({*issued}, {ca.authority.root()}, kNow, CertificateUsage::kClient));
  EXPECT_FALSE(issued->end_point_hash());
  Ca p256;
  EXPECT_EQ(p256.authority.issue(alice(), p256.random)->end_point_hash()->size(), 32u);
}

TEST(CertificateAuthority, OpensItsRootWithItsKeyOnly) {
  Ca ca;
  const std::string pem = ca.authority.root().pem();
  const auto again = CertificateAuthority::open(ca.key, pem);
  ASSERT_TRUE(again);
  EXPECT_TRUE(verify({*again->issue(alice(), ca.random)}, {ca.authority.root()}, kNow,
                     CertificateUsage::kClient));
  EXPECT_FALSE(CertificateAuthority::open(device_key(), pem));
}

TEST(CertificateAuthority, RefusesBadTemplates) {
  Ca ca;
  const auto code = [&](auto change) {
    CertificateTemplate wanted = alice();
    change(wanted);
    const auto issued = ca.authority.issue(wanted, ca.random);
    return issued ? std::optional<Code>() : issued.error().code;
  };
  EXPECT_EQ(code([](auto& t) { t.spiffe_id = "spiffe://other.org/user/alice"; }), Code::kInvalid);
  EXPECT_EQ(code([](auto& t) { t.spiffe_id = "https://example.org/"; }), Code::kInvalid);
  EXPECT_EQ(code([](auto& t) { t.not_after = t.not_before; }), Code::kInvalid);
  EXPECT_EQ(code([](auto& t) { t.not_after = kNow + hours(5000); }), Code::kInvalid);
  EXPECT_EQ(code([](auto& t) { t.dns_names = {"*.example.org"}; }), Code::kInvalid);
  EXPECT_EQ(code([](auto& t) { t.ip_addresses = {"1.2.3"}; }), Code::kInvalid);
  EXPECT_EQ(code([](auto& t) { t.common_name = std::string(65, 'a'); }), Code::kInvalid);
  EXPECT_EQ(code([](auto& t) { t.common_name.clear(); }), std::nullopt);
}

TEST(Verify, HoldsTheEndsOfValidityWithoutSkew) {
  Ca ca;
  const std::vector<Certificate> chain{*ca.authority.issue(alice(), ca.random)};
  const std::vector<Certificate> roots{ca.authority.root()};
  const auto good = [&](Time now) {
    return verify(chain, roots, now, CertificateUsage::kClient).has_value();
  };
  EXPECT_FALSE(good(kNow - Millis(1)));
  EXPECT_TRUE(good(kNow));
  EXPECT_TRUE(good(kNow + hours(12) - Millis(1)));
  EXPECT_FALSE(good(kNow + hours(12)));
}

TEST(Verify, RefusesForeignRootsWrongUseAuthoritiesAndNothing) {
  Ca ca;
  Ca foreign;
  const Certificate leaf = *ca.authority.issue(alice(), ca.random);
  const auto code = [&](std::vector<Certificate> chain, const Certificate& root,
                        CertificateUsage usage) {
    const Status status = verify(chain, {root}, kNow, usage);
    return status ? std::optional<Code>() : status.error().code;
  };
  const Certificate& root = ca.authority.root();
  EXPECT_EQ(code({leaf}, root, CertificateUsage::kClient), std::nullopt);
  EXPECT_EQ(code({leaf}, root, CertificateUsage::kServer), Code::kUnauthenticated);
  EXPECT_EQ(code({leaf}, foreign.authority.root(), CertificateUsage::kClient),
            Code::kUnauthenticated);
  EXPECT_EQ(code({root}, root, CertificateUsage::kClient), Code::kUnauthenticated);
  EXPECT_EQ(code({}, root, CertificateUsage::kClient), Code::kUnauthenticated);
}

TEST(Verify, RefusesAnotherTrustDomainsNameUnderARoot) {
  // The same key as root of two domains: what one issues is no identity of the other.
  Ca ca;
  const auto other =
      CertificateAuthority::create(ca.key, "other.org", kNow, kNow + hours(100), ca.random);
  CertificateTemplate wanted = alice();
  wanted.spiffe_id = "spiffe://other.org/user/alice";
  const Certificate leaf = *other->issue(wanted, ca.random);
  EXPECT_TRUE(verify({leaf}, {other->root()}, kNow, CertificateUsage::kClient));
  EXPECT_FALSE(verify({leaf}, {ca.authority.root()}, kNow, CertificateUsage::kClient));
}

TEST(Certificate, RefusesBrokenBytes) {
  Ca ca;
  const Certificate leaf = *ca.authority.issue(alice(), ca.random);
  EXPECT_FALSE(Certificate::from_der(leaf.der() + "x"));
  EXPECT_FALSE(Certificate::from_der(leaf.der().substr(0, leaf.der().size() - 1)));
  EXPECT_FALSE(Certificate::from_der(""));
  EXPECT_FALSE(Certificate::from_pem("junk" + leaf.pem()));
  EXPECT_FALSE(Certificate::from_pem(leaf.pem() + leaf.pem()));
  EXPECT_EQ(Certificate::chain_from_pem(leaf.pem() + ca.authority.root().pem())->size(), 2u);
  std::string nine;
  for (int i = 0; i < 9; ++i) nine += leaf.pem();
  EXPECT_FALSE(Certificate::chain_from_pem(nine));
  std::string changed = leaf.der();
  changed[changed.size() - 3] = static_cast<char>(changed[changed.size() - 3] ^ 1);
  const auto read = Certificate::from_der(changed);
  if (read) {
    EXPECT_FALSE(verify({*read}, {ca.authority.root()}, kNow, CertificateUsage::kClient));
  }
}

TEST(SpiffeId, FollowsTheSyntax) {
  for (const std::string_view good :
       {"spiffe://example.org", "spiffe://example.org/user/A-b_c.1", "spiffe://a_b-c.d/x"}) {
    EXPECT_TRUE(check_spiffe_id(good)) << good;
  }
  for (const std::string_view bad :
       {"", "spiffe://", "spiffe:///x", "SPIFFE://example.org", "spiffe://Example.org",
        "spiffe://example.org/", "spiffe://example.org//x", "spiffe://example.org/../x",
        "spiffe://example.org/a/.", "spiffe://example.org/a?b", "spiffe://example.org/a%20",
        "spiffe://user@example.org/a", "spiffe://example.org:80/a"}) {
    EXPECT_FALSE(check_spiffe_id(bad)) << bad;
  }
  EXPECT_FALSE(check_spiffe_id("spiffe://example.org/" + std::string(2048, 'a')));
  EXPECT_EQ(trust_domain_of("spiffe://example.org/user/1"), "example.org");
}

class EveryKey : public testing::TestWithParam<KeyKind> {};
INSTANTIATE_TEST_SUITE_P(Kinds, EveryKey, testing::Values(KeyKind::kEd25519, KeyKind::kP256));

TEST_P(EveryKey, RequestProvesPossession) {
  const auto key = PrivateKey::generate(GetParam());
  const auto request = CertificateRequest::create(*key);
  ASSERT_TRUE(request) << request.error().text();
  const auto read = CertificateRequest::from_pem(request->pem());
  ASSERT_TRUE(read) << read.error().text();
  EXPECT_EQ(read->public_key(), key->public_key());
}

TEST(CertificateRequest, RefusesAForeignSignatureAndJunk) {
  const auto request = CertificateRequest::create(*PrivateKey::generate(KeyKind::kEd25519));
  std::string pem = request->pem();
  // The last base64 line holds the end of the signature.
  const std::size_t at = pem.find("-----END") - 6;
  pem[at] = pem[at] == 'A' ? 'B' : 'A';
  EXPECT_FALSE(CertificateRequest::from_pem(pem));
  EXPECT_FALSE(CertificateRequest::from_pem(""));
  EXPECT_FALSE(CertificateRequest::from_pem(std::string(20'000, 'A')));
}

}  // namespace
}  // namespace writ::crypto
