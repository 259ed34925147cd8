// Reads the JSON texts that come by the thousand in a second: short, a few members deep, printable
// ASCII without escapes, integers. It takes a text whole or not at all, and never says why not:
// what is too large, unusual or wrong is left to the strict reader of json.cc, whose answer is the
// same for every text that this one takes. For json.cc alone.
#pragma once

#include <optional>
#include <string_view>

#include "base/json.h"

namespace writ {

std::optional<Json> read_quickly(std::string_view text, const JsonLimits& limits);

}  // namespace writ
