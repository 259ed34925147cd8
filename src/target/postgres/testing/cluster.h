// A private PostgreSQL cluster for tests: own folder, own free port, TLS on, gone when the object
// is.
//
// Invariant: nothing outside the folder changes, and only processes started here are ended. As root
// the server runs as the user `postgres`, since it refuses root.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"

namespace writ::testing {

struct ClusterOptions {
  int version = 15;                   // 15 (Debian) or 18 (npm, scripts/peers)
  std::vector<std::string> settings;  // lines for postgresql.conf, after the fixture's own
  std::vector<std::string> hba;       // lines for pg_hba.conf, above the fixture's own
  bool durable = false;               // fsync and full_page_writes; off for speed
  int max_connections = 300;
};

// Versions that tests run on.
inline constexpr int kPostgresVersions[] = {15, 18};

using ClusterRows = std::vector<std::vector<std::string>>;  // NULL reads as ""

class PostgresCluster {
 public:
  // kNotFound when this version's programs are not on the machine; the message says how to get them
  // (tests skip with it).
  static Result<std::unique_ptr<PostgresCluster>> start(const ClusterOptions& options);
  ~PostgresCluster();
  PostgresCluster(const PostgresCluster&) = delete;
  PostgresCluster& operator=(const PostgresCluster&) = delete;

  int version() const { return options_.version; }
  const std::string& host() const { return host_; }  // "localhost", resolves to 127.0.0.1
  int port() const { return port_; }
  // The self-signed certificate of the server (CN and SAN localhost, 127.0.0.1), PEM.
  std::string root_certificate() const { return folder_ + "/server.crt"; }
  std::string socket_folder() const { return folder_; }
  // Superuser "postgres": over the Unix socket without a password, over TLS with this one.
  const std::string& superuser_password() const { return password_; }
  std::string log_file() const { return folder_ + "/log"; }
  pid_t pid() const { return pid_; }  // of the postmaster; 0 when stopped

  // Runs SQL (several statements are fine) as the superuser over the Unix socket, and answers the
  // rows of the last one. Errors carry PostgreSQL's message.
  Result<ClusterRows> query(const std::string& database, const std::string& sql) const;

  Status stop();     // fast shutdown
  Status kill();     // SIGKILL to the postmaster, and waits until its children are gone
  Status restart();  // starts again on the same port; stops first when running
  // Replaces the extra lines of pg_hba.conf and makes the server read them.
  Status set_hba(const std::vector<std::string>& lines);

 private:
  PostgresCluster() = default;
  Status create();
  Status launch();
  Status write_hba() const;

  ClusterOptions options_;
  std::string bin_;
  std::string folder_;  // removed at the end
  std::string host_ = "localhost";
  std::string password_;
  int port_ = 0;
  pid_t pid_ = 0;
};

}  // namespace writ::testing
