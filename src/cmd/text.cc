#include "cmd/text.h"

#include <locale.h>
#include <wchar.h>

#include <algorithm>
#include <cstdio>

#include "base/bytes.h"

namespace writ::cmd {
namespace {

constexpr char32_t kBroken = 0xffffffff;

// Takes one character off `rest`; kBroken (and one byte) where it is no UTF-8.
char32_t take(std::string_view& rest) {
  const auto lead = static_cast<unsigned char>(rest[0]);
  const std::size_t size = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  if (rest.size() < size || !is_utf8(rest.substr(0, size))) {
    rest.remove_prefix(1);
    return kBroken;
  }
  char32_t c = size == 1 ? lead : lead & (0xffU >> (size + 1));
  for (std::size_t i = 1; i < size; ++i) {
    c = (c << 6) | (static_cast<unsigned char>(rest[i]) & 0x3fU);
  }
  rest.remove_prefix(size);
  return c;
}

// Width by the C library's tables, whatever the locale of the process is.
int columns(char32_t c) {
  static const locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
  if (c < 0x7f || utf8 == nullptr) return 1;
  const locale_t before = uselocale(utf8);
  const int width = wcwidth(static_cast<wchar_t>(c));
  uselocale(before);
  return std::max(width, 0);
}

// Characters that show nothing, or that change how what follows is shown.
bool is_unsafe(char32_t c) {
  return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0xad || c == 0x61c || c == 0x115f ||
         c == 0x1160 || c == 0x17b4 || c == 0x17b5 || c == 0x180e || (c >= 0x200b && c <= 0x200f) ||
         (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || c == 0x3164 ||
         c == 0xfeff || c == 0xffa0 || (c >= 0xfff9 && c <= 0xfffb) ||
         (c >= 0xe0000 && c <= 0xe0fff);
}

enum class Newlines { kEscape, kKeep };

std::string harmless(std::string_view text, Newlines newlines) {
  std::string out;
  out.reserve(text.size());
  char escape[16];
  while (!text.empty()) {
    const std::string_view before = text;
    const char32_t c = take(text);
    if (c == kBroken) {
      std::snprintf(escape, sizeof escape, "\\x%02x", static_cast<unsigned char>(before[0]));
      out += escape;
    } else if (c == '\n') {
      out += newlines == Newlines::kKeep ? "\n" : "\\n";
    } else if (c == '\t') {
      out += newlines == Newlines::kKeep ? "    " : "\\t";
    } else if (is_unsafe(c)) {
      std::snprintf(escape, sizeof escape, "\\u{%x}", static_cast<unsigned>(c));
      out += escape;
    } else {
      out += before.substr(0, before.size() - text.size());
    }
  }
  return out;
}

}  // namespace

std::size_t width_of(std::string_view text) {
  std::size_t width = 0;
  while (!text.empty()) {
    const char32_t c = take(text);
    width += c == kBroken ? 1U : static_cast<std::size_t>(columns(c));
  }
  return width;
}

std::string printable(std::string_view text) {
  return harmless(text, Newlines::kEscape);
}
std::string printable_lines(std::string_view text) {
  return harmless(text, Newlines::kKeep);
}

std::vector<std::string> wrap(std::string_view text, std::size_t width) {
  std::vector<std::string> lines;
  std::string line;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (word.empty()) continue;
    if (!line.empty() && width_of(line) + 1 + width_of(word) > width) {
      lines.push_back(std::move(line));
      line.clear();
    }
    if (!line.empty()) line += ' ';
    line += word;
  }
  if (!line.empty() || lines.empty()) lines.push_back(std::move(line));
  return lines;
}

std::string short_time(Time time) {
  std::string text = to_text(time).substr(0, 19);
  text[10] = ' ';
  return text;
}

std::string nearest(std::string_view word, const std::vector<std::string>& candidates) {
  std::string best;
  std::size_t least = std::max<std::size_t>(1, std::min<std::size_t>(3, word.size() / 2)) + 1;
  for (const std::string& candidate : candidates) {
    std::size_t distance = edit_distance(word, candidate);
    // What begins the same is usually meant: "req" for "request".
    if (word.size() >= 2 && candidate.starts_with(word)) distance = 1;
    if (distance < least) {
      least = distance;
      best = candidate;
    }
  }
  return best;
}

}  // namespace writ::cmd
