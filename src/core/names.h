// Names in commands: which are well-formed, what they mean, and which were probably meant.
// Internal to the room.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/call.h"

namespace writ::core {

// 1 to 64 of a-z 0-9 . _ - @ +, beginning with a letter or digit; no id of Writ's.
Status check_identity_name(std::string_view name, std::string_view pointer);
// 1 to 63 of a-z 0-9 _ -, beginning with a letter or digit: groups, targets, and each part of a
// resource's or entitlement's name.
Status check_simple_name(std::string_view name, std::string_view pointer);
// Text for people: not blank, at most kMostText bytes, no control characters.
Status check_text(std::string_view text, std::string_view pointer);
std::string trimmed(std::string_view text);

// Up to three of `known` that `wanted` may have been meant to be, as " Did you mean a, b or c?";
// empty when none is near.
std::string did_you_mean(std::string_view wanted, const std::vector<std::string>& known);

// The keys of a map, to look for near ones; none of a very large map.
template <class Map>
std::vector<std::string> names_in(const Map& map) {
  constexpr std::size_t kMostSearched = 2000;
  std::vector<std::string> keys;
  if (map.size() > kMostSearched) return keys;
  map.for_each([&](const std::string& key, const auto&) { keys.push_back(key); });
  return keys;
}

// What a name or id in a command stands for. kNotFound at `pointer`, with near names.
Result<const Identity*> identity_named(const Call& call, std::string_view name,
                                       std::string_view pointer);
Result<const Group*> group_named(const Call& call, std::string_view name, std::string_view pointer);
Result<const TargetSystem*> target_named(const Call& call, std::string_view name,
                                         std::string_view pointer);
// "identity:NAME-or-id" or "group:NAME", or a bare name of a person or group, in the form that
// State holds. Only active persons and groups can own.
Result<std::string> owner_named(const Call& call, std::string_view owner, std::string_view pointer);

}  // namespace writ::core
