// The door's own evidence until the server has it: one file in the state folder that a crash cannot
// tear. Reports are numbered without gaps, written and synced in groups, and kept until the server
// acknowledges them.
//
// The file `spool`: a line "writ-door-spool 1", then one frame a line:
//
//   frame  = checksum " " records "\n"     checksum: the first 8 bytes of SHA-256(records), in hex
//   records = a JSON array of             {"state": {"next_seq", "acked", "door_seq", "open": […]}}
//                                         {"report": {…, "seq": N, …}}
//                                         {"acked": N}
//                                         {"door_seq": N}     numbers below N may have been used
//
// Invariants: a frame is synced before the next is written, so only the last can be torn; a number
// is never used twice; a report is sent only after its frame was synced. When the disk refuses,
// nothing is lost: the file is written anew as soon as that works, and until then `healthy` is
// false.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "door/postgres/reports.h"

namespace writ::door::postgres {

// Not thread-safe: one thread, the owner's, calls everything; a thread of its own writes.
class Spool {
 public:
  // Runs a task on the owner's thread, later.
  using Post = std::function<void(std::function<void()>)>;

  // Reads what is there. Sessions that were open end here with `lost_door`. kCorrupt when anything
  // but the last frame is damaged; kConflict when another process has the folder.
  static Result<std::unique_ptr<Spool>> open(const std::string& folder, std::size_t rewrite_after,
                                             const Clock& clock, Post post);
  // Writes what is queued, if the disk lets it.
  ~Spool();

  // `seq`, `type` and `time` are filled in here.
  // `durable` is called once the report is synced; never before this returns.
  void started(SessionStarted report, std::function<void()> durable);
  void ended(SessionEnded report);
  void receipt(Receipt report);

  // A number for a decision. kUnavailable for the moment in which no number is reserved.
  Result<std::int64_t> take_door_seq();
  // The next of them: none from here on was used.
  std::int64_t next_door_seq() const { return next_door_seq_; }

  struct Pending {
    std::int64_t seq = 0;
    std::string line;  // compact JSON
  };
  // All reports not acknowledged, rising; those above `durable_seq` must not be sent yet.
  const std::deque<Pending>& pending() const { return pending_; }
  std::int64_t durable_seq() const { return durable_seq_; }
  std::int64_t next_seq() const { return next_seq_; }
  // The server holds every report up to `seq`. kCorrupt when that was never sent.
  Status acknowledge(std::int64_t seq);

  bool healthy() const { return healthy_; }
  // Called on the owner's thread when durable_seq, healthy or pending changed.
  std::function<void()> on_change;

 private:
  class Writer;

  Spool(std::size_t rewrite_after, const Clock& clock);
  Status read(const std::string& path);
  Status apply(const Json& record);
  void append(std::string record, std::function<void()> durable);
  void add_report(std::int64_t seq, const Json& report, std::function<void()> durable);
  void reserve();
  std::string whole_file() const;
  void failed();

  const std::size_t rewrite_after_;
  const Clock& clock_;
  std::int64_t next_seq_ = 1;
  std::int64_t acked_ = 0;
  std::int64_t durable_seq_ = 0;
  std::int64_t next_door_seq_ = 1;
  std::int64_t reserved_ = 1;         // written: numbers below may be used after a restart
  std::int64_t durable_reserve_ = 1;  // synced: numbers below may be used now
  std::map<std::string, OpenSession> open_;
  std::deque<Pending> pending_;
  std::size_t written_ = 0;  // bytes since the last rewrite, about
  bool healthy_ = true;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  std::unique_ptr<Writer> writer_;
};

}  // namespace writ::door::postgres
