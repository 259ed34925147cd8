// The tree against RFC 6962: published vectors, and the definitions written out naively.
#include "tlog/tree.h"

#include <gtest/gtest.h>

#include <bit>

#include "base/random.h"
#include "tlog/memory_tree_for_test.h"

namespace writ::tlog {
namespace {

// The definitions of RFC 6962 sections 2.1 to 2.1.2, word by word.
Hash mth(std::span<const Hash> d) {
  if (d.empty()) return empty_root();
  if (d.size() == 1) return d[0];
  const std::size_t k = std::bit_floor(d.size() - 1);
  return node_hash(mth(d.first(k)), mth(d.subspan(k)));
}

std::vector<Hash> path(std::size_t m, std::span<const Hash> d) {
  if (d.size() <= 1) return {};
  const std::size_t k = std::bit_floor(d.size() - 1);
  std::vector<Hash> p = m < k ? path(m, d.first(k)) : path(m - k, d.subspan(k));
  p.push_back(m < k ? mth(d.subspan(k)) : mth(d.first(k)));
  return p;
}

std::vector<Hash> subproof(std::size_t m, std::span<const Hash> d, bool known) {
  if (m == d.size()) return known ? std::vector<Hash>{} : std::vector<Hash>{mth(d)};
  const std::size_t k = std::bit_floor(d.size() - 1);
  std::vector<Hash> p =
      m <= k ? subproof(m, d.first(k), known) : subproof(m - k, d.subspan(k), false);
  p.push_back(m <= k ? mth(d.subspan(k)) : mth(d.first(k)));
  return p;
}

TEST(Tree, HasThePublishedRoots) {
  const std::vector<std::string> leaves = {"",
                                           "00",
                                           "10",
                                           "2021",
                                           "3031",
                                           "40414243",
                                           "5051525354555657",
                                           "606162636465666768696a6b6c6d6e6f"};
  const std::vector<std::string> roots = {
      "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
      "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
      "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
      "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
      "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
      "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
      "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
      "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"};
  Frontier frontier;
  EXPECT_EQ(to_hex(as_bytes(frontier.root())),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  for (std::size_t i = 0; i < leaves.size(); ++i) {
    frontier.append(leaf_hash(*from_hex(leaves[i])));
    EXPECT_EQ(to_hex(as_bytes(frontier.root())), roots[i]) << "size " << i + 1;
  }
}

TEST(Tree, LongLeavesAreHashedLikeShortOnes) {
  EXPECT_EQ(to_hex(as_bytes(leaf_hash(std::string(255, 'a')))),
            "e62fdd79185c7eff96a9a57c7350c1c8e992d07606cc0229524247f93c7ce7da");
  EXPECT_EQ(to_hex(as_bytes(leaf_hash(std::string(300, 'a')))),
            "5717abb848414ba54b6b75dfafb70c152ca28014a1c39c4632b841d35b74118d");
}

TEST(Tree, RootsAndProofsAreThoseOfTheDefinitionAtEverySize) {
  constexpr std::size_t kMost = 70;
  const MemoryTree tree = tree_of(kMost);
  for (std::size_t n = 0; n <= kMost; ++n) {
    const auto leaves = std::span(tree.leaves).first(n);
    const Head head{n, mth(leaves)};
    ASSERT_EQ(*root_at(n, tree), head.root) << n;
    ASSERT_EQ(Frontier::load(n, tree)->root(), head.root) << n;
    for (std::size_t m = 0; m < n; ++m) {
      const auto proof = inclusion_proof(m, n, tree);
      ASSERT_TRUE(proof);
      ASSERT_EQ(*proof, path(m, leaves)) << m << " in " << n;
      ASSERT_TRUE(verify_inclusion(leaves[m], m, head, *proof));
    }
    for (std::size_t m = 0; m <= n; ++m) {
      const auto proof = consistency_proof(m, n, tree);
      ASSERT_TRUE(proof);
      if (m > 0) {
        ASSERT_EQ(*proof, subproof(m, leaves, true)) << m << " to " << n;
      }
      ASSERT_TRUE(verify_consistency({m, mth(leaves.first(m))}, head, *proof)) << m << " " << n;
    }
  }
}

TEST(Tree, ProofsOfLargeRandomSizesHold) {
  SeededRandom random(7);
  const MemoryTree tree = tree_of(5000);
  for (int round = 0; round < 300; ++round) {
    const std::uint64_t n = 1 + random.below(5000);
    const std::uint64_t m = random.below(n);
    const Head head{n, *root_at(n, tree)};
    const auto inclusion = inclusion_proof(m, n, tree);
    ASSERT_TRUE(verify_inclusion(tree.leaves[m], m, head, *inclusion));
    const auto consistency = consistency_proof(m, n, tree);
    ASSERT_TRUE(verify_consistency({m, *root_at(m, tree)}, head, *consistency));
  }
}

TEST(Tree, AnyChangeToAProofBreaksIt) {
  SeededRandom random(8);
  const MemoryTree tree = tree_of(200);
  for (int round = 0; round < 300; ++round) {
    const std::uint64_t n = 2 + random.below(199);
    const std::uint64_t m = 1 + random.below(n - 1);
    const Head head{n, *root_at(n, tree)};
    const Head older{m, *root_at(m, tree)};
    const std::vector<Hash> inclusion = *inclusion_proof(m, n, tree);
    const std::vector<Hash> consistency = *consistency_proof(m, n, tree);

    std::vector<Hash> changed = inclusion;
    changed[random.below(changed.size())][random.below(32)] ^= 1;
    EXPECT_FALSE(verify_inclusion(tree.leaves[m], m, head, changed));
    changed = inclusion;
    changed.pop_back();
    EXPECT_FALSE(verify_inclusion(tree.leaves[m], m, head, changed));
    changed = inclusion;
    changed.push_back(head.root);
    EXPECT_FALSE(verify_inclusion(tree.leaves[m], m, head, changed));
    EXPECT_FALSE(verify_inclusion(tree.leaves[m], m - 1, head, inclusion));
    EXPECT_FALSE(verify_inclusion(tree.leaves[m - 1], m, head, inclusion));
    EXPECT_FALSE(verify_inclusion(tree.leaves[m], n, head, inclusion));

    changed = consistency;
    changed[random.below(changed.size())][random.below(32)] ^= 1;
    EXPECT_FALSE(verify_consistency(older, head, changed));
    changed = consistency;
    changed.pop_back();
    EXPECT_FALSE(verify_consistency(older, head, changed));
    changed = consistency;
    changed.push_back(head.root);
    EXPECT_FALSE(verify_consistency(older, head, changed));
    Head forged = older;
    forged.root[0] ^= 1;
    EXPECT_FALSE(verify_consistency(forged, head, consistency));
    forged = head;
    forged.root[0] ^= 1;
    EXPECT_FALSE(verify_consistency(older, forged, consistency));
    EXPECT_FALSE(verify_consistency(head, older, consistency));
  }
}

TEST(Tree, ProofsOutsideTheTreeAreRefused) {
  const MemoryTree tree = tree_of(5);
  EXPECT_EQ(inclusion_proof(5, 5, tree).error().code, Code::kInvalid);
  EXPECT_EQ(consistency_proof(6, 5, tree).error().code, Code::kInvalid);
  EXPECT_EQ(inclusion_proof(0, 8, tree).error().code, Code::kCorrupt);
  EXPECT_FALSE(verify_consistency({3, *root_at(3, tree)}, {3, *root_at(4, tree)}, {}));
}

}  // namespace
}  // namespace writ::tlog
