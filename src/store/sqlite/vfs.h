// SQLite's files on a FileSystem, so that the same disk, real or failing, is under the journal as
// under the decision log. Single process: locks are no-ops (the journal holds its own lock file),
// and there is no shared memory, so connections must set locking_mode=EXCLUSIVE before WAL.
#pragma once

#include <memory>
#include <string>

#include "store/file_system.h"

namespace writ::store {

// A registered VFS; pass `name()` to sqlite3_open_v2. Outlives every connection that uses it.
class SqliteVfs {
 public:
  explicit SqliteVfs(FileSystem& files);
  SqliteVfs(const SqliteVfs&) = delete;
  SqliteVfs& operator=(const SqliteVfs&) = delete;
  ~SqliteVfs();
  const std::string& name() const;

 private:
  struct Registration;
  std::unique_ptr<Registration> registration_;
};

}  // namespace writ::store
