#include "core/application_schema.h"

#include <algorithm>

#include "core/writ_schema.h"

namespace writ::core {
namespace {

using cedar::SchemaAttribute;
using cedar::SchemaNamespace;
using cedar::SchemaSyntax;
using cedar::SchemaType;
using Shape = cedar::SchemaType::Shape;

constexpr std::string_view kAsserted = "asserted";

bool is_of_writ(std::string_view name) {
  return name == "Writ" || name.starts_with("Writ::");
}

tl::unexpected<Error> refuse(const SchemaSyntax& syntax, const cedar::SchemaPlace& place,
                             std::string_view message) {
  Error error = syntax.error(place, message);
  error.code = Code::kInvalid;
  return tl::unexpected<Error>(std::move(error));
}

const cedar::Annotation* asserted_in(const std::vector<cedar::Annotation>& annotations) {
  const auto found = std::find_if(annotations.begin(), annotations.end(),
                                  [](const auto& a) { return a.name == kAsserted; });
  return found == annotations.end() ? nullptr : &*found;
}

// ---- What stands where it may not ----

// Refuses @asserted: only attributes of entities and members of contexts are asserted, each whole.
Status none_asserted(const SchemaSyntax& syntax,
                     const std::vector<cedar::Annotation>& annotations) {
  const cedar::Annotation* found = asserted_in(annotations);
  if (found == nullptr) return {};
  return refuse(syntax, {found->begin, {}},
                "@asserted stands on attributes of entity types and on members of contexts");
}

Status none_asserted(const SchemaSyntax& syntax, const SchemaType& type) {
  for (const SchemaType& element : type.element) CHECK_OK(none_asserted(syntax, element));
  for (const SchemaAttribute& attribute : type.attributes) {
    CHECK_OK(none_asserted(syntax, attribute.annotations));
    CHECK_OK(none_asserted(syntax, attribute.type));
  }
  return {};
}

// A shape or context, or a common type that may be one.
Status check_members(const SchemaSyntax& syntax, const SchemaType& type) {
  for (const SchemaType& element : type.element) CHECK_OK(none_asserted(syntax, element));
  for (const SchemaAttribute& attribute : type.attributes) {
    const cedar::Annotation* found = asserted_in(attribute.annotations);
    if (found != nullptr && found->given) {
      return refuse(
          syntax, {found->begin, {}},
          "@asserted has no value: it lets the door assert this that the namespace is of");
    }
    CHECK_OK(none_asserted(syntax, attribute.type));
  }
  return {};
}

Status check_entity(const SchemaSyntax& syntax, const cedar::SchemaEntity& entity) {
  CHECK_OK(none_asserted(syntax, entity.annotations));
  CHECK_OK(check_members(syntax, entity.shape));
  if (entity.tags) CHECK_OK(none_asserted(syntax, *entity.tags));
  for (const cedar::SchemaName& parent : entity.parents) {
    if (!is_of_writ(parent.name)) continue;
    return refuse(syntax, parent.place,
                  "an application's entities lie below nothing of Writ's: who is in its groups, "
                  "only its own commands say");
  }
  return {};
}

Status check_action(const SchemaSyntax& syntax, const cedar::SchemaAction& action) {
  CHECK_OK(none_asserted(syntax, action.annotations));
  CHECK_OK(check_members(syntax, action.context));
  for (const cedar::SchemaActionRef& parent : action.parents) {
    if (is_of_writ(parent.type)) {
      return refuse(syntax, parent.place, "an application's actions are in no group of Writ's");
    }
  }
  for (const cedar::SchemaName& resource : action.resources) {
    if (is_of_writ(resource.name)) {
      return refuse(syntax, resource.place, "an application's actions are on its own resources");
    }
  }
  return {};
}

Status check_namespace(const SchemaSyntax& syntax, const SchemaNamespace& space) {
  if (space.name.name.empty()) {
    return refuse(syntax, space.name.place,
                  "an application's types are in its door's namespace: namespace TodoApp { … }");
  }
  if (is_of_writ(space.name.name)) {
    return refuse(syntax, space.name.place, "this namespace is Writ's own");
  }
  CHECK_OK(none_asserted(syntax, space.annotations));
  for (const cedar::SchemaCommon& common : space.commons) {
    CHECK_OK(none_asserted(syntax, common.annotations));
    CHECK_OK(check_members(syntax, common.type));
  }
  for (const cedar::SchemaEntity& entity : space.entities) CHECK_OK(check_entity(syntax, entity));
  for (const cedar::SchemaAction& action : space.actions) CHECK_OK(check_action(syntax, action));
  return {};
}

// ---- Contexts ----

const SchemaSyntax& writ_syntax() {
  static const SchemaSyntax kSyntax = *cedar::parse_schema(writ_schema_text(), kWritSchemaFile);
  return kSyntax;
}

// As another namespace writes what Writ's schema says.
void qualify(SchemaType& type) {
  if (type.shape == Shape::kName) {
    const SchemaNamespace& writ = writ_syntax().namespaces.front();
    const auto named = [&](const auto& each) { return each.name.name == type.name; };
    const bool declared = std::any_of(writ.commons.begin(), writ.commons.end(), named) ||
                          std::any_of(writ.entities.begin(), writ.entities.end(), named);
    type.name = (declared ? "Writ::" : "__cedar::") + type.name;
  }
  for (SchemaType& element : type.element) qualify(element);
  for (SchemaAttribute& attribute : type.attributes) qualify(attribute.type);
}

const std::vector<SchemaAttribute>& circumstances() {
  static const std::vector<SchemaAttribute> kMembers = [] {
    for (const cedar::SchemaCommon& common : writ_syntax().namespaces.front().commons) {
      if (common.name.name != "Circumstances") continue;
      SchemaType type = common.type;
      qualify(type);
      return type.attributes;
    }
    return std::vector<SchemaAttribute>();
  }();
  return kMembers;
}

// A record that may stand under a name; null when it is no record.
const SchemaType* record_of(const std::vector<SchemaSyntax>& parts, const SchemaNamespace& in,
                            const SchemaType& type) {
  const SchemaType* at = &type;
  std::string space = in.name.name;
  const auto is_name = [&] { return at->shape == Shape::kName || at->shape == Shape::kCommon; };
  // A chain of names ends; a cycle of them, `resolve` refuses.
  for (std::size_t steps = 0; is_name() && steps < cedar::kMaxSchemaDepth; ++steps) {
    const auto cut = at->name.rfind("::");
    const std::string name = cut == std::string::npos ? at->name : at->name.substr(cut + 2);
    if (cut != std::string::npos) space = at->name.substr(0, cut);
    const SchemaType* next = nullptr;
    for (const SchemaSyntax& part : parts) {
      for (const SchemaNamespace& each : part.namespaces) {
        if (each.name.name != space) continue;
        for (const cedar::SchemaCommon& common : each.commons) {
          if (common.name.name == name) next = &common.type;
        }
      }
    }
    if (next == nullptr) return nullptr;
    at = next;
  }
  return at->shape == Shape::kRecord ? at : nullptr;
}

// Each action's context written out, with what Writ sets.
Status add_circumstances(std::vector<SchemaSyntax>& parts) {
  const std::vector<SchemaSyntax> before = parts;
  for (SchemaSyntax& part : parts) {
    for (SchemaNamespace& space : part.namespaces) {
      for (cedar::SchemaAction& action : space.actions) {
        const SchemaType* context = record_of(before, space, action.context);
        if (context == nullptr) continue;  // as `resolve` will say
        SchemaType whole = *context;
        for (const SchemaAttribute& attribute : whole.attributes) {
          if (!is_reserved_in_context(attribute.name)) continue;
          return refuse(part, action.name.place,
                        "the context of this action has \"" + attribute.name +
                            "\", which is Writ's alone: it is there without being declared");
        }
        whole.attributes.insert(whole.attributes.end(), circumstances().begin(),
                                circumstances().end());
        action.context = std::move(whole);
      }
    }
  }
  return {};
}

ApplicationSchema::Names asserted_names(const SchemaType* record) {
  ApplicationSchema::Names names;
  if (record == nullptr) return names;
  for (const SchemaAttribute& attribute : record->attributes) {
    if (asserted_in(attribute.annotations) != nullptr) names.insert(attribute.name);
  }
  return names;
}

Result<std::vector<SchemaSyntax>> read_parts(const std::vector<PolicyFile>& files) {
  std::vector<SchemaSyntax> parts;
  for (const PolicyFile& file : files) {
    if (kind_of(file) != PolicyFileKind::kSchema) continue;
    TRY(syntax, cedar::parse_schema(file.text, file.name));
    for (const SchemaNamespace& space : syntax.namespaces) CHECK_OK(check_namespace(syntax, space));
    parts.push_back(std::move(syntax));
  }
  CHECK_OK(add_circumstances(parts));
  return parts;
}

}  // namespace

Result<std::optional<ApplicationSchema>> application_schema(const std::vector<PolicyFile>& files) {
  TRY(parts, read_parts(files));
  std::optional<ApplicationSchema> made;
  if (parts.empty()) return made;
  made.emplace();
  for (const SchemaSyntax& part : parts) {
    for (const SchemaNamespace& space : part.namespaces) {
      const std::string prefix = space.name.name + "::";
      made->files.try_emplace(space.name.name, part.file);
      for (const cedar::SchemaEntity& entity : space.entities) {
        made->asserted_of[prefix + entity.name.name] =
            asserted_names(record_of(parts, space, entity.shape));
      }
      for (const cedar::SchemaAction& action : space.actions) {
        made->asserted_with[cedar::EntityUid(prefix + "Action", action.name.name)] =
            asserted_names(&action.context);
      }
    }
  }
  parts.push_back(writ_syntax());
  TRY(schema, cedar::Schema::resolve(parts));
  made->schema = std::move(schema);
  return made;
}

Result<std::string> print_application_schema(const PolicyFile& file) {
  TRY(parts, read_parts({file}));
  return cedar::print(parts.front());
}

}  // namespace writ::core
