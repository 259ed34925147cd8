#include "prove/solver.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>

namespace writ::prove {
namespace {

using Clock = std::chrono::steady_clock;

class Fd {
 public:
  explicit Fd(int fd = -1) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Fd() { close(); }
  int get() const { return fd_; }
  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }

 private:
  int fd_;
};

struct Pipe {
  Fd read;
  Fd write;
};
Result<Pipe> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
    return fail(Code::kUnavailable, std::string("no pipe to the solver: ") + std::strerror(errno));
  }
  return Pipe{Fd(ends[0]), Fd(ends[1])};
}

// A running program and those that it started, a group of processes; none outlives this.
class Child {
 public:
  explicit Child(pid_t pid) : pid_(pid) {}
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    ::kill(-pid_, SIGKILL);
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }

 private:
  pid_t pid_;
};

std::vector<std::string> words(const Solver& solver) {
  if (solver.dialect == Dialect::kZ3) return {solver.path, "-in", "-smt2"};
  return {solver.path, "--lang=smt2", "--strings-exp", "-q", "-"};
}

// The answer's end: after `unsat` and `unknown` nothing matters; after `sat` come the values.
SolverAnswer answer_of(const std::string& output) {
  const std::size_t end = output.find('\n');
  const std::string first = output.substr(0, end);
  if (first == "unsat") return {SolverAnswer::Kind::kUnsat, {}, {}};
  if (first == "sat") {
    return {SolverAnswer::Kind::kSat, end == std::string::npos ? "" : output.substr(end + 1), {}};
  }
  if (first == "unknown") return {SolverAnswer::Kind::kUnknown, {}, "the solver does not know"};
  if (first.empty()) return {SolverAnswer::Kind::kUnknown, {}, "the solver did not answer"};
  return {SolverAnswer::Kind::kUnknown, {}, "the solver said: " + output.substr(0, 300)};
}

}  // namespace

Solver solver_at(const std::string& place) {
  const std::string name = std::filesystem::path(place).filename().string();
  const bool z3 = name.starts_with("z3");
  return {z3 ? "z3" : "cvc5", place, z3 ? Dialect::kZ3 : Dialect::kCvc5};
}

Result<std::vector<Solver>> find_solvers(const std::string& path) {
  std::vector<Solver> found;
  for (const std::string name : {"cvc5", "z3"}) {
    for (std::size_t start = 0; start <= path.size();) {
      const std::size_t end = std::min(path.find(':', start), path.size());
      const std::string place = path.substr(start, end - start) + "/" + name;
      start = end + 1;
      if (::access(place.c_str(), X_OK) != 0) continue;
      found.push_back(solver_at(place));
      break;
    }
  }
  if (found.empty()) {
    return fail(Code::kUnavailable,
                "proofs need a solver, cvc5 or z3, and neither is on this host; install one, as in "
                "`apt-get install cvc5`");
  }
  return found;
}

Result<SolverAnswer> ask(const Solver& solver, const std::string& question,
                         const SolverLimits& limits) {
  const auto end = Clock::now() + limits.time;
  TRY(in, make_pipe());
  TRY(out, make_pipe());
  std::vector<std::string> arguments = words(solver);
  std::vector<char*> argv;
  for (std::string& word : arguments) argv.push_back(word.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in.read.get(), STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, out.write.get(), STDOUT_FILENO);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t usual;
  sigemptyset(&usual);
  posix_spawnattr_setsigmask(&attributes, &usual);
  sigaddset(&usual, SIGPIPE);
  posix_spawnattr_setsigdefault(&attributes, &usual);
  // A group of its own, so that what a wrapper around it starts ends with it.
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes,
                           POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
  // It needs nothing of this process's environment.
  std::array<char*, 1> environment{nullptr};
  pid_t pid = 0;
  const int error = ::posix_spawn(&pid, solver.path.c_str(), &actions, &attributes, argv.data(),
                                  environment.data());
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (error != 0) {
    return fail(Code::kUnavailable,
                std::string("the solver cannot be run: ") + std::strerror(error), solver.path);
  }
  const Child child(pid);
  const rlimit memory{limits.memory, limits.memory};
  ::prlimit(pid, RLIMIT_AS, &memory, nullptr);  // it has not read the question yet
  // An interrupt from the terminal ends this process and not that group: it then ends by itself.
  const auto seconds =
      static_cast<rlim_t>(std::chrono::ceil<std::chrono::seconds>(limits.time).count() + 1);
  const rlimit computing{seconds, seconds};
  ::prlimit(pid, RLIMIT_CPU, &computing, nullptr);
  in.read.close();
  out.write.close();
  ::fcntl(in.write.get(), F_SETFL, O_NONBLOCK);
  ::fcntl(out.read.get(), F_SETFL, O_NONBLOCK);

  // A solver that ends early must not end this process: a write to it then fails.
  sigset_t pipe_signal;
  sigset_t before;
  sigemptyset(&pipe_signal);
  sigaddset(&pipe_signal, SIGPIPE);
  ::pthread_sigmask(SIG_BLOCK, &pipe_signal, &before);
  std::string output;
  std::size_t written = 0;
  SolverAnswer unfinished;
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now());
    if (left.count() <= 0) {
      unfinished.late = true;
      unfinished.why =
          "the time limit of " + std::to_string(limits.time.count()) + " ms is reached";
      break;
    }
    std::array<pollfd, 2> fds{pollfd{out.read.get(), POLLIN, 0},
                              pollfd{in.write.get(), POLLOUT, 0}};
    if (::poll(fds.data(), in.write.get() < 0 ? 1 : 2, static_cast<int>(left.count())) < 0) {
      if (errno == EINTR) continue;
      unfinished.why = std::string("the solver was lost: ") + std::strerror(errno);
      break;
    }
    if (in.write.get() >= 0 && fds[1].revents != 0) {
      const ssize_t count =
          ::write(in.write.get(), question.data() + written, question.size() - written);
      if (count > 0) written += static_cast<std::size_t>(count);
      const bool broken = count < 0 && errno != EAGAIN && errno != EINTR;
      if (broken || written == question.size()) in.write.close();
    }
    if (fds[0].revents == 0) continue;
    std::array<char, 1 << 16> block{};
    const ssize_t count = ::read(out.read.get(), block.data(), block.size());
    if (count == 0) break;
    if (count < 0) {
      if (errno == EAGAIN || errno == EINTR) continue;
      unfinished.why = std::string("the solver was lost: ") + std::strerror(errno);
      break;
    }
    output.append(block.data(), static_cast<std::size_t>(count));
    if (output.size() > limits.output) {
      unfinished.why =
          "the solver's answer is longer than " + std::to_string(limits.output) + " bytes";
      break;
    }
  }
  const timespec none{};
  while (::sigtimedwait(&pipe_signal, nullptr, &none) >= 0) {
  }
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return unfinished.why.empty() ? answer_of(output) : unfinished;
}

}  // namespace writ::prove
