#include <gtest/gtest.h>

#include "cedar/function.h"
#include "cedar/text.h"
#include "cedar/validate.h"
#include "cedar/world_for_test.h"

namespace writ::cedar {
namespace {

using Of = Type::Kind;

const std::vector<std::string> kEntityTypes{"User", "Doc", "Team", "Color"};
const std::vector<std::string> kAttributes{"a", "b", "c", "d", "e", "f"};
const std::vector<std::string> kIds{"0", "1", "2", "3"};
const std::vector<std::string> kNumbers{
    "0", "1", "2", "-1", "7", "9223372036854775807", "-9223372036854775808", "4000000000"};
const std::vector<std::string> kStrings{"", "a", "ab", "x*y", "\"q\"", "é"};
const std::vector<std::string> kIps{"10.0.0.1", "10.0.0.0/8", "127.0.0.1", "::1", "ff00::/8"};
const std::vector<std::string> kDecimals{"0.0", "1.5", "-1.25", "922337203685477.5807"};
const std::vector<std::string> kDates{"2024-01-01", "2024-01-02T12:30:00Z", "1969-12-31T23:59:59Z",
                                      "9999-12-31"};
const std::vector<std::string> kDurations{"0ms", "1h", "-1d", "1d2h3m4s5ms", "106751991167d"};

std::string string_literal(std::string_view text) {
  std::string made;
  append_quoted(made, text);
  return made;
}

const std::vector<std::string>& texts_of(Extension extension) {
  switch (extension) {
    case Extension::kIpaddr:
      return kIps;
    case Extension::kDecimal:
      return kDecimals;
    case Extension::kDatetime:
      return kDates;
    case Extension::kDuration:
      break;
  }
  return kDurations;
}

Function maker_of(Extension extension) {
  switch (extension) {
    case Extension::kIpaddr:
      return Function::kIp;
    case Extension::kDecimal:
      return Function::kDecimal;
    case Extension::kDatetime:
      return Function::kDatetime;
    case Extension::kDuration:
      break;
  }
  return Function::kDuration;
}

bool same(const Type& a, const Type& b) {
  return equal_types(std::make_shared<const Type>(a), std::make_shared<const Type>(b));
}

}  // namespace

World::World(unsigned long long seed) : random_(seed), environment_{"", EntityUid("", ""), ""} {
  schema_text_ = "type R = " + record_text(2, 0) + ";\n";
  schema_text_ += "entity Color enum [\"0\", \"1\", \"2\", \"3\"];\n";
  schema_text_ += "entity Team in [Team] = " + record_text(2, 1) + ";\n";
  schema_text_ += "entity User in [Team] = " + record_text(5, 1);
  if (chance(60)) schema_text_ += " tags " + type_text(0);
  schema_text_ += ";\nentity Doc in [Doc, Team] = " + record_text(5, 1);
  if (chance(30)) schema_text_ += " tags " + type_text(0);
  std::string applies = " appliesTo {\n  principal: [User";
  if (chance(30)) applies += ", Team";
  applies += "], resource: [Doc, Color],\n  context: " + record_text(4, 1) + "\n};\n";
  schema_text_ += ";\naction all;\naction read in [all]" + applies + "action write" + applies;
  schema_ = Schema::parse(schema_text_, "schema").value();
  const EntityUid action("Action", chance(70) ? "read" : "write");
  environment_ = Environment{"User", action, chance(85) ? "Doc" : "Color"};
}

std::string World::type_text(int depth) {
  switch (below(depth > 0 ? 13 : 9)) {
    case 0:
      return "Bool";
    case 1:
      return "Long";
    case 2:
      return "String";
    case 3:
      return "datetime";
    case 4:
      return "duration";
    case 5:
      return chance(50) ? "ipaddr" : "decimal";
    case 6:
    case 7:
    case 8:
      return pick(kEntityTypes);
    case 9:
      return "R";
    case 10:
      return record_text(2, depth - 1);
    default:
      return "Set<" + type_text(depth - 1) + ">";
  }
}

std::string World::record_text(int attributes, int depth) {
  std::string made;
  for (int i = 0; i < attributes; ++i) {
    if (!made.empty()) made += ", ";
    made +=
        kAttributes[static_cast<std::size_t>(i)] + (chance(35) ? "?: " : ": ") + type_text(depth);
  }
  return "{" + made + "}";
}

EntityUid World::uid(std::string_view type) {
  return EntityUid(type, pick(kIds));
}

Value World::value(const Type& type) {
  switch (type.kind) {
    case Of::kTrue:
    case Of::kFalse:
      return Value::boolean(type.is(Of::kTrue));
    case Of::kBool:
      return Value::boolean(chance(50));
    case Of::kLong:
      return Value::integer(std::stoll(pick(kNumbers)));
    case Of::kString:
      return Value::string(pick(kStrings));
    case Of::kExtension:
      return call_extension_text(type.extension);
    case Of::kEntity:
      return Value::entity(uid(pick(type.entities)));
    case Of::kSet: {
      std::vector<Value> items;
      for (std::size_t left = below(4); left > 0; --left) items.push_back(value(*type.element));
      return Value::set(std::move(items));
    }
    default:
      break;
  }
  std::vector<Field> fields;
  for (const auto& [name, attribute] : type.attributes) {
    if (!attribute.required && chance(50)) continue;
    fields.emplace_back(String(name), value(*attribute.type));
  }
  return Value::record(std::move(fields));
}

Value World::call_extension_text(Extension extension) {
  const Value text = Value::string(pick(texts_of(extension)));
  return call_extension(maker_of(extension), {text}).value();
}

Request World::request() {
  return Request{uid(environment_.principal), environment_.action, uid(environment_.resource),
                 value(*schema_.action(environment_.action)->context)};
}

Json World::entities() {
  Json made = Json::array();
  const auto add = [&](const EntityUid& of, Value attrs, Json parents, Value tags) {
    Json entity = Json::object({{"uid", to_json(of)}});
    entity.set("attrs", record_json(attrs));
    entity.set("parents", std::move(parents));
    if (!tags.view().fields().empty()) entity.set("tags", record_json(tags));
    made.push(std::move(entity));
  };
  for (const auto& [name, type] : schema_.entity_types()) {
    for (std::size_t i = 0; i < kIds.size(); ++i) {
      if (chance(20)) continue;
      Json parents = Json::array();
      for (const auto& [above, parent] : schema_.entity_types()) {
        if (!parent.descendants.contains(name)) continue;
        // Within a type only upwards, so that there is no cycle.
        const std::size_t from = above == name ? i + 1 : 0;
        for (std::size_t p = from; p < kIds.size(); ++p) {
          if (chance(30)) parents.push(to_json(EntityUid(above, kIds[p])));
        }
      }
      std::vector<Field> tags;
      if (type.tags != nullptr) {
        for (const std::string& tag : kStrings) {
          if (chance(40)) tags.emplace_back(String(tag), value(*type.tags));
        }
      }
      add(EntityUid(name, kIds[i]), value(*type.attributes), std::move(parents),
          Value::record(std::move(tags)));
    }
  }
  for (const auto& [of, action] : schema_.actions()) {
    Json parents = Json::array();
    for (const EntityUid& above : action.ancestors) parents.push(to_json(above));
    add(of, Value::record(), std::move(parents), Value::record());
  }
  return made;
}

Json World::record_json(const Value& record) {
  Json made = Json::object();
  for (const Field& field : record.view().fields()) {
    made.set(field.first.view(), to_json(field.second.view()));
  }
  return made;
}

// ---- Expressions ----

void World::follow(const Type& wanted, const Type& from, const Path& path, int depth,
                   std::vector<Path>& into) const {
  if (same(wanted, from)) into.push_back(path);
  if (depth == 0) return;
  const AttributeTypes* attributes = nullptr;
  if (from.is(Of::kRecord)) attributes = &from.attributes;
  if (from.is(Of::kEntity) && from.entities.size() == 1) {
    attributes = &schema_.entity_type(from.entities.front())->attributes->attributes;
  }
  if (attributes == nullptr) return;
  for (const auto& [name, attribute] : *attributes) {
    Path next{path.text + "." + name, path.guard};
    if (!attribute.required) {
      next.guard += (next.guard.empty() ? "" : " && ") + path.text + " has " + name;
    }
    follow(wanted, *attribute.type, next, depth - 1, into);
  }
}

std::vector<World::Path> World::paths(const Type& type) const {
  std::vector<Path> made;
  follow(type, *Type::entity(environment_.principal), {"principal", ""}, 3, made);
  follow(type, *Type::entity(environment_.resource), {"resource", ""}, 3, made);
  follow(type, *schema_.action(environment_.action)->context, {"context", ""}, 3, made);
  for (const std::string& name : kEntityTypes) {
    follow(type, *Type::entity(name), {name + "::\"1\"", ""}, 2, made);
  }
  return made;
}

std::string World::literal(const Type& type) {
  switch (type.kind) {
    case Of::kSet: {
      std::string items = literal(*type.element);
      for (std::size_t left = below(3); left > 0; --left) items += ", " + literal(*type.element);
      return "[" + items + "]";
    }
    case Of::kRecord: {
      std::string fields;
      for (const auto& [name, attribute] : type.attributes) {
        fields += (fields.empty() ? "" : ", ") + name + ": " + literal(*attribute.type);
      }
      return "{" + fields + "}";
    }
    case Of::kExtension:
      return std::string(form_of(maker_of(type.extension)).name) + "(" +
             string_literal(pick(texts_of(type.extension))) + ")";
    default:
      return print(value(type).view());
  }
}

std::string World::expr(const Type& type, int depth) {
  if (type.is_boolean()) return boolean(depth);
  const std::vector<Path> known = paths(type);
  if (!known.empty() && chance(70)) {
    const Path& path = known[below(known.size())];
    if (path.guard.empty()) return path.text;
    return "(if " + path.guard + " then " + path.text + " else " + literal(type) + ")";
  }
  if (depth <= 0 || chance(25)) return literal(type);
  if (chance(15)) {
    return "(if " + boolean(depth - 1) + " then " + expr(type, depth - 1) + " else " +
           expr(type, depth - 1) + ")";
  }
  const auto of = [&](Extension extension) { return expr(*Type::of(extension), depth - 1); };
  switch (type.kind) {
    case Of::kLong:
      if (chance(25)) return "-(" + expr(type, depth - 1) + ")";
      if (chance(25)) {
        return of(Extension::kDuration) + pick({".toDays()", ".toHours()", ".toMilliseconds()"});
      }
      return "(" + expr(type, depth - 1) + pick({" + ", " - ", " * "}) + expr(type, depth - 1) +
             ")";
    case Of::kSet: {
      std::string items = expr(*type.element, depth - 1);
      if (chance(50)) items += ", " + expr(*type.element, depth - 1);
      return "[" + items + "]";
    }
    case Of::kRecord: {
      std::string fields;
      for (const auto& [name, attribute] : type.attributes) {
        fields += (fields.empty() ? "" : ", ") + name + ": " + expr(*attribute.type, depth - 1);
      }
      return "{" + fields + "}";
    }
    case Of::kExtension:
      if (type.extension == Extension::kDatetime) {
        if (chance(40)) return of(Extension::kDatetime) + ".toDate()";
        return of(Extension::kDatetime) + ".offset(" + of(Extension::kDuration) + ")";
      }
      if (type.extension == Extension::kDuration) {
        if (chance(40)) return of(Extension::kDatetime) + ".toTime()";
        return of(Extension::kDatetime) + ".durationSince(" + of(Extension::kDatetime) + ")";
      }
      return literal(type);
    default:
      return literal(type);
  }
}

std::string World::boolean(int depth) {
  const TypePtr truth = Type::of(Of::kBool);
  const std::vector<Path> known = paths(*truth);
  if (!known.empty() && chance(10)) {
    const Path& path = known[below(known.size())];
    return path.guard.empty() ? path.text : "(" + path.guard + " && " + path.text + ")";
  }
  if (depth <= 0) return pick({"true", "false", "(principal == principal)", "(resource is Doc)"});
  const auto any_type = [&] {
    const std::vector<TypePtr> types{Type::of(Of::kLong),
                                     Type::of(Of::kString),
                                     Type::entity("User"),
                                     Type::entity("Doc"),
                                     Type::entity("Team"),
                                     Type::entity("Color"),
                                     Type::of(Extension::kDatetime),
                                     Type::of(Extension::kDuration),
                                     Type::of(Extension::kIpaddr),
                                     Type::of(Extension::kDecimal)};
    return types[below(types.size())];
  };
  const auto entity = [&] { return expr(*Type::entity(pick(kEntityTypes)), depth - 1); };
  const auto of = [&](Extension extension) { return expr(*Type::of(extension), depth - 1); };
  switch (below(17)) {
    case 0:
    case 1:
      return "(" + boolean(depth - 1) + " && " + boolean(depth - 1) + ")";
    case 2:
      return "(" + boolean(depth - 1) + " || " + boolean(depth - 1) + ")";
    case 3:
      return "!(" + boolean(depth - 1) + ")";
    case 4:
      return "(if " + boolean(depth - 1) + " then " + boolean(depth - 1) + " else " +
             boolean(depth - 1) + ")";
    case 5:
    case 6: {
      const TypePtr type = any_type();
      return "(" + expr(*type, depth - 1) + pick({" == ", " != "}) + expr(*type, depth - 1) + ")";
    }
    case 7: {
      const TypePtr type = chance(50)   ? Type::of(Of::kLong)
                           : chance(50) ? Type::of(Extension::kDatetime)
                                        : Type::of(Extension::kDuration);
      return "(" + expr(*type, depth - 1) + pick({" < ", " <= ", " > ", " >= "}) +
             expr(*type, depth - 1) + ")";
    }
    case 8:
    case 9:
      return "(" + entity() + " in " + (chance(70) ? entity() : "[" + entity() + "]") + ")";
    case 10: {
      const std::string var = pick({"principal", "resource", "context", "User::\"2\""});
      return "(" + var + " has " + pick(kAttributes) + ")";
    }
    case 11:
      return "(" + entity() + " is " + pick(kEntityTypes) +
             (chance(50) ? " in " + entity() : std::string()) + ")";
    case 12:
      return "(" + expr(*Type::of(Of::kString), depth - 1) + " like \"" +
             pick({"a*", "*", "*\\\"", "x\\**"}) + "\")";
    case 13: {
      const TypePtr type = any_type();
      const TypePtr set = Type::set(type);
      if (chance(50)) {
        return expr(*set, depth - 1) + ".contains(" + expr(*type, depth - 1) + ")";
      }
      return expr(*set, depth - 1) + pick({".containsAll(", ".containsAny("}) +
             expr(*set, depth - 1) + ")";
    }
    case 14: {
      const std::string who = pick({"principal", "resource", "User::\"2\""});
      const std::string tag = "(\"" + pick({"a", "ab", ""}) + "\")";
      const Schema::EntityType* type =
          schema_.entity_type(who == "resource" ? environment_.resource : "User");
      if (type->tags == nullptr || chance(30)) return who + ".hasTag" + tag;
      return "(" + who + ".hasTag" + tag + " && " + who + ".getTag" + tag +
             " == " + expr(*type->tags, depth - 1) + ")";
    }
    case 15:
      return of(Extension::kIpaddr) + (chance(50) ? ".isInRange(" + of(Extension::kIpaddr) + ")"
                                                  : pick({".isIpv4()", ".isLoopback()"}));
    default:
      return of(Extension::kDecimal) + ".lessThan(" + of(Extension::kDecimal) + ")";
  }
}

std::string World::policy() {
  for (int tries = 0; tries < 50; ++tries) {
    std::string text = chance(70) ? "permit (" : "forbid (";
    const std::vector<std::string> principals{"principal",
                                              "principal",
                                              "principal is User",
                                              "principal == User::\"1\"",
                                              "principal in Team::\"1\"",
                                              "principal is User in Team::\"2\""};
    const std::vector<std::string> actions{"action", "action", "action == Action::\"read\"",
                                           "action in Action::\"all\"",
                                           "action in [Action::\"read\", Action::\"write\"]"};
    const std::vector<std::string> resources{"resource",
                                             "resource",
                                             "resource is Doc",
                                             "resource in Doc::\"2\"",
                                             "resource == Doc::\"0\"",
                                             "resource in Team::\"3\""};
    text += pick(principals) + ", " + pick(actions) + ", " + pick(resources) + ")";
    for (std::size_t left = below(3); left > 0; --left) {
      text += (chance(80) ? "\nwhen { " : "\nunless { ") + boolean(3) + " }";
    }
    text += ";\n";
    const auto set = PolicySet::parse(text, "generated");
    EXPECT_TRUE(set) << set.error().text() << "\n" << text;
    if (set && TypedPolicies::of(*set, schema_, environment_)) return text;
  }
  return "permit (principal, action, resource);\n";
}

TEST(World, IsValid) {
  std::size_t plain = 0;
  for (unsigned long long seed = 0; seed < 200; ++seed) {
    World world(seed);
    const auto entities = Entities::from_json(world.entities());
    ASSERT_TRUE(entities) << entities.error().text();
    const Status valid = validate(world.schema(), *entities);
    ASSERT_TRUE(valid) << valid.error().text() << "\n" << world.schema_text();
    const Status request = validate(world.schema(), world.request());
    ASSERT_TRUE(request) << request.error().text();
    for (int i = 0; i < 3; ++i) {
      if (world.policy() == "permit (principal, action, resource);\n") ++plain;
    }
  }
  EXPECT_LT(plain, 60U);  // most policies say something
}

}  // namespace writ::cedar
