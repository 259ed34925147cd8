#include "tlog/checkpoint.h"

#include "base/bytes.h"
#include "tlog/decimal.h"

namespace writ::tlog {
namespace {

bool is_line(std::string_view line) {
  return !line.empty() && line.find('\n') == std::string_view::npos;
}

}  // namespace

Result<std::string> checkpoint_text(const Checkpoint& checkpoint) {
  bool fine = is_line(checkpoint.origin);
  for (const std::string& line : checkpoint.extensions) fine = fine && is_line(line);
  if (!fine) return fail(Code::kInvalid, "a checkpoint's lines must not be empty or hold newlines");
  std::string text = checkpoint.origin + "\n" + std::to_string(checkpoint.head.size) + "\n" +
                     to_base64(as_bytes(checkpoint.head.root)) + "\n";
  for (const std::string& line : checkpoint.extensions) text += line + "\n";
  return text;
}

Result<Checkpoint> parse_checkpoint_text(std::string_view text) {
  const auto bad = [](const std::string& why) {
    return fail(Code::kInvalid, "this is not a checkpoint: " + why);
  };
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos) return bad("the last line has no newline");
    if (end == 0) return bad("a line is empty");
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(end + 1);
  }
  if (lines.size() < 3) return bad("it has fewer than three lines");
  const auto size = parse_decimal(lines[1]);
  if (!size) return bad("the size is not a decimal number");
  const auto root_bytes = from_base64(lines[2]);
  const auto root = root_bytes ? to_hash(*root_bytes) : fail(root_bytes);
  if (!root) return bad("the root is not base64 of 32 bytes");
  Checkpoint checkpoint{std::move(lines[0]), {*size, *root}, {}};
  checkpoint.extensions.assign(std::make_move_iterator(lines.begin() + 3),
                               std::make_move_iterator(lines.end()));
  return checkpoint;
}

Result<std::string> sign_checkpoint(const Checkpoint& checkpoint, const NoteSigner& signer) {
  TRY(text, checkpoint_text(checkpoint));
  return sign_note(text, signer);
}

Result<Checkpoint> open_checkpoint(std::string_view note, std::span<const NoteVerifier> known,
                                   std::string_view origin) {
  TRY(opened, open_note(note, known));
  TRY(checkpoint, parse_checkpoint_text(opened.text));
  if (!origin.empty() && checkpoint.origin != origin) {
    return fail(Code::kUnauthenticated, "the checkpoint is of the log \"" + checkpoint.origin +
                                            "\", not of \"" + std::string(origin) + "\"");
  }
  return checkpoint;
}

Result<Checkpoint> open_checkpoint(std::string_view note, const NoteVerifier& known,
                                   std::string_view origin) {
  return open_checkpoint(note, std::span(&known, 1), origin);
}

Result<Checkpoint> read_own_checkpoint(std::string_view note) {
  const std::size_t split = note.rfind("\n\n");
  if (split == std::string_view::npos) {
    return fail(Code::kInvalid, "this is not a signed note: there is no empty line");
  }
  return parse_checkpoint_text(note.substr(0, split + 1));
}

}  // namespace writ::tlog
