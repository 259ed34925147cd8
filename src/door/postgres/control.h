// The door's two channels to the server: decisions, and the stream of commands and reports.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "base/result.h"
#include "crypto/tls_socket.h"
#include "door/postgres/checkpoints.h"
#include "door/postgres/reports.h"
#include "door/postgres/spool.h"
#include "door/postgres/timers.h"
#include "net/http_client.h"

namespace writ::door::postgres {

// What the door asserts about one connection: only what it saw.
struct Question {
  std::string subject;  // SPIFFE ID
  std::string entitlement;
  std::string credential;  // the certificate's serial
  std::string source_ip;
  std::string session;
};

// A target as the server described it, ready to be connected to.
struct KnownTarget {
  TargetAddress address;
  std::shared_ptr<const crypto::SocketTls> tls;
};

// Not thread-safe: everything on the loop's thread.
class Control {
 public:
  struct Events {
    std::function<std::vector<OpenSession>()> sessions;  // for the hello
    std::function<void()> up;                            // welcomed, and the heads are sound
    std::function<void()> down;                          // no more; also when it never came up
    std::function<void(const Cut&)> cut;
  };
  // All references outlive this.
  Control(boost::asio::io_context& io, net::Endpoint server, std::shared_ptr<net::TlsClient> tls,
          const net::LineClientOptions& options, Spool& spool, RememberedHeads& heads,
          Timers& timers, const Clock& clock, Random& random, Events events);
  ~Control();

  // The stream is up and the server is to be believed.
  bool is_up() const { return up_; }
  // Asks for a decision, and opens a baseline grant where the server says so. kUnavailable when no
  // decision could be had. `call` is never called before this returns.
  void ask(Question question, std::function<void(Result<Decision>)> call);
  // Null for a target that the server did not name.
  std::shared_ptr<const KnownTarget> target(const std::string& name) const;
  // Sends reports that became durable.
  void send_reports();

 private:
  void opened(const std::shared_ptr<net::LineStream>& stream);
  void line(std::string_view text);
  void welcomed(const Json& json);
  void lost(const Error& why);
  void refuse_server(const Error& why);
  void ask_once(Question question, bool may_open, std::function<void(Result<Decision>)> call);

  Spool& spool_;
  RememberedHeads& heads_;
  Timers& timers_;
  const Clock& clock_;
  Events events_;
  bool up_ = false;
  Timers::Token welcome_due_ = 0;
  std::int64_t sent_seq_ = 0;  // on this stream
  std::shared_ptr<net::LineStream> stream_;
  std::map<std::string, std::shared_ptr<const KnownTarget>> targets_;
  net::AsyncClient decisions_;
  net::LineClient lines_;  // last: its handlers use everything above
};

}  // namespace writ::door::postgres
