// Whatever bytes come as proof, note, checkpoint, key, tile path or bundle: no crash, and what
// parses is written back as it was.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "tlog/proof.h"
#include "tlog/tile.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace writ::tlog;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  static const NoteVerifier kKey =
      *parse_verifier_key("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW");
  (void)check_proof(bytes, kKey);
  if (const auto proof = parse_proof(bytes)) {
    const auto again = parse_proof(proof_text(*proof));
    if (!again || again->entry != proof->entry || again->inclusion != proof->inclusion)
      std::abort();
  }
  (void)open_note(bytes, kKey);
  if (const auto key = parse_verifier_key(bytes)) {
    if (!parse_verifier_key(verifier_key_text(*key))) std::abort();
  }
  if (const auto checkpoint = parse_checkpoint_text(bytes)) {
    if (*checkpoint_text(*checkpoint) != bytes) std::abort();
  }
  if (const auto tile = parse_tile_path(bytes)) {
    if (tile_path(*tile) != bytes) std::abort();
  }
  if (const auto entries = parse_entry_bundle(bytes, size == 0 ? 0 : data[0])) {
    if (*entry_bundle(*entries) != bytes) std::abort();
  }
  return 0;
}
