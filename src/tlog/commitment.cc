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
  thread_local crypto::Sha256 digest;
  const Hash hash = digest.update(salt).update(payload).finish();
  std::string entry;
  entry.reserve(kCommitmentEntrySize);
  entry += kVersion;
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
