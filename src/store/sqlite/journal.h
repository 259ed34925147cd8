// The journal in one SQLite database: WAL, synchronous=FULL, one connection that writes and
// checkpoints. Its files go through a FileSystem (sqlite/vfs.h).
#pragma once

#include <memory>
#include <string>

#include "store/file_system.h"
#include "store/journal.h"

namespace writ::store {

// Version of the database's form (PRAGMA user_version). Tables of version 2:
//   event(seq INTEGER PRIMARY KEY, nodes BLOB, bytes BLOB)
//     nodes: the tree nodes that this event completed, leaf first (tlog::Frontier::completed), so
//     node (level, index) is in row ((index + 1) << level) - 1 at byte 32 * level
//   side(tab BLOB, key BLOB, value BLOB, PRIMARY KEY (tab, key)) WITHOUT ROWID
//   checkpoint(id INTEGER PRIMARY KEY CHECK (id = 0), note TEXT)
// Version 1 also had the snapshots, which it loses when it is opened; they stand in files now.
inline constexpr int kSqliteJournalFormat = 2;

struct SqliteJournalOptions {
  std::string path;  // of the database; "-wal", ".lock" and "-snapshots/" stand beside it
  // `maintain` moves the write-ahead log into the database when it is longer than `wal_idle_bytes`;
  // `append` does so by itself past `wal_ceiling_bytes`.
  std::uint64_t wal_idle_bytes = 1 << 20;
  std::uint64_t wal_ceiling_bytes = 64 << 20;
};

// Opens or creates. `files` outlives the journal. kConflict when another process has it open or
// when the database is from a newer version of Writ (the message says which); kCorrupt when it is
// damaged or no journal.
Result<std::unique_ptr<Journal>> open_sqlite_journal(FileSystem& files,
                                                     const SqliteJournalOptions& options);

}  // namespace writ::store
