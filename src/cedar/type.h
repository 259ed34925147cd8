// Types: what validation knows of a value before there is one. Immutable and shared.
// https://docs.cedarpolicy.com/policies/validation.html
// Invariant: no type is deeper than kMaxTypeDepth, so that walks may recurse; what could still take
// too long (shared parts unfold to exponential trees) counts steps.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace writ::cedar {

inline constexpr std::uint32_t kMaxTypeDepth = 200;

// Strict validation wants types to be equal where permissive validation accepts a common supertype.
enum class ValidationMode : std::uint8_t { kStrict, kPermissive };

enum class Extension : std::uint8_t { kIpaddr, kDecimal, kDatetime, kDuration };
std::string_view extension_name(Extension extension);
std::optional<Extension> extension_named(std::string_view name);

struct Type;
using TypePtr = std::shared_ptr<const Type>;

struct AttributeType {
  TypePtr type;
  bool required = true;
};
using AttributeTypes = std::map<std::string, AttributeType, std::less<>>;

struct Type {
  enum class Kind : std::uint8_t {
    kNever,  // of what has no value, such as the items of an empty set
    kTrue,   // the boolean true alone
    kFalse,
    kBool,
    kLong,
    kString,
    kExtension,
    kSet,
    kRecord,
    kEntity,
  };
  Kind kind = Kind::kNever;
  Extension extension = Extension::kIpaddr;
  std::uint32_t depth = 1;
  TypePtr element;                    // of kSet; null for a set of anything
  AttributeTypes attributes;          // of kRecord
  bool open = false;                  // of kRecord: there may be attributes besides
  std::vector<std::string> entities;  // of kEntity: sorted names; none for any entity

  bool is(Kind k) const { return kind == k; }
  bool is_boolean() const {
    return kind == Kind::kTrue || kind == Kind::kFalse || kind == Kind::kBool;
  }

  static TypePtr of(Kind kind);  // of a kind without parts; an any-entity, any-set, any-record too
  static TypePtr boolean(bool value);
  static TypePtr of(Extension extension);
  static TypePtr set(TypePtr element);
  static TypePtr record(AttributeTypes attributes, bool open = false);
  static TypePtr entity(std::string_view name);
  static TypePtr one_of(std::vector<std::string> names);  // sorted
};

// `Set<Long>`, `{a: Bool, b?: User}`; cut after some 200 characters.
std::string print(const Type& type);
bool equal_types(const TypePtr& a, const TypePtr& b);

// How much a walk over types or expressions may do, all in all.
class Steps {
 public:
  explicit Steps(std::uint64_t most) : left_(most) {}
  // False from the moment that the limit is reached.
  bool take(std::uint64_t count = 1) {
    if (left_ < count)
      left_ = 0;
    else
      left_ -= count;
    return left_ > 0;
  }
  bool spent() const { return left_ == 0; }

 private:
  std::uint64_t left_;
};

// True when every value of `a` is one of `b`. False also when the steps are spent.
bool is_subtype(const TypePtr& a, const TypePtr& b, ValidationMode mode, Steps& steps);

// The least type that both are of; or why there is none.
struct CommonType {
  TypePtr type;  // null where there is none
  std::string_view reason;
};
CommonType common_type(const TypePtr& a, const TypePtr& b, ValidationMode mode, Steps& steps);

}  // namespace writ::cedar
