// The server's end of the door streams (docs/door-protocol.md): commands out, reports in.
//
// Invariants: a report is acknowledged only once its event is durable, and events hold each door's
// reports in order without a hole; a cut leaves at once, whatever the disk does.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
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

  // Tells doors to end the sessions that rest on what is taken away: those in front of the grants,
  // and all of them for certificates and devices. `after` is the state without it. Any thread.
  void cut(const Narrowing& narrowing, const core::State& after);
  // To call when the state that ended them is published: tells doors that could not hear of a cut
  // before, because they were just saying hello.
  void repeat_missed_cuts(const core::State& state);
  // To call every now and then: tells doors again of sessions that lost their certificate or device
  // and are not reported as ended yet.
  void press(const core::State& state);
  // True, once, after a door was told to cut this grant: its receipt will follow.
  bool take_told(const std::string& grant);
  // The door's next decision number, as its last hello named it: lower ones were used, or never
  // will be. 0 when it said no hello since this server started.
  std::int64_t decision_floor(const std::string& door);
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
  using Streams = std::map<std::string, std::shared_ptr<net::LineStream>>;

  Status greet(const std::string& door, net::LineStream& stream, const Json& hello);
  // Halts the server when the door remembers what this log does not continue.
  Result<std::vector<Hash>> compare(LogName log, const std::string& door,
                                    const std::string& remembered, const tlog::Head& mine);
  Status more_sessions(const std::string& door, net::LineStream& stream, const Json& line);
  Result<std::string> note_for(LogName log, const std::string& remembered);
  void cut_ended(net::LineStream& stream, const Json& sessions);
  Status report(const std::string& door, const Json& line);
  void cut_grants(const std::vector<std::string>& grants, const core::State& state);
  void cut_certificates(const std::vector<std::string>& serials, const core::State& state);
  Streams greeted_streams();
  // `what`: "grants" or "certificates".
  void send_cut(net::LineStream& stream, std::string_view what,
                const std::vector<std::string>& items, std::string_view reason);

  Writer& writer_;
  const States& states_;
  const Vault& vault_;
  const TimeGuard& time_;
  Evidence& evidence_;
  Random& random_;

  std::mutex mutex_;
  std::map<std::string, Link> links_;  // guarded by mutex_; by door
  // Guarded by mutex_ as well:
  std::vector<std::string> missed_;                      // grants whose cut no stream took
  std::vector<std::string> missed_certificates_;         // serials whose cut some door did not hear
  std::set<std::string> told_;                           // grants whose cut left, for take_told
  std::map<std::string, std::int64_t> decision_floors_;  // by door
  bool pressing_ = true;  // there may be sessions that lost their certificate
};

}  // namespace writ::control
