#include "crypto/jws.h"

#include "base/bytes.h"
#include "crypto/x509.h"

namespace writ::crypto {
namespace {

constexpr std::size_t kNumber = 32;  // bytes of a P-256 scalar
constexpr char kSequence = 0x30, kInteger = 0x02;

// ECDSA-Sig-Value ::= SEQUENCE { r INTEGER, s INTEGER } (RFC 3279 section 2.2.3), as r || s.
Result<std::string> raw_signature(std::string_view der) {
  const auto bad = fail(Code::kInternal, "this is no DER signature on P-256");
  if (der.size() < 2 || der[0] != kSequence || static_cast<std::size_t>(der[1]) != der.size() - 2) {
    return bad;
  }
  der.remove_prefix(2);
  std::string raw;
  for (int i = 0; i < 2; ++i) {
    if (der.size() < 2 || der[0] != kInteger) return bad;
    const auto size = static_cast<std::size_t>(static_cast<unsigned char>(der[1]));
    if (size == 0 || size > der.size() - 2) return bad;
    std::string_view number = der.substr(2, size);
    der.remove_prefix(2 + size);
    while (number.size() > kNumber && number[0] == '\0') number.remove_prefix(1);
    if (number.size() > kNumber) return bad;
    raw.append(kNumber - number.size(), '\0').append(number);
  }
  if (!der.empty()) return bad;
  return raw;
}

std::string der_signature(std::string_view raw) {
  std::string content;
  for (std::string_view number : {raw.substr(0, kNumber), raw.substr(kNumber)}) {
    while (number.size() > 1 && number[0] == '\0') number.remove_prefix(1);
    const bool looks_negative = (static_cast<unsigned char>(number[0]) & 0x80) != 0;
    content += kInteger;
    content += static_cast<char>(number.size() + (looks_negative ? 1 : 0));
    if (looks_negative) content += '\0';
    content += number;
  }
  return std::string{kSequence, static_cast<char>(content.size())} + content;
}

}  // namespace

Result<std::string> sign_jwt(const PrivateKey& key, std::string_view chain_pem,
                             const Json& claims) {
  if (key.public_key().kind() != KeyKind::kP256) {
    return fail(Code::kInvalid, "tokens are signed with keys on P-256");
  }
  TRY(chain, Certificate::chain_from_pem(chain_pem));
  if (chain.empty() || !chain.front().has_known_key() ||
      !(chain.front().public_key() == key.public_key())) {
    return fail(Code::kInvalid, "this certificate is not the one of the key");
  }
  JsonArray x5c;
  for (const Certificate& certificate : chain) x5c.emplace_back(to_base64(certificate.der()));
  const Json header =
      Json::object({{"alg", "ES256"}, {"typ", "JWT"}, {"x5c", Json(std::move(x5c))}});
  std::string token = to_base64url(compact(header)) + "." + to_base64url(compact(claims));
  TRY(der, key.sign(token));
  TRY(raw, raw_signature(der));
  return token + "." + to_base64url(raw);
}

Result<Json> verify_jwt(const PublicKey& key, std::string_view token) {
  const auto bad = fail(Code::kInvalid, "this is no token signed with ES256");
  const std::size_t first = token.find('.');
  const std::size_t last = token.rfind('.');
  if (first == std::string_view::npos || first == last) return bad;
  const auto header_text = from_base64url(token.substr(0, first));
  const auto claims_text = from_base64url(token.substr(first + 1, last - first - 1));
  const auto raw = from_base64url(token.substr(last + 1));
  if (!header_text || !claims_text || !raw || raw->size() != 2 * kNumber) return bad;
  const auto header = parse_json(*header_text);
  const Json* algorithm = header ? header->find("alg") : nullptr;
  if (algorithm == nullptr || algorithm->as_string() == nullptr ||
      *algorithm->as_string() != "ES256" || key.kind() != KeyKind::kP256) {
    return bad;
  }
  CHECK_OK(key.verify(token.substr(0, last), der_signature(*raw)));
  return parse_json(*claims_text);
}

}  // namespace writ::crypto
