// Uids that an attacker would choose: different, and all of one hash.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cedar/uid.h"

namespace writ::cedar {

// An id of three words: the second makes nothing of what the first did to the hash.
inline std::vector<EntityUid> uids_of_one_hash(std::uint64_t count) {
  std::vector<EntityUid> uids;
  for (std::uint64_t first = 0; first < count; ++first) {
    std::string id(24, 'x');
    id.replace(0, 8, reinterpret_cast<const char*>(&first), 8);
    id.replace(8, 8, reinterpret_cast<const char*>(&detail::kHashStep), 8);
    uids.emplace_back("T", id);
  }
  return uids;
}

}  // namespace writ::cedar
