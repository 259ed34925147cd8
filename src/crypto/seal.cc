#include "crypto/seal.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/file.h"
#include "crypto/openssl.h"

namespace writ::crypto {
namespace {

constexpr std::size_t kKey = 32;
constexpr std::size_t kNonce = 12;
constexpr std::size_t kTag = 16;
constexpr std::size_t kMost = 1 << 30;  // OpenSSL counts in int

const EVP_CIPHER* aes_256_gcm() {
  static EVP_CIPHER* const cipher = EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
  must(cipher != nullptr, "fetching AES-256-GCM");
  return cipher;
}

std::string wrapping_label(std::string_view name) {
  return std::string("writ key-encryption-key v1\n").append(name);
}

}  // namespace

Result<std::string> seal(const Secret& key, std::string_view plaintext, std::string_view associated,
                         Random& random) {
  if (key.reveal().size() != kKey) return fail(Code::kInvalid, "a sealing key is 32 bytes");
  if (plaintext.size() > kMost || associated.size() > kMost) {
    return fail(Code::kExhausted, "more than 1 GB cannot be sealed at once");
  }
  std::string out = random.bytes(kNonce);
  out.resize(kNonce + plaintext.size() + kTag);
  unsigned char* const nonce = bytes_of(out);
  unsigned char* const text = nonce + kNonce;
  const CipherPtr context(EVP_CIPHER_CTX_new());
  int size = 0;
  must(context &&
           EVP_EncryptInit_ex2(context.get(), aes_256_gcm(), bytes_of(key.reveal()), nonce,
                               nullptr) == 1 &&
           EVP_EncryptUpdate(context.get(), nullptr, &size, bytes_of(associated),
                             static_cast<int>(associated.size())) == 1 &&
           EVP_EncryptUpdate(context.get(), text, &size, bytes_of(plaintext),
                             static_cast<int>(plaintext.size())) == 1 &&
           EVP_EncryptFinal_ex(context.get(), text + plaintext.size(), &size) == 1 &&
           EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, kTag,
                               text + plaintext.size()) == 1,
       "sealing");
  return out;
}

Result<Secret> open(const Secret& key, std::string_view sealed, std::string_view associated) {
  if (key.reveal().size() != kKey) return fail(Code::kInvalid, "a sealing key is 32 bytes");
  if (sealed.size() < kNonce + kTag || sealed.size() > kMost || associated.size() > kMost) {
    return fail(Code::kCorrupt, "the sealed bytes have an impossible length");
  }
  const std::size_t length = sealed.size() - kNonce - kTag;
  std::string plaintext(length, '\0');
  std::string tag(sealed.substr(kNonce + length));
  const CipherPtr context(EVP_CIPHER_CTX_new());
  int size = 0;
  const bool good =
      context &&
      EVP_DecryptInit_ex2(context.get(), aes_256_gcm(), bytes_of(key.reveal()), bytes_of(sealed),
                          nullptr) == 1 &&
      EVP_DecryptUpdate(context.get(), nullptr, &size, bytes_of(associated),
                        static_cast<int>(associated.size())) == 1 &&
      EVP_DecryptUpdate(context.get(), bytes_of(plaintext), &size, bytes_of(sealed) + kNonce,
                        static_cast<int>(length)) == 1 &&
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_TAG, kTag, tag.data()) == 1 &&
      EVP_DecryptFinal_ex(context.get(), bytes_of(plaintext) + length, &size) == 1;
  ERR_clear_error();
  Secret opened(std::move(plaintext));
  if (!good) return fail(Code::kCorrupt, "the sealed bytes do not open under this key and label");
  return opened;
}

Secret new_data_key(Random& random) {
  return Secret(random.bytes(kKey));
}

Result<KeyEncryptionKey> KeyEncryptionKey::create(const std::string& path, Random& random) {
  // O_EXCL reserves the name, so that two servers never both believe in a key of their own.
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) {
    return errno == EEXIST ? fail(Code::kExists, "there is a key file already", path)
                           : fail(Code::kUnavailable, "the key file cannot be created", path);
  }
  ::close(fd);
  Secret key = new_data_key(random);
  std::string text = to_hex(key.reveal()) + "\n";
  const Status written = write_file(path, text, 0600);
  zero(text.data(), text.size());
  if (!written) {
    ::unlink(path.c_str());
    return fail(written);
  }
  return KeyEncryptionKey(std::move(key));
}

Result<KeyEncryptionKey> KeyEncryptionKey::load(const std::string& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) {
    return fail(Code::kNotFound, "there is no readable key file", path);
  }
  if (!S_ISREG(status.st_mode) || (status.st_mode & 0077) != 0) {
    return fail(Code::kDenied,
                "the key file must be a plain file that its owner alone may read (mode 0600)",
                path);
  }
  TRY(text, read_file(path, 4096));
  const std::size_t length = text.find('\n');
  auto bytes = from_hex(std::string_view(text).substr(0, length));
  const bool whole = length == 2 * kKey && text.size() == length + 1;
  zero(text.data(), text.size());
  if (!bytes || !whole) {
    return fail(Code::kCorrupt, "the key file is not 64 hex digits and a newline", path);
  }
  return KeyEncryptionKey(Secret(std::move(*bytes)));
}

Result<std::string> KeyEncryptionKey::wrap(const Secret& data_key, std::string_view name,
                                           Random& random) const {
  return seal(key_, data_key.reveal(), wrapping_label(name), random);
}

Result<Secret> KeyEncryptionKey::unwrap(std::string_view wrapped, std::string_view name) const {
  return crypto::open(key_, wrapped, wrapping_label(name));
}

}  // namespace writ::crypto
