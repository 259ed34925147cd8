// Tiles and entry bundles: the tree as files that anyone can serve (C2SP tlog-tiles, height 8).
//
// Tile (L, N) holds the nodes of level 8*L with indices [256*N, 256*N + width). A full tile has
// width 256; a tree has at most one partial tile a level, at its right edge. The entry bundle N
// holds the entries under tile (0, N), each after its length as a big-endian 16-bit number.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tlog/tree.h"

namespace writ::tlog {

inline constexpr unsigned kTileHeight = 8;
inline constexpr unsigned kTileWidth = 256;
inline constexpr std::size_t kMostEntryBytes = 65535;

enum class TileKind { kHashes, kEntries };

struct Tile {
  TileKind kind = TileKind::kHashes;
  unsigned level = 0;  // 0..7; 0 for entries
  std::uint64_t index = 0;
  unsigned width = kTileWidth;  // 1..256
  bool operator==(const Tile&) const = default;
};

// "tile/0/x001/234", "tile/0/x001/234.p/17", "tile/entries/000".
std::string tile_path(const Tile& tile);
// The exact reverse of `tile_path`; anything else is kInvalid.
Result<Tile> parse_tile_path(std::string_view path);

// The hash tiles that a tree of new_size has and one of old_size has not, partial ones at the right
// edge of new_size included, by level and then index.
std::vector<Tile> new_tiles(std::uint64_t old_size, std::uint64_t new_size);
// The same for entry bundles.
std::vector<Tile> new_bundles(std::uint64_t old_size, std::uint64_t new_size);

// The bytes of a hash tile: width * 32.
Result<std::string> hash_tile(const Tile& tile, const NodeReader& reader);
// The nodes at or below the top of one hash tile: (level 8*tile.level + h, …) with h in 0..8.
// kCorrupt unless the bytes are width * 32 long; kInvalid when the node is not in the tile.
Result<Hash> node_in_tile(const Tile& tile, std::string_view bytes, NodeId id);

// kInvalid when an entry is longer than kMostEntryBytes.
Result<std::string> entry_bundle(std::span<const std::string> entries);
// kCorrupt unless the bytes are exactly `width` entries.
Result<std::vector<std::string>> parse_entry_bundle(std::string_view bytes, unsigned width);

// A NodeReader over tiles. `TileSource` fetches by tile; for a partial one it may answer with a
// wider tile of the same place.
class TileSource {
 public:
  virtual ~TileSource() = default;
  virtual Result<std::string> tile(const Tile& tile) const = 0;
};

class TileNodeReader final : public NodeReader {
 public:
  // Both outlive the reader. `size` is that of the tree whose tiles exist.
  TileNodeReader(const TileSource& source, std::uint64_t size) : source_(source), size_(size) {}
  Result<std::vector<Hash>> nodes(std::span<const NodeId> ids) const override;

 private:
  const TileSource& source_;
  std::uint64_t size_;
};

}  // namespace writ::tlog
