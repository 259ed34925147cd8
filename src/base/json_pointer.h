// Where a value stands in JSON, for errors: "entities.json#/0/uid". What follows the sign is its
// JSON pointer (RFC 6901), so the whole is "entities.json#", and "entities.json#/" is its member
// "".
#pragma once

#include <string>
#include <string_view>

namespace writ {

// A step to the member of this name, with what RFC 6901 escapes in it.
inline std::string step_to_member(std::string_view name) {
  std::string step = "/";
  for (const char c : name) {
    if (c == '~') {
      step += "~0";
    } else if (c == '/') {
      step += "~1";
    } else {
      step += c;
    }
  }
  return step;
}

// The pointer alone where the JSON has no name.
inline std::string place_in_json(std::string_view name, std::string_view pointer = {}) {
  std::string place(name);
  if (!name.empty()) place += '#';
  return place.append(pointer);
}

}  // namespace writ
