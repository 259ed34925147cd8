#include "base/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <filesystem>

namespace writ {
namespace {

tl::unexpected<Error> system_failure(std::string_view doing, const std::string& path) {
  const int number = errno;
  const Code code = number == ENOENT                       ? Code::kNotFound
                    : number == EACCES || number == EPERM  ? Code::kDenied
                    : number == ENOSPC || number == EDQUOT ? Code::kExhausted
                                                           : Code::kUnavailable;
  return fail(code, std::string(doing) + " failed: " + std::strerror(number), path);
}

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

bool write_all(int file, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(file, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

}  // namespace

Result<std::string> read_file(const std::string& path, std::size_t most) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) return system_failure("opening the file", path);
  std::string bytes;
  char buffer[16384];
  for (;;) {
    const ssize_t n = ::read(file.get(), buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return system_failure("reading the file", path);
    if (n == 0) return bytes;
    bytes.append(buffer, static_cast<std::size_t>(n));
    if (bytes.size() > most) {
      return fail(Code::kInvalid, "the file is larger than " + std::to_string(most) + " bytes",
                  path);
    }
  }
}

Status write_file(const std::string& path, std::string_view bytes, unsigned mode) {
  // Two threads may write the same file at once; the last one's stays.
  static std::atomic<std::uint64_t> count{0};
  const std::string temporary =
      path + ".new." + std::to_string(::getpid()) + "." + std::to_string(++count);
  const auto failed = [&](const char* what, const std::string& where) {
    auto failure = system_failure(what, where);
    ::unlink(temporary.c_str());
    return failure;
  };
  {
    const Descriptor file(
        ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode));
    if (file.get() < 0) return system_failure("creating the file", temporary);
    if (!write_all(file.get(), bytes)) return failed("writing the file", temporary);
    if (::fsync(file.get()) != 0) return failed("syncing the file", temporary);
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0) {
    return failed("renaming the file into place", path);
  }
  std::string folder = std::filesystem::path(path).parent_path().string();
  if (folder.empty()) folder = ".";
  const Descriptor directory(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.get() < 0 || ::fsync(directory.get()) != 0) {
    return system_failure("syncing the folder", folder);
  }
  return {};
}

Status write_in_place(const std::string& path, std::string_view bytes) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (file < 0) return system_failure("opening the file", path);
  const bool written = write_all(file, bytes);
  // Some file systems say only here that there was no room.
  if (::close(file) != 0 || !written) return system_failure("writing the file", path);
  return {};
}

Status make_folder(const std::string& path, unsigned mode) {
  std::error_code error;
  const bool fresh = std::filesystem::create_directories(path, error);
  if (error)
    return fail(Code::kUnavailable, "creating the folder failed: " + error.message(), path);
  if (fresh && ::chmod(path.c_str(), mode) != 0) return system_failure("setting the mode", path);
  return {};
}

}  // namespace writ
