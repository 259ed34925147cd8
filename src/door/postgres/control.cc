#include "door/postgres/control.h"

#include "base/log.h"

namespace writ::door::postgres {
namespace {

constexpr std::size_t kSessionsPerLine = 200;
constexpr std::int64_t kMostUnacknowledged = 256;
constexpr Millis kWelcomeTime{10'000};

net::AsyncClientOptions decision_options() {
  net::AsyncClientOptions options;
  options.limits.connect_time = Millis(4'000);
  options.limits.reply_time = Millis(8'000);
  options.limits.reply_body = 64 << 10;
  return options;
}

}  // namespace

Control::Control(boost::asio::io_context& io, net::Endpoint server,
                 std::shared_ptr<net::TlsClient> tls, const net::LineClientOptions& options,
                 Spool& spool, RememberedHeads& heads, Timers& timers, const Clock& clock,
                 Random& random, Events events)
    : spool_(spool),
      heads_(heads),
      timers_(timers),
      clock_(clock),
      events_(std::move(events)),
      decisions_(io, server, tls, decision_options()),
      lines_(io, std::move(server), std::move(tls), "/v1/door/stream",
             net::LineClientHandlers{
                 [this](const std::shared_ptr<net::LineStream>& stream) { opened(stream); },
                 [this](net::LineStream&, std::string_view text) { line(text); },
                 [this](const Error& why) { lost(why); }},
             random, options) {}

Control::~Control() {
  timers_.drop(welcome_due_);
}

void Control::opened(const std::shared_ptr<net::LineStream>& stream) {
  stream_ = stream;
  const std::vector<OpenSession> sessions = events_.sessions();
  Json hello = Json::object({{"type", "hello"},
                             {"version", 1},
                             {"next_seq", spool_.next_seq()},
                             {"door_seq", spool_.next_door_seq()},
                             {"checkpoint", to_json(heads_.notes())}});
  Status sent;
  for (std::size_t at = 0; sent && (at == 0 || at < sessions.size()); at += kSessionsPerLine) {
    Json part = Json::array();
    for (std::size_t i = at; i < sessions.size() && i < at + kSessionsPerLine; ++i) {
      part.push(to_json(sessions[i]));
    }
    Json text = at == 0 ? hello : Json::object({{"type", "sessions"}});
    text.set("sessions", std::move(part));
    sent = stream_->send(compact(text));
  }
  if (!sent) return refuse_server(sent.error());
  timers_.drop(welcome_due_);
  welcome_due_ = timers_.set(clock_.steady() + kWelcomeTime, [this] {
    refuse_server({Code::kUnavailable, "the server does not answer the door's hello"});
  });
}

void Control::refuse_server(const Error& why) {
  log(Level::kError, "door_refuses_server", {{"message", why.text()}});
  if (std::exchange(up_, false)) events_.down();
  if (stream_) stream_->close();
}

void Control::lost(const Error& why) {
  timers_.drop(std::exchange(welcome_due_, 0));
  stream_.reset();
  if (std::exchange(up_, false)) {
    log(Level::kWarn, "door_lost_server", {{"message", why.text()}});
  }
  events_.down();
}

void Control::line(std::string_view text) {
  const auto json = parse_json(text, JsonLimits{.bytes = net::kLongestLine, .depth = 16}, "stream");
  if (!json) return refuse_server(json.error());
  const Json* type = json->find("type");
  if (type == nullptr || type->as_string() == nullptr) {
    return refuse_server({Code::kInvalid, "a line from the server has no type"});
  }
  if (*type->as_string() == "cut") {
    const auto cut = parse_cut(*json);
    if (!cut) return refuse_server(cut.error());
    events_.cut(*cut);
  } else if (*type->as_string() == "ack") {
    const Json* seq = json->find("seq");
    if (seq == nullptr || seq->as_int() == nullptr) {
      return refuse_server({Code::kInvalid, "an acknowledgement has no number"});
    }
    if (auto status = spool_.acknowledge(*seq->as_int()); !status) {
      return refuse_server(status.error());
    }
    send_reports();
  } else if (*type->as_string() == "welcome") {
    welcomed(*json);
  } else {
    log(Level::kInfo, "door_ignores_line", {{"type", *type}});
  }
}

void Control::welcomed(const Json& json) {
  timers_.drop(std::exchange(welcome_due_, 0));
  const auto welcome = parse_welcome(json);
  if (!welcome) return refuse_server(welcome.error());
  if (auto status = heads_.accept(*welcome); !status) return refuse_server(status.error());
  if (auto status = spool_.acknowledge(welcome->acked); !status) {
    return refuse_server(status.error());
  }
  std::map<std::string, std::shared_ptr<const KnownTarget>> targets;
  for (const TargetAddress& address : welcome->targets) {
    auto tls = crypto::SocketTls::client(address.ca, address.host);
    if (!tls) {
      log(Level::kError, "door_target_unusable",
          {{"target", address.target}, {"message", tls.error().text()}});
      continue;
    }
    auto known = std::make_shared<KnownTarget>();
    known->address = {address.target, address.host, address.port, address.ca, address.key.clone()};
    known->tls = std::move(*tls);
    targets[address.target] = std::move(known);
  }
  targets_ = std::move(targets);
  sent_seq_ = welcome->acked;
  if (!std::exchange(up_, true)) log(Level::kInfo, "door_open", {{"acked", welcome->acked}});
  events_.up();
  send_reports();
}

void Control::send_reports() {
  if (!up_ || !stream_) return;
  const auto& pending = spool_.pending();
  if (pending.empty()) return;
  const std::int64_t first = pending.front().seq;
  sent_seq_ = std::max(sent_seq_, first - 1);
  while (sent_seq_ < spool_.durable_seq() && sent_seq_ < first - 1 + kMostUnacknowledged) {
    const auto at = static_cast<std::size_t>(sent_seq_ + 1 - first);
    if (at >= pending.size()) break;
    // A full queue is tried again with the next acknowledgement; a closed stream starts anew.
    if (!stream_->send(pending[at].line)) break;
    ++sent_seq_;
  }
}

std::shared_ptr<const KnownTarget> Control::target(const std::string& name) const {
  const auto found = targets_.find(name);
  return found == targets_.end() ? nullptr : found->second;
}

void Control::ask(Question question, std::function<void(Result<Decision>)> call) {
  ask_once(std::move(question), true, std::move(call));
}

void Control::ask_once(Question question, bool may_open,
                       std::function<void(Result<Decision>)> call) {
  const auto door_seq = spool_.take_door_seq();
  if (!door_seq) {
    timers_.set(clock_.steady(), [call, error = door_seq.error()] { call(tl::unexpected(error)); });
    return;
  }
  const Json body = Json::object(
      {{"subject", Json::object({{"type", "identity"}, {"id", question.subject}})},
       {"action", Json::object({{"name", "connect"}})},
       {"resource", Json::object({{"type", "entitlement"}, {"id", question.entitlement}})},
       {"context", Json::object({{"door_seq", *door_seq},
                                 {"credential", question.credential},
                                 {"source_ip", question.source_ip},
                                 {"session", question.session}})}});
  decisions_.post("/access/v1/evaluation", compact(body),
                  [this, question = std::move(question), may_open,
                   call = std::move(call)](Result<net::Reply> reply) {
                    if (!reply) return call(fail(std::move(reply)));
                    if (reply->status != 200) return call(tl::unexpected(net::error_of(*reply)));
                    auto decision = parse_decision(reply->body);
                    const bool open = decision && !decision->allowed && may_open &&
                                      decision->needs == std::vector<std::string>{"baseline_grant"};
                    if (!open) return call(std::move(decision));
                    const Json wanted = Json::object({{"subject", question.subject},
                                                      {"entitlement", question.entitlement},
                                                      {"credential", question.credential},
                                                      {"source_ip", question.source_ip}});
                    decisions_.post("/v1/baseline", compact(wanted),
                                    [this, question, call](Result<net::Reply> opened) {
                                      if (!opened) return call(fail(std::move(opened)));
                                      if (opened->status >= 300) {
                                        return call(tl::unexpected(net::error_of(*opened)));
                                      }
                                      ask_once(question, false, call);
                                    });
                  });
}

}  // namespace writ::door::postgres
