// The unknown world that a proof is about: every valid request of one environment, with every valid
// set of entities. What policies read of it are symbols; which of them were read is remembered, so
// that a solver's model can be turned back into a request and entities.
// Invariant: whatever values the symbols have under assumptions(), there is such a world.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "base/result.h"
#include "cedar/schema.h"
#include "cedar/typecheck.h"
#include "cedar/value.h"
#include "prove/term.h"

namespace writ::prove {

// Whether entities that a request or attributes name may be unknown, so that reading them fails.
enum class Store : std::uint8_t { kComplete, kMayMissEntities };

// A value of an entity that some policy reads.
struct Read {
  enum class Kind : std::uint8_t { kAttribute, kTag, kAncestors, kExists };
  Kind kind = Kind::kAttribute;
  TermId entity = 0;
  std::string type;  // of the entity
  std::string name;  // of the attribute; of the type of the ancestors
  TermId key = 0;    // of the tag
  TermId value = 0;  // an option where the attribute is optional, and for a tag
  auto operator<=>(const Read&) const = default;
};

class World {
 public:
  // The schema must outlive this, and have the environment.
  World(const cedar::Schema& schema, cedar::Environment environment, Store store);

  const cedar::Schema& schema() const { return schema_; }
  const cedar::Environment& environment() const { return environment_; }
  Store store() const { return store_; }
  Terms& terms() { return terms_; }
  const Terms& terms() const { return terms_; }

  // kInvalid for a type without one form, such as an entity of several types.
  Result<SortId> sort_of(const cedar::Type& type);
  SortId entity_sort(std::string_view type);
  SortId ip_sort();

  // A known value, of the type.
  Result<TermId> constant(cedar::ValueView value, const cedar::Type& type);
  Result<TermId> entity(const cedar::EntityUid& uid);
  Result<TermId> text(std::string_view utf8);
  TermId ip(const cedar::IpRange& range);

  TermId principal();
  TermId resource();
  Result<TermId> action() { return entity(environment_.action); }
  Result<TermId> context();  // a record

  // Reads of an entity of a type. An attribute that the type declares: an option where optional.
  Result<TermId> attribute(TermId entity, const std::string& type, const std::string& name);
  Result<TermId> tag(TermId entity, const std::string& type, TermId key);              // an option
  TermId ancestors(TermId entity, const std::string& type, const std::string& above);  // a set
  TermId exists(TermId entity, const std::string& type);

  // 64 bits divided by a positive number, rounded down.
  struct Division {
    TermId quotient = 0;
    TermId rest = 0;  // from 0 to below the divisor
  };
  Division divide(TermId number, std::int64_t by);

  // A number beside the request that a proof speaks of, of 64 bits.
  TermId unknown(const std::string& name);
  const std::map<std::string, TermId>& unknowns() const { return unknowns_; }
  // That no other worlds are of interest.
  void assume(TermId premise) { premises_.push_back(premise); }

  // What is true of every world, as far as it matters to a formula: hierarchies are transitive and
  // have no cycle, and divisions are right.
  TermId assumptions(TermId formula);

  const std::set<Read>& reads() const { return reads_; }
  // Every entity that something was asked of, or that policies name, by type.
  const std::set<std::pair<std::string, TermId>>& named() const { return named_; }

 private:
  const cedar::Schema& schema_;
  cedar::Environment environment_;
  Store store_;
  Terms terms_;
  std::set<Read> reads_;
  std::set<std::pair<std::string, TermId>> named_;
  std::map<std::string, TermId> unknowns_;
  std::vector<TermId> premises_;
  // That they are right; by quotient and rest.
  std::map<std::pair<TermId, TermId>, TermId> divisions_;
};

}  // namespace writ::prove
