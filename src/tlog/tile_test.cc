// Tiles: paths, which tiles a tree has, and reading the tree back from them.
#include "tlog/tile.h"

#include <gtest/gtest.h>

#include <map>

#include "base/random.h"
#include "tlog/memory_tree_for_test.h"

namespace writ::tlog {
namespace {

class MemoryTiles final : public TileSource {
 public:
  Result<std::string> tile(const Tile& tile) const override {
    const auto it = files.find(tile_path(tile));
    if (it == files.end()) return fail(Code::kNotFound, tile_path(tile));
    return it->second;
  }
  std::map<std::string, std::string> files;
};

TEST(Tile, PathsAreThoseOfTheSpecification) {
  const std::vector<std::pair<Tile, std::string>> cases = {
      {{TileKind::kHashes, 0, 0, 256}, "tile/0/000"},
      {{TileKind::kHashes, 0, 1234, 256}, "tile/0/x001/234"},
      {{TileKind::kHashes, 3, 1234067, 256}, "tile/3/x001/x234/067"},
      {{TileKind::kHashes, 1, 999, 17}, "tile/1/999.p/17"},
      {{TileKind::kEntries, 0, 1000, 255}, "tile/entries/x001/000.p/255"},
  };
  for (const auto& [tile, path] : cases) {
    EXPECT_EQ(tile_path(tile), path);
    const auto parsed = parse_tile_path(path);
    ASSERT_TRUE(parsed) << path;
    EXPECT_EQ(*parsed, tile);
  }
}

TEST(Tile, OtherPathsAreRefused) {
  for (const char* path : {"",
                           "tile",
                           "tile/",
                           "tile/0",
                           "tile/0/",
                           "tile/0/0",
                           "tile/0/00",
                           "tile/0/0000",
                           "tile/0/x000/001",
                           "tile/8/000",
                           "tile/00/000",
                           "tile/-1/000",
                           "tile/0/000.p/0",
                           "tile/0/000.p/256",
                           "tile/0/000.p/01",
                           "tile/0/000.p/",
                           "tile/0/001/234",
                           "tile/0/x001/x234",
                           "tile/0/x001",
                           "tile/0/000/",
                           "/tile/0/000",
                           "tile/0/../000",
                           "tile/entries/x",
                           "tile/data/000",
                           "tile/0/x999/x999/x999/x999/x999/x999/x999/999"}) {
    EXPECT_FALSE(parse_tile_path(path)) << path;
  }
}

TEST(Tile, ATreeOfSeventyThousandHasTheTilesOfTheSpecificationsExample) {
  std::map<std::pair<unsigned, bool>, std::pair<int, unsigned>> counts;
  for (const Tile& tile : new_tiles(0, 70'000)) {
    auto& [count, width] = counts[{tile.level, tile.width == kTileWidth}];
    ++count;
    width = tile.width;
  }
  using Want = std::pair<int, unsigned>;
  EXPECT_EQ((counts[{0, true}]), Want(273, 256));
  EXPECT_EQ((counts[{0, false}]), Want(1, 112));
  EXPECT_EQ((counts[{1, true}]), Want(1, 256));
  EXPECT_EQ((counts[{1, false}]), Want(1, 17));
  EXPECT_EQ((counts[{2, false}]), Want(1, 1));
  EXPECT_EQ(counts.size(), 5u);
}

TEST(Tile, TreeIsReadBackFromTilesWrittenAsItGrows) {
  SeededRandom random(3);
  const MemoryTree tree = tree_of(70'000);
  MemoryTiles tiles;
  std::uint64_t size = 0;
  for (const std::uint64_t next : {1u, 2u, 255u, 256u, 257u, 513u, 65'535u, 65'537u, 70'000u}) {
    for (const Tile& tile : new_tiles(size, next)) {
      tiles.files[tile_path(tile)] = *hash_tile(tile, tree);
    }
    size = next;
    const TileNodeReader reader(tiles, size);
    ASSERT_EQ(*root_at(size, reader), *root_at(size, tree)) << size;
    for (int round = 0; round < 20; ++round) {
      const std::uint64_t index = random.below(size);
      ASSERT_EQ(*inclusion_proof(index, size, reader), *inclusion_proof(index, size, tree));
      ASSERT_EQ(*consistency_proof(index, size, reader), *consistency_proof(index, size, tree));
    }
  }
}

TEST(Tile, ShortTilesAndNodesOutsideAreErrors) {
  const MemoryTree tree = tree_of(300);
  MemoryTiles tiles;
  for (const Tile& tile : new_tiles(0, 300)) tiles.files[tile_path(tile)] = *hash_tile(tile, tree);
  const NodeId outside{0, 300};
  EXPECT_EQ(TileNodeReader(tiles, 300).nodes(std::span(&outside, 1)).error().code, Code::kCorrupt);
  tiles.files["tile/0/001.p/44"].pop_back();
  EXPECT_EQ(root_at(300, TileNodeReader(tiles, 300)).error().code, Code::kCorrupt);
}

TEST(EntryBundle, RoundTripsAndRefusesDamage) {
  const std::vector<std::string> entries = {"", "one", std::string(kMostEntryBytes, 'x')};
  const std::string bytes = *entry_bundle(entries);
  EXPECT_EQ(*parse_entry_bundle(bytes, 3), entries);
  EXPECT_FALSE(parse_entry_bundle(bytes, 2));
  EXPECT_FALSE(parse_entry_bundle(bytes, 4));
  EXPECT_FALSE(parse_entry_bundle(bytes.substr(0, bytes.size() - 1), 3));
  const std::vector<std::string> big = {std::string(kMostEntryBytes + 1, 'x')};
  EXPECT_EQ(entry_bundle(big).error().code, Code::kInvalid);
}

}  // namespace
}  // namespace writ::tlog
