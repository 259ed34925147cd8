// Duplex line streams: an HTTP/1.1 connection that was upgraded (RFC 9110 section 7.8) to
// "writ-lines/1". After the 101 both sides send lines that end in "\n", each at most 64 KB of valid
// UTF-8 and by convention one JSON value; an empty line is a heartbeat. Each side sends a heartbeat
// when it sent nothing for 5 s, and takes the other for dead after 15 s of silence.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"

namespace writ::net {

inline constexpr std::string_view kLineProtocol = "writ-lines/1";
inline constexpr std::size_t kLongestLine = 64 * 1024;  // without its "\n"

struct LineTimes {
  Millis heartbeat{5'000};
  Millis dead{15'000};
};

// One end of an open stream. Thread-safe. Dropping the last reference does not close it; `close`
// does, and so does either side's death.
class LineStream {
 public:
  virtual ~LineStream() = default;
  // Queues one line (without "\n", not empty). Lines arrive in the order of the calls, whole, or
  // the stream closes. kInvalid when it is too long or holds a newline; kExhausted when the other
  // side reads too slowly (queue full): the caller closes, or drops the line; kUnavailable once
  // closed. Never blocks.
  virtual Status send(std::string_view line) = 0;
  // Sends what is queued (for at most 1 s), then closes. on_close follows.
  virtual void close() = 0;
  virtual bool is_open() const = 0;
};

// Called on the stream's I/O thread, never two at once. Must not block.
struct LineHandlers {
  // A line without its "\n", never a heartbeat; valid during the call.
  std::function<void(LineStream&, std::string_view line)> on_line;
  // Exactly once, last; afterwards no handler is called and all handlers are released.
  std::function<void(LineStream&, const Error& why)> on_close;
};

}  // namespace writ::net
