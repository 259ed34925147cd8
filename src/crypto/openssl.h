// OpenSSL's objects behind unique_ptr, for the .cc files of this room alone.
#pragma once

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "crypto/key.h"

namespace writ::crypto {

template <auto F>
struct Free {
  template <class T>
  void operator()(T* p) const {
    F(p);
  }
};
using PkeyPtr = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;
using PkeyContextPtr = std::unique_ptr<EVP_PKEY_CTX, Free<EVP_PKEY_CTX_free>>;
using DigestPtr = std::unique_ptr<EVP_MD_CTX, Free<EVP_MD_CTX_free>>;
using CipherPtr = std::unique_ptr<EVP_CIPHER_CTX, Free<EVP_CIPHER_CTX_free>>;
using X509Ptr = std::unique_ptr<X509, Free<X509_free>>;
using X509RequestPtr = std::unique_ptr<X509_REQ, Free<X509_REQ_free>>;
using StorePtr = std::unique_ptr<X509_STORE, Free<X509_STORE_free>>;
using StoreContextPtr = std::unique_ptr<X509_STORE_CTX, Free<X509_STORE_CTX_free>>;
using BioPtr = std::unique_ptr<BIO, Free<BIO_free_all>>;

// A failure that no caller could handle: out of memory, or a broken library.
[[noreturn]] inline void die(const char* doing) {
  std::fprintf(stderr, "writ: OpenSSL failed: %s\n", doing);
  std::abort();
}
inline void must(bool ok, const char* doing) {
  if (!ok) die(doing);
}

// The oldest queued reason, for messages; empties the queue.
inline std::string openssl_reason() {
  const unsigned long number = ERR_peek_error();
  ERR_clear_error();
  const char* reason = ERR_reason_error_string(number);
  return reason != nullptr ? reason : "no reason given";
}

inline const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
inline unsigned char* bytes_of(std::string& text) {
  return reinterpret_cast<unsigned char*>(text.data());
}

// The DER form of an OpenSSL object; empty on failure.
template <class T>
std::string der_of(const T* object, int (*encode)(const T*, unsigned char**)) {
  const int size = encode(object, nullptr);
  if (size <= 0) return {};
  std::string out(static_cast<std::size_t>(size), '\0');
  unsigned char* at = bytes_of(out);
  encode(object, &at);
  return out;
}

// The bytes of exactly one PEM block with that label and nothing else but white space around it.
Result<Secret> pem_to_der(std::string_view pem, std::string_view label);
std::string der_to_pem(std::string_view der, std::string_view label);
// Takes the first block off `rest`.
Result<Secret> take_pem(std::string_view& rest, std::string_view label);

struct NativeKey {
  static EVP_PKEY* of(const PublicKey& key) { return static_cast<EVP_PKEY*>(key.native_.get()); }
  static EVP_PKEY* of(const PrivateKey& key) { return static_cast<EVP_PKEY*>(key.native_.get()); }
  static Result<PublicKey> public_of(EVP_PKEY* key);
};

}  // namespace writ::crypto
