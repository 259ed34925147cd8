// The PostgreSQL target: accounts, holdings and sessions of one cluster (PostgreSQL 15 to 18).
//
// Invariant: everything that changes the cluster goes through the checked functions that
// `bootstrap_sql` (target/postgres/bootstrap.h) installs; the connector's own role can do nothing
// else. docs/postgres.md says what they do and why.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/secret.h"
#include "core/target.h"

namespace writ::target::postgres {

enum class Tls {
  kVerifyFull,  // the certificate chains to `root_certificate` and names `host`
  kVerifyCa,    // it chains to `root_certificate`
  kOff,         // no TLS: only for a Unix socket or a loopback address, refused otherwise
};
constexpr auto enum_names(Tls) {
  return std::to_array<std::string_view>({"verify_full", "verify_ca", "off"});
}

// Where the cluster is, and how to know that it is the right one.
struct Endpoint {
  std::string host;  // name, address, or the folder of a Unix socket ("/run/…")
  int port = 5432;   // 1 to 65535
  Tls tls = Tls::kVerifyFull;
  std::string root_certificate;  // path of a PEM file; needed unless `tls` is kOff
};
template <class V>
void fields(V& v, Endpoint& e) {
  v("host", e.host);
  v("port", e.port);
  v("tls", e.tls);
  v("root_certificate", e.root_certificate);
}

struct TargetOptions {
  std::string name;  // of the target, "pg-main"; first part of resources
  Endpoint endpoint;
  std::string login = "writ_connector";    // the connector's own role
  Secret password;                         // and its password
  std::string main_database = "postgres";  // the one that holds Writ's state table
  std::vector<std::string> databases;      // the others in which the bootstrap was run
  Millis timeout{10'000};                  // bounds every call to the server; 100 ms to 60 s
};

// Checks the options and connects at the first call, so that a target that is down can be opened.
// kInvalid when an option is out of its range.
//
// Errors of the calls, besides those that core/target.h names: kUnavailable when the cluster cannot
// be reached, a session does not end in time or a lock is held (try again); kConflict for an old
// fence, a login name that was used before, and an entitlement that differs from what the bootstrap
// installed; kExists when a role of that name is there and Writ did not make it; kDenied when the
// bootstrap's allow-lists do not cover the step; kInvalid for malformed steps.
//
// `apply_all` takes a list of retirements together: all logins are shut and their sessions
// signalled in one call before any of them is cleaned up.
Result<std::unique_ptr<core::Target>> open_target(TargetOptions options);

}  // namespace writ::target::postgres
