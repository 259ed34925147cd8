#include "tlog/note.h"

#include <algorithm>

#include "base/bytes.h"
#include "crypto/hash.h"

namespace writ::tlog {
namespace {

constexpr char kEd25519 = 1;                         // signature type identifier byte
constexpr std::string_view kDash = "\xe2\x80\x94 ";  // em dash and space

// A name is not empty, valid UTF-8, and has no "+", control character or Unicode space.
bool is_name(std::string_view name) {
  if (name.empty() || name.size() > 255 || !is_utf8(name)) return false;
  for (const char c : name) {
    const auto b = static_cast<unsigned char>(c);
    if (b <= 0x20 || b == 0x7f || b == '+') return false;
  }
  for (const std::string_view space :
       {"\xc2\x85", "\xc2\xa0", "\xe1\x9a\x80", "\xe2\x80\xa8", "\xe2\x80\xa9", "\xe2\x80\xaf",
        "\xe2\x81\x9f", "\xe3\x80\x80"}) {
    if (name.find(space) != std::string_view::npos) return false;
  }
  for (std::size_t at = name.find("\xe2\x80"); at != std::string_view::npos;
       at = name.find("\xe2\x80", at + 1)) {
    const auto third = static_cast<unsigned char>(name[at + 2]);  // valid UTF-8 has it
    if (third >= 0x80 && third <= 0x8a) return false;             // U+2000 to U+200A
  }
  return true;
}

// Valid UTF-8, no control characters but newline, ends in a newline.
bool is_text(std::string_view text) {
  if (text.empty() || text.back() != '\n' || !is_utf8(text)) return false;
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) >= 0x20 || c == '\n'; });
}

std::uint32_t key_id_of(std::string_view name, std::string_view raw_key) {
  std::string bytes(name);
  bytes += '\n';
  bytes += kEd25519;
  bytes += raw_key;
  const Hash hash = crypto::sha256(bytes);
  return get_u32(as_bytes(hash).data());
}

tl::unexpected<Error> no_note(std::string why) {
  return fail(Code::kInvalid, "this is not a signed note: " + std::move(why));
}

}  // namespace

Result<NoteVerifier> note_verifier(std::string name, const crypto::PublicKey& key) {
  if (!is_name(name)) {
    return fail(Code::kInvalid, "a log key's name must not be empty or hold spaces or \"+\"");
  }
  TRY(raw, key.ed25519());
  const std::uint32_t id = key_id_of(name, raw);
  return NoteVerifier{std::move(name), id, key};
}

Result<NoteVerifier> parse_verifier_key(std::string_view text) {
  const auto bad = [](const std::string& why) {
    return fail(Code::kInvalid, "this is not a log's public key (name+hash+base64): " + why);
  };
  const std::size_t first = text.find('+');
  if (first == std::string_view::npos) return bad("there is no \"+\"");
  const std::size_t second = text.find('+', first + 1);
  if (second == std::string_view::npos) return bad("there is one \"+\" only");
  const std::string_view hash_text = text.substr(first + 1, second - first - 1);
  const auto hash = from_hex(hash_text);
  if (!hash || hash->size() != 4) return bad("the hash is not 8 hexadecimal digits");
  const auto key_bytes = from_base64(text.substr(second + 1));
  if (!key_bytes || key_bytes->size() != 33) return bad("the key is not base64 of 33 bytes");
  if ((*key_bytes)[0] != kEd25519) return bad("the key is of a kind that Writ does not know");
  TRY(key, crypto::PublicKey::from_ed25519(std::string_view(*key_bytes).substr(1)));
  TRY(verifier, note_verifier(std::string(text.substr(0, first)), key));
  if (verifier.key_id != get_u32(hash->data())) return bad("the hash is not of this name and key");
  return verifier;
}

std::string verifier_key_text(const NoteVerifier& verifier) {
  std::string id;
  put_u32(id, verifier.key_id);
  // A NoteVerifier is only ever made from an Ed25519 key.
  return verifier.name + "+" + to_hex(id) + "+" +
         to_base64(std::string(1, kEd25519) + verifier.key.ed25519().value_or(""));
}

Result<NoteSigner> NoteSigner::over(std::string name, const crypto::Signer& signer) {
  TRY(verifier, note_verifier(std::move(name), signer.public_key()));
  return NoteSigner(std::move(verifier), signer);
}

Result<std::string> NoteSigner::signature_line(std::string_view text) const {
  TRY(signature, signer_->sign(text));
  std::string bytes;
  put_u32(bytes, verifier_.key_id);
  bytes += signature;
  return std::string(kDash) + verifier_.name + " " + to_base64(bytes) + "\n";
}

Result<std::string> sign_note(std::string_view text, std::span<const NoteSigner* const> signers) {
  if (!is_text(text) || signers.empty() || signers.size() > kMostNoteSignatures) {
    return fail(Code::kInvalid,
                "a note needs UTF-8 text without control characters that ends in a newline, and a "
                "signer");
  }
  std::string note(text);
  note += '\n';
  for (const NoteSigner* signer : signers) {
    TRY(line, signer->signature_line(text));
    note += line;
  }
  if (note.size() > kMostNoteBytes) return fail(Code::kInvalid, "the note is too long");
  return note;
}

Result<std::string> sign_note(std::string_view text, const NoteSigner& signer) {
  const NoteSigner* one = &signer;
  return sign_note(text, std::span(&one, 1));
}

Result<OpenedNote> open_note(std::string_view note, std::span<const NoteVerifier> known) {
  if (note.size() > kMostNoteBytes) return no_note("it is longer than 64 KiB");
  if (!is_text(note)) return no_note("it is not plain UTF-8 text that ends in a newline");
  const std::size_t split = note.rfind("\n\n");
  if (split == std::string_view::npos) return no_note("there is no empty line before signatures");
  OpenedNote opened;
  opened.text = std::string(note.substr(0, split + 1));
  std::string_view lines = note.substr(split + 2);
  if (lines.empty()) return no_note("there is no signature");
  std::vector<bool> seen(known.size());
  for (std::size_t count = 1; !lines.empty(); ++count) {
    if (count > kMostNoteSignatures) return no_note("it has too many signatures");
    const std::size_t end = lines.find('\n');
    std::string_view line = lines.substr(0, end);
    lines.remove_prefix(end + 1);
    if (line.substr(0, kDash.size()) != kDash) return no_note("a signature line has another form");
    line.remove_prefix(kDash.size());
    const std::size_t space = line.find(' ');
    if (space == std::string_view::npos) return no_note("a signature line has another form");
    const std::string_view name = line.substr(0, space);
    const auto bytes = from_base64(line.substr(space + 1));
    if (!is_name(name) || !bytes || bytes->size() < 5) {
      return no_note("a signature line has another form");
    }
    const std::uint32_t id = get_u32(bytes->data());
    for (std::size_t i = 0; i < known.size(); ++i) {
      if (known[i].name != name || known[i].key_id != id || seen[i]) continue;
      if (!known[i].key.verify(opened.text, std::string_view(*bytes).substr(4))) {
        return fail(Code::kUnauthenticated,
                    "the signature by \"" + known[i].name + "\" does not hold over this text");
      }
      seen[i] = true;
      opened.signed_by.push_back(known[i].name);
    }
  }
  if (opened.signed_by.empty()) {
    return fail(Code::kUnauthenticated, "no key that is trusted here signed this note");
  }
  return opened;
}

Result<OpenedNote> open_note(std::string_view note, const NoteVerifier& known) {
  return open_note(note, std::span(&known, 1));
}

}  // namespace writ::tlog
