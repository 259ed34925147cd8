// The schemas of applications: *.cedarschema files of a policy set, in Cedar's schema language.
// They declare the types, actions and contexts of an application in its door's namespace (law 8):
// an attribute of an entity, or a member of a context, that a door may assert is annotated
// `@asserted`; nothing else that a door asserts is believed.
//
// Each action's context also has what Writ sets itself (Writ::Circumstances).
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cedar/schema.h"
#include "core/policy_text.h"

namespace writ::core {

struct ApplicationSchema {
  using Names = std::set<std::string, std::less<>>;
  cedar::Schema schema;                                   // Writ's own, and the applications'
  std::map<std::string, std::string, std::less<>> files;  // namespace -> where it is declared
  std::map<std::string, Names, std::less<>> asserted_of;  // entity type -> attributes
  std::map<cedar::EntityUid, Names> asserted_with;        // action -> members of the context
};

// Empty where no file holds a schema. kInvalid, with file:line:column, the line and a caret, for a
// schema that declares something of Writ's or of no namespace, puts something into Writ's groups,
// or asserts what cannot be asserted.
Result<std::optional<ApplicationSchema>> application_schema(const std::vector<PolicyFile>& files);

// Members of context that are Writ's alone; no schema declares them for an application.
bool is_reserved_in_context(std::string_view name);

// The schema of one file as policies see it: contexts with what Writ sets.
Result<std::string> print_application_schema(const PolicyFile& file);

}  // namespace writ::core
