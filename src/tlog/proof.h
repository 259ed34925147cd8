// Offline proofs (C2SP tlog-proof): one file that shows, with the log's public key alone, that an
// entry is in a log.
//
//   c2sp.org/tlog-proof@v1
//   extra BASE64                {"entry":B64[,"payload":B64,"salt":B64]}, canonical JSON
//   index 73894
//   BASE64 …                    inclusion proof, one hash a line
//
//   <signed checkpoint>
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tlog/checkpoint.h"

namespace writ::tlog {

inline constexpr std::size_t kMostProofBytes = 8 << 20;

// What lies beside the tree for an entry that is a commitment (tlog/commitment.h).
struct Opening {
  std::string salt;
  std::string payload;
};

struct EntryProof {
  std::string entry;  // leaf data
  std::optional<Opening> opening;
  std::uint64_t index = 0;
  std::vector<Hash> inclusion;
  std::string checkpoint;  // signed note
};

std::string proof_text(const EntryProof& proof);
// Form only; nothing is verified.
Result<EntryProof> parse_proof(std::string_view text);

struct CheckedProof {
  EntryProof proof;
  Checkpoint checkpoint;
};

// Reads and verifies everything: the checkpoint's signature by a known key (and its origin, if
// given), the inclusion, and the opening, if there is one. The error names what does not hold.
Result<CheckedProof> check_proof(std::string_view text, std::span<const NoteVerifier> known,
                                 std::string_view origin = {});
Result<CheckedProof> check_proof(std::string_view text, const NoteVerifier& known,
                                 std::string_view origin = {});

}  // namespace writ::tlog
