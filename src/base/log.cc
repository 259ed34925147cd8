#include "base/log.h"

#include <unistd.h>

#include <array>
#include <atomic>

#include "base/clock.h"

namespace writ {
namespace {
std::atomic<Level> least_level{Level::kInfo};
constexpr std::array<std::string_view, 4> kNames{"debug", "info", "warn", "error"};
}  // namespace

void set_log_level(Level least) {
  least_level = least;
}

void log(Level level, std::string_view event, std::initializer_list<JsonMember> members) {
  if (level < least_level) return;
  Json line = Json::object({{"time", to_text(SystemClock().now())},
                            {"level", kNames[static_cast<std::size_t>(level)]},
                            {"event", event}});
  for (const JsonMember& m : members) line.set(m.first, m.second);
  const std::string text = compact(line) + "\n";
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, text.data(), text.size());
}

}  // namespace writ
