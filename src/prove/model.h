// What terms are in a solver's model.
#pragma once

#include <compare>
#include <string>
#include <vector>

#include "base/result.h"
#include "prove/sexpr.h"
#include "prove/term.h"

namespace writ::prove {

struct ModelValue {
  // "true" or "false"; the digits of bits, in binary; a string in UTF-8; the name that the solver
  // gave to a thing; else empty.
  std::string atom;
  std::uint32_t constructor = 0;
  std::vector<ModelValue> parts;  // a constructor's fields; a set's members, sorted
  std::strong_ordering operator<=>(const ModelValue& other) const;
  bool operator==(const ModelValue&) const = default;
  bool is_true() const { return atom == "true"; }
};
std::int64_t number_of(const ModelValue& bits);  // of at most 64

// A value as a solver prints it. Z3 can make sets of almost everything; of those the members are
// left out that nothing names. kCorrupt for what is no value.
Result<ModelValue> read_value(const Terms& terms, SortId sort, const Sexpr& text);

}  // namespace writ::prove
