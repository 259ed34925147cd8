// Entities and contexts in JSON, read by a schema: JSON may leave the escapes `__entity` and
// `__extn` out where the schema tells what stands there. Nothing here validates: a value that does
// not fit its type is left as it is.
// https://docs.cedarpolicy.com/auth/entities-syntax.html
#pragma once

#include "base/json.h"
#include "cedar/schema.h"

namespace writ::cedar {

// A value of this type with every escape written out.
Json explicit_value(const Json& json, const Type& type);
// Entities in Cedar's JSON format with every escape written out.
Json explicit_entities(const Schema& schema, const Json& entities);
// Entities with the schema's actions, where they do not have them already.
Json with_actions(const Schema& schema, Json entities);
// explicit_entities for the context of a request with this action.
Json explicit_context(const Schema& schema, const Json& context, const EntityUid& action);

}  // namespace writ::cedar
