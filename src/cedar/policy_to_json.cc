// Policies written as JSON.
#include <algorithm>
#include <array>

#include "cedar/function.h"
#include "cedar/policy_json.h"
#include "cedar/value.h"

namespace writ::cedar {
namespace {

constexpr std::uint32_t kMostNested = 500;  // operators in operators; each is two levels of JSON

// JSON of an expression, and how many operators nest in it.
struct Written {
  Json json;
  std::uint32_t depth = 1;
};

std::string_view sign_of(Op op) {
  switch (op) {
    case Op::kAnd:
      return "&&";
    case Op::kOr:
      return "||";
    case Op::kNot:
      return "!";
    case Op::kNegate:
      return "neg";
    case Op::kEqual:
      return "==";
    case Op::kNotEqual:
      return "!=";
    case Op::kLess:
      return "<";
    case Op::kLessEqual:
      return "<=";
    case Op::kGreater:
      return ">";
    case Op::kGreaterEqual:
      return ">=";
    case Op::kIn:
      return "in";
    case Op::kAdd:
      return "+";
    case Op::kSubtract:
      return "-";
    case Op::kMultiply:
      return "*";
    default:
      return "";
  }
}

Json object_of(std::string_view key, Json value) {
  Json made = Json::object();
  made.set(key, std::move(value));
  return made;
}

Json pair_of(Json left, Json right) {
  Json made = Json::object();
  made.set("left", std::move(left));
  made.set("right", std::move(right));
  return made;
}

// The pattern's characters one by one, as `cedar` writes them.
Json pattern_json(const std::vector<std::string>& pieces) {
  Json made = Json::array();
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    if (i > 0) made.push(Json("Wildcard"));
    const std::string& piece = pieces[i];
    for (std::size_t at = 0; at < piece.size();) {
      std::size_t end = at + 1;
      while (end < piece.size() && (static_cast<unsigned char>(piece[end]) & 0xc0) == 0x80) ++end;
      made.push(object_of("Literal", Json(piece.substr(at, end - at))));
      at = end;
    }
  }
  return made;
}

Result<Written> write(const Expr& expr);

Result<Written> wrap(std::uint32_t inner, std::string_view key, Json value) {
  if (inner >= kMostNested) {
    return fail(Code::kInvalid, "this policy is nested too deeply for JSON; the limit is " +
                                    std::to_string(kMostNested) + " operators");
  }
  return Written{object_of(key, std::move(value)), inner + 1};
}

Result<Written> write_call(const Expr& expr) {
  std::uint32_t depth = 0;
  std::vector<Json> args;
  for (const Expr& arg : expr.args) {
    TRY(written, write(arg));
    depth = std::max(depth, written.depth);
    args.push_back(std::move(written.json));
  }
  const FunctionForm& form = form_of(expr.function);
  if (form.extension) return wrap(depth, form.name, Json(JsonArray(std::move(args))));
  if (args.size() == 1) return wrap(depth, form.name, object_of("arg", std::move(args[0])));
  return wrap(depth, form.name, pair_of(std::move(args[0]), std::move(args[1])));
}

Result<Written> write_on(const Expr& expr) {
  TRY(of, write(expr.args[0]));
  Json made = object_of("left", std::move(of.json));
  switch (expr.op) {
    case Op::kGet:
      made.set("attr", Json(expr.names[0]));
      return wrap(of.depth, ".", std::move(made));
    case Op::kHas: {
      Json path = Json::array();
      for (const std::string& name : expr.names) path.push(Json(name));
      made.set("attr", expr.names.size() == 1 ? Json(expr.names[0]) : std::move(path));
      return wrap(of.depth, "has", std::move(made));
    }
    case Op::kLike:
      made.set("pattern", pattern_json(expr.names));
      return wrap(of.depth, "like", std::move(made));
    default:
      break;
  }
  made.set("entity_type", Json(expr.names[0]));
  if (expr.op == Op::kIsIn) {
    TRY(in, write(expr.args[1]));
    of.depth = std::max(of.depth, in.depth);
    made.set("in", std::move(in.json));
  }
  return wrap(of.depth, "is", std::move(made));
}

Result<Written> write_items(const Expr& expr) {
  std::uint32_t depth = 0;
  JsonArray items;
  JsonObject members;
  for (std::size_t i = 0; i < expr.args.size(); ++i) {
    TRY(item, write(expr.args[i]));
    depth = std::max(depth, item.depth);
    if (expr.op == Op::kSet) {
      items.push_back(std::move(item.json));
    } else {
      members.emplace_back(expr.names[i], std::move(item.json));
    }
  }
  if (expr.op == Op::kSet) return wrap(depth, "Set", Json(std::move(items)));
  return wrap(depth, "Record", Json(std::move(members)));
}

Result<Written> write(const Expr& expr) {
  switch (expr.op) {
    case Op::kLiteral:
      return wrap(0, "Value", to_json(expr.value.view()));
    case Op::kPrincipal:
      return wrap(0, "Var", Json("principal"));
    case Op::kAction:
      return wrap(0, "Var", Json("action"));
    case Op::kResource:
      return wrap(0, "Var", Json("resource"));
    case Op::kContext:
      return wrap(0, "Var", Json("context"));
    case Op::kIf: {
      TRY(test, write(expr.args[0]));
      TRY(then, write(expr.args[1]));
      TRY(otherwise, write(expr.args[2]));
      Json made = object_of("if", std::move(test.json));
      made.set("then", std::move(then.json));
      made.set("else", std::move(otherwise.json));
      return wrap(std::max({test.depth, then.depth, otherwise.depth}), "if-then-else",
                  std::move(made));
    }
    case Op::kNot:
    case Op::kNegate: {
      TRY(of, write(expr.args[0]));
      return wrap(of.depth, sign_of(expr.op), object_of("arg", std::move(of.json)));
    }
    case Op::kHas:
    case Op::kLike:
    case Op::kIs:
    case Op::kIsIn:
    case Op::kGet:
      return write_on(expr);
    case Op::kSet:
    case Op::kRecord:
      return write_items(expr);
    case Op::kCall:
      return write_call(expr);
    default:
      break;
  }
  TRY(made, write(expr.args[0]));
  for (std::size_t i = 1; i < expr.args.size(); ++i) {
    TRY(right, write(expr.args[i]));
    const std::uint32_t depth = std::max(made.depth, right.depth);
    TRY(both, wrap(depth, sign_of(expr.op), pair_of(std::move(made.json), std::move(right.json))));
    made = std::move(both);
  }
  return made;
}

Json scope_json(const Constraint& part, std::string_view slot) {
  using Shape = Constraint::Shape;
  const auto with_entity = [&](Json made) {
    if (part.slot) {
      made.set("slot", Json(slot));
    } else if (part.uids.size() != 1) {  // a list of one is the same as the one
      Json entities = Json::array();
      for (const EntityUid& uid : part.uids) entities.push(to_json(uid));
      made.set("entities", std::move(entities));
    } else {
      made.set("entity", to_json(part.uids.front()));
    }
    return made;
  };
  switch (part.shape) {
    case Shape::kAny:
      break;
    case Shape::kEq:
      return with_entity(object_of("op", Json("==")));
    case Shape::kIn:
      return with_entity(object_of("op", Json("in")));
    case Shape::kIs:
    case Shape::kIsIn: {
      Json made = object_of("op", Json("is"));
      made.set("entity_type", Json(part.type));
      if (part.shape == Shape::kIsIn) made.set("in", with_entity(Json::object()));
      return made;
    }
  }
  return object_of("op", Json("All"));
}

}  // namespace

Result<Json> to_json(const Expr& expr) {
  TRY(written, write(expr));
  return std::move(written.json);
}

Result<Json> to_json(const Policy& policy) {
  Json made = object_of("effect", Json(policy.effect == Effect::kPermit ? "permit" : "forbid"));
  made.set("principal", scope_json(policy.principal, "?principal"));
  made.set("action", scope_json(policy.action, ""));
  made.set("resource", scope_json(policy.resource, "?resource"));
  Json conditions = Json::array();
  for (const Condition& each : *policy.conditions) {
    TRY(body, to_json(each.expr));
    Json condition = object_of("kind", Json(each.unless ? "unless" : "when"));
    condition.set("body", std::move(body));
    conditions.push(std::move(condition));
  }
  made.set("conditions", std::move(conditions));
  if (!policy.annotations.empty()) {
    JsonObject annotations;
    for (const Annotation& each : policy.annotations) {
      const bool bare = each.value.empty() && !each.given;
      annotations.emplace_back(each.name, bare ? Json() : Json(each.value));
    }
    made.set("annotations", Json(std::move(annotations)));
  }
  return made;
}

Result<Json> to_json(const PolicySet& policies) {
  JsonObject templates;
  for (const Policy& each : policies.templates()) {
    TRY(json, to_json(each));
    templates.emplace_back(each.id, std::move(json));
  }
  JsonObject statics;
  Json links = Json::array();
  for (const Policy& each : policies.policies()) {
    const Policy* from = policies.find_template(each.template_id);
    if (from == nullptr) {
      TRY(json, to_json(each));
      statics.emplace_back(each.id, std::move(json));
      continue;
    }
    Json values = Json::object();
    if (from->principal.slot) values.set("?principal", to_json(each.principal.uids.front()));
    if (from->resource.slot) values.set("?resource", to_json(each.resource.uids.front()));
    Json link = object_of("templateId", Json(each.template_id));
    link.set("newId", Json(each.id));
    link.set("values", std::move(values));
    links.push(std::move(link));
  }
  Json made = object_of("templates", Json(std::move(templates)));
  made.set("staticPolicies", Json(std::move(statics)));
  made.set("templateLinks", std::move(links));
  return made;
}

}  // namespace writ::cedar
