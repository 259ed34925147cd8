// The program `writ`: makes what commands need, and runs one.
#include <csignal>
#include <cstdlib>
#include <string>
#include <vector>

#include "cmd/private_folder.h"
#include "cmd/verbs.h"
#include "crypto/random.h"

namespace {

std::string home_folder() {
  if (const char* home = std::getenv("WRIT_HOME"); home != nullptr && *home != '\0') return home;
  if (const char* config = std::getenv("XDG_CONFIG_HOME"); config != nullptr && *config == '/') {
    return std::string(config) + "/writ";
  }
  const char* user = std::getenv("HOME");
  return std::string(user == nullptr ? "." : user) + "/.config/writ";
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);  // a connection that breaks is an error of its own
  const auto terminal = writ::cmd::system_terminal();
  const writ::SystemClock clock;
  writ::crypto::SystemRandom random;
  writ::cmd::Context context{*terminal, clock, random, home_folder(), writ::cmd::memory_folder()};
  return writ::cmd::run(context, std::vector<std::string>(argv + 1, argv + argc));
}
