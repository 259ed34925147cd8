// From the server's answer to the first byte that passes: grant, target, login, spool.
#include <algorithm>

#include "base/bytes.h"
#include "base/log.h"
#include "core/target.h"
#include "crypto/hash.h"
#include "door/postgres/session.h"

namespace writ::door::postgres {
namespace {

using Io = Stream::Io;

constexpr std::size_t kLongestApplication = 200;
const Refusal kCertificateRevoked{"28000", "the client certificate was just revoked", "",
                                  "get a new certificate with: writ login"};

std::string hmac(std::string_view key, std::string_view message) {
  return std::string(as_bytes(crypto::hmac_sha256(key, message)));
}

Refusal denial(const Decision& decision, const std::string& entitlement) {
  Refusal words{"28000", decision.message, "", ""};
  if (words.message.empty()) words.message = "access is denied";
  if (!decision.decision_id.empty()) {
    words.detail = "decision " + decision.decision_id;
    words.hint = "see why with: writ explain " + decision.decision_id;
  }
  if (std::find(decision.needs.begin(), decision.needs.end(), "grant") != decision.needs.end()) {
    words.hint = "ask for it with: writ request " + entitlement;
  }
  return words;
}

}  // namespace

void Session::decided(Result<Decision> decision) {
  if (stage_ != Stage::kDeciding) return;
  Tools& tools = floor_.tools();
  if (!decision) {
    log(Level::kWarn, "door_no_decision",
        {{"subject", subject_}, {"message", decision.error().text()}});
    return refuse_unavailable("the Writ server could not decide", decision.error().message);
  }
  if (!decision->allowed) return refuse(denial(*decision, startup_->database));
  decision_ = std::move(*decision);
  // The end is so far from the question, whatever this machine's wall clock says.
  const Millis left = decision_.until - decision_.now.value_or(tools.clock.now());
  const Millis end = asked_at_ + left;
  if (end <= tools.clock.steady()) {
    return refuse({"28000", "the grant has ended", "grant " + decision_.grant,
                   "ask for another with: writ request " + startup_->database});
  }
  // A decision from before a cut counts for nothing.
  if (floor_.was_cut(serial_)) return refuse(kCertificateRevoked);
  if (!floor_.hold(decision_.grant, number_)) {
    return refuse({"28000", "the grant was just revoked", "grant " + decision_.grant, ""});
  }
  granted_ = true;
  end_timer_ = tools.timers.set(end, [s = self()] {
    s->end_timer_ = 0;
    s->sever({"57P01", "the grant has ended", "grant " + s->decision_.grant, ""});
    s->finish(End::kExpired);
  });
  if (!floor_.may_enter()) return refuse_unavailable("the door has lost the Writ server");
  const std::string& entitlement = startup_->database;
  known_target_ = floor_.control().target(entitlement.substr(0, entitlement.find('/')));
  if (!known_target_) return refuse_unavailable("this door does not stand before that target");
  connect_target();
}

void Session::connect_target() {
  stage_ = Stage::kConnecting;
  target_asked_ = false;
  login_.reset();
  Stream::connect(
      floor_.tools().io, known_target_->address.host, known_target_->address.port,
      [s = self()](Result<std::unique_ptr<Stream>> stream) {
        if (s->stage_ != Stage::kConnecting) return;
        if (!stream) {
          log(Level::kWarn, "door_target_unreachable",
              {{"target", s->known_target_->address.target}, {"message", stream.error().text()}});
          return s->refuse_unavailable("the target " + s->known_target_->address.target +
                                       " cannot be reached");
        }
        s->target_ = std::move(*stream);
        s->stage_ = Stage::kTargetTls;
        s->step_target();
      });
}

void Session::step_target() {
  if (stage_ != Stage::kTargetTls && stage_ != Stage::kLogin) return;
  const auto wait_readable = [&] { target_->when_readable([s = self()] { s->step_target(); }); };
  const auto wait_writable = [&] { target_->when_writable([s = self()] { s->step_target(); }); };
  const auto fail_with = [&](const std::string& why) {
    log(Level::kWarn, "door_target_failed",
        {{"target", known_target_->address.target}, {"grant", decision_.grant}, {"message", why}});
    refuse_unavailable("the target " + known_target_->address.target + " cannot be used: " + why);
  };
  if (stage_ == Stage::kTargetTls) {
    if (!std::exchange(target_asked_, true) && target_->write_clear(ssl_request()) != Io::kDone) {
      return fail_with("it closed the connection");
    }
    if (!target_->has_tls()) {
      char answer = 0;
      const Stream::Count read = target_->read_clear(&answer, 1);
      if (read.io == Io::kWantRead) return wait_readable();
      if (read.io != Io::kDone) return fail_with("it closed the connection");
      if (answer != 'S') return fail_with("it does not offer TLS");
      target_->start_tls(known_target_->tls);
    }
    switch (target_->tls().handshake()) {
      case Io::kDone:
        break;
      case Io::kWantRead:
        return wait_readable();
      case Io::kWantWrite:
        return wait_writable();
      default:
        return fail_with(target_->tls().error());
    }
    begin_login();
  }
  while (stage_ == Stage::kLogin) {
    char buffer[4096];
    const Stream::Count read = target_->tls().read(buffer, sizeof buffer);
    if (read.count > 0) {
      const auto answer = login_->feed({buffer, read.count});
      if (!answer && answer.error().code == Code::kConflict &&
          !std::exchange(target_again_, true)) {
        target_->close();
        return connect_target();
      }
      if (!answer && answer.error().code == Code::kDenied) {
        const ErrorFields& error = *login_->refusal();
        log(Level::kWarn, "door_target_refused",
            {{"target", known_target_->address.target},
             {"login", decision_.login},
             {"sqlstate", error.sqlstate},
             {"message", error.message}});
        // What it says of the login's password would only confuse; the rest concerns the client.
        if (error.sqlstate.starts_with("28")) {
          return refuse_unavailable("the target " + known_target_->address.target +
                                        " does not accept the login of this grant",
                                    "grant " + decision_.grant);
        }
        return refuse({error.sqlstate, error.message,
                       "said by the target " + known_target_->address.target, ""});
      }
      if (!answer) return fail_with(answer.error().message);
      if (!answer->empty() && target_->tls().write(*answer) == Io::kFailed) {
        return fail_with(target_->tls().error());
      }
      if (login_->done()) return logged_in();
    }
    switch (read.io) {
      case Io::kDone:
        continue;
      case Io::kWantRead:
        return wait_readable();
      case Io::kWantWrite:
        return wait_writable();
      default:
        return fail_with("it closed the connection");
    }
  }
}

void Session::begin_login() {
  std::string end_point_hash;
  if (const auto chain = target_->tls().peer_chain(); chain && !chain->empty()) {
    if (auto hash = chain->front().end_point_hash()) end_point_hash = std::move(*hash);
  }
  TargetLogin::Wanted wanted;
  wanted.grant = decision_.grant;
  wanted.settings = {{"user", decision_.login}, {"database", decision_.database}};
  for (const auto& setting : startup_->settings) wanted.settings.push_back(setting);
  wanted.password = core::login_secret(known_target_->address.key, decision_.grant, hmac);
  wanted.end_point_hash = std::move(end_point_hash);
  login_ = std::make_unique<TargetLogin>(std::move(wanted), floor_.scram(), floor_.tools().random);
  stage_ = Stage::kLogin;
  // A failure is met by the read that follows.
  target_->tls().write(login_->start());
}

void Session::logged_in() {
  stage_ = Stage::kRecording;
  backend_key_ = login_->backend_key();
  since_ = floor_.tools().clock.now();
  SessionStarted report{.session = id_,
                        .grant = decision_.grant,
                        .subject = subject_,
                        .credential = serial_,
                        .source_ip = source_ip_};
  for (const auto& [name, value] : startup_->settings) {
    if (name == "application_name") report.application = value.substr(0, kLongestApplication);
  }
  if (!is_utf8(report.application)) report.application.clear();
  report.backend = backend_key_.id;
  reported_ = true;
  log(Level::kInfo, "door_session_started",
      {{"session", id_}, {"subject", subject_}, {"grant", decision_.grant}});
  floor_.tools().spool.started(std::move(report), [s = self()] {
    if (s->stage_ != Stage::kRecording) return;
    if (s->floor_.may_enter()) return s->pass();
    s->refuse_unavailable("the door has lost the Writ server");
    s->finish(End::kLostServer);
  });
}

}  // namespace writ::door::postgres
