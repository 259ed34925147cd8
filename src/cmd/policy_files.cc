#include "cmd/policy_files.h"

#include <algorithm>
#include <filesystem>

#include "base/file.h"

namespace writ::cmd {
namespace {

Result<std::vector<std::string>> files_at(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::is_directory(path, error)) return std::vector<std::string>{path};
  std::vector<std::string> paths;
  for (std::filesystem::directory_iterator at(path, error), end; !error && at != end;
       at.increment(error)) {
    if (core::is_policy_file_name(at->path().filename().string()) && at->is_regular_file(error)) {
      paths.push_back(at->path().string());
    }
  }
  if (error) {
    return fail(Code::kUnavailable, "this folder cannot be read: " + error.message(), path);
  }
  if (paths.empty()) {
    return fail(Code::kNotFound, "there are no *.cedar files in this folder", path);
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

}  // namespace

Result<PolicyFiles> read_policies(const std::vector<std::string>& operands) {
  PolicyFiles read;
  std::size_t bytes = 0;
  for (const std::string& operand : operands) {
    TRY(paths, files_at(operand));
    for (const std::string& path : paths) {
      std::string name = std::filesystem::path(path).filename().string();
      if (const auto [other, is_new] = read.paths.emplace(name, path); !is_new) {
        return fail(Code::kInvalid, "two files are named " + name + "; names must differ", path);
      }
      TRY(text, read_file(path, core::kMostPolicyBytes));
      bytes += text.size();
      read.files.push_back({std::move(name), std::move(text)});
      if (bytes > core::kMostPolicyBytes || read.files.size() > core::kMostPolicyFiles) break;
    }
  }
  if (const Status good = core::check_policy_files(read.files); !good) {
    Error error = good.error();
    if (const auto path = read.paths.find(error.where); path != read.paths.end()) {
      error.where = path->second;
    }
    return tl::unexpected<Error>(std::move(error));
  }
  return read;
}

}  // namespace writ::cmd
