// Policies and expressions back to text.
#include <algorithm>

#include "cedar/policy.h"
#include "cedar/text.h"

namespace writ::cedar {
namespace {

// How tightly an expression holds together; an operand that holds less tightly than its place
// wants gets parentheses.
enum Tightness {
  kLoose,
  kInOr,
  kInAnd,
  kInRelation,
  kInSum,
  kInProduct,
  kInUnary,
  kInMember,
  kWrapped
};

struct Form {
  Tightness own;   // of the whole
  Tightness left;  // wanted of the operands
  Tightness right;
  std::string_view sign;
};

Form form_of(const Expr& expr) {
  switch (expr.op) {
    case Op::kIf:
      return {kLoose, kLoose, kLoose, ""};
    case Op::kOr:
      return {kInOr, kInAnd, kInAnd, " || "};
    case Op::kAnd:
      return {kInAnd, kInRelation, kInRelation, " && "};
    case Op::kEqual:
      return {kInRelation, kInSum, kInSum, " == "};
    case Op::kNotEqual:
      return {kInRelation, kInSum, kInSum, " != "};
    case Op::kLess:
      return {kInRelation, kInSum, kInSum, " < "};
    case Op::kLessEqual:
      return {kInRelation, kInSum, kInSum, " <= "};
    case Op::kGreater:
      return {kInRelation, kInSum, kInSum, " > "};
    case Op::kGreaterEqual:
      return {kInRelation, kInSum, kInSum, " >= "};
    case Op::kIn:
      return {kInRelation, kInSum, kInSum, " in "};
    case Op::kAdd:
      return {kInSum, kInSum, kInProduct, " + "};
    case Op::kSubtract:
      return {kInSum, kInSum, kInProduct, " - "};
    case Op::kMultiply:
      return {kInProduct, kInProduct, kInUnary, " * "};
    case Op::kHas:
    case Op::kLike:
    case Op::kIs:
    case Op::kIsIn:
      return {kInRelation, kInSum, kInSum, ""};
    case Op::kNot:
    case Op::kNegate:
      return {kInUnary, kInMember, kInMember, ""};
    case Op::kLiteral:
      // A negative number is a number behind a minus.
      return {expr.value.as_int().value_or(0) < 0 ? kInUnary : kInMember, kLoose, kLoose, ""};
    default:
      return {kInMember, kInMember, kLoose, ""};
  }
}

void write(std::string& out, const Expr& expr, Tightness wanted);

void write_list(std::string& out, const std::vector<Expr>& items, std::size_t from) {
  for (std::size_t i = from; i < items.size(); ++i) {
    if (i > from) out += ", ";
    write(out, items[i], kLoose);
  }
}

void write_record(std::string& out, const Expr& expr) {
  out += '{';
  for (std::size_t i = 0; i < expr.args.size(); ++i) {
    if (i > 0) out += ", ";
    append_quoted(out, expr.names[i]);
    out += ": ";
    write(out, expr.args[i], kLoose);
  }
  out += '}';
}

void write_has(std::string& out, const Expr& expr) {
  out += " has ";
  if (expr.names.size() == 1 && (!is_identifier(expr.names[0]) || is_reserved(expr.names[0]))) {
    append_quoted(out, expr.names[0]);
    return;
  }
  for (std::size_t i = 0; i < expr.names.size(); ++i) {
    out += (i > 0 ? "." : "") + expr.names[i];
  }
}

void write_call(std::string& out, const Expr& expr) {
  const FunctionForm& form = cedar::form_of(expr.function);
  if (form.method) {
    write(out, expr.args[0], kInMember);
    out += '.';
  }
  out += form.name;
  out += '(';
  write_list(out, expr.args, form.method ? 1 : 0);
  out += ')';
}

void write_get(std::string& out, const Expr& expr) {
  write(out, expr.args[0], kInMember);
  if (is_identifier(expr.names[0]) && !is_reserved(expr.names[0])) {
    out += "." + expr.names[0];
  } else {
    out += '[';
    append_quoted(out, expr.names[0]);
    out += ']';
  }
}

void write_bare(std::string& out, const Expr& expr, const Form& form) {
  switch (expr.op) {
    case Op::kLiteral:
      out += print(expr.value.view());
      break;
    case Op::kPrincipal:
      out += "principal";
      break;
    case Op::kAction:
      out += "action";
      break;
    case Op::kResource:
      out += "resource";
      break;
    case Op::kContext:
      out += "context";
      break;
    case Op::kIf:
      out += "if ";
      write(out, expr.args[0], kLoose);
      out += " then ";
      write(out, expr.args[1], kLoose);
      out += " else ";
      write(out, expr.args[2], kLoose);
      break;
    case Op::kNot:
    case Op::kNegate: {
      out += expr.op == Op::kNot ? '!' : '-';
      // A bare number behind this minus would take it as its own sign.
      const bool number = expr.op == Op::kNegate && expr.args[0].value.as_int().has_value();
      write(out, expr.args[0], number ? kWrapped : form.left);
      break;
    }
    case Op::kHas:
      write(out, expr.args[0], form.left);
      write_has(out, expr);
      break;
    case Op::kLike:
      write(out, expr.args[0], form.left);
      out += " like ";
      append_pattern(out, expr.names);
      break;
    case Op::kIs:
    case Op::kIsIn:
      write(out, expr.args[0], form.left);
      out += " is " + expr.names[0];
      if (expr.op == Op::kIsIn) {
        out += " in ";
        write(out, expr.args[1], form.right);
      }
      break;
    case Op::kGet:
      write_get(out, expr);
      break;
    case Op::kSet:
      out += '[';
      write_list(out, expr.args, 0);
      out += ']';
      break;
    case Op::kRecord:
      write_record(out, expr);
      break;
    case Op::kCall:
      write_call(out, expr);
      break;
    default:
      for (std::size_t i = 0; i < expr.args.size(); ++i) {
        if (i > 0) out += form.sign;
        write(out, expr.args[i], i == 0 ? form.left : form.right);
      }
  }
}

void write(std::string& out, const Expr& expr, Tightness wanted) {
  const Form form = form_of(expr);
  if (form.own < wanted) out += '(';
  write_bare(out, expr, form);
  if (form.own < wanted) out += ')';
}

std::string scope_text(std::string_view variable, const Constraint& constraint) {
  std::string out(variable);
  const auto entity = [&] {
    if (constraint.slot) return "?" + std::string(variable);
    if (!constraint.list) return constraint.uids[0].print();
    std::string uids;
    for (const EntityUid& uid : constraint.uids) uids += (uids.empty() ? "" : ", ") + uid.print();
    return "[" + uids + "]";
  };
  switch (constraint.shape) {
    case Constraint::Shape::kAny:
      return out;
    case Constraint::Shape::kIs:
      return out + " is " + constraint.type;
    case Constraint::Shape::kEq:
      return out + " == " + entity();
    case Constraint::Shape::kIn:
      return out + " in " + entity();
    case Constraint::Shape::kIsIn:
      return out + " is " + constraint.type + " in " + entity();
  }
  return out;
}

}  // namespace

std::string print(const Expr& expr) {
  std::string out;
  write(out, expr, kLoose);
  return out;
}

std::string print(const Policy& policy) {
  std::string out;
  for (const Annotation& annotation : policy.annotations) {
    out += "@" + annotation.name;
    if (annotation.given || !annotation.value.empty()) {
      out += '(';
      append_quoted(out, annotation.value);
      out += ')';
    }
    out += '\n';
  }
  out += policy.effect == Effect::kPermit ? "permit (\n  " : "forbid (\n  ";
  out += scope_text("principal", policy.principal) + ",\n  ";
  out += scope_text("action", policy.action) + ",\n  ";
  out += scope_text("resource", policy.resource) + "\n)";
  for (const Condition& condition : *policy.conditions) {
    out += condition.unless ? "\nunless { " : "\nwhen { ";
    out += print(condition.expr) + " }";
  }
  return out + ";\n";
}

}  // namespace writ::cedar
