// The journal: every fact, in one order, durable and never edited. It is itself a Merkle log whose
// leaf data are the event bytes. Beside it stand snapshots of the state folded from it, the latest
// signed checkpoint, and a small table of values that, unlike events, can be erased (sealed subject
// keys).
//
// Invariant: an event that `append` acknowledged is there after any crash, at the same seq, under
// the same root. The seq of the first event is 0, so the next event's seq always equals the size.
//
// Every backend passes store/journal_contract.h. All methods are thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "tlog/tile.h"
#include "tlog/tree.h"

namespace writ::store {

using tlog::Head;

// Limits: an event has 1 to 65,535 bytes (an entry of a tlog-tiles bundle), a batch at most 100,000
// events, a side value at most 1 MiB, a side table or key name 1 to 512 bytes.
inline constexpr std::size_t kMostEventBytes = tlog::kMostEntryBytes;
inline constexpr std::size_t kMostBatchEvents = 100'000;
inline constexpr std::size_t kMostSideBytes = 1 << 20;
inline constexpr std::size_t kMostSideNameBytes = 512;

struct SidePut {
  std::string table;
  std::string key;
  std::string value;
};
struct SideErase {
  std::string table;
  std::string key;
};

// One transaction: all of it is durable, or none of it ever was. Erasures come before puts.
struct AppendBatch {
  std::vector<std::string> events;  // canonical bytes
  std::vector<SidePut> puts;
  std::vector<SideErase> erases;  // of what is absent: nothing happens
};

// The state after the events [0, seq).
struct Snapshot {
  std::uint64_t seq = 0;
  std::string bytes;
};

class Journal : public tlog::NodeReader {
 public:
  // Appends in one transaction and answers the head after it; durable on return. kConflict when
  // `expected_seq` is not the size; kInvalid past the limits; kExhausted without space (nothing was
  // appended, a later call can succeed); kUnavailable after an I/O error. After an I/O error while
  // committing, whether the batch is there is unknown: the journal then refuses every append until
  // it is opened again, where `head()` tells.
  virtual Result<Head> append(const AppendBatch& batch, std::uint64_t expected_seq) = 0;
  Result<Head> append(std::vector<std::string> events, std::uint64_t expected_seq) {
    return append(AppendBatch{std::move(events), {}, {}}, expected_seq);
  }

  // Events from `from` on, at most `limit`; fewer only at the end. kInvalid when from > size.
  virtual Result<std::vector<std::string>> read(std::uint64_t from, std::size_t limit) const = 0;
  // Of all acknowledged events.
  virtual Head head() const = 0;

  // Calls `notify` with the new head after each append, on the appending thread, in order, before
  // append returns; from construction until the Subscription is destroyed (which waits for a call
  // under way, so do not destroy it inside its own notify). To tail from a seq: subscribe, then
  // read up to head(), then read more when told. Notify must be quick and must not call append.
  class Subscription {
   public:
    virtual ~Subscription() = default;
  };
  virtual std::unique_ptr<Subscription> subscribe(std::function<void(const Head&)> notify) = 0;

  // Keeps the last two. kInvalid when seq is past the size or behind the last snapshot.
  virtual Status snapshot_put(std::uint64_t seq, std::string_view bytes) = 0;
  // The newest whose bytes are undamaged, or nothing.
  virtual Result<std::optional<Snapshot>> snapshot_get() const = 0;

  // The latest signed checkpoint note (tlog/checkpoint.h). Put refuses (kConflict) one of a smaller
  // size than the stored one, one past the size, or one whose root is not the journal's at its
  // size. Signatures are the caller's business.
  virtual Status checkpoint_put(std::string_view note) = 0;
  virtual Result<std::optional<std::string>> checkpoint_get() const = 0;

  // The side table. `put` and `erase` are durable on return. Erased bytes are overwritten in the
  // database by then, and gone from its write-ahead log after the next `maintain`.
  virtual Status put(std::string_view table, std::string_view key, std::string_view value) = 0;
  virtual Status erase(std::string_view table, std::string_view key) = 0;
  virtual Result<std::optional<std::string>> get(std::string_view table,
                                                 std::string_view key) const = 0;
  // Key and value, by key, keys after `after`, at most `limit`.
  virtual Result<std::vector<std::pair<std::string, std::string>>> list(
      std::string_view table, std::string_view after = {}, std::size_t limit = 1000) const = 0;

  // Housekeeping between groups of appends; call when idle, and now and then under load. What it
  // does never changes what the journal says.
  virtual Status maintain() = 0;

  // Proofs and tiles at any size up to head().size; kInvalid past it. O(log size).
  Result<Hash> root_at(std::uint64_t size) const;
  Result<std::vector<Hash>> inclusion_proof(std::uint64_t seq, std::uint64_t size) const;
  Result<std::vector<Hash>> consistency_proof(std::uint64_t old_size, std::uint64_t new_size) const;
  // The bytes of a hash tile or an entry bundle.
  Result<std::string> tile(const tlog::Tile& tile) const;
};

}  // namespace writ::store
