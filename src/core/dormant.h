// Dormant: an identity, or a device of one, that nobody used for longer than the tier of the
// identity allows (TierLimits::dormant_after). That is a finding until it is used again, or may be
// used no more. Logins in targets are judged by what was observed there (observe.cc).
//
// A use is a certificate issued, a session, a request, a right one-time code. It is remembered to
// the day, so that a busy identity costs no more than an idle one.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/state.h"

namespace writ::core {

constexpr std::string_view kDormant = "dormant";

// The identity or device that a dormant finding is about; empty for other findings, and for a
// login's.
std::string watched_by(const Finding& finding);

// The last use that is remembered, or since when the identity is active, if that is later.
Time last_use_of(const State& state, const std::string& id);

// For `due`: the finding on an identity or device opens or closes now; nothing when it stands as it
// should.
std::optional<EventData> dormancy_event(const State& state, const std::string& id, Time now);

// For `fold`: made before an event is applied, and finished after it. Keeps `last_uses` and when
// each is looked at next.
class DormancyWatch {
 public:
  DormancyWatch(const State& state, const EventData& data);
  void finish(State& state, Time now) const;

 private:
  struct Watched {
    std::string id;
    std::optional<Time> before;
  };
  std::vector<Watched> watched_;
  bool uses_ = false;  // the event is a use of them
};

// For snapshots: everything is looked at when it should be.
void watch_all(State& state);

}  // namespace writ::core
