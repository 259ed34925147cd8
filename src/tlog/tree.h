// The Merkle tree of RFC 6962 section 2.1, and its proofs (RFC 9162 section 2.1). This room turns
// entries into a tree that outsiders can check: hashing, tiles (C2SP tlog-tiles), signed
// checkpoints (C2SP signed-note, tlog-checkpoint) and offline proofs (C2SP tlog-proof). It is pure:
// what a tree needs from storage comes through NodeReader; it performs no I/O and keeps no clock or
// thread.
//
// A node (level, index) is the root of the complete subtree over the 2^level leaves that begin at
// index * 2^level. Only complete subtrees are nodes; everything else is computed from them.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace writ::tlog {

Hash leaf_hash(std::string_view data);                // SHA-256(0x00 || data)
Hash node_hash(const Hash& left, const Hash& right);  // SHA-256(0x01 || left || right)
Hash empty_root();                                    // SHA-256(""), the root at size 0

struct NodeId {
  unsigned level = 0;
  std::uint64_t index = 0;
  bool operator==(const NodeId&) const = default;
};

struct Node {
  NodeId id;
  Hash hash;
};

// Where nodes are kept. Answers in the order asked; a node that was never stored is kCorrupt (the
// caller asks only for nodes that its size says exist).
class NodeReader {
 public:
  virtual ~NodeReader() = default;
  virtual Result<std::vector<Hash>> nodes(std::span<const NodeId> ids) const = 0;
};

// A size and the root at that size.
struct Head {
  std::uint64_t size = 0;
  Hash root = empty_root();
  bool operator==(const Head&) const = default;
};

// The right edge of a tree: all that appending needs, at most 64 hashes. A value.
class Frontier {
 public:
  Frontier() = default;
  // The edge of a stored tree. kCorrupt when the reader lacks a node.
  static Result<Frontier> load(std::uint64_t size, const NodeReader& reader);

  // Appends one leaf. Returns how many nodes became complete, leaf included; they are then in
  // `completed()`, by rising level: completed()[k] is node (k, leaf_index >> k).
  std::size_t append(const Hash& leaf);
  std::span<const Hash> completed() const { return completed_; }  // until the next append

  std::uint64_t size() const { return size_; }
  Hash root() const;
  Head head() const { return {size_, root()}; }

 private:
  std::uint64_t size_ = 0;
  std::vector<Hash> peaks_;      // of the complete subtrees, the largest first
  std::vector<Hash> completed_;  // of the last append
};

// The root at `size`; log2(size) nodes are read.
Result<Hash> root_at(std::uint64_t size, const NodeReader& reader);

// Siblings from the leaf up. kInvalid unless index < size.
Result<std::vector<Hash>> inclusion_proof(std::uint64_t index, std::uint64_t size,
                                          const NodeReader& reader);
// kInvalid unless old_size <= new_size. Empty when old_size is 0 or equals new_size.
Result<std::vector<Hash>> consistency_proof(std::uint64_t old_size, std::uint64_t new_size,
                                            const NodeReader& reader);

// kCorrupt, with what does not hold, unless the proof shows that `leaf` is at `index` under `head`.
Status verify_inclusion(const Hash& leaf, std::uint64_t index, const Head& head,
                        std::span<const Hash> proof);
// kCorrupt unless the proof shows that `older` is a prefix of `newer`.
Status verify_consistency(const Head& older, const Head& newer, std::span<const Hash> proof);

}  // namespace writ::tlog
