// The functions and methods of Cedar, applied to values. Evaluation and JSON share them.
#pragma once

#include <string>
#include <vector>

#include "cedar/expr.h"
#include "cedar/value.h"

namespace writ::cedar {

// What applying a function came to. `view` borrows from the arguments or from `made`; it is kNone
// on failure, which `problem` explains.
struct Applied {
  ValueView view;
  std::optional<Value> made;
  std::string problem;
};

// Applies any function but getTag and hasTag, which read entities. As many arguments as its form
// says, receiver first.
Applied apply(Function function, const ValueView* args);

// The same for owned values, with the number of arguments checked.
Result<Value> call_extension(Function function, const std::vector<Value>& args);

}  // namespace writ::cedar
