// Reading certificates and checking chains.
#include <arpa/inet.h>

#include <array>
#include <ctime>

#include "base/bytes.h"
#include "crypto/hash.h"
#include "crypto/openssl.h"
#include "crypto/svid.h"
#include "crypto/x509.h"

namespace writ::crypto {
namespace {

constexpr std::size_t kLargest = 64 * 1024;
constexpr std::size_t kLongestChain = 8;

Result<Time> time_of(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) {
    return fail(Code::kInvalid, "the certificate holds a malformed time");
  }
  return from_unix_ms(static_cast<std::int64_t>(::timegm(&parts)) * 1000);
}

std::string_view text_of(const ASN1_STRING* text) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
          static_cast<std::size_t>(ASN1_STRING_length(text))};
}

std::string ip_text(std::string_view raw) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const int family = raw.size() == 4 ? AF_INET : AF_INET6;
  if (raw.size() != 4 && raw.size() != 16) return {};
  if (::inet_ntop(family, raw.data(), text.data(), text.size()) == nullptr) return {};
  return text.data();
}

std::string common_name(X509* certificate) {
  const X509_NAME* name = X509_get_subject_name(certificate);
  const int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
  if (at < 0) return {};
  unsigned char* utf8 = nullptr;
  const int size =
      ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
  if (size < 0) return {};
  std::string text(reinterpret_cast<const char*>(utf8), static_cast<std::size_t>(size));
  OPENSSL_free(utf8);
  return text;
}

std::string serial_hex(X509* certificate) {
  const ASN1_INTEGER* serial = X509_get0_serialNumber(certificate);
  std::string hex = to_hex(text_of(serial));
  hex.erase(0, std::min(hex.find_first_not_of('0'), hex.size() - 1));
  return (ASN1_STRING_type(serial) & V_ASN1_NEG) != 0 ? "-" + hex : hex;
}

Result<StorePtr> store_of(const std::vector<Certificate>& roots) {
  StorePtr store(X509_STORE_new());
  must(store != nullptr, "allocating");
  for (const Certificate& root : roots) {
    TRY(native, native_certificate(root));
    must(X509_STORE_add_cert(store.get(), native.get()) == 1, "adding a root");
  }
  return store;
}

}  // namespace

Status check_spiffe_id(std::string_view text) {
  const auto bad = [](std::string why) {
    return fail(Code::kInvalid, "this is no SPIFFE ID: " + std::move(why));
  };
  constexpr std::string_view kScheme = "spiffe://";
  if (text.size() > 2048) return bad("it is longer than 2048 bytes");
  if (!text.starts_with(kScheme)) return bad("it does not begin with spiffe://");
  std::string_view rest = text.substr(kScheme.size());
  const std::size_t slash = rest.find('/');
  const std::string_view domain = rest.substr(0, slash);
  if (domain.empty() || domain.size() > 255) return bad("its trust domain is empty or too long");
  for (char c : domain) {
    const bool good =
        (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
    if (!good) return bad("its trust domain holds a character other than a-z 0-9 . - _");
  }
  if (slash == std::string_view::npos) return {};
  rest.remove_prefix(slash);
  while (!rest.empty()) {
    rest.remove_prefix(1);  // the slash
    const std::string_view segment = rest.substr(0, rest.find('/'));
    if (segment.empty() || segment == "." || segment == "..") {
      return bad("its path has an empty, \".\" or \"..\" segment");
    }
    for (char c : segment) {
      const bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                        (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
      if (!good) return bad("its path holds a character other than A-Z a-z 0-9 . - _");
    }
    rest.remove_prefix(segment.size());
  }
  return {};
}

std::string_view trust_domain_of(std::string_view id) {
  id.remove_prefix(std::min<std::size_t>(id.size(), 9));
  return id.substr(0, id.find('/'));
}

Names names_of(X509* certificate) {
  Names names;
  using NamesPtr = std::unique_ptr<GENERAL_NAMES, Free<GENERAL_NAMES_free>>;
  int critical = 0;
  const NamesPtr sans(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, &critical, nullptr)));
  if (!sans) {
    names.is_malformed = critical != -1;  // -1: there is no such extension
    return names;
  }
  for (int i = 0; i < sk_GENERAL_NAME_num(sans.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(sans.get(), i);
    if (name->type == GEN_URI) names.uris.emplace_back(text_of(name->d.uniformResourceIdentifier));
    if (name->type == GEN_DNS) names.dns.emplace_back(text_of(name->d.dNSName));
    if (name->type == GEN_IPADD) names.ips.push_back(ip_text(text_of(name->d.iPAddress)));
  }
  return names;
}

Result<std::string> spiffe_id_of(X509* leaf) {
  const Names names = names_of(leaf);
  if (names.is_malformed || names.uris.size() != 1) {
    return fail(Code::kUnauthenticated,
                "the certificate does not have exactly one URI among its names");
  }
  if (const Status good = check_spiffe_id(names.uris.front()); !good) {
    return fail(Code::kUnauthenticated, "the certificate's URI: " + good.error().message);
  }
  return names.uris.front();
}

Status check_svid(X509* leaf, X509* root, CertificateUsage usage) {
  const auto refuse = [](std::string why) { return fail(Code::kUnauthenticated, std::move(why)); };
  if (X509_check_ca(leaf) != 0) return refuse("the certificate is one of an authority");
  const std::uint32_t key_usage = X509_get_key_usage(leaf);
  if (key_usage == UINT32_MAX || (key_usage & KU_DIGITAL_SIGNATURE) == 0 ||
      (key_usage & (KU_KEY_CERT_SIGN | KU_CRL_SIGN)) != 0) {
    return refuse("the certificate's key usage is not digital signature alone");
  }
  const std::uint32_t extended = X509_get_extended_key_usage(leaf);
  if (usage != CertificateUsage::kServer &&
      (extended == UINT32_MAX || (extended & XKU_SSL_CLIENT) == 0)) {
    return refuse("the certificate is not for use as a client");
  }
  if (usage != CertificateUsage::kClient &&
      (extended == UINT32_MAX || (extended & XKU_SSL_SERVER) == 0)) {
    return refuse("the certificate is not for use as a server");
  }
  TRY(id, spiffe_id_of(leaf));
  const Names root_names = names_of(root);
  for (const std::string& uri : root_names.uris) {
    if (trust_domain_of(uri) != trust_domain_of(id)) {
      return refuse("the certificate names another trust domain than its root");
    }
  }
  return {};
}

Result<X509Ptr> native_certificate(const Certificate& certificate) {
  const unsigned char* at = bytes_of(certificate.der());
  X509Ptr native(d2i_X509(nullptr, &at, static_cast<long>(certificate.der().size())));
  if (!native) return fail(Code::kInvalid, "this is no certificate: " + openssl_reason());
  return native;
}

Result<Certificate> Certificate::from_der(std::string_view der) {
  if (der.size() > kLargest) return fail(Code::kInvalid, "the certificate is larger than 64 KB");
  const unsigned char* at = bytes_of(der);
  const X509Ptr native(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
  if (!native) return fail(Code::kInvalid, "this is no certificate: " + openssl_reason());
  if (at != bytes_of(der) + der.size()) {
    return fail(Code::kInvalid, "bytes follow the certificate");
  }
  Certificate certificate;
  certificate.der_ = der;
  certificate.fingerprint_ = sha256(der);
  TRY(not_before, time_of(X509_get0_notBefore(native.get())));
  TRY(not_after, time_of(X509_get0_notAfter(native.get())));
  certificate.not_before_ = not_before;
  certificate.not_after_ = not_after;
  Names names = names_of(native.get());
  if (names.is_malformed) return fail(Code::kInvalid, "the certificate's names are malformed");
  certificate.dns_names_ = std::move(names.dns);
  certificate.ip_addresses_ = std::move(names.ips);
  if (auto id = spiffe_id_of(native.get())) certificate.spiffe_id_ = std::move(*id);
  certificate.serial_ = serial_hex(native.get());
  certificate.subject_ = common_name(native.get());
  certificate.is_authority_ = X509_check_ca(native.get()) != 0;
  if (EVP_PKEY* key = X509_get0_pubkey(native.get()); key != nullptr) {
    if (auto known = NativeKey::public_of(key)) certificate.public_key_ = std::move(*known);
  }
  ERR_clear_error();
  return certificate;
}

Result<Certificate> Certificate::from_pem(std::string_view pem) {
  TRY(der, pem_to_der(pem, "CERTIFICATE"));
  return from_der(der.reveal());
}

Result<std::vector<Certificate>> Certificate::chain_from_pem(std::string_view pem) {
  if (pem.size() > 256 * 1024) return fail(Code::kInvalid, "the PEM text is larger than 256 KB");
  std::vector<Certificate> chain;
  do {
    if (chain.size() == kLongestChain) {
      return fail(Code::kInvalid, "there are more than 8 certificates in the PEM text");
    }
    TRY(der, take_pem(pem, "CERTIFICATE"));
    TRY(certificate, from_der(der.reveal()));
    chain.push_back(std::move(certificate));
  } while (!pem.empty());
  return chain;
}

std::string Certificate::pem() const {
  return der_to_pem(der_, "CERTIFICATE");
}

Result<std::string> Certificate::end_point_hash() const {
  TRY(native, native_certificate(*this));
  int digest = NID_undef;
  if (X509_get_signature_info(native.get(), &digest, nullptr, nullptr, nullptr) != 1 ||
      digest == NID_undef) {
    return fail(Code::kInvalid, "the certificate's signature has no hash to bind to");
  }
  if (digest == NID_md5 || digest == NID_sha1) digest = NID_sha256;
  std::string hash(EVP_MAX_MD_SIZE, '\0');
  unsigned size = 0;
  const EVP_MD* md = EVP_get_digestbynid(digest);
  if (md == nullptr || X509_digest(native.get(), md, bytes_of(hash), &size) != 1) {
    return fail(Code::kInvalid, "the certificate's signature hash is not known");
  }
  hash.resize(size);
  return hash;
}

Status verify(const std::vector<Certificate>& chain, const std::vector<Certificate>& roots,
              Time now, CertificateUsage usage) {
  if (chain.empty() || chain.size() > kLongestChain) {
    return fail(Code::kUnauthenticated, "there is no certificate, or the chain is too long");
  }
  TRY(store, store_of(roots));
  TRY(leaf, native_certificate(chain.front()));
  using StackPtr =
      std::unique_ptr<STACK_OF(X509),
                      decltype([](STACK_OF(X509) * stack) { sk_X509_pop_free(stack, X509_free); })>;
  const StackPtr others(sk_X509_new_null());
  for (std::size_t i = 1; i < chain.size(); ++i) {
    TRY(other, native_certificate(chain[i]));
    must(sk_X509_push(others.get(), other.release()) > 0, "allocating");
  }
  const StoreContextPtr context(X509_STORE_CTX_new());
  must(context && X509_STORE_CTX_init(context.get(), store.get(), leaf.get(), others.get()) == 1,
       "allocating");
  prepare_svid_check(context.get(), now);
  if (X509_verify_cert(context.get()) != 1) {
    const char* why = X509_verify_cert_error_string(X509_STORE_CTX_get_error(context.get()));
    ERR_clear_error();
    return fail(Code::kUnauthenticated, std::string("the certificate is not valid: ") + why);
  }
  return check_verified_svid(context.get(), usage);
}

void prepare_svid_check(X509_STORE_CTX* context, Time now) {
  X509_VERIFY_PARAM* param = X509_STORE_CTX_get0_param(context);
  X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_X509_STRICT);
  X509_VERIFY_PARAM_set_depth(param, static_cast<int>(kLongestChain));
  X509_VERIFY_PARAM_set_time(param, static_cast<std::time_t>(unix_ms(now) / 1000));
}

Status check_verified_svid(X509_STORE_CTX* context, CertificateUsage usage) {
  STACK_OF(X509)* verified = X509_STORE_CTX_get0_chain(context);
  const int size = sk_X509_num(verified);
  return check_svid(sk_X509_value(verified, 0), sk_X509_value(verified, size - 1), usage);
}

}  // namespace writ::crypto
