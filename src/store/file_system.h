// Files as the journal and the decision log see them, so that tests can put a failing disk under
// both (store/faulty_file_system.h). Contract, as of POSIX: what was written is seen by readers at
// once, but survives a power loss only after `File::sync`; a name that was created, renamed or
// removed survives only after `sync_folder`.
//
// Error codes: kNotFound, kDenied (permissions), kExhausted (no space), kUnavailable (any other I/O
// error). After a failed `sync` nobody may assume anything about the unsynced bytes.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace writ::store {

// One open file. Calls on different ranges may come from several threads at once.
class File {
 public:
  virtual ~File() = default;
  // Fills `buffer` from `offset`; answers how many bytes there were, fewer only at the end.
  virtual Result<std::size_t> pread(std::uint64_t offset, std::span<char> buffer) const = 0;
  // Writes all of `bytes`, extending the file if need be.
  virtual Status pwrite(std::uint64_t offset, std::string_view bytes) = 0;
  // Makes the file at least `size` bytes long, with blocks that are really there and zeroed where
  // nothing was written, so that later writes within need neither space nor new metadata.
  virtual Status preallocate(std::uint64_t size) = 0;
  virtual Status truncate(std::uint64_t size) = 0;
  virtual Status sync() = 0;  // fdatasync
  // Says that a sync follows soon. Files that are all told so before the first of them is synced
  // share most of the work.
  virtual void expect_sync() {}
  // Says that the file will not be read soon. Files that are written without end give the memory
  // of what is synced back in this way, for what they write next: fresh memory is slow.
  virtual void forget_cached() {}
  virtual Result<std::uint64_t> size() const = 0;
  // Writes at the end. One appender at a time.
  Status append(std::string_view bytes);
  // `size` bytes from `offset`; kCorrupt when the file ends before.
  Result<std::string> read(std::uint64_t offset, std::size_t size) const;
};

enum class OpenMode {
  kRead,       // must exist
  kReadWrite,  // must exist
  kCreate,     // read and write; made when absent
  kCreateNew,  // read and write; kExists when present
};

// Thread-safe.
class FileSystem {
 public:
  virtual ~FileSystem() = default;
  virtual Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) = 0;
  virtual Status rename(const std::string& from, const std::string& to) = 0;
  // A file or an empty folder.
  virtual Status remove(const std::string& path) = 0;
  virtual bool exists(const std::string& path) = 0;
  // Names in a folder, sorted, without "." and "..".
  virtual Result<std::vector<std::string>> list(const std::string& folder) = 0;
  // With parents; existing ones are fine. Durable on return.
  virtual Status make_folder(const std::string& path) = 0;
  virtual Status sync_folder(const std::string& path) = 0;

  // Held until destroyed or until the process ends, however it ends.
  class Lock {
   public:
    virtual ~Lock() = default;
  };
  // kConflict when another process, or another place in this one, holds the lock on this path.
  virtual Result<std::unique_ptr<Lock>> lock(const std::string& path) = 0;

  // A whole small file.
  Result<std::string> read_all(const std::string& path, std::size_t most = 64 << 20);
  // Writes a file's bytes over themselves and syncs them, and its folder. After a failed sync the
  // kernel may show bytes that are not on disk and that no later sync writes; this makes what is
  // seen what is there. An absent file is fine.
  Status settle(const std::string& path);
  // Replaces a whole file, durably and in one step: readers see the old bytes or the new.
  Status replace(const std::string& path, std::string_view bytes);
};

// The machine's files. New files have mode 0600, new folders 0700.
class RealFileSystem final : public FileSystem {
 public:
  Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override;
  Status rename(const std::string& from, const std::string& to) override;
  Status remove(const std::string& path) override;
  bool exists(const std::string& path) override;
  Result<std::vector<std::string>> list(const std::string& folder) override;
  Status make_folder(const std::string& path) override;
  Status sync_folder(const std::string& path) override;
  Result<std::unique_ptr<Lock>> lock(const std::string& path) override;
};

// The folder that holds `path`.
std::string parent_folder(const std::string& path);

}  // namespace writ::store
