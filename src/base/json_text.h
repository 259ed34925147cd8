// Members of a JSON object written straight into a string, for texts that are made once for every
// decision. What is empty is left out.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace writ {

// Appends `,"name":"value"`. The name is written as it is.
inline void append_member(std::string& out, std::string_view name, std::string_view value) {
  if (value.empty()) return;
  out += ",\"";
  out += name;
  out += "\":";
  append_json_string(out, value);
}

// Appends `,"name":["value",…]`.
inline void append_member(std::string& out, std::string_view name,
                          const std::vector<std::string>& values) {
  if (values.empty()) return;
  out += ",\"";
  out += name;
  out += "\":[";
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (i > 0) out += ',';
    append_json_string(out, values[i]);
  }
  out += ']';
}

}  // namespace writ
