// The server's end of the door streams (docs/door-protocol.md): commands out, reports in.
//
// Invariants: a report is acknowledged only once its event is durable, and events hold each door's
// reports in order without a hole; a cut leaves at once, whatever the disk does.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "control/evidence.h"
#include "control/writer.h"
#include "net/line_stream.h"

namespace writ::control {

class DoorHub {
 public:
  // All outlive it.
  DoorHub(Writer& writer, const States& states, const Vault& vault, const TimeGuard& time,
          Evidence& evidence, Random& random);

  // A stream of this door (identity id) was accepted; an older one of the same door is closed.
  void opened(const std::string& door, std::shared_ptr<net::LineStream> stream);
  void closed(const std::string& door, const net::LineStream& stream);
  // One line of a door. On the stream's I/O thread.
  void heard(const std::string& door, net::LineStream& stream, std::string_view line);

  // Tells the doors in front of these grants to end their sessions. Any thread.
  void cut(const std::vector<std::string>& grants, const core::State& state);
  // To call when the state that ended them is published: tells doors that could not hear of a cut
  // before, because they were just saying hello.
  void repeat_missed_cuts(const core::State& state);
  // What a door knows about its targets changed, or it may not be here any more: its stream is
  // closed, and it has to come and say hello again.
  void restart(const std::string& door);
  // Closes every stream.
  void stop();

 private:
  struct Link {
    std::shared_ptr<net::LineStream> stream;
    std::int64_t heard = 0;  // last report seq that was taken
    bool greeted = false;
  };

  Status greet(const std::string& door, net::LineStream& stream, const Json& hello);
  // Halts the server when the door remembers what this log does not continue.
  Result<std::vector<Hash>> compare(LogName log, const std::string& door,
                                    const std::string& remembered, const tlog::Head& mine);
  Status more_sessions(const std::string& door, net::LineStream& stream, const Json& line);
  void cut_ended(net::LineStream& stream, const Json& sessions);
  Status report(const std::string& door, const Json& line);
  void send_cut(net::LineStream& stream, const std::string& grant, std::string_view reason);

  Writer& writer_;
  const States& states_;
  const Vault& vault_;
  const TimeGuard& time_;
  Evidence& evidence_;
  Random& random_;

  std::mutex mutex_;
  std::map<std::string, Link> links_;  // guarded by mutex_; by door
  std::vector<std::string> missed_;    // guarded by mutex_; grants whose cut no stream took
};

}  // namespace writ::control
