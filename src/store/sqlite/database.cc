#include "store/sqlite/database.h"

#include <sqlite3.h>

#include <utility>

namespace writ::store {
namespace {

Code code_of(int sqlite) {
  switch (sqlite & 0xff) {
    case SQLITE_FULL:
      return Code::kExhausted;
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_NOMEM:
      return Code::kUnavailable;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return Code::kCorrupt;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return Code::kConflict;
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return Code::kDenied;
    case SQLITE_TOOBIG:
      return Code::kInvalid;
    default:
      return Code::kInternal;
  }
}

tl::unexpected<Error> failure(sqlite3* database, int sqlite) {
  std::string message = "the journal's database: ";
  message += sqlite3_errstr(sqlite);
  if (database != nullptr && sqlite3_errcode(database) == sqlite) {
    message += std::string(" (") + sqlite3_errmsg(database) + ")";
  }
  return fail(code_of(sqlite), std::move(message));
}

}  // namespace

Statement::Statement(Statement&& other) noexcept
    : statement_(std::exchange(other.statement_, nullptr)), bind_error_(other.bind_error_) {}

Statement& Statement::operator=(Statement&& other) noexcept {
  std::swap(statement_, other.statement_);
  std::swap(bind_error_, other.bind_error_);
  return *this;
}

Statement::~Statement() {
  sqlite3_finalize(statement_);
}

Statement& Statement::bind(int index, std::uint64_t value) {
  bind_error_ |= sqlite3_bind_int64(statement_, index, static_cast<sqlite3_int64>(value));
  return *this;
}

Statement& Statement::bind(int index, std::string_view blob) {
  // A null pointer would bind NULL, which is not the empty blob.
  bind_error_ |= sqlite3_bind_blob64(statement_, index, blob.empty() ? "" : blob.data(),
                                     blob.size(), SQLITE_STATIC);
  return *this;
}

Statement& Statement::bind_text(int index, std::string_view text) {
  bind_error_ |= sqlite3_bind_text64(statement_, index, text.empty() ? "" : text.data(),
                                     text.size(), SQLITE_STATIC, SQLITE_UTF8);
  return *this;
}

Result<bool> Statement::step() {
  if (bind_error_ != SQLITE_OK) {
    return failure(nullptr, std::exchange(bind_error_, SQLITE_OK));
  }
  const int sqlite = sqlite3_step(statement_);
  if (sqlite == SQLITE_ROW) return true;
  if (sqlite == SQLITE_DONE) return false;
  return failure(sqlite3_db_handle(statement_), sqlite);
}

Status Statement::run() {
  const ResetAtExit reset_at_exit(*this);
  for (;;) {
    TRY(row, step());
    if (!row) return {};
  }
}

void Statement::reset() {
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
  bind_error_ = SQLITE_OK;
}

std::uint64_t Statement::number(int column) const {
  return static_cast<std::uint64_t>(sqlite3_column_int64(statement_, column));
}

std::string_view Statement::blob(int column) const {
  const void* bytes = sqlite3_column_blob(statement_, column);
  const int size = sqlite3_column_bytes(statement_, column);
  if (bytes == nullptr) return {};
  return {static_cast<const char*>(bytes), static_cast<std::size_t>(size)};
}

struct Database::Wal {
  std::uint64_t bytes = 0;
};

Database::Database(sqlite3* database) : database_(database), wal_(std::make_unique<Wal>()) {
  sqlite3_extended_result_codes(database_, 1);
  sqlite3_wal_hook(
      database_,
      [](void* wal, sqlite3*, const char*, int pages) {
        static_cast<Wal*>(wal)->bytes = static_cast<std::uint64_t>(pages) * 4096;
        return SQLITE_OK;
      },
      wal_.get());
}

Database::Database(Database&& other) noexcept
    : database_(std::exchange(other.database_, nullptr)), wal_(std::move(other.wal_)) {}

Database::~Database() {
  sqlite3_close_v2(database_);
}

Result<Database> Database::open(const std::string& path, const std::string& vfs) {
  sqlite3* database = nullptr;
  const int sqlite = sqlite3_open_v2(
      path.c_str(), &database, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
      vfs.c_str());
  if (sqlite != SQLITE_OK) {
    auto failed = failure(database, sqlite);
    sqlite3_close_v2(database);
    return failed;
  }
  return Database(database);
}

Result<Statement> Database::prepare(std::string_view sql) const {
  Statement statement;
  const int sqlite = sqlite3_prepare_v3(database_, sql.data(), static_cast<int>(sql.size()),
                                        SQLITE_PREPARE_PERSISTENT, &statement.statement_, nullptr);
  if (sqlite != SQLITE_OK) return failure(database_, sqlite);
  return statement;
}

Status Database::execute(const std::string& sql) const {
  const int sqlite = sqlite3_exec(database_, sql.c_str(), nullptr, nullptr, nullptr);
  if (sqlite != SQLITE_OK) return failure(database_, sqlite);
  return {};
}

Result<std::string> Database::value(std::string_view sql) const {
  TRY(statement, prepare(sql));
  TRY(row, statement.step());
  std::string first = row ? std::string(statement.blob(0)) : std::string();
  // A statement that also changes something (journal_mode) commits, and can fail, at its end.
  while (row) {
    TRY(more, statement.step());
    row = more;
  }
  return first;
}

bool Database::in_transaction() const {
  return sqlite3_get_autocommit(database_) == 0;
}

Status Database::checkpoint() {
  const int sqlite =
      sqlite3_wal_checkpoint_v2(database_, nullptr, SQLITE_CHECKPOINT_TRUNCATE, nullptr, nullptr);
  if (sqlite != SQLITE_OK) return failure(database_, sqlite);
  wal_->bytes = 0;
  return {};
}

std::uint64_t Database::wal_bytes() const {
  return wal_->bytes;
}

}  // namespace writ::store
