// The parser of policies and expressions: recursive descent over tokens.
// https://docs.cedarpolicy.com/policies/syntax-grammar.html
// Invariant: it recurses at most kMaxDepth expressions deep, and makes no tree deeper than that.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cedar/token_reader.h"

namespace writ::cedar {

class Parser : public TokenReader {
 public:
  using TokenReader::TokenReader;

  // One policy or template, without id.
  Result<Policy> policy();
  Result<Expr> expression();
  // `Type::"id"`.
  Result<EntityUid> uid();
  Status want_end();

 private:
  // policy_parser.cc
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

  std::uint32_t nesting_ = 0;
};

}  // namespace writ::cedar
