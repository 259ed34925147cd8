#include "prove/sexpr.h"

#include <cctype>

namespace writ::prove {
namespace {

bool ends_atom(char c) {
  return c == '(' || c == ')' || c == '"' || c == ';' ||
         std::isspace(static_cast<unsigned char>(c)) != 0;
}

}  // namespace

Result<std::vector<Sexpr>> parse_sexprs(std::string_view text) {
  // The lists that are open, outermost first; the first is the whole.
  std::vector<Sexpr> open(1);
  open[0].is_list = true;
  for (std::size_t i = 0; i < text.size();) {
    const char c = text[i];
    if (std::isspace(static_cast<unsigned char>(c)) != 0) {
      ++i;
    } else if (c == ';') {
      while (i < text.size() && text[i] != '\n') ++i;
    } else if (c == '(') {
      if (open.size() > kMaxSexprDepth) return fail(Code::kCorrupt, "too deeply nested");
      open.emplace_back().is_list = true;
      ++i;
    } else if (c == ')') {
      if (open.size() == 1) return fail(Code::kCorrupt, "a `)` too many");
      Sexpr done = std::move(open.back());
      open.pop_back();
      open.back().items.push_back(std::move(done));
      ++i;
    } else if (c == '"') {
      Sexpr made;
      made.is_text = true;
      for (++i;; ++i) {
        if (i >= text.size()) return fail(Code::kCorrupt, "a string without its end");
        if (text[i] == '"') {
          if (i + 1 >= text.size() || text[i + 1] != '"') break;
          ++i;
        }
        made.atom += text[i];
      }
      ++i;
      open.back().items.push_back(std::move(made));
    } else if (c == '|') {
      const std::size_t end = text.find('|', i + 1);
      if (end == std::string_view::npos) return fail(Code::kCorrupt, "a symbol without its end");
      open.back().items.push_back({std::string(text.substr(i, end + 1 - i)), false, false, {}});
      i = end + 1;
    } else {
      const std::size_t start = i;
      while (i < text.size() && !ends_atom(text[i])) ++i;
      open.back().items.push_back({std::string(text.substr(start, i - start)), false, false, {}});
    }
  }
  if (open.size() > 1) return fail(Code::kCorrupt, "a `(` without its end");
  return std::move(open[0].items);
}

std::string print(const Sexpr& sexpr) {
  if (sexpr.is_text) {
    std::string made = "\"";
    for (const char c : sexpr.atom) made += c == '"' ? std::string("\"\"") : std::string(1, c);
    return made + "\"";
  }
  if (!sexpr.is_list) return sexpr.atom;
  std::string made = "(";
  for (const Sexpr& each : sexpr.items) made += (made.size() > 1 ? " " : "") + print(each);
  return made + ")";
}

}  // namespace writ::prove
