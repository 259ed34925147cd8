#include "cmd/table.h"

#include <algorithm>
#include <numeric>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "cmd/text.h"

namespace writ::cmd {
namespace {

constexpr std::size_t kGap = 2;
constexpr std::size_t kLeastColumn = 12;  // narrower than this nothing is readable

std::optional<Tone> tone_of(std::string_view column, std::string_view value) {
  if (column != "state" && column != "severity" && column != "outcome") return std::nullopt;
  if (value == "active" || value == "approved") return Tone::kGood;
  if (value == "critical" || value == "high" || value == "quarantined" || value == "denied") {
    return Tone::kBad;
  }
  if (value == "revoking" || value == "activating" || value == "pending" || value == "medium") {
    return Tone::kWarn;
  }
  if (value == "ended" || value == "offboarded" || value == "low") return Tone::kDim;
  return std::nullopt;
}

std::string padded(std::string text, std::size_t width) {
  const std::size_t has = width_of(text);
  if (has < width) text.append(width - has, ' ');
  return text;
}

void trim_right(std::string& line) {
  line.erase(line.find_last_not_of(' ') + 1);
}

std::size_t longest_word(std::string_view text) {
  std::size_t most = 0;
  for (const std::string& word : wrap(text, 1)) most = std::max(most, width_of(word));
  return most;
}

struct Column {
  std::string name;
  std::string head;
  std::vector<std::string> cells;
  std::size_t width = 0;  // as shown
  std::size_t least = 0;  // cannot be narrower
};

std::vector<Column> columns_of(const JsonArray& rows) {
  std::vector<Column> columns;
  const JsonObject* first = rows.front().as_object();
  if (first == nullptr) return columns;
  for (const JsonMember& member : *first) {
    Column column;
    column.name = member.first;
    column.head = label(printable(member.first));
    std::transform(column.head.begin(), column.head.end(), column.head.begin(), [](char c) {
      return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    });
    bool filled = false;
    for (const Json& row : rows) {
      const Json* value = row.find(column.name);
      column.cells.push_back(value == nullptr ? "" : cell(column.name, *value));
      filled = filled || !column.cells.back().empty();
    }
    if (!filled) continue;
    column.width = width_of(column.head);
    column.least = longest_word(column.head);
    for (const std::string& text : column.cells) {
      column.width = std::max(column.width, width_of(text));
      column.least = std::max(column.least, longest_word(text));
    }
    // Times stay in one piece.
    if (column.width <= 19) column.least = std::max(column.least, column.width);
    columns.push_back(std::move(column));
  }
  return columns;
}

std::size_t total(const std::vector<Column>& columns) {
  return std::accumulate(columns.begin(), columns.end(), kGap * (columns.size() - 1),
                         [](std::size_t sum, const Column& c) { return sum + c.width; });
}

// Narrows the widest columns until the table fits. False when it cannot.
bool fit(std::vector<Column>& columns, std::size_t width) {
  while (total(columns) > width) {
    Column* widest = nullptr;
    for (Column& c : columns) {
      const bool can = c.width > std::max(c.least, kLeastColumn);
      if (can && (widest == nullptr || c.width > widest->width)) widest = &c;
    }
    if (widest == nullptr) return false;
    --widest->width;
  }
  return true;
}

std::string blocks(const std::vector<Column>& columns, std::size_t count, const TableStyle& style) {
  std::size_t names = 0;
  for (const Column& c : columns) names = std::max(names, width_of(label(c.name)));
  std::string out;
  for (std::size_t row = 0; row < count; ++row) {
    if (row > 0) out += '\n';
    for (const Column& c : columns) {
      if (c.cells[row].empty()) continue;
      out += toned(padded(label(c.name), names), Tone::kDim, style);
      const std::size_t left = style.width > names + kGap + kLeastColumn
                                   ? style.width - names - kGap
                                   : std::string::npos;
      bool first = true;
      for (const std::string& line : wrap(c.cells[row], left)) {
        out.append(first ? kGap : names + kGap, ' ');
        out += line + "\n";
        first = false;
      }
    }
  }
  return out;
}

}  // namespace

std::string label(std::string_view name) {
  if (name.ends_with("_ms")) name.remove_suffix(3);
  std::string out(name);
  std::replace(out.begin(), out.end(), '_', ' ');
  return out;
}

std::string cell(std::string_view name, const Json& value) {
  if (value.is_null()) return "";
  if (const bool* b = value.as_bool()) return *b ? "yes" : "no";
  if (const std::int64_t* i = value.as_int()) {
    if (name.ends_with("_age_ms") && *i >= 1'000) return to_text(Millis(*i - *i % 1'000));
    if (name.ends_with("_ms") && *i > 0) return to_text(Millis(*i));
    return name.ends_with("_ms") && *i < 0 ? "" : std::to_string(*i);
  }
  if (const std::string* text = value.as_string()) {
    if (text->size() >= 20 && text->size() <= 24 && text->back() == 'Z') {
      if (const auto time = parse_time(*text)) return short_time(*time);
    }
    return printable(*text);
  }
  if (const JsonArray* items = value.as_array()) {
    std::string out;
    for (const Json& item : *items) {
      if (!out.empty()) out += ", ";
      out += cell("", item);
    }
    return out;
  }
  return printable(compact(value));
}

std::string toned(std::string_view text, Tone tone, const TableStyle& style) {
  if (!style.colour || text.empty()) return std::string(text);
  constexpr std::string_view kStarts[] = {"\x1b[1m", "\x1b[2m", "\x1b[32m", "\x1b[33m", "\x1b[31m"};
  return std::string(kStarts[static_cast<std::size_t>(tone)]).append(text).append("\x1b[0m");
}

std::string table(const JsonArray& rows, const TableStyle& style) {
  if (rows.empty()) return "";
  std::vector<Column> columns = columns_of(rows);
  if (columns.empty()) return "";
  if (style.width > 0 && !fit(columns, style.width)) return blocks(columns, rows.size(), style);
  std::string out;
  std::string line;
  for (const Column& c : columns) {
    line += padded(c.head, c.width) + std::string(kGap, ' ');
  }
  trim_right(line);
  out += toned(line, Tone::kBold, style) + "\n";
  for (std::size_t row = 0; row < rows.size(); ++row) {
    std::vector<std::vector<std::string>> cells;
    std::size_t height = 1;
    for (const Column& c : columns) {
      // Without a limit a cell keeps its spaces; with one it is wrapped.
      cells.push_back(width_of(c.cells[row]) <= c.width ? std::vector{c.cells[row]}
                                                        : wrap(c.cells[row], c.width));
      height = std::max(height, cells.back().size());
    }
    for (std::size_t part = 0; part < height; ++part) {
      line.clear();
      for (std::size_t i = 0; i < columns.size(); ++i) {
        const std::string text = part < cells[i].size() ? cells[i][part] : "";
        const auto tone = tone_of(columns[i].name, text);
        const std::string shown = tone ? toned(text, *tone, style) : text;
        line += shown;
        line.append(columns[i].width - std::min(columns[i].width, width_of(text)) + kGap, ' ');
      }
      trim_right(line);
      out += line + "\n";
    }
  }
  return out;
}

std::string record(const Json& json, const TableStyle& style, std::size_t indent) {
  const JsonObject* members = json.as_object();
  if (members == nullptr) return std::string(indent, ' ') + cell("", json) + "\n";
  std::size_t names = 0;
  for (const JsonMember& m : *members) names = std::max(names, width_of(label(printable(m.first))));
  std::string out;
  for (const JsonMember& m : *members) {
    const std::string name = label(printable(m.first));
    const JsonArray* items = m.second.as_array();
    const bool nested_list = items != nullptr && !items->empty() && items->front().as_object();
    out.append(indent, ' ');
    if (m.second.as_object() != nullptr && !m.second.as_object()->empty()) {
      out += toned(name, Tone::kDim, style) + "\n" + record(m.second, style, indent + 2);
    } else if (nested_list) {
      out += toned(name, Tone::kDim, style) + "\n";
      bool first = true;
      for (const Json& item : *items) {
        if (!first) out += '\n';
        out += record(item, style, indent + 2);
        first = false;
      }
    } else {
      out += toned(padded(name, names), Tone::kDim, style);
      const std::string* text = m.second.as_string();
      if (text != nullptr && text->find('\n') != std::string::npos) {
        // A text of several lines keeps them, indented below its name.
        std::string_view rest = *text;
        trim_right(out);
        out += '\n';
        while (!rest.empty()) {
          const std::size_t end = std::min(rest.find('\n'), rest.size());
          out.append(indent + 2, ' ');
          out += printable_lines(rest.substr(0, end)) + "\n";
          rest.remove_prefix(std::min(end + 1, rest.size()));
        }
        continue;
      }
      std::string shown = cell(m.first, m.second);
      if (shown.empty()) shown = "(none)";  // nothing looks forgotten
      const std::size_t used = indent + names + kGap;
      const std::size_t left =
          style.width > used + kLeastColumn ? style.width - used : std::string::npos;
      bool first = true;
      for (const std::string& line : wrap(shown, left)) {
        out.append(first ? kGap : used, ' ');
        out += line + "\n";
        first = false;
      }
    }
  }
  return out;
}

}  // namespace writ::cmd
