// A folder in memory for the key of one connection: mode 0700, gone when its owner is.
//
// Invariant: a key that is meant for one use never reaches a disk; what a killed process left
// behind is removed by the next call.
#pragma once

#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"

namespace writ::cmd {

class PrivateFolder {
 public:
  // Below `parent`, which is in memory. `until`: after this time anybody's next call removes it.
  static Result<PrivateFolder> make(const std::string& parent, Time until);
  PrivateFolder(PrivateFolder&& other) noexcept;
  PrivateFolder& operator=(PrivateFolder&&) = delete;
  ~PrivateFolder();

  const std::string& path() const { return path_; }
  // Writes a file of mode 0600 and answers its path.
  Result<std::string> put(std::string_view name, std::string_view bytes) const;
  // It stays after this process, until its end.
  Status keep();

 private:
  explicit PrivateFolder(std::string path) : path_(std::move(path)) {}

  std::string path_;  // empty: nothing to remove
};

// Removes this user's folders below `parent` whose end has passed, or whose process is gone.
void sweep(const std::string& parent, Time now);

// Where such folders go: $XDG_RUNTIME_DIR, or /dev/shm, whichever is in memory. Empty: neither.
std::string memory_folder();

}  // namespace writ::cmd
