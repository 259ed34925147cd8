// The server's API (docs/api.md): decodes requests, asks core and control, encodes answers. No rule
// of its own: who may do what is decided by policy.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "control/plane.h"
#include "crypto/key.h"
#include "issue/authority.h"

namespace writ::api {

struct ServiceOptions {
  std::string address = "127.0.0.1";                            // to listen on
  std::uint16_t port = 0;                                       // 0: any free one
  unsigned threads = 1;                                         // as PlaneOptions::threads
  std::vector<std::string> hosts = {"127.0.0.1", "localhost"};  // in the server's certificate
  std::string public_url;  // in tickets; empty: https://hosts[0]:port
  std::string programs;    // folders with a solver for invariants of policies, as in $PATH
};

class Service {
 public:
  // `plane` outlives the service and is started.
  static Result<std::unique_ptr<Service>> start(control::Plane& plane,
                                                const ServiceOptions& options);
  ~Service();

  std::uint16_t port() const;
  // Lets requests in flight finish. Call before the plane stops.
  void stop();

  // An enrolment ticket for a one-time code (docs/api.md).
  std::string ticket(const std::string& code) const;

 private:
  struct State;
  explicit Service(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace writ::api
