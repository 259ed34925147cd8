#include "crypto/hash.h"

#include <algorithm>
#include <array>

#include "crypto/openssl.h"

namespace writ::crypto {
namespace {

// Looking an algorithm up costs more than hashing a short text, so it is done once.
const EVP_MD* fetched_sha256() {
  static EVP_MD* const md = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  must(md != nullptr, "fetching SHA-256");
  return md;
}

DigestPtr new_digest() {
  DigestPtr context(EVP_MD_CTX_new());
  must(context && EVP_DigestInit_ex2(context.get(), fetched_sha256(), nullptr) == 1,
       "starting SHA-256");
  return context;
}

Hash finish_digest(EVP_MD_CTX* context) {
  Hash hash;
  must(EVP_DigestFinal_ex(context, hash.data(), nullptr) == 1, "finishing SHA-256");
  must(EVP_DigestInit_ex2(context, nullptr, nullptr) == 1, "starting SHA-256 anew");
  return hash;
}

struct Pad {
  std::array<char, 64> block;
  explicit Pad(std::string_view key, char mask) {
    for (std::size_t i = 0; i < block.size(); ++i) {
      block[i] = static_cast<char>((i < key.size() ? key[i] : '\0') ^ mask);
    }
  }
  ~Pad() { zero(block.data(), block.size()); }
  std::string_view view() const { return {block.data(), block.size()}; }
};

}  // namespace

struct Sha256::Context {
  DigestPtr digest = new_digest();
};

Sha256::Sha256() : context_(std::make_unique<Context>()) {}
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;
Sha256::~Sha256() = default;

Sha256& Sha256::update(std::string_view bytes) {
  must(EVP_DigestUpdate(context_->digest.get(), bytes.data(), bytes.size()) == 1, "hashing");
  return *this;
}

Hash Sha256::finish() {
  return finish_digest(context_->digest.get());
}

Hash sha256(std::string_view bytes) {
  thread_local const DigestPtr context = new_digest();
  must(EVP_DigestUpdate(context.get(), bytes.data(), bytes.size()) == 1, "hashing");
  return finish_digest(context.get());
}

Hash hmac_sha256(std::string_view key, std::string_view message) {
  Hash short_key{};
  if (key.size() > 64) {
    short_key = sha256(key);
    key = as_bytes(short_key);
  }
  thread_local Sha256 digest;
  const Hash inner = digest.update(Pad(key, 0x36).view()).update(message).finish();
  const Hash outer = digest.update(Pad(key, 0x5c).view()).update(as_bytes(inner)).finish();
  zero(short_key.data(), short_key.size());
  return outer;
}

Secret pbkdf2_sha256(std::string_view password, std::string_view salt, unsigned iterations,
                     std::size_t length) {
  std::string out(length, '\0');
  must(iterations >= 1 && length >= 1 &&
           PKCS5_PBKDF2_HMAC(password.data(), static_cast<int>(password.size()), bytes_of(salt),
                             static_cast<int>(salt.size()), static_cast<int>(iterations),
                             fetched_sha256(), static_cast<int>(length), bytes_of(out)) == 1,
       "deriving a key from a password");
  return Secret(std::move(out));
}

Secret hkdf_sha256(std::string_view key_material, std::string_view salt, std::string_view purpose,
                   std::size_t length) {
  must(length <= 255 * 32, "deriving more than 8160 bytes");
  Hash key = hmac_sha256(salt, key_material);
  std::string out;
  std::string block;
  for (unsigned counter = 1; out.size() < length; ++counter) {
    std::string input = block;
    input.append(purpose).push_back(static_cast<char>(counter));
    const Hash next = hmac_sha256(as_bytes(key), input);
    zero(input.data(), input.size());
    block.assign(as_bytes(next));
    out.append(block, 0, std::min(block.size(), length - out.size()));
  }
  zero(key.data(), key.size());
  zero(block.data(), block.size());
  return Secret(std::move(out));
}

}  // namespace writ::crypto
