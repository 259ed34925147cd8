// A disk that fails, for tests: files in memory, with every write, truncation and name change since
// the last sync kept apart. `crash` is a power loss: of the unsynced writes a random part is gone,
// and one of the rest is torn; of the unsynced name changes the last ones are undone. A failed sync
// behaves as Linux does: the bytes stay readable, are never written, and no later sync says so.
//
// Everything follows from the seeds, as long as one thread uses it at a time. Thread-safe
// otherwise.
#pragma once

#include <map>
#include <memory>
#include <mutex>

#include "base/random.h"
#include "store/file_system.h"

namespace writ::store {

struct Faults {
  // Chances in a million, per call.
  unsigned write_error = 0;  // EIO from pwrite, preallocate, truncate
  unsigned sync_error = 0;   // EIO from sync, sync_folder
  unsigned read_error = 0;   // EIO from pread
  unsigned no_space = 0;     // ENOSPC from pwrite that extends, preallocate, creation
  // Chance of a power loss at a write or sync: from then on every call fails, until `crash`.
  unsigned power_loss = 0;
  // Bytes that all files together may have; more is ENOSPC.
  std::uint64_t capacity = ~0ull;
};

class FaultyFileSystem final : public FileSystem {
 public:
  explicit FaultyFileSystem(unsigned long long seed = 0);
  ~FaultyFileSystem() override;

  // In force from the next call on.
  void set_faults(const Faults& faults);
  // Loses power and comes back: every open file and lock is dead (calls on it fail), names and
  // bytes are as a disk might have them.
  void crash(unsigned long long seed);
  // From now on every call fails, until `crash` or `restart`. A test destroys what used the disk in
  // this state, since a dead process does no last writes.
  void lose_power();
  // True after that or after a `power_loss` fault.
  bool lost_power() const;
  // The process died and comes back, the machine did not: nothing unsynced is lost.
  void restart();
  // How many faults were injected since construction.
  std::uint64_t faults_injected() const;

  Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override;
  Status rename(const std::string& from, const std::string& to) override;
  Status remove(const std::string& path) override;
  bool exists(const std::string& path) override;
  Result<std::vector<std::string>> list(const std::string& folder) override;
  Status make_folder(const std::string& path) override;
  Status sync_folder(const std::string& path) override;
  Result<std::unique_ptr<Lock>> lock(const std::string& path) override;

 private:
  struct Disk;
  class OpenFile;
  class HeldLock;
  std::shared_ptr<Disk> disk_;
};

}  // namespace writ::store
