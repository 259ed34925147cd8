// What partial evaluation starts from: a request, and entities, of which parts are not known yet.
// https://github.com/cedar-policy/rfcs/blob/main/text/0095-type-aware-partial-evaluation.md
// Invariant: what is known is known in full; attributes, tags, ancestors and context each as one.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cedar/entity.h"
#include "cedar/schema.h"

namespace writ::cedar {

// An entity of which at least the type is known.
struct PartialUid {
  std::string type;
  std::optional<std::string> id;
  // Empty without an id.
  std::optional<EntityUid> uid() const;
};

struct PartialRequest {
  PartialUid principal;
  EntityUid action;
  PartialUid resource;
  std::optional<Value> context;  // a record
};

// Whether the action applies to these types, and what is known is of the schema's types. The place
// is "principal", "action", "resource" or a pointer into "context".
Status validate(const Schema& schema, const PartialRequest& request);

// What is known about one entity; null for what is not.
struct KnownParts {
  bool absent = false;  // it is known that there is no such entity
  const Value* attrs = nullptr;
  const Value* tags = nullptr;
  const UidSet* ancestors = nullptr;
};

// Where partial evaluation reads entities. What it answers must stay valid, and the same, while an
// evaluation runs. Entities of actions are never asked for: the schema has them.
class PartialReader {
 public:
  PartialReader() = default;
  PartialReader(const PartialReader&) = default;
  PartialReader& operator=(const PartialReader&) = default;
  virtual ~PartialReader() = default;
  virtual KnownParts find(const EntityUid& uid) const = 0;
};

// Whether an entity that is not listed may exist all the same.
enum class Unlisted : std::uint8_t {
  kUnknown,  // as RFC 95 has it: it may, with any contents
  kAbsent,   // it does not
};

// Known entities as partial ones. The reader must outlive this.
class KnownEntities final : public PartialReader {
 public:
  KnownEntities(const EntityReader& entities, Unlisted unlisted)
      : entities_(entities), unlisted_(unlisted) {}
  KnownParts find(const EntityUid& uid) const override;

 private:
  const EntityReader& entities_;
  Unlisted unlisted_;
};

struct PartialEntity {
  EntityUid uid;
  std::optional<Value> attrs;  // a record
  std::optional<Value> tags;   // a record
  std::optional<UidSet> ancestors;
};

// Partial entities in memory. Those that are not listed may exist.
class PartialEntities final : public PartialReader {
 public:
  PartialEntities() = default;
  // From Cedar's JSON format of entities, where `attrs`, `parents` and `tags` are unknown when they
  // are left out or null. Checked against the schema. Refuses actions, duplicates, cycles, and
  // parents of which it is listed that their own parents are unknown.
  static Result<PartialEntities> parse_json(std::string_view text, const Schema& schema,
                                            std::string_view name = {},
                                            const EntityLimits& limits = {});
  static Result<PartialEntities> from_json(const Json& json, const Schema& schema,
                                           std::string_view name = {},
                                           const EntityLimits& limits = {});
  // Ancestors must be closed already. The same checks.
  static Result<PartialEntities> of(std::vector<PartialEntity> entities, const Schema& schema);

  KnownParts find(const EntityUid& uid) const override;
  std::size_t size() const { return entities_.size(); }
  auto begin() const { return entities_.begin(); }  // of pairs of uid and PartialEntity
  auto end() const { return entities_.end(); }

 private:
  std::map<EntityUid, PartialEntity> entities_;
};

}  // namespace writ::cedar
