// Policies read from JSON.
#include <algorithm>
#include <array>
#include <initializer_list>

#include "base/json_pointer.h"
#include "cedar/function.h"
#include "cedar/json_place.h"
#include "cedar/policy_json.h"
#include "cedar/text.h"
#include "cedar/value.h"

namespace writ::cedar {
namespace {

struct Sign {
  std::string_view name;
  Op op;
};
constexpr std::array<Sign, 12> kPairs{{{"==", Op::kEqual},
                                       {"!=", Op::kNotEqual},
                                       {"<", Op::kLess},
                                       {"<=", Op::kLessEqual},
                                       {">", Op::kGreater},
                                       {">=", Op::kGreaterEqual},
                                       {"in", Op::kIn},
                                       {"&&", Op::kAnd},
                                       {"||", Op::kOr},
                                       {"+", Op::kAdd},
                                       {"-", Op::kSubtract},
                                       {"*", Op::kMultiply}}};

using Names = std::initializer_list<std::string_view>;

tl::unexpected<Error> refuse(const JsonPlace& where, std::string message) {
  return fail(Code::kInvalid, std::move(message), where.text());
}

Result<const JsonObject*> object(const Json& json, const JsonPlace& where, Names names) {
  const JsonObject* members = json.as_object();
  if (members == nullptr) {
    return refuse(where, "an object is wanted here, not " + std::string(json.type_name()));
  }
  for (const JsonMember& member : *members) {
    if (std::find(names.begin(), names.end(), member.first) == names.end()) {
      return refuse(where / member.first, "no member of this name can stand here");
    }
  }
  return members;
}

Result<const Json*> needed(const Json& json, const JsonPlace& where, std::string_view name) {
  const Json* member = json.find(name);
  if (member == nullptr) {
    return refuse(where, "the member \"" + std::string(name) + "\" is missing");
  }
  return member;
}

Result<std::string> text(const Json& json, const JsonPlace& where) {
  if (json.as_string() == nullptr) {
    return refuse(where, "a string is wanted here, not " + std::string(json.type_name()));
  }
  return *json.as_string();
}

Result<std::string> needed_text(const Json& json, const JsonPlace& where, std::string_view name) {
  TRY(member, needed(json, where, name));
  return text(*member, where / name);
}

Result<std::string> needed_type(const Json& json, const JsonPlace& where) {
  TRY(type, needed_text(json, where, "entity_type"));
  if (!is_type_name(type)) return refuse(where / "entity_type", "`" + type + "` is no entity type");
  return type;
}

Result<const JsonArray*> array(const Json& json, const JsonPlace& where) {
  if (json.as_array() == nullptr) {
    return refuse(where, "an array is wanted here, not " + std::string(json.type_name()));
  }
  return json.as_array();
}

Expr make(Op op, std::vector<Expr> args, std::vector<std::string> names = {}) {
  Expr made;
  made.op = op;
  made.args = std::move(args);
  made.names = std::move(names);
  return made;
}

Expr literal(Value value) {
  Expr made;
  made.value = std::move(value);
  return made;
}

// Depth is that of the JSON, which its parser bounds.
class ExprReader {
 public:
  Result<Expr> read(const Json& json, const JsonPlace& where) {
    const JsonObject* members = json.as_object();
    if (members == nullptr || members->size() != 1) {
      return refuse(where, "an expression is an object with one member, the operator");
    }
    const std::string& name = members->front().first;
    const Json& body = members->front().second;
    const JsonPlace at = where / name;
    const auto pair = std::find_if(kPairs.begin(), kPairs.end(),
                                   [&](const Sign& sign) { return sign.name == name; });
    if (pair != kPairs.end()) return operands(pair->op, body, at);
    if (name == "Value") return value(body, at);
    if (name == "Var") return variable(body, at);
    if (name == "!" || name == "neg") {
      CHECK_OK(object(body, at, {"arg"}));
      TRY(arg, member(body, at, "arg"));
      return make(name == "!" ? Op::kNot : Op::kNegate, one(std::move(arg)));
    }
    if (name == "." || name == "has") return attribute(name == "." ? Op::kGet : Op::kHas, body, at);
    if (name == "like") return like(body, at);
    if (name == "is") return is(body, at);
    if (name == "if-then-else") {
      CHECK_OK(object(body, at, {"if", "then", "else"}));
      std::vector<Expr> args;
      for (const std::string_view part : {"if", "then", "else"}) {
        TRY(arg, member(body, at, part));
        args.push_back(std::move(arg));
      }
      return make(Op::kIf, std::move(args));
    }
    if (name == "Set") {
      TRY(items, list(body, at));
      return make(Op::kSet, std::move(items));
    }
    if (name == "Record") return record(body, at);
    if (name == "Slot") {
      return refuse(at, "a slot can stand only in the scope, for the whole entity");
    }
    return call(name, body, at);
  }

 private:
  static std::vector<Expr> one(Expr expr) {
    std::vector<Expr> args;
    args.push_back(std::move(expr));
    return args;
  }

  Result<Expr> member(const Json& json, const JsonPlace& where, std::string_view name) {
    TRY(part, needed(json, where, name));
    return read(*part, where / name);
  }

  Result<Expr> operands(Op op, const Json& body, const JsonPlace& at) {
    CHECK_OK(object(body, at, {"left", "right"}));
    TRY(left, member(body, at, "left"));
    TRY(right, member(body, at, "right"));
    const bool chain = op == Op::kAnd || op == Op::kOr;
    if (chain && left.op == op) {
      left.args.push_back(std::move(right));
      return left;
    }
    std::vector<Expr> args = one(std::move(left));
    args.push_back(std::move(right));
    return make(op, std::move(args));
  }

  Result<std::vector<Expr>> list(const Json& json, const JsonPlace& where) {
    TRY(items, array(json, where));
    std::vector<Expr> made;
    for (std::size_t i = 0; i < items->size(); ++i) {
      TRY(item, read((*items)[i], where / i));
      made.push_back(std::move(item));
    }
    return made;
  }

  Result<Expr> record(const Json& body, const JsonPlace& at) {
    const JsonObject* members = body.as_object();
    if (members == nullptr) {
      return refuse(at, "an object is wanted here, not " + std::string(body.type_name()));
    }
    Expr made = make(Op::kRecord, {});
    for (const JsonMember& each : *members) {
      TRY(of, read(each.second, at / each.first));
      made.names.push_back(each.first);
      made.args.push_back(std::move(of));
    }
    return made;
  }

  static Result<Expr> variable(const Json& body, const JsonPlace& at) {
    TRY(name, text(body, at));
    if (name == "principal") return make(Op::kPrincipal, {});
    if (name == "action") return make(Op::kAction, {});
    if (name == "resource") return make(Op::kResource, {});
    if (name == "context") return make(Op::kContext, {});
    return refuse(at, "there is no variable `" + name + "`");
  }

  // A value with its escapes, as an expression that makes it.
  Result<Expr> value(const Json& json, const JsonPlace& where) {
    if (const JsonArray* items = json.as_array()) {
      Expr made = make(Op::kSet, {});
      for (std::size_t i = 0; i < items->size(); ++i) {
        TRY(item, value((*items)[i], where / i));
        made.args.push_back(std::move(item));
      }
      return made;
    }
    const JsonObject* members = json.as_object();
    if (members == nullptr) {
      TRY(plain, value_from_json(json, where));
      return literal(std::move(plain));
    }
    if (members->size() == 1 && members->front().first == "__entity") {
      TRY(uid, uid_from_json(json, where));
      return literal(Value::entity(uid));
    }
    if (members->size() == 1 && members->front().first == "__extn") {
      return extension(members->front().second, where / "__extn");
    }
    Expr made = make(Op::kRecord, {});
    for (const JsonMember& each : *members) {
      if (each.first == "__entity" || each.first == "__extn" || each.first == "__expr") {
        return refuse(where / each.first, "no attribute can have this name here");
      }
      TRY(of, value(each.second, where / each.first));
      made.names.push_back(each.first);
      made.args.push_back(std::move(of));
    }
    return made;
  }

  Result<Expr> extension(const Json& json, const JsonPlace& where) {
    CHECK_OK(object(json, where, {"fn", "arg", "args"}));
    TRY(name, needed_text(json, where, "fn"));
    const std::optional<Function> function = function_named(name);
    if (!function || !form_of(*function).extension) {
      return refuse(where / "fn", "there is no extension function `" + name + "`");
    }
    Expr made = make(Op::kCall, {});
    made.function = *function;
    if (json.find("args") == nullptr) {
      TRY(part, needed(json, where, "arg"));
      TRY(arg, value(*part, where / "arg"));
      made.args.push_back(std::move(arg));
    } else if (json.find("arg") != nullptr) {
      return refuse(where, "`arg` and `args` cannot stand together");
    } else {
      const JsonPlace at = where / "args";
      TRY(items, array(*json.find("args"), at));
      for (std::size_t i = 0; i < items->size(); ++i) {
        TRY(arg, value((*items)[i], at / i));
        made.args.push_back(std::move(arg));
      }
    }
    return callable(std::move(made), where);
  }

  // A method needs what it is called on.
  static Result<Expr> callable(Expr made, const JsonPlace& where) {
    const FunctionForm& form = form_of(made.function);
    if (form.method && made.args.empty()) {
      return refuse(where, "`" + std::string(form.name) + "` takes a value that it is called on");
    }
    return made;
  }

  Result<Expr> attribute(Op op, const Json& body, const JsonPlace& at) {
    CHECK_OK(object(body, at, {"left", "attr"}));
    TRY(of, member(body, at, "left"));
    TRY(attr, needed(body, at, "attr"));
    std::vector<std::string> names;
    const JsonPlace where = at / "attr";
    const JsonArray* path = op == Op::kHas ? attr->as_array() : nullptr;
    if (path == nullptr) {
      TRY(name, text(*attr, where));
      names.push_back(std::move(name));
    } else {
      for (std::size_t i = 0; i < path->size(); ++i) {
        TRY(name, text((*path)[i], where / i));
        if (path->size() > 1 && (!is_identifier(name) || is_reserved(name))) {
          return refuse(where / i, "in a path of several attributes each is an identifier");
        }
        names.push_back(std::move(name));
      }
      if (names.empty()) return refuse(where, "the path is empty");
    }
    return make(op, one(std::move(of)), std::move(names));
  }

  Result<Expr> like(const Json& body, const JsonPlace& at) {
    CHECK_OK(object(body, at, {"left", "pattern"}));
    TRY(of, member(body, at, "left"));
    TRY(pattern, needed(body, at, "pattern"));
    const JsonPlace pattern_place = at / "pattern";
    TRY(parts, array(*pattern, pattern_place));
    std::vector<std::string> pieces(1);
    for (std::size_t i = 0; i < parts->size(); ++i) {
      const Json& part = (*parts)[i];
      const JsonPlace where = pattern_place / i;
      if (part.as_string() != nullptr && *part.as_string() == "Wildcard") {
        pieces.emplace_back();
        continue;
      }
      CHECK_OK(object(part, where, {"Literal"}));
      TRY(piece, needed_text(part, where, "Literal"));
      pieces.back() += piece;
    }
    return make(Op::kLike, one(std::move(of)), std::move(pieces));
  }

  Result<Expr> is(const Json& body, const JsonPlace& at) {
    CHECK_OK(object(body, at, {"left", "entity_type", "in"}));
    TRY(of, member(body, at, "left"));
    TRY(type, needed_type(body, at));
    std::vector<Expr> args = one(std::move(of));
    const Json* in = body.find("in");
    if (in == nullptr || in->is_null()) return make(Op::kIs, std::move(args), {std::move(type)});
    TRY(group, read(*in, at / "in"));
    args.push_back(std::move(group));
    return make(Op::kIsIn, std::move(args), {std::move(type)});
  }

  Result<Expr> call(const std::string& name, const Json& body, const JsonPlace& at) {
    const std::optional<Function> function = function_named(name);
    if (!function) return refuse(at, "there is no operator or function `" + name + "`");
    Expr made = make(Op::kCall, {});
    made.function = *function;
    const FunctionForm& form = form_of(*function);
    if (form.extension) {
      TRY(args, list(body, at));
      made.args = std::move(args);
      return callable(std::move(made), at);
    }
    if (form.args == 1) {
      CHECK_OK(object(body, at, {"arg"}));
      TRY(arg, member(body, at, "arg"));
      made.args.push_back(std::move(arg));
      return made;
    }
    CHECK_OK(object(body, at, {"left", "right"}));
    TRY(left, member(body, at, "left"));
    TRY(right, member(body, at, "right"));
    made.args = one(std::move(left));
    made.args.push_back(std::move(right));
    return made;
  }
};

Status read_entity(const Json& json, const JsonPlace& where, std::string_view slot,
                   Constraint& into) {
  const Json* entity = json.find("entity");
  const Json* named = json.find("slot");
  const Json* entities = json.find("entities");
  if ((entity != nullptr) + (named != nullptr) + (entities != nullptr) != 1) {
    return refuse(where, slot.empty() ? "one of `entity` and `entities` is wanted here"
                                      : "one of `entity` and `slot` is wanted here");
  }
  if (entity != nullptr) {
    TRY(uid, uid_from_json(*entity, where / "entity"));
    into.uids.push_back(std::move(uid));
    return {};
  }
  if (named != nullptr) {
    TRY(name, text(*named, where / "slot"));
    if (slot.empty() || name != slot) return refuse(where / "slot", "no such slot can stand here");
    into.slot = true;
    return {};
  }
  const JsonPlace at = where / "entities";
  TRY(items, array(*entities, at));
  into.list = true;
  for (std::size_t i = 0; i < items->size(); ++i) {
    TRY(uid, uid_from_json((*items)[i], at / i));
    into.uids.push_back(std::move(uid));
  }
  return {};
}

// `slot` is empty for the action, which has none, and may have a list.
Result<Constraint> read_scope(const Json& json, const JsonPlace& where, std::string_view slot) {
  using Shape = Constraint::Shape;
  const bool action = slot.empty();
  TRY(op, needed_text(json, where, "op"));
  Constraint made;
  if (op == "All" || op == "all") {
    CHECK_OK(object(json, where, {"op"}));
    return made;
  }
  if (op == "==" || op == "in") {
    made.shape = op == "==" ? Shape::kEq : Shape::kIn;
    if (!action) {
      CHECK_OK(object(json, where, {"op", "entity", "slot"}));
    } else if (op == "in") {
      CHECK_OK(object(json, where, {"op", "entity", "entities"}));
    } else {
      CHECK_OK(object(json, where, {"op", "entity"}));
    }
    CHECK_OK(read_entity(json, where, slot, made));
    return made;
  }
  if (op != "is" || action) return refuse(where / "op", "`" + op + "` cannot stand here");
  CHECK_OK(object(json, where, {"op", "entity_type", "in"}));
  made.shape = Shape::kIs;
  TRY(type, needed_type(json, where));
  made.type = std::move(type);
  const Json* in = json.find("in");
  if (in == nullptr || in->is_null()) return made;
  made.shape = Shape::kIsIn;
  CHECK_OK(object(*in, where / "in", {"entity", "slot"}));
  CHECK_OK(read_entity(*in, where / "in", slot, made));
  return made;
}

Result<std::vector<Annotation>> read_annotations(const Json& json, const JsonPlace& where) {
  std::vector<Annotation> made;
  const JsonObject* members = json.as_object();
  if (members == nullptr) {
    return refuse(where, "an object is wanted here, not " + std::string(json.type_name()));
  }
  for (const JsonMember& each : *members) {
    const JsonPlace at = where / each.first;
    if (!is_identifier(each.first)) return refuse(at, "an annotation's name is an identifier");
    Annotation annotation{each.first, {}, 0};
    if (!each.second.is_null()) {
      TRY(value, text(each.second, at));
      annotation.value = std::move(value);
      annotation.given = true;
    }
    made.push_back(std::move(annotation));
  }
  return made;
}

Result<Policy> read_policy(const Json& json, const JsonPlace& where, std::string_view id,
                           std::string_view file) {
  CHECK_OK(object(json, where,
                  {"effect", "principal", "action", "resource", "conditions", "annotations"}));
  Policy made;
  TRY(effect, needed_text(json, where, "effect"));
  if (effect != "permit" && effect != "forbid") {
    return refuse(where / "effect", "an effect is `permit` or `forbid`");
  }
  made.effect = effect == "permit" ? Effect::kPermit : Effect::kForbid;
  TRY(principal, needed(json, where, "principal"));
  TRY(principal_scope, read_scope(*principal, where / "principal", "?principal"));
  made.principal = std::move(principal_scope);
  TRY(action, needed(json, where, "action"));
  TRY(action_scope, read_scope(*action, where / "action", ""));
  made.action = std::move(action_scope);
  TRY(resource, needed(json, where, "resource"));
  TRY(resource_scope, read_scope(*resource, where / "resource", "?resource"));
  made.resource = std::move(resource_scope);
  TRY(conditions, needed(json, where, "conditions"));
  const JsonPlace conditions_place = where / "conditions";
  TRY(items, array(*conditions, conditions_place));
  std::vector<Condition> read;
  for (std::size_t i = 0; i < items->size(); ++i) {
    const JsonPlace at = conditions_place / i;
    CHECK_OK(object((*items)[i], at, {"kind", "body"}));
    TRY(kind, needed_text((*items)[i], at, "kind"));
    if (kind != "when" && kind != "unless") {
      return refuse(at / "kind", "a condition is `when` or `unless`");
    }
    TRY(body, needed((*items)[i], at, "body"));
    Condition condition;
    condition.unless = kind == "unless";
    TRY(expr, ExprReader().read(*body, at / "body"));
    condition.expr = std::move(expr);
    read.push_back(std::move(condition));
  }
  made.conditions = std::make_shared<const std::vector<Condition>>(std::move(read));
  if (const Json* annotations = json.find("annotations")) {
    TRY(notes, read_annotations(*annotations, where / "annotations"));
    made.annotations = std::move(notes);
  }
  // What the text cannot say is refused: names that are none, too much depth.
  std::string name(file);
  if (!id.empty()) name += "#" + std::string(id);
  TRY(parsed, PolicySet::parse(print(made), name));
  Policy policy = parsed.policies().empty() ? parsed.templates().at(0) : parsed.policies().at(0);
  policy.id = id;
  return policy;
}

Status add_link(const Json& json, const JsonPlace& where, PolicySet& into) {
  CHECK_OK(object(json, where, {"templateId", "newId", "values"}));
  TRY(from, needed_text(json, where, "templateId"));
  TRY(id, needed_text(json, where, "newId"));
  TRY(values, needed(json, where, "values"));
  const JsonPlace at = where / "values";
  CHECK_OK(object(*values, at, {"?principal", "?resource"}));
  Slots slots;
  if (const Json* uid = values->find("?principal")) {
    TRY(read, uid_from_json(*uid, at / "?principal"));
    slots.principal = std::move(read);
  }
  if (const Json* uid = values->find("?resource")) {
    TRY(read, uid_from_json(*uid, at / "?resource"));
    slots.resource = std::move(read);
  }
  const Status linked = into.link(from, id, slots);
  if (!linked) return fail(linked.error().code, linked.error().message, where.text());
  return {};
}

}  // namespace

Result<Policy> policy_from_json(const Json& json, std::string_view id, std::string_view file) {
  const std::string root = place_in_json(file);
  return read_policy(json, JsonPlace(root), id, file);
}

Result<PolicySet> policies_from_json(const Json& json, std::string_view file) {
  PolicySet made;
  const std::string root = place_in_json(file);
  const JsonPlace where(root);
  if (json.find("effect") != nullptr) {
    TRY(only, read_policy(json, where, "policy0", file));
    CHECK_OK(made.add(std::move(only)));
    return made;
  }
  CHECK_OK(object(json, where, {"templates", "staticPolicies", "templateLinks"}));
  for (const std::string name : {"templates", "staticPolicies"}) {
    const JsonPlace at = where / name;
    TRY(policies, needed(json, where, name));
    if (policies->as_object() == nullptr) {
      return refuse(at, "an object is wanted here, not " + std::string(policies->type_name()));
    }
    for (const JsonMember& each : *policies->as_object()) {
      TRY(policy, read_policy(each.second, at / each.first, each.first, file));
      if (policy.is_template() != (name == "templates")) {
        return refuse(at / each.first, name == "templates" ? "this has no slot"
                                                           : "this has a slot, so it is a "
                                                             "template");
      }
      CHECK_OK(made.add(std::move(policy)));
    }
  }
  TRY(links, needed(json, where, "templateLinks"));
  const JsonPlace at = where / "templateLinks";
  TRY(items, array(*links, at));
  for (std::size_t i = 0; i < items->size(); ++i) {
    CHECK_OK(add_link((*items)[i], at / i, made));
  }
  return made;
}

}  // namespace writ::cedar
