// A person who asks for many grants at once, as the command line does it, and hands out what a
// libpq client needs to use them.
//
// On disk, in one folder: client.key, root.crt and a GRANT.crt for each grant, and
// access.json:
// {"host","port","user","subject","grants":[{"grant","entitlement","until_ms","serial"}]}.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/json_fields.h"
#include "cmd/client.h"
#include "cmd/context.h"
#include "crypto/random.h"

namespace writ::bench {

struct GrantLine {
  std::string grant;
  std::string entitlement;
  std::int64_t until_ms = 0;  // since 1970
  std::string serial;         // of its own certificate, GRANT.crt
};
template <class V>
void fields(V& v, GrantLine& g) {
  v("grant", g.grant);
  v("entitlement", g.entitlement);
  v("until_ms", g.until_ms);
  v("serial", g.serial);
}

struct Access {
  std::string host;
  std::int64_t port = 0;
  std::string user;
  std::string subject;  // the SPIFFE id in the certificates
  std::vector<GrantLine> grants;
};
template <class V>
void fields(V& v, Access& a) {
  v("host", a.host);
  v("port", a.port);
  v("user", a.user);
  v("subject", a.subject);
  v("grants", a.grants);
}

// A person's side of the wire. Ends the program when something is not as it should be.
class Person {
 public:
  explicit Person(const std::string& home);
  cmd::Client& client() { return *client_; }

 private:
  std::unique_ptr<cmd::Terminal> terminal_;
  SystemClock clock_;
  crypto::SystemRandom random_;
  cmd::Context context_;
  std::unique_ptr<cmd::Client> client_;
};

// Asks for PREFIX000, PREFIX001, …, for `duration` and `step` longer each; waits until all are
// live.
void prepare_access(const std::string& home, const std::string& prefix, int count, Millis duration,
                    Millis step, const std::string& folder);
Access read_access(const std::string& folder);
// What libpq connects with, through the door.
std::string door_conninfo(const std::string& folder, const Access& access, const GrantLine& grant);

}  // namespace writ::bench
