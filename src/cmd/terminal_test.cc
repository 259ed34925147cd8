#include "cmd/terminal.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "base/file.h"
#include "cmd/folder_for_test.h"
#include "cmd/terminal_for_test.h"

namespace writ::cmd {
namespace {

// Standard input from a string while it lives.
class Input {
 public:
  explicit Input(std::string_view text) : before_(::dup(STDIN_FILENO)) {
    int ends[2];
    if (::pipe(ends) != 0) std::abort();
    EXPECT_EQ(::write(ends[1], text.data(), text.size()), static_cast<ssize_t>(text.size()));
    ::close(ends[1]);
    ::dup2(ends[0], STDIN_FILENO);
    ::close(ends[0]);
  }
  ~Input() {
    ::dup2(before_, STDIN_FILENO);
    ::close(before_);
  }
  Input(const Input&) = delete;
  Input& operator=(const Input&) = delete;

 private:
  int before_;
};

TEST(SystemTerminal, ReadsLineByLineAndLeavesTheRest) {
  const Input input("first\r\nsecond\nlast");
  const auto terminal = system_terminal();
  EXPECT_FALSE(terminal->interactive());
  EXPECT_EQ(*terminal->read_line("not shown"), "first");
  EXPECT_EQ(terminal->read_secret("not shown")->reveal(), "second");
  char next = 0;
  ASSERT_EQ(::read(STDIN_FILENO, &next, 1), 1);
  EXPECT_EQ(next, 'l');
  EXPECT_EQ(*terminal->read_line(""), "ast");
  EXPECT_EQ(terminal->read_line("").error().where, "stdin");
}

TEST(SystemTerminal, RefusesAnEndlessLine) {
  // More than a pipe holds would block the writer here, so the text comes from a file.
  const TestFolder folder;
  ASSERT_TRUE(write_file(folder.path + "/long", std::string(70'000, 'x')));
  const int before = ::dup(STDIN_FILENO);
  FILE* file = ::fopen((folder.path + "/long").c_str(), "r");
  ASSERT_NE(file, nullptr);
  ::dup2(::fileno(file), STDIN_FILENO);
  EXPECT_EQ(system_terminal()->read_line("").error().code, Code::kInvalid);
  ::dup2(before, STDIN_FILENO);
  ::close(before);
  ::fclose(file);
}

TEST(Confirm, AsksUntilItIsClear) {
  TestTerminal terminal;
  terminal.person = true;
  terminal.input = {"maybe", "y"};
  EXPECT_TRUE(*confirm(terminal, "Sure?"));
  EXPECT_EQ(terminal.prompts.size(), 2U);
  terminal.input = {""};
  EXPECT_FALSE(*confirm(terminal, "Sure?"));
}

TEST(Confirm, NeverAssumesAPerson) {
  TestTerminal terminal;
  terminal.input = {"y"};
  EXPECT_EQ(confirm(terminal, "Sure?").error().where, "--yes");
}

TEST(SecretFrom, ReadsAFileWithoutItsNewline) {
  const TestFolder folder;
  TestTerminal terminal;
  ASSERT_TRUE(write_file(folder.path + "/secret", "hunter two\n", 0600));
  EXPECT_EQ(secret_from(terminal, folder.path + "/secret", "")->reveal(), "hunter two");
  terminal.input = {"typed"};
  EXPECT_EQ(secret_from(terminal, "", "Password: ")->reveal(), "typed");
  EXPECT_EQ(terminal.prompts.back(), "Password: ");
}

}  // namespace
}  // namespace writ::cmd
