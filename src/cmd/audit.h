// Verifying a log from outside, believing nothing that the server says but what its pinned key
// signed: every entry is read, the tree is computed anew, and compared with the signed checkpoint,
// with the checkpoint that this device remembers, and with what the other log anchored.
//
// Invariant: what is not compared is named; nothing is called sound that was not looked at.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "cmd/home.h"
#include "core/event.h"
#include "tlog/checkpoint.h"
#include "tlog/tile.h"

namespace writ::cmd {

// Where a log is read from. kNotFound for what is not there.
class LogSource {
 public:
  virtual ~LogSource() = default;
  virtual Result<std::string> checkpoint(Log log) = 0;
  virtual Result<std::string> bundle(Log log, const tlog::Tile& tile) = 0;
};

// The root that a log must have had at a size, and who says so.
struct Expected {
  tlog::Head head;
  std::string whose;  // "this device", "the journal's entry 12"
};

struct Audit {
  Log log = Log::kJournal;
  tlog::Head head;                    // as signed
  std::string checkpoint;             // the signed note
  std::uint64_t read = 0;             // entries read and hashed
  std::vector<std::string> faults;    // contradictions, as sentences; none: sound
  std::vector<std::string> unproven;  // what was not, or cannot be, compared

  bool sound() const { return faults.empty(); }
};

// Called for every entry in order. What it answers is a fault.
using OnEntry = std::function<Status(std::uint64_t index, const std::string& entry)>;

// The error is only for what kept it from looking: faults are in the answer.
Result<Audit> audit_log(LogSource& source, Log log, const tlog::NoteVerifier& key,
                        std::vector<Expected> expected, const OnEntry& on_entry);

// Checks the journal's entries as events: in order, in one trust domain, from a genesis that names
// the pinned key. Collects what the journal says about the decision log.
class JournalReader {
 public:
  JournalReader(std::string trust_domain, std::string journal_key)
      : trust_domain_(std::move(trust_domain)), journal_key_(std::move(journal_key)) {}
  Status take(std::uint64_t index, const std::string& entry);
  const std::vector<Expected>& anchors() const { return anchors_; }

 private:
  std::string trust_domain_;
  std::string journal_key_;
  Time last_{};
  std::vector<Expected> anchors_;
};

}  // namespace writ::cmd
