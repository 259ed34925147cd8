#include "cmd/terminal.h"

#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstdlib>
#include <mutex>
#include <optional>
#include <thread>

#include "base/file.h"
#include "cmd/text.h"

namespace writ::cmd {
namespace {

constexpr std::size_t kLongestLine = 64 << 10;

void write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(fd, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return;  // the reader has gone; the exit status still says what happened
    text.remove_prefix(static_cast<std::size_t>(n));
  }
}

// The width that whoever passes our output on to a terminal says; 0: no limit.
std::size_t asked_width() {
  const char* columns = std::getenv("COLUMNS");
  if (columns == nullptr) return 0;
  const std::string_view text(columns);
  std::size_t width = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), width);
  return error == std::errc() && end == text.data() + text.size() ? width : 0;
}

// Echo off while it lives, and on again whatever happens, a signal that ends the process included.
class Silence {
 public:
  Silence() {
    if (::tcgetattr(STDIN_FILENO, &before_) != 0) return;
    termios quiet = before_;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    for (std::size_t i = 0; i < kSignals.size(); ++i) {
      struct sigaction action{};
      action.sa_handler = restore_and_end;
      ::sigaction(kSignals[i], &action, &actions_[i]);
    }
    active_ = ::tcsetattr(STDIN_FILENO, TCSADRAIN, &quiet) == 0;
  }
  ~Silence() {
    if (!active_) return;
    ::tcsetattr(STDIN_FILENO, TCSADRAIN, &before_);
    for (std::size_t i = 0; i < kSignals.size(); ++i) {
      ::sigaction(kSignals[i], &actions_[i], nullptr);
    }
  }
  Silence(const Silence&) = delete;
  Silence& operator=(const Silence&) = delete;

 private:
  static constexpr std::array kSignals{SIGINT, SIGTERM, SIGHUP, SIGQUIT};

  static void restore_and_end(int signal) {
    ::tcsetattr(STDIN_FILENO, TCSANOW, &before_);
    ::signal(signal, SIG_DFL);
    ::raise(signal);
  }

  inline static termios before_{};  // one prompt at a time; the signal handler reads it
  std::array<struct sigaction, kSignals.size()> actions_{};
  bool active_ = false;
};

class Spinner final : public Terminal::Wait {
 public:
  explicit Spinner(std::string what) : what_(std::move(what)), thread_([this] { run(); }) {}
  ~Spinner() override {
    {
      std::lock_guard lock(mutex_);
      done_ = true;
    }
    wake_.notify_one();
    thread_.join();
    if (shown_) write_all(STDERR_FILENO, "\r\x1b[K");
  }

 private:
  void run() {
    const auto start = std::chrono::steady_clock::now();
    std::unique_lock lock(mutex_);
    while (!wake_.wait_for(lock, std::chrono::seconds(1), [this] { return done_; })) {
      const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(
          std::chrono::steady_clock::now() - start);
      shown_ = true;
      write_all(STDERR_FILENO, "\r\x1b[K" + what_ + " … " + std::to_string(seconds.count()) + " s");
    }
  }

  const std::string what_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool done_ = false;   // guarded by mutex_
  bool shown_ = false;  // of the thread, and after it of the destructor
  std::thread thread_;  // last: it starts when everything else is there
};

class SystemTerminal final : public Terminal {
 public:
  void out(std::string_view text) override { write_all(STDOUT_FILENO, text); }
  void note(std::string_view text) override { write_all(STDERR_FILENO, text); }

  TableStyle style() const override {
    TableStyle style;
    if (::isatty(STDOUT_FILENO) == 0) {
      style.width = asked_width();
      return style;
    }
    winsize size{};
    if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0) style.width = size.ws_col;
    if (style.width == 0) style.width = 80;
    const char* no_colour = std::getenv("NO_COLOR");
    const char* term = std::getenv("TERM");
    style.colour = (no_colour == nullptr || *no_colour == '\0') && term != nullptr &&
                   std::string_view(term) != "dumb";
    return style;
  }

  bool interactive() const override {
    return ::isatty(STDIN_FILENO) != 0 && ::isatty(STDERR_FILENO) != 0;
  }

  Result<std::string> read_line(std::string_view prompt) override {
    if (interactive()) note(prompt);
    std::string line;
    char c = 0;
    // Byte by byte: what follows the line belongs to whoever reads next.
    while (true) {
      const ssize_t n = ::read(STDIN_FILENO, &c, 1);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0 || (n == 0 && line.empty())) {
        if (interactive()) note("\n");
        return fail(Code::kInvalid, "an answer was wanted, but the input has ended", "stdin");
      }
      if (n == 0 || c == '\n') break;
      line += c;
      if (line.size() > kLongestLine) return fail(Code::kInvalid, "the line is too long", "stdin");
    }
    if (!line.empty() && line.back() == '\r') line.pop_back();
    return line;
  }

  Result<Secret> read_secret(std::string_view prompt) override {
    std::optional<Silence> silence;
    if (interactive()) silence.emplace();
    auto line = read_line(prompt);
    if (silence && line) note("\n");
    if (!line) return fail(std::move(line));
    return Secret(std::move(*line));
  }

  std::unique_ptr<Wait> wait(std::string what) override {
    if (::isatty(STDERR_FILENO) == 0) return std::make_unique<Wait>();
    return std::make_unique<Spinner>(std::move(what));
  }
};

}  // namespace

std::unique_ptr<Terminal> system_terminal() {
  return std::make_unique<SystemTerminal>();
}

Result<bool> confirm(Terminal& terminal, std::string_view question) {
  if (!terminal.interactive()) {
    return fail(Code::kInvalid, "nobody is there to confirm this; pass --yes to go on without",
                "--yes");
  }
  while (true) {
    TRY(answer, terminal.read_line(std::string(question) + " [y/N] "));
    if (answer == "y" || answer == "Y" || answer == "yes") return true;
    if (answer.empty() || answer == "n" || answer == "N" || answer == "no") return false;
    terminal.note("Please answer y or n.\n");
  }
}

Result<Secret> secret_from(Terminal& terminal, std::string_view path, std::string_view prompt) {
  if (path.empty()) return terminal.read_secret(prompt);
  TRY(text, read_file(std::string(path), kLongestLine));
  if (!text.empty() && text.back() == '\n') text.pop_back();
  if (!text.empty() && text.back() == '\r') text.pop_back();
  return Secret(std::move(text));
}

}  // namespace writ::cmd
