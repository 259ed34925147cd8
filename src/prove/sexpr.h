// S-expressions: how a solver answers.
// https://smt-lib.org/papers/smt-lib-reference-v2.6-r2021-05-12.pdf, section 3.1
// Invariant: none is deeper than kMaxSexprDepth.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace writ::prove {

inline constexpr std::size_t kMaxSexprDepth = 2000;

struct Sexpr {
  std::string atom;  // as written; of a string what stands between its quotes
  bool is_text = false;
  bool is_list = false;
  std::vector<Sexpr> items;
  bool is(std::string_view word) const { return !is_list && !is_text && atom == word; }
  // `(word …)`
  bool starts_with(std::string_view word) const {
    return is_list && !items.empty() && items[0].is(word);
  }
  bool operator==(const Sexpr&) const = default;
};

// All that a text holds; kCorrupt when it does not end well.
Result<std::vector<Sexpr>> parse_sexprs(std::string_view text);
std::string print(const Sexpr& sexpr);

}  // namespace writ::prove
