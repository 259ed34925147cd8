// Policies as written: parsed, introspectable, printable; compiled by authorize.h.
// Invariant: ids are unique in a set, among policies and templates together.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cedar/expr.h"
#include "cedar/source.h"

namespace writ::cedar {

enum class Effect : std::uint8_t { kPermit, kForbid };

struct Annotation {
  std::string name;
  std::string value;  // empty where it has none
  std::uint32_t begin = 0;
  bool given = false;  // a value stands there, even if it is empty
};

// One part of a policy's scope.
struct Constraint {
  enum class Shape : std::uint8_t {
    kAny,   // principal
    kIs,    // principal is Type
    kEq,    // principal == uid
    kIn,    // principal in uid, or action in [uids]
    kIsIn,  // principal is Type in uid
  };
  Shape shape = Shape::kAny;
  bool slot = false;            // the uid is `?principal` or `?resource`, still to be filled
  bool list = false;            // an action list, even of one or none
  std::string type;             // of kIs and kIsIn
  std::vector<EntityUid> uids;  // one; none for a slot or kAny; any number for an action list
  std::uint32_t begin = 0;      // range of bytes in the source; none where it was not parsed there
  std::uint32_t end = 0;
};

struct Condition {
  bool unless = false;
  Expr expr;
  std::uint32_t begin = 0;  // of the keyword
  std::uint32_t end = 0;    // after the brace
};

struct Policy {
  std::string id;
  std::string template_id;  // of a linked policy; else empty
  Effect effect = Effect::kPermit;
  std::vector<Annotation> annotations;
  Constraint principal;
  Constraint action;
  Constraint resource;
  std::shared_ptr<const std::vector<Condition>> conditions;
  std::shared_ptr<const Source> source;
  std::uint32_t begin = 0;  // range of bytes in the source, annotations included
  std::uint32_t end = 0;

  Position position() const { return source->position(begin); }
  Position position(std::uint32_t at) const { return source->position(at); }
  // The text as written.
  std::string_view text() const {
    return std::string_view(source->text()).substr(begin, end - begin);
  }
  const Annotation* annotation(std::string_view name) const;
  bool is_template() const { return principal.slot || resource.slot; }
  // True when the action scope is exactly `action == uid`.
  bool action_is(std::string_view type, std::string_view action_id) const;
};

enum class Ids : std::uint8_t {
  kPosition,    // policy0, policy1, … in the order of the file
  kAnnotation,  // the `@id` annotation where there is one, else as kPosition
};

struct ParseOptions {
  Ids ids = Ids::kPosition;
  std::size_t first = 0;         // number of the first policy
  std::size_t bytes = 16 << 20;  // most text
};

// What fills a template's slots.
struct Slots {
  std::optional<EntityUid> principal;
  std::optional<EntityUid> resource;
};

class PolicySet {
 public:
  // Parses every policy and template of a file. Text at the depth limit (kMaxDepth) wants up to 2
  // MB of stack, so parse on a thread that has the usual 8. An error says file:line:column, what is
  // wrong, the line and a caret.
  static Result<PolicySet> parse(std::string_view text, std::string_view file = {},
                                 const ParseOptions& options = {});

  const std::vector<Policy>& policies() const { return policies_; }  // static and linked
  const std::vector<Policy>& templates() const { return templates_; }
  const Policy* find(std::string_view id) const;  // among policies
  const Policy* find_template(std::string_view id) const;

  // Adds a policy made from a template. The slots must be exactly the template's.
  Status link(std::string_view template_id, std::string_view id, const Slots& slots);
  // Adds all of another set. A taken id is refused with both places; then nothing is added.
  Status merge(const PolicySet& other);
  // Adds one policy or template, as another set holds it. A taken id is refused with both places.
  Status add(Policy policy);

 private:
  struct Place {
    bool among_templates;
    std::size_t index;
  };
  const Policy* at(std::string_view id) const;
  std::map<std::string, Place, std::less<>> places_;  // by id
  std::vector<Policy> policies_;
  std::vector<Policy> templates_;
};

// Back to text: one form whatever the spacing and comments were. Parses to the same policy.
std::string print(const Policy& policy);
std::string print(const Expr& expr);

// An expression alone, as in a `when` clause. `source` keeps the text.
struct ParsedExpr {
  std::shared_ptr<const Source> source;
  Expr expr;
};
Result<ParsedExpr> parse_expr(std::string_view text, std::string_view file = {});

}  // namespace writ::cedar
