#include "store/verify.h"

#include <algorithm>
#include <array>
#include <functional>
#include <map>

#include "store/decision_tree.h"
#include "store/record.h"
#include "store/segments.h"
#include "tlog/checkpoint.h"
#include "tlog/commitment.h"
#include "tlog/tile.h"

namespace writ::store {
namespace {

using tlog::Checkpoint;
using tlog::kTileHeight;
using tlog::kTileWidth;
using tlog::Tile;
using tlog::TileKind;

constexpr std::size_t kReadEvents = 1000;
// More findings than this say nothing new.
constexpr std::size_t kMostFindings = 100;

std::string entries_text(std::uint64_t count) {
  return std::to_string(count) + (count == 1 ? " entry" : " entries");
}

// The checkpoint notes to hold the entries against, and the tree computed anew.
class Verifier {
 public:
  explicit Verifier(const VerifyOptions& options) : options_(options) {}

  void doubt(Doubt doubt, std::uint64_t from, std::uint64_t to, std::string what) {
    if (result_.unproven.size() < kMostFindings) {
      result_.unproven.push_back({doubt, from, to, std::move(what)});
    }
  }

  // `kept` is the log's own; read before the entries, so that a growing log does not seem short.
  void take_checkpoints(const std::optional<std::string>& kept) {
    stored_ = open(kept, "the stored checkpoint");
    if (!kept) doubt(Doubt::kNoCheckpoint, 0, 0, "the log has no checkpoint; nothing is signed");
    remembered_ = open(options_.remembered, "the remembered checkpoint");
    for (const auto& checkpoint : {stored_, remembered_}) {
      if (checkpoint) roots_[checkpoint->head.size] = tlog::empty_root();
    }
    note_root();
  }
  std::uint64_t stored_size() const { return stored_ ? stored_->head.size : 0; }

  void add(std::string_view entry) {
    frontier_.append(tlog::leaf_hash(entry));
    note_root();
  }
  const tlog::Frontier& frontier() const { return frontier_; }

  Verification finish() {
    result_.entries = frontier_.size();
    result_.root = frontier_.root();
    const std::uint64_t stored = hold_against(stored_, "the stored checkpoint");
    const std::uint64_t remembered = hold_against(remembered_, "the remembered checkpoint");
    result_.proven = std::max(stored, remembered);
    // A shorter log that its owner signed anew stands behind what the client was shown before.
    if (stored_ && remembered_ && stored_->head.size < remembered_->head.size) {
      doubt(Doubt::kTruncated, stored_->head.size, remembered_->head.size,
            "the stored checkpoint covers " + entries_text(stored_->head.size) +
                ", but this client was shown one over " + entries_text(remembered_->head.size) +
                ": the log was cut and signed again, or an old copy was restored");
    }
    if (result_.sound() && result_.proven < result_.entries) {
      doubt(Doubt::kUnsigned, result_.proven, result_.entries,
            entries_text(result_.entries - result_.proven) + " came after the last checkpoint");
    }
    return std::move(result_);
  }

 private:
  void note_root() {
    const auto wanted = roots_.find(frontier_.size());
    if (wanted != roots_.end()) wanted->second = frontier_.root();
  }

  std::optional<Checkpoint> open(const std::optional<std::string>& note, const std::string& name) {
    if (!note) return std::nullopt;
    auto opened = tlog::open_checkpoint(*note, options_.verifiers, options_.origin);
    if (opened) return std::move(*opened);
    doubt(Doubt::kBadSignature, 0, 0, name + " cannot be believed: " + opened.error().message);
    return std::nullopt;
  }

  // How many entries the checkpoint proves.
  std::uint64_t hold_against(const std::optional<Checkpoint>& checkpoint, const std::string& name) {
    if (!checkpoint) return 0;
    const std::uint64_t size = checkpoint->head.size;
    if (size > frontier_.size()) {
      doubt(Doubt::kTruncated, frontier_.size(), size,
            name + " covers " + entries_text(size) + ", but only " +
                entries_text(frontier_.size()) + " can be read");
      return 0;
    }
    if (roots_.at(size) != checkpoint->head.root) {
      doubt(Doubt::kRewritten, 0, size,
            "the first " + entries_text(size) + " do not give the root in " + name +
                ": at least one of them was changed since");
      return 0;
    }
    return size;
  }

  const VerifyOptions& options_;
  Verification result_;
  tlog::Frontier frontier_;
  std::optional<Checkpoint> stored_;
  std::optional<Checkpoint> remembered_;
  std::map<std::uint64_t, Hash> roots_;  // at the sizes of checkpoints
};

// Compares a log's tiles with the tree that its entries give. Tiles appear in files; a missing one
// is no finding before `durable`, the size up to which they must be there.
class TileComparison {
 public:
  TileComparison(const FolderTiles& tiles, std::uint64_t durable, Verifier& verifier)
      : tiles_(tiles), durable_(durable), verifier_(verifier) {}

  // After each entry was added to the verifier's tree.
  void added(std::string_view entry) {
    const std::uint64_t index = verifier_.frontier().size() - 1;
    entries_.emplace_back(entry);
    const auto completed = verifier_.frontier().completed();
    for (unsigned level = 0; level < completed.size(); level += kTileHeight) {
      row(level) += as_bytes(completed[level]);
      if (row(level).size() == kTileWidth * 32) {
        compare(
            {TileKind::kHashes, level / kTileHeight, index >> (level + kTileHeight), kTileWidth});
      }
    }
    if (entries_.size() == kTileWidth) {
      compare({TileKind::kEntries, 0, index / kTileWidth, kTileWidth});
    }
    if (index + 1 == durable_) compare_edge(durable_);
  }

 private:
  std::string& row(unsigned level) { return rows_[level / kTileHeight]; }

  // The partial tiles of the last checkpoint.
  void compare_edge(std::uint64_t size) {
    for (unsigned level = 0; level < 8; ++level) {
      const std::uint64_t count = size >> (kTileHeight * level);
      const auto width = static_cast<unsigned>(count % kTileWidth);
      if (width == 0) continue;
      check({TileKind::kHashes, level, count / kTileWidth, width});
      if (level == 0) check({TileKind::kEntries, 0, count / kTileWidth, width});
    }
  }

  void compare(const Tile& tile) {
    check(tile);
    if (tile.kind == TileKind::kEntries) {
      entries_.clear();
    } else {
      row(tile.level * kTileHeight).clear();
    }
  }

  void check(const Tile& tile) {
    const unsigned shift = kTileHeight * tile.level;
    const std::uint64_t from = (tile.index * kTileWidth) << shift;
    const std::uint64_t to = (tile.index * kTileWidth + tile.width) << shift;
    const auto bytes = tiles_.tile(tile);
    const std::string name = tlog::tile_path(tile);
    if (!bytes) {
      if (to <= durable_) {
        verifier_.doubt(Doubt::kDamaged, from, to,
                        "the file " + name + " cannot be read: " + bytes.error().message);
      }
      return;
    }
    std::string wanted;
    if (tile.kind == TileKind::kHashes) {
      wanted = row(shift);
    } else {
      for (const std::string& entry : entries_) {
        put_u16(wanted, static_cast<std::uint16_t>(entry.size()));
        wanted += entry;
      }
    }
    // The full tile may stand in for a partial one.
    if (bytes->size() >= wanted.size() && bytes->compare(0, wanted.size(), wanted) == 0) return;
    // Tiles beyond the last checkpoint may be half written after a crash.
    if (to > durable_) return;
    if (tile.kind == TileKind::kHashes && tile.level == 0) {
      for (std::uint64_t i = 0; i < tile.width; ++i) {
        if (bytes->substr(std::min<std::size_t>(i * 32, bytes->size()), 32) ==
            wanted.substr(i * 32, 32)) {
          continue;
        }
        verifier_.doubt(Doubt::kDamaged, from + i, from + i + 1,
                        "entry " + std::to_string(from + i) + " is not the one in " + name);
      }
      return;
    }
    verifier_.doubt(Doubt::kDamaged, from, to, "the file " + name + " does not fit the entries");
  }

  const FolderTiles& tiles_;
  std::uint64_t durable_;
  Verifier& verifier_;
  std::array<std::string, 8> rows_;  // hashes of the tile being filled, by tile level
  std::vector<std::string> entries_;
};

// Reads one segment's records into the tree. Answers whether the log goes on after it.
Result<bool> verify_segment(const File& file, const std::string& name, std::uint64_t next_first,
                            Verifier& verifier, TileComparison& tiles) {
  const std::uint64_t first = verifier.frontier().size();
  RecordCursor cursor(file, 0, first);
  for (;;) {
    TRY(step, cursor.next());
    if (step == RecordCursor::Step::kEnd) break;
    const std::uint64_t index = cursor.index() - 1;
    const auto body = read_body(cursor.body());
    if (!body) {
      verifier.doubt(
          Doubt::kDamaged, index, index + 1,
          "entry " + std::to_string(index) + " in " + name + ": " + body.error().message);
      return false;
    }
    if (auto opens = tlog::verify_commitment(body->entry, body->salt, body->payload); !opens) {
      verifier.doubt(
          Doubt::kDamaged, index, index + 1,
          "entry " + std::to_string(index) + " in " + name + ": " + opens.error().message);
    }
    verifier.add(body->entry);
    tiles.added(body->entry);
  }
  if (cursor.index() == next_first) return true;
  const std::string at = "entry " + std::to_string(cursor.index()) + " in " + name;
  if (next_first != 0) {
    verifier.doubt(Doubt::kDamaged, cursor.index(), std::max(next_first, cursor.index() + 1),
                   at + " is missing or damaged, and nothing after it can be placed");
    return false;
  }
  TRY(tail, inspect_tail(file, cursor.offset(), cursor.index()));
  if (tail.damaged) {
    verifier.doubt(Doubt::kDamaged, cursor.index(), cursor.index() + 1,
                   at + " is damaged: later records show that it had been written");
  }
  return false;
}

}  // namespace

bool Verification::sound() const {
  return std::all_of(unproven.begin(), unproven.end(), [](const Unproven& u) {
    return u.doubt == Doubt::kUnsigned || u.doubt == Doubt::kNoCheckpoint;
  });
}

Result<Verification> verify_journal(const Journal& journal, const VerifyOptions& options) {
  Verifier verifier(options);
  TRY(note, journal.checkpoint_get());
  verifier.take_checkpoints(note);
  const Head head = journal.head();
  bool nodes_agree = true;
  while (verifier.frontier().size() < head.size) {
    const std::uint64_t from = verifier.frontier().size();
    const auto limit =
        static_cast<std::size_t>(std::min<std::uint64_t>(kReadEvents, head.size - from));
    auto events = journal.read(from, limit);
    if (!events) {
      verifier.doubt(Doubt::kDamaged, from, head.size, events.error().message);
      break;
    }
    for (const std::string& event : *events) {
      verifier.add(event);
      // The stored nodes, from which the journal makes its proofs.
      const std::uint64_t seq = verifier.frontier().size() - 1;
      const auto completed = verifier.frontier().completed();
      std::vector<tlog::NodeId> ids;
      for (unsigned level = 0; level < completed.size(); ++level)
        ids.push_back({level, seq >> level});
      const auto stored = journal.nodes(ids);
      if (stored &&
          std::equal(stored->begin(), stored->end(), completed.begin(), completed.end())) {
        continue;
      }
      if (nodes_agree) {
        verifier.doubt(
            Doubt::kDamaged, seq, seq + 1,
            "event " + std::to_string(seq) + " is not the one that the stored tree holds");
      }
      nodes_agree = false;
    }
  }
  return verifier.finish();
}

Result<Verification> verify_decision_log(FileSystem& files, const std::string& folder,
                                         const VerifyOptions& options) {
  const std::string segments = folder + "/segments";
  Verifier verifier(options);
  std::optional<std::string> note;
  if (files.exists(folder + "/checkpoint")) {
    TRY(bytes, files.read_all(folder + "/checkpoint", tlog::kMostNoteBytes));
    note = std::move(bytes);
  }
  verifier.take_checkpoints(note);
  const FolderTiles folder_tiles(files, folder);
  TileComparison tiles(folder_tiles, verifier.stored_size(), verifier);
  TRY(firsts, list_segments(files, segments));
  // Segments that were prepared and not begun.
  while (firsts.size() > 1) {
    TRY(file, files.open(segments + "/" + segment_name(firsts.back()), OpenMode::kRead));
    TRY(tail, inspect_tail(*file, 0, firsts.back()));
    if (tail.end != 0) break;
    firsts.pop_back();
  }
  for (std::size_t i = 0; i < firsts.size(); ++i) {
    const std::string name = segment_name(firsts[i]);
    if (firsts[i] != verifier.frontier().size()) {
      verifier.doubt(
          Doubt::kDamaged, verifier.frontier().size(), firsts[i],
          "the segment with entry " + std::to_string(verifier.frontier().size()) + " is missing");
      break;
    }
    TRY(file, files.open(segments + "/" + name, OpenMode::kRead));
    const std::uint64_t next = i + 1 < firsts.size() ? firsts[i + 1] : 0;
    TRY(more, verify_segment(*file, name, next, verifier, tiles));
    if (!more) break;
  }
  return verifier.finish();
}

}  // namespace writ::store
