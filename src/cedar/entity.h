// Entities: what policies read about principals, actions and resources.
// Invariant: `ancestors` is transitive: it holds every entity above this one, whether or not that
// entity itself is known, and never the entity itself.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cedar/hash_starts.h"
#include "cedar/value.h"

namespace writ::cedar {

struct Entity {
  EntityUid uid;
  Value attrs = Value::record();  // a record
  Value tags = Value::record();   // a record
  UidSet ancestors;
};

class CompiledPolicies;
namespace detail {
struct Program;
}

// Where evaluation reads entities, as policies touch them. Called from evaluation only, so an
// implementation over an immutable snapshot needs no lock.
class EntityReader {
 public:
  EntityReader() = default;
  EntityReader(const EntityReader&) = default;
  EntityReader& operator=(const EntityReader&) = default;
  virtual ~EntityReader() = default;
  // The entity, or null where there is none. It must stay valid, and the same, until the
  // authorize, explain or evaluate call that asked has returned.
  virtual const Entity* find(const EntityUid& uid) const = 0;
};

struct EntityLimits {
  std::size_t bytes = 64 << 20;        // of JSON text
  std::size_t depth = 64;              // of nested JSON values
  std::size_t items = 8'000'000;       // JSON values
  std::size_t ancestors = 20'000'000;  // of all entities together, after closure
  std::uint64_t steps = 500'000'000;   // of closing: ancestors of parents, of each parent anew
};

// Entities in memory, read from Cedar's JSON format: an array of {"uid", "attrs", "parents",
// "tags"}, the last optional.
class Entities final : public EntityReader {
 public:
  Entities() = default;
  // Refuses cycles, and duplicates unless they are identical. `name` stands in error places. Any
  // policies may read them; those that are given here do so quicker, and are kept.
  static Result<Entities> parse_json(std::string_view text, std::string_view name = {},
                                     const EntityLimits& limits = {},
                                     const CompiledPolicies* readers = nullptr);
  static Result<Entities> from_json(const Json& json, std::string_view name = {},
                                    const EntityLimits& limits = {},
                                    const CompiledPolicies* readers = nullptr);

  const Entity* find(const EntityUid& uid) const override;
  // By what a request says: `type` without quotes, `id` without escapes.
  const Entity* find(std::string_view type, std::string_view id) const;
  std::size_t size() const { return entities_.size(); }
  auto begin() const { return entities_.begin(); }
  auto end() const { return entities_.end(); }

  // Which policies may cover an action, as detail::policies_of says. `action` is one of these
  // entities, or null. Null where that is not known: they were not read for this program, it has
  // too many policies, or this is no action.
  const std::uint64_t* policies_of(const detail::Program& program, const Entity* action) const {
    if (action == nullptr || readers_.get() != &program) return nullptr;
    const std::uint64_t* const bits =
        of_action_.data() + (static_cast<const Row*>(action) - entities_.data());
    return *bits == kNotKnown ? nullptr : bits;
  }

 private:
  // A line of the processor's cache each.
  struct alignas(64) Row : Entity {};
  explicit Entities(std::vector<Row> entities);
  void index_actions(std::shared_ptr<const detail::Program> readers);
  // Those whose hash has the same first bits: few, unless the uids were chosen to be many.
  std::span<const Row> near(std::uint64_t hash) const {
    const detail::HashStarts::Range range = starts_.near(hash);
    return {entities_.data() + range.first, range.count};
  }
  [[gnu::noinline]] static const Entity* search(std::span<const Row> near, const EntityUid& uid);
  [[gnu::noinline]] static const Entity* search(std::span<const Row> near, std::string_view type,
                                                std::string_view id);

  std::vector<Row> entities_;  // sorted by hash of the uid, then uid
  detail::HashStarts starts_;
  static constexpr std::uint64_t kNotKnown = ~std::uint64_t{0};  // of fewer policies than bits
  std::shared_ptr<const detail::Program> readers_;               // null: none, or too many policies
  std::vector<std::uint64_t> of_action_;  // by entity: those that may cover this action
};

}  // namespace writ::cedar
