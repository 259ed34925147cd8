// CancelRequests to targets, over TLS like everything else, a few at a time.
#pragma once

#include <deque>
#include <memory>
#include <vector>

#include "door/postgres/control.h"
#include "door/postgres/timers.h"
#include "door/postgres/wire.h"

namespace writ::door::postgres {

// Not thread-safe: everything on the loop's thread.
class Cancels {
 public:
  Cancels(boost::asio::io_context& io, Timers& timers, const Clock& clock, unsigned at_once);
  ~Cancels();
  // Sends when there is room; at most 10,000 wait, more are dropped and logged. A request that
  // cannot be brought to its target within 5 s is given up: the closed connection ends the backend
  // too, when it next reads or writes.
  void send(std::shared_ptr<const KnownTarget> target, CancelKey key);

 private:
  struct Sending;
  struct Waiting {
    std::shared_ptr<const KnownTarget> target;
    CancelKey key;
  };
  void next();

  boost::asio::io_context& io_;
  Timers& timers_;
  const Clock& clock_;
  const unsigned at_once_;
  std::vector<std::shared_ptr<Sending>> running_;
  std::deque<Waiting> waiting_;
  std::shared_ptr<Cancels*> self_;  // what outlives its sender finds null here
};

}  // namespace writ::door::postgres
