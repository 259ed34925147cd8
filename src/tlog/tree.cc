#include "tlog/tree.h"

#include <array>
#include <bit>
#include <cstring>
#include <string>

#include "crypto/hash.h"

namespace writ::tlog {
namespace {

// Subtree roots to fetch in one read: each range [begin, end) is a list of complete nodes, from the
// largest (left) to the smallest, whose fold is the root over the range.
class RangeRoots {
 public:
  // `begin` is a multiple of the smallest power of two that is not below end - begin.
  void add(std::uint64_t begin, std::uint64_t end) {
    const std::size_t before = ids_.size();
    while (begin < end) {
      const std::uint64_t width = std::bit_floor(end - begin);
      const auto level = static_cast<unsigned>(std::countr_zero(width));
      ids_.push_back({level, begin >> level});
      begin += width;
    }
    counts_.push_back(ids_.size() - before);
  }

  Result<std::vector<Hash>> fetch(const NodeReader& reader) const {
    TRY(hashes, reader.nodes(ids_));
    if (hashes.size() != ids_.size()) {
      return fail(Code::kCorrupt, "the tree's storage answered with too few nodes");
    }
    std::vector<Hash> roots;
    roots.reserve(counts_.size());
    std::size_t next = 0;
    for (const std::size_t count : counts_) {
      Hash root = hashes[next + count - 1];
      for (std::size_t i = count - 1; i-- > 0;) root = node_hash(hashes[next + i], root);
      roots.push_back(root);
      next += count;
    }
    return roots;
  }

 private:
  std::vector<NodeId> ids_;
  std::vector<std::size_t> counts_;
};

// The largest power of two smaller than n; n > 1.
std::uint64_t split(std::uint64_t n) {
  return std::bit_floor(n - 1);
}

tl::unexpected<Error> broken(std::string message) {
  return fail(Code::kCorrupt, std::move(message));
}

}  // namespace

Hash leaf_hash(std::string_view data) {
  std::array<char, 256> small;
  if (data.size() < small.size()) {
    small[0] = 0;
    std::memcpy(small.data() + 1, data.data(), data.size());
    return crypto::sha256({small.data(), data.size() + 1});
  }
  std::string bytes(1, '\0');
  bytes += data;
  return crypto::sha256(bytes);
}

Hash node_hash(const Hash& left, const Hash& right) {
  std::array<char, 65> bytes;
  bytes[0] = 1;
  std::memcpy(bytes.data() + 1, left.data(), 32);
  std::memcpy(bytes.data() + 33, right.data(), 32);
  return crypto::sha256({bytes.data(), bytes.size()});
}

Hash empty_root() {
  static const Hash kEmpty = crypto::sha256("");
  return kEmpty;
}

Result<Frontier> Frontier::load(std::uint64_t size, const NodeReader& reader) {
  std::vector<NodeId> ids;
  std::uint64_t begin = 0;
  while (begin < size) {
    const std::uint64_t width = std::bit_floor(size - begin);
    const auto level = static_cast<unsigned>(std::countr_zero(width));
    ids.push_back({level, begin >> level});
    begin += width;
  }
  Frontier frontier;
  frontier.size_ = size;
  TRY(peaks, reader.nodes(ids));
  if (peaks.size() != ids.size()) return broken("the tree's storage answered with too few nodes");
  frontier.peaks_ = std::move(peaks);
  return frontier;
}

std::size_t Frontier::append(const Hash& leaf) {
  completed_.clear();
  completed_.push_back(leaf);
  Hash node = leaf;
  for (std::uint64_t rest = size_; (rest & 1) != 0; rest >>= 1) {
    node = node_hash(peaks_.back(), node);
    peaks_.pop_back();
    completed_.push_back(node);
  }
  peaks_.push_back(node);
  ++size_;
  return completed_.size();
}

Hash Frontier::root() const {
  if (peaks_.empty()) return empty_root();
  Hash root = peaks_.back();
  for (std::size_t i = peaks_.size() - 1; i-- > 0;) root = node_hash(peaks_[i], root);
  return root;
}

Result<Hash> root_at(std::uint64_t size, const NodeReader& reader) {
  if (size == 0) return empty_root();
  RangeRoots ranges;
  ranges.add(0, size);
  TRY(roots, ranges.fetch(reader));
  return roots[0];
}

// RFC 9162 section 2.1.3.1
Result<std::vector<Hash>> inclusion_proof(std::uint64_t index, std::uint64_t size,
                                          const NodeReader& reader) {
  if (index >= size) {
    return fail(Code::kInvalid, "entry " + std::to_string(index) + " is not in a log of size " +
                                    std::to_string(size));
  }
  std::vector<std::pair<std::uint64_t, std::uint64_t>> siblings;  // from the root down
  std::uint64_t low = 0;
  std::uint64_t high = size;
  while (high - low > 1) {
    const std::uint64_t middle = low + split(high - low);
    if (index < middle) {
      siblings.emplace_back(middle, high);
      high = middle;
    } else {
      siblings.emplace_back(low, middle);
      low = middle;
    }
  }
  RangeRoots ranges;
  for (auto it = siblings.rbegin(); it != siblings.rend(); ++it) ranges.add(it->first, it->second);
  return ranges.fetch(reader);
}

// RFC 9162 section 2.1.4.1
Result<std::vector<Hash>> consistency_proof(std::uint64_t old_size, std::uint64_t new_size,
                                            const NodeReader& reader) {
  if (old_size > new_size) {
    return fail(Code::kInvalid, "a log of size " + std::to_string(new_size) +
                                    " cannot be an extension of one of size " +
                                    std::to_string(old_size));
  }
  if (old_size == 0 || old_size == new_size) return std::vector<Hash>{};
  std::vector<std::pair<std::uint64_t, std::uint64_t>> parts;  // from the root down
  std::uint64_t low = 0;
  std::uint64_t high = new_size;
  while (old_size != high) {
    const std::uint64_t middle = low + split(high - low);
    if (old_size <= middle) {
      parts.emplace_back(middle, high);
      high = middle;
    } else {
      parts.emplace_back(low, middle);
      low = middle;
    }
  }
  // The verifier knows the old root already when it is itself a complete subtree.
  if (low != 0) parts.emplace_back(low, high);
  RangeRoots ranges;
  for (auto it = parts.rbegin(); it != parts.rend(); ++it) ranges.add(it->first, it->second);
  return ranges.fetch(reader);
}

// RFC 9162 section 2.1.3.2
Status verify_inclusion(const Hash& leaf, std::uint64_t index, const Head& head,
                        std::span<const Hash> proof) {
  if (index >= head.size) {
    return broken("entry " + std::to_string(index) + " is not in a log of size " +
                  std::to_string(head.size));
  }
  std::uint64_t fn = index;
  std::uint64_t sn = head.size - 1;
  Hash root = leaf;
  for (const Hash& sibling : proof) {
    if (sn == 0) return broken("the inclusion proof is too long");
    if ((fn & 1) != 0 || fn == sn) {
      root = node_hash(sibling, root);
      while ((fn & 1) == 0 && fn != 0) fn >>= 1, sn >>= 1;
    } else {
      root = node_hash(root, sibling);
    }
    fn >>= 1, sn >>= 1;
  }
  if (sn != 0) return broken("the inclusion proof is too short");
  if (root != head.root) return broken("the inclusion proof does not lead to the root");
  return {};
}

// RFC 9162 section 2.1.4.2
Status verify_consistency(const Head& older, const Head& newer, std::span<const Hash> proof) {
  if (older.size > newer.size) {
    return broken("the log has shrunk from " + std::to_string(older.size) + " to " +
                  std::to_string(newer.size) + " entries");
  }
  if (older.size == 0 || older.size == newer.size) {
    if (!proof.empty()) return broken("the consistency proof is too long");
    const Hash wanted = older.size == 0 ? empty_root() : newer.root;
    if (older.root != wanted) return broken("two logs of the same size have different roots");
    return {};
  }
  std::vector<Hash> path;
  if (std::has_single_bit(older.size)) path.push_back(older.root);
  path.insert(path.end(), proof.begin(), proof.end());
  if (path.empty()) return broken("the consistency proof is too short");
  std::uint64_t fn = older.size - 1;
  std::uint64_t sn = newer.size - 1;
  while ((fn & 1) != 0) fn >>= 1, sn >>= 1;
  Hash old_root = path[0];
  Hash new_root = path[0];
  for (std::size_t i = 1; i < path.size(); ++i) {
    if (sn == 0) return broken("the consistency proof is too long");
    if ((fn & 1) != 0 || fn == sn) {
      old_root = node_hash(path[i], old_root);
      new_root = node_hash(path[i], new_root);
      while ((fn & 1) == 0 && fn != 0) fn >>= 1, sn >>= 1;
    } else {
      new_root = node_hash(new_root, path[i]);
    }
    fn >>= 1, sn >>= 1;
  }
  if (sn != 0) return broken("the consistency proof is too short");
  if (old_root != older.root) return broken("the consistency proof does not lead to the old root");
  if (new_root != newer.root) return broken("the consistency proof does not lead to the new root");
  return {};
}

}  // namespace writ::tlog
