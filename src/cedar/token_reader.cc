#include "cedar/token_reader.h"

#include <algorithm>
#include <set>

#include "cedar/text.h"

namespace writ::cedar {

bool TokenReader::sees(std::string_view text_of_token, std::size_t ahead) const {
  const Token& token = peek(ahead);
  return (token.kind == TokenKind::kSign || token.kind == TokenKind::kIdent) &&
         text(token) == text_of_token;
}

bool TokenReader::accept(std::string_view text_of_token) {
  if (!sees(text_of_token)) return false;
  take();
  return true;
}

tl::unexpected<Error> TokenReader::refuse(const Token& token, std::string_view message) const {
  return tl::unexpected<Error>(source_->error(token.begin, message));
}

tl::unexpected<Error> TokenReader::unexpected(std::string_view what) const {
  const Token& token = peek();
  std::string found = "the end of the text";
  if (token.kind != TokenKind::kEnd) {
    found = "`" + std::string(shorten(text(token), 40)) + "`";
    std::replace(found.begin(), found.end(), '\n', ' ');
  }
  return refuse(token, "wanted " + std::string(what) + ", found " + found);
}

Status TokenReader::want(std::string_view text_of_token, std::string_view after) {
  if (accept(text_of_token)) return {};
  std::string what = "`" + std::string(text_of_token) + "`";
  if (!after.empty()) what += " " + std::string(after);
  return unexpected(what);
}

Result<std::string> TokenReader::identifier(std::string_view what) {
  const Token& token = peek();
  if (token.kind != TokenKind::kIdent) return unexpected(what);
  const std::string_view word = text(token);
  if (is_reserved(word)) {
    return refuse(
        token, "`" + std::string(word) + "` is a reserved word and cannot be " + std::string(what));
  }
  return std::string(text(take()));
}

Result<std::string> TokenReader::string_literal() {
  const Token& token = peek();
  if (token.kind != TokenKind::kString) return unexpected("a string in quotes");
  const std::string_view raw = text(token);
  Unescaped unescaped = unescape(raw.substr(1, raw.size() - 2));
  if (!unescaped.text) {
    const auto at = token.begin + 1 + static_cast<std::uint32_t>(unescaped.bad);
    return tl::unexpected<Error>(source_->error(at, "this escape or character cannot stand here"));
  }
  take();
  return std::move(*unescaped.text);
}

Result<std::vector<Annotation>> TokenReader::annotations() {
  std::vector<Annotation> made;
  std::set<std::string_view> names;
  while (sees("@")) {
    const Token& at = take();
    if (peek().kind != TokenKind::kIdent) return unexpected("the annotation's name");
    const std::string_view name = text(take());
    Annotation annotation{std::string(name), {}, at.begin};
    if (accept("(")) {
      TRY(value, string_literal());
      annotation.value = std::move(value);
      annotation.given = true;
      CHECK_OK(want(")", "after the annotation's value"));
    }
    if (!names.insert(name).second) {
      return refuse(at, "the annotation @" + annotation.name + " stands twice");
    }
    made.push_back(std::move(annotation));
  }
  return made;
}

}  // namespace writ::cedar
