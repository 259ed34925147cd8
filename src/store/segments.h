// The decision log's segment files: preallocated, zeroed, filled from the beginning with records
// (store/record.h), named by the index of their first entry. A spare and a reserve stand by, so
// that going on needs no space; the reserve is only for evidence that must never fail.
//
// Threads: `acquire` and `wrote` by the one writer; everything else by any thread. The writer waits
// for a file that is being made only when it needs one that is not there.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "store/file_system.h"
#include "store/record.h"

namespace writ::store {

enum class Space { kNormal, kReserved };

// "00000000000000000042.log"
std::string segment_name(std::uint64_t first);
// First indices of the segments in a folder, rising. Other names are passed over.
Result<std::vector<std::uint64_t>> list_segments(FileSystem& files, const std::string& folder);

class Segments {
 public:
  // `files` outlives this. `folder` exists.
  Segments(FileSystem& files, std::string folder, std::uint64_t segment_bytes)
      : files_(files), folder_(std::move(folder)), segment_bytes_(segment_bytes) {}

  // Finds the end of the log: reads every record from entry `from` on and calls `entry` with its
  // leaf data, cuts a torn tail, and makes all of the last segment durable anew. kCorrupt when
  // records are missing or damaged before the tail. Answers the number of entries.
  Result<std::uint64_t> recover(std::uint64_t from,
                                const std::function<void(std::string_view)>& entry);

  // Where the writer goes on: the last segment. Null before the first append.
  struct Active {
    std::shared_ptr<File> file;
    std::uint64_t offset = 0;
    std::uint64_t capacity = 0;
  };
  const Active& active() const { return active_; }
  std::uint64_t segment_bytes() const { return segment_bytes_; }

  // Prepares empty segments that begin at these entries, all or none. They become visible with
  // `wrote`. kExhausted without space.
  Result<std::vector<std::shared_ptr<File>>> acquire(const std::vector<std::uint64_t>& firsts,
                                                     Space space);
  // The next segment, of `acquire`, is the active one.
  void begin(std::uint64_t first, std::shared_ptr<File> file);
  // Records of these sizes are durable now at the active offset.
  void wrote(const std::vector<std::uint32_t>& sizes);

  // Makes the spare and the reserve where they are missing.
  Status refill();
  // The reserve alone; what normal appends need.
  Status refill_reserve();

  // Full segments up to this entry will not be read soon.
  void rest(std::uint64_t end);

  // Calls `visit` with each record from entry `from` on, up to `limit`.
  Status read(std::uint64_t from, std::uint64_t limit,
              const std::function<Status(std::uint64_t, const RecordBody&)>& visit) const;

 private:
  struct Segment {
    std::uint64_t first = 0;
    std::uint64_t count = 0;
    std::vector<std::uint32_t> marks;  // offset of every kMarkEvery-th record
    bool marked = false;               // marks are complete
    bool resting = true;               // not kept in memory
    std::shared_ptr<File> file;        // of the active one
  };
  static constexpr std::uint64_t kMarkEvery = 32;

  std::string path(std::uint64_t first) const { return folder_ + "/" + segment_name(first); }
  std::string spare() const { return folder_ + "/spare"; }
  std::string reserve() const { return folder_ + "/reserve"; }
  Status make_zeroed(const std::string& path);
  // Makes a standby file that is missing.
  Status make_ready(bool& ready, const std::string& path);
  bool is_there(const bool& ready) const;
  void set_there(bool& ready, bool there);
  Result<std::shared_ptr<File>> take(std::uint64_t first, Space space);
  // Marks all records of a segment that was not read yet.
  Status mark(Segment& segment) const;
  Status settle_tail(File& file, std::uint64_t offset, std::uint64_t index) const;

  FileSystem& files_;
  std::string folder_;
  std::uint64_t segment_bytes_;
  Active active_;  // the writer's own

  std::mutex making_mutex_;           // held while a standby file is made; before the others
  mutable std::mutex standby_mutex_;  // guards the next two, and nothing that takes time
  bool spare_ready_ = false;
  bool reserve_ready_ = false;

  mutable std::mutex mutex_;  // guards the list and what it points to
  std::vector<std::shared_ptr<Segment>> segments_;
};

}  // namespace writ::store
