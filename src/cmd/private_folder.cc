#include "cmd/private_folder.h"

#include <linux/magic.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <vector>

#include "base/file.h"

namespace writ::cmd {
namespace {

constexpr std::string_view kPrefix = "writ-key-";

void remove_all(const std::string& path) {
  std::error_code ignored;
  std::filesystem::remove_all(path, ignored);
}

bool is_own_folder(const std::string& path) {
  struct stat status{};
  return ::lstat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode) &&
         status.st_uid == ::geteuid() && (status.st_mode & 0077) == 0;
}

bool in_memory(const char* path) {
  struct statfs file_system{};
  return path != nullptr && *path == '/' && ::statfs(path, &file_system) == 0 &&
         file_system.f_type == TMPFS_MAGIC && ::access(path, W_OK) == 0;
}

// Its process has ended without removing it.
bool is_orphan(const std::string& path) {
  const auto text = read_file(path + "/pid", 64);
  if (!text) return false;
  const long pid = std::strtol(text->c_str(), nullptr, 10);
  return pid > 0 && ::kill(static_cast<pid_t>(pid), 0) != 0 && errno == ESRCH;
}

}  // namespace

Result<PrivateFolder> PrivateFolder::make(const std::string& parent, Time until) {
  if (parent.empty()) {
    return fail(Code::kUnavailable,
                "there is no folder in memory for the connection's key: neither "
                "$XDG_RUNTIME_DIR nor /dev/shm can be written");
  }
  std::string pattern = parent + "/" + std::string(kPrefix) + "XXXXXX";
  if (::mkdtemp(pattern.data()) == nullptr) {  // mode 0700
    return fail(Code::kUnavailable, "a private folder cannot be made here", parent);
  }
  PrivateFolder folder(pattern);
  CHECK_OK(folder.put("until", to_text(until)));
  CHECK_OK(folder.put("pid", std::to_string(::getpid())));
  return folder;
}

PrivateFolder::PrivateFolder(PrivateFolder&& other) noexcept : path_(std::move(other.path_)) {
  other.path_.clear();
}

PrivateFolder::~PrivateFolder() {
  if (!path_.empty()) remove_all(path_);
}

Result<std::string> PrivateFolder::put(std::string_view name, std::string_view bytes) const {
  std::string path = path_ + "/" + std::string(name);
  CHECK_OK(write_file(path, bytes, 0600));
  return path;
}

Status PrivateFolder::keep() {
  if (::unlink((path_ + "/pid").c_str()) != 0) {
    return fail(Code::kUnavailable, "the private folder cannot be kept", path_);
  }
  path_.clear();
  return {};
}

void sweep(const std::string& parent, Time now) {
  std::error_code error;
  std::vector<std::string> dead;
  for (const auto& entry : std::filesystem::directory_iterator(parent, error)) {
    const std::string path = entry.path().string();
    if (!entry.path().filename().string().starts_with(kPrefix) || !is_own_folder(path)) continue;
    const auto text = read_file(path + "/until", 64);
    const auto until = parse_time(text.value_or(""));
    if ((until && *until <= now) || is_orphan(path)) dead.push_back(path);
  }
  for (const std::string& path : dead) remove_all(path);
}

std::string memory_folder() {
  for (const char* path : {static_cast<const char*>(std::getenv("XDG_RUNTIME_DIR")),
                           static_cast<const char*>("/dev/shm")}) {
    if (in_memory(path)) return path;
  }
  return "";
}

}  // namespace writ::cmd
