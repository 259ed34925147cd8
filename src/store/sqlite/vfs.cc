#include "store/sqlite/vfs.h"

#include <sqlite3.h>

#include <atomic>
#include <cstring>
#include <new>

namespace writ::store {

struct SqliteVfs::Registration {
  FileSystem* files = nullptr;
  std::string name;
  sqlite3_vfs vfs{};
};

namespace {

// What SQLite allocates for one open file; `base` must come first.
struct VfsFile {
  sqlite3_file base;
  FileSystem* files;
  File* file;         // owned; deleted by xClose
  std::string* path;  // owned; deleted by xClose
  int flags;
  bool name_unsynced;  // perhaps just created: the first sync also syncs the folder
};

VfsFile& as_file(sqlite3_file* file) {
  return *reinterpret_cast<VfsFile*>(file);
}

int full_or(const Error& error, int otherwise) {
  return error.code == Code::kExhausted ? SQLITE_FULL : otherwise;
}

int file_close(sqlite3_file* f) {
  VfsFile& file = as_file(f);
  delete file.file;
  if ((file.flags & SQLITE_OPEN_DELETEONCLOSE) != 0) (void)file.files->remove(*file.path);
  delete file.path;
  file.file = nullptr;
  file.path = nullptr;
  return SQLITE_OK;
}

int file_read(sqlite3_file* f, void* buffer, int size, sqlite3_int64 offset) {
  const auto wanted = static_cast<std::size_t>(size);
  const auto got = as_file(f).file->pread(static_cast<std::uint64_t>(offset),
                                          std::span(static_cast<char*>(buffer), wanted));
  if (!got) return SQLITE_IOERR_READ;
  if (*got == wanted) return SQLITE_OK;
  std::memset(static_cast<char*>(buffer) + *got, 0, wanted - *got);
  return SQLITE_IOERR_SHORT_READ;
}

int file_write(sqlite3_file* f, const void* bytes, int size, sqlite3_int64 offset) {
  const auto done =
      as_file(f).file->pwrite(static_cast<std::uint64_t>(offset),
                              {static_cast<const char*>(bytes), static_cast<std::size_t>(size)});
  return done ? SQLITE_OK : full_or(done.error(), SQLITE_IOERR_WRITE);
}

int file_truncate(sqlite3_file* f, sqlite3_int64 size) {
  return as_file(f).file->truncate(static_cast<std::uint64_t>(size)) ? SQLITE_OK
                                                                     : SQLITE_IOERR_TRUNCATE;
}

int file_sync(sqlite3_file* f, int) {
  VfsFile& file = as_file(f);
  if (!file.file->sync()) return SQLITE_IOERR_FSYNC;
  if (file.name_unsynced) {
    if (!file.files->sync_folder(parent_folder(*file.path))) return SQLITE_IOERR_DIR_FSYNC;
    file.name_unsynced = false;
  }
  return SQLITE_OK;
}

int file_size(sqlite3_file* f, sqlite3_int64* size) {
  const auto known = as_file(f).file->size();
  if (!known) return SQLITE_IOERR_FSTAT;
  *size = static_cast<sqlite3_int64>(*known);
  return SQLITE_OK;
}

int file_lock(sqlite3_file*, int) {
  return SQLITE_OK;
}
int file_reserved(sqlite3_file*, int* held) {
  *held = 0;
  return SQLITE_OK;
}
int file_control(sqlite3_file*, int, void*) {
  return SQLITE_NOTFOUND;
}
int file_sector(sqlite3_file*) {
  return 4096;
}
int file_traits(sqlite3_file*) {
  // A torn write harms no byte outside its own range, as on every disk that SQLite assumes so too.
  return SQLITE_IOCAP_POWERSAFE_OVERWRITE | SQLITE_IOCAP_UNDELETABLE_WHEN_OPEN;
}

// Version 1: no shared memory, so WAL works in exclusive locking mode only.
const sqlite3_io_methods kMethods = {
    1,         file_close, file_read,     file_write,   file_truncate, file_sync,   file_size,
    file_lock, file_lock,  file_reserved, file_control, file_sector,   file_traits, nullptr,
    nullptr,   nullptr,    nullptr,       nullptr,      nullptr};

FileSystem& files_of(sqlite3_vfs* vfs) {
  return *static_cast<FileSystem*>(vfs->pAppData);
}

int vfs_open(sqlite3_vfs* vfs, const char* path, sqlite3_file* f, int flags, int* out_flags) {
  VfsFile& file = as_file(f);
  file.base.pMethods = nullptr;
  FileSystem& files = files_of(vfs);
  // Temporary files have no name; temp_store=MEMORY keeps SQLite from asking for them.
  if (path == nullptr) return SQLITE_CANTOPEN;
  const bool create = (flags & SQLITE_OPEN_CREATE) != 0;
  const OpenMode mode = (flags & SQLITE_OPEN_READONLY) != 0 ? OpenMode::kRead
                        : create                            ? OpenMode::kCreate
                                                            : OpenMode::kReadWrite;
  auto opened = files.open(path, mode);
  if (!opened) return full_or(opened.error(), SQLITE_CANTOPEN);
  file.files = &files;
  file.file = opened->release();
  file.path = new std::string(path);
  file.flags = flags;
  file.name_unsynced = create;
  file.base.pMethods = &kMethods;
  if (out_flags != nullptr) *out_flags = flags;
  return SQLITE_OK;
}

int vfs_delete(sqlite3_vfs* vfs, const char* path, int sync_folder) {
  FileSystem& files = files_of(vfs);
  const auto removed = files.remove(path);
  if (!removed) {
    return removed.error().code == Code::kNotFound ? SQLITE_IOERR_DELETE_NOENT
                                                   : SQLITE_IOERR_DELETE;
  }
  if (sync_folder != 0 && !files.sync_folder(parent_folder(path))) return SQLITE_IOERR_DIR_FSYNC;
  return SQLITE_OK;
}

int vfs_access(sqlite3_vfs* vfs, const char* path, int, int* answer) {
  *answer = files_of(vfs).exists(path) ? 1 : 0;
  return SQLITE_OK;
}

int vfs_full_path(sqlite3_vfs*, const char* path, int size, char* out) {
  const std::size_t length = std::strlen(path);
  if (length >= static_cast<std::size_t>(size)) return SQLITE_CANTOPEN;
  std::memcpy(out, path, length + 1);
  return SQLITE_OK;
}

// Everything that is not about files is the machine's own.
int vfs_random(sqlite3_vfs*, int size, char* out) {
  sqlite3_vfs* real = sqlite3_vfs_find(nullptr);
  return real->xRandomness(real, size, out);
}
int vfs_sleep(sqlite3_vfs*, int microseconds) {
  sqlite3_vfs* real = sqlite3_vfs_find(nullptr);
  return real->xSleep(real, microseconds);
}
int vfs_time(sqlite3_vfs*, double* out) {
  sqlite3_vfs* real = sqlite3_vfs_find(nullptr);
  return real->xCurrentTime(real, out);
}
int vfs_last_error(sqlite3_vfs*, int, char*) {
  return 0;
}

}  // namespace

SqliteVfs::SqliteVfs(FileSystem& files) : registration_(std::make_unique<Registration>()) {
  static std::atomic<std::uint64_t> next{1};
  registration_->files = &files;
  registration_->name = "writ-" + std::to_string(next++);
  sqlite3_vfs& vfs = registration_->vfs;
  vfs.iVersion = 1;
  vfs.szOsFile = sizeof(VfsFile);
  vfs.mxPathname = 4096;
  vfs.zName = registration_->name.c_str();
  vfs.pAppData = &files;
  vfs.xOpen = vfs_open;
  vfs.xDelete = vfs_delete;
  vfs.xAccess = vfs_access;
  vfs.xFullPathname = vfs_full_path;
  vfs.xRandomness = vfs_random;
  vfs.xSleep = vfs_sleep;
  vfs.xCurrentTime = vfs_time;
  vfs.xGetLastError = vfs_last_error;
  sqlite3_vfs_register(&vfs, 0);
}

SqliteVfs::~SqliteVfs() {
  sqlite3_vfs_unregister(&registration_->vfs);
}

const std::string& SqliteVfs::name() const {
  return registration_->name;
}

}  // namespace writ::store
