#include "door/postgres/spool.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/bytes.h"
#include "base/file.h"
#include "base/log.h"
#include "crypto/hash.h"
#include "door/postgres/spool_writer.h"

namespace writ::door::postgres {
namespace {

constexpr std::int64_t kReserve = 1024;
constexpr std::size_t kLongestSpool = 1 << 30;

struct SpoolState {
  std::int64_t next_seq = 1;
  std::int64_t acked = 0;
  std::int64_t door_seq = 1;
  std::vector<OpenSession> open;
};
template <class V>
void fields(V& v, SpoolState& s) {
  v("next_seq", s.next_seq);
  v("acked", s.acked);
  v("door_seq", s.door_seq);
  v("open", s.open);
}

std::string record(std::string_view name, const Json& value) {
  Json json = Json::object();
  json.set(name, value);
  return compact(json);
}

std::string system_error(std::string_view doing, const std::string& path) {
  return std::string(doing) + " " + path + ": " + std::strerror(errno);
}

// The records of one line without its newline; empty when it is no whole frame.
std::optional<Json> parse_frame(std::string_view line) {
  if (line.size() < 17 || line[16] != ' ') return std::nullopt;
  const std::string_view text = line.substr(17);
  if (to_hex(as_bytes(crypto::sha256(text)).substr(0, 8)) != line.substr(0, 16)) {
    return std::nullopt;
  }
  auto json = parse_json(text, JsonLimits{.bytes = kLongestSpool, .depth = 8, .items = 10'000'000});
  if (!json || json->as_array() == nullptr) return std::nullopt;
  return std::move(*json);
}

}  // namespace

Result<std::unique_ptr<Spool>> Spool::open(const std::string& folder, std::size_t rewrite_after,
                                           const Clock& clock, Post post) {
  CHECK_OK(make_folder(folder));
  const std::string lock_path = folder + "/lock";
  const int lock = ::open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lock < 0) return fail(Code::kUnavailable, system_error("opening", lock_path));
  if (::flock(lock, LOCK_EX | LOCK_NB) != 0) {
    ::close(lock);
    return fail(Code::kConflict, "another door uses the folder " + folder);
  }
  std::unique_ptr<Spool> spool(new Spool(rewrite_after, clock));
  const std::string path = folder + "/spool";
  const auto ready = [&]() -> Status {
    if (::access(path.c_str(), F_OK) == 0) CHECK_OK(spool->read(path));
    const auto open_before = std::exchange(spool->open_, {});
    spool->reserved_ = spool->next_door_seq_;
    for (const auto& [id, session] : open_before) {
      SessionEnded ended{
          .session = id, .grant = session.grant, .reason = std::string(name_of(End::kLostDoor))};
      ended.seq = spool->next_seq_++;
      ended.time = clock.now();
      spool->pending_.push_back({ended.seq, compact(to_json(ended))});
    }
    spool->reserved_ += kReserve;
    CHECK_OK(write_file(path, spool->whole_file(), 0600));
    spool->durable_seq_ = spool->next_seq_ - 1;
    spool->durable_reserve_ = spool->reserved_;
    return {};
  };
  if (auto status = ready(); !status) {
    ::close(lock);
    return fail(std::move(status));
  }
  const int file = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
  if (file < 0) {
    ::close(lock);
    return fail(Code::kUnavailable, system_error("opening", path));
  }
  Spool* self = spool.get();
  spool->writer_ = std::make_unique<Writer>(path, lock, file, std::move(post),
                                            [self, alive = std::weak_ptr(spool->alive_)] {
                                              if (alive.lock()) self->failed();
                                            });
  return spool;
}

Spool::Spool(std::size_t rewrite_after, const Clock& clock)
    : rewrite_after_(rewrite_after), clock_(clock) {}

Spool::~Spool() {
  alive_.reset();
  writer_.reset();
}

Status Spool::read(const std::string& path) {
  TRY(bytes, read_file(path, kLongestSpool));
  if (!std::string_view(bytes).starts_with(kSpoolHead)) {
    return fail(Code::kCorrupt, "this is no spool of a door, or of a newer version", path);
  }
  std::string_view rest = std::string_view(bytes).substr(kSpoolHead.size());
  int bad = 0;
  for (int line = 2; !rest.empty(); ++line) {
    const std::size_t end = rest.find('\n');
    const auto frame =
        end == std::string_view::npos ? std::nullopt : parse_frame(rest.substr(0, end));
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    if (!frame) {
      // The last frame may be torn: nobody was told of what is in it. A damaged one before others
      // held evidence.
      if (bad == 0) bad = line;
      continue;
    }
    if (bad != 0) {
      return fail(
          Code::kCorrupt,
          "the door's evidence is damaged here; keep the file for examination and start the "
          "door with another state folder and identity",
          path + ":" + std::to_string(bad));
    }
    for (const Json& item : *frame->as_array()) CHECK_OK(apply(item));
  }
  if (bad != 0) log(Level::kWarn, "door_spool_tail_dropped", {{"line", bad}});
  return {};
}

Status Spool::apply(const Json& item) {
  if (const Json* json = item.find("state")) {
    TRY(state, from_json<SpoolState>(*json));
    next_seq_ = state.next_seq;
    acked_ = state.acked;
    next_door_seq_ = state.door_seq;
    open_.clear();
    for (const OpenSession& session : state.open) open_[session.session] = session;
  } else if (const Json* report = item.find("report")) {
    const Json* seq = report->find("seq");
    const Json* type = report->find("type");
    if (seq == nullptr || seq->as_int() == nullptr || type == nullptr ||
        type->as_string() == nullptr) {
      return fail(Code::kCorrupt, "a report in the spool has no number or type");
    }
    pending_.push_back({*seq->as_int(), compact(*report)});
    next_seq_ = std::max(next_seq_, *seq->as_int() + 1);
    if (*type->as_string() == "session_started") {
      TRY(started, from_json<SessionStarted>(*report));
      open_[started.session] = {started.session, started.grant, started.subject, started.credential,
                                started.time};
    } else if (*type->as_string() == "session_ended") {
      TRY(ended, from_json<SessionEnded>(*report));
      open_.erase(ended.session);
    }
  } else if (const Json* acked = item.find("acked"); acked != nullptr && acked->as_int()) {
    acked_ = std::max(acked_, *acked->as_int());
    while (!pending_.empty() && pending_.front().seq <= acked_) pending_.pop_front();
  } else if (const Json* door_seq = item.find("door_seq");
             door_seq != nullptr && door_seq->as_int()) {
    next_door_seq_ = std::max(next_door_seq_, *door_seq->as_int());
  }
  return {};
}

std::string Spool::whole_file() const {
  SpoolState state{.next_seq = next_seq_, .acked = acked_, .door_seq = reserved_};
  // Reports that follow in the file say again what opened and ended; that changes nothing.
  for (const auto& [id, session] : open_) state.open.push_back(session);
  std::string records = record("state", to_json(state));
  for (const Pending& pending : pending_) records += ",{\"report\":" + pending.line + "}";
  return std::string(kSpoolHead) + spool_frame(records);
}

void Spool::append(std::string text, std::function<void()> durable) {
  written_ += text.size() + 20;
  writer_->append(std::move(text), std::move(durable));
  if (written_ < rewrite_after_ || !healthy_) return;
  written_ = 0;
  writer_->rewrite(whole_file(), nullptr);
}

void Spool::add_report(std::int64_t seq, const Json& report, std::function<void()> durable) {
  std::string line = compact(report);
  pending_.push_back({seq, line});
  append("{\"report\":" + line + "}",
         [this, alive = std::weak_ptr(alive_), seq, call = std::move(durable)] {
           if (!alive.lock()) return;
           durable_seq_ = std::max(durable_seq_, seq);
           healthy_ = true;
           if (call) call();
           if (on_change) on_change();
         });
}

void Spool::started(SessionStarted report, std::function<void()> durable) {
  report.seq = next_seq_++;
  report.time = clock_.now();
  open_[report.session] = {report.session, report.grant, report.subject, report.credential,
                           report.time};
  add_report(report.seq, to_json(report), std::move(durable));
}

void Spool::ended(SessionEnded report) {
  report.seq = next_seq_++;
  report.time = clock_.now();
  open_.erase(report.session);
  add_report(report.seq, to_json(report), nullptr);
}

void Spool::receipt(Receipt report) {
  report.seq = next_seq_++;
  report.time = clock_.now();
  add_report(report.seq, to_json(report), nullptr);
}

void Spool::reserve() {
  reserved_ += kReserve;
  append(record("door_seq", Json(reserved_)),
         [this, alive = std::weak_ptr(alive_), to = reserved_] {
           if (!alive.lock()) return;
           durable_reserve_ = std::max(durable_reserve_, to);
           healthy_ = true;
           if (on_change) on_change();
         });
}

Result<std::int64_t> Spool::take_door_seq() {
  if (reserved_ - next_door_seq_ < kReserve / 2) reserve();
  if (next_door_seq_ >= durable_reserve_) {
    return fail(Code::kUnavailable, "the door cannot write its evidence at the moment");
  }
  return next_door_seq_++;
}

Status Spool::acknowledge(std::int64_t seq) {
  if (seq >= next_seq_) {
    return fail(Code::kCorrupt, "the server acknowledges report " + std::to_string(seq) +
                                    ", but this door has sent only " +
                                    std::to_string(next_seq_ - 1));
  }
  if (seq <= acked_) return {};
  acked_ = seq;
  while (!pending_.empty() && pending_.front().seq <= seq) pending_.pop_front();
  append(record("acked", Json(seq)), nullptr);
  if (on_change) on_change();
  return {};
}

void Spool::failed() {
  healthy_ = false;
  written_ = 0;
  writer_->rewrite(whole_file(), [this, alive = std::weak_ptr(alive_), seq = next_seq_ - 1,
                                  reserved = reserved_] {
    if (!alive.lock()) return;
    healthy_ = true;
    durable_seq_ = std::max(durable_seq_, seq);
    durable_reserve_ = std::max(durable_reserve_, reserved);
    if (on_change) on_change();
  });
  if (on_change) on_change();
}

}  // namespace writ::door::postgres
