// A terminal that tests write on and read along.
#pragma once

#include <deque>
#include <string>

#include "cmd/terminal.h"

namespace writ::cmd {

class TestTerminal final : public Terminal {
 public:
  void out(std::string_view text) override { output += text; }
  void note(std::string_view text) override { notes += text; }
  TableStyle style() const override { return shown; }
  bool interactive() const override { return person; }
  Result<std::string> read_line(std::string_view prompt) override {
    prompts.emplace_back(prompt);
    if (input.empty()) return fail(Code::kInvalid, "the input has ended", "stdin");
    std::string line = input.front();
    input.pop_front();
    return line;
  }
  Result<Secret> read_secret(std::string_view prompt) override {
    TRY(line, read_line(prompt));
    return Secret(std::move(line));
  }
  std::unique_ptr<Wait> wait(std::string) override { return std::make_unique<Wait>(); }

  std::string output;
  std::string notes;
  std::deque<std::string> input;
  std::vector<std::string> prompts;
  TableStyle shown;
  bool person = false;
};

}  // namespace writ::cmd
