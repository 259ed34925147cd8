// Walks the tokens by the grammar of policies, which the text is known to keep to, and says where
// lines may break. A token carries its comments: those on lines of their own before it, and one
// that ends its line.
#include "cedar/format.h"

#include <algorithm>
#include <array>
#include <optional>

#include "cedar/layout.h"
#include "cedar/lexer.h"
#include "cedar/policy.h"

namespace writ::cedar {
namespace {

using Doc = Layout::Doc;

struct Piece {
  TokenKind kind = TokenKind::kEnd;
  std::string_view text;
  std::vector<std::string_view> before;  // comments
  std::string_view after;                // a comment; empty for none
};

// The comments in the space between two tokens.
std::vector<std::string_view> comments_in(std::string_view gap) {
  std::vector<std::string_view> made;
  for (std::size_t at = gap.find("//"); at != std::string_view::npos; at = gap.find("//", at)) {
    const std::size_t end = std::min(gap.find_first_of("\r\n", at), gap.size());
    made.push_back(without_space_behind(gap.substr(at, end - at)));
    at = end;
  }
  return made;
}

// The tokens with their comments; the last is the end, with those after everything.
std::vector<Piece> pieces_of(std::string_view text, const std::vector<Token>& tokens) {
  std::vector<Piece> made;
  std::size_t end = 0;
  for (const Token& token : tokens) {
    std::string_view gap = text.substr(end, token.begin - end);
    if (!made.empty()) {
      const std::size_t line = std::min(gap.find_first_of("\r\n"), gap.size());
      const std::vector<std::string_view> same_line = comments_in(gap.substr(0, line));
      if (!same_line.empty()) made.back().after = same_line.front();
      gap.remove_prefix(line);
    }
    made.push_back(
        {token.kind, text.substr(token.begin, token.end - token.begin), comments_in(gap), {}});
    end = token.end;
  }
  return made;
}

class Formatter {
 public:
  Formatter(std::vector<Piece> pieces, const FormatOptions& options)
      : pieces_(std::move(pieces)), options_(options) {}

  std::string run() {
    std::string out;
    while (peek().kind != TokenKind::kEnd) {
      if (!out.empty()) out += "\n\n";
      const Doc doc = policy();
      out += without_empty_lines(layout_.render(doc, options_.line_width));
    }
    if (!out.empty()) out += '\n';
    for (const std::string_view comment : peek().before) out += std::string(comment) + "\n";
    return out;
  }

 private:
  const Piece& peek(std::size_t ahead = 0) const {
    return pieces_[std::min(next_ + ahead, pieces_.size() - 1)];
  }
  bool sees(std::string_view text, std::size_t ahead = 0) const {
    return peek(ahead).kind != TokenKind::kString && peek(ahead).text == text;
  }

  Doc join(std::vector<Doc> docs) { return layout_.join(std::move(docs)); }
  Doc group(std::vector<Doc> docs) { return layout_.group(join(std::move(docs))); }
  Doc nest(std::vector<Doc> docs) {
    return layout_.nest(options_.indent_width, join(std::move(docs)));
  }

  // The comments on lines of their own before the next token, once.
  Doc before() {
    Piece& piece = pieces_[next_];
    if (piece.before.empty()) return layout_.nil();
    std::vector<Doc> docs;
    for (const std::string_view comment : piece.before) {
      docs.push_back(layout_.hard_line());
      docs.push_back(layout_.text(comment));
    }
    docs.push_back(layout_.hard_line());
    piece.before.clear();
    return join(std::move(docs));
  }

  // Takes the next token's text alone; its last comment, or `otherwise`, is after(otherwise).
  Doc bare() { return layout_.text(pieces_[next_++].text); }
  Doc after(Doc otherwise) {
    const std::string_view comment = pieces_[next_ - 1].after;
    if (comment.empty()) return otherwise;
    return join({layout_.space(), layout_.text(comment), layout_.hard_line()});
  }

  // Takes the next token with its comments.
  Doc take(Doc otherwise) {
    const Doc comments = before();
    const Doc text = bare();
    return join({comments, text, after(otherwise)});
  }
  Doc take() { return take(layout_.nil()); }

  // The comments of a comma that is left out.
  Doc drop() {
    const Doc comments = before();
    ++next_;
    return join({comments, after(layout_.nil())});
  }

  Doc policy() {
    std::vector<Doc> docs;
    while (sees("@")) docs.push_back(annotation());
    docs.push_back(before());
    const Doc effect = bare();
    const Doc effect_comment = after(layout_.nil());
    docs.push_back(group({effect, effect_comment, layout_.line(), take()}));
    docs.push_back(scope());
    const bool more = !sees(";", 1);
    docs.push_back(take(more ? layout_.hard_line() : layout_.nil()));
    for (bool first = true; !sees(";"); first = false) {
      if (!first) docs.push_back(layout_.hard_line());
      docs.push_back(condition());
    }
    docs.push_back(take());
    return join(std::move(docs));
  }

  Doc annotation() {
    std::vector<Doc> docs{take(), take()};
    if (sees("(")) {
      docs.push_back(take());
      docs.push_back(take());
      docs.push_back(take(layout_.hard_line()));
    } else {
      docs.push_back(layout_.hard_line());
    }
    return join(std::move(docs));
  }

  Doc scope() {
    // All three variables alone: `principal, action, resource` and a comma perhaps.
    const bool plain =
        sees(",", 1) && sees(",", 3) && (sees(")", 5) || (sees(",", 5) && sees(")", 6)));
    std::vector<Doc> docs;
    for (int i = 0; i < 3; ++i) {
      docs.push_back(variable());
      if (i < 2) docs.push_back(take(plain ? layout_.space() : layout_.hard_line()));
    }
    if (sees(",")) docs.push_back(drop());
    if (plain) return layout_.group(nest(std::move(docs)));
    return join({nest({layout_.hard_line(), join(std::move(docs))}), layout_.hard_line()});
  }

  Doc variable() {
    const Doc comments = before();
    const Doc name = bare();
    const Doc name_comment = after(layout_.nil());
    Doc type = layout_.nil();
    if (sees("is")) {
      const Doc word = group({layout_.line(), take()});
      type = layout_.group(nest({word, layout_.line(), path()}));
    }
    if (sees(",") || sees(")")) return join({comments, name, name_comment, type});
    const Doc left = group({name, name_comment, type, layout_.line(), take()});
    return join({comments, group({left, nest({layout_.line(), expression()})})});
  }

  Doc condition() {
    const Doc comments = before();
    const Doc word = bare();
    const Doc word_comment = after(layout_.line());
    const Doc brace_comments = before();
    const Doc brace = bare();
    const Doc brace_comment = after(layout_.line());
    const Doc first_comments = before();
    const Doc body = layout_.group(expression());
    const Doc inside = nest({brace_comment, first_comments, body});
    const Doc close = take();
    const Doc block = group({inside, layout_.line(), close});
    return join({comments, group({word, word_comment, brace_comments, brace, block})});
  }

  Doc expression() {
    if (!sees("if")) return logical(true);
    const Doc test_word = take();
    const Doc test = nest({layout_.line(), expression()});
    const Doc then_word = take();
    const Doc then = nest({layout_.line(), expression()});
    const Doc else_word = take();
    const Doc otherwise = nest({layout_.line(), expression()});
    return group(
        {test_word, test, layout_.line(), then_word, then, layout_.line(), else_word, otherwise});
  }

  // Breaks after each operator or none, with the group around.
  Doc logical(bool any) {
    std::vector<Doc> docs{any ? logical(false) : relation()};
    while (sees(any ? "||" : "&&")) {
      docs.push_back(layout_.space());
      docs.push_back(take(layout_.line()));
      docs.push_back(any ? logical(false) : relation());
    }
    return join(std::move(docs));
  }

  Doc relation() {
    constexpr std::array<std::string_view, 7> kSigns{"==", "!=", "<", "<=", ">", ">=", "in"};
    const Doc left = sum();
    if (std::any_of(kSigns.begin(), kSigns.end(), [&](auto sign) { return sees(sign); })) {
      const Doc sign = take();
      return join({left, layout_.space(), sign, layout_.space(), sum()});
    }
    if (sees("has") || sees("like")) {
      const Doc word = take();
      return group({left, layout_.line(), word, layout_.line(), nest({sum()})});
    }
    if (!sees("is")) return left;
    const Doc word = take();
    const Doc type = nest({path()});
    std::vector<Doc> docs{left, layout_.space(), word, layout_.space(), type};
    if (sees("in")) {
      const Doc in = take();
      const Doc group_of = nest({sum()});
      docs.insert(docs.end(), {layout_.line(), in, layout_.space(), group_of});
    }
    return group(std::move(docs));
  }

  Doc sum() {
    std::vector<Doc> docs{product()};
    while (sees("+") || sees("-")) {
      docs.push_back(layout_.space());
      docs.push_back(take());
      docs.push_back(layout_.line());
      docs.push_back(product());
    }
    return group(std::move(docs));
  }

  Doc product() {
    std::vector<Doc> docs{unary()};
    while (sees("*")) {
      docs.push_back(layout_.space());
      docs.push_back(take());
      docs.push_back(layout_.line());
      docs.push_back(unary());
    }
    return group(std::move(docs));
  }

  Doc unary() {
    std::vector<Doc> docs;
    while (sees("!") || sees("-")) docs.push_back(take());
    docs.push_back(member());
    return join(std::move(docs));
  }

  Doc member() {
    const Doc item = primary();
    std::vector<Doc> accesses;
    while (sees(".") || sees("[") || sees("(")) {
      if (!accesses.empty()) accesses.push_back(layout_.soft_line());
      if (sees("(")) {
        accesses.push_back(arguments());
      } else if (sees(".")) {
        const Doc dot = take();
        accesses.push_back(join({dot, take()}));
      } else {
        const Doc open = take();
        const Doc name = take();
        accesses.push_back(join({open, name, take()}));
      }
    }
    return group({item, nest(std::move(accesses))});
  }

  Doc arguments() {
    const Doc open = take();
    if (sees(")")) return join({open, take()});
    const Doc args = nest({layout_.soft_line(), items(")")});
    return join({open, args, layout_.soft_line(), take()});
  }

  // Expressions with commas between, up to the closing bracket.
  Doc items(std::string_view close) {
    std::vector<Doc> docs;
    while (!sees(close)) {
      docs.push_back(close == "}" ? initializer() : expression());
      if (!sees(",")) break;
      if (sees(close, 1)) {
        docs.push_back(drop());
        break;
      }
      docs.push_back(take());
      docs.push_back(layout_.line());
    }
    return join(std::move(docs));
  }

  Doc initializer() {
    const Doc key = take();
    const Doc colon = take();
    return join({key, colon, layout_.space(), expression()});
  }

  Doc primary() {
    if (sees("(")) {
      const Doc open = take();
      const Doc inner = layout_.nest(1, expression());
      return group({open, inner, take()});
    }
    if (sees("[")) {
      const Doc open = take();
      const Doc inner = layout_.nest(1, items("]"));
      return join({open, inner, take()});
    }
    if (sees("{")) {
      const Doc open = take();
      if (sees("}")) return join({open, take()});
      const Doc inner = nest({layout_.line(), items("}")});
      const Doc body = group({inner, layout_.line()});
      return join({open, body, take()});
    }
    return path();
  }

  // A literal, a variable, a type, or an entity.
  Doc path() {
    std::vector<Doc> docs{take()};
    while (sees("::")) {
      docs.push_back(take());
      docs.push_back(take());
    }
    return join(std::move(docs));
  }

  // Comments bring empty lines and spaces at line ends; those in strings are the string's.
  static std::string without_empty_lines(const std::string& text) {
    std::string out;
    bool in_string = false;
    bool in_comment = false;
    std::size_t kept = 0;  // length that no trimming may touch
    const auto trim_end = [&] {
      while (out.size() > kept && (out.back() == ' ' || out.back() == '\n')) out.pop_back();
    };
    for (std::size_t i = 0; i < text.size(); ++i) {
      const char c = text[i];
      if (c == '\n' && !in_string) {
        in_comment = false;
        trim_end();
        if (!out.empty()) out += '\n';
        continue;
      }
      out += c;
      if (in_comment) continue;
      if (in_string) {
        kept = out.size();
        if (c == '\\' && i + 1 < text.size()) {
          out += text[++i];
          kept = out.size();
        } else if (c == '"') {
          in_string = false;
        }
      } else if (c == '"') {
        in_string = true;
      } else if (c == '/' && i + 1 < text.size() && text[i + 1] == '/') {
        in_comment = true;
      }
    }
    trim_end();
    return out;
  }

  std::vector<Piece> pieces_;
  const FormatOptions& options_;
  Layout layout_;
  std::size_t next_ = 0;
};

// All tokens but commas before a closing bracket, and all comments, each in their order.
struct Contents {
  std::vector<std::string_view> tokens;
  std::vector<std::string_view> comments;
  bool operator==(const Contents&) const = default;
};
Contents contents_of(const std::vector<Piece>& pieces) {
  Contents made;
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    const Piece& piece = pieces[i];
    made.comments.insert(made.comments.end(), piece.before.begin(), piece.before.end());
    if (!piece.after.empty()) made.comments.push_back(piece.after);
    const bool closes = i + 1 < pieces.size() && pieces[i + 1].kind == TokenKind::kSign &&
                        std::string_view(")]}").find(pieces[i + 1].text) != std::string_view::npos;
    if (piece.text != "," || !closes) made.tokens.push_back(piece.text);
  }
  return made;
}

}  // namespace

Result<std::string> format(std::string_view text, std::string_view file,
                           const FormatOptions& options) {
  CHECK_OK(PolicySet::parse(text, file));
  const Source source(file, text);
  TRY(tokens, tokenize(source));
  const std::vector<Piece> pieces = pieces_of(source.text(), tokens);
  std::string made = Formatter(pieces, options).run();
  const Source again(file, made);
  TRY(tokens_again, tokenize(again));
  if (!(contents_of(pieces) == contents_of(pieces_of(again.text(), tokens_again)))) {
    return fail(Code::kInternal, "the formatter would have changed the policies",
                std::string(file));
  }
  return made;
}

}  // namespace writ::cedar
