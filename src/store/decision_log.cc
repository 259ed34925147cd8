#include "store/decision_log.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <set>

#include "store/decision_tree.h"
#include "store/recent_bundles.h"
#include "store/record.h"
#include "store/segments.h"
#include "tlog/tile.h"

namespace writ::store {
namespace {

using tlog::kTileWidth;
using tlog::Tile;

constexpr std::string_view kFormat = "writ decision log 1\n";
// `tiled` has the form of a checkpoint's text, under this origin; it is not signed.
constexpr std::string_view kTiledOrigin = "tiled";
// Tiles that are written before they are synced together.
constexpr std::size_t kMostUnsyncedTiles = 32;

class FolderLog final : public DecisionLog {
 public:
  FolderLog(FileSystem& files, const DecisionLogOptions& options)
      : files_(files),
        options_(options),
        segments_(files, options.folder + "/segments", options.segment_bytes),
        tree_(files, options.folder) {}

  Status start();

  Result<std::uint64_t> append(std::span<const Prepared> group) override {
    return append_in(group, Space::kNormal);
  }
  Result<std::uint64_t> append_reserved(std::span<const Prepared> group) override {
    return append_in(group, Space::kReserved);
  }
  std::uint64_t size() const override { return tree_.size(); }
  Head head() const override { return tree_.head(); }
  Result<DecisionEntry> read(std::uint64_t index) const override;
  Result<std::vector<DecisionEntry>> read(std::uint64_t from, std::size_t limit) const override;
  Result<Hash> root_at(std::uint64_t size) const override;
  Result<std::vector<Hash>> inclusion_proof(std::uint64_t index, std::uint64_t size) const override;
  Result<std::vector<Hash>> consistency_proof(std::uint64_t old_size,
                                              std::uint64_t new_size) const override;
  Result<std::string> write_checkpoint(const tlog::NoteSigner& signer) override;
  std::optional<std::string> checkpoint() const override;
  Result<tlog::EntryProof> prove(std::uint64_t index) const override;
  Status make_ready() override { return segments_.refill(); }
  Status maintain() override;

 private:
  std::string path(std::string_view name) const {
    return options_.folder + "/" + std::string(name);
  }
  Result<std::uint64_t> append_in(std::span<const Prepared> group, Space space);
  // Writes and syncs a part of a group into the active segment.
  Status write_part(std::span<const Prepared> part, std::uint64_t first);
  Status check_checkpoint();
  Status within(std::uint64_t size) const;
  // With maintain_mutex_ held:
  Status write_tile(const Tile& tile, const tlog::NodeReader& nodes);
  Status tile_up_to(std::uint64_t size);
  Status sync_tiles();

  FileSystem& files_;
  const DecisionLogOptions options_;
  std::unique_ptr<FileSystem::Lock> lock_;
  Segments segments_;
  DecisionTree tree_;
  RecentBundles recent_;  // never behind tree_

  std::mutex writer_mutex_;  // guards the writer's own: the active segment and these
  bool stopped_ = false;     // after an I/O error
  std::string buffer_;
  std::vector<std::uint32_t> sizes_;
  std::vector<Hash> leaves_;
  std::vector<std::string_view> entries_;

  std::mutex maintain_mutex_;  // guards these; never held by the writer
  std::uint64_t tiled_ = 0;
  std::set<std::string> known_folders_;
  std::vector<std::unique_ptr<File>> unsynced_tiles_;
  std::vector<std::string> replaced_;  // folders of partial tiles whose full one is among them
  std::set<std::string> unsynced_folders_;

  mutable std::mutex checkpoint_mutex_;  // guards this
  std::optional<std::string> checkpoint_;
};

Status FolderLog::start() {
  CHECK_OK(files_.make_folder(options_.folder));
  TRY(lock, files_.lock(path("lock")));
  lock_ = std::move(lock);
  if (files_.exists(path("format"))) {
    TRY(format, files_.read_all(path("format"), 1024));
    if (format != kFormat) {
      return fail(
          Code::kConflict,
          "this decision log has another format, probably from a newer version of Writ: \"" +
              format.substr(0, format.find('\n')) + "\"",
          options_.folder);
    }
  } else {
    if (files_.exists(path("segments"))) {
      TRY(firsts, list_segments(files_, path("segments")));
      if (!firsts.empty())
        return fail(Code::kCorrupt, "the file \"format\" is missing", options_.folder);
    }
    CHECK_OK(files_.replace(path("format"), kFormat));
  }
  CHECK_OK(files_.make_folder(path("segments")));
  CHECK_OK(files_.make_folder(path("tile")));

  Head tiled;
  if (files_.exists(path("tiled"))) {
    TRY(text, files_.read_all(path("tiled"), 4096));
    TRY(parsed, tlog::parse_checkpoint_text(text));
    tiled = parsed.head;
    if (parsed.origin != kTiledOrigin || tiled.size % kTileWidth != 0) {
      return fail(Code::kCorrupt, "the file \"tiled\" is damaged", options_.folder);
    }
  }
  CHECK_OK(tree_.load(tiled));
  tiled_ = tiled.size;
  recent_.begin_at(tiled.size);
  std::vector<Hash> leaves;
  TRY(size, segments_.recover(tiled.size, [&](std::string_view entry) {
    leaves.push_back(tlog::leaf_hash(entry));
    recent_.append({&entry, 1});
  }));
  if (size < tiled.size) {
    return fail(Code::kCorrupt,
                "the decision log is truncated: its tiles cover " + std::to_string(tiled.size) +
                    " entries, and " + std::to_string(size) + " are there",
                options_.folder);
  }
  tree_.append(leaves);
  CHECK_OK(check_checkpoint());
  // A full disk must not keep the log from opening: what needs space says so itself.
  if (auto refilled = segments_.refill_reserve();
      !refilled && refilled.error().code != Code::kExhausted) {
    return refilled;
  }
  return {};
}

Status FolderLog::check_checkpoint() {
  if (!files_.exists(path("checkpoint"))) return {};
  TRY(note, files_.read_all(path("checkpoint"), tlog::kMostNoteBytes));
  tlog::Checkpoint last;
  if (options_.verifiers.empty()) {
    TRY(read, tlog::read_own_checkpoint(note));
    last = std::move(read);
  } else {
    auto opened = tlog::open_checkpoint(note, options_.verifiers, options_.origin);
    if (!opened) {
      return fail(Code::kCorrupt,
                  "the last checkpoint cannot be believed: " + opened.error().message,
                  path("checkpoint"));
    }
    last = std::move(*opened);
  }
  if (last.head.size > size()) {
    return fail(Code::kCorrupt,
                "the decision log is truncated: its last checkpoint covers " +
                    std::to_string(last.head.size) + " entries, and " + std::to_string(size()) +
                    " are there",
                options_.folder);
  }
  TRY(root, root_at(last.head.size));
  if (root != last.head.root) {
    return fail(Code::kCorrupt,
                "the decision log was rewritten: its first " + std::to_string(last.head.size) +
                    " entries are not those of its last checkpoint",
                options_.folder);
  }
  checkpoint_ = std::move(note);
  return {};
}

Result<std::uint64_t> FolderLog::append_in(std::span<const Prepared> group, Space space) {
  const std::lock_guard lock(writer_mutex_);
  if (stopped_) {
    return fail(Code::kUnavailable,
                "the decision log stopped after an input/output error; it must be opened again");
  }
  const std::uint64_t first = tree_.size();
  if (group.empty()) return first;
  for (const Prepared& prepared : group) {
    if (prepared.record.size() > segments_.segment_bytes()) {
      return fail(Code::kInvalid, "the payload is too large for this log's segments");
    }
  }
  // Every segment that the group needs is there before any of it is written.
  std::vector<std::uint64_t> cuts;
  std::uint64_t offset = segments_.active().offset;
  std::uint64_t capacity = segments_.active().capacity;
  for (std::size_t i = 0; i < group.size(); ++i) {
    if (offset + group[i].record.size() > capacity) {
      cuts.push_back(first + i);
      offset = 0;
      capacity = segments_.segment_bytes();
    }
    offset += group[i].record.size();
  }
  const auto stop_unless_full = [&](Status failed) {
    stopped_ = stopped_ || failed.error().code != Code::kExhausted;
    return fail(std::move(failed));
  };
  if (space == Space::kNormal) {
    if (auto kept = segments_.refill_reserve(); !kept) return stop_unless_full(std::move(kept));
  }
  auto next = segments_.acquire(cuts, space);
  if (!next) return stop_unless_full(fail(std::move(next)));

  std::uint64_t at = first;
  for (std::size_t i = 0; i <= cuts.size(); ++i) {
    const std::uint64_t end = i < cuts.size() ? cuts[i] : first + group.size();
    if (auto done = write_part(group.subspan(at - first, end - at), at); !done) {
      stopped_ = true;
      return fail(Code::kUnavailable, "writing the decision log failed: " + done.error().text());
    }
    if (i < cuts.size()) segments_.begin(cuts[i], std::move((*next)[i]));
    at = end;
  }
  return first;
}

Status FolderLog::write_part(std::span<const Prepared> part, std::uint64_t first) {
  if (part.empty()) return {};
  buffer_.clear();
  sizes_.clear();
  leaves_.clear();
  entries_.clear();
  for (const Prepared& prepared : part) {
    append_stamped(buffer_, prepared.record, first + leaves_.size(), first);
    sizes_.push_back(static_cast<std::uint32_t>(prepared.record.size()));
    leaves_.push_back(prepared.leaf);
    TRY(body, read_body(std::string_view(prepared.record).substr(kRecordHeader)));
    entries_.push_back(body.entry);
  }
  const Segments::Active& active = segments_.active();
  CHECK_OK(active.file->pwrite(active.offset, buffer_));
  CHECK_OK(active.file->sync());
  segments_.wrote(sizes_);
  recent_.append(entries_);
  tree_.append(leaves_);  // from here on readers see them
  return {};
}

Status FolderLog::within(std::uint64_t wanted) const {
  if (wanted <= size()) return {};
  return fail(Code::kInvalid, "the decision log has " + std::to_string(size()) +
                                  " entries, fewer than " + std::to_string(wanted));
}

Result<DecisionEntry> FolderLog::read(std::uint64_t index) const {
  if (index >= size()) {
    return fail(Code::kNotFound, "the decision log has no entry " + std::to_string(index));
  }
  TRY(entries, read(index, 1));
  return std::move(entries.at(0));
}

Result<std::vector<DecisionEntry>> FolderLog::read(std::uint64_t from, std::size_t limit) const {
  const std::uint64_t end = size();
  std::vector<DecisionEntry> entries;
  if (from >= end) return entries;
  const std::uint64_t count = std::min<std::uint64_t>(limit, end - from);
  const auto visit = [&](std::uint64_t index, const RecordBody& body) -> Status {
    entries.push_back(
        {index, std::string(body.entry), std::string(body.salt), std::string(body.payload)});
    return {};
  };
  CHECK_OK(segments_.read(from, count, visit));
  return entries;
}

Result<Hash> FolderLog::root_at(std::uint64_t size) const {
  CHECK_OK(within(size));
  return tlog::root_at(size, tree_);
}

Result<std::vector<Hash>> FolderLog::inclusion_proof(std::uint64_t index,
                                                     std::uint64_t size) const {
  CHECK_OK(within(size));
  return tlog::inclusion_proof(index, size, tree_);
}

Result<std::vector<Hash>> FolderLog::consistency_proof(std::uint64_t old_size,
                                                       std::uint64_t new_size) const {
  CHECK_OK(within(new_size));
  return tlog::consistency_proof(old_size, new_size, tree_);
}

Status FolderLog::write_tile(const Tile& tile, const tlog::NodeReader& nodes) {
  std::string bytes;
  if (tile.kind == tlog::TileKind::kHashes) {
    TRY(hashes, tlog::hash_tile(tile, nodes));
    bytes = std::move(hashes);
  } else if (auto full = recent_.full(tile.index); full && tile.width == kTileWidth) {
    bytes = std::move(*full);
  } else {
    std::vector<std::string> entries;
    entries.reserve(tile.width);
    const auto visit = [&](std::uint64_t, const RecordBody& body) -> Status {
      entries.emplace_back(body.entry);
      return {};
    };
    CHECK_OK(segments_.read(tile.index * kTileWidth, tile.width, visit));
    TRY(bundle, tlog::entry_bundle(entries));
    bytes = std::move(bundle);
  }
  const std::string name = path(tlog::tile_path(tile));
  const std::string folder = parent_folder(name);
  if (known_folders_.insert(folder).second) CHECK_OK(files_.make_folder(folder));
  TRY(file, files_.open(name, OpenMode::kCreate));
  CHECK_OK(file->pwrite(0, bytes));
  CHECK_OK(file->truncate(bytes.size()));
  file->expect_sync();
  unsynced_folders_.insert(folder);
  unsynced_tiles_.push_back(std::move(file));
  if (tile.width == kTileWidth && files_.exists(name + ".p")) replaced_.push_back(name + ".p");
  if (unsynced_tiles_.size() >= kMostUnsyncedTiles) {
    CHECK_OK(sync_tiles());
    (void)segments_.refill();  // tiles take long, and the writer may need it; `maintain` tells
  }
  return {};
}

Status FolderLog::sync_tiles() {
  const auto tiles = std::exchange(unsynced_tiles_, {});
  const auto replaced = std::exchange(replaced_, {});
  for (const auto& tile : tiles) {
    CHECK_OK(tile->sync());
    tile->forget_cached();
  }
  for (const std::string& folder : unsynced_folders_) CHECK_OK(files_.sync_folder(folder));
  unsynced_folders_.clear();
  // Partial tiles of a place are of no use once the full one is there.
  for (const std::string& folder : replaced) {
    TRY(parts, files_.list(folder));
    for (const std::string& part : parts) (void)files_.remove(folder + "/" + part);
    (void)files_.remove(folder);
    known_folders_.erase(folder);
  }
  return {};
}

Status FolderLog::tile_up_to(std::uint64_t size) {
  const std::uint64_t full = size / kTileWidth * kTileWidth;
  if (full == tiled_) return {};
  for (const auto& tiles : {tlog::new_tiles(tiled_, full), tlog::new_bundles(tiled_, full)}) {
    for (const Tile& tile : tiles) {
      if (tile.width == kTileWidth) CHECK_OK(write_tile(tile, tree_));
    }
  }
  CHECK_OK(sync_tiles());
  TRY(root, root_at(full));
  TRY(text, tlog::checkpoint_text({std::string(kTiledOrigin), {full, root}, {}}));
  CHECK_OK(files_.replace(path("tiled"), text));
  tiled_ = full;
  tree_.forget(full);
  recent_.forget(full);
  segments_.rest(full);
  return {};
}

Result<std::string> FolderLog::write_checkpoint(const tlog::NoteSigner& signer) {
  const std::lock_guard lock(maintain_mutex_);
  const Head now = head();
  if (auto last = checkpoint()) {
    const auto opened = tlog::open_checkpoint(*last, signer.verifier(), options_.origin);
    if (opened && opened->head == now) return *last;
  }
  CHECK_OK(tile_up_to(now.size));
  // What is left are the partial tiles at the right edge.
  for (unsigned level = 0; level < 8; ++level) {
    const std::uint64_t count = now.size >> (tlog::kTileHeight * level);
    const auto width = static_cast<unsigned>(count % kTileWidth);
    if (width == 0) continue;
    const Tile edge{tlog::TileKind::kHashes, level, count / kTileWidth, width};
    CHECK_OK(write_tile(edge, tree_));
    if (level == 0) {
      CHECK_OK(write_tile({tlog::TileKind::kEntries, 0, edge.index, width}, tree_));
    }
  }
  CHECK_OK(sync_tiles());
  TRY(note, tlog::sign_checkpoint({options_.origin, now, {}}, signer));
  CHECK_OK(files_.replace(path("checkpoint"), note));
  const std::lock_guard publishing(checkpoint_mutex_);
  checkpoint_ = note;
  return note;
}

std::optional<std::string> FolderLog::checkpoint() const {
  const std::lock_guard lock(checkpoint_mutex_);
  return checkpoint_;
}

Result<tlog::EntryProof> FolderLog::prove(std::uint64_t index) const {
  TRY(entry, read(index));
  const auto note = checkpoint();
  if (!note) return fail(Code::kConflict, "the decision log has no checkpoint yet");
  TRY(last, tlog::read_own_checkpoint(*note));
  if (index >= last.head.size) {
    return fail(Code::kConflict, "the last checkpoint covers " + std::to_string(last.head.size) +
                                     " entries; write a new one first");
  }
  TRY(inclusion, inclusion_proof(index, last.head.size));
  return tlog::EntryProof{std::move(entry.entry),
                          tlog::Opening{std::move(entry.salt), std::move(entry.payload)}, index,
                          std::move(inclusion), *note};
}

Status FolderLog::maintain() {
  const std::lock_guard lock(maintain_mutex_);
  Status tiled = tile_up_to(size());
  // Space that became free serves the reserve even if tiles fail.
  CHECK_OK(segments_.refill());
  return tiled;
}

}  // namespace

Result<Prepared> prepare(std::string_view payload, std::string_view salt) {
  if (payload.size() > kMostDecisionPayload) {
    return fail(Code::kInvalid, "a decision's payload has at most 1 MiB");
  }
  TRY(entry, tlog::commit(salt, payload));
  return Prepared{make_record(entry, salt, payload), tlog::leaf_hash(entry)};
}

Result<std::unique_ptr<DecisionLog>> DecisionLog::open(FileSystem& files,
                                                       const DecisionLogOptions& options) {
  if (options.origin.empty() || options.segment_bytes < 4096 ||
      options.segment_bytes > (1u << 31)) {
    return fail(Code::kInvalid, "a decision log needs an origin and segments of 4 KiB to 2 GiB");
  }
  auto log = std::make_unique<FolderLog>(files, options);
  CHECK_OK(log->start());
  return log;
}

}  // namespace writ::store
