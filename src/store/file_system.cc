#include "store/file_system.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

namespace writ::store {
namespace {

tl::unexpected<Error> system_failure(std::string_view doing, const std::string& path) {
  const int number = errno;
  const Code code = number == ENOENT                       ? Code::kNotFound
                    : number == EEXIST                     ? Code::kExists
                    : number == EACCES || number == EPERM  ? Code::kDenied
                    : number == ENOSPC || number == EDQUOT ? Code::kExhausted
                                                           : Code::kUnavailable;
  return fail(code, std::string(doing) + " failed: " + std::strerror(number), path);
}

class RealFile final : public File {
 public:
  RealFile(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
  RealFile(const RealFile&) = delete;
  RealFile& operator=(const RealFile&) = delete;
  ~RealFile() override { ::close(fd_); }

  Result<std::size_t> pread(std::uint64_t offset, std::span<char> buffer) const override {
    std::size_t done = 0;
    while (done < buffer.size()) {
      const ssize_t n = ::pread(fd_, buffer.data() + done, buffer.size() - done,
                                static_cast<off_t>(offset + done));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return system_failure("reading the file", path_);
      if (n == 0) break;
      done += static_cast<std::size_t>(n);
    }
    return done;
  }

  Status pwrite(std::uint64_t offset, std::string_view bytes) override {
    while (!bytes.empty()) {
      const ssize_t n = ::pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return system_failure("writing the file", path_);
      bytes.remove_prefix(static_cast<std::size_t>(n));
      offset += static_cast<std::uint64_t>(n);
    }
    return {};
  }

  // Blocks that fallocate reserves are still unwritten extents, and the first write into each costs
  // a metadata update at the next sync; so zeros are really written.
  Status preallocate(std::uint64_t wanted) override {
    TRY(now, size());
    if (now >= wanted) return {};
    if (const int error =
            ::posix_fallocate(fd_, static_cast<off_t>(now), static_cast<off_t>(wanted - now));
        error != 0) {
      errno = error;
      auto failure = system_failure("reserving space for the file", path_);
      (void)truncate(now);
      return failure;
    }
    // In small pieces: a sync of the log that comes meanwhile waits for one of them. A megabyte
    // made every such sync ten times as long.
    static const std::string kZeros(128 << 10, '\0');
    for (std::uint64_t at = now; at < wanted; at += kZeros.size()) {
      const std::size_t piece = std::min<std::uint64_t>(kZeros.size(), wanted - at);
      CHECK_OK(pwrite(at, std::string_view(kZeros).substr(0, piece)));
      // Not all at once: others' syncs wait behind what the disk has in hand.
      CHECK_OK(sync());
    }
    return {};
  }

  Status truncate(std::uint64_t size) override {
    if (::ftruncate(fd_, static_cast<off_t>(size)) != 0) {
      return system_failure("truncating the file", path_);
    }
    return {};
  }

  Status sync() override {
    if (::fdatasync(fd_) != 0) return system_failure("syncing the file", path_);
    return {};
  }

  void expect_sync() override {
    (void)::sync_file_range(fd_, 0, 0, SYNC_FILE_RANGE_WRITE);  // sync() hears of what fails
  }

  void forget_cached() override { (void)::posix_fadvise(fd_, 0, 0, POSIX_FADV_DONTNEED); }

  Result<std::uint64_t> size() const override {
    struct stat status{};
    if (::fstat(fd_, &status) != 0) return system_failure("asking for the file's size", path_);
    return static_cast<std::uint64_t>(status.st_size);
  }

 private:
  int fd_;
  std::string path_;
};

// flock belongs to the open file description, so it also keeps out the same process, and ends with
// the process. The file itself stays: removing it would let two holders in.
class RealLock final : public FileSystem::Lock {
 public:
  explicit RealLock(int fd) : fd_(fd) {}
  RealLock(const RealLock&) = delete;
  RealLock& operator=(const RealLock&) = delete;
  ~RealLock() override { ::close(fd_); }

 private:
  int fd_;
};

}  // namespace

Status File::append(std::string_view bytes) {
  TRY(end, size());
  return pwrite(end, bytes);
}

Result<std::string> File::read(std::uint64_t offset, std::size_t size) const {
  std::string bytes(size, '\0');
  TRY(got, pread(offset, std::span(bytes.data(), bytes.size())));
  if (got != size) return fail(Code::kCorrupt, "the file ends before the wanted bytes");
  return bytes;
}

Result<std::string> FileSystem::read_all(const std::string& path, std::size_t most) {
  TRY(file, open(path, OpenMode::kRead));
  TRY(size, file->size());
  if (size > most) {
    return fail(Code::kInvalid, "the file is larger than " + std::to_string(most) + " bytes", path);
  }
  return file->read(0, size);
}

Status FileSystem::replace(const std::string& path, std::string_view bytes) {
  const std::string fresh = path + ".new";
  const auto write = [&]() -> Status {
    TRY(file, open(fresh, OpenMode::kCreate));
    CHECK_OK(file->truncate(0));
    CHECK_OK(file->pwrite(0, bytes));
    return file->sync();
  };
  if (auto written = write(); !written) {
    (void)remove(fresh);
    return written;
  }
  CHECK_OK(rename(fresh, path));
  return sync_folder(parent_folder(path));
}

Status FileSystem::settle(const std::string& path) {
  if (!exists(path)) return {};
  TRY(file, open(path, OpenMode::kReadWrite));
  std::string bytes;
  for (std::uint64_t at = 0;; at += bytes.size()) {
    bytes.resize(1 << 20);
    TRY(got, file->pread(at, std::span(bytes.data(), bytes.size())));
    if (got == 0) break;
    bytes.resize(got);
    CHECK_OK(file->pwrite(at, bytes));
  }
  CHECK_OK(file->sync());
  return sync_folder(parent_folder(path));
}

std::string parent_folder(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

Result<std::unique_ptr<File>> RealFileSystem::open(const std::string& path, OpenMode mode) {
  int flags = O_CLOEXEC;
  switch (mode) {
    case OpenMode::kRead:
      flags |= O_RDONLY;
      break;
    case OpenMode::kReadWrite:
      flags |= O_RDWR;
      break;
    case OpenMode::kCreate:
      flags |= O_RDWR | O_CREAT;
      break;
    case OpenMode::kCreateNew:
      flags |= O_RDWR | O_CREAT | O_EXCL;
      break;
  }
  const int fd = ::open(path.c_str(), flags, 0600);
  if (fd < 0) return system_failure("opening the file", path);
  return std::make_unique<RealFile>(fd, path);
}

Status RealFileSystem::rename(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) return system_failure("renaming the file", from);
  return {};
}

Status RealFileSystem::remove(const std::string& path) {
  if (::remove(path.c_str()) != 0) return system_failure("removing the file", path);
  return {};
}

bool RealFileSystem::exists(const std::string& path) {
  return ::access(path.c_str(), F_OK) == 0;
}

Result<std::vector<std::string>> RealFileSystem::list(const std::string& folder) {
  std::error_code error;
  std::vector<std::string> names;
  for (std::filesystem::directory_iterator it(folder, error), end; !error && it != end;
       it.increment(error)) {
    names.push_back(it->path().filename().string());
  }
  if (error) {
    return fail(
        error == std::errc::no_such_file_or_directory ? Code::kNotFound : Code::kUnavailable,
        "listing the folder failed: " + error.message(), folder);
  }
  std::sort(names.begin(), names.end());
  return names;
}

Status RealFileSystem::make_folder(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) == 0) return sync_folder(parent_folder(path));
  if (errno == ENOENT) {
    const std::string parent = parent_folder(path);
    if (parent == path || parent == ".") return system_failure("making the folder", path);
    CHECK_OK(make_folder(parent));
    if (::mkdir(path.c_str(), 0700) == 0) return sync_folder(parent);
  }
  struct stat status{};
  const int number = errno;
  if (number == EEXIST && ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) return {};
  errno = number == EEXIST ? ENOTDIR : number;
  return system_failure("making the folder", path);
}

Status RealFileSystem::sync_folder(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return system_failure("opening the folder", path);
  const RealLock closer(fd);
  if (::fsync(fd) != 0) return system_failure("syncing the folder", path);
  return {};
}

Result<std::unique_ptr<FileSystem::Lock>> RealFileSystem::lock(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return system_failure("opening the lock file", path);
  auto held = std::make_unique<RealLock>(fd);
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return system_failure("locking the file", path);
    return fail(Code::kConflict, "another process is using this folder; stop it first", path);
  }
  return held;
}

}  // namespace writ::store
