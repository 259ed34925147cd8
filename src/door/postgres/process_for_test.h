// Programs that tests run: output collected, killed by their own id at the end.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <vector>

namespace writ::door::postgres {

class Process {
 public:
  // `environment`: "NAME=value", added to ours.
  explicit Process(std::vector<std::string> argv, std::vector<std::string> environment = {}) {
    int in[2];
    int out[2];
    if (::pipe2(in, O_CLOEXEC) != 0 || ::pipe2(out, O_CLOEXEC) != 0) std::abort();
    pid_ = ::fork();
    if (pid_ == 0) {
      ::dup2(in[0], 0);
      ::dup2(out[1], 1);
      ::dup2(out[1], 2);
      for (std::string& text : environment) ::putenv(text.data());
      std::vector<char*> args;
      for (std::string& arg : argv) args.push_back(arg.data());
      args.push_back(nullptr);
      ::execvp(args[0], args.data());
      ::_exit(127);
    }
    ::close(in[0]);
    ::close(out[1]);
    to_ = in[1];
    from_ = out[0];
  }
  ~Process() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
    ::close(from_);
    if (to_ >= 0) ::close(to_);
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  void type(const std::string& text) {
    if (::write(to_, text.data(), text.size()) != static_cast<ssize_t>(text.size())) std::abort();
  }
  void close_input() {
    ::close(to_);
    to_ = -1;
  }
  // Reads until the output so far holds `text`; false when it ends, or after a minute, without.
  bool wait_for(const std::string& text) {
    while (output_.find(text) == std::string::npos) {
      if (!read_some()) return false;
    }
    return true;
  }
  // Reads to the end; the exit status, or 128 + signal.
  int wait() {
    while (read_some()) {
    }
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  void kill() {
    ::kill(pid_, SIGKILL);
    wait();
  }
  const std::string& output() const { return output_; }
  pid_t pid() const { return pid_; }

 private:
  bool read_some() {
    pollfd wanted{from_, POLLIN, 0};
    if (::poll(&wanted, 1, 60'000) <= 0) return false;
    char bytes[65536];
    const ssize_t n = ::read(from_, bytes, sizeof bytes);
    if (n <= 0) return false;
    if (output_.size() < (64u << 20)) output_.append(bytes, static_cast<std::size_t>(n));
    return true;
  }

  pid_t pid_ = 0;
  int to_ = -1;
  int from_ = -1;
  std::string output_;
};

}  // namespace writ::door::postgres
