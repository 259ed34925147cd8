// Cedar's string literals and names: escapes both ways.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace writ::cedar {

// Appends `text` as a Cedar string literal with its quotes.
void append_quoted(std::string& out, std::string_view text);
// Appends a `like` pattern, from its pieces between wildcards, with its quotes.
void append_pattern(std::string& out, const std::vector<std::string>& pieces);

// Appends a character by its number in Unicode.
void append_utf8(std::string& out, std::uint32_t character);

// What stands between the quotes of a literal, escapes resolved: \n \r \t \\ \0 \' \" \x41
// \u{1f600}. Empty where an escape is wrong; `bad` is then its offset.
struct Unescaped {
  std::optional<std::string> text;
  std::size_t bad = 0;
};
Unescaped unescape(std::string_view raw);
// The same for a pattern: `*` splits, also one written \x2a or \u{2a}; `\*` is a star.
struct UnescapedPattern {
  std::optional<std::vector<std::string>> pieces;
  std::size_t bad = 0;
};
UnescapedPattern unescape_pattern(std::string_view raw);

// `like`: the pieces in their order, the first at the start, the last at the end.
bool matches(std::string_view text, const std::vector<std::string>& pieces);

// The first `most` bytes or fewer, whole characters only: for messages.
std::string_view shorten(std::string_view text, std::size_t most);

// A name that may stand alone as an attribute or annotation: [_a-zA-Z][_a-zA-Z0-9]*.
bool is_identifier(std::string_view text);
// A keyword that cannot be part of a type's name or a record's bare key.
bool is_reserved(std::string_view text);
// Identifiers joined by `::`, none of them reserved.
bool is_type_name(std::string_view text);

}  // namespace writ::cedar
