#include "control/vault.h"

#include <unistd.h>

#include "base/bytes.h"
#include "base/file.h"
#include "crypto/hash.h"

namespace writ::control {
namespace {

constexpr std::string_view kSubjects = "subject_key";
constexpr std::string_view kOwn = "key";
// Subject keys kept open in memory; past this the cache starts anew.
constexpr std::size_t kMostOpenSubjects = 100'000;

std::string wrapped_name(std::string_view table, std::string_view key) {
  return std::string(table) + "/" + std::string(key);
}

// The key that waits to take the other's place; a new one when none does.
Result<crypto::KeyEncryptionKey> next_key(const std::string& path, Random& random) {
  auto waiting = crypto::KeyEncryptionKey::load(path);
  if (!waiting && waiting.error().code == Code::kNotFound) {
    return crypto::KeyEncryptionKey::create(path, random);
  }
  return waiting;
}

// All rows of a table, wrapped anew. Those that the new key opens already stay.
Status wrap_anew(store::Journal& journal, std::string_view table,
                 const crypto::KeyEncryptionKey& old, const crypto::KeyEncryptionKey& next,
                 Random& random, std::vector<store::SidePut>& puts) {
  std::string after;
  for (;;) {
    TRY(rows, journal.list(table, after));
    for (const auto& [key, wrapped] : rows) {
      after = key;
      const std::string name = wrapped_name(table, key);
      auto opened = old.unwrap(wrapped, name);
      if (!opened) {
        if (next.unwrap(wrapped, name)) continue;
        return fail(Code::kCorrupt, "the key \"" + name +
                                        "\" does not open with this key-encryption key; nothing "
                                        "was changed");
      }
      TRY(again, next.wrap(*opened, name, random));
      puts.push_back({std::string(table), key, std::move(again)});
    }
    if (rows.size() < 1000) return {};
  }
}

}  // namespace

Result<std::size_t> rotate_key_encryption_key(store::Journal& journal, const std::string& kek_file,
                                              Random& random) {
  const std::string next_file = kek_file + ".next";
  TRY(old, crypto::KeyEncryptionKey::load(kek_file));
  TRY(next, next_key(next_file, random));
  store::AppendBatch batch;
  for (const std::string_view table : {kOwn, kSubjects}) {
    CHECK_OK(wrap_anew(journal, table, old, next, random, batch.puts));
  }
  const std::size_t count = batch.puts.size();
  if (count > 0) CHECK_OK(journal.append(batch, journal.head().size));
  TRY(bytes, read_file(next_file, 4096));
  const Status written = write_file(kek_file, bytes, 0600);
  zero(bytes.data(), bytes.size());
  CHECK_OK(written);
  ::unlink(next_file.c_str());
  return count;
}

Vault::Vault(store::Journal& journal, crypto::KeyEncryptionKey kek, Random& random)
    : journal_(journal), kek_(std::move(kek)), random_(random) {}

Status Vault::create_own_keys() {
  TRY(ca, crypto::PrivateKey::generate(crypto::KeyKind::kP256));
  TRY(note, crypto::PrivateKey::generate(crypto::KeyKind::kEd25519));
  ca_key_ = std::make_unique<crypto::PrivateKey>(std::move(ca));
  note_key_ = std::make_unique<crypto::PrivateKey>(std::move(note));
  digest_key_ = crypto::new_data_key(random_);
  const auto keep = [&](const std::string& name, const Secret& secret) -> Status {
    TRY(wrapped, kek_.wrap(secret, wrapped_name(kOwn, name), random_));
    new_keys_.push_back({std::string(kOwn), name, std::move(wrapped)});
    return {};
  };
  CHECK_OK(keep("ca", ca_key_->to_pem()));
  CHECK_OK(keep("note", note_key_->to_pem()));
  return keep("digest", digest_key_);
}

Result<Secret> Vault::own_key(const std::string& name) const {
  TRY(wrapped, journal_.get(kOwn, name));
  if (!wrapped) {
    return fail(Code::kCorrupt,
                "the data folder has no key \"" + name + "\"; restore it from a backup");
  }
  auto key = kek_.unwrap(*wrapped, wrapped_name(kOwn, name));
  if (!key) {
    return fail(Code::kCorrupt, "the key \"" + name +
                                    "\" does not open with this key-encryption key; is it the one "
                                    "that this data folder was made with?");
  }
  return key;
}

Status Vault::open_own_keys() {
  TRY(ca_pem, own_key("ca"));
  TRY(ca, crypto::PrivateKey::from_pem(ca_pem));
  TRY(note_pem, own_key("note"));
  TRY(note, crypto::PrivateKey::from_pem(note_pem));
  TRY(digest, own_key("digest"));
  ca_key_ = std::make_unique<crypto::PrivateKey>(std::move(ca));
  note_key_ = std::make_unique<crypto::PrivateKey>(std::move(note));
  digest_key_ = std::move(digest);
  return {};
}

Result<std::shared_ptr<const Secret>> Vault::subject_key(std::string_view subject) const {
  {
    std::lock_guard lock(mutex_);
    if (const auto found = subjects_.find(subject); found != subjects_.end()) return found->second;
  }
  TRY(wrapped, journal_.get(kSubjects, subject));
  if (!wrapped) return std::shared_ptr<const Secret>();
  TRY(key, kek_.unwrap(*wrapped, wrapped_name(kSubjects, subject)));
  auto shared = std::make_shared<const Secret>(std::move(key));
  std::lock_guard lock(mutex_);
  if (subjects_.size() >= kMostOpenSubjects) subjects_.clear();
  return subjects_.emplace(std::string(subject), shared).first->second;
}

Result<core::Sealed> Vault::seal(std::string_view subject, std::string_view text) {
  TRY(key, subject_key(subject));
  if (!key) {
    Secret fresh = crypto::new_data_key(random_);
    TRY(wrapped, kek_.wrap(fresh, wrapped_name(kSubjects, subject), random_));
    std::lock_guard lock(mutex_);
    std::shared_ptr<const Secret>& slot = subjects_[std::string(subject)];
    if (!slot) {  // no other thread was faster
      slot = std::make_shared<const Secret>(std::move(fresh));
      new_keys_.push_back({std::string(kSubjects), std::string(subject), std::move(wrapped)});
    }
    key = slot;
  }
  TRY(box, crypto::seal(*key, text, subject, random_));
  return core::Sealed{std::string(subject), to_base64(box)};
}

Result<std::string> Vault::open(const core::Sealed& sealed) const {
  TRY(key, subject_key(sealed.subject));
  if (!key) return fail(Code::kNotFound, "erased");
  TRY(box, from_base64(sealed.box));
  TRY(text, crypto::open(*key, box, sealed.subject));
  return std::string(text.reveal());
}

std::string Vault::digest(std::string_view text) const {
  return to_hex(as_bytes(crypto::hmac_sha256(digest_key_.reveal(), text)));
}

std::vector<store::SidePut> Vault::take_new_keys() {
  std::lock_guard lock(mutex_);
  return std::exchange(new_keys_, {});
}

void Vault::put_back(std::vector<store::SidePut> keys) {
  std::lock_guard lock(mutex_);
  for (store::SidePut& key : keys) new_keys_.push_back(std::move(key));
}

store::SideErase Vault::erase_subject(std::string_view subject) {
  std::lock_guard lock(mutex_);
  if (const auto found = subjects_.find(subject); found != subjects_.end()) subjects_.erase(found);
  return {std::string(kSubjects), std::string(subject)};
}

}  // namespace writ::control
