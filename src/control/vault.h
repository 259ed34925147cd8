// The vault: every secret that Writ itself holds, wrapped by the key-encryption key and kept in the
// journal's side table, where, unlike events, it can be erased.
//
//   table "subject_key"  key per subject, made on first use; erasing it erases the person
//   table "key"          Writ's own keys: "ca", "note", "digest"
//
// Invariant: a subject key is durable no later than the first event sealed with it, because the
// writer takes `take_new_keys` into the same transaction.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/sealed.h"
#include "crypto/key.h"
#include "crypto/seal.h"
#include "store/journal.h"

namespace writ::control {

class Vault final : public core::Sealer {
 public:
  // `journal` and `random` outlive the vault.
  Vault(store::Journal& journal, crypto::KeyEncryptionKey kek, Random& random);

  // Makes Writ's own keys. Their wrapped forms are among `take_new_keys`; for `init` only.
  Status create_own_keys();
  // Opens Writ's own keys; kCorrupt when one is missing or does not open.
  Status open_own_keys();

  // Signs certificates (P-256) and checkpoints (Ed25519). Valid after one of the calls above.
  const crypto::PrivateKey& ca_key() const { return *ca_key_; }
  const crypto::PrivateKey& note_key() const { return *note_key_; }

  Result<core::Sealed> seal(std::string_view subject, std::string_view text) override;
  Result<std::string> open(const core::Sealed& sealed) const override;
  std::string digest(std::string_view text) const override;

  // Wrapped keys that were made since the last call, to be stored with the events that use them.
  std::vector<store::SidePut> take_new_keys();
  // What `take_new_keys` gave could not be stored: give it out again next time.
  void put_back(std::vector<store::SidePut> keys);
  // The erasure that makes a subject's personal fields unreadable, and forgets the key in memory.
  store::SideErase erase_subject(std::string_view subject);

 private:
  Result<std::shared_ptr<const Secret>> subject_key(std::string_view subject) const;
  Result<Secret> own_key(const std::string& name) const;

  store::Journal& journal_;
  crypto::KeyEncryptionKey kek_;
  Random& random_;
  std::unique_ptr<crypto::PrivateKey> ca_key_;
  std::unique_ptr<crypto::PrivateKey> note_key_;
  Secret digest_key_;

  mutable std::mutex mutex_;
  mutable std::map<std::string, std::shared_ptr<const Secret>, std::less<>> subjects_;  // guarded
  std::vector<store::SidePut> new_keys_;                                                // guarded
};

// Puts a new key-encryption key in the place of the file's, and wraps every key of the journal's
// side table anew, in one transaction; answers how many. The wrapped keys stay what they are, so
// nothing that was sealed or signed changes, and older backups open with the older key alone. Until
// it is done the new key rests beside the old one, as PATH.next; called again after a crash, it
// goes on.
Result<std::size_t> rotate_key_encryption_key(store::Journal& journal, const std::string& kek_file,
                                              Random& random);

}  // namespace writ::control
