// Salted commitments. What stands in a tree may be published; the payload it speaks of may have to
// be erased. So an entry holds only a commitment, and payload and salt lie beside the tree:
//
//   entry = 0x01 || SHA-256(salt || payload)          33 bytes, the leaf data of the tree
//
// The salt is always 16 random bytes, so nobody can guess a payload from its entry, and the border
// between salt and payload is fixed.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace writ::tlog {

inline constexpr std::size_t kSaltSize = 16;
inline constexpr std::size_t kCommitmentEntrySize = 33;

// kInvalid unless the salt has kSaltSize bytes.
Result<std::string> commit(std::string_view salt, std::string_view payload);
// kCorrupt unless `entry` is a commitment to exactly this salt and payload.
Status verify_commitment(std::string_view entry, std::string_view salt, std::string_view payload);

}  // namespace writ::tlog
