// Snapshots of the state folded from a journal, each in a file of its own beside it, so that no
// append waits while a large one is written or read.
//
// A file is named by the number of events before it, in 20 digits: the snapshot's bytes, then
// "writ-snapshot-1\n", that number (8 bytes), the journal's root there (32) and
// tlog::leaf_hash(bytes) (32). The root says of which journal it is: one that stays behind when an
// older journal is restored, or another one, is passed over.
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "store/file_system.h"
#include "store/journal.h"

namespace writ::store {

class Snapshots {
 public:
  // Whether the journal had this root at this size.
  using IsOurs = std::function<bool(const Head&)>;

  // `files` outlives this. The folder is made with the first snapshot.
  Snapshots(FileSystem& files, std::string folder) : files_(files), folder_(std::move(folder)) {}

  // Durable on return. Then removes those that are not ours or cannot be read, and all of ours but
  // the newest two. kInvalid when one of ours is later. Whatever fails, the ones before stay.
  Status put(const Head& at, std::string_view bytes, const IsOurs& is_ours);
  // The newest of ours whose bytes are undamaged; what cannot be read is passed over, for a
  // snapshot is a cache. May run beside `put`.
  Result<std::optional<Snapshot>> newest(const IsOurs& is_ours) const;

 private:
  std::string path_of(std::uint64_t seq) const;
  // Rising.
  Result<std::vector<std::uint64_t>> list() const;
  Status write(const std::string& path, std::string_view bytes, std::string_view end);

  FileSystem& files_;
  const std::string folder_;
  std::mutex putting_;
};

}  // namespace writ::store
