// Schemas back to text: Cedar syntax and JSON.
#include <algorithm>
#include <set>

#include "cedar/schema_syntax.h"
#include "cedar/text.h"

namespace writ::cedar {
namespace {

using Shape = SchemaType::Shape;

bool is_empty_record(const SchemaType& type) {
  return type.shape == Shape::kRecord && type.attributes.empty();
}

// Writes declarations in Cedar syntax.
class Writer {
 public:
  std::string take() { return std::move(out_); }

  void space(const SchemaNamespace& space) {
    if (!out_.empty()) out_ += '\n';
    const bool named = !space.name.name.empty();
    if (named) {
      annotations(space.annotations);
      out_ += "namespace " + space.name.name + " {\n";
      ++level_;
    }
    bool first = true;
    const auto separate = [&] {
      if (!first) out_ += '\n';
      first = false;
    };
    for (const SchemaCommon& common : space.commons) {
      separate();
      annotations(common.annotations);
      indent();
      out_ += "type " + common.name.name + " = ";
      type(common.type);
      out_ += ";\n";
    }
    for (const SchemaEntity& each : space.entities) {
      separate();
      entity(each);
    }
    for (const SchemaAction& each : space.actions) {
      separate();
      action(each);
    }
    if (named) {
      --level_;
      out_ += "}\n";
    }
  }

 private:
  void indent() { out_.append(2 * level_, ' '); }

  void annotations(const std::vector<Annotation>& list) {
    for (const Annotation& each : list) {
      indent();
      out_ += "@" + each.name;
      if (!each.value.empty()) {
        out_ += '(';
        append_quoted(out_, each.value);
        out_ += ')';
      }
      out_ += '\n';
    }
  }

  void names(const std::vector<SchemaName>& list) {
    out_ += '[';
    for (std::size_t i = 0; i < list.size(); ++i) out_ += (i > 0 ? ", " : "") + list[i].name;
    out_ += ']';
  }

  void entity(const SchemaEntity& entity) {
    annotations(entity.annotations);
    indent();
    out_ += "entity " + entity.name.name;
    if (entity.enumerated) {
      out_ += " enum [";
      for (std::size_t i = 0; i < entity.choices.size(); ++i) {
        if (i > 0) out_ += ", ";
        append_quoted(out_, entity.choices[i]);
      }
      out_ += "];\n";
      return;
    }
    if (!entity.parents.empty()) {
      out_ += " in ";
      names(entity.parents);
    }
    if (!is_empty_record(entity.shape)) {
      out_ += " = ";
      type(entity.shape);
    }
    if (entity.tags) {
      out_ += " tags ";
      type(*entity.tags);
    }
    out_ += ";\n";
  }

  void action(const SchemaAction& action) {
    annotations(action.annotations);
    indent();
    out_ += "action ";
    append_quoted(out_, action.name.name);
    if (!action.parents.empty()) {
      out_ += " in [";
      for (std::size_t i = 0; i < action.parents.size(); ++i) {
        if (i > 0) out_ += ", ";
        if (!action.parents[i].type.empty()) out_ += action.parents[i].type + "::";
        append_quoted(out_, action.parents[i].id);
      }
      out_ += ']';
    }
    if (!action.principals.empty() && !action.resources.empty()) {
      ++level_;
      out_ += " appliesTo {\n";
      indent();
      out_ += "principal: ";
      names(action.principals);
      out_ += ",\n";
      indent();
      out_ += "resource: ";
      names(action.resources);
      out_ += ",\n";
      indent();
      out_ += "context: ";
      type(action.context);
      out_ += '\n';
      --level_;
      indent();
      out_ += '}';
    }
    out_ += ";\n";
  }

  void type(const SchemaType& type) {
    switch (type.shape) {
      case Shape::kName:
      case Shape::kCommon:
      case Shape::kEntity:
        out_ += type.name;
        break;
      case Shape::kExtension:
        out_ += "__cedar::" + type.name;
        break;
      case Shape::kBoolean:
        out_ += "__cedar::Bool";
        break;
      case Shape::kLong:
        out_ += "__cedar::Long";
        break;
      case Shape::kString:
        out_ += "__cedar::String";
        break;
      case Shape::kSet:
        out_ += "Set<";
        this->type(type.element.front());
        out_ += '>';
        break;
      case Shape::kRecord:
        record(type);
        break;
    }
  }

  void record(const SchemaType& record) {
    if (record.attributes.empty()) {
      out_ += "{}";
      return;
    }
    out_ += "{\n";
    ++level_;
    for (std::size_t i = 0; i < record.attributes.size(); ++i) {
      const SchemaAttribute& each = record.attributes[i];
      annotations(each.annotations);
      indent();
      if (is_identifier(each.name) && !is_reserved(each.name)) {
        out_ += each.name;
      } else {
        append_quoted(out_, each.name);
      }
      out_ += each.required ? ": " : "?: ";
      type(each.type);
      out_ += i + 1 < record.attributes.size() ? ",\n" : "\n";
    }
    --level_;
    indent();
    out_ += '}';
  }

  std::string out_;
  std::size_t level_ = 0;
};

Json annotations_json(const std::vector<Annotation>& list) {
  JsonObject made;
  for (const Annotation& each : list) made.emplace_back(each.name, Json(each.value));
  return Json(std::move(made));
}

void add_annotations(Json& json, const std::vector<Annotation>& list) {
  if (!list.empty()) json.set("annotations", annotations_json(list));
}

Json type_json(const SchemaType& type) {
  switch (type.shape) {
    case Shape::kName:
      return Json::object({{"type", "EntityOrCommon"}, {"name", type.name}});
    case Shape::kCommon:
      return Json::object({{"type", type.name}});
    case Shape::kEntity:
      return Json::object({{"type", "Entity"}, {"name", type.name}});
    case Shape::kExtension:
      return Json::object({{"type", "Extension"}, {"name", type.name}});
    case Shape::kBoolean:
      return Json::object({{"type", "Boolean"}});
    case Shape::kLong:
      return Json::object({{"type", "Long"}});
    case Shape::kString:
      return Json::object({{"type", "String"}});
    case Shape::kSet:
      return Json::object({{"type", "Set"}, {"element", type_json(type.element.front())}});
    case Shape::kRecord:
      break;
  }
  JsonObject attributes;
  for (const SchemaAttribute& each : type.attributes) {
    Json its = type_json(each.type);
    if (!each.required) its.set("required", Json(false));
    add_annotations(its, each.annotations);
    attributes.emplace_back(each.name, std::move(its));
  }
  return Json::object({{"type", "Record"}, {"attributes", Json(std::move(attributes))}});
}

Json names_json(const std::vector<SchemaName>& names) {
  Json made = Json::array();
  for (const SchemaName& each : names) made.push(Json(each.name));
  return made;
}

Json entity_json(const SchemaEntity& entity) {
  Json made = Json::object();
  if (entity.enumerated) {
    Json choices = Json::array();
    for (const std::string& choice : entity.choices) choices.push(Json(choice));
    made.set("enum", std::move(choices));
  }
  if (!entity.parents.empty()) made.set("memberOfTypes", names_json(entity.parents));
  if (!entity.enumerated && !is_empty_record(entity.shape)) {
    made.set("shape", type_json(entity.shape));
  }
  if (entity.tags) made.set("tags", type_json(*entity.tags));
  add_annotations(made, entity.annotations);
  return made;
}

Json action_json(const SchemaAction& action) {
  Json made = Json::object();
  if (!action.parents.empty()) {
    Json parents = Json::array();
    for (const SchemaActionRef& each : action.parents) {
      Json parent = Json::object({{"id", each.id}});
      if (!each.type.empty()) parent.set("type", Json(each.type));
      parents.push(std::move(parent));
    }
    made.set("memberOf", std::move(parents));
  }
  Json applies = Json::object({{"principalTypes", names_json(action.principals)},
                               {"resourceTypes", names_json(action.resources)}});
  if (!is_empty_record(action.context)) applies.set("context", type_json(action.context));
  made.set("appliesTo", std::move(applies));
  add_annotations(made, action.annotations);
  return made;
}

}  // namespace

Result<std::string> print(const SchemaSyntax& schema) {
  Writer writer;
  for (const SchemaNamespace& space : schema.namespaces) {
    std::set<std::string_view> commons;
    for (const SchemaCommon& common : space.commons) commons.insert(common.name.name);
    for (const SchemaEntity& entity : space.entities) {
      if (commons.contains(entity.name.name)) {
        return tl::unexpected<Error>(schema.error(
            entity.name.place, "`" + entity.name.name +
                                   "` is a common type and an entity type; Cedar syntax cannot "
                                   "tell which one a name means"));
      }
      if (entity.shape.shape != Shape::kRecord) {
        return tl::unexpected<Error>(
            schema.error(entity.shape.place,
                         "in Cedar syntax an entity's attributes are a record, never the "
                         "name of one"));
      }
    }
    writer.space(space);
  }
  return writer.take();
}

Json to_json(const SchemaSyntax& schema) {
  Json made = Json::object();
  for (const SchemaNamespace& space : schema.namespaces) {
    Json json = Json::object();
    if (!space.commons.empty()) {
      JsonObject commons;
      for (const SchemaCommon& each : space.commons) {
        Json type = type_json(each.type);
        add_annotations(type, each.annotations);
        commons.emplace_back(each.name.name, std::move(type));
      }
      json.set("commonTypes", Json(std::move(commons)));
    }
    JsonObject entities;
    for (const SchemaEntity& each : space.entities) {
      entities.emplace_back(each.name.name, entity_json(each));
    }
    json.set("entityTypes", Json(std::move(entities)));
    JsonObject actions;
    for (const SchemaAction& each : space.actions) {
      actions.emplace_back(each.name.name, action_json(each));
    }
    json.set("actions", Json(std::move(actions)));
    add_annotations(json, space.annotations);
    made.set(space.name.name, std::move(json));
  }
  return made;
}

}  // namespace writ::cedar
