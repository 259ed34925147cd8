#include "cedar/text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>

namespace writ::cedar {
namespace {

bool starts_identifier(char c) {
  return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

void append_escaped(std::string& out, std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  for (char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      case '\0':
        out += "\\0";
        break;
      default:
        if (byte < 0x20 || byte == 0x7f) {
          out += "\\x";
          out += kHex[byte >> 4];
          out += kHex[byte & 15];
        } else {
          out += c;
        }
    }
  }
}

bool hex(std::string_view digits, std::uint32_t& value) {
  const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  return read.ec == std::errc() && read.ptr == digits.data() + digits.size();
}

// Reads the escape at raw[at] (a backslash) into `out`; answers where it ends, or 0 if it is wrong.
std::size_t read_escape(std::string_view raw, std::size_t at, std::string& out) {
  if (at + 1 >= raw.size()) return 0;
  switch (raw[at + 1]) {
    case 'n':
      out += '\n';
      return at + 2;
    case 'r':
      out += '\r';
      return at + 2;
    case 't':
      out += '\t';
      return at + 2;
    case '\\':
      out += '\\';
      return at + 2;
    case '0':
      out += '\0';
      return at + 2;
    case '\'':
      out += '\'';
      return at + 2;
    case '"':
      out += '"';
      return at + 2;
    case 'x': {
      std::uint32_t value = 0;
      if (at + 4 > raw.size() || !hex(raw.substr(at + 2, 2), value) || value > 0x7f) return 0;
      out += static_cast<char>(value);
      return at + 4;
    }
    case 'u': {
      if (at + 2 >= raw.size() || raw[at + 2] != '{') return 0;
      const std::size_t close = raw.find('}', at);
      if (close == std::string_view::npos || raw[at + 3] == '_') return 0;
      std::string digits(raw.substr(at + 3, close - at - 3));
      std::erase(digits, '_');
      std::uint32_t value = 0;
      if (digits.empty() || digits.size() > 6 || !hex(digits, value)) return 0;
      if (value > 0x10ffff || (value >= 0xd800 && value < 0xe000)) return 0;
      append_utf8(out, value);
      return close + 1;
    }
    default:
      return 0;
  }
}

}  // namespace

void append_utf8(std::string& out, std::uint32_t c) {
  const auto put = [&](std::uint32_t byte) { out += static_cast<char>(byte); };
  if (c < 0x80) {
    put(c);
  } else if (c < 0x800) {
    put(0xc0 | (c >> 6));
    put(0x80 | (c & 0x3f));
  } else if (c < 0x10000) {
    put(0xe0 | (c >> 12));
    put(0x80 | ((c >> 6) & 0x3f));
    put(0x80 | (c & 0x3f));
  } else {
    put(0xf0 | (c >> 18));
    put(0x80 | ((c >> 12) & 0x3f));
    put(0x80 | ((c >> 6) & 0x3f));
    put(0x80 | (c & 0x3f));
  }
}

void append_quoted(std::string& out, std::string_view text) {
  out += '"';
  append_escaped(out, text);
  out += '"';
}

void append_pattern(std::string& out, const std::vector<std::string>& pieces) {
  out += '"';
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    if (i > 0) out += '*';
    std::string_view piece = pieces[i];
    for (std::size_t star = piece.find('*'); star != std::string_view::npos;
         star = piece.find('*')) {
      append_escaped(out, piece.substr(0, star));
      out += "\\*";
      piece.remove_prefix(star + 1);
    }
    append_escaped(out, piece);
  }
  out += '"';
}

Unescaped unescape(std::string_view raw) {
  std::string text;
  text.reserve(raw.size());
  for (std::size_t i = 0; i < raw.size();) {
    if (raw[i] == '\r') return {std::nullopt, i};
    if (raw[i] != '\\') {
      text += raw[i++];
      continue;
    }
    const std::size_t next = read_escape(raw, i, text);
    if (next == 0) return {std::nullopt, i};
    i = next;
  }
  return {std::move(text), 0};
}

UnescapedPattern unescape_pattern(std::string_view raw) {
  std::vector<std::string> pieces(1);
  for (std::size_t i = 0; i < raw.size();) {
    if (raw[i] == '\r') return {std::nullopt, i};
    if (raw[i] == '*') {
      pieces.emplace_back();
      ++i;
    } else if (raw[i] != '\\') {
      pieces.back() += raw[i++];
    } else if (i + 1 < raw.size() && raw[i + 1] == '*') {
      pieces.back() += '*';
      i += 2;
    } else {
      std::string made;
      const std::size_t next = read_escape(raw, i, made);
      if (next == 0) return {std::nullopt, i};
      if (made == "*") {
        pieces.emplace_back();
      } else {
        pieces.back() += made;
      }
      i = next;
    }
  }
  return {std::move(pieces), 0};
}

bool matches(std::string_view text, const std::vector<std::string>& pieces) {
  if (pieces.size() == 1) return text == pieces.front();
  if (!text.starts_with(pieces.front())) return false;
  text.remove_prefix(pieces.front().size());
  if (!text.ends_with(pieces.back())) return false;
  text.remove_suffix(pieces.back().size());
  for (std::size_t i = 1; i + 1 < pieces.size(); ++i) {  // the leftmost place is as good as any
    const std::size_t at = text.find(pieces[i]);
    if (at == std::string_view::npos) return false;
    text.remove_prefix(at + pieces[i].size());
  }
  return true;
}

std::string_view shorten(std::string_view text, std::size_t most) {
  if (text.size() <= most) return text;
  while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xc0) == 0x80) --most;
  return text.substr(0, most);
}

bool is_identifier(std::string_view text) {
  return !text.empty() && starts_identifier(text.front()) &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return starts_identifier(c) || (c >= '0' && c <= '9'); });
}

bool is_reserved(std::string_view text) {
  constexpr std::array<std::string_view, 10> kReserved{"true", "false", "if",   "then", "else",
                                                       "in",   "is",    "like", "has",  "__cedar"};
  return std::find(kReserved.begin(), kReserved.end(), text) != kReserved.end();
}

bool is_type_name(std::string_view text) {
  for (;;) {
    const std::size_t end = text.find("::");
    const std::string_view part = text.substr(0, end);
    if (!is_identifier(part) || is_reserved(part)) return false;
    if (end == std::string_view::npos) return true;
    text.remove_prefix(end + 2);
  }
}

}  // namespace writ::cedar
