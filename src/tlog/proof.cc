#include "tlog/proof.h"

#include "base/json_fields.h"
#include "tlog/commitment.h"
#include "tlog/decimal.h"

namespace writ::tlog {
namespace {

constexpr std::string_view kFirstLine = "c2sp.org/tlog-proof@v1";
constexpr std::size_t kMostSiblings = 64;

struct Extra {
  std::string entry;
  std::optional<std::string> payload;
  std::optional<std::string> salt;
};
template <class V>
void fields(V& v, Extra& e) {
  v("entry", e.entry);
  v("payload", e.payload);
  v("salt", e.salt);
}

tl::unexpected<Error> no_proof(const std::string& why, std::size_t line) {
  return fail(Code::kInvalid, "this is not a proof of a log entry: " + why,
              "line " + std::to_string(line));
}

Result<Extra> decode_extra(std::string_view text) {
  TRY(bytes, from_base64(text));
  TRY(json, parse_json(bytes, {.bytes = kMostProofBytes, .depth = 2, .items = 8}, "extra"));
  TRY(extra, from_json<Extra>(json));
  TRY(entry, from_base64(extra.entry));
  extra.entry = std::move(entry);
  if (extra.payload.has_value() != extra.salt.has_value()) {
    return fail(Code::kInvalid, "payload and salt come together or not at all", "extra");
  }
  if (extra.payload) {
    TRY(payload, from_base64(*extra.payload));
    TRY(salt, from_base64(*extra.salt));
    extra.payload = std::move(payload);
    extra.salt = std::move(salt);
  }
  return extra;
}

}  // namespace

std::string proof_text(const EntryProof& proof) {
  Extra extra{to_base64(proof.entry), {}, {}};
  if (proof.opening) {
    extra.payload = to_base64(proof.opening->payload);
    extra.salt = to_base64(proof.opening->salt);
  }
  std::string text(kFirstLine);
  text += "\nextra " + to_base64(canonical(to_json(extra)));
  text += "\nindex " + std::to_string(proof.index) + "\n";
  for (const Hash& hash : proof.inclusion) text += to_base64(as_bytes(hash)) + "\n";
  text += "\n" + proof.checkpoint;
  return text;
}

Result<EntryProof> parse_proof(std::string_view text) {
  if (text.size() > kMostProofBytes) return no_proof("it is longer than 8 MiB", 1);
  std::size_t number = 0;
  // The next line, or an empty one at the end.
  const auto next_line = [&] {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    ++number;
    return line;
  };
  if (next_line() != kFirstLine)
    return no_proof("it does not begin with " + std::string(kFirstLine), 1);
  EntryProof proof;
  std::string_view line = next_line();
  if (line.substr(0, 6) != "extra ") return no_proof("\"extra\" with the entry is missing", number);
  auto extra = decode_extra(line.substr(6));
  if (!extra) return no_proof(extra.error().text(), number);
  proof.entry = std::move(extra->entry);
  if (extra->payload) proof.opening = Opening{std::move(*extra->salt), std::move(*extra->payload)};
  line = next_line();
  if (line.substr(0, 6) != "index ") return no_proof("\"index\" is missing", number);
  const auto index = parse_decimal(line.substr(6));
  if (!index) return no_proof(index.error().message, number);
  proof.index = *index;
  for (line = next_line(); !line.empty(); line = next_line()) {
    const auto bytes = from_base64(line);
    const auto hash = bytes ? to_hash(*bytes) : fail(bytes);
    if (!hash) return no_proof("a hash is wanted here, base64 of 32 bytes", number);
    if (proof.inclusion.size() == kMostSiblings) return no_proof("it has too many hashes", number);
    proof.inclusion.push_back(*hash);
  }
  if (text.empty()) return no_proof("the checkpoint is missing", number);
  if (text.size() > kMostNoteBytes) return no_proof("the checkpoint is too long", number);
  proof.checkpoint = std::string(text);
  return proof;
}

Result<CheckedProof> check_proof(std::string_view text, std::span<const NoteVerifier> known,
                                 std::string_view origin) {
  TRY(proof, parse_proof(text));
  TRY(checkpoint, open_checkpoint(proof.checkpoint, known, origin));
  CHECK_OK(verify_inclusion(leaf_hash(proof.entry), proof.index, checkpoint.head, proof.inclusion));
  if (proof.opening) {
    CHECK_OK(verify_commitment(proof.entry, proof.opening->salt, proof.opening->payload));
  }
  return CheckedProof{std::move(proof), std::move(checkpoint)};
}

Result<CheckedProof> check_proof(std::string_view text, const NoteVerifier& known,
                                 std::string_view origin) {
  return check_proof(text, std::span(&known, 1), origin);
}

}  // namespace writ::tlog
