// The decision log of one server: a Merkle log of commitments (tlog/commitment.h) in the form of
// C2SP tlog-tiles, with the payloads and salts beside it. A folder:
//
//   segments/N.log   records (store/record.h) in order, first index N (20 digits), preallocated
//   segments/spare, segments/reserve   preallocated for what comes
//   tile/…           hash tiles and entry bundles, written by `maintain` and `write_checkpoint`
//   checkpoint       the last signed checkpoint
//   tiled            size and root up to which full tiles are durable
//   format           "writ decision log 1"
//   lock
//
// Invariant: an entry that `append` acknowledged is there after any crash, at its index, with its
// salt and payload. Tiles are derived; segments are the truth.
//
// Threads: one at a time appends; any thread may read, and any may call `maintain` or
// `write_checkpoint`, while another appends.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "store/file_system.h"
#include "tlog/checkpoint.h"
#include "tlog/commitment.h"
#include "tlog/proof.h"

namespace writ::store {

using tlog::Head;

inline constexpr std::size_t kMostDecisionPayload = 1 << 20;

// An entry ready to append: its record and leaf hash. Opaque to callers; movable.
struct Prepared {
  std::string record;
  Hash leaf;
};

// Pure: hashing happens here, on the caller's thread. kInvalid unless the salt has tlog::kSaltSize
// bytes (random, never reused) and the payload at most kMostDecisionPayload.
Result<Prepared> prepare(std::string_view payload, std::string_view salt);

struct DecisionEntry {
  std::uint64_t index = 0;
  std::string entry;  // leaf data
  std::string salt;
  std::string payload;
};

struct DecisionLogOptions {
  std::string folder;
  std::string origin;  // of checkpoints
  // Keys of this log's checkpoints; when given, the stored checkpoint must be signed by one.
  std::vector<tlog::NoteVerifier> verifiers;
  std::uint64_t segment_bytes = 32 << 20;  // at least 4 MiB unless payloads are known to be small
};

class DecisionLog {
 public:
  // Opens or creates; `files` outlives the log. A torn tail (never acknowledged) is cut off.
  // kConflict when it is open elsewhere or from a newer version. kCorrupt, naming what cannot be
  // proven, when the entries are fewer than or different from what its own last checkpoint says, or
  // damaged before the tail.
  static Result<std::unique_ptr<DecisionLog>> open(FileSystem& files,
                                                   const DecisionLogOptions& options);
  virtual ~DecisionLog() = default;

  // Appends a group with one sync; durable on return; answers the index of the first. kExhausted
  // when there is no space for a further segment (nothing of the group counts; the log goes on once
  // there is space). kUnavailable after an I/O error: then the log refuses appends until opened
  // again, where entries of the failed group may or may not be found.
  virtual Result<std::uint64_t> append(std::span<const Prepared> group) = 0;
  // The same, but may use the space set aside for evidence that must never fail (break-glass,
  // revocation). Before the reserve is refilled (by `maintain`), `append` answers kExhausted.
  virtual Result<std::uint64_t> append_reserved(std::span<const Prepared> group) = 0;

  // Acknowledged entries.
  virtual std::uint64_t size() const = 0;
  virtual Head head() const = 0;

  // kNotFound when index >= size().
  virtual Result<DecisionEntry> read(std::uint64_t index) const = 0;
  // At most `limit` from `from` on; fewer only at the end.
  virtual Result<std::vector<DecisionEntry>> read(std::uint64_t from, std::size_t limit) const = 0;

  // At any size up to size(); kInvalid past it.
  virtual Result<Hash> root_at(std::uint64_t size) const = 0;
  virtual Result<std::vector<Hash>> inclusion_proof(std::uint64_t index,
                                                    std::uint64_t size) const = 0;
  virtual Result<std::vector<Hash>> consistency_proof(std::uint64_t old_size,
                                                      std::uint64_t new_size) const = 0;

  // Signs the head, after every tile that it needs is durable, and keeps it as the last checkpoint.
  // Answers the signed note. About 0.1 ms plus the tiles: call on a timer or on demand, never per
  // group.
  virtual Result<std::string> write_checkpoint(const tlog::NoteSigner& signer) = 0;
  virtual std::optional<std::string> checkpoint() const = 0;
  // The offline proof of an entry under the last checkpoint; kConflict when that does not cover it
  // (write one first).
  virtual Result<tlog::EntryProof> prove(std::uint64_t index) const = 0;

  // Prepares the next segment and the reserve where they are missing, so that nobody waits for them
  // in `append`. Costs nothing when they are there: call often.
  virtual Status make_ready() = 0;
  // Writes full tiles and bundles, and makes ready. Call when idle and now and then under load
  // (memory for what is untiled grows by some 100 bytes an entry until then).
  virtual Status maintain() = 0;
};

}  // namespace writ::store
