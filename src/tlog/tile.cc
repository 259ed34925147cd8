#include "tlog/tile.h"

#include <algorithm>
#include <cstring>
#include <map>

#include "tlog/decimal.h"

namespace writ::tlog {
namespace {

constexpr std::uint64_t kMostTileIndex = 1ull << 55;

tl::unexpected<Error> no_path(std::string_view path) {
  return fail(Code::kInvalid,
              "\"" + std::string(path.substr(0, 100)) + "\" is not the path of a tile");
}

Hash hash_at(std::string_view bytes, std::size_t i) {
  Hash hash;
  std::memcpy(hash.data(), bytes.data() + i * 32, 32);
  return hash;
}

}  // namespace

std::string tile_path(const Tile& tile) {
  std::string number;
  std::uint64_t n = tile.index;
  for (bool last = true;; last = false) {
    std::string digits = std::to_string(n % 1000);
    digits.insert(0, 3 - digits.size(), '0');
    number = (last ? digits : "x" + digits + "/" + number);
    n /= 1000;
    if (n == 0) break;
  }
  std::string path = tile.kind == TileKind::kEntries ? "tile/entries/"
                                                     : "tile/" + std::to_string(tile.level) + "/";
  path += number;
  if (tile.width != kTileWidth) path += ".p/" + std::to_string(tile.width);
  return path;
}

Result<Tile> parse_tile_path(std::string_view path) {
  if (path.size() > 100) return no_path(path);
  std::string_view rest = path;
  Tile tile;
  if (rest.substr(0, 5) != "tile/") return no_path(path);
  rest.remove_prefix(5);
  if (rest.substr(0, 8) == "entries/") {
    tile.kind = TileKind::kEntries;
    rest.remove_prefix(8);
  } else {
    if (rest.size() < 2 || rest[0] < '0' || rest[0] > '7' || rest[1] != '/') return no_path(path);
    tile.level = static_cast<unsigned>(rest[0] - '0');
    rest.remove_prefix(2);
  }
  if (const std::size_t partial = rest.find(".p/"); partial != std::string_view::npos) {
    const auto width = parse_decimal(rest.substr(partial + 3));
    if (!width || *width < 1 || *width >= kTileWidth) return no_path(path);
    tile.width = static_cast<unsigned>(*width);
    rest = rest.substr(0, partial);
  }
  while (!rest.empty()) {
    const bool more = rest[0] == 'x';
    if (more) rest.remove_prefix(1);
    if (rest.size() < 3 || (rest.size() == 3) == more) return no_path(path);
    for (const char c : rest.substr(0, 3)) {
      if (c < '0' || c > '9') return no_path(path);
      tile.index = tile.index * 10 + static_cast<std::uint64_t>(c - '0');
    }
    if (tile.index > kMostTileIndex) return no_path(path);
    rest.remove_prefix(3);
    if (!more) break;
    if (rest[0] != '/') return no_path(path);
    rest.remove_prefix(1);
  }
  // Everything that the reverse would write otherwise ("x000/001", trailing text) is refused here.
  if (tile_path(tile) != path) return no_path(path);
  return tile;
}

namespace {

void add_new(std::vector<Tile>& tiles, TileKind kind, unsigned level, std::uint64_t old_count,
             std::uint64_t new_count) {
  if (old_count == new_count) return;
  for (std::uint64_t n = old_count / kTileWidth; n < new_count / kTileWidth; ++n) {
    tiles.push_back({kind, level, n, kTileWidth});
  }
  const auto width = static_cast<unsigned>(new_count % kTileWidth);
  if (width != 0) tiles.push_back({kind, level, new_count / kTileWidth, width});
}

}  // namespace

std::vector<Tile> new_tiles(std::uint64_t old_size, std::uint64_t new_size) {
  std::vector<Tile> tiles;
  for (unsigned level = 0; level < 8 && (new_size >> (kTileHeight * level)) != 0; ++level) {
    const unsigned shift = kTileHeight * level;
    add_new(tiles, TileKind::kHashes, level, old_size >> shift, new_size >> shift);
  }
  return tiles;
}

std::vector<Tile> new_bundles(std::uint64_t old_size, std::uint64_t new_size) {
  std::vector<Tile> tiles;
  add_new(tiles, TileKind::kEntries, 0, old_size, new_size);
  return tiles;
}

Result<std::string> hash_tile(const Tile& tile, const NodeReader& reader) {
  if (tile.kind != TileKind::kHashes || tile.level > 7 || tile.width < 1 ||
      tile.width > kTileWidth || tile.index > kMostTileIndex) {
    return fail(Code::kInvalid, "there is no such tile");
  }
  std::vector<NodeId> ids;
  ids.reserve(tile.width);
  for (unsigned i = 0; i < tile.width; ++i) {
    ids.push_back({kTileHeight * tile.level, tile.index * kTileWidth + i});
  }
  TRY(hashes, reader.nodes(ids));
  std::string bytes;
  bytes.reserve(hashes.size() * 32);
  for (const Hash& hash : hashes) bytes += as_bytes(hash);
  return bytes;
}

Result<Hash> node_in_tile(const Tile& tile, std::string_view bytes, NodeId id) {
  if (bytes.size() != std::size_t{tile.width} * 32) {
    return fail(Code::kCorrupt,
                "the tile " + tile_path(tile) + " has " + std::to_string(bytes.size()) + " bytes");
  }
  const unsigned bottom = kTileHeight * tile.level;
  if (id.level < bottom || id.level > bottom + kTileHeight) {
    return fail(Code::kInvalid, "the node is not in the tile " + tile_path(tile));
  }
  const unsigned height = id.level - bottom;
  const std::uint64_t count = 1ull << height;
  const std::uint64_t first = (id.index << height) - tile.index * kTileWidth;
  if ((id.index >> (kTileHeight - height)) != tile.index || first + count > tile.width) {
    return fail(Code::kInvalid, "the node is not in the tile " + tile_path(tile));
  }
  std::vector<Hash> row;
  row.reserve(count);
  for (std::uint64_t i = 0; i < count; ++i) row.push_back(hash_at(bytes, first + i));
  while (row.size() > 1) {
    for (std::size_t i = 0; i < row.size() / 2; ++i) {
      row[i] = node_hash(row[2 * i], row[2 * i + 1]);
    }
    row.resize(row.size() / 2);
  }
  return row[0];
}

Result<std::string> entry_bundle(std::span<const std::string> entries) {
  std::string bytes;
  for (const std::string& entry : entries) {
    if (entry.size() > kMostEntryBytes) {
      return fail(Code::kInvalid, "an entry of " + std::to_string(entry.size()) +
                                      " bytes is too long for a bundle");
    }
    put_u16(bytes, static_cast<std::uint16_t>(entry.size()));
    bytes += entry;
  }
  return bytes;
}

Result<std::vector<std::string>> parse_entry_bundle(std::string_view bytes, unsigned width) {
  std::vector<std::string> entries;
  while (!bytes.empty() && entries.size() <= width) {
    if (bytes.size() < 2 || bytes.size() - 2 < get_u16(bytes.data())) {
      return fail(Code::kCorrupt, "the entry bundle ends within an entry");
    }
    const std::size_t size = get_u16(bytes.data());
    entries.emplace_back(bytes.substr(2, size));
    bytes.remove_prefix(2 + size);
  }
  if (entries.size() != width) {
    return fail(Code::kCorrupt,
                "the entry bundle does not hold " + std::to_string(width) + " entries");
  }
  return entries;
}

Result<std::vector<Hash>> TileNodeReader::nodes(std::span<const NodeId> ids) const {
  std::map<std::pair<unsigned, std::uint64_t>, std::string> fetched;
  std::vector<Hash> hashes;
  hashes.reserve(ids.size());
  for (const NodeId& id : ids) {
    if (id.level > 63 || id.index >= (size_ >> id.level)) {
      return fail(Code::kCorrupt, "node " + std::to_string(id.level) + "/" +
                                      std::to_string(id.index) + " is not in a tree of size " +
                                      std::to_string(size_));
    }
    Tile tile;
    tile.level = id.level / kTileHeight;
    tile.index = (id.index << (id.level % kTileHeight)) / kTileWidth;
    const std::uint64_t present = (size_ >> (kTileHeight * tile.level)) - tile.index * kTileWidth;
    tile.width = static_cast<unsigned>(std::min<std::uint64_t>(present, kTileWidth));
    auto found = fetched.find({tile.level, tile.index});
    if (found == fetched.end()) {
      TRY(bytes, source_.tile(tile));
      if (bytes.size() > std::size_t{tile.width} * 32 && bytes.size() % 32 == 0) {
        bytes.resize(std::size_t{tile.width} * 32);
      }
      found = fetched.emplace(std::pair(tile.level, tile.index), std::move(bytes)).first;
    }
    TRY(hash, node_in_tile(tile, found->second, id));
    hashes.push_back(hash);
  }
  return hashes;
}

}  // namespace writ::tlog
