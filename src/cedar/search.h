// Search: which principals or resources an action is allowed for. Policies are evaluated once with
// that part unknown; what is left is cheap to evaluate for each candidate, and often names the
// candidates (`resource in X`, `resource.owner == X`), so that an index finds them.
// Invariant: the answer is the same as that of the authorizer, asked about each candidate.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cedar/tpe.h"

namespace writ::cedar {

// What an index can be asked for.
struct Lookup {
  enum class Kind : std::uint8_t {
    kIs,     // the entity `value`
    kIn,     // entities in the entity `value`, and that itself
    kHas,    // entities whose `attribute` is `value`
    kHolds,  // entities whose `attribute` is a set that holds `value`
  };
  Kind kind = Kind::kIs;
  std::string attribute;  // of kHas and kHolds
  Value value;
  bool operator==(const Lookup&) const = default;
};

// The part of a request that is sought; of the request, that part alone is unknown.
enum class Sought : std::uint8_t { kPrincipal, kResource };

// Lookups that together find every candidate for which the expression can be true; none when it
// never is. Empty when it can be true for any.
std::optional<std::vector<Lookup>> lookups(const CoreExpr& expr, Sought sought,
                                           const EntityReader& entities);

// Lookups that together find every candidate that some permit can be satisfied for; none when no
// permit can. Empty when it can be any, or finding out takes more than `steps`. Of the request the
// sought part's type is known, the other part wholly, the context not. No schema is asked for: what
// policies say is taken as it stands.
std::optional<std::vector<Lookup>> narrow(const CompiledPolicies& policies,
                                          const PartialRequest& request, Sought sought,
                                          const EntityReader& entities,
                                          std::uint64_t steps = 2'000'000);

// Candidates, by what lookups ask for. Immutable and safe to share.
class EntityIndex {
 public:
  // The entities must outlive this. Only these attributes can be looked up.
  EntityIndex(std::span<const Entity> entities, const std::vector<std::string>& attributes);

  std::span<const Entity> entities() const { return entities_; }
  bool can(const Lookup& lookup) const;
  // Ascending. None for what it cannot.
  std::span<const std::uint32_t> find(const Lookup& lookup) const;

 private:
  // Which entities a key is of. It is sorted and searched by halving: the keys are from files, and
  // hashes that were made to collide cost nothing here (hash.h).
  template <class Key>
  class Sorted {
   public:
    // Indices ascending; then sort() once, and find.
    void add(const Key& key, std::uint32_t index) {
      keys_.push_back(key);
      indices_.push_back(index);
    }
    void sort();
    std::span<const std::uint32_t> find(const Key& key) const;

   private:
    std::vector<Key> keys_;
    std::vector<std::uint32_t> indices_;
    std::vector<std::size_t> starts_;  // by key: of its indices; and the end of the last
  };
  struct ByValue {
    std::string attribute;
    Sorted<Value> has;
    Sorted<Value> holds;
  };
  const ByValue* of(std::string_view attribute) const;

  std::span<const Entity> entities_;
  Sorted<EntityUid> is_;
  Sorted<EntityUid> in_;
  std::vector<ByValue> by_value_;
};

struct SearchOptions {
  FailedForbid failed_forbid = FailedForbid::kSkipped;
};

struct Found {
  std::vector<std::uint32_t> allowed;  // indices of candidates, ascending
  std::size_t looked_at = 0;           // how many candidates were evaluated
};

// The request must be valid for the policies' environment, and wholly known but for the id of what
// is sought. Candidates of other types are not allowed. Entities and candidates must be valid by
// the schema; an entity that the reader does not find does not exist.
Result<Found> search(const TypedPolicies& policies, const PartialRequest& request,
                     const EntityIndex& candidates, const EntityReader& entities,
                     const SearchOptions& options = {});

}  // namespace writ::cedar
