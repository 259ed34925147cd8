// Decisions: compiled policies, evaluated for a request over the entities that a reader knows.
// Cedar's rules: allow when some permit and no forbid is satisfied; a policy whose evaluation fails
// is not satisfied, and is reported. A caller for whom an errored forbid must deny asks
// `forbid_failed`.
#pragma once

#include <boost/container/small_vector.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cedar/entity.h"
#include "cedar/policy.h"

namespace writ::cedar {

struct Request {
  EntityUid principal;
  EntityUid action;
  EntityUid resource;
  Value context = Value::record();  // a record
};

// Where evaluation reads the context, as policies touch it. What it answers must stay valid, and
// the same, while an evaluation runs.
class ContextReader {
 public:
  ContextReader() = default;
  ContextReader(const ContextReader&) = default;
  ContextReader& operator=(const ContextReader&) = default;
  virtual ~ContextReader() = default;
  // The attribute at the end of a path: of `context.auth.method` it is auth, method. kNone when the
  // record that would have it is there and has none. Empty when the reader leaves it to evaluation
  // to walk through `whole`.
  virtual std::optional<ValueView> find(std::span<const String> path) const = 0;
  virtual ValueView whole() const = 0;  // a record
};

// A request whose parts stand elsewhere; they must outlive it. Entities that are given here are not
// looked for in the reader.
struct RequestView {
  const EntityUid& principal;
  const EntityUid& action;
  const EntityUid& resource;
  const ContextReader& context;
  const Entity* principal_entity = nullptr;
  const Entity* action_entity = nullptr;
  const Entity* resource_entity = nullptr;
};

// A request in words, as it comes in; type and id of each part. They must outlive it.
struct RequestText {
  struct Part {
    std::string_view type;
    std::string_view id;
  };
  Part principal;
  Part action;
  Part resource;
  const Value& context;  // a record
};

namespace detail {
struct Program;
}

// Immutable and safe to share between threads. Copies share.
class CompiledPolicies {
 public:
  // Templates are left out: only policies decide.
  explicit CompiledPolicies(PolicySet policies);

  std::size_t size() const;
  const PolicySet& set() const;
  // Index below size(), in the order of set().policies().
  const Policy& policy(std::size_t index) const;
  const std::string& id(std::size_t index) const { return policy(index).id; }
  Effect effect(std::size_t index) const { return policy(index).effect; }
  std::optional<std::size_t> index_of(std::string_view id) const;
  const detail::Program& program() const { return *program_; }
  std::shared_ptr<const detail::Program> shared_program() const { return program_; }

 private:
  std::shared_ptr<const detail::Program> program_;
};

enum class Decision : std::uint8_t { kDeny, kAllow };

struct PolicyError {
  std::uint32_t policy;  // index
  Error error;           // where: file:line:column of the expression
};

struct Response {
  Decision decision = Decision::kDeny;
  // Indices of the determining policies, ascending: the satisfied forbids of a denial, the
  // satisfied permits of an allow, none where nothing applied.
  boost::container::small_vector<std::uint32_t, 8> reasons;
  std::vector<PolicyError> errors;  // by ascending index
  bool forbid_failed = false;       // an errored policy is a forbid
};

Response authorize(const CompiledPolicies& policies, const RequestView& request,
                   const EntityReader& entities);
Response authorize(const CompiledPolicies& policies, const Request& request,
                   const EntityReader& entities);
// Over entities that are held: quicker, most of all where they were read for these policies.
Response authorize(const CompiledPolicies& policies, const Request& request,
                   const Entities& entities);
// The quickest: each part is looked up by its words and nothing is made of them.
Response authorize(const CompiledPolicies& policies, const RequestText& request,
                   const Entities& entities);
// Whether one policy applies: its scope covers the request, and its conditions hold. One that fails
// does not.
bool satisfied(const CompiledPolicies& policies, std::size_t index, const RequestView& request,
               const EntityReader& entities);

// Whether any policy applies, or fails. Looks no further than the first.
bool any_applies(const CompiledPolicies& policies, const RequestView& request,
                 const EntityReader& entities);

// Whether the conditions of one policy hold. Whoever asks knows that its scope covers the request.
enum class Holds : std::uint8_t { kNo, kYes, kFailed };
Holds conditions_hold(const CompiledPolicies& policies, std::size_t index,
                      const RequestView& request, const EntityReader& entities);

// Why one policy does or does not apply to a request.
struct Explanation {
  enum class Outcome : std::uint8_t {
    kSatisfied,
    kPrincipal,  // the scope does not cover this principal
    kAction,
    kResource,
    kCondition,  // `condition` is false (true, for unless)
    kError,
  };
  Outcome outcome = Outcome::kSatisfied;
  std::size_t condition = 0;  // which clause, from 0; of kCondition and kError
  Position position;          // of the scope part's policy, the clause, or the failed expression
  std::string text;           // of the clause: `when { … }`, as written
  std::string message;        // of kError
};
Explanation explain(const CompiledPolicies& policies, std::size_t index, const Request& request,
                    const EntityReader& entities);

// The value of an expression, for tools.
Result<Value> evaluate(std::string_view expression, const Request& request,
                       const EntityReader& entities);
// The same of a tree.
struct Evaluated {
  std::optional<Value> value;  // empty: it failed
  std::string problem;
  std::uint32_t at = 0;  // offset of what failed, in the tree's source
};
Evaluated evaluate(const Expr& expr, const Request& request, const EntityReader& entities);

}  // namespace writ::cedar
