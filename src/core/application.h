// What Writ knows of the applications behind doors: the entities that policy files hold (policy.h).
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cedar/entity.h"
#include "cedar/search.h"
#include "core/decide.h"
#include "core/policy.h"
#include "core/state.h"

namespace writ::core {

// The entities of the files of this kind, in Cedar's JSON form, all together: what Writ knows of
// applications without being told with each question. A schema tells what a value without an escape
// is; null where there is none. kInvalid when one is twice, is of a type of
// Writ's or of none of a namespace, or lies below something of Writ's: only events put things into
// Writ's groups.
Result<cedar::Entities> application_entities(const std::vector<PolicyFile>& files,
                                             const cedar::Schema* schema);
// Where an entity stands in such a file, for errors: "todo.entities.json#/3".
std::string place_of(const cedar::EntityUid& uid, const PolicyFile& file);
// The entities of applications, actions too, that these are, that policies name, or that a schema
// declares; sorted, each once.
std::vector<cedar::EntityUid> known_entities(const std::vector<const cedar::Policy*>& policies,
                                             const cedar::Entities& entities,
                                             const std::optional<ApplicationSchema>& applications);

// These, which must be sorted, by what a search looks up: what they lie in, and the attributes that
// policies read of a resource.
std::shared_ptr<const cedar::EntityIndex> index_of(
    const std::vector<cedar::EntityUid>& known, const cedar::Entities& entities,
    const std::vector<const cedar::Policy*>& policies);

// The entity with what a door asserts of it, where nothing else is known.
cedar::Entity with_asserted(const cedar::Entities& entities, const cedar::EntityUid& uid,
                            const cedar::Value& asserted);

// The namespace that a door speaks for; empty when it has none of its own.
std::string namespace_of_door(const State& state, std::string_view door);
// A type as the door means it: "user" and "TodoApp::user" are TodoApp::user.
std::string type_in(std::string_view space, std::string_view type);

// What a question of a door about its application names.
struct ApplicationTypes {
  std::string subject;  // a type; "" for an identity of Writ
  cedar::EntityUid action;
  std::string resource;  // a type
};
// kDenied when the door has no namespace, or a name is none of it.
Result<ApplicationTypes> application_types(const State& state, const Question& question);

}  // namespace writ::core
