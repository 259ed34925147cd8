// What doors assert about their applications (law 8): only what the schema of the namespace lets
// them assert. Values may refer to entities of Writ ("owner" is this user); what those are, only
// State says.
#include <algorithm>
#include <array>

#include "base/json_pointer.h"
#include "cedar/typed_json.h"
#include "cedar/validate.h"
#include "core/asking.h"

namespace writ::core {
namespace {

constexpr auto kReserved = std::to_array<std::string_view>(
    {"now", "auth", "source_ip", "actor_chain", "grant", "approvals", "duration", "device",
     "session", "purpose", "ticket"});

// What may be asserted of one thing, and of which types.
struct Assertable {
  std::string thing;                                // for messages
  std::string file;                                 // that declares the namespace; or empty
  const ApplicationSchema::Names* names = nullptr;  // null: nothing
  const cedar::AttributeTypes* attributes = nullptr;
};

std::string file_of(const ApplicationSchema* applications, std::string_view name) {
  if (applications == nullptr) return {};
  for (auto cut = name.rfind("::"); cut != std::string_view::npos;
       cut = name.substr(0, cut).rfind("::")) {
    const auto found = applications->files.find(name.substr(0, cut));
    if (found != applications->files.end()) return found->second;
  }
  return {};
}

Assertable of_entity(const ApplicationSchema* applications, std::string_view type) {
  Assertable made{"the attribute", file_of(applications, type)};
  made.thing = std::string(type);
  if (applications == nullptr) return made;
  const auto names = applications->asserted_of.find(type);
  const auto* declared = applications->schema.entity_type(type);
  if (names == applications->asserted_of.end() || declared == nullptr) return made;
  made.names = &names->second;
  made.attributes = &declared->attributes->attributes;
  return made;
}

Assertable of_context(const ApplicationSchema* applications, const cedar::EntityUid& action) {
  Assertable made{"the context of " + action.print(), file_of(applications, action.type())};
  if (applications == nullptr) return made;
  const auto names = applications->asserted_with.find(action);
  const auto* declared = applications->schema.action(action);
  if (names == applications->asserted_with.end() || declared == nullptr) return made;
  made.names = &names->second;
  made.attributes = &declared->context->attributes;
  return made;
}

tl::unexpected<Error> refuse(const Assertable& of, const std::string& name,
                             const std::string& where) {
  if (of.file.empty()) {
    return fail(Code::kInvalid,
                "no *.cedarschema file of the policies declares the namespace of " + of.thing +
                    ", so no \"" + name + "\" is believed",
                where);
  }
  return fail(Code::kInvalid,
              of.file + " does not let the door assert \"" + name + "\" of " + of.thing +
                  "; it would say: @asserted " + name,
              where);
}

// One after the other; a name that stands there already, as a property of the action may, is
// refused.
Status read_members(const Json& json, const Assertable& of, const std::string& where,
                    std::vector<cedar::Field>& fields) {
  const JsonObject* object = json.as_object();
  if (object == nullptr) return fail(Code::kInvalid, "an object is wanted here", where);
  for (const auto& [name, value] : *object) {
    const std::string at = where + step_to_member(name);
    if (of.names == nullptr || !of.names->contains(name)) return refuse(of, name, at);
    const cedar::Type& type = *of.attributes->find(name)->second.type;
    TRY(made, cedar::value_from_json(cedar::explicit_value(value, type), at));
    if (!cedar::is_of(made.view(), type)) {
      return fail(Code::kInvalid,
                  "this is no " + cedar::print(type) + ", as " + of.file + " declares it", at);
    }
    const cedar::String label(name);
    if (std::any_of(fields.begin(), fields.end(),
                    [&](const cedar::Field& field) { return field.first == label; })) {
      return fail(Code::kInvalid, "this is asserted twice", at);
    }
    fields.emplace_back(label, std::move(made));
  }
  return {};
}

}  // namespace

bool is_reserved_in_context(std::string_view name) {
  return std::find(kReserved.begin(), kReserved.end(), name) != kReserved.end();
}

std::string asserted_at(std::string_view name) {
  return name == "context" ? "/context" : "/" + std::string(name) + "/properties";
}

Result<Asserted> read_asserted(const Json& json, const ApplicationSchema* applications,
                               std::string_view subject_type, const cedar::EntityUid& action,
                               std::string_view resource_type) {
  Asserted asserted;
  if (json.is_null()) return asserted;
  const JsonObject* object = json.as_object();
  if (object == nullptr) {
    return fail(Code::kInvalid, "what a door asserts is an object", "/asserted");
  }
  std::vector<cedar::Field> subject, resource;
  for (const auto& [name, value] : *object) {
    const std::string where = asserted_at(name);
    if (name == "subject" && subject_type.empty()) {
      return fail(Code::kInvalid, "attributes of Writ's own types are never asserted", where);
    }
    if (name == "subject") {
      CHECK_OK(read_members(value, of_entity(applications, subject_type), where, subject));
    } else if (name == "resource") {
      CHECK_OK(read_members(value, of_entity(applications, resource_type), where, resource));
    } else if (name == "action" || name == "context") {
      CHECK_OK(read_members(value, of_context(applications, action), where, asserted.context));
    } else {
      return fail(Code::kInvalid,
                  "a door asserts \"subject\", \"resource\", \"action\" or \"context\"",
                  step_to_member(name));
    }
  }
  asserted.subject = cedar::Value::record(std::move(subject));
  asserted.resource = cedar::Value::record(std::move(resource));
  return asserted;
}

}  // namespace writ::core
