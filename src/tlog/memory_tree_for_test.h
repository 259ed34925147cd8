// A tree whose nodes are all in memory.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "tlog/tree.h"

namespace writ::tlog {

class MemoryTree final : public NodeReader {
 public:
  void append(const Hash& leaf) {
    const std::uint64_t index = frontier.size();
    frontier.append(leaf);
    leaves.push_back(leaf);
    for (unsigned k = 0; k < frontier.completed().size(); ++k) {
      stored_[{k, index >> k}] = frontier.completed()[k];
    }
  }
  Result<std::vector<Hash>> nodes(std::span<const NodeId> ids) const override {
    std::vector<Hash> hashes;
    for (const NodeId& id : ids) {
      const auto it = stored_.find({id.level, id.index});
      if (it == stored_.end()) return fail(Code::kCorrupt, "no such node");
      hashes.push_back(it->second);
    }
    return hashes;
  }

  Frontier frontier;
  std::vector<Hash> leaves;

 private:
  std::map<std::pair<unsigned, std::uint64_t>, Hash> stored_;
};

inline MemoryTree tree_of(std::size_t size) {
  MemoryTree tree;
  for (std::size_t i = 0; i < size; ++i) tree.append(leaf_hash("entry " + std::to_string(i)));
  return tree;
}

}  // namespace writ::tlog
