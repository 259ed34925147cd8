// The functions and methods of Cedar, applied to values. Evaluation and JSON share them.
#pragma once

#include <string>
#include <vector>

#include "cedar/expr.h"
#include "cedar/value.h"

namespace writ::cedar {

// What applying a function came to: kNone on failure. An `owned` view carries a reference, which
// the caller takes over with Value::adopt; others are plain or borrow from the arguments.
struct Applied {
  ValueView view;
  bool owned = false;
};

// Applies any function but getTag and hasTag, which read entities. As many arguments as its form
// says, receiver first.
Applied apply(Function function, const ValueView* args);
// Why apply() failed with these arguments.
std::string problem_of(Function function, const ValueView* args);

// The same for owned values, with the number of arguments checked.
Result<Value> call_extension(Function function, const std::vector<Value>& args);

}  // namespace writ::cedar
