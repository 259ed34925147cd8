// Everyone who is in the door at the moment: all connections, by grant and by identity, their
// cancel keys, and who must go when.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "crypto/tls_socket.h"
#include "crypto/x509.h"
#include "door/postgres/cancels.h"
#include "door/postgres/control.h"
#include "door/postgres/door.h"
#include "door/postgres/spool.h"
#include "door/postgres/target_login.h"
#include "door/postgres/timers.h"
#include "door/postgres/wire.h"

namespace writ::door::postgres {

class Session;

// What the door shows to clients, and whom it believes.
struct Credentials {
  std::shared_ptr<const crypto::SocketTls> tls;
  std::vector<crypto::Certificate> roots;
};

// What every session works with; all of it outlives them.
struct Tools {
  boost::asio::io_context& io;
  const Clock& clock;
  Random& random;
  Timers& timers;
  Spool& spool;
  DoorLimits limits;
};

// Not thread-safe: everything on the loop's thread.
class Floor {
 public:
  Floor(Tools tools, std::shared_ptr<const Credentials> credentials);
  ~Floor();
  void attach(Control& control) { control_ = &control; }

  // From the door.
  void admit(int socket, std::string source_ip);
  void use(std::shared_ptr<const Credentials> credentials) {
    credentials_ = std::move(credentials);
  }
  void cut(const Cut& cut);
  void server_up();
  void server_down();
  void shut();  // ends all sessions, admits no more
  std::vector<OpenSession> open_sessions() const;
  std::size_t connections() const { return connections_.size(); }
  std::size_t sessions() const { return sessions_; }

  // From sessions.
  Tools& tools() { return tools_; }
  Control& control() { return *control_; }
  ScramCache& scram() { return scram_; }
  const std::shared_ptr<const Credentials>& credentials() const { return credentials_; }
  char* scratch() { return scratch_.get(); }  // kScratch bytes, for the time of one call
  static constexpr std::size_t kScratch = 64 * 1024;
  bool may_enter() const;  // without the server, or with a broken disk, nobody new
  unsigned most_sessions() const {
    return tools_.limits.connections - tools_.limits.connections / 10;
  }
  bool is_full() const { return entered_ >= most_sessions(); }
  bool enter_identity(const std::string& identity);  // false: it has too many
  void leave_identity(const std::string& identity);
  bool hold(const std::string& grant, std::uint64_t id);  // false: the grant was cut
  bool was_cut(const std::string& serial) const { return cut_certificates_.contains(serial); }
  void release(const std::string& grant, std::uint64_t id);
  CancelKey make_cancel_key(std::uint64_t id, std::uint32_t version);
  void drop_cancel_key(const CancelKey& key) { cancel_keys_.erase(key.id); }
  // A client's CancelRequest; nobody learns whether it fits.
  void client_cancels(const CancelKey& key);
  void cancel_backend(std::shared_ptr<const KnownTarget> target, CancelKey key);
  // The same for a session that was cut, a moment later: a handshake with the target would delay
  // the cuts that come right after this one.
  void cancel_cut_backend(std::shared_ptr<const KnownTarget> target, CancelKey key);
  void counted_session() { ++sessions_; }
  void uncounted_session() { --sessions_; }
  void closed(std::uint64_t id);
  void later(std::function<void()> call);  // after what else is due now

 private:
  struct KeyHolder {
    std::string secret;
    std::uint64_t id = 0;
  };
  // A cut whose clients are gone, and whose targets and reports are on their way.
  struct Cutting {
    Cut cut;
    std::vector<std::shared_ptr<Session>> sessions;
    std::size_t finished = 0;
    std::map<std::string, std::vector<std::string>> ended;  // grant → sessions, for the receipts
  };
  std::vector<std::shared_ptr<Session>> holders(const Cut& cut) const;
  void remember(const Cut& cut);
  void go_on_cutting();
  void finish_some(std::size_t most);
  void send_receipts(const Cutting& cutting);
  void end_orphans();
  void send_cut_cancels();

  Tools tools_;
  std::shared_ptr<const Credentials> credentials_;
  Control* control_ = nullptr;
  ScramCache scram_;
  Cancels cancels_;
  std::vector<std::pair<std::shared_ptr<const KnownTarget>, CancelKey>> cut_backends_;
  Timers::Token cut_timer_ = 0;
  std::unique_ptr<char[]> scratch_;
  bool open_ = true;
  std::uint64_t last_id_ = 0;
  std::size_t sessions_ = 0;
  std::size_t entered_ = 0;  // sessions, and connections that may become one
  std::unordered_map<std::uint64_t, std::shared_ptr<Session>> connections_;
  std::unordered_map<std::string, std::vector<std::uint64_t>> by_grant_;
  std::unordered_map<std::string, unsigned> by_identity_;
  std::unordered_map<std::uint32_t, KeyHolder> cancel_keys_;
  std::map<std::string, Millis> cut_grants_;        // grant → when
  std::map<std::string, Millis> cut_certificates_;  // serial → when
  std::deque<Cutting> cutting_;
  std::optional<Millis> down_since_;
  Timers::Token orphan_timer_ = 0;
};

}  // namespace writ::door::postgres
