#include "store/sqlite/journal.h"

#include <algorithm>
#include <list>
#include <mutex>

#include "base/log.h"
#include "store/snapshots.h"
#include "store/sqlite/database.h"
#include "store/sqlite/vfs.h"
#include "tlog/checkpoint.h"

namespace writ::store {
namespace {

constexpr std::uint64_t kApplicationId = 0x57524954;  // "WRIT"

// Everything that must outlive the statements.
struct Connection {
  std::unique_ptr<FileSystem::Lock> lock;
  std::unique_ptr<SqliteVfs> vfs;
  Database database;
};

struct Statements {
  Statement begin, commit, rollback;
  Statement insert_event, read_events, read_nodes, last_seq;
  Statement put_checkpoint, read_checkpoint;
  Statement put_side, erase_side, read_side, list_side;
};

class SqliteJournal final : public Journal {
 public:
  SqliteJournal(FileSystem& files, Connection connection, const SqliteJournalOptions& options)
      : snapshots_(files, options.path + "-snapshots"),
        connection_(std::move(connection)),
        options_(options) {}

  // Prepares the statements and reads the head; the tables exist.
  Status start();

  Result<Head> append(const AppendBatch& batch, std::uint64_t expected_seq) override;
  Result<std::vector<std::string>> read(std::uint64_t from, std::size_t limit) const override;
  Head head() const override;
  Result<std::vector<Hash>> nodes(std::span<const tlog::NodeId> ids) const override;
  std::unique_ptr<Subscription> subscribe(std::function<void(const Head&)> notify) override;
  Status snapshot_put(std::uint64_t seq, std::string_view bytes) override;
  Result<std::optional<Snapshot>> snapshot_get() const override;
  Status checkpoint_put(std::string_view note) override;
  Result<std::optional<std::string>> checkpoint_get() const override;
  Status put(std::string_view table, std::string_view key, std::string_view value) override;
  Status erase(std::string_view table, std::string_view key) override;
  Result<std::optional<std::string>> get(std::string_view table,
                                         std::string_view key) const override;
  Result<std::vector<std::pair<std::string, std::string>>> list(std::string_view table,
                                                                std::string_view after,
                                                                std::size_t limit) const override;
  Status maintain() override;

 private:
  using Notify = std::function<void(const Head&)>;
  // The list is guarded by its own mutex, which is held during a notification. Shared with the
  // subscriptions, which may outlive the journal.
  struct Subscribers {
    std::mutex mutex;
    std::list<Notify> list;
  };
  struct Subscribed;

  // Runs `body` in one transaction. Any failure rolls back; one that leaves unknown what is on disk
  // also stops further writing. With mutex_ held.
  template <class Body>
  Status transact(Body&& body);
  Status put_row(std::string_view table, std::string_view key, std::string_view value);
  Status erase_row(std::string_view table, std::string_view key);
  // Whether this root was this journal's at that size.
  bool had(const Head& at) const;

  Snapshots snapshots_;       // has a lock of its own
  std::mutex append_mutex_;   // held for a whole append, notifications included; before mutex_
  mutable std::mutex mutex_;  // guards everything below but subscribers_
  Connection connection_;
  mutable Statements statements_;
  SqliteJournalOptions options_;
  tlog::Frontier frontier_;
  Head head_;
  bool stopped_ = false;        // after an I/O error
  bool erased_in_wal_ = false;  // erased bytes are still in the write-ahead log
  const std::shared_ptr<Subscribers> subscribers_ = std::make_shared<Subscribers>();
};

struct SqliteJournal::Subscribed final : Subscription {
  Subscribed(std::shared_ptr<Subscribers> all, std::list<Notify>::iterator me)
      : all_(std::move(all)), me_(me) {}
  ~Subscribed() override {
    const std::lock_guard lock(all_->mutex);
    all_->list.erase(me_);
  }
  std::shared_ptr<Subscribers> all_;
  std::list<Notify>::iterator me_;
};

Status SqliteJournal::start() {
  const Database& db = connection_.database;
  const std::pair<Statement&, std::string_view> wanted[] = {
      {statements_.begin, "BEGIN IMMEDIATE"},
      {statements_.commit, "COMMIT"},
      {statements_.rollback, "ROLLBACK"},
      {statements_.insert_event, "INSERT INTO event(seq, nodes, bytes) VALUES (?1, ?2, ?3)"},
      {statements_.read_events,
       "SELECT seq, bytes FROM event WHERE seq >= ?1 ORDER BY seq LIMIT ?2"},
      {statements_.read_nodes, "SELECT nodes FROM event WHERE seq = ?1"},
      {statements_.last_seq, "SELECT seq FROM event ORDER BY seq DESC LIMIT 1"},
      {statements_.put_checkpoint, "INSERT OR REPLACE INTO checkpoint(id, note) VALUES (0, ?1)"},
      {statements_.read_checkpoint, "SELECT note FROM checkpoint WHERE id = 0"},
      {statements_.put_side, "INSERT OR REPLACE INTO side(tab, key, value) VALUES (?1, ?2, ?3)"},
      {statements_.erase_side, "DELETE FROM side WHERE tab = ?1 AND key = ?2"},
      {statements_.read_side, "SELECT value FROM side WHERE tab = ?1 AND key = ?2"},
      {statements_.list_side,
       "SELECT key, value FROM side WHERE tab = ?1 AND key > ?2 ORDER BY key LIMIT ?3"},
  };
  for (const auto& [statement, sql] : wanted) {
    TRY(prepared, db.prepare(sql));
    statement = std::move(prepared);
  }
  std::uint64_t size = 0;
  {
    const ResetAtExit reset(statements_.last_seq);
    TRY(row, statements_.last_seq.step());
    if (row) size = statements_.last_seq.number(0) + 1;
  }
  TRY(frontier, tlog::Frontier::load(size, *this));
  frontier_ = std::move(frontier);
  head_ = frontier_.head();
  TRY(note, checkpoint_get());
  if (!note) return {};
  TRY(checkpoint, tlog::read_own_checkpoint(*note));
  if (checkpoint.head.size > size) {
    return fail(Code::kCorrupt, "the journal is truncated: its last checkpoint covers " +
                                    std::to_string(checkpoint.head.size) + " events, and " +
                                    std::to_string(size) + " are there");
  }
  TRY(root, tlog::root_at(checkpoint.head.size, *this));
  if (root != checkpoint.head.root) {
    return fail(Code::kCorrupt, "the journal was rewritten: its first " +
                                    std::to_string(checkpoint.head.size) +
                                    " events are not those of its last checkpoint");
  }
  return {};
}

template <class Body>
Status SqliteJournal::transact(Body&& body) {
  if (stopped_) {
    return fail(Code::kUnavailable,
                "the journal stopped after an input/output error; it must be opened again");
  }
  const auto attempt = [&]() -> Status {
    CHECK_OK(statements_.begin.run());
    CHECK_OK(body());
    return statements_.commit.run();
  };
  Status done = attempt();
  if (done) return done;
  if (connection_.database.in_transaction()) (void)statements_.rollback.run();
  // Lack of space comes before the commit is on disk; anything else below us may come after.
  switch (done.error().code) {
    case Code::kUnavailable:
    case Code::kCorrupt:
    case Code::kInternal:
      stopped_ = true;
      break;
    default:
      if (connection_.database.in_transaction()) stopped_ = true;
  }
  return done;
}

Status check_side(std::string_view table, std::string_view key, std::string_view value) {
  if (table.empty() || table.size() > kMostSideNameBytes || key.empty() ||
      key.size() > kMostSideNameBytes || value.size() > kMostSideBytes) {
    return fail(Code::kInvalid,
                "a side table's name and key need 1 to 512 bytes, and a value at "
                "most 1 MiB");
  }
  return {};
}

Status check_batch(const AppendBatch& batch) {
  if (batch.events.size() > kMostBatchEvents) {
    return fail(Code::kInvalid, "a batch has at most 100,000 events");
  }
  for (const std::string& event : batch.events) {
    if (event.empty() || event.size() > kMostEventBytes) {
      return fail(Code::kInvalid,
                  "an event needs 1 to 65,535 bytes, not " + std::to_string(event.size()));
    }
  }
  for (const SidePut& put : batch.puts) CHECK_OK(check_side(put.table, put.key, put.value));
  for (const SideErase& erase : batch.erases) CHECK_OK(check_side(erase.table, erase.key, {}));
  return {};
}

Status SqliteJournal::put_row(std::string_view table, std::string_view key,
                              std::string_view value) {
  return statements_.put_side.bind(1, table).bind(2, key).bind(3, value).run();
}

Status SqliteJournal::erase_row(std::string_view table, std::string_view key) {
  return statements_.erase_side.bind(1, table).bind(2, key).run();
}

Result<Head> SqliteJournal::append(const AppendBatch& batch, std::uint64_t expected_seq) {
  CHECK_OK(check_batch(batch));
  const std::lock_guard appending(append_mutex_);
  Head head;
  {
    const std::lock_guard lock(mutex_);
    if (expected_seq != head_.size) {
      return fail(Code::kConflict, "the journal has " + std::to_string(head_.size) +
                                       " events, not " + std::to_string(expected_seq));
    }
    tlog::Frontier next = frontier_;
    const auto write = [&]() -> Status {
      std::string nodes;
      for (const std::string& event : batch.events) {
        const std::uint64_t seq = next.size();
        next.append(tlog::leaf_hash(event));
        nodes.clear();
        for (const Hash& node : next.completed()) nodes += as_bytes(node);
        CHECK_OK(statements_.insert_event.bind(1, seq).bind(2, nodes).bind(3, event).run());
      }
      for (const SideErase& erase : batch.erases) CHECK_OK(erase_row(erase.table, erase.key));
      for (const SidePut& put : batch.puts) CHECK_OK(put_row(put.table, put.key, put.value));
      return {};
    };
    CHECK_OK(transact(write));
    frontier_ = std::move(next);
    head = head_ = frontier_.head();
    // A put may have replaced a value, which erases the old one too.
    erased_in_wal_ = erased_in_wal_ || !batch.erases.empty() || !batch.puts.empty();
    if (connection_.database.wal_bytes() > options_.wal_ceiling_bytes) {
      // The events are durable; a later attempt will shorten the log.
      if (auto moved = connection_.database.checkpoint(); !moved) {
        log(Level::kWarn, "journal_checkpoint_failed", {{"error", moved.error().text()}});
      }
    }
  }
  const std::lock_guard notifying(subscribers_->mutex);
  for (const Notify& notify : subscribers_->list) notify(head);
  return head;
}

Result<std::vector<std::string>> SqliteJournal::read(std::uint64_t from, std::size_t limit) const {
  const std::lock_guard lock(mutex_);
  if (from > head_.size) {
    return fail(Code::kInvalid, "the journal has " + std::to_string(head_.size) +
                                    " events; there is none at " + std::to_string(from));
  }
  const std::uint64_t count = std::min<std::uint64_t>(limit, head_.size - from);
  std::vector<std::string> events;
  events.reserve(count);
  Statement& statement = statements_.read_events;
  const ResetAtExit reset(statement);
  statement.bind(1, from).bind(2, count);
  while (events.size() < count) {
    TRY(row, statement.step());
    if (!row || statement.number(0) != from + events.size()) {
      return fail(Code::kCorrupt,
                  "event " + std::to_string(from + events.size()) + " is missing from the journal");
    }
    events.emplace_back(statement.blob(1));
  }
  return events;
}

Head SqliteJournal::head() const {
  const std::lock_guard lock(mutex_);
  return head_;
}

Result<std::vector<Hash>> SqliteJournal::nodes(std::span<const tlog::NodeId> ids) const {
  const std::lock_guard lock(mutex_);
  std::vector<Hash> hashes;
  hashes.reserve(ids.size());
  Statement& statement = statements_.read_nodes;
  for (const tlog::NodeId& id : ids) {
    const ResetAtExit reset(statement);
    statement.bind(1, ((id.index + 1) << id.level) - 1);
    TRY(row, statement.step());
    const std::string_view nodes = row ? statement.blob(0) : std::string_view();
    const std::size_t at = std::size_t{32} * id.level;
    if (nodes.size() < at + 32) {
      return fail(Code::kCorrupt, "node " + std::to_string(id.level) + "/" +
                                      std::to_string(id.index) + " is missing from the journal");
    }
    TRY(hash, to_hash(nodes.substr(at, 32)));
    hashes.push_back(hash);
  }
  return hashes;
}

std::unique_ptr<Journal::Subscription> SqliteJournal::subscribe(Notify notify) {
  const std::lock_guard lock(subscribers_->mutex);
  subscribers_->list.push_back(std::move(notify));
  return std::make_unique<Subscribed>(subscribers_, std::prev(subscribers_->list.end()));
}

Status SqliteJournal::snapshot_put(std::uint64_t seq, std::string_view bytes) {
  TRY(root, root_at(seq));
  return snapshots_.put({seq, root}, bytes, [&](const Head& at) { return had(at); });
}

Result<std::optional<Snapshot>> SqliteJournal::snapshot_get() const {
  return snapshots_.newest([&](const Head& at) { return had(at); });
}

bool SqliteJournal::had(const Head& at) const {
  const auto root = root_at(at.size);
  return root && *root == at.root;
}

Status SqliteJournal::checkpoint_put(std::string_view note) {
  TRY(checkpoint, tlog::read_own_checkpoint(note));
  TRY(last_note, checkpoint_get());
  if (last_note) {
    TRY(last, tlog::read_own_checkpoint(*last_note));
    if (last.head.size > checkpoint.head.size) {
      return fail(Code::kConflict, "there is a checkpoint of a larger size already");
    }
  }
  const auto root = root_at(checkpoint.head.size);
  if (!root && root.error().code != Code::kInvalid) return fail(root);
  if (!root || *root != checkpoint.head.root) {
    return fail(Code::kConflict, "the checkpoint is not one of this journal");
  }
  const std::lock_guard lock(mutex_);
  return transact([&] { return statements_.put_checkpoint.bind_text(1, note).run(); });
}

Result<std::optional<std::string>> SqliteJournal::checkpoint_get() const {
  const std::lock_guard lock(mutex_);
  const ResetAtExit reset(statements_.read_checkpoint);
  TRY(row, statements_.read_checkpoint.step());
  if (!row) return std::nullopt;
  return std::string(statements_.read_checkpoint.blob(0));
}

Status SqliteJournal::put(std::string_view table, std::string_view key, std::string_view value) {
  CHECK_OK(check_side(table, key, value));
  const std::lock_guard lock(mutex_);
  CHECK_OK(transact([&] { return put_row(table, key, value); }));
  erased_in_wal_ = true;
  return {};
}

Status SqliteJournal::erase(std::string_view table, std::string_view key) {
  CHECK_OK(check_side(table, key, {}));
  const std::lock_guard lock(mutex_);
  CHECK_OK(transact([&] { return erase_row(table, key); }));
  erased_in_wal_ = true;
  return {};
}

Result<std::optional<std::string>> SqliteJournal::get(std::string_view table,
                                                      std::string_view key) const {
  const std::lock_guard lock(mutex_);
  Statement& statement = statements_.read_side;
  const ResetAtExit reset(statement);
  TRY(row, statement.bind(1, table).bind(2, key).step());
  if (!row) return std::nullopt;
  return std::string(statement.blob(0));
}

Result<std::vector<std::pair<std::string, std::string>>> SqliteJournal::list(
    std::string_view table, std::string_view after, std::size_t limit) const {
  const std::lock_guard lock(mutex_);
  std::vector<std::pair<std::string, std::string>> rows;
  Statement& statement = statements_.list_side;
  const ResetAtExit reset(statement);
  statement.bind(1, table).bind(2, after).bind(3, std::uint64_t{limit});
  for (;;) {
    TRY(row, statement.step());
    if (!row) return rows;
    rows.emplace_back(std::string(statement.blob(0)), std::string(statement.blob(1)));
  }
}

Status SqliteJournal::maintain() {
  const std::lock_guard lock(mutex_);
  if (!erased_in_wal_ && connection_.database.wal_bytes() <= options_.wal_idle_bytes) return {};
  CHECK_OK(connection_.database.checkpoint());
  erased_in_wal_ = false;
  return {};
}

// Makes the tables of a new database, or checks that an old one is ours.
Status prepare_tables(Database& db, const std::string& path) {
  // Before the first access: there is no shared memory, so WAL needs it.
  CHECK_OK(db.execute("PRAGMA locking_mode=EXCLUSIVE"));
  TRY(id_text, db.value("PRAGMA application_id"));
  TRY(version_text, db.value("PRAGMA user_version"));
  TRY(tables, db.value("SELECT count(*) FROM sqlite_master"));
  const bool fresh = tables == "0" && version_text == "0";
  if (!fresh && id_text != std::to_string(kApplicationId)) {
    return fail(Code::kCorrupt, "this is a database, but not a journal of Writ", path);
  }
  const int version = fresh ? kSqliteJournalFormat : std::stoi(version_text);
  if (version > kSqliteJournalFormat) {
    return fail(Code::kConflict,
                "this journal has format " + version_text +
                    ", from a newer version of Writ; this "
                    "one knows formats up to " +
                    std::to_string(kSqliteJournalFormat) + ". Install the newer version",
                path);
  }
  if (version < 1) return fail(Code::kCorrupt, "the journal's format version is wrong", path);
  CHECK_OK(db.value("PRAGMA journal_mode=WAL"));
  TRY(mode, db.value("PRAGMA journal_mode"));
  if (mode != "wal") {
    return fail(Code::kInternal, "the journal's database refuses write-ahead logging", path);
  }
  CHECK_OK(
      db.execute("PRAGMA synchronous=FULL;"
                 "PRAGMA temp_store=MEMORY;"
                 "PRAGMA secure_delete=ON;"
                 "PRAGMA trusted_schema=OFF;"
                 "PRAGMA cell_size_check=ON;"
                 "PRAGMA cache_size=-8000"));
  if (!fresh && version < kSqliteJournalFormat) {
    return db.execute("BEGIN IMMEDIATE; DROP TABLE snapshot; PRAGMA user_version=2; COMMIT");
  }
  if (!fresh) return {};
  return db.execute(
      "BEGIN IMMEDIATE;"
      "CREATE TABLE event(seq INTEGER PRIMARY KEY, nodes BLOB NOT NULL, bytes BLOB NOT NULL);"
      "CREATE TABLE side(tab BLOB NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL,"
      "                  PRIMARY KEY (tab, key)) WITHOUT ROWID;"
      "CREATE TABLE checkpoint(id INTEGER PRIMARY KEY CHECK (id = 0), note TEXT NOT NULL);"
      "PRAGMA application_id=" +
      std::to_string(kApplicationId) +
      ";"
      "PRAGMA user_version=" +
      std::to_string(kSqliteJournalFormat) +
      ";"
      "COMMIT");
}

}  // namespace

Result<std::unique_ptr<Journal>> open_sqlite_journal(FileSystem& files,
                                                     const SqliteJournalOptions& options) {
  CHECK_OK(files.make_folder(parent_folder(options.path)));
  TRY(lock, files.lock(options.path + ".lock"));
  // SQLite trusts what it reads from its logs while it changes the database by them, so that must
  // be on disk before.
  for (const char* log : {"-wal", "-journal"}) CHECK_OK(files.settle(options.path + log));
  auto vfs = std::make_unique<SqliteVfs>(files);
  TRY(database, Database::open(options.path, vfs->name()));
  CHECK_OK(prepare_tables(database, options.path));
  // Nothing is served before it is in the database.
  CHECK_OK(database.checkpoint());
  auto journal = std::make_unique<SqliteJournal>(
      files, Connection{std::move(lock), std::move(vfs), std::move(database)}, options);
  CHECK_OK(journal->start());
  return journal;
}

}  // namespace writ::store
