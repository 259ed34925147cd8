#include "cmd/home.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "base/file.h"
#include "crypto/seal.h"

namespace writ::cmd {
namespace {

constexpr std::string_view kDeviceKey = "writ device key";  // under this name the kek wraps it

bool exists(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::exists(path, ignored);
}

Status check_private(const std::string& folder) {
  struct stat status{};
  if (::lstat(folder.c_str(), &status) != 0) return {};  // not there yet
  if (!S_ISDIR(status.st_mode)) return fail(Code::kInvalid, "this is no folder", folder);
  if (status.st_uid != ::geteuid()) {
    return fail(Code::kDenied, "this folder belongs to another user", folder);
  }
  if ((status.st_mode & 0077) != 0) {
    return fail(Code::kDenied, "others can enter this folder; run: chmod 700 " + folder, folder);
  }
  return {};
}

}  // namespace

Result<Home> Home::open(std::string folder) {
  CHECK_OK(check_private(folder));
  Home home(std::move(folder));
  const std::string path = home.folder_ + "/config.json";
  auto text = read_file(path, 1 << 20);
  if (!text && text.error().code == Code::kNotFound) {
    return fail(Code::kNotFound, "this device is not enrolled; run: writ enroll", home.folder_);
  }
  if (!text) return fail(std::move(text));
  TRY(json, parse_json(*text, {}, path));
  auto config = from_json<HomeConfig>(json);
  if (!config) return fail(Code::kCorrupt, config.error().text(), path);
  home.config_ = std::move(*config);
  return home;
}

Result<Home> Home::create(std::string folder) {
  CHECK_OK(check_private(folder));
  if (exists(folder + "/config.json")) {
    return fail(Code::kExists,
                "a device is enrolled here already; remove this folder to enrol anew", folder);
  }
  Home home(std::move(folder));
  for (const char* part : {"", "/keys", "/checkpoints"}) {
    CHECK_OK(make_folder(home.folder_ + part, 0700));
  }
  return home;
}

Status Home::save(HomeConfig config) {
  CHECK_OK(write_file(folder_ + "/config.json", pretty(to_json(config)) + "\n", 0600));
  config_ = std::move(config);
  return {};
}

Status Home::keep_key(const crypto::PrivateKey& key, Random& random) const {
  const std::string path = folder_ + "/keys/kek";
  auto kek = exists(path) ? crypto::KeyEncryptionKey::load(path)
                          : crypto::KeyEncryptionKey::create(path, random);
  if (!kek) return fail(std::move(kek));
  TRY(sealed, kek->wrap(key.to_pem(), kDeviceKey, random));
  return write_file(folder_ + "/keys/device", to_base64(sealed) + "\n", 0600);
}

Result<crypto::PrivateKey> Home::key() const {
  TRY(kek, crypto::KeyEncryptionKey::load(folder_ + "/keys/kek"));
  const std::string path = folder_ + "/keys/device";
  TRY(text, read_file(path, 64 << 10));
  if (!text.empty() && text.back() == '\n') text.pop_back();
  const auto sealed = from_base64(text);
  if (!sealed) return fail(Code::kCorrupt, "this is not a sealed device key", path);
  auto pem = kek.unwrap(*sealed, kDeviceKey);
  if (!pem) {
    return fail(Code::kCorrupt, "the device key does not open under the key in keys/kek", path);
  }
  return crypto::PrivateKey::from_pem(*pem);
}

Status Home::keep_certificate(std::string_view chain_pem) const {
  return write_file(folder_ + "/cert.pem", chain_pem, 0600);
}

Result<std::string> Home::certificate() const {
  auto pem = read_file(folder_ + "/cert.pem", 1 << 20);
  if (!pem && pem.error().code == Code::kNotFound) {
    return fail(Code::kUnauthenticated, "you are not logged in; run: writ login");
  }
  return pem;
}

Status Home::keep_roots(std::string_view pem) const {
  return write_file(folder_ + "/ca.pem", pem, 0600);
}

Result<std::string> Home::roots() const {
  return read_file(folder_ + "/ca.pem", 1 << 20);
}

const std::optional<std::string>& Home::log_key(Log log) const {
  return log == Log::kJournal ? config_.journal_key : config_.decisions_key;
}

Status Home::pin_log_key(Log log, std::string_view key) {
  std::string text(key.substr(0, key.find('\n')));
  TRY(verifier, tlog::parse_verifier_key(text));
  if (const auto& pinned = log_key(log)) {
    if (*pinned == text) return {};
    return fail(Code::kCorrupt,
                "the server shows another signing key than the one that this device knows (" +
                    *pinned + "); someone may be showing you a forged log",
                std::string(name_of(log)));
  }
  HomeConfig config = config_;
  (log == Log::kJournal ? config.journal_key : config.decisions_key) =
      tlog::verifier_key_text(verifier);
  return save(std::move(config));
}

Result<std::optional<std::string>> Home::remembered(Log log) const {
  auto note = read_file(folder_ + "/checkpoints/" + std::string(name_of(log)), 1 << 20);
  if (note) return std::optional(std::move(*note));
  if (note.error().code == Code::kNotFound) return std::optional<std::string>();
  return fail(std::move(note));
}

Status Home::remember(Log log, std::string_view checkpoint) const {
  CHECK_OK(make_folder(folder_ + "/checkpoints", 0700));
  return write_file(folder_ + "/checkpoints/" + std::string(name_of(log)), checkpoint, 0600);
}

Result<std::string> machine_folder(std::string_view home, std::string_view name) {
  const bool good = !name.empty() && name.size() <= 128 && name[0] != '.' &&
                    std::all_of(name.begin(), name.end(), [](char c) {
                      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                             (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
                    });
  if (!good) {
    return fail(Code::kInvalid, "a machine's name has letters, digits, dots, - and _ only", "--as");
  }
  return std::string(home) + "/identities/" + std::string(name);
}

std::vector<std::string> machines_of(const std::string& home) {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(home + "/identities", error)) {
    if (exists(entry.path().string() + "/config.json")) {
      names.push_back(entry.path().filename().string());
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace writ::cmd
