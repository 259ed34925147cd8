// Sharing: names and uids, each made once for all the places where it stands. So they take less
// memory, and most comparisons end at the pointer.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

#include "cedar/value.h"

namespace writ::cedar {

class Sharing {
 public:
  // For about as many different uids.
  explicit Sharing(std::size_t uids = 0)
      : uids_(std::bit_ceil(kRoom * (std::min(uids, kMost) + 1))), names_(kNames) {}

  // Each is the one that was answered before, most times.
  EntityUid uid(std::string_view type, std::string_view id) {
    std::optional<EntityUid>& known = place_of(detail::hash_uid(hash_bytes(type), id));
    if (!known || !detail::says(known->text(), type, id)) known.emplace(type, id);
    return *known;
  }
  EntityUid shared(const EntityUid& uid) {
    std::optional<EntityUid>& known = place_of(uid.hash());
    if (!known || !(*known == uid)) known = uid;
    return *known;
  }
  String name(std::string_view name) {
    std::optional<String>& known = place_of_name(hash_bytes(name));
    if (!known || known->view() != name) known.emplace(name);
    return *known;
  }
  String shared(const String& name) {
    std::optional<String>& known = place_of_name(name.hash());
    if (!known || !(*known == name)) known = name;
    return *known;
  }

 private:
  // Of those with the same place only the last is known: what was chosen to have it costs nothing.
  static constexpr std::size_t kRoom = 8;
  static constexpr std::size_t kMost = 65'536;
  static constexpr std::size_t kNames = 1024;
  std::optional<EntityUid>& place_of(std::uint64_t hash) {
    return uids_[hash & (uids_.size() - 1)];
  }
  std::optional<String>& place_of_name(std::uint64_t hash) { return names_[hash & (kNames - 1)]; }

  std::vector<std::optional<EntityUid>> uids_;
  std::vector<std::optional<String>> names_;
};

}  // namespace writ::cedar
