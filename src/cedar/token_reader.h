// Tokens taken one after the other, with errors that say where: what the parsers of policies and of
// schemas have in common.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cedar/lexer.h"
#include "cedar/policy.h"

namespace writ::cedar {

class TokenReader {
 public:
  // `tokens` are of `source`.
  TokenReader(std::shared_ptr<const Source> source, std::vector<Token> tokens)
      : source_(std::move(source)), tokens_(std::move(tokens)) {}

  bool at_end() const { return peek().kind == TokenKind::kEnd; }

 protected:
  // At the end always the last token, of kind kEnd.
  const Token& peek(std::size_t ahead = 0) const {
    return tokens_[std::min(next_ + ahead, tokens_.size() - 1)];
  }
  const Token& take() {
    const Token& token = peek();
    if (next_ + 1 < tokens_.size()) ++next_;
    return token;
  }
  std::uint32_t last_end() const { return next_ == 0 ? 0 : tokens_[next_ - 1].end; }
  std::string_view text(const Token& token) const {
    return std::string_view(source_->text()).substr(token.begin, token.end - token.begin);
  }
  // Of signs and names, never of strings.
  bool sees(std::string_view text_of_token, std::size_t ahead = 0) const;
  bool accept(std::string_view text_of_token);

  tl::unexpected<Error> refuse(const Token& token, std::string_view message) const;
  // "wanted WHAT, found `x`", at the next token.
  tl::unexpected<Error> unexpected(std::string_view what) const;
  // `after` says where it is missing.
  Status want(std::string_view text_of_token, std::string_view after = {});

  Result<std::string> identifier(std::string_view what);  // not a reserved one
  Result<std::string> string_literal();
  // {'@' Ident ['(' Str ')']}, each name once.
  Result<std::vector<Annotation>> annotations();

  std::shared_ptr<const Source> source_;
  std::vector<Token> tokens_;
  std::size_t next_ = 0;
};

}  // namespace writ::cedar
