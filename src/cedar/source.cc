#include "cedar/source.h"

#include <algorithm>

namespace writ::cedar {
namespace {

std::size_t count_characters(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  }));
}

}  // namespace

std::string Position::text() const {
  const std::string at = std::to_string(line) + ":" + std::to_string(column);
  return file.empty() ? at : file + ":" + at;
}

Source::Source(std::string_view name, std::string_view text) : name_(name), text_(text) {
  starts_.push_back(0);
  for (std::size_t i = 0; i < text_.size(); ++i) {
    if (text_[i] == '\n') starts_.push_back(static_cast<std::uint32_t>(i + 1));
  }
}

std::uint32_t Source::line_number(std::uint32_t offset) const {
  const auto after = std::upper_bound(starts_.begin(), starts_.end(), offset);
  return static_cast<std::uint32_t>(after - starts_.begin());
}

std::string_view Source::line_at(std::uint32_t offset) const {
  const std::uint32_t start = starts_[line_number(offset) - 1];
  std::string_view line = std::string_view(text_).substr(start);
  line = line.substr(0, line.find('\n'));
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

Position Source::position(std::uint32_t offset) const {
  offset = std::min(offset, static_cast<std::uint32_t>(text_.size()));
  const std::uint32_t line = line_number(offset);
  const std::uint32_t start = starts_[line - 1];
  const std::string_view before = std::string_view(text_).substr(start, offset - start);
  return {name_, line, static_cast<std::uint32_t>(count_characters(before)) + 1};
}

Error Source::error(std::uint32_t offset, std::string_view message) const {
  constexpr std::size_t kWidest = 120;  // of a shown line; hostile text has longer ones
  offset = std::min(offset, static_cast<std::uint32_t>(text_.size()));
  const Position at = position(offset);
  std::string_view line = line_at(offset);
  std::size_t caret = std::min<std::size_t>(offset - starts_[at.line - 1], line.size());
  if (line.size() > kWidest) {
    const auto inside = [](char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; };
    std::size_t from = caret > kWidest / 2 ? caret - kWidest / 2 : 0;
    while (from > 0 && inside(line[from])) --from;
    std::size_t to = std::min(from + kWidest, line.size());
    while (to < line.size() && inside(line[to])) ++to;
    line = line.substr(from, to - from);
    caret -= from;
  }
  std::string shown(line);
  std::string indent;
  for (char c : line.substr(0, caret)) {
    if ((static_cast<unsigned char>(c) & 0xc0) != 0x80) indent += c == '\t' ? '\t' : ' ';
  }
  for (char& c : shown) {  // nothing that moves a terminal's cursor
    if (c != '\t' && (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)) c = '?';
  }
  return {Code::kInvalid, std::string(message) + "\n  " + shown + "\n  " + indent + "^", at.text()};
}

}  // namespace writ::cedar
