// The PostgreSQL door: it stands between clients and databases, speaks the wire protocol's
// start-up, TLS and authentication to both, asks the server for a decision for every connection,
// and then passes bytes. It alone holds the logins' secrets, and ends sessions on the server's
// command or by its own clock.
//
// Invariants: no byte passes before a decision said so and the start is in the spool; after a cut
// no further byte is sent to the client; without the server nobody new gets in. See
// docs/door-protocol.md, and the PostgreSQL manual's chapter "Frontend/Backend Protocol"
// (3.0, 3.2).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "base/result.h"
#include "crypto/tls.h"
#include "net/http_client.h"

namespace writ::door::postgres {

struct DoorLimits {
  // Open at once, of all kinds; more are closed unheard. Nine tenths may be sessions: more are told
  // that the door is full.
  unsigned connections = 5'000;
  unsigned per_identity = 500;          // sessions of one identity, those that start included
  Millis handshake_time{10'000};        // from accept to a whole start-up packet
  Millis login_time{10'000};            // from there to the first ReadyForQuery
  unsigned cancels = 32;                // CancelRequests on their way to targets at once
  std::size_t spool_rewrite = 4 << 20;  // bytes of spool file after which it is rewritten
};

struct DoorConfig {
  std::string address = "127.0.0.1";  // IP address to listen on
  std::uint16_t port = 0;             // 0: any free one
  // The door's own certificate (spiffe://TRUST-DOMAIN/door/ID) for clients and for the server, with
  // the DNS names and addresses under which clients know it; and the roots of Writ's CA.
  crypto::TlsIdentity identity;
  std::string roots_pem;
  net::Endpoint server;
  crypto::ExpectedServer expected_server;
  std::string state_folder;           // spool and remembered checkpoints; made when missing
  std::vector<std::string> log_keys;  // verifier keys ("name+hash+base64") of journal and decision
                                      // log; empty: only the sizes of heads are compared
  DoorLimits limits;
  net::LineClientOptions stream;  // heartbeats and pauses of the stream to the server
};

// A picture of the moment, for tests, logs and metrics.
struct DoorCounts {
  std::uint64_t connections = 0;     // open sockets of clients
  std::uint64_t sessions = 0;        // past their first ReadyForQuery
  std::uint64_t unacknowledged = 0;  // reports in the spool
  bool open = false;                 // lets new sessions in, as far as the door can tell
};

class Door {
 public:
  // Listens and starts its threads; the stream to the server is opened in the background, and until
  // then clients are refused. `clock` and `random` outlive the door. Errors: kInvalid for bad
  // certificates or keys, kUnavailable when the port is taken, kCorrupt when the state folder is
  // not what it should be, kConflict when another door uses it.
  static Result<std::unique_ptr<Door>> start(DoorConfig config, const Clock& clock, Random& random);
  // Ends every session with reason `shutdown`, keeps what is not yet acknowledged, and stops.
  ~Door();

  std::uint16_t port() const;
  // New certificates for connections from now on; on an error the old ones stay. Any thread.
  Status reload(const crypto::TlsIdentity& identity, const std::string& roots_pem);
  // Any thread, not from a callback of the door.
  DoorCounts counts() const;

 private:
  struct State;
  explicit Door(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace writ::door::postgres
