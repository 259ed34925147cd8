// One SQLite connection and its prepared statements, with Results instead of return codes. Used by
// one thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace writ::store {

// A statement to run again and again. Bind from 1; `step` answers whether there is a row; texts and
// blobs of a row are valid until the next step or reset.
class Statement {
 public:
  Statement() = default;
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&& other) noexcept;
  ~Statement();

  // Bound bytes are not copied: they must live until `reset`. Binding errors come out of `step`.
  Statement& bind(int index, std::uint64_t value);
  Statement& bind(int index, std::string_view blob);
  Statement& bind_text(int index, std::string_view text);
  Result<bool> step();
  // Steps to the end, then resets.
  Status run();
  void reset();
  std::uint64_t number(int column) const;
  std::string_view blob(int column) const;

 private:
  friend class Database;
  sqlite3_stmt* statement_ = nullptr;
  int bind_error_ = 0;
};

// Resets at the end of a scope, so that no statement keeps a read transaction open.
class ResetAtExit {
 public:
  explicit ResetAtExit(Statement& statement) : statement_(statement) {}
  ResetAtExit(const ResetAtExit&) = delete;
  ResetAtExit& operator=(const ResetAtExit&) = delete;
  ~ResetAtExit() { statement_.reset(); }

 private:
  Statement& statement_;
};

class Database {
 public:
  static Result<Database> open(const std::string& path, const std::string& vfs);
  Database(Database&& other) noexcept;
  Database& operator=(Database&&) = delete;
  ~Database();

  // Statements are destroyed before the database.
  Result<Statement> prepare(std::string_view sql) const;
  Status execute(const std::string& sql) const;
  // The first column of the first row, as text; empty when there is no row.
  Result<std::string> value(std::string_view sql) const;
  bool in_transaction() const;
  // Moves the write-ahead log into the database and empties it.
  Status checkpoint();
  // Of the write-ahead log after the last commit.
  std::uint64_t wal_bytes() const;

 private:
  struct Wal;
  explicit Database(sqlite3* database);
  sqlite3* database_;
  std::unique_ptr<Wal> wal_;
};

}  // namespace writ::store
