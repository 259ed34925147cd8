// What a device remembers of Writ, in one private folder ($WRIT_HOME, mode 0700):
//
//   config.json             server, trust domain, whose device this is, pinned log keys
//   keys/kek                key-encryption key, mode 0600
//   keys/device             the device's private key, sealed under the kek
//   cert.pem, ca.pem        its certificate chain, and the roots that it believes
//   checkpoints/LOG         the newest signed checkpoint of a log that was verified here
//   identities/NAME/        the same for each machine that is enrolled here
//
// Invariant: nobody but its owner may enter the folder; a home that others can read is refused.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_fields.h"
#include "base/random.h"
#include "base/result.h"
#include "crypto/key.h"
#include "crypto/x509.h"
#include "tlog/note.h"

namespace writ::cmd {

struct HomeConfig {
  std::string server;  // "https://host:port"
  std::string trust_domain;
  std::string identity;  // id
  std::string kind;      // "user", "service_account", …
  std::string name;
  std::string spiffe_id;
  std::string device;
  std::optional<std::string> journal_key;  // verifier keys, pinned when first seen
  std::optional<std::string> decisions_key;

  bool is_person() const { return kind == "user" || kind == "third_party"; }
};
template <class V>
void fields(V& v, HomeConfig& c) {
  v("server", c.server);
  v("trust_domain", c.trust_domain);
  v("identity", c.identity);
  v("kind", c.kind);
  v("name", c.name);
  v("spiffe_id", c.spiffe_id);
  v("device", c.device);
  v("journal_key", c.journal_key);
  v("decisions_key", c.decisions_key);
}

enum class Log { kJournal, kDecisions };
constexpr auto enum_names(Log) {
  return std::to_array<std::string_view>({"journal", "decisions"});
}

class Home {
 public:
  // An enrolled home. kNotFound says how to enrol; kDenied when others can enter the folder.
  static Result<Home> open(std::string folder);
  // A new one, made when missing; kExists when a device is enrolled there already.
  static Result<Home> create(std::string folder);

  const std::string& folder() const { return folder_; }
  const HomeConfig& config() const { return config_; }
  Status save(HomeConfig config);

  Status keep_key(const crypto::PrivateKey& key, Random& random) const;
  Result<crypto::PrivateKey> key() const;
  Status keep_certificate(std::string_view chain_pem) const;
  // kUnauthenticated, saying how to log in, when there is none.
  Result<std::string> certificate() const;
  Status keep_roots(std::string_view pem) const;
  Result<std::string> roots() const;

  // The key under which a log's checkpoints are believed. Empty before it was first seen.
  const std::optional<std::string>& log_key(Log log) const;
  // Pins it; kCorrupt when another one is pinned.
  Status pin_log_key(Log log, std::string_view key);
  Result<std::optional<std::string>> remembered(Log log) const;
  Status remember(Log log, std::string_view checkpoint) const;

 private:
  explicit Home(std::string folder) : folder_(std::move(folder)) {}

  std::string folder_;
  HomeConfig config_;
};

// The folder of a machine that is enrolled below a person's home. kInvalid for a name that cannot
// be one.
Result<std::string> machine_folder(std::string_view home, std::string_view name);
// The machines enrolled below it, by name.
std::vector<std::string> machines_of(const std::string& home);

}  // namespace writ::cmd
