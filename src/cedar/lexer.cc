#include "cedar/lexer.h"

#include <algorithm>
#include <array>

#include "base/bytes.h"

namespace writ::cedar {
namespace {

bool starts_identifier(char c) {
  return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// White space is Unicode's White_Space property.
constexpr std::array<std::string_view, 19> kWideSpaces{
    "\u0085", "\u00a0", "\u1680", "\u2000", "\u2001", "\u2002", "\u2003",
    "\u2004", "\u2005", "\u2006", "\u2007", "\u2008", "\u2009", "\u200a",
    "\u2028", "\u2029", "\u202f", "\u205f", "\u3000"};
bool is_narrow_space(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

// Bytes of the white space that `text` starts with, 0 for none.
std::size_t space_at(std::string_view text) {
  const char c = text.front();
  if (is_narrow_space(c)) return 1;
  if (static_cast<unsigned char>(c) < 0x80) return 0;
  for (std::string_view wide : kWideSpaces) {
    if (text.starts_with(wide)) return wide.size();
  }
  return 0;
}

// Bytes of the string literal that `text` starts with, 0 when it does not end.
std::size_t string_at(std::string_view text) {
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '"') return i + 1;
    if (text[i] == '\\') ++i;
  }
  return 0;
}

std::size_t sign_at(std::string_view text) {
  constexpr std::array<std::string_view, 7> kPairs{"::", "==", "!=", "<=", ">=", "||", "&&"};
  for (std::string_view pair : kPairs) {
    if (text.starts_with(pair)) return 2;
  }
  constexpr std::string_view kSingles = "@.,;:(){}[]<>+-*/%!=?";
  return kSingles.find(text.front()) != std::string_view::npos ? 1 : 0;
}

}  // namespace

std::string_view without_space_behind(std::string_view text) {
  while (!text.empty()) {
    std::size_t space = is_narrow_space(text.back()) ? 1 : 0;
    for (std::string_view wide : kWideSpaces) {
      if (text.ends_with(wide)) space = wide.size();
    }
    if (space == 0) break;
    text.remove_suffix(space);
  }
  return text;
}

Result<std::vector<Token>> tokenize(const Source& source) {
  const std::string_view text = source.text();
  if (!is_utf8(text)) return fail(Code::kInvalid, "the text is not valid UTF-8", source.name());
  std::vector<Token> tokens;
  const auto word_end = [&](std::size_t at) {
    while (at < text.size() && (starts_identifier(text[at]) || is_digit(text[at]))) ++at;
    return at;
  };
  std::size_t at = 0;
  while (at < text.size()) {
    const std::string_view rest = text.substr(at);
    if (const std::size_t space = space_at(rest)) {
      at += space;
      continue;
    }
    if (rest.starts_with("//")) {
      at = std::min(text.find_first_of("\r\n", at), text.size());
      continue;
    }
    TokenKind kind = TokenKind::kSign;
    std::size_t end = at;
    if (starts_identifier(rest[0])) {
      kind = TokenKind::kIdent;
      end = word_end(at);
    } else if (is_digit(rest[0])) {
      kind = TokenKind::kNumber;
      while (end < text.size() && is_digit(text[end])) ++end;
    } else if (rest[0] == '"') {
      kind = TokenKind::kString;
      end = at + string_at(rest);
      if (end == at) {
        return tl::unexpected<Error>(
            source.error(static_cast<std::uint32_t>(at), "this string has no closing quote"));
      }
    } else if (rest[0] == '?' && rest.size() > 1 && starts_identifier(rest[1])) {
      kind = TokenKind::kSlot;
      end = word_end(at + 1);
    } else {
      end = at + sign_at(rest);
      if (end == at) {
        return tl::unexpected<Error>(
            source.error(static_cast<std::uint32_t>(at), "Cedar has no use for this character"));
      }
    }
    tokens.push_back({kind, static_cast<std::uint32_t>(at), static_cast<std::uint32_t>(end)});
    at = end;
  }
  const auto size = static_cast<std::uint32_t>(text.size());
  tokens.push_back({TokenKind::kEnd, size, size});
  return tokens;
}

}  // namespace writ::cedar
