// Terms: formulas of SMT-LIB as a graph in which equal terms are one node, so that what is the same
// is seen without a solver. Folded as they are made: constants, constructors, what stands on both
// sides of an equality.
// https://smt-lib.org/papers/smt-lib-reference-v2.6-r2021-05-12.pdf, sections 3 and 5
// Invariant: arguments have smaller numbers than the terms that have them, sorts than the sorts
// that are made of them.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace writ::prove {

using SortId = std::uint32_t;
using TermId = std::uint32_t;

// A value of a datatype: which of its constructors, and what of each field.
struct Constructor {
  std::string name;  // for people; unique in its datatype
  std::vector<SortId> fields;
  auto operator<=>(const Constructor&) const = default;
};

struct Sort {
  enum class Kind : std::uint8_t {
    kBool,
    kBits,    // width
    kString,  // of Unicode characters up to U+2FFFF
    kSet,     // element
    kData,    // constructors
    kOpaque,  // any number of things that are only the same or not: entities
  };
  Kind kind = Kind::kBool;
  std::uint32_t width = 0;
  SortId element = 0;
  std::string name;  // of kOpaque, and to tell kData apart
  std::vector<Constructor> constructors;
  auto operator<=>(const Sort&) const = default;
};

struct Symbol {
  std::string name;  // for people
  std::vector<SortId> args;
  SortId result = 0;
  auto operator<=>(const Symbol&) const = default;
};
using SymbolId = std::uint32_t;

enum class TermOp : std::uint8_t {
  kTrue,
  kFalse,
  kBits,    // text: `#x…` or `#b…`
  kString,  // text: UTF-8
  kThing,   // text: a named member of an opaque sort; different names, different things
  kApply,   // index: the symbol; args: as many as it takes
  kNot,
  kAnd,
  kOr,
  kIte,
  kEqual,
  kAdd,
  kSubtract,
  kMultiply,
  kLess,       // signed
  kLessEqual,  // signed
  kShiftRight,
  kXor,
  kSignExtend,  // index: by how many bits
  kZeroExtend,  // the same
  kConstruct,   // index: which constructor
  kIs,          // the same
  kSelect,      // index: 256 * constructor + field; any value where it is another constructor
  kSetOf,       // the members
  kMember,      // of what, in which set
  kSubset,
  kMeet,       // two sets have a member in common
  kHasPrefix,  // args: text, prefix
  kHasSuffix,
  kContains,
  kLike,  // pieces: what stands between its wildcards
};

struct Term {
  TermOp op = TermOp::kTrue;
  SortId sort = 0;
  std::uint32_t index = 0;
  std::vector<TermId> args;
  std::string text;
  std::vector<std::string> pieces;
  auto operator<=>(const Term&) const = default;
};

class Terms {
 public:
  Terms();

  // ---- Sorts ----
  SortId boolean() const { return boolean_; }
  SortId string() const { return string_; }
  SortId bits(std::uint32_t width);
  SortId set(SortId element);
  SortId opaque(std::string_view name);
  SortId data(std::string_view name, std::vector<Constructor> constructors);
  // `none`, or `some` of the sort: constructors 0 and 1.
  SortId option(SortId of);

  // ---- Terms ----
  TermId truth(bool value) const { return value ? true_ : false_; }
  TermId number(std::int64_t value);  // 64 bits
  TermId bits_of(std::uint32_t width, std::uint64_t value);
  TermId bytes_of(const std::uint8_t* bytes,
                  std::size_t count);  // the first is the most significant
  TermId text(std::string_view utf8);
  TermId thing(SortId sort, std::string_view name);
  TermId apply(const Symbol& symbol, std::vector<TermId> args = {});

  TermId negation(TermId of);
  TermId all(const std::vector<TermId>& of);
  TermId any(const std::vector<TermId>& of);
  TermId implies(TermId a, TermId b) { return any({negation(a), b}); }
  TermId ite(TermId condition, TermId then, TermId otherwise);
  TermId equal(TermId a, TermId b);
  // Of kAdd … kXor: two terms of one width.
  TermId bits_op(TermOp op, TermId a, TermId b);
  TermId extend(TermOp op, TermId of, std::uint32_t by);
  TermId construct(SortId sort, std::uint32_t constructor, std::vector<TermId> fields = {});
  TermId is(std::uint32_t constructor, TermId of);
  TermId select(std::uint32_t constructor, std::uint32_t field, TermId of);
  TermId none(SortId option) { return construct(option, 0); }
  TermId some(TermId of) { return construct(option((*this)[of].sort), 1, {of}); }
  TermId is_some(TermId of) { return is(1, of); }
  TermId value(TermId of) { return select(1, 0, of); }
  TermId set_of(SortId set, std::vector<TermId> members);
  TermId member(TermId item, TermId set);
  TermId subset(TermId a, TermId b);
  TermId meet(TermId a, TermId b);
  TermId like(TermId text, const std::vector<std::string>& pieces);

  // ---- What there is ----
  const Term& operator[](TermId term) const { return *terms_[term]; }
  const Sort& sort(SortId sort) const { return *sorts_[sort]; }
  const Symbol& symbol(SymbolId symbol) const { return *symbols_[symbol]; }
  std::size_t size() const { return terms_.size(); }
  SortId sort_of(TermId term) const { return terms_[term]->sort; }
  bool is_true(TermId term) const { return term == true_; }
  bool is_false(TermId term) const { return term == false_; }
  std::optional<std::int64_t> as_number(TermId term) const;  // of a constant of 64 bits

 private:
  TermId add(Term term);
  SortId add(Sort sort);
  bool is_constant(TermId term) const;
  TermId junction(TermOp op, const std::vector<TermId>& of);

  // Maps own the keys, whose addresses do not change.
  std::map<Term, TermId> term_ids_;
  std::map<Sort, SortId> sort_ids_;
  std::map<Symbol, SymbolId> symbol_ids_;
  std::vector<const Term*> terms_;
  std::vector<const Sort*> sorts_;
  std::vector<const Symbol*> symbols_;
  SortId boolean_ = 0;
  SortId string_ = 0;
  TermId true_ = 0;
  TermId false_ = 0;
};

}  // namespace writ::prove
