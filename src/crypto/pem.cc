// PEM (RFC 7468, strict form): the label must be the one wanted, lines are base64.
#include "base/bytes.h"
#include "crypto/openssl.h"

namespace writ::crypto {
namespace {

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

void skip_space(std::string_view& text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
}

}  // namespace

Result<Secret> take_pem(std::string_view& rest, std::string_view label) {
  const std::string begin = "-----BEGIN " + std::string(label) + "-----";
  const std::string end = "-----END " + std::string(label) + "-----";
  skip_space(rest);
  if (!rest.starts_with(begin)) {
    return fail(Code::kInvalid, "a PEM block \"" + std::string(label) + "\" is wanted here");
  }
  rest.remove_prefix(begin.size());
  const std::size_t stop = rest.find(end);
  if (stop == std::string_view::npos) {
    return fail(Code::kInvalid, "the PEM block \"" + std::string(label) + "\" has no end");
  }
  std::string base64;
  base64.reserve(stop);
  for (char c : rest.substr(0, stop)) {
    if (!is_space(c)) base64.push_back(c);
  }
  rest.remove_prefix(stop + end.size());
  skip_space(rest);
  auto der = from_base64(base64);
  zero(base64.data(), base64.size());
  if (!der) return fail(std::move(der));
  return Secret(std::move(*der));
}

Result<Secret> pem_to_der(std::string_view pem, std::string_view label) {
  if (pem.size() > 256 * 1024) return fail(Code::kInvalid, "the PEM text is larger than 256 KB");
  TRY(der, take_pem(pem, label));
  if (!pem.empty()) return fail(Code::kInvalid, "text follows the PEM block");
  return der;
}

std::string der_to_pem(std::string_view der, std::string_view label) {
  std::string base64 = to_base64(der);
  std::string pem;
  pem.reserve(base64.size() + base64.size() / 64 + 2 * label.size() + 40);
  pem.append("-----BEGIN ").append(label).append("-----\n");
  for (std::size_t i = 0; i < base64.size(); i += 64) {
    pem.append(base64, i, 64).push_back('\n');
  }
  pem.append("-----END ").append(label).append("-----\n");
  zero(base64.data(), base64.size());
  return pem;
}

}  // namespace writ::crypto
