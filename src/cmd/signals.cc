#include "cmd/signals.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

namespace writ::cmd {
namespace {

sigset_t ending() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  return set;
}

}  // namespace

EndSignals::EndSignals() {
  const sigset_t set = ending();
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

bool EndSignals::wait(Millis at_most) {
  const sigset_t set = ending();
  timespec time{};
  time.tv_sec = at_most.count() / 1000;
  time.tv_nsec = at_most.count() % 1000 * 1'000'000;
  return ::sigtimedwait(&set, nullptr, &time) > 0;
}

void EndSignals::raise() {
  ::kill(::getpid(), SIGTERM);
}

}  // namespace writ::cmd
