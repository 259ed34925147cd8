// The heads of the server's logs as the door remembers them: a server that comes back with less, or
// with another past, is not believed.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "door/postgres/reports.h"
#include "tlog/checkpoint.h"
#include "tlog/note.h"

namespace writ::door::postgres {

class RememberedHeads {
 public:
  // Reads `folder`/checkpoints.json, if there is one. With keys, notes must be signed by one of
  // them and growth be proven; without, only sizes are compared. kCorrupt when the file is damaged.
  static Result<RememberedHeads> open(const std::string& folder,
                                      const std::vector<std::string>& log_keys);

  const Checkpoints& notes() const { return notes_; }
  // Compares with what the server shows; remembers it durably when it is newer. kCorrupt says which
  // log is behind or has another past; kUnauthenticated for a bad signature.
  Status accept(const Welcome& welcome);

 private:
  Result<tlog::Checkpoint> read(const std::string& note) const;
  Result<std::string> newer(std::string_view log, const std::string& known,
                            const std::string& shown, const std::vector<Hash>& proof) const;

  std::string path_;
  std::vector<tlog::NoteVerifier> keys_;
  Checkpoints notes_;
};

}  // namespace writ::door::postgres
