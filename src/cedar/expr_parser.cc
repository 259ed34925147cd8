// Expressions:
//
//   Expr     := Or | 'if' Expr 'then' Expr 'else' Expr
//   Or       := And {'||' And}                And  := Relation {'&&' Relation}
//   Relation := Sum [RelOp Sum | 'has' (Ident {'.' Ident} | Str) | 'like' Str
//                    | 'is' Name ['in' Sum]]
//   Sum      := Product {('+' | '-') Product} Product := Unary {'*' Unary}
//   Unary    := ['!' | '-']x4 Member          Member  := Primary {Access}
//   Access   := '.' Ident ['(' List ')'] | '[' Str ']'
//   Primary  := Literal | Variable | Name '::' Str | Name '(' List ')' | '(' Expr ')'
//             | '[' List ']' | '{' Record '}'
#include <algorithm>
#include <charconv>

#include "cedar/parser.h"
#include "cedar/text.h"

namespace writ::cedar {
namespace {

constexpr std::string_view kTooDeep = "this is nested too deeply; the limit is 200 levels";
static_assert(kMaxDepth == 200);

std::optional<Op> relation_named(std::string_view text) {
  if (text == "==") return Op::kEqual;
  if (text == "!=") return Op::kNotEqual;
  if (text == "<") return Op::kLess;
  if (text == "<=") return Op::kLessEqual;
  if (text == ">") return Op::kGreater;
  if (text == ">=") return Op::kGreaterEqual;
  if (text == "in") return Op::kIn;
  return std::nullopt;
}

// Counts one level of recursion while it lives.
class Level {
 public:
  explicit Level(std::uint32_t& count) : count_(count) { ++count_; }
  ~Level() { --count_; }
  Level(const Level&) = delete;
  Level& operator=(const Level&) = delete;

 private:
  std::uint32_t& count_;
};

std::vector<Expr> pair(Expr a, Expr b) {
  std::vector<Expr> args;
  args.reserve(2);
  args.push_back(std::move(a));
  args.push_back(std::move(b));
  return args;
}

std::vector<Expr> single(Expr a) {
  std::vector<Expr> args;
  args.push_back(std::move(a));
  return args;
}

}  // namespace

Status Parser::want_end() {
  if (at_end()) return {};
  return unexpected("the end of the text");
}

Result<std::string> Parser::type_name() {
  TRY(name, identifier("an entity type"));
  while (sees("::") && peek(1).kind == TokenKind::kIdent) {
    take();
    TRY(part, identifier("part of an entity type"));
    name += "::" + part;
  }
  return name;
}

Result<EntityUid> Parser::uid() {
  TRY(type, type_name());
  if (!sees("::")) return unexpected("`::` and the entity's id in quotes");
  take();
  TRY(id, string_literal());
  return EntityUid(type, id);
}

Result<Expr> Parser::node(Op op, std::uint32_t begin, std::vector<Expr> args,
                          std::vector<std::string> names) {
  Expr expr;
  expr.op = op;
  expr.begin = begin;
  expr.end = last_end();
  for (const Expr& arg : args) {
    expr.depth = std::max(expr.depth, static_cast<std::uint16_t>(arg.depth + 1));
  }
  expr.args = std::move(args);
  expr.names = std::move(names);
  if (expr.depth > kMaxDepth) {
    return tl::unexpected<Error>(source_->error(begin, kTooDeep));
  }
  return expr;
}

Result<Expr> Parser::expression() {
  if (nesting_ >= kMaxDepth) return refuse(peek(), kTooDeep);
  const Level level(nesting_);
  if (!sees("if")) return logical(true);
  const std::uint32_t begin = take().begin;
  std::vector<Expr> args;
  TRY(condition, expression());
  args.push_back(std::move(condition));
  CHECK_OK(want("then", "after the condition"));
  TRY(then, expression());
  args.push_back(std::move(then));
  CHECK_OK(want("else", "after the first branch"));
  TRY(otherwise, expression());
  args.push_back(std::move(otherwise));
  return node(Op::kIf, begin, std::move(args));
}

Result<Expr> Parser::logical(bool any) {
  TRY(first, any ? logical(false) : relation());
  const std::string_view sign = any ? "||" : "&&";
  if (!sees(sign)) return first;
  const std::uint32_t begin = first.begin;
  std::vector<Expr> args = single(std::move(first));
  while (accept(sign)) {
    TRY(next, any ? logical(false) : relation());
    args.push_back(std::move(next));
  }
  return node(any ? Op::kOr : Op::kAnd, begin, std::move(args));
}

Result<Expr> Parser::relation() {
  TRY(left, sum());
  if (peek().kind == TokenKind::kSign || peek().kind == TokenKind::kIdent) {
    return relation_to(std::move(left));
  }
  return left;
}

Result<Expr> Parser::relation_to(Expr left) {
  const std::uint32_t begin = left.begin;
  const Token& sign = peek();
  const std::string_view word = text(sign);
  std::optional<Expr> made;
  if (const std::optional<Op> op = relation_named(word)) {
    take();
    TRY(right, sum());
    TRY(relation, node(*op, begin, pair(std::move(left), std::move(right))));
    made = std::move(relation);
  } else if (word == "has" || word == "like" || word == "is") {
    take();
    TRY(relation, word == "has"    ? has(std::move(left))
                  : word == "like" ? like(std::move(left))
                                   : is(std::move(left)));
    made = std::move(relation);
  } else if (word == "=") {
    return refuse(sign, "`=` is no operator; equality is `==`");
  } else {
    return left;
  }
  const std::string_view next = text(peek());
  if (relation_named(next) || next == "has" || next == "like" || next == "is") {
    return refuse(peek(), "relations do not chain; use parentheses to say which comes first");
  }
  return std::move(*made);
}

Result<Expr> Parser::has(Expr left) {
  const std::uint32_t begin = left.begin;
  std::vector<std::string> path;
  if (peek().kind == TokenKind::kString) {
    TRY(attribute, string_literal());
    path.push_back(std::move(attribute));
  } else {
    do {
      TRY(attribute, identifier("an attribute name"));
      path.push_back(std::move(attribute));
    } while (accept("."));
  }
  if (sees("(") || sees("[") || sees("::")) return unexpected("the end of `has`");
  return node(Op::kHas, begin, single(std::move(left)), std::move(path));
}

Result<Expr> Parser::like(Expr left) {
  const std::uint32_t begin = left.begin;
  const Token& token = peek();
  if (token.kind != TokenKind::kString) return unexpected("a pattern in quotes");
  const std::string_view raw = text(token);
  UnescapedPattern pattern = unescape_pattern(raw.substr(1, raw.size() - 2));
  if (!pattern.pieces) {
    const auto at = token.begin + 1 + static_cast<std::uint32_t>(pattern.bad);
    return tl::unexpected<Error>(source_->error(at, "this escape or character cannot stand here"));
  }
  take();
  return node(Op::kLike, begin, single(std::move(left)), std::move(*pattern.pieces));
}

Result<Expr> Parser::is(Expr left) {
  const std::uint32_t begin = left.begin;
  TRY(type, type_name());
  if (sees("::")) return unexpected("an entity type, not an entity");
  if (!accept("in")) return node(Op::kIs, begin, single(std::move(left)), {std::move(type)});
  TRY(right, sum());
  return node(Op::kIsIn, begin, pair(std::move(left), std::move(right)), {std::move(type)});
}

Result<Expr> Parser::sum() {
  TRY(left, product());
  while (sees("+") || sees("-")) {
    const Op op = text(take()) == "+" ? Op::kAdd : Op::kSubtract;
    TRY(right, product());
    const std::uint32_t begin = left.begin;
    TRY(both, node(op, begin, pair(std::move(left), std::move(right))));
    left = std::move(both);
  }
  return left;
}

Result<Expr> Parser::product() {
  TRY(left, unary());
  while (sees("*") || sees("/") || sees("%")) {
    if (!sees("*")) {
      return refuse(peek(), "Cedar has no division and no remainder");
    }
    take();
    TRY(right, unary());
    const std::uint32_t begin = left.begin;
    TRY(both, node(Op::kMultiply, begin, pair(std::move(left), std::move(right))));
    left = std::move(both);
  }
  return left;
}

Result<Expr> Parser::unary() {
  constexpr std::size_t kMost = 4;
  std::vector<std::uint32_t> signs;
  const bool negation = sees("-");
  const std::string_view sign = negation ? "-" : "!";
  while (sees(sign)) {
    if (signs.size() == kMost) {
      return refuse(peek(), "at most four `" + std::string(sign) + "` may stand in a row");
    }
    signs.push_back(take().begin);
  }
  // The last minus belongs to a number, so that the smallest integer can be written.
  const auto is_bare_number = [&] {
    return peek().kind == TokenKind::kNumber && !sees(".", 1) && !sees("[", 1) && !sees("(", 1);
  };
  std::optional<Expr> made;
  if (negation && is_bare_number()) {
    TRY(literal, number(take(), true));
    literal.begin = signs.back();
    signs.pop_back();
    made = std::move(literal);
  } else {
    TRY(inner, member());
    made = std::move(inner);
  }
  for (; !signs.empty(); signs.pop_back()) {
    TRY(outer, node(negation ? Op::kNegate : Op::kNot, signs.back(), single(std::move(*made))));
    made = std::move(outer);
  }
  return std::move(*made);
}

Result<Expr> Parser::number(const Token& token, bool negative) {
  const std::string_view digits = text(token);
  std::uint64_t size = 0;
  const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), size);
  const std::uint64_t most = (std::uint64_t{1} << 63) - (negative ? 0 : 1);
  if (read.ec != std::errc() || size > most) {
    return refuse(token, "this integer does not fit in 64 signed bits");
  }
  TRY(literal, node(Op::kLiteral, token.begin, {}));
  literal.value = Value::integer(static_cast<std::int64_t>(negative ? 0 - size : size));
  return literal;
}

Result<Expr> Parser::member() {
  TRY(expr, primary());
  const std::uint32_t begin = expr.begin;
  for (;;) {
    if (accept(".")) {
      if (sees("(", 1)) {
        const Token& name = peek();
        CHECK_OK(identifier("a method"));
        TRY(called, call(std::move(expr), name));
        expr = std::move(called);
        continue;
      }
      TRY(attribute, identifier("an attribute name"));
      TRY(got, node(Op::kGet, begin, single(std::move(expr)), {std::move(attribute)}));
      expr = std::move(got);
    } else if (accept("[")) {
      TRY(attribute, string_literal());
      CHECK_OK(want("]", "after the attribute"));
      TRY(got, node(Op::kGet, begin, single(std::move(expr)), {std::move(attribute)}));
      expr = std::move(got);
    } else if (sees("(")) {
      return refuse(peek(), "this cannot be called; only functions and methods can");
    } else {
      return expr;
    }
  }
}

Result<Expr> Parser::call(std::optional<Expr> receiver, const Token& name) {
  const std::string word(text(name));
  const std::optional<Function> function = function_named(word);
  if (!function) {
    return refuse(
        name, "there is no " + std::string(receiver ? "method" : "function") + " `" + word + "`");
  }
  const FunctionForm& form = form_of(*function);
  if (form.method != receiver.has_value()) {
    return refuse(name, form.method ? "`" + word + "` is a method: write VALUE." + word + "(…)"
                                    : "`" + word + "` is a function: write " + word + "(…)");
  }
  CHECK_OK(want("(", "after `" + word + "`"));
  const std::uint32_t begin = receiver ? receiver->begin : name.begin;
  TRY(args, list(")"));
  if (receiver) args.insert(args.begin(), std::move(*receiver));
  // Extension functions check their arguments when they are evaluated, as Cedar does.
  if (!form.extension && args.size() != form.args) {
    return refuse(name, "`" + word + "` takes " + std::to_string(form.args - 1) +
                            (form.args == 2 ? " argument" : " arguments") + ", not " +
                            std::to_string(args.size() - 1));
  }
  TRY(made, node(Op::kCall, begin, std::move(args)));
  made.function = *function;
  return made;
}

Result<std::vector<Expr>> Parser::list(std::string_view close) {
  std::vector<Expr> items;
  while (!accept(close)) {
    TRY(item, expression());
    items.push_back(std::move(item));
    if (accept(close)) break;
    if (!accept(",")) return unexpected("`,` or `" + std::string(close) + "`");
  }
  return items;
}

Result<Expr> Parser::record(std::uint32_t begin) {
  std::vector<std::string> names;
  std::vector<Expr> values;
  while (!accept("}")) {
    const Token& key = peek();
    TRY(name, key.kind == TokenKind::kString ? string_literal() : identifier("an attribute name"));
    CHECK_OK(want(":", "after the attribute name"));
    TRY(value, expression());
    names.push_back(std::move(name));
    values.push_back(std::move(value));
    if (accept("}")) break;
    if (!accept(",")) return unexpected("`,` or `}`");
  }
  std::vector<std::string> sorted = names;
  std::sort(sorted.begin(), sorted.end());
  const auto twice = std::adjacent_find(sorted.begin(), sorted.end());
  if (twice != sorted.end()) {
    return tl::unexpected<Error>(
        source_->error(begin, "the attribute `" + *twice + "` stands twice in this record"));
  }
  return node(Op::kRecord, begin, std::move(values), std::move(names));
}

Result<Expr> Parser::primary() {
  const Token& token = peek();
  if (token.kind == TokenKind::kNumber) return number(take(), false);
  if (token.kind == TokenKind::kString) {
    TRY(value, string_literal());
    TRY(literal, node(Op::kLiteral, token.begin, {}));
    literal.value = Value::string(value);
    return literal;
  }
  if (token.kind == TokenKind::kSlot) {
    return refuse(token, "a slot can stand only in the scope, for the whole entity");
  }
  if (token.kind == TokenKind::kIdent) return name();
  if (accept("(")) {
    TRY(inner, expression());
    CHECK_OK(want(")", "to close the parenthesis"));
    inner.begin = token.begin;
    inner.end = last_end();
    return inner;
  }
  if (accept("[")) {
    TRY(items, list("]"));
    return node(Op::kSet, token.begin, std::move(items));
  }
  if (accept("{")) return record(token.begin);
  return unexpected("an expression");
}

Result<Expr> Parser::name() {
  const Token& token = peek();
  const std::string_view word = text(token);
  if (word == "true" || word == "false") {
    take();
    TRY(literal, node(Op::kLiteral, token.begin, {}));
    literal.value = Value::boolean(word == "true");
    return literal;
  }
  if (word == "if") {
    return refuse(token, "an `if` inside another expression needs parentheses around it");
  }
  if (sees("::", 1)) {
    TRY(entity, uid());
    TRY(literal, node(Op::kLiteral, token.begin, {}));
    literal.value = Value::entity(entity);
    return literal;
  }
  CHECK_OK(identifier("a variable"));
  if (sees("(")) return call(std::nullopt, token);
  if (word == "principal") return node(Op::kPrincipal, token.begin, {});
  if (word == "action") return node(Op::kAction, token.begin, {});
  if (word == "resource") return node(Op::kResource, token.begin, {});
  if (word == "context") return node(Op::kContext, token.begin, {});
  return refuse(token, "there is no variable `" + std::string(word) +
                           "`; variables are principal, action, resource and context, and text "
                           "stands in quotes");
}

}  // namespace writ::cedar
