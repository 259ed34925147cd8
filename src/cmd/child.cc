#include "cmd/child.h"

#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <string_view>

namespace writ::cmd {
namespace {

std::atomic<pid_t> forward_to{0};  // of the running child; read by the handler

void forward(int signal) {
  const pid_t pid = forward_to.load();
  if (pid > 0) ::kill(pid, signal);
}

// What would send the child elsewhere, or with other credentials.
bool is_connection_setting(std::string_view variable) {
  constexpr std::string_view kNames[] = {"PGHOST",
                                         "PGHOSTADDR",
                                         "PGPORT",
                                         "PGDATABASE",
                                         "PGUSER",
                                         "PGPASSWORD",
                                         "PGPASSFILE",
                                         "PGSERVICE",
                                         "PGSERVICEFILE",
                                         "PGREQUIREAUTH",
                                         "PGREALM",
                                         "PGKRBSRVNAME",
                                         "PGGSSLIB",
                                         "PGGSSENCMODE",
                                         "PGREQUIREPEER",
                                         "PGCHANNELBINDING",
                                         "PGLOADBALANCEHOSTS",
                                         "PGTARGETSESSIONATTRS"};
  const std::string_view name = variable.substr(0, variable.find('='));
  if (name.starts_with("PGSSL") || name == "PGREQUIRESSL") return true;
  for (const std::string_view known : kNames) {
    if (name == known) return true;
  }
  return false;
}

// The terminal's own signals go to the child, which is in the same process group; those sent to
// this process alone are passed on. All as before when it ends.
class Signals {
 public:
  Signals() {
    for (std::size_t i = 0; i < kAll.size(); ++i) {
      struct sigaction action{};
      action.sa_handler = i < kIgnored ? SIG_IGN : forward;
      ::sigaction(kAll[i], &action, &before_[i]);
    }
  }
  ~Signals() {
    forward_to = 0;
    for (std::size_t i = 0; i < kAll.size(); ++i) ::sigaction(kAll[i], &before_[i], nullptr);
  }
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  static sigset_t all() {
    sigset_t set;
    sigemptyset(&set);
    for (const int signal : kAll) sigaddset(&set, signal);
    return set;
  }

 private:
  static constexpr std::size_t kIgnored = 2;
  static constexpr std::array kAll{SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2};
  std::array<struct sigaction, kAll.size()> before_{};
};

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> out;
  for (std::string& word : words) out.push_back(word.data());
  out.push_back(nullptr);
  return out;
}

}  // namespace

Result<int> run_child(const std::vector<std::string>& words, const std::vector<Setting>& settings) {
  std::vector<std::string> environment;
  for (char** at = environ; *at != nullptr; ++at) {
    if (!is_connection_setting(*at)) environment.emplace_back(*at);
  }
  for (const auto& [name, value] : settings) environment.push_back(name + "=" + value);
  std::vector<std::string> arguments = words;

  // Nothing is lost between the start of the child and the moment at which it can be told.
  sigset_t blocked = Signals::all();
  sigset_t before;
  ::pthread_sigmask(SIG_BLOCK, &blocked, &before);
  const Signals signals;
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t usual = blocked;
  sigaddset(&usual, SIGPIPE);
  posix_spawnattr_setsigdefault(&attributes, &usual);
  posix_spawnattr_setsigmask(&attributes, &before);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
  pid_t pid = 0;
  const int error = ::posix_spawnp(&pid, arguments[0].c_str(), nullptr, &attributes,
                                   pointers(arguments).data(), pointers(environment).data());
  posix_spawnattr_destroy(&attributes);
  if (error == 0) forward_to = pid;
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (error != 0) {
    return fail(error == ENOENT ? Code::kNotFound : Code::kUnavailable,
                error == ENOENT ? "there is no such program on this host"
                                : std::string("it cannot be run: ") + std::strerror(error),
                words[0]);
  }
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) return fail(Code::kInternal, "the program was lost", words[0]);
  }
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace writ::cmd
