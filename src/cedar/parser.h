// The parser of policies and expressions: recursive descent over tokens.
// https://docs.cedarpolicy.com/policies/syntax-grammar.html
// Invariant: it recurses at most kMaxDepth expressions deep, and makes no tree deeper than that.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cedar/lexer.h"
#include "cedar/policy.h"

namespace writ::cedar {

class Parser {
 public:
  // `tokens` are of `source`.
  Parser(std::shared_ptr<const Source> source, std::vector<Token> tokens)
      : source_(std::move(source)), tokens_(std::move(tokens)) {}

  bool at_end() const { return peek().kind == TokenKind::kEnd; }
  // One policy or template, without id.
  Result<Policy> policy();
  Result<Expr> expression();
  // `Type::"id"`.
  Result<EntityUid> uid();
  Status want_end();

 private:
  // policy_parser.cc
  Result<Annotation> annotation();
  enum class Part { kPrincipal, kAction, kResource };
  Result<Constraint> constraint(Part part);
  Status constraint_uid(Part part, Constraint& into);
  Result<Condition> condition();

  // expr_parser.cc
  Result<Expr> logical(bool any);
  Result<Expr> relation();
  Result<Expr> relation_to(Expr left);
  Result<Expr> sum();
  Result<Expr> product();
  Result<Expr> unary();
  Result<Expr> member();
  Result<Expr> primary();
  Result<Expr> name();
  Result<Expr> call(std::optional<Expr> receiver, const Token& name);
  Result<std::vector<Expr>> list(std::string_view close);
  Result<Expr> record(std::uint32_t begin);
  Result<Expr> has(Expr left);
  Result<Expr> like(Expr left);
  Result<Expr> is(Expr left);
  Result<Expr> number(const Token& token, bool negative);
  Result<Expr> node(Op op, std::uint32_t begin, std::vector<Expr> args,
                    std::vector<std::string> names = {});

  // Both.
  Result<std::string> type_name();
  Result<std::string> identifier(std::string_view what);  // not a reserved one
  Result<std::string> string_literal();

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
  bool sees(std::string_view text_of_token, std::size_t ahead = 0) const;
  bool accept(std::string_view text_of_token);
  Status want(std::string_view text_of_token, std::string_view after);
  tl::unexpected<Error> refuse(const Token& token, std::string_view message) const;
  // "wanted WHAT, found `x`", at the next token.
  tl::unexpected<Error> unexpected(std::string_view what) const;

  std::shared_ptr<const Source> source_;
  std::vector<Token> tokens_;
  std::size_t next_ = 0;
  std::uint32_t nesting_ = 0;
};

}  // namespace writ::cedar
