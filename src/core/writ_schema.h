// Writ's own schema: the entity types, actions and contexts that its decisions have, in Cedar's
// schema language. What entities.h, reader.h and Asking give is exactly this; writ_schema_test.cc
// holds them to it.
// https://docs.cedarpolicy.com/schema/human-readable-schema.html
#pragma once

#include <string_view>

#include "cedar/schema.h"

namespace writ::core {

// The file's name in messages.
inline constexpr std::string_view kWritSchemaFile = "writ.cedarschema";

std::string_view writ_schema_text();
const cedar::Schema& writ_schema();

}  // namespace writ::core
