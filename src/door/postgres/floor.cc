#include "door/postgres/floor.h"

#include <unistd.h>

#include <algorithm>
#include <limits>
#include <unordered_set>

#include "base/bytes.h"
#include "base/log.h"
#include "base/secret.h"
#include "door/postgres/session.h"
#include "door/postgres/stream.h"
#include "net/asio.h"

namespace writ::door::postgres {
namespace {

// Longer than any decision can be in flight.
constexpr Millis kRememberCuts{10 * 60 * 1000};
constexpr std::size_t kSessionsPerReceipt = 1'000;
// Sessions of a cut that are finished before others have their turn.
constexpr std::size_t kFinishTogether = 16;
// Cuts that are to come together have come by then.
constexpr Millis kCancelAfterCut{50};

}  // namespace

Floor::Floor(Tools tools, std::shared_ptr<const Credentials> credentials)
    : tools_(tools),
      credentials_(std::move(credentials)),
      cancels_(tools.io, tools.timers, tools.clock, tools.limits.cancels),
      scratch_(std::make_unique<char[]>(kScratch)),
      down_since_(tools.clock.steady()) {}

Floor::~Floor() {
  tools_.timers.drop(orphan_timer_);
  tools_.timers.drop(cut_timer_);
  const auto all = connections_;
  for (const auto& [id, session] : all) session->close();
}

void Floor::admit(int socket, std::string source_ip) {
  auto client = std::make_unique<Stream>(tools_.io, socket);
  if (!open_ || connections_.size() >= tools_.limits.connections) {
    log(Level::kWarn, "door_full", {{"connections", connections_.size()}});
    return;
  }
  const std::uint64_t id = ++last_id_;
  auto session = std::make_shared<Session>(*this, id, std::move(client), std::move(source_ip));
  connections_.emplace(id, session);
  session->begin();
}

void Floor::later(std::function<void()> call) {
  boost::asio::post(tools_.io, std::move(call));
}

void Floor::closed(std::uint64_t id) {
  connections_.erase(id);
}

bool Floor::may_enter() const {
  return open_ && control_->is_up() && tools_.spool.healthy();
}

bool Floor::enter_identity(const std::string& identity) {
  unsigned& count = by_identity_[identity];
  if (count >= tools_.limits.per_identity) return false;
  ++count;
  ++entered_;
  return true;
}

void Floor::leave_identity(const std::string& identity) {
  --entered_;
  const auto found = by_identity_.find(identity);
  if (found != by_identity_.end() && --found->second == 0) by_identity_.erase(found);
}

bool Floor::hold(const std::string& grant, std::uint64_t id) {
  if (cut_grants_.contains(grant)) return false;
  by_grant_[grant].push_back(id);
  return true;
}

void Floor::release(const std::string& grant, std::uint64_t id) {
  const auto found = by_grant_.find(grant);
  if (found == by_grant_.end()) return;
  std::erase(found->second, id);
  if (found->second.empty()) by_grant_.erase(found);
}

CancelKey Floor::make_cancel_key(std::uint64_t id, std::uint32_t version) {
  CancelKey key;
  do {
    // Positive as a process id is. Together with the secret: 63 bits in 3.0.
    key.id = get_u32(tools_.random.bytes(4).data()) & 0x7fffffffu;
  } while (key.id == 0 || cancel_keys_.contains(key.id));
  key.secret = tools_.random.bytes(version >= kVersion32 ? 32 : 4);
  cancel_keys_[key.id] = {key.secret, id};
  return key;
}

void Floor::client_cancels(const CancelKey& key) {
  const auto found = cancel_keys_.find(key.id);
  if (found == cancel_keys_.end() || !equal_constant_time(found->second.secret, key.secret)) return;
  const auto session = connections_.find(found->second.id);
  if (session != connections_.end()) session->second->cancel_query();
}

void Floor::cancel_backend(std::shared_ptr<const KnownTarget> target, CancelKey key) {
  cancels_.send(std::move(target), std::move(key));
}

void Floor::cancel_cut_backend(std::shared_ptr<const KnownTarget> target, CancelKey key) {
  cut_backends_.emplace_back(std::move(target), std::move(key));
  if (cut_timer_ != 0) return;
  cut_timer_ = tools_.timers.set(tools_.clock.steady() + kCancelAfterCut, [this] {
    cut_timer_ = 0;
    send_cut_cancels();
  });
}

void Floor::send_cut_cancels() {
  for (auto& [target, key] : std::exchange(cut_backends_, {})) {
    cancels_.send(std::move(target), std::move(key));
  }
}

std::vector<std::shared_ptr<Session>> Floor::holders(const Cut& cut) const {
  std::vector<std::shared_ptr<Session>> sessions;
  for (const std::string& grant : cut.grants) {
    const auto found = by_grant_.find(grant);
    if (found == by_grant_.end()) continue;
    for (const std::uint64_t id : found->second) {
      const auto session = connections_.find(id);
      if (session != connections_.end()) sessions.push_back(session->second);
    }
  }
  if (!cut.certificates.empty()) {
    const std::unordered_set<std::string> serials(cut.certificates.begin(), cut.certificates.end());
    for (const auto& [id, session] : connections_) {
      if (serials.contains(session->serial())) sessions.push_back(session);
    }
  }
  return sessions;
}

// So that a decision in flight opens no other session.
void Floor::remember(const Cut& cut) {
  const Millis now = tools_.clock.steady();
  const auto is_old = [&](const auto& entry) { return entry.second + kRememberCuts < now; };
  std::erase_if(cut_grants_, is_old);
  std::erase_if(cut_certificates_, is_old);
  for (const std::string& grant : cut.grants) {
    cut_grants_[grant] = now;
    scram_.drop(grant);
  }
  for (const std::string& serial : cut.certificates) cut_certificates_[serial] = now;
}

// All clients first: nothing else happens until each of them is cut off. What follows wakes other
// processes (a database's for each session) that would have the processor before the last client's
// turn came, so it waits, and then goes in small steps.
void Floor::cut(const Cut& cut) {
  const auto began = std::chrono::steady_clock::now();
  Cutting cutting{.cut = cut, .sessions = holders(cut), .finished = 0, .ended = {}};
  remember(cut);
  const std::string what = cut.grants.empty() ? "this session has ended" : "this grant has ended";
  const std::string why = cut.reason.empty() ? std::string() : ": " + cut.reason;
  for (const auto& session : cutting.sessions) {
    session->sever({"57P01", what + why,
                    session->grant().empty() ? std::string() : "grant " + session->grant(), ""});
  }
  const auto took = std::chrono::steady_clock::now() - began;
  log(Level::kInfo, "door_cut",
      {{"command", cut.command},
       {"grants", cut.grants.size()},
       {"certificates", cut.certificates.size()},
       {"sessions", cutting.sessions.size()},
       {"took_us",
        std::int64_t{std::chrono::duration_cast<std::chrono::microseconds>(took).count()}}});
  cutting_.push_back(std::move(cutting));
  if (cutting_.size() == 1) later([this] { go_on_cutting(); });
}

void Floor::go_on_cutting() {
  finish_some(kFinishTogether);
  if (!cutting_.empty()) later([this] { go_on_cutting(); });
}

void Floor::finish_some(std::size_t most) {
  for (std::size_t done = 0; !cutting_.empty();) {
    Cutting& front = cutting_.front();
    for (; front.finished < front.sessions.size() && done < most; ++done) {
      const auto session = std::move(front.sessions[front.finished++]);
      if (session->finish(End::kCut)) front.ended[session->grant()].push_back(session->id());
    }
    if (front.finished < front.sessions.size()) return;
    send_receipts(front);
    cutting_.pop_front();
  }
}

// One for each grant, also without sessions.
void Floor::send_receipts(const Cutting& cutting) {
  static const std::vector<std::string> kNone;
  for (const std::string& grant : cutting.cut.grants) {
    const auto found = cutting.ended.find(grant);
    const std::vector<std::string>& ids = found == cutting.ended.end() ? kNone : found->second;
    for (std::size_t at = 0; at == 0 || at < ids.size(); at += kSessionsPerReceipt) {
      const std::size_t end = std::min(ids.size(), at + kSessionsPerReceipt);
      Receipt receipt{.command = cutting.cut.command, .grant = grant};
      receipt.sessions.assign(ids.begin() + static_cast<std::ptrdiff_t>(at),
                              ids.begin() + static_cast<std::ptrdiff_t>(end));
      tools_.spool.receipt(std::move(receipt));
    }
  }
}

void Floor::server_up() {
  down_since_.reset();
  tools_.timers.drop(std::exchange(orphan_timer_, 0));
}

void Floor::server_down() {
  if (!down_since_) down_since_ = tools_.clock.steady();
  end_orphans();
}

void Floor::end_orphans() {
  if (!down_since_) return;
  const Millis now = tools_.clock.steady();
  std::vector<std::shared_ptr<Session>> due;
  std::optional<Millis> next;
  for (const auto& [id, session] : connections_) {
    if (!session->is_granted()) continue;
    const Millis at = *down_since_ + session->autonomy();
    if (at <= now) {
      due.push_back(session);
    } else if (!next || at < *next) {
      next = at;
    }
  }
  const Refusal words{"57P01", "the door has lost the Writ server", "", "connect again later"};
  for (const auto& session : due) session->sever(words);
  for (const auto& session : due) session->finish(End::kLostServer);
  tools_.timers.drop(std::exchange(orphan_timer_, 0));
  if (next) {
    orphan_timer_ = tools_.timers.set(*next, [this] {
      orphan_timer_ = 0;
      end_orphans();
    });
  }
}

void Floor::shut() {
  open_ = false;
  finish_some(std::numeric_limits<std::size_t>::max());
  std::vector<std::shared_ptr<Session>> all;
  for (const auto& [id, session] : connections_) all.push_back(session);
  const Refusal words{"57P01", "the door is shutting down", "", ""};
  for (const auto& session : all) session->sever(words);
  for (const auto& session : all) session->finish(End::kShutdown);
  send_cut_cancels();
}

std::vector<OpenSession> Floor::open_sessions() const {
  std::vector<OpenSession> open;
  for (const auto& [id, session] : connections_) {
    if (auto described = session->open_session()) open.push_back(std::move(*described));
  }
  return open;
}

}  // namespace writ::door::postgres
