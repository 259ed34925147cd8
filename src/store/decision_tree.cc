#include "store/decision_tree.h"

namespace writ::store {

using tlog::kTileHeight;
using tlog::kTileWidth;
using tlog::Tile;
using tlog::TileKind;

namespace {

// Nodes of a level that are in full tiles of a tree of `size` leaves.
std::uint64_t in_full_tiles(unsigned level, std::uint64_t size) {
  const unsigned bottom = level / kTileHeight * kTileHeight;
  return ((size >> bottom) / kTileWidth * kTileWidth) >> (level - bottom);
}

}  // namespace

Result<std::string> FolderTiles::tile(const Tile& tile) const {
  auto bytes = files_.read_all(folder_ + "/" + tlog::tile_path(tile), 32 << 20);
  if (bytes || bytes.error().code != Code::kNotFound || tile.width == kTileWidth) return bytes;
  Tile full = tile;
  full.width = kTileWidth;
  return files_.read_all(folder_ + "/" + tlog::tile_path(full), 32 << 20);
}

Status DecisionTree::load(const tlog::Head& tiled) {
  const std::uint64_t size = tiled.size;
  for (unsigned level = 0; level < levels_.size(); ++level) {
    levels_[level].base = in_full_tiles(level, size);
    if (level == 0) continue;
    // Above the last full tile of its row a node comes from the row below, or, at the bottom of a
    // tile, from the full tile under it.
    for (std::uint64_t i = levels_[level].base; i < (size >> level); ++i) {
      if (level % kTileHeight == 0) {
        const Tile under{TileKind::kHashes, level / kTileHeight - 1, i, kTileWidth};
        TRY(bytes, tiles_.tile(under));
        TRY(hash, tlog::node_in_tile(under, bytes, {level, i}));
        levels_[level].nodes.push_back(hash);
      } else {
        const Level& below = levels_[level - 1];
        levels_[level].nodes.push_back(
            tlog::node_hash(below.nodes[2 * i - below.base], below.nodes[2 * i + 1 - below.base]));
      }
    }
  }
  TRY(frontier, tlog::Frontier::load(size, *this));
  if (frontier.root() != tiled.root) {
    return fail(Code::kCorrupt,
                "the tiles on disk do not give the root that was recorded for "
                "their " +
                    std::to_string(size) + " entries");
  }
  const std::lock_guard lock(mutex_);
  frontier_ = std::move(frontier);
  return {};
}

void DecisionTree::append(std::span<const Hash> leaves) {
  const std::lock_guard lock(mutex_);
  for (const Hash& leaf : leaves) {
    frontier_.append(leaf);
    const std::span<const Hash> completed = frontier_.completed();
    for (std::size_t level = 0; level < completed.size(); ++level) {
      levels_[level].nodes.push_back(completed[level]);
    }
  }
}

std::uint64_t DecisionTree::size() const {
  const std::lock_guard lock(mutex_);
  return frontier_.size();
}

tlog::Head DecisionTree::head() const {
  const std::lock_guard lock(mutex_);
  return frontier_.head();
}

Result<std::vector<Hash>> DecisionTree::nodes(std::span<const tlog::NodeId> ids) const {
  std::vector<Hash> hashes(ids.size());
  std::vector<std::size_t> on_disk;
  {
    const std::lock_guard lock(mutex_);
    for (std::size_t i = 0; i < ids.size(); ++i) {
      if (ids[i].level >= levels_.size()) return fail(Code::kCorrupt, "there is no such node");
      const Level& level = levels_[ids[i].level];
      if (ids[i].index < level.base) {
        on_disk.push_back(i);
      } else if (ids[i].index - level.base < level.nodes.size()) {
        hashes[i] = level.nodes[ids[i].index - level.base];
      } else {
        return fail(Code::kCorrupt, "there is no such node");
      }
    }
  }
  Tile last;
  std::string bytes;
  for (const std::size_t i : on_disk) {
    const tlog::NodeId& id = ids[i];
    const unsigned height = id.level % kTileHeight;
    const Tile tile{TileKind::kHashes, id.level / kTileHeight, id.index >> (kTileHeight - height),
                    kTileWidth};
    if (bytes.empty() || !(tile == last)) {
      TRY(read, tiles_.tile(tile));
      bytes = std::move(read);
      last = tile;
    }
    TRY(hash, tlog::node_in_tile(tile, bytes, id));
    hashes[i] = hash;
  }
  return hashes;
}

void DecisionTree::forget(std::uint64_t tiled) {
  const std::lock_guard lock(mutex_);
  for (unsigned i = 0; i < levels_.size(); ++i) {
    Level& level = levels_[i];
    const std::uint64_t base = in_full_tiles(i, tiled);
    if (base <= level.base) continue;
    level.nodes.erase(level.nodes.begin(),
                      level.nodes.begin() + static_cast<std::ptrdiff_t>(base - level.base));
    level.base = base;
  }
}

}  // namespace writ::store
