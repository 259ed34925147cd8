// Unified diffs, by the longest common subsequence of lines.
#include <algorithm>
#include <cstdint>
#include <vector>

#include "cmd/statement.h"

namespace writ::cmd {
namespace {

constexpr std::size_t kMostCells = 16'000'000;
constexpr std::size_t kContext = 3;

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    lines.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

struct Edit {
  char mark;  // ' ', '-' or '+'
  std::string_view line;
};

std::vector<Edit> edits_between(const std::vector<std::string_view>& a,
                                const std::vector<std::string_view>& b) {
  std::vector<Edit> edits;
  std::size_t head = 0;
  while (head < a.size() && head < b.size() && a[head] == b[head])
    edits.push_back({' ', a[head++]});
  std::size_t tail = 0;
  while (tail < a.size() - head && tail < b.size() - head &&
         a[a.size() - 1 - tail] == b[b.size() - 1 - tail]) {
    ++tail;
  }
  const std::size_t n = a.size() - head - tail;
  const std::size_t m = b.size() - head - tail;
  std::size_t i = 0;
  std::size_t j = 0;
  if ((n + 1) * (m + 1) <= kMostCells) {
    // length[i][j]: of the longest common subsequence of a[i..] and b[j..], in the middle part.
    std::vector<std::uint32_t> length((n + 1) * (m + 1), 0);
    const auto at = [&length, m](std::size_t x, std::size_t y) -> std::uint32_t& {
      return length[x * (m + 1) + y];
    };
    for (std::size_t x = n; x-- > 0;) {
      for (std::size_t y = m; y-- > 0;) {
        at(x, y) = a[head + x] == b[head + y] ? at(x + 1, y + 1) + 1
                                              : std::max(at(x + 1, y), at(x, y + 1));
      }
    }
    while (i < n && j < m) {
      if (a[head + i] == b[head + j]) {
        edits.push_back({' ', a[head + i]});
        ++i, ++j;
      } else if (at(i + 1, j) >= at(i, j + 1)) {
        edits.push_back({'-', a[head + i++]});
      } else {
        edits.push_back({'+', b[head + j++]});
      }
    }
  }
  for (; i < n; ++i) edits.push_back({'-', a[head + i]});
  for (; j < m; ++j) edits.push_back({'+', b[head + j]});
  for (std::size_t k = tail; k > 0; --k) edits.push_back({' ', a[a.size() - k]});
  return edits;
}

}  // namespace

std::string unified_diff(std::string_view before, std::string_view after, std::string_view name) {
  const auto edits = edits_between(lines_of(before), lines_of(after));
  std::vector<bool> shown(edits.size(), false);
  bool any = false;
  for (std::size_t i = 0; i < edits.size(); ++i) {
    if (edits[i].mark == ' ') continue;
    any = true;
    const std::size_t from = i < kContext ? 0 : i - kContext;
    for (std::size_t k = from; k < std::min(edits.size(), i + kContext + 1); ++k) shown[k] = true;
  }
  if (!any) return "";
  std::string out = "--- " + std::string(name) + " (in force)\n+++ " + std::string(name) + "\n";
  std::size_t old_line = 1;
  std::size_t new_line = 1;
  for (std::size_t i = 0; i < edits.size();) {
    if (!shown[i]) {
      ++old_line, ++new_line, ++i;
      continue;
    }
    std::size_t old_count = 0;
    std::size_t new_count = 0;
    std::string body;
    for (; i < edits.size() && shown[i]; ++i) {
      old_count += edits[i].mark != '+' ? 1U : 0U;
      new_count += edits[i].mark != '-' ? 1U : 0U;
      body += edits[i].mark + std::string(edits[i].line) + "\n";
    }
    const auto range = [](std::size_t from, std::size_t count) {
      return std::to_string(count == 0 ? from - 1 : from) + "," + std::to_string(count);
    };
    out += "@@ -" + range(old_line, old_count) + " +" + range(new_line, new_count) + " @@\n" + body;
    old_line += old_count;
    new_line += new_count;
  }
  return out;
}

}  // namespace writ::cmd
