// What an engine holds at one time, and reading it: policies, schema and entities that fit
// together. Invariant: with a schema, the policies pass strict validation by it and the entities
// are valid. Immutable; it has no C in it, writ.cc puts the C interface around it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "cedar/authorize.h"
#include "cedar/schema.h"

namespace writ::embed {

struct World {
  cedar::CompiledPolicies policies{cedar::PolicySet()};
  std::shared_ptr<const cedar::Schema> schema;      // null: none
  std::shared_ptr<const cedar::Entities> entities;  // never null
  bool entities_given = false;                      // or else they are the schema's actions alone
};

enum class Format : std::uint8_t { kCedar, kJson };

struct Source {
  std::string_view text;
  std::string_view name;
  Format format = Format::kCedar;
};

struct Parts {
  std::optional<Source> policies;
  std::optional<Source> schema;
  std::optional<Source> entities;
};

World empty_world();
// `before` with the given parts in place of its own.
Result<World> replaced(const World& before, const Parts& parts);

// Entities as policies write them, and a JSON object (empty text for an empty one).
struct RequestText {
  std::string_view principal;
  std::string_view action;
  std::string_view resource;
  std::string_view context;
};
Result<cedar::Request> read_request(const World& world, const RequestText& text);
// {"principal", "action", "resource", "context"}, the last optional.
Result<cedar::Request> read_request(const World& world, std::string_view json);

}  // namespace writ::embed
