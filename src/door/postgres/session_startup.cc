// From a client's first byte to the question: encryption, certificate, start-up packet.
#include <algorithm>

#include "base/log.h"
#include "door/postgres/session.h"

namespace writ::door::postgres {
namespace {

using Io = Stream::Io;

constexpr char kTlsHandshakeRecord = 0x16;
constexpr int kMostRequests = 2;  // GSSENCRequest, then SSLRequest
constexpr std::size_t kLongestEntitlement = 512;
constexpr std::string_view kAlpn = "postgresql";

}  // namespace

void Session::wait_client_readable() {
  client_->when_readable([s = self()] { s->step(); });
}
void Session::wait_client_writable() {
  client_->when_writable([s = self()] { s->step(); });
}

void Session::step() {
  bool more = true;
  while (more) {
    switch (stage_) {
      case Stage::kFirstByte:
        more = take_first_byte();
        break;
      case Stage::kPacket:
        more = take_packet();
        break;
      case Stage::kHandshake:
        more = shake_hands();
        break;
      case Stage::kStartup:
        more = take_startup();
        break;
      default:
        return;
    }
  }
}

bool Session::take_first_byte() {
  char first = 0;
  switch (client_->peek(&first, 1).io) {
    case Io::kDone:
      break;
    case Io::kWantRead:
      wait_client_readable();
      return false;
    default:
      close();
      return false;
  }
  if (first == kTlsHandshakeRecord) {
    direct_tls_ = true;
    client_->start_tls(credentials_->tls);
    stage_ = Stage::kHandshake;
  } else {
    stage_ = Stage::kPacket;
  }
  return true;
}

// Reads until `input_` has exactly `size` bytes, never more: what follows may be TLS.
bool Session::fill(std::size_t size) {
  while (input_.size() < size) {
    char buffer[2048];
    const std::size_t most = std::min(size - input_.size(), sizeof buffer);
    const Stream::Count read =
        client_->has_tls() ? client_->tls().read(buffer, most) : client_->read_clear(buffer, most);
    input_.append(buffer, read.count);
    if (read.count > 0 || read.io == Io::kDone) continue;
    if (read.io == Io::kWantRead) {
      wait_client_readable();
    } else if (read.io == Io::kWantWrite) {
      wait_client_writable();
    } else {
      close();
    }
    return false;
  }
  return true;
}

bool Session::take_packet() {
  if (!fill(kPacketHead)) return false;
  const auto head = parse_packet_head(std::string_view(input_).substr(0, kPacketHead));
  if (!head) {
    refuse({"08P01", head.error().message, "", ""});
    return false;
  }
  switch (head->kind) {
    case PacketKind::kSsl:
    case PacketKind::kGss: {
      if (++requests_ > kMostRequests) {
        refuse({"08P01", "too many requests for encryption", "", ""});
        return false;
      }
      const bool tls = head->kind == PacketKind::kSsl;
      if (client_->write_clear(tls ? "S" : "N") != Io::kDone) {
        close();
        return false;
      }
      input_.clear();
      if (tls) {
        client_->start_tls(credentials_->tls);
        stage_ = Stage::kHandshake;
      }
      return true;
    }
    case PacketKind::kCancel: {
      // In clear as libpq before 17 sends it; the key in it is good for this one thing only.
      if (!fill(head->length)) return false;
      if (const auto key = parse_cancel(std::string_view(input_).substr(kPacketHead))) {
        floor_.client_cancels(*key);
      }
      close();
      return false;
    }
    case PacketKind::kStartup:
      break;
  }
  refuse({"28000", "this door takes encrypted connections only", "",
          "set sslmode=verify-full (or require) with sslcert and sslkey, or use: writ connect"});
  return false;
}

bool Session::shake_hands() {
  switch (client_->tls().handshake()) {
    case Io::kDone:
      break;
    case Io::kWantRead:
      wait_client_readable();
      return false;
    case Io::kWantWrite:
      wait_client_writable();
      return false;
    default:
      log(Level::kInfo, "door_tls_failed",
          {{"source_ip", source_ip_}, {"message", client_->tls().error()}});
      drain();  // the client may want to read the alert
      return false;
  }
  identify();
  stage_ = Stage::kStartup;
  return true;
}

// TLS proved that the client holds the key; here it is decided whether to believe the certificate.
void Session::identify() {
  if (direct_tls_ && client_->tls().alpn() != kAlpn) {
    refusal_ = Refusal{"08P01", "direct TLS needs the ALPN protocol \"postgresql\"", "", ""};
    return;
  }
  const std::string renew = "get a new certificate with: writ login";
  const auto chain = client_->tls().peer_chain();
  if (chain && chain->empty()) {
    refusal_ = Refusal{"28000", "this door needs a client certificate", "",
                       "set sslcert and sslkey to your Writ certificate, or use: writ connect"};
    return;
  }
  const Time now = floor_.tools().clock.now();
  auto status =
      chain ? crypto::verify(*chain, credentials_->roots, now, crypto::CertificateUsage::kClient)
            : Status(tl::unexpected(chain.error()));
  if (!status) {
    refusal_ = Refusal{"28000", "the client certificate is not accepted: " + status.error().message,
                       "", renew};
    return;
  }
  subject_ = chain->front().spiffe_id();
  serial_ = chain->front().serial();
}

bool Session::take_startup() {
  if (!fill(kPacketHead)) return false;
  const auto head = parse_packet_head(std::string_view(input_).substr(0, kPacketHead));
  if (!head) {
    refuse({"08P01", head.error().message, "", ""});
    return false;
  }
  if (head->kind == PacketKind::kSsl || head->kind == PacketKind::kGss) {
    refuse({"08P01", "the connection is encrypted already", "", ""});
    return false;
  }
  if (!fill(head->length)) return false;
  const std::string_view body = std::string_view(input_).substr(kPacketHead);
  if (head->kind == PacketKind::kCancel) {
    if (const auto key = parse_cancel(body)) floor_.client_cancels(*key);
    close();
    return false;
  }
  auto startup = parse_startup(head->version, body);
  if (!startup) {
    refuse({"08P01", startup.error().message, "", ""});
  } else if (refusal_) {
    refuse(*refusal_);
  } else {
    ask(std::move(*startup));
  }
  return false;
}

void Session::ask(Startup startup) {
  startup_ = std::make_unique<Startup>(std::move(startup));
  std::string().swap(input_);
  const std::string& entitlement = startup_->database;
  if (entitlement.empty() || entitlement.size() > kLongestEntitlement ||
      entitlement.find('/') == std::string::npos) {
    return refuse({"3D000", "the database name must be an entitlement, like pg-main/orders/reader",
                   entitlement.empty() ? "no database was named" : "",
                   "see what there is with: writ list entitlements"});
  }
  if (!floor_.may_enter()) {
    return refuse_unavailable(
        "the door cannot reach the Writ server, and lets nobody in without it");
  }
  if (floor_.is_full()) {
    return refuse({"53300", "this door has too many sessions",
                   "at most " + std::to_string(floor_.most_sessions()) + " at once",
                   "try again later"});
  }
  if (!floor_.enter_identity(subject_)) {
    return refuse({"53300", "this identity has too many connections through this door", subject_,
                   "close some first"});
  }
  entered_ = true;
  stage_ = Stage::kDeciding;
  Tools& tools = floor_.tools();
  id_ = new_id("ses", tools.random);
  asked_at_ = tools.clock.steady();
  tools.timers.drop(timer_);
  timer_ = tools.timers.set(asked_at_ + tools.limits.login_time, [s = self()] {
    s->timer_ = 0;
    s->refuse_unavailable("the connection could not be opened in time");
    s->finish(End::kLostServer);
  });
  floor_.control().ask(
      {subject_, entitlement, serial_, source_ip_, id_},
      [s = self()](Result<Decision> decision) { s->decided(std::move(decision)); });
}

}  // namespace writ::door::postgres
