// Issuing certificates, and the requests for them.
#include <arpa/inet.h>

#include <algorithm>
#include <array>

#include "base/bytes.h"
#include "crypto/openssl.h"
#include "crypto/svid.h"
#include "crypto/x509.h"

namespace writ::crypto {
namespace {

void add_extension(X509* certificate, X509* issuer, int kind, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, kind, value);
  must(extension != nullptr && X509_add_ext(certificate, extension, -1) == 1,
       "adding a certificate extension");
  X509_EXTENSION_free(extension);
}

void set_time(ASN1_TIME* at, Time time) {
  must(ASN1_TIME_set(at, static_cast<std::time_t>(unix_ms(time) / 1000)) != nullptr,
       "setting a time");
}

void set_serial(X509* certificate, Random& random) {
  std::string bytes = random.bytes(16);
  bytes[0] = static_cast<char>((bytes[0] & 0x3f) | 0x40);  // positive, and always 128 bits wide
  BIGNUM* number = BN_bin2bn(bytes_of(bytes), static_cast<int>(bytes.size()), nullptr);
  must(number != nullptr &&
           BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != nullptr,
       "setting a serial number");
  BN_free(number);
}

void add_name(X509_NAME* name, const char* kind, std::string_view value) {
  must(X509_NAME_add_entry_by_txt(name, kind, MBSTRING_UTF8, bytes_of(value),
                                  static_cast<int>(value.size()), -1, 0) == 1,
       "setting a name");
}

using NamesPtr = std::unique_ptr<GENERAL_NAMES, Free<GENERAL_NAMES_free>>;

void push_text(GENERAL_NAMES* names, int kind, std::string_view value) {
  GENERAL_NAME* name = GENERAL_NAME_new();
  ASN1_STRING* text = kind == GEN_IPADD ? ASN1_OCTET_STRING_new() : ASN1_IA5STRING_new();
  must(name != nullptr && text != nullptr &&
           ASN1_STRING_set(text, value.data(), static_cast<int>(value.size())) == 1,
       "allocating");
  GENERAL_NAME_set0_value(name, kind, text);
  must(sk_GENERAL_NAME_push(names, name) > 0, "allocating");
}

enum class Critical { kNo, kYes };

void add_names(X509* certificate, GENERAL_NAMES* names, Critical critical) {
  must(X509_add1_ext_i2d(certificate, NID_subject_alt_name, names, critical == Critical::kYes, 0) ==
           1,
       "adding names");
}

bool is_dns_name(std::string_view name) {
  if (name.empty() || name.size() > 253 || name.front() == '.' || name.back() == '.') return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
  });
}

Result<std::string> raw_address(const std::string& text) {
  std::array<char, 16> raw{};
  if (::inet_pton(AF_INET, text.c_str(), raw.data()) == 1) return std::string(raw.data(), 4);
  if (::inet_pton(AF_INET6, text.c_str(), raw.data()) == 1) return std::string(raw.data(), 16);
  return fail(Code::kInvalid, "\"" + text + "\" is no IP address");
}

// OpenSSL signs with keys that it holds itself. So that any Signer can sign, the certificate's body
// is encoded, signed, and the signature put into its place.
Result<Certificate> sign_with(const Signer& signer, X509* certificate) {
  auto* algorithm = const_cast<X509_ALGOR*>(X509_get0_tbs_sigalg(certificate));
  const ASN1_BIT_STRING* signature_place = nullptr;
  const X509_ALGOR* outer_place = nullptr;
  X509_get0_signature(&signature_place, &outer_place, certificate);
  auto* outer = const_cast<X509_ALGOR*>(outer_place);
  auto* signature = const_cast<ASN1_BIT_STRING*>(signature_place);
  const int kind =
      signer.public_key().kind() == KeyKind::kEd25519 ? NID_ED25519 : NID_ecdsa_with_SHA256;
  must(X509_ALGOR_set0(algorithm, OBJ_nid2obj(kind), V_ASN1_UNDEF, nullptr) == 1 &&
           X509_ALGOR_set0(outer, OBJ_nid2obj(kind), V_ASN1_UNDEF, nullptr) == 1,
       "setting the signature algorithm");
  unsigned char* encoded = nullptr;
  const int size = i2d_re_X509_tbs(certificate, &encoded);
  must(size > 0, "encoding a certificate");
  const std::string body(reinterpret_cast<const char*>(encoded), static_cast<std::size_t>(size));
  OPENSSL_free(encoded);
  TRY(bytes, signer.sign(body));
  must(ASN1_BIT_STRING_set(signature, bytes_of(bytes), static_cast<int>(bytes.size())) == 1,
       "setting the signature");
  // All bits of the last byte count, also when they are zero.
  signature->flags &= ~(ASN1_STRING_FLAG_BITS_LEFT | 0x07);
  signature->flags |= ASN1_STRING_FLAG_BITS_LEFT;
  return Certificate::from_der(der_of<X509>(certificate, i2d_X509));
}

X509Ptr blank(Time not_before, Time not_after, const PublicKey& key, Random& random) {
  X509Ptr certificate(X509_new());
  must(certificate && X509_set_version(certificate.get(), X509_VERSION_3) == 1 &&
           X509_set_pubkey(certificate.get(), NativeKey::of(key)) == 1,
       "making a certificate");
  set_serial(certificate.get(), random);
  set_time(X509_getm_notBefore(certificate.get()), not_before);
  set_time(X509_getm_notAfter(certificate.get()), not_after);
  return certificate;
}

Status check_template(const CertificateTemplate& wanted, const Certificate& root) {
  CHECK_OK(check_spiffe_id(wanted.spiffe_id));
  if (!root.spiffe_id().empty() &&
      trust_domain_of(root.spiffe_id()) != trust_domain_of(wanted.spiffe_id)) {
    return fail(Code::kInvalid, "\"" + wanted.spiffe_id + "\" is in another trust domain than " +
                                    std::string(trust_domain_of(root.spiffe_id())));
  }
  if (wanted.not_after <= wanted.not_before) {
    return fail(Code::kInvalid, "the certificate would end before it begins");
  }
  if (wanted.not_before < root.not_before() || wanted.not_after > root.not_after()) {
    return fail(Code::kInvalid, "the certificate would outlive its root");
  }
  if (wanted.common_name.size() > 64 || !is_utf8(wanted.common_name) ||
      wanted.common_name.find('\0') != std::string::npos) {
    return fail(Code::kInvalid, "the common name must be UTF-8 of at most 64 bytes");
  }
  for (const std::string& name : wanted.dns_names) {
    if (!is_dns_name(name)) return fail(Code::kInvalid, "\"" + name + "\" is no DNS name");
  }
  return {};
}

}  // namespace

Result<CertificateAuthority> CertificateAuthority::create(const Signer& signer,
                                                          std::string_view trust_domain,
                                                          Time not_before, Time not_after,
                                                          Random& random) {
  const std::string id = "spiffe://" + std::string(trust_domain);
  CHECK_OK(check_spiffe_id(id));
  if (trust_domain.find('/') != std::string_view::npos || not_after <= not_before) {
    return fail(Code::kInvalid,
                "a root needs a trust domain alone, and an end after its beginning");
  }
  const PublicKey& key = signer.public_key();
  const X509Ptr root = blank(not_before, not_after, key, random);
  X509_NAME* subject = X509_get_subject_name(root.get());
  add_name(subject, "O", "Writ");
  // Roots of one trust domain follow one another; the key tells them apart.
  add_name(subject, "CN", "root " + to_hex(as_bytes(key.fingerprint())).substr(0, 16));
  must(X509_set_issuer_name(root.get(), subject) == 1, "setting the issuer");
  add_extension(root.get(), root.get(), NID_basic_constraints, "critical,CA:TRUE,pathlen:0");
  add_extension(root.get(), root.get(), NID_key_usage, "critical,keyCertSign,cRLSign");
  add_extension(root.get(), root.get(), NID_subject_key_identifier, "hash");
  const NamesPtr names(sk_GENERAL_NAME_new_null());
  push_text(names.get(), GEN_URI, id);
  add_names(root.get(), names.get(), Critical::kNo);
  TRY(certificate, sign_with(signer, root.get()));
  return CertificateAuthority(signer, std::move(certificate));
}

Result<CertificateAuthority> CertificateAuthority::open(const Signer& signer,
                                                        std::string_view root_pem) {
  TRY(root, Certificate::from_pem(root_pem));
  if (!root.is_authority() || !root.has_known_key() ||
      !(root.public_key() == signer.public_key())) {
    return fail(Code::kInvalid, "the root certificate is not one of the signing key");
  }
  return CertificateAuthority(signer, std::move(root));
}

Result<Certificate> CertificateAuthority::issue(const CertificateTemplate& wanted,
                                                Random& random) const {
  CHECK_OK(check_template(wanted, root_));
  const NamesPtr names(sk_GENERAL_NAME_new_null());
  push_text(names.get(), GEN_URI, wanted.spiffe_id);
  for (const std::string& name : wanted.dns_names) push_text(names.get(), GEN_DNS, name);
  for (const std::string& address : wanted.ip_addresses) {
    TRY(raw, raw_address(address));
    push_text(names.get(), GEN_IPADD, raw);
  }
  TRY(root, native_certificate(root_));
  const X509Ptr leaf = blank(wanted.not_before, wanted.not_after, wanted.public_key, random);
  X509_NAME* subject = X509_get_subject_name(leaf.get());
  if (!wanted.common_name.empty()) add_name(subject, "CN", wanted.common_name);
  must(X509_set_issuer_name(leaf.get(), X509_get_subject_name(root.get())) == 1,
       "setting the issuer");
  add_extension(leaf.get(), root.get(), NID_basic_constraints, "critical,CA:FALSE");
  add_extension(leaf.get(), root.get(), NID_key_usage, "critical,digitalSignature");
  add_extension(leaf.get(), root.get(), NID_ext_key_usage,
                wanted.usage == CertificateUsage::kClient   ? "clientAuth"
                : wanted.usage == CertificateUsage::kServer ? "serverAuth"
                                                            : "serverAuth,clientAuth");
  add_extension(leaf.get(), root.get(), NID_subject_key_identifier, "hash");
  add_extension(leaf.get(), root.get(), NID_authority_key_identifier, "keyid:always");
  // RFC 5280 section 4.2.1.6: critical when there is no subject to go by.
  add_names(leaf.get(), names.get(), wanted.common_name.empty() ? Critical::kYes : Critical::kNo);
  return sign_with(*signer_, leaf.get());
}

Result<CertificateRequest> CertificateRequest::create(const PrivateKey& key) {
  const X509RequestPtr request(X509_REQ_new());
  const EVP_MD* digest = key.public_key().kind() == KeyKind::kP256 ? EVP_sha256() : nullptr;
  if (!request || X509_REQ_set_version(request.get(), X509_REQ_VERSION_1) != 1 ||
      X509_REQ_set_pubkey(request.get(), NativeKey::of(key)) != 1 ||
      X509_REQ_sign(request.get(), NativeKey::of(key), digest) <= 0) {
    return fail(Code::kInternal, "making a certificate request failed: " + openssl_reason());
  }
  return CertificateRequest(
      key.public_key(),
      der_to_pem(der_of<X509_REQ>(request.get(), i2d_X509_REQ), "CERTIFICATE REQUEST"));
}

Result<CertificateRequest> CertificateRequest::from_pem(std::string_view pem) {
  if (pem.size() > 16 * 1024) {
    return fail(Code::kInvalid, "the certificate request is larger than 16 KB");
  }
  TRY(der, pem_to_der(pem, "CERTIFICATE REQUEST"));
  const std::string_view bytes = der.reveal();
  const unsigned char* at = bytes_of(bytes);
  const X509RequestPtr request(d2i_X509_REQ(nullptr, &at, static_cast<long>(bytes.size())));
  if (!request || at != bytes_of(bytes) + bytes.size()) {
    return fail(Code::kInvalid, "this is no certificate request: " + openssl_reason());
  }
  EVP_PKEY* native = X509_REQ_get0_pubkey(request.get());
  if (native == nullptr) {
    return fail(Code::kInvalid, "the certificate request's key is not valid: " + openssl_reason());
  }
  TRY(key, NativeKey::public_of(native));
  if (X509_REQ_verify(request.get(), native) != 1) {
    ERR_clear_error();
    return fail(Code::kUnauthenticated, "the certificate request is not signed by its own key");
  }
  return CertificateRequest(std::move(key), std::string(pem));
}

}  // namespace writ::crypto
