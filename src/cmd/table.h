// Rows for people: an aligned table that fits the terminal without losing anything. Columns that
// are empty in every row are left out; what does not fit is wrapped between words; what still does
// not fit is written as one block a row.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/json.h"

namespace writ::cmd {

struct TableStyle {
  std::size_t width = 0;  // columns of the terminal; 0: no limit, every row is one line
  bool colour = false;
};

// `rows` are flat objects with the same members. A member "…_ms" is shown as a duration, a time
// without its fraction, a list with commas. Answers lines with newlines; empty for no rows.
std::string table(const JsonArray& rows, const TableStyle& style);

// One object as aligned "name  value" lines, nested ones indented. Everything in it is shown, also
// what is empty.
std::string record(const Json& json, const TableStyle& style, std::size_t indent = 0);

// One value as a cell: a line, harmless to print.
std::string cell(std::string_view name, const Json& value);
// "approvals_needed" → "approvals needed"; "max_ttl_ms" → "max ttl".
std::string label(std::string_view name);

enum class Tone { kBold, kDim, kGood, kWarn, kBad };
std::string toned(std::string_view text, Tone tone, const TableStyle& style);

}  // namespace writ::cmd
