// Checkpoints (C2SP tlog-checkpoint): origin, size and root of a log, as the text of a signed note.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tlog/note.h"
#include "tlog/tree.h"

namespace writ::tlog {

struct Checkpoint {
  std::string origin;  // names the log; not empty, one line
  Head head;
  std::vector<std::string> extensions;  // lines, not empty; normally none
  bool operator==(const Checkpoint&) const = default;
};

// The note text. kInvalid when a line holds a newline or is empty.
Result<std::string> checkpoint_text(const Checkpoint& checkpoint);
// The exact reverse.
Result<Checkpoint> parse_checkpoint_text(std::string_view text);

Result<std::string> sign_checkpoint(const Checkpoint& checkpoint, const NoteSigner& signer);

// Verifies the note and then reads it. With `origin`, another origin is kUnauthenticated.
Result<Checkpoint> open_checkpoint(std::string_view note, std::span<const NoteVerifier> known,
                                   std::string_view origin = {});
Result<Checkpoint> open_checkpoint(std::string_view note, const NoteVerifier& known,
                                   std::string_view origin = {});
// Reads it without any verification: for bytes that this process wrote itself.
Result<Checkpoint> read_own_checkpoint(std::string_view note);

}  // namespace writ::tlog
