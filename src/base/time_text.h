// A time as text (base/clock.h) into memory that is there already, for what is written once for
// every decision.
#pragma once

#include <cstddef>

#include "base/clock.h"

namespace writ {

inline constexpr std::size_t kMostTimeText = 40;
// What `to_text` says, from `to` on, where kMostTimeText bytes fit; answers where it ends.
char* put_text(char* to, Time time);

}  // namespace writ
