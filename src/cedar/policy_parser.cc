// Policies:
//
//   Policy     := {'@' Ident ['(' Str ')']} ('permit' | 'forbid')
//                 '(' Scope ',' Scope ',' Scope [','] ')' {Condition} ';'
//   Scope      := Variable ['is' Name ['in' Entity] | '==' Entity | 'in' Entity]
//   Entity     := Name '::' Str | Slot          for action also '[' {Entity ','} ']'
//   Condition  := ('when' | 'unless') '{' Expr '}'
#include <algorithm>
#include <map>

#include "cedar/parser.h"
#include "cedar/text.h"

namespace writ::cedar {
namespace {

bool is_action_type(std::string_view type) {
  return type == "Action" || type.ends_with("::Action");
}

}  // namespace

Result<Policy> Parser::policy() {
  Policy policy;
  policy.source = source_;
  policy.begin = peek().begin;
  TRY(given, annotations());
  policy.annotations = std::move(given);
  if (!sees("permit") && !sees("forbid")) return unexpected("`permit` or `forbid`");
  policy.effect = text(take()) == "permit" ? Effect::kPermit : Effect::kForbid;
  const auto scope_part = [&](Part part) -> Result<Constraint> {
    const std::uint32_t begin = peek().begin;
    TRY(made, constraint(part));
    made.begin = begin;
    made.end = last_end();
    return made;
  };
  CHECK_OK(want("(", "before the scope"));
  TRY(principal, scope_part(Part::kPrincipal));
  policy.principal = std::move(principal);
  CHECK_OK(want(",", "and the action"));
  TRY(action, scope_part(Part::kAction));
  policy.action = std::move(action);
  CHECK_OK(want(",", "and the resource"));
  TRY(resource, scope_part(Part::kResource));
  policy.resource = std::move(resource);
  accept(",");
  CHECK_OK(want(")", "after the scope"));
  std::vector<Condition> conditions;
  while (!accept(";")) {
    if (!sees("when") && !sees("unless")) {
      return unexpected("`when`, `unless`, or `;` at the policy's end");
    }
    TRY(made, condition());
    conditions.push_back(std::move(made));
  }
  policy.end = last_end();
  policy.conditions = std::make_shared<const std::vector<Condition>>(std::move(conditions));
  return policy;
}

Result<Constraint> Parser::constraint(Part part) {
  constexpr std::string_view kNames[] = {"principal", "action", "resource"};
  const std::string_view variable = kNames[static_cast<int>(part)];
  if (!accept(variable)) return unexpected("`" + std::string(variable) + "`");
  Constraint made;
  if (sees("is")) {
    if (part == Part::kAction) return refuse(peek(), "`is` cannot stand in the action's scope");
    take();
    TRY(type, type_name());
    made.type = std::move(type);
    made.shape = Constraint::Shape::kIs;
    if (sees("==")) return refuse(peek(), "`is` and `==` cannot stand together");
    if (!accept("in")) return made;
    made.shape = Constraint::Shape::kIsIn;
  } else if (accept("==")) {
    made.shape = Constraint::Shape::kEq;
  } else if (accept("in")) {
    made.shape = Constraint::Shape::kIn;
  } else {
    if (!sees(",") && !sees(")")) return unexpected("`==`, `in`, `is`, or the end of this part");
    return made;
  }
  CHECK_OK(constraint_uid(part, made));
  if (sees("is")) return refuse(peek(), "`is` must come before `in`");
  return made;
}

Status Parser::constraint_uid(Part part, Constraint& into) {
  std::size_t open = 0;
  const auto open_parentheses = [&] {
    while (accept("(")) ++open;
  };
  const auto close_parentheses = [&]() -> Status {
    for (; open > 0; --open) CHECK_OK(want(")", "to close the parenthesis"));
    return {};
  };
  const auto one = [&]() -> Status {
    const Token& token = peek();
    TRY(entity, uid());
    if (part == Part::kAction && !is_action_type(entity.type())) {
      return refuse(token, "an action's type is `Action`, in whatever namespace, not `" +
                               std::string(entity.type()) + "`");
    }
    into.uids.push_back(std::move(entity));
    return {};
  };
  open_parentheses();
  if (peek().kind == TokenKind::kSlot) {
    const std::string_view slot = part == Part::kPrincipal ? "?principal" : "?resource";
    if (part == Part::kAction) return refuse(peek(), "the action's scope has no slot");
    if (text(peek()) != slot) return unexpected("an entity or `" + std::string(slot) + "`");
    take();
    into.slot = true;
    return close_parentheses();
  }
  if (part == Part::kAction && into.shape == Constraint::Shape::kIn && accept("[")) {
    into.list = true;
    const std::size_t outside = std::exchange(open, 0);
    while (!accept("]")) {
      open_parentheses();
      CHECK_OK(one());
      CHECK_OK(close_parentheses());
      if (accept("]")) break;
      if (!accept(",")) return unexpected("`,` or `]`");
    }
    open = outside;
    return close_parentheses();
  }
  if (sees("[")) return refuse(peek(), "a list can stand only in `action in [...]`");
  CHECK_OK(one());
  return close_parentheses();
}

Result<Condition> Parser::condition() {
  Condition made;
  made.begin = peek().begin;
  made.unless = text(take()) == "unless";
  CHECK_OK(want("{", "before the condition"));
  if (sees("}")) return refuse(peek(), "a condition cannot be empty");
  TRY(expr, expression());
  made.expr = std::move(expr);
  CHECK_OK(want("}", "after the condition"));
  made.end = last_end();
  return made;
}

Result<EntityUid> EntityUid::parse(std::string_view text) {
  auto source = std::make_shared<const Source>("", text);
  TRY(tokens, tokenize(*source));
  Parser parser(std::move(source), std::move(tokens));
  TRY(uid, parser.uid());
  CHECK_OK(parser.want_end());
  return uid;
}

Result<ParsedExpr> parse_expr(std::string_view text, std::string_view file) {
  ParsedExpr parsed;
  parsed.source = std::make_shared<const Source>(file, text);
  TRY(tokens, tokenize(*parsed.source));
  Parser parser(parsed.source, std::move(tokens));
  TRY(expr, parser.expression());
  CHECK_OK(parser.want_end());
  parsed.expr = std::move(expr);
  return parsed;
}

}  // namespace writ::cedar
