// The decision log's tree: recent nodes in memory, the rest in full tiles on disk. Thread-safe.
#pragma once

#include <array>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "store/file_system.h"
#include "tlog/tile.h"

namespace writ::store {

// Tiles as files below a folder, as outsiders read them. For a partial tile that is gone, the full
// one that replaced it.
class FolderTiles final : public tlog::TileSource {
 public:
  // `files` outlives this.
  FolderTiles(FileSystem& files, std::string folder) : files_(files), folder_(std::move(folder)) {}
  Result<std::string> tile(const tlog::Tile& tile) const override;

 private:
  FileSystem& files_;
  std::string folder_;
};

class DecisionTree final : public tlog::NodeReader {
 public:
  DecisionTree(FileSystem& files, const std::string& folder) : tiles_(files, folder) {}

  // Starts from the full tiles on disk, which cover `tiled` (a multiple of 256). kCorrupt when they
  // do not give its root. Before anything else.
  Status load(const tlog::Head& tiled);
  void append(std::span<const Hash> leaves);
  std::uint64_t size() const;
  tlog::Head head() const;
  Result<std::vector<Hash>> nodes(std::span<const tlog::NodeId> ids) const override;
  // Full tiles up to `tiled` are on disk now: their nodes leave memory.
  void forget(std::uint64_t tiled);

 private:
  struct Level {
    std::uint64_t base = 0;  // index of the first node in memory
    std::vector<Hash> nodes;
  };

  FolderTiles tiles_;
  mutable std::mutex mutex_;  // guards everything below
  tlog::Frontier frontier_;
  std::array<Level, 64> levels_;
};

}  // namespace writ::store
