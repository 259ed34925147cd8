// One client's connection, from its first byte to its last: start-up, TLS and identity, decision,
// login at the target, and then bytes both ways until one side, the server or the clock ends it.
//
// Invariants: nothing reaches the target that is not the grant's; no byte passes before the start
// of the session is in the spool; after `sever` nothing more goes to the client but, where it fits,
// one last message.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "door/postgres/floor.h"
#include "door/postgres/reports.h"
#include "door/postgres/stream.h"
#include "door/postgres/target_login.h"
#include "door/postgres/timers.h"
#include "door/postgres/wire.h"

namespace writ::door::postgres {

// Not thread-safe: everything on the loop's thread.
class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(Floor& floor, std::uint64_t number, std::unique_ptr<Stream> client,
          std::string source_ip);
  ~Session();

  void begin();
  // Ends it for the client at once: one between two messages is told why, any other is reset.
  // Nothing passes any more in either way; `finish` follows soon.
  void sever(const Refusal& words);
  // Ends the target's side, and reports the end when a start was reported and no end yet. False
  // when nothing was reported.
  bool finish(End reason);
  // The client's CancelRequest, on its way to the target.
  void cancel_query();
  void close();  // without a word

  const std::string& id() const { return id_; }
  const std::string& serial() const { return serial_; }  // of its certificate, once that is known
  const std::string& grant() const { return decision_.grant; }
  bool is_granted() const { return granted_; }
  Millis autonomy() const { return decision_.autonomy; }
  // Set while a start was reported and no end.
  std::optional<OpenSession> open_session() const;

 private:
  enum class Stage {
    kFirstByte,   // in clear, or TLS at once
    kPacket,      // SSLRequest, GSSENCRequest, CancelRequest
    kHandshake,   // TLS with the client
    kStartup,     // its start-up packet
    kDeciding,    // the server is asked
    kConnecting,  // TCP to the target
    kTargetTls,   // SSLRequest and TLS with the target
    kLogin,       // SCRAM with the target
    kRecording,   // the start goes to the spool
    kPassing,     // bytes both ways
    kDraining,    // the last message is on its way
    kClosed,
  };
  enum class Way { kToTarget, kToClient };

  // Each goes on as far as it can; false when it waits or the session is over.
  void step();
  bool take_first_byte();
  bool take_packet();
  bool shake_hands();
  bool take_startup();
  bool fill(std::size_t size);
  void wait_client_readable();
  void wait_client_writable();

  void identify();
  void ask(Startup startup);
  void decided(Result<Decision> decision);
  void connect_target();
  void step_target();
  void begin_login();
  void logged_in();
  void pass();

  void pump(Way way);
  void pump_both();
  void stop(End reason);

  void refuse(const Refusal& words);
  void refuse_unavailable(const std::string& message, const std::string& detail = {});
  void drain();
  void send_last();
  void skip_input();
  void let_go();  // of everything but the client's socket
  std::shared_ptr<Session> self() { return shared_from_this(); }

  Floor& floor_;
  const std::uint64_t number_;
  const std::string source_ip_;
  Stage stage_ = Stage::kFirstByte;
  std::unique_ptr<Stream> client_;
  std::unique_ptr<Stream> target_;
  std::unique_ptr<Stream> severed_target_;  // from sever to finish
  Timers::Token timer_ = 0;                 // of the present stage
  Timers::Token end_timer_ = 0;

  // Start-up.
  bool direct_tls_ = false;
  int requests_ = 0;  // of encryption
  std::string input_;
  std::shared_ptr<const Credentials> credentials_;
  std::optional<Refusal> refusal_;  // to be said once the client listens
  std::unique_ptr<Startup> startup_;
  Millis asked_at_{0};
  bool target_asked_ = false;
  bool target_again_ = false;  // a second try with a fresh key
  std::unique_ptr<TargetLogin> login_;

  // Who and what.
  std::string id_;
  std::string subject_;
  std::string serial_;
  bool entered_ = false;  // counts for its identity
  bool granted_ = false;  // held by its grant
  Decision decision_;
  std::shared_ptr<const KnownTarget> known_target_;
  CancelKey own_key_;
  CancelKey backend_key_;
  Time since_;
  bool reported_ = false;  // started, not ended

  // Passing.
  Boundary to_client_;
  std::uint64_t bytes_in_ = 0;
  std::uint64_t bytes_out_ = 0;
};

}  // namespace writ::door::postgres
