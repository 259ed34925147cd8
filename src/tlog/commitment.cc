#include "tlog/commitment.h"

#include "crypto/hash.h"

namespace writ::tlog {
namespace {
constexpr char kVersion = 1;
}

Result<std::string> commit(std::string_view salt, std::string_view payload) {
  if (salt.size() != kSaltSize) {
    return fail(Code::kInvalid, "a commitment's salt must have 16 bytes");
  }
  std::string bytes;
  bytes.reserve(salt.size() + payload.size());
  bytes += salt;
  bytes += payload;
  const Hash hash = crypto::sha256(bytes);
  std::string entry(1, kVersion);
  entry += as_bytes(hash);
  return entry;
}

Status verify_commitment(std::string_view entry, std::string_view salt, std::string_view payload) {
  if (entry.size() != kCommitmentEntrySize || entry[0] != kVersion) {
    return fail(Code::kCorrupt, "the entry is not a commitment of a version that Writ knows");
  }
  const auto wanted = commit(salt, payload);
  if (!wanted || *wanted != entry) {
    return fail(Code::kCorrupt, "the payload is not the one that the entry commits to");
  }
  return {};
}

}  // namespace writ::tlog
