// The person or program on the other side: output, errors, prompts, progress. Commands write here
// and nowhere else, so that tests can read along.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/secret.h"
#include "cmd/table.h"

namespace writ::cmd {

class Terminal {
 public:
  virtual ~Terminal() = default;

  virtual void out(std::string_view text) = 0;   // standard output
  virtual void note(std::string_view text) = 0;  // standard error: what is not the answer
  // For `out`. When it is no terminal: no colour, and the width of COLUMNS, or 0.
  virtual TableStyle style() const = 0;
  // True when a person is there to be asked.
  virtual bool interactive() const = 0;
  // One line from standard input without its newline. `prompt` is shown to a person only.
  // kInvalid at the end of the input, or after 64 KB.
  virtual Result<std::string> read_line(std::string_view prompt) = 0;
  // The same for secrets: nothing is echoed.
  virtual Result<Secret> read_secret(std::string_view prompt) = 0;

  // Shows `what` and the seconds while it lives, to a person alone, and only after one second.
  class Wait {
   public:
    virtual ~Wait() = default;
  };
  virtual std::unique_ptr<Wait> wait(std::string what) = 0;
};

// The process's own standard streams. NO_COLOR and TERM=dumb are honoured.
std::unique_ptr<Terminal> system_terminal();

// Asks until the answer is y or n; an empty one is no. kInvalid when nobody is there.
Result<bool> confirm(Terminal& terminal, std::string_view question);

// A secret from a file, a prompt, or standard input: never from the command line. `path` empty:
// ask. One trailing newline is dropped; at most 64 KB.
Result<Secret> secret_from(Terminal& terminal, std::string_view path, std::string_view prompt);

}  // namespace writ::cmd
