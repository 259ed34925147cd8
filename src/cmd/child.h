// Running another program in this one's place, as far as a person can tell: same terminal, signals
// reach it, its exit status is ours.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/result.h"

namespace writ::cmd {

using Setting = std::pair<std::string, std::string>;

// Runs `words` (found through PATH) with this process's environment, without any libpq setting of
// it, plus `settings`. Answers its exit status, or 128 and the signal that ended it. kNotFound when
// there is no such program.
Result<int> run_child(const std::vector<std::string>& words, const std::vector<Setting>& settings);

}  // namespace writ::cmd
