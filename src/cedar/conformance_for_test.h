// The public conformance data, for tests: archives unpacked into a folder that goes with the test.
#pragma once

#include <stdlib.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>

namespace writ::cedar {

class ScratchFolder {
 public:
  ScratchFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "writ-cedar-XXXXXX").string();
    path_ = mkdtemp(name.data());
  }
  ~ScratchFolder() { std::filesystem::remove_all(path_); }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// Empty where there is no data.
inline std::optional<std::filesystem::path> cedar_conformance() {
  namespace fs = std::filesystem;
  const char* named = std::getenv("WRIT_CONFORMANCE");
  const fs::path folder =
      (named != nullptr ? fs::path(named) : fs::path(WRIT_SOURCE_DIR) / "../shared/conformance") /
      "cedar";
  if (!fs::exists(folder / "corpus.tar.gz")) return std::nullopt;
  return folder;
}

inline bool unpack(const std::filesystem::path& archive, const std::filesystem::path& into) {
  const std::string command = "tar -xzf '" + archive.string() + "' -C '" + into.string() + "'";
  return std::system(command.c_str()) == 0;
}

}  // namespace writ::cedar
