#include "cedar/layout.h"

#include <algorithm>
#include <array>

namespace writ::cedar {
namespace {

struct Range {
  char32_t first;
  char32_t last;
};
// The common ones of the characters that a terminal shows above others, or not at all.
constexpr std::array<Range, 20> kNarrow{
    {{0x0300, 0x036f}, {0x0483, 0x0489}, {0x0591, 0x05bd}, {0x0610, 0x061a}, {0x064b, 0x065f},
     {0x06d6, 0x06dc}, {0x0730, 0x074a}, {0x093c, 0x093c}, {0x0941, 0x0948}, {0x0e31, 0x0e31},
     {0x0e34, 0x0e3a}, {0x0e47, 0x0e4e}, {0x1ab0, 0x1aff}, {0x1dc0, 0x1dff}, {0x200b, 0x200f},
     {0x202a, 0x202e}, {0x2060, 0x206f}, {0x20d0, 0x20f0}, {0xfe00, 0xfe0f}, {0xe0000, 0xe0fff}}};
// And of those that it shows in two columns.
constexpr std::array<Range, 14> kWide{{{0x1100, 0x115f},
                                       {0x2e80, 0x303e},
                                       {0x3041, 0x33ff},
                                       {0x3400, 0x4dbf},
                                       {0x4e00, 0x9fff},
                                       {0xa000, 0xa4cf},
                                       {0xa960, 0xa97f},
                                       {0xac00, 0xd7a3},
                                       {0xf900, 0xfaff},
                                       {0xfe30, 0xfe6f},
                                       {0xff00, 0xff60},
                                       {0xffe0, 0xffe6},
                                       {0x1f300, 0x1faff},
                                       {0x20000, 0x3fffd}}};

template <class Ranges>
bool among(const Ranges& ranges, char32_t c) {
  return std::any_of(ranges.begin(), ranges.end(),
                     [&](const Range& range) { return c >= range.first && c <= range.last; });
}

// Columns that the text takes.
std::size_t columns(std::string_view text) {
  std::size_t made = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto lead = static_cast<unsigned char>(text[i]);
    if (lead < 0x80) {
      ++made;
      continue;
    }
    if ((lead & 0xc0) == 0x80) continue;
    char32_t c = lead & (lead < 0xe0 ? 0x1f : lead < 0xf0 ? 0x0f : 0x07);
    for (std::size_t k = i + 1; k < text.size() && (text[k] & 0xc0) == 0x80; ++k) {
      c = (c << 6) | (static_cast<unsigned char>(text[k]) & 0x3f);
    }
    made += among(kNarrow, c) ? 0 : among(kWide, c) ? 2 : 1;
  }
  return made;
}

}  // namespace

Layout::Doc Layout::add(Node node) {
  nodes_.push_back(std::move(node));
  return static_cast<Doc>(nodes_.size() - 1);
}

Layout::Doc Layout::text(std::string_view text) {
  Node node;
  node.kind = Kind::kText;
  node.width = columns(text);
  node.text = text;
  return add(std::move(node));
}

Layout::Doc Layout::hard_line() {
  Node node;
  node.kind = Kind::kHardLine;
  return add(std::move(node));
}

Layout::Doc Layout::line() {
  Node node;
  node.kind = Kind::kLine;
  return add(std::move(node));
}

Layout::Doc Layout::soft_line() {
  Node node;
  node.kind = Kind::kSoftLine;
  return add(std::move(node));
}

Layout::Doc Layout::join(std::vector<Doc> docs) {
  std::erase(docs, nil());
  if (docs.empty()) return nil();
  Node node;
  node.kind = Kind::kJoin;
  node.docs = std::move(docs);
  return add(std::move(node));
}

Layout::Doc Layout::nest(std::uint32_t indent, Doc doc) {
  if (doc == nil()) return nil();
  Node node;
  node.kind = Kind::kNest;
  node.indent = indent;
  node.docs = {doc};
  return add(std::move(node));
}

Layout::Doc Layout::group(Doc doc) {
  Node node;
  node.kind = Kind::kGroup;
  node.docs = {doc};
  return add(std::move(node));
}

// Whether the doc on one line, and what follows up to the next new line, stays within the width.
bool Layout::fits(Doc doc, std::size_t used, std::size_t width,
                  const std::vector<Command>& rest) const {
  std::vector<Doc> open{doc};
  std::size_t after = rest.size();
  Mode mode = Mode::kFlat;
  for (;;) {
    if (open.empty()) {
      if (after == 0) return true;
      mode = Mode::kBreak;
      open.push_back(rest[--after].doc);
    }
    const Node& node = nodes_[open.back()];
    open.pop_back();
    switch (node.kind) {
      case Kind::kNil:
        break;
      case Kind::kText:
        used += node.width;
        if (used > width) return false;
        break;
      case Kind::kHardLine:
        return mode == Mode::kBreak;
      case Kind::kLine:
      case Kind::kSoftLine:
        if (mode == Mode::kBreak) return true;
        used += node.kind == Kind::kLine ? 1 : 0;
        if (used > width) return false;
        break;
      case Kind::kJoin:
      case Kind::kNest:
      case Kind::kGroup:
        open.insert(open.end(), node.docs.rbegin(), node.docs.rend());
        break;
    }
  }
}

std::string Layout::render(Doc doc, std::size_t width) const {
  std::string out;
  std::size_t used = 0;
  std::vector<Command> open{{0, Mode::kBreak, doc}};
  const auto new_line = [&](std::uint32_t own) {
    const std::uint32_t indent = open.empty() ? own : open.back().indent;
    out += '\n';
    out.append(indent, ' ');
    used = indent;
  };
  while (!open.empty()) {
    const Command command = open.back();
    open.pop_back();
    const Node& node = nodes_[command.doc];
    switch (node.kind) {
      case Kind::kNil:
        break;
      case Kind::kText:
        out += node.text;
        used += node.width;
        break;
      case Kind::kHardLine:
        new_line(command.indent);
        break;
      case Kind::kLine:
      case Kind::kSoftLine:
        if (command.mode == Mode::kBreak) {
          new_line(command.indent);
        } else if (node.kind == Kind::kLine) {
          out += ' ';
          ++used;
        }
        break;
      case Kind::kJoin:
        for (auto each = node.docs.rbegin(); each != node.docs.rend(); ++each) {
          open.push_back({command.indent, command.mode, *each});
        }
        break;
      case Kind::kNest:
        open.push_back({command.indent + node.indent, command.mode, node.docs[0]});
        break;
      case Kind::kGroup: {
        const bool flat = command.mode == Mode::kFlat || fits(node.docs[0], used, width, open);
        open.push_back({command.indent, flat ? Mode::kFlat : Mode::kBreak, node.docs[0]});
        break;
      }
    }
  }
  return out;
}

}  // namespace writ::cedar
