// The public conformance data, for tests: where it is, and its archives unpacked.
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

// A folder with all archives unpacked: once for the whole program, which removes it at its end.
// Empty where there is no data, or it cannot be unpacked.
inline std::optional<std::filesystem::path> unpacked_conformance() {
  struct Unpacked {
    ScratchFolder folder;
    bool is_complete = false;
    Unpacked() {
      const auto from = cedar_conformance();
      is_complete = from.has_value();
      for (const char* archive : {"corpus.tar.gz", "json-schemas.tar.gz", "validation.tar.gz"}) {
        if (!is_complete) return;
        const std::string command =
            "tar -xzf '" + (*from / archive).string() + "' -C '" + folder.path().string() + "'";
        is_complete = std::system(command.c_str()) == 0;
      }
    }
  };
  static const Unpacked unpacked;
  if (!unpacked.is_complete) return std::nullopt;
  return unpacked.folder.path();
}

}  // namespace writ::cedar
