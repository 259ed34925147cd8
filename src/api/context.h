// What every route has at hand, and the first thing each asks: who is calling? Internal to the
// room.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "base/json_fields.h"
#include "control/plane.h"
#include "core/decide.h"
#include "issue/authority.h"
#include "net/http_server.h"

namespace writ::api {

// Threads for what would block an I/O thread. At most `kMostJobs` wait; more are refused.
class Pool {
 public:
  explicit Pool(unsigned threads);
  ~Pool();
  // False when too many wait.
  bool run(std::function<void()> job);
  void stop();

 private:
  static constexpr std::size_t kMostJobs = 256;
  struct State;
  std::unique_ptr<State> state_;
};

// Under which clients reach this server. The port is known only once it listens, and then calls may
// be under way already.
struct Url {
  std::string given;  // wins when it is not empty
  std::string host;
  std::atomic<std::uint16_t> port{0};

  std::string text() const {
    return given.empty() ? "https://" + host + ":" + std::to_string(port.load()) : given;
  }
};

class Metadata;  // metadata.h

struct Context {
  control::Plane& plane;
  const issue::Authority& authority;
  Pool& pool;
  Metadata& metadata;
  Url url;
  std::string programs;  // ServiceOptions::programs
};

// Who is calling, as TLS and the state prove it.
struct Caller {
  core::Actor actor;
  core::IdentityKind kind = core::IdentityKind::kUser;
};

// kUnauthenticated without a certificate that this authority issued to an enrolled device and that
// is neither expired nor revoked; kDenied for identities that are not active.
Result<Caller> authenticate(const Context& context, const net::Request& request,
                            const core::State& state);

// Runs `then` with the answer to a question of policy about the caller, once the decision is
// recorded: with the denial as an error, or nothing. `then` runs on the writer's thread.
void require(const Context& context, const Caller& caller, std::string_view action,
             std::string_view resource_type, std::string_view resource,
             std::function<void(Status)> then);

// Whether the request or grant of this id concerns somebody: who asked, benefits, approved, or
// answers for the beneficiary or for the resource. kNotFound when nothing of this id stands in the
// journal. Blocks: for pool threads.
Result<bool> concerns(const Context& context, const std::string& id, const std::string& identity);

// The body as strict JSON into `T`.
template <class T>
Result<T> read_body(const net::Request& request) {
  TRY(json, parse_json(request.body));
  return from_json<T>(json);
}

// SHA-256 in hex, and the check of a device's signature, as core wants them.
std::string sha256_hex(std::string_view bytes);
bool verify_signature(std::string_view public_key, std::string_view statement,
                      std::string_view signature);
core::Outside outside(const Context& context, Time now);

// Each adds its routes.
void add_enroll_routes(net::HttpServer& server, const Context& context);
void add_command_routes(net::HttpServer& server, const Context& context);
void add_read_routes(net::HttpServer& server, const Context& context);
void add_connect_routes(net::HttpServer& server, const Context& context);
void add_evidence_routes(net::HttpServer& server, const Context& context);
void add_evaluation_routes(net::HttpServer& server, const Context& context);
void add_search_routes(net::HttpServer& server, const Context& context);
void add_metadata_routes(net::HttpServer& server, const Context& context);
void add_door_routes(net::HttpServer& server, const Context& context);

std::string enrolment_ticket(const Context& context, const core::State& state,
                             const std::string& code);

}  // namespace writ::api
