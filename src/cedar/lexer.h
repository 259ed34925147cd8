// Tokens of Cedar text.
//
//   IDENT  [_a-zA-Z][_a-zA-Z0-9]*      NUMBER [0-9]+      STRING "(\\.|[^"\\])*"
//   SLOT   ? IDENT                     comments: // to the end of the line
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cedar/source.h"

namespace writ::cedar {

enum class TokenKind : std::uint8_t { kIdent, kNumber, kString, kSlot, kSign, kEnd };

struct Token {
  TokenKind kind;
  std::uint32_t begin;
  std::uint32_t end;
};

// All tokens of the text, the last of kind kEnd.
Result<std::vector<Token>> tokenize(const Source& source);

// What tokens are told apart by is white space; this is the text without it at its end.
std::string_view without_space_behind(std::string_view text);

}  // namespace writ::cedar
