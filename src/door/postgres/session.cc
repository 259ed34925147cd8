// A session's life, and the bytes between client and target. Start-up is in session_startup.cc, the
// way to the target in session_target.cc.
#include "door/postgres/session.h"

#include "base/log.h"
#include "base/random.h"

namespace writ::door::postgres {
namespace {

// How much one direction passes before the others have their turn.
constexpr std::size_t kTurn = 512 * 1024;
constexpr Millis kDrainTime{2'000};

using Io = Stream::Io;

}  // namespace

Session::Session(Floor& floor, std::uint64_t number, std::unique_ptr<Stream> client,
                 std::string source_ip)
    : floor_(floor),
      number_(number),
      source_ip_(std::move(source_ip)),
      client_(std::move(client)),
      credentials_(floor.credentials()) {}

Session::~Session() = default;

void Session::begin() {
  Tools& tools = floor_.tools();
  timer_ = tools.timers.set(tools.clock.steady() + tools.limits.handshake_time, [s = self()] {
    s->timer_ = 0;
    if (s->stage_ < Stage::kStartup) return s->close();
    s->refuse({"08P01", "the start-up packet did not come in time", "", ""});
  });
  step();
}

std::optional<OpenSession> Session::open_session() const {
  if (!reported_) return std::nullopt;
  return OpenSession{id_, decision_.grant, subject_, serial_, since_};
}

void Session::cancel_query() {
  if (stage_ == Stage::kPassing) floor_.cancel_backend(known_target_, backend_key_);
}

void Session::pass() {
  Tools& tools = floor_.tools();
  tools.timers.drop(std::exchange(timer_, 0));
  std::string first;
  if (startup_->negotiate) first += negotiate_version(*startup_);
  own_key_ = floor_.make_cancel_key(number_, startup_->version);
  first +=
      authentication_ok() + login_->parameters() + backend_key_data(own_key_) + login_->ready();
  startup_.reset();
  login_.reset();
  std::string().swap(input_);
  credentials_.reset();
  stage_ = Stage::kPassing;
  floor_.counted_session();
  to_client_.feed(first);
  if (client_->tls().write(first) == Io::kFailed) return stop(End::kClient);
  pump_both();
}

void Session::pump_both() {
  pump(Way::kToClient);
  pump(Way::kToTarget);
}

void Session::pump(Way way) {
  if (stage_ != Stage::kPassing) return;
  Stream& from = way == Way::kToTarget ? *client_ : *target_;
  Stream& to = way == Way::kToTarget ? *target_ : *client_;
  const End from_gone = way == Way::kToTarget ? End::kClient : End::kTarget;
  const End to_gone = way == Way::kToTarget ? End::kTarget : End::kClient;
  const auto when_to_writable = [&] { to.when_writable([s = self()] { s->pump_both(); }); };
  if (to.tls().has_unsent()) {
    const Io io = to.tls().flush();
    if (io == Io::kFailed) return stop(to_gone);
    if (io == Io::kWantWrite) return when_to_writable();
  }
  for (std::size_t passed = 0; passed < kTurn;) {
    const Stream::Count read = from.tls().read(floor_.scratch(), Floor::kScratch);
    if (read.count > 0) {
      const std::string_view bytes(floor_.scratch(), read.count);
      if (way == Way::kToClient) to_client_.feed(bytes);
      (way == Way::kToTarget ? bytes_in_ : bytes_out_) += bytes.size();
      passed += bytes.size();
      const Io io = to.tls().write(bytes);
      if (io == Io::kFailed || io == Io::kClosed) {
        // A target that is gone may have said why.
        if (way == Way::kToTarget) pump(Way::kToClient);
        return stop(to_gone);
      }
      // What the slower side did not take waits, and no more is read for it until then.
      if (io != Io::kDone) return when_to_writable();
    }
    switch (read.io) {
      case Io::kDone:
        continue;
      case Io::kWantRead:
        return from.when_readable([s = self(), way] { s->pump(way); });
      case Io::kWantWrite:
        return from.when_writable([s = self()] { s->pump_both(); });
      case Io::kClosed:
      case Io::kFailed:
        return stop(from_gone);
    }
  }
  floor_.later([s = self(), way] { s->pump(way); });
}

// One side is gone by itself: the other gets what was on its way, and a proper end.
void Session::stop(End reason) {
  if (stage_ != Stage::kPassing) return;
  if (reason == End::kTarget) {
    target_->close();
    drain();
  } else {
    target_->close_write();
    target_->close();
    close();
  }
  finish(reason);
}

void Session::sever(const Refusal& words) {
  if (stage_ == Stage::kDraining) return;
  if (stage_ == Stage::kClosed) return;
  if (stage_ < Stage::kStartup) return close();
  if (stage_ < Stage::kPassing) return refuse(words);
  // Between two messages of an idle stream there is room for one of ours. Elsewhere the client
  // would take it for data; and what is on its way must not arrive, so the connection is reset.
  const bool room = to_client_.at_boundary() && !client_->tls().has_unsent() &&
                    client_->unsent() == 0 && client_->tls().write(fatal(words)) == Io::kDone;
  // The target's side waits for `finish`: its process, waking up to end, would take the processor
  // from the cuts that come right after this one.
  severed_target_ = std::move(target_);
  if (room) {
    drain();
  } else {
    client_->reset();
    close();
  }
}

bool Session::finish(End reason) {
  if (severed_target_) {
    severed_target_->reset();
    severed_target_.reset();
    floor_.cancel_cut_backend(known_target_, backend_key_);
  }
  if (!std::exchange(reported_, false)) return false;
  SessionEnded report{
      .session = id_, .grant = decision_.grant, .reason = std::string(name_of(reason))};
  report.bytes_in = static_cast<std::int64_t>(bytes_in_);
  report.bytes_out = static_cast<std::int64_t>(bytes_out_);
  floor_.tools().spool.ended(std::move(report));
  log(Level::kInfo, "door_session_ended",
      {{"session", id_}, {"grant", decision_.grant}, {"reason", name_of(reason)}});
  return true;
}

void Session::refuse(const Refusal& words) {
  if (stage_ >= Stage::kDraining) return;
  log(Level::kInfo, "door_refused",
      {{"subject", subject_},
       {"source_ip", source_ip_},
       {"sqlstate", words.sqlstate},
       {"message", words.message}});
  std::string bytes = fatal(words);
  if (!client_->has_tls()) {
    client_->write_clear(bytes);
  } else if (stage_ > Stage::kHandshake) {
    if (startup_ && startup_->negotiate) bytes = negotiate_version(*startup_) + bytes;
    client_->tls().write(bytes);
  }
  drain();
}

void Session::refuse_unavailable(const std::string& message, const std::string& detail) {
  refuse({"57P03", message, detail, "try again in a moment"});
}

// Lets the client read the last words: closing with its bytes unread would destroy them.
void Session::drain() {
  let_go();
  stage_ = Stage::kDraining;
  Tools& tools = floor_.tools();
  timer_ = tools.timers.set(tools.clock.steady() + kDrainTime, [s = self()] {
    s->timer_ = 0;
    s->close();
  });
  send_last();
  skip_input();
}

void Session::send_last() {
  if (stage_ != Stage::kDraining) return;
  if (!client_->has_tls() || !client_->tls().has_unsent()) return client_->close_write();
  switch (client_->tls().flush()) {
    case Io::kDone:
      return client_->close_write();
    case Io::kWantWrite:
      return client_->when_writable([s = self()] { s->send_last(); });
    default:
      return close();
  }
}

void Session::skip_input() {
  while (stage_ == Stage::kDraining) {
    const Stream::Count read = client_->read_clear(floor_.scratch(), Floor::kScratch);
    if (read.io == Io::kDone) continue;
    if (read.io != Io::kWantRead) return close();
    return client_->when_readable([s = self()] { s->skip_input(); });
  }
}

void Session::let_go() {
  Tools& tools = floor_.tools();
  tools.timers.drop(std::exchange(timer_, 0));
  tools.timers.drop(std::exchange(end_timer_, 0));
  if (stage_ == Stage::kPassing) floor_.uncounted_session();
  if (own_key_.id != 0) floor_.drop_cancel_key(std::exchange(own_key_, {}));
  if (std::exchange(granted_, false)) floor_.release(decision_.grant, number_);
  if (std::exchange(entered_, false)) floor_.leave_identity(subject_);
  if (target_) target_->close();
}

void Session::close() {
  if (stage_ == Stage::kClosed) return;
  const auto keep = self();
  let_go();
  stage_ = Stage::kClosed;
  client_->close();
  floor_.closed(number_);
}

}  // namespace writ::door::postgres
