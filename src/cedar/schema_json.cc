// The JSON form of schemas, read.
#include <algorithm>
#include <initializer_list>

#include "base/json_pointer.h"
#include "cedar/schema_syntax.h"
#include "cedar/text.h"

namespace writ::cedar {
namespace {

// Identifiers joined by `::`, with `__cedar` allowed in front.
bool is_path(std::string_view text) {
  if (text.starts_with("__cedar::")) text.remove_prefix(9);
  return is_type_name(text);
}

class SchemaJsonReader {
 public:
  explicit SchemaJsonReader(std::string_view file) { schema_.file = file; }

  Result<SchemaSyntax> read(const Json& json) {
    TRY(members, object(json, ""));
    for (const JsonMember& member : *members) {
      const std::string where = step_to_member(member.first);
      if (!member.first.empty() && !is_type_name(member.first)) {
        return refuse(where, "`" + member.first +
                                 "` cannot be a namespace: its name is identifiers joined by "
                                 "`::`, none of them reserved");
      }
      // With neither, it is most likely a member of a namespace that was given as the schema.
      if (member.second.find("entityTypes") == nullptr &&
          member.second.find("actions") == nullptr) {
        return refuse(where,
                      "a namespace is an object with the members entityTypes and actions; the "
                      "schema's object has a member for each namespace, \"\" for none");
      }
      TRY(space, read_namespace(member.second, where));
      space.name = {member.first, place(where)};
      schema_.namespaces.push_back(std::move(space));
    }
    return std::move(schema_);
  }

 private:
  using Names = std::initializer_list<std::string_view>;

  static SchemaPlace place(const std::string& where) { return {0, where}; }
  tl::unexpected<Error> refuse(const std::string& where, std::string_view message) const {
    return tl::unexpected<Error>(schema_.error(place(where), message));
  }
  tl::unexpected<Error> misfit(const std::string& where, std::string_view wanted,
                               const Json& json) const {
    return refuse(where,
                  std::string(wanted) + " is wanted here, not " + std::string(json.type_name()));
  }
  Result<const JsonObject*> object(const Json& json, const std::string& where) const {
    if (json.as_object() == nullptr) return misfit(where, "an object", json);
    return json.as_object();
  }
  Result<const JsonArray*> array(const Json& json, const std::string& where) const {
    if (json.as_array() == nullptr) return misfit(where, "an array", json);
    return json.as_array();
  }
  Result<std::string> string(const Json& json, const std::string& where) const {
    if (json.as_string() == nullptr) return misfit(where, "a string", json);
    return *json.as_string();
  }
  // An object with none but these members.
  Status known(const Json& json, const std::string& where, Names names) const {
    TRY(members, object(json, where));
    for (const JsonMember& member : *members) {
      if (std::find(names.begin(), names.end(), member.first) == names.end()) {
        return refuse(where + step_to_member(member.first),
                      "no member of this name can stand here");
      }
    }
    return {};
  }
  Result<const Json*> needed(const Json& json, const std::string& where, std::string_view name) {
    const Json* member = json.find(name);
    if (member == nullptr) {
      return refuse(where, "the member \"" + std::string(name) + "\" is missing");
    }
    return member;
  }
  // Null for a member that is not there, or null.
  static const Json* optional(const Json& json, std::string_view name) {
    const Json* member = json.find(name);
    return member == nullptr || member->is_null() ? nullptr : member;
  }

  Result<SchemaName> path(const Json& json, const std::string& where) {
    TRY(text, string(json, where));
    if (!is_path(text)) return refuse(where, "`" + text + "` is no name of a type");
    return SchemaName{std::move(text), place(where)};
  }
  Result<std::vector<SchemaName>> paths(const Json& json, const std::string& where) {
    TRY(items, array(json, where));
    std::vector<SchemaName> made;
    for (std::size_t i = 0; i < items->size(); ++i) {
      TRY(each, path((*items)[i], where + "/" + std::to_string(i)));
      made.push_back(std::move(each));
    }
    return made;
  }

  Result<std::vector<Annotation>> annotations(const Json& json, const std::string& where) {
    std::vector<Annotation> made;
    const Json* member = json.find("annotations");
    if (member == nullptr) return made;
    TRY(members, object(*member, where + "/annotations"));
    for (const JsonMember& each : *members) {
      const std::string at = where + "/annotations/" + each.first;
      if (!is_identifier(each.first)) return refuse(at, "an annotation's name is an identifier");
      Annotation annotation{each.first, {}, 0};
      if (!each.second.is_null()) {
        TRY(value, string(each.second, at));
        annotation.value = std::move(value);
        annotation.given = true;
      }
      made.push_back(std::move(annotation));
    }
    return made;
  }

  Result<SchemaNamespace> read_namespace(const Json& json, const std::string& where) {
    CHECK_OK(known(json, where, {"commonTypes", "entityTypes", "actions", "annotations"}));
    SchemaNamespace space;
    if (const Json* commons = json.find("commonTypes")) {
      TRY(members, object(*commons, where + "/commonTypes"));
      for (const JsonMember& member : *members) {
        TRY(common, read_common(member, where + "/commonTypes/" + member.first));
        space.commons.push_back(std::move(common));
      }
    }
    TRY(entities, needed(json, where, "entityTypes"));
    TRY(types, object(*entities, where + "/entityTypes"));
    for (const JsonMember& member : *types) {
      TRY(entity, read_entity(member, where + "/entityTypes/" + member.first));
      space.entities.push_back(std::move(entity));
    }
    TRY(actions, needed(json, where, "actions"));
    TRY(uids, object(*actions, where + "/actions"));
    for (const JsonMember& member : *uids) {
      TRY(action, read_action(member, where + "/actions/" + member.first));
      space.actions.push_back(std::move(action));
    }
    TRY(notes, annotations(json, where));
    space.annotations = std::move(notes);
    return space;
  }

  Result<SchemaName> declared(const std::string& name, const std::string& where) {
    if (!is_identifier(name) || is_reserved(name)) {
      return refuse(where, "`" + name + "` cannot be the name of a type");
    }
    return SchemaName{name, place(where)};
  }

  Result<SchemaCommon> read_common(const JsonMember& member, const std::string& where) {
    SchemaCommon made;
    TRY(name, declared(member.first, where));
    made.name = std::move(name);
    TRY(of, type(member.second, where, {"annotations"}, 0));
    made.type = std::move(of);
    TRY(notes, annotations(member.second, where));
    made.annotations = std::move(notes);
    return made;
  }

  Result<SchemaEntity> read_entity(const JsonMember& member, const std::string& where) {
    const Json& json = member.second;
    CHECK_OK(known(json, where, {"memberOfTypes", "shape", "tags", "enum", "annotations"}));
    SchemaEntity made;
    TRY(name, declared(member.first, where));
    made.name = std::move(name);
    made.shape.place = place(where);
    TRY(notes, annotations(json, where));
    made.annotations = std::move(notes);
    if (const Json* choices = json.find("enum")) {
      made.enumerated = true;
      CHECK_OK(known(json, where, {"enum", "annotations"}));
      TRY(items, array(*choices, where + "/enum"));
      if (items->empty()) return refuse(where + "/enum", "an enumeration has one item or more");
      for (std::size_t i = 0; i < items->size(); ++i) {
        TRY(choice, string((*items)[i], where + "/enum/" + std::to_string(i)));
        made.choices.push_back(std::move(choice));
      }
      return made;
    }
    if (const Json* parents = json.find("memberOfTypes")) {
      TRY(names, paths(*parents, where + "/memberOfTypes"));
      made.parents = std::move(names);
    }
    if (const Json* shape = json.find("shape")) {
      TRY(of, type(*shape, where + "/shape", {}, 0));
      made.shape = std::move(of);
    }
    if (const Json* tags = json.find("tags")) {
      TRY(of, type(*tags, where + "/tags", {}, 0));
      made.tags = std::move(of);
    }
    return made;
  }

  Result<SchemaAction> read_action(const JsonMember& member, const std::string& where) {
    const Json& json = member.second;
    CHECK_OK(known(json, where, {"attributes", "appliesTo", "memberOf", "annotations"}));
    SchemaAction made;
    made.name = {member.first, place(where)};
    made.context.place = place(where);
    TRY(notes, annotations(json, where));
    made.annotations = std::move(notes);
    if (const Json* attributes = optional(json, "attributes")) {
      TRY(members, object(*attributes, where + "/attributes"));
      if (!members->empty()) {
        return refuse(where + "/attributes", "actions cannot have attributes");
      }
    }
    if (const Json* parents = optional(json, "memberOf")) {
      TRY(items, array(*parents, where + "/memberOf"));
      for (std::size_t i = 0; i < items->size(); ++i) {
        TRY(parent, action_ref((*items)[i], where + "/memberOf/" + std::to_string(i)));
        made.parents.push_back(std::move(parent));
      }
    }
    const Json* applies = optional(json, "appliesTo");
    if (applies == nullptr) return made;
    const std::string at = where + "/appliesTo";
    CHECK_OK(known(*applies, at, {"principalTypes", "resourceTypes", "context"}));
    TRY(principals, needed(*applies, at, "principalTypes"));
    TRY(principal_names, paths(*principals, at + "/principalTypes"));
    made.principals = std::move(principal_names);
    TRY(resources, needed(*applies, at, "resourceTypes"));
    TRY(resource_names, paths(*resources, at + "/resourceTypes"));
    made.resources = std::move(resource_names);
    if (const Json* context = applies->find("context")) {
      TRY(of, type(*context, at + "/context", {}, 0));
      made.context = std::move(of);
    }
    return made;
  }

  Result<SchemaActionRef> action_ref(const Json& json, const std::string& where) {
    CHECK_OK(known(json, where, {"id", "type"}));
    SchemaActionRef made{{}, {}, place(where)};
    TRY(id, needed(json, where, "id"));
    TRY(text, string(*id, where + "/id"));
    made.id = std::move(text);
    if (const Json* type_name = optional(json, "type")) {
      TRY(name, path(*type_name, where + "/type"));
      made.type = std::move(name.name);
    }
    return made;
  }

  // `also` names members besides those of the type.
  Result<SchemaType> type(const Json& json, const std::string& where, Names also,
                          std::size_t depth) {
    using Shape = SchemaType::Shape;
    if (depth >= kMaxSchemaDepth) return refuse(where, "types are nested too deeply here");
    SchemaType made;
    made.place = place(where);
    TRY(kind, needed(json, where, "type"));
    TRY(word, string(*kind, where + "/type"));
    const auto with = [&](Names own) -> Status {
      TRY(members, object(json, where));
      for (const JsonMember& member : *members) {
        const auto in = [&](const Names& names) {
          return std::find(names.begin(), names.end(), member.first) != names.end();
        };
        if (member.first != "type" && !in(own) && !in(also)) {
          return refuse(where + step_to_member(member.first),
                        "no member of this name can stand beside the type `" + word + "`");
        }
      }
      return {};
    };
    if (word == "Set") {
      made.shape = Shape::kSet;
      CHECK_OK(with({"element"}));
      TRY(element, needed(json, where, "element"));
      TRY(of, type(*element, where + "/element", {}, depth + 1));
      made.element.push_back(std::move(of));
      return made;
    }
    if (word == "Record") {
      CHECK_OK(with({"attributes", "additionalAttributes"}));
      CHECK_OK(attributes(json, where, depth, made));
      return made;
    }
    if (word == "Entity" || word == "EntityOrCommon" || word == "Extension") {
      made.shape = word == "Entity"      ? Shape::kEntity
                   : word == "Extension" ? Shape::kExtension
                                         : Shape::kName;
      CHECK_OK(with({"name"}));
      TRY(name, needed(json, where, "name"));
      TRY(of, path(*name, where + "/name"));
      made.name = std::move(of.name);
      return made;
    }
    CHECK_OK(with({}));
    if (word == "String" || word == "Long" || word == "Boolean") {
      made.shape = word == "String" ? Shape::kString
                   : word == "Long" ? Shape::kLong
                                    : Shape::kBoolean;
      return made;
    }
    made.shape = Shape::kCommon;
    TRY(of, path(*kind, where + "/type"));
    made.name = std::move(of.name);
    return made;
  }

  Status attributes(const Json& json, const std::string& where, std::size_t depth,
                    SchemaType& record) {
    if (const Json* more = json.find("additionalAttributes")) {
      const bool* flag = more->as_bool();
      if (flag == nullptr) return misfit(where + "/additionalAttributes", "a boolean", *more);
      if (*flag) {
        return refuse(where + "/additionalAttributes",
                      "records with attributes besides those declared are not supported");
      }
    }
    TRY(of, needed(json, where, "attributes"));
    TRY(members, object(*of, where + "/attributes"));
    for (const JsonMember& member : *members) {
      const std::string at = where + "/attributes/" + member.first;
      SchemaAttribute made;
      made.name = member.first;
      CHECK_OK(object(member.second, at));
      TRY(its, type(member.second, at, {"required", "annotations"}, depth + 1));
      made.type = std::move(its);
      if (const Json* required = member.second.find("required")) {
        const bool* flag = required->as_bool();
        if (flag == nullptr) return misfit(at + "/required", "a boolean", *required);
        made.required = *flag;
      }
      TRY(notes, annotations(member.second, at));
      made.annotations = std::move(notes);
      record.attributes.push_back(std::move(made));
    }
    return {};
  }

  SchemaSyntax schema_;
};

}  // namespace

Result<SchemaSyntax> schema_from_json(const Json& json, std::string_view file) {
  TRY(schema, SchemaJsonReader(file).read(json));
  CHECK_OK(check_declarations(schema));
  return schema;
}

Result<SchemaSyntax> parse_schema_json(std::string_view text, std::string_view file,
                                       const SchemaLimits& limits) {
  // A type nested to the limit has two levels of JSON for each of its own, below five.
  constexpr std::size_t kDepth = 2 * kMaxSchemaDepth + 8;
  TRY(json, parse_json(text, JsonLimits{limits.bytes, kDepth, limits.items}, file));
  return schema_from_json(json, file);
}

}  // namespace writ::cedar
