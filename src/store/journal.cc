// What every journal backend shares: proofs and tiles over its stored nodes.
#include "store/journal.h"

namespace writ::store {
namespace {

Status within(std::uint64_t size, const Head& head) {
  if (size <= head.size) return {};
  return fail(Code::kInvalid, "the journal has " + std::to_string(head.size) +
                                  " events, fewer than " + std::to_string(size));
}

}  // namespace

Result<Hash> Journal::root_at(std::uint64_t size) const {
  CHECK_OK(within(size, head()));
  return tlog::root_at(size, *this);
}

Result<std::vector<Hash>> Journal::inclusion_proof(std::uint64_t seq, std::uint64_t size) const {
  CHECK_OK(within(size, head()));
  return tlog::inclusion_proof(seq, size, *this);
}

Result<std::vector<Hash>> Journal::consistency_proof(std::uint64_t old_size,
                                                     std::uint64_t new_size) const {
  CHECK_OK(within(new_size, head()));
  return tlog::consistency_proof(old_size, new_size, *this);
}

Result<std::string> Journal::tile(const tlog::Tile& tile) const {
  // Of an absurd tile the end may wrap; hash_tile and read refuse those.
  const std::uint64_t end = tile.index * tlog::kTileWidth + tile.width;
  if (tile.level > 7 || tile.index > (1ull << 55) ||
      end > (head().size >> (tlog::kTileHeight * tile.level))) {
    return fail(Code::kInvalid, "the journal has no tile " + tlog::tile_path(tile) + " yet");
  }
  if (tile.kind == tlog::TileKind::kHashes) return tlog::hash_tile(tile, *this);
  TRY(events, read(tile.index * tlog::kTileWidth, tile.width));
  return tlog::entry_bundle(events);
}

}  // namespace writ::store
