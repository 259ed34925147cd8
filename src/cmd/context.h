// What every command works with, made once in main.
#pragma once

#include <string>

#include "base/clock.h"
#include "base/random.h"
#include "cmd/terminal.h"

namespace writ::cmd {

struct Context {
  Terminal& terminal;
  const Clock& clock;
  Random& random;
  std::string home;            // $WRIT_HOME: of the person; machines are below its identities/
  std::string runtime_folder;  // in memory, private: where keys of one connection lie
  std::string psql = "psql";
};

}  // namespace writ::cmd
