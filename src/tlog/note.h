// Signed notes (C2SP signed-note) with Ed25519 keys. A note is a text that ends in a newline, an
// empty line, and one signature line per key. Nothing in a note may be used before `open_note`
// verified a signature of a key that the caller already knows.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "crypto/key.h"

namespace writ::tlog {

inline constexpr std::size_t kMostNoteBytes = 64 << 10;
inline constexpr std::size_t kMostNoteSignatures = 64;

// A key that a reader trusts, under the name that stands in signature lines.
struct NoteVerifier {
  std::string name;
  std::uint32_t key_id = 0;
  crypto::PublicKey key;
};

// Names are not empty and hold no space, control character or "+"; the key must be Ed25519.
Result<NoteVerifier> note_verifier(std::string name, const crypto::PublicKey& key);
// "name+hash+base64": what operators hand out ("example.org/log+1a2b3c4d+AQ…").
Result<NoteVerifier> parse_verifier_key(std::string_view text);
std::string verifier_key_text(const NoteVerifier& verifier);

// A key that signs notes. The signer (and what it reaches) outlives this. Thread-safe.
class NoteSigner {
 public:
  // kInvalid for a bad name or a key that is not Ed25519.
  static Result<NoteSigner> over(std::string name, const crypto::Signer& signer);
  const NoteVerifier& verifier() const { return verifier_; }
  // The signature line, newline included, over `text`.
  Result<std::string> signature_line(std::string_view text) const;

 private:
  NoteSigner(NoteVerifier verifier, const crypto::Signer& signer)
      : verifier_(std::move(verifier)), signer_(&signer) {}
  NoteVerifier verifier_;
  const crypto::Signer* signer_;
};

// Signs `text`, which must be valid UTF-8 without control characters and end in a newline. At least
// one signer.
Result<std::string> sign_note(std::string_view text, std::span<const NoteSigner* const> signers);
Result<std::string> sign_note(std::string_view text, const NoteSigner& signer);

struct OpenedNote {
  std::string text;                    // newline at its end included
  std::vector<std::string> signed_by;  // names of the known keys whose signatures hold
};

// kUnauthenticated when no known key signed or when a signature by a known key does not hold;
// kInvalid when it is no note. Signatures by unknown keys are ignored.
Result<OpenedNote> open_note(std::string_view note, std::span<const NoteVerifier> known);
Result<OpenedNote> open_note(std::string_view note, const NoteVerifier& known);

}  // namespace writ::tlog
