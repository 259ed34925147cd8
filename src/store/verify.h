// Verifying evidence from genesis to the last checkpoint. Nothing stored is believed but the
// entries themselves: the tree is computed anew from them and compared with the stored tree, with
// the signed checkpoint, and with a checkpoint that the asking client remembers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/json_fields.h"
#include "store/decision_log.h"
#include "store/journal.h"

namespace writ::store {

struct VerifyOptions {
  std::string origin;                         // wanted of every checkpoint; empty: any
  std::vector<tlog::NoteVerifier> verifiers;  // trusted keys; at least one
  std::optional<std::string> remembered;      // a checkpoint note that the client kept
};

enum class Doubt {
  kTruncated,  // entries that a checkpoint covers are gone (a re-signed shorter log and a restored
               // old backup show themselves as this against the remembered checkpoint)
  kRewritten,  // the entries do not give the root that a checkpoint signed
  kDamaged,    // stored bytes contradict themselves: entry, payload, tile or tree node
  kBadSignature,  // a checkpoint is not signed by a trusted key, or is for another origin
  kNoCheckpoint,  // nothing is signed yet
  kUnsigned,      // entries after the last checkpoint: consistent, but nobody signed them
};
constexpr auto enum_names(Doubt) {
  return std::to_array<std::string_view>(
      {"truncated", "rewritten", "damaged", "bad_signature", "no_checkpoint", "unsigned"});
}

// Something that cannot be proven, about the entries [from, to).
struct Unproven {
  Doubt doubt = Doubt::kDamaged;
  std::uint64_t from = 0;
  std::uint64_t to = 0;
  std::string what;  // a plain sentence
};
template <class V>
void fields(V& v, Unproven& u) {
  v("doubt", u.doubt);
  v("from", u.from);
  v("to", u.to);
  v("what", u.what);
}

struct Verification {
  std::uint64_t entries = 0;  // read, in order, from 0
  std::uint64_t proven = 0;   // entries [0, proven) are exactly what a trusted key signed
  Hash root{};                // computed over all of them
  std::vector<Unproven> unproven;

  // Nothing contradicts the evidence. Unsigned entries at the end are no contradiction.
  bool sound() const;
};
template <class V>
void fields(V& v, Verification& r) {
  v("entries", r.entries);
  v("proven", r.proven);
  v("root", r.root);
  v("unproven", r.unproven);
}

// The error is only for what prevented looking (cannot be read at all); findings are in the answer.
Result<Verification> verify_journal(const Journal& journal, const VerifyOptions& options);
// Works on the folder, open or not; reads only.
Result<Verification> verify_decision_log(FileSystem& files, const std::string& folder,
                                         const VerifyOptions& options);

}  // namespace writ::store
