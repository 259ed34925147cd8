// Many libpq sessions on one thread, each busy in its own way until its connection dies; remembers
// when each received its last byte.
#pragma once

#include <libpq-fe.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "figures.h"

namespace writ::bench {

// What a session does all the time.
enum class Work {
  kQuery,   // a short query, then a pause
  kCursor,  // fetches from an open cursor, with pauses
  kCopy,    // reads a COPY without end
};

class Sessions {
 public:
  Sessions() = default;
  ~Sessions();
  Sessions(const Sessions&) = delete;
  Sessions& operator=(const Sessions&) = delete;

  // Opens one more; ends the program when it is refused. Only before `start`.
  void open(const std::string& conninfo, Work work);
  void start();
  void stop();

  std::size_t size() const { return sessions_.size(); }
  // Any thread. Whether its connection is dead, and when its last byte came.
  bool is_dead(std::size_t i) const { return sessions_[i]->dead; }
  Wall::time_point last_byte(std::size_t i) const {
    return Wall::time_point(Wall::duration(sessions_[i]->last_byte));
  }
  bool has_received(std::size_t i) const { return sessions_[i]->received; }
  // Waits until all of [from, to) are dead; false after `seconds`.
  bool await_dead(std::size_t from, std::size_t to, double seconds) const;
  // Waits until each has received something of its work.
  bool await_all_busy(double seconds) const;

 private:
  struct Session {
    PGconn* connection = nullptr;
    Work work = Work::kQuery;
    bool asked = false;
    Wall::time_point next;
    std::atomic<Wall::rep> last_byte{0};
    std::atomic<bool> received{false};
    std::atomic<bool> dead{false};
  };
  void loop();
  void ask(Session& session);
  void read(Session& session);

  std::vector<std::unique_ptr<Session>> sessions_;
  std::thread thread_;
  std::atomic<bool> stopping_{false};
};

PGconn* connect_or_die(const std::string& conninfo);
void run_or_die(PGconn* connection, const std::string& sql);

}  // namespace writ::bench
